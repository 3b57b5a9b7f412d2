/**
 * The programs, from the command to the first thing that they ask for.
 *
 * @module
 */
import { command, Process, startServer } from "../tests/process.ts";
import { canUsePty, Pty } from "../tests/pty.ts";
import type { Row } from "./row.ts";

const ROUNDS = 15;
const EMPTY = `${import.meta.dirname}/empty.ts`;

/** A program to start, and what it shows once it is ready; nothing where it just ends. */
interface Start {
  readonly command: string[];
  readonly ready?: string;
}

/** Starts it; returns the time until it was ready, in ms. */
type Measure = (start: Start) => Promise<number>;

/** The time to the first prompt of both programs, against an empty script. */
export async function start(): Promise<Row[]> {
  const { server, port } = await startServer();
  await using _server = server;
  const empty = { command: [Deno.execPath(), "run", "--no-prompt", EMPTY] };
  const programs = {
    servidor: { command: command("servidor", "--puerto", "0"), ready: "El servidor UDP listo" },
    cliente: {
      command: command("cliente", "--puerto", `${port}`),
      ready: "Ingrese una pregunta: ",
    },
  };
  const rows: Row[] = [];
  const ways: [string, Measure][] = [["por tuberías", throughPipes]];
  if (canUsePty) ways.push(["en una terminal", inTerminal]);
  for (const [way, measure] of ways) {
    const times = { servidor: [] as number[], cliente: [] as number[], empty: [] as number[] };
    // The first starts fill the caches.
    for (let round = -1; round < ROUNDS; round++) {
      const took = {
        empty: await measure(empty),
        servidor: await measure(programs.servidor),
        cliente: await measure(programs.cliente),
      };
      if (round < 0) continue;
      for (const name of ["empty", "servidor", "cliente"] as const) times[name].push(took[name]);
    }
    for (const name of ["servidor", "cliente"] as const) {
      rows.push({
        title: `arranque del ${name}, ${way}`,
        unit: "ms",
        ours: times[name],
        baseline: times.empty,
        against: "programa vacío",
        target: { of: "ratio", most: 2 },
      });
    }
  }
  return rows;
}

async function throughPipes({ command, ready }: Start): Promise<number> {
  const begun = performance.now();
  await using process = new Process(command);
  if (ready === undefined) await process.exited();
  else await process.until(ready);
  return performance.now() - begun;
}

async function inTerminal({ command, ready }: Start): Promise<number> {
  await using pty = new Pty(command);
  // The terminal itself takes a while to be there, which is not the fault of the program.
  await pty.until(() => pty.pid !== 0);
  const begun = performance.now();
  if (ready === undefined) await pty.exited;
  else await pty.until(ready);
  return performance.now() - begun;
}
