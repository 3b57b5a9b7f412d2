/**
 * One, two and four servers, each a process with a crowd of its own, on the cores that there are: what a
 * second core brings.
 *
 * @module
 */
import type { Loop } from "./crowd.ts";
import type { Row } from "./row.ts";
import type { ServerStart } from "./server.ts";
import { type Core, Worker } from "./worker.ts";

const ROUNDS = 5;
const CLIENTS = 100;
const IDLE_TIMEOUT_MS = 86_400_000;
const COUNTS = [1, 2, 4] as const;
const MOST = 4;

/** A handler, by the time that it keeps its core busy, and the turns that are measured with it. */
interface Work {
  readonly busy: number;
  readonly warmUp: number;
  readonly turns: number;
  /** Least ratio of two processes to one, if that is promised. */
  readonly target?: number;
}

const WORKS: readonly Work[] = [
  { busy: 0, warmUp: 50_000, turns: 20_000 },
  { busy: 300, warmUp: 2_000, turns: 2_000, target: 1.8 },
];

/** Turns a second of so many processes together, against those of one. */
export async function processes(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const work of WORKS) {
    await using workers = new AsyncDisposableStack();
    const crowds: Worker[] = [];
    for (let i = 0; i < MOST; i++) crowds.push(await start(work, i, workers));
    const rates = new Map(COUNTS.map((count) => [count, [] as number[]]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [count, measured] of rates) {
        measured.push(await measure(crowds.slice(0, count), work.turns));
      }
    }
    for (const [count, ours] of rates) {
      const title = `${count} ${
        count === 1 ? "proceso" : "procesos"
      }, ${work.busy} µs por respuesta`;
      rows.push({
        title,
        unit: "turnos/s",
        ours,
        ...count > 1 && { baseline: rates.get(1)!, against: "1 proceso" },
        ...count === 2 && work.target && { target: { of: "ratio", least: work.target } },
      });
    }
  }
  return rows;
}

/**
 * Starts a server with its crowd on one core: with as many crowds as servers, the clients take the same
 * part of what one core can as of what all can.
 */
async function start(work: Work, i: number, workers: AsyncDisposableStack): Promise<Worker> {
  const core = i % 2 as Core;
  const server = workers.use(new Worker("server", "ours", core));
  const crowd = workers.use(new Worker("crowd", "ours", core));
  const options: ServerStart = { idleTimeout: IDLE_TIMEOUT_MS, busy: work.busy };
  await crowd.order("start", await server.order<number>("start", options));
  await crowd.order("connect", CLIENTS);
  await crowd.order("ask", work.warmUp);
  await crowd.order("acknowledge");
  return crowd;
}

async function measure(crowds: readonly Worker[], turns: number): Promise<number> {
  const begun = performance.now();
  await Promise.all(crowds.map((crowd) => crowd.order<Loop>("ask", turns)));
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all(crowds.map((crowd) => crowd.order("acknowledge")));
  return crowds.length * turns / seconds;
}
