import { assertEquals } from "@std/assert";
import type { DayOptions, Figures, Setup } from "./balanced_day.ts";
import { isGranted } from "./machine.ts";
import { apart, findObstacle } from "./namespace.ts";
import { canRunPrograms, Process } from "./process.ts";
import { isWhole } from "./whole.ts";

const SETUPS: readonly Setup[] = ["nginx", "machines", "cores"];
const CODE = "42-tigre-luna";

/** Longest wait for an answer, in ms, where one is promised, unless a server that is gone had the question. */
const LONGEST: Readonly<Record<string, number>> = { killed: 15_000, dark: 15_000 };

/** Events in which the packet filter still takes every client to its server. */
const HARMLESS = ["moved", "added"];

const canRunAll = canRunPrograms && isGranted("read");
const obstacle = isWhole && canRunAll ? await findObstacle() : "";

// The promises of docs/escala.md, with its files, real balancers and the real programs. All six days at
// once: most of a day is waiting.
Deno.test({
  name: "behind nginx and nftables nobody is lost when a server is added or killed" +
    (obstacle && `, which needs more than is here: ${obstacle}`),
  ignore: !isWhole || !canRunAll || obstacle !== "",
  async fn() {
    const days = SETUPS.flatMap((setup) => [{ setup }, { setup, code: CODE }]);
    const figures = (await Promise.all(days.map(run))).flat();
    assertEquals(figures.filter((it) => !isAsPromised(it)), []);
    assertEquals(figures.length, 22);
  },
});

function isAsPromised({ setup, event, of, right, wrong, lost, twice, slowest }: Figures): boolean {
  const isWhole = right === of && wrong === 0 && lost.length === 0;
  const isHarmless = twice === 0 || setup === "nginx" || !HARMLESS.includes(event);
  return isWhole && isHarmless && slowest < (LONGEST[event] ?? Infinity);
}

async function run(options: DayOptions): Promise<Figures[]> {
  const script = `${import.meta.dirname}/balanced_day.ts`;
  const permissions = ["--allow-net", "--allow-run", "--allow-read", "--allow-write=/run"];
  const deno = [Deno.execPath(), "run", "--no-prompt", ...permissions];
  await using day = new Process(apart(...deno, script, JSON.stringify(options)));
  const code = await day.exited();
  const figures = day.output.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(code, 0, day.errors);
  return figures;
}
