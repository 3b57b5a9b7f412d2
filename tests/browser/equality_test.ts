import { assert, assertEquals } from "@std/assert";
import { loadSodium } from "../../transport/private/code_room.ts";
import { Play, type PlayKind } from "../../laboratory/demo/play.ts";
import { SCRIPTS } from "../../web/scenario.ts";
import { browserTest } from "./browser.ts";

interface Case {
  readonly kind: PlayKind;
  readonly seeds: number;
}

interface Modules {
  readonly Play: typeof Play;
  readonly SCRIPTS: typeof SCRIPTS;
  readonly loadSodium: typeof loadSodium;
}

/**
 * Every datagram of a conversation for each seed: who sent it and when, when it arrived, and its bytes. The
 * browser gets the source of this function: it names nothing from outside.
 */
async function datagramsOf(
  { kind, seeds }: Case,
  modules: Modules,
): Promise<string[]> {
  const { Play, SCRIPTS, loadSodium } = modules;
  const sodium = kind === "private" ? await loadSodium() : undefined;
  const conditions = {
    loss: 0.2,
    duplication: 0.1,
    reordering: 0.1,
    delay: 80,
    jitter: 60,
  };
  return Array.from({ length: seeds }, (_, i) => {
    const script = i % 10 === 0 ? SCRIPTS.larga : SCRIPTS.dos;
    const options = {
      kind,
      seed: i + 1,
      conditions,
      script,
      pace: 300,
      actions: [],
      sodium,
    };
    const play = new Play(options);
    play.advance(120_000);
    return play.crossings.map(({ at, by, arrivals, datagram }) =>
      `${at} ${by} ${arrivals} ${datagram}`
    ).join("\n");
  });
}

const CASES: readonly Case[] = [
  { kind: "protected", seeds: 100 },
  { kind: "plain", seeds: 100 },
  { kind: "private", seeds: 20 },
];

for (const one of CASES) {
  const { kind, seeds } = one;
  browserTest(
    `for ${seeds} seeds its datagrams are those of Deno, byte for byte (${kind})`,
    async ({ page }) => {
      const here = await datagramsOf(one, { Play, SCRIPTS, loadSodium });
      const there: string[] = await page.evaluate(`Promise.all([
      import("/laboratory/demo/play.ts"), import("/web/scenario.ts"), import("/transport/private/code_room.ts"),
    ]).then(([a, b, c]) => (${datagramsOf})(${
        JSON.stringify(one)
      }, { ...a, ...b, ...c }))`) as string[];
      assertEquals(there.length, seeds);
      for (const [i, datagrams] of there.entries()) {
        assert(datagrams !== "");
        assert(datagrams === here[i], `Seed ${i + 1} differs`);
      }
    },
  );
}
