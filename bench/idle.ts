/**
 * A server whose clients say nothing but that they are still there.
 *
 * @module
 */
import type { Pace } from "./crowd.ts";
import type { Row } from "./row.ts";
import type { ServerStart, Usage } from "./server.ts";
import { Worker } from "./worker.ts";

const CLIENTS = 10_000;
const ROUNDS = 3;
const IDLE_TIMEOUT_MS = 75_000;
/** A client asks for a sign of life each quarter of the idle timeout: every 18.75 s. */
const PACE: Pace = { clients: CLIENTS, perSecond: CLIENTS / (IDLE_TIMEOUT_MS / 4000), seconds: 4 };
/** Frequent enough that a server that wakes up finds several: what is left is the cost of each. */
const QUICK_PACE: Pace = { ...PACE, perSecond: 10 * PACE.perSecond, seconds: 2 };
const MAX_CPU_PERCENT = 2;

/** CPU time of a server, in µs a second. */
interface Round {
  readonly idle: number;
  readonly quick: number;
}

/** The CPU time that the keepalives of 10,000 idle clients take. */
export async function idle(): Promise<Row[]> {
  await using workers = new AsyncDisposableStack();
  const [raw, ours] = [await start("raw", workers), await start("ours", workers)];
  const rounds = { raw: [] as Round[], ours: [] as Round[] };
  for (let round = 0; round < ROUNDS; round++) {
    rounds.raw.push(await raw());
    rounds.ours.push(await ours());
  }
  const row = (title: string, unit: string, of: (round: Round) => number): Row => ({
    title,
    unit,
    ours: rounds.ours.map(of),
    baseline: rounds.raw.map(of),
    against: "eco crudo",
  });
  return [
    {
      ...row(
        "CPU con 10.000 sesiones en reposo y sus señales de vida",
        "% de un núcleo",
        ({ idle }) => idle / 10_000,
      ),
      target: { of: "value", most: MAX_CPU_PERCENT },
    },
    row(
      "CPU por señal de vida, diez veces más seguidas",
      "µs",
      ({ quick }) => quick / QUICK_PACE.perSecond,
    ),
  ];
}

/** Gathers the clients; returns the function that measures their server. */
async function start(
  kind: "raw" | "ours",
  workers: AsyncDisposableStack,
): Promise<() => Promise<Round>> {
  const server = workers.use(new Worker("server", kind, 0));
  const crowd = workers.use(new Worker("crowd", kind, 1));
  const options: ServerStart = { idleTimeout: IDLE_TIMEOUT_MS };
  await crowd.order("start", await server.order<number>("start", options));
  await crowd.order("connect", CLIENTS);
  const measure = async (pace: Pace) => {
    const before = await server.order<Usage>("usage");
    await crowd.order("ping", pace);
    const after = await server.order<Usage>("usage");
    return 1_000_000 * (after.cpu - before.cpu) / (after.now - before.now);
  };
  return async () => ({ idle: await measure(PACE), quick: await measure(QUICK_PACE) });
}
