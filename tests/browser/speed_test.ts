import { assert, assertEquals } from "@std/assert";
import type { Experiment } from "../../web/experiment.ts";
import type { LaneView } from "../../web/lane_view.ts";
import { browserTest } from "./browser.ts";

/** Most time for the median frame, in ms: six times 1/60 s, for machines that do much else. */
const MOST_FRAME_MS = 100;

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

browserTest("it draws 200 datagrams in the time of a few frames", async ({ page }) => {
  const { drawn, median } = await page.evaluate(`(${drawMany})()`) as Awaited<
    ReturnType<typeof drawMany>
  >;
  assert(drawn >= 200, `${drawn} datagrams`);
  assert(median < MOST_FRAME_MS, `${median} ms a frame`);
});

/** Draws two long questions, of which each datagram arrives twice. The browser gets the source of this function. */
async function drawMany(): Promise<{ drawn: number; median: number }> {
  const modules = ["/web/experiment.ts", "/web/lane_view.ts", "/web/scenario.ts"];
  const [{ Experiment }, { LaneView }, { DEFAULT_SCENARIO, SCRIPTS }] = await Promise.all(
    modules.map((path) => import(path)),
  );
  SCRIPTS.larga = [{ question: "¿Por qué? ".repeat(5_000), answer: "" }];
  const experiment: Experiment = new Experiment({
    ...DEFAULT_SCENARIO,
    script: "larga",
    conditions: { ...DEFAULT_SCENARIO.conditions, duplication: 1, jitter: 300 },
    kinds: ["protected", "protected"],
  });
  const views: LaneView[] = [new LaneView(0), new LaneView(1)];
  const canvas = document.querySelector("#lienzo")!;
  canvas.replaceChildren(...views.map(({ element }) => element));
  const draw = () =>
    views.forEach((it, i) => it.draw(experiment.lanes[i]!, { width: 450, scale: 60 }, 0, 900));
  const count = () => canvas.querySelectorAll(".datagrama").length;
  for (let at = 0; count() < 200 && at < 10_000; at += 50) {
    experiment.seek(at);
    draw();
  }
  const drawn = count();
  const times: number[] = [];
  for (let i = 0; i < 60; i++) {
    await new Promise(requestAnimationFrame);
    const start = performance.now();
    experiment.seek(experiment.now + 8);
    draw();
    canvas.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return { drawn, median: times.sort((a, b) => a - b)[30]! };
}
