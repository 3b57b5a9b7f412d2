import { assert, assertEquals } from "@std/assert";
import { Experiment } from "../../web/experiment.ts";
import { decodeLink } from "../../web/scenario.ts";
import { browserTest } from "./browser.ts";

/** Most time of a processor for one frame, in ms: three times 1/60 s, for slow machines. */
const MOST_FRAME_MS = 50;

/** How long frames are counted, in ms. */
const PLAYED_MS = 2_000;

browserTest(
  "it loads its own modules once, and libsodium only for a private room",
  async ({ hands, page }) => {
    const loaded = () =>
      page.evaluate(() =>
        performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)
      );
    const before = await loaded();
    assertEquals(before.filter((path) => path.startsWith("/npm/libsodium")), []);
    assertEquals(new Set(before).size, before.length);
    assert(before.length < 60, `${before.length} files`);
    await hands.follow("conversaciones=proteccion+privada");
    assert((await loaded()).some((path) => path.startsWith("/npm/libsodium")));
  },
);

browserTest("200 datagrams on the screen leave time in each frame", async ({ hands, page }) => {
  // Ten segments fly in each conversation, and each is duplicated ten times.
  const scene = "guion=larga&conversaciones=proteccion+proteccion&instante=1410";
  const segments = new Experiment(decodeLink(scene)).lanes[0].crossings
    .filter(({ header }) => header?.type === "message").map(({ index }) => index);
  const again = Array.from({ length: 200 }, (_, i) => {
    const index = segments[(i >> 1) % segments.length];
    return `accion=1410+duplicar+${1 + i % 2}+${index}`;
  });
  await hands.follow([scene, ...again].join("&"));
  const session = await page.createCDPSession();
  // The time of the processor is the same on a machine that does much else.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1_000 * metrics.find(({ name }) => name === "TaskDuration")!.value;
  };
  const before = await worked();
  await hands.press("reproducir");
  const { frames, most } = await page.evaluate(async (played) => {
    let [frames, most] = [0, 0];
    for (const end = performance.now() + played; performance.now() < end; frames++) {
      await new Promise(requestAnimationFrame);
      most = Math.max(most, document.querySelectorAll(".datagrama").length);
    }
    return { frames, most };
  }, PLAYED_MS);
  const frame = (await worked() - before) / frames;
  assert(most >= 200, `${most} datagrams`);
  assert(frame < MOST_FRAME_MS, `${frame} ms a frame`);
});
