import { assert, assertEquals } from "@std/assert";
import type { DayOptions, Figures, Setup } from "./balanced_day.ts";
import { isGranted } from "./machine.ts";
import { apart, findObstacle, run } from "./namespace.ts";
import { canRunPrograms, command, Process } from "./process.ts";
import { isWhole } from "./whole.ts";

const SETUPS: readonly Setup[] = ["nginx", "machines", "cores"];
const FILES = `${import.meta.dirname}/../docs/escala`;
const CODE = "42-tigre-luna";

/**
 * What is promised to the clients of a server that goes: most of them have their answer within `most` ms,
 * all within `all`. A question that this server has taken is asked again after a keepalive in vain.
 */
const LONGEST: Readonly<Record<string, { readonly most: number; readonly all: number }>> = {
  replaced: { most: 3_000, all: 20_000 },
  killed: { most: 15_000, all: 45_000 },
  dark: { most: 15_000, all: 45_000 },
};

/** Events in which the packet filter still takes every client to its server. */
const HARMLESS = ["moved", "added"];

const canRunAll = canRunPrograms && isGranted("read");
const obstacle = isWhole && canRunAll ? await findObstacle() : "";

/** A test that needs the balancers. */
function balanced(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: name + (obstacle && `, which needs more than is here: ${obstacle}`),
    ignore: !isWhole || !canRunAll || obstacle !== "",
    fn,
  });
}

// The promises of docs/escala.md, with its files, real balancers and the real programs; all six days at once.
balanced(
  "behind nginx and nftables nobody is lost when a server is added, replaced or killed",
  async () => {
    // Keepalives twice as often as by default: most of a day is waiting for them.
    const all = { idleTimeout: 40_000 };
    const days = SETUPS.flatMap((setup) => [{ ...all, setup }, { ...all, setup, code: CODE }]);
    const figures = (await Promise.all(days.map(runDay))).flat();
    assertEquals(figures.filter((it) => !isAsPromised(it)).map((it) => JSON.stringify(it)), []);
    assertEquals(figures.length, 28);
  },
);

balanced("a client on the machine of the servers reaches one of them too", async () => {
  const names = ["uno", "dos", "tres"];
  const servers = names.map((name, i) => {
    const options = ["--puerto", `${12001 + i}`, "--id-servidor", `${i + 1}`];
    return `yes ${name} | ${quote(command("servidor", ...options))} &`;
  });
  const client = quote(command("cliente", "¿Quién es?"));
  const script = `ip link set lo up && nft -f '${FILES}/cores.nft' && {
    ${servers.join("\n")}
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ${client} || exit; done
  }`;
  const answers = (await run(apart("sh", "-c", script))).trim().split("\n");
  const of = (name: string) => answers.filter((it) => it === name).length;
  assertEquals(names.map(of).reduce((sum, count) => sum + count), 12, answers.join());
  assert(names.every((name) => of(name) < 12));
});

function quote(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}

function isAsPromised(figures: Figures): boolean {
  const { setup, event, of, right, wrong, lost, twice, reconnected, waits } = figures;
  const isComplete = right === of && wrong === 0 && lost.length === 0;
  const isHarmless = twice === 0 || setup === "nginx" || !HARMLESS.includes(event);
  const { most, all } = LONGEST[event] ?? { most: Infinity, all: Infinity };
  // Where the machine is slow, also those wait whose server is there.
  const usual = waits.at(-1)!;
  return isComplete && isHarmless && waits[0]! < usual + all &&
    waits[reconnected >> 1]! < usual + most;
}

async function runDay(options: DayOptions): Promise<Figures[]> {
  const script = `${import.meta.dirname}/balanced_day.ts`;
  const permissions = ["--allow-net", "--allow-run", "--allow-read", "--allow-write=/run"];
  const deno = [Deno.execPath(), "run", "--no-prompt", ...permissions];
  await using day = new Process(apart(...deno, script, JSON.stringify(options)));
  const code = await day.exited();
  const figures = day.output.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(code, 0, day.errors);
  return figures;
}
