import { assert, assertEquals } from "@std/assert";
import { missingForLinks } from "../bench/link.ts";
import type { Contender } from "../bench/tcp.ts";
import { outputOf } from "./machine.ts";
import { canRunPrograms, Process } from "./process.ts";
import { isWhole } from "./whole.ts";

const BENCH = [
  ...[Deno.execPath(), "run", "--no-prompt", "--allow-net", "--allow-run", "--allow-read"],
  new URL("../bench/main.ts", import.meta.url).pathname,
];

const missing = isWhole && canRunPrograms ? await missingForLinks() : "";

function testOverLinks(name: string, fn: () => Promise<void>): void {
  const reason = missing && `: ${missing}`;
  Deno.test({ name: name + reason, ignore: !isWhole || !canRunPrograms || missing !== "", fn });
}

testOverLinks("every protocol is measured over a link, and nothing of it is left", async () => {
  // What it imports looks for commands, which a run without permissions would be asked for.
  const { tcp, toContenderTable } = await import("../bench/tcp.ts");
  const contenders = await tcp({ losses: [0, 10], turns: 5, connections: 2 });
  const names = (loss: number) =>
    contenders.filter((it) => it.loss === loss).map(({ contender }) => contender);
  assertEquals([0, 10].map(names), [
    ["TCP", "QUIC", "UDP", "ours"],
    ["TCP", "QUIC", "UDP", "ours"],
  ]);
  for (const contender of contenders) assertPlausible(contender);
  assertEquals(toContenderTable(contenders).split("\n").length, 2 + 2 + contenders.length);
  assertEquals(await processesOf(Deno.pid), []);
});

testOverLinks("conversations with long answers leave a download its share", async () => {
  const { fair } = await import("../bench/fair.ts");
  const rows = await fair({ warmUp: 5_000, duration: 15_000 });
  const { summarize } = await import("../bench/row.ts");
  const met = rows.map((row) => summarize(row).isMet).filter((isMet) => isMet !== undefined);
  assertEquals(met, [true, true]);
  assertEquals(await processesOf(Deno.pid), []);
});

testOverLinks("a benchmark that is killed leaves nothing behind", async () => {
  await using bench = new Process([...BENCH, "--only", "tcp"]);
  let started: string[] = [];
  await until(async () => (started = await processesOf(bench.pid)).length === 3);
  bench.kill("SIGKILL");
  await bench.exited();
  await until(async () => (await outputOf("ps", "-o", "pid=", "-p", started.join())) === "");
});

Deno.test({
  name: "a benchmark says what it lacks for links",
  ignore: !canRunPrograms,
  async fn() {
    await using bench = new Process(["env", "PATH=/nowhere", ...BENCH, "--only", "tcp"]);
    assertEquals(await bench.exited(), 2);
    assertEquals(bench.errors, 'Error: no se puede medir "tcp": falta la orden unshare\n');
  },
});

/** Nothing is faster than the link, and only UDP alone loses what was asked. */
function assertPlausible({ contender, loss, mean, p99, unanswered, end, ...times }: Contender) {
  assertEquals(end, "");
  if (contender !== "UDP" || loss === 0) assertEquals(unanswered, 0);
  for (const time of [mean, p99, times.first]) assert(time === null || time >= 50, `${time}`);
}

/** The processes of a benchmark that a process has started. */
async function processesOf(parent: number): Promise<string[]> {
  const lines = (await outputOf("ps", "-o", "pid=,args=", "--ppid", `${parent}`)).split("\n");
  return lines.filter((line) => /\/(?:link\.py|contenders\.ts)\b/.test(line))
    .map((line) => line.trim().split(" ")[0]!);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600 && !await isSo(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(await isSo());
}
