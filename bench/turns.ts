/**
 * One client that asks as fast as it is answered, on one core with its server.
 *
 * @module
 */
import type { ClientStart, Measured } from "./client.ts";
import type { Row } from "./row.ts";
import type { ServerStart, Usage } from "./server.ts";
import { Worker } from "./worker.ts";

const ROUNDS = 5;
/** Turns after which the runtime has compiled all that it will. */
const WARM_UP_TURNS = 100_000;
const TURNS = 40_000;
const IDLE_TIMEOUT_MS = 75_000;
const CODE = "42-tigre-luna";

type Kind = "raw" | "ours" | "private";

interface Round extends Measured {
  /** CPU time of the server, in µs a turn. */
  readonly cpu: number;
}

/** Turns a second, their times, and what they cost the server, against a raw echo. */
export async function turns(): Promise<Row[]> {
  const rounds: Record<Kind, Round[]> = { raw: [], ours: [], private: [] };
  const kinds: Kind[] = ["raw", "ours", "private"];
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of kinds) {
      const measured = await measure(kind);
      if (measured !== undefined) rounds[kind].push(measured);
    }
    // The order alternates: warm-up and load in the course of a round favour neither.
    kinds.reverse();
  }
  const row = (title: string, unit: string, key: keyof Round, kind: Kind): Row => ({
    title,
    unit,
    ours: rounds[kind].map((it) => it[key]),
    baseline: rounds.raw.map((it) => it[key]),
    against: "eco crudo",
  });
  const rate = "un cliente, 64 B";
  const rows: Row[] = [
    { ...row(rate, "turnos/s", "rate", "ours"), target: { of: "ratio", least: 0.9 } },
    row("un turno, p50", "µs", "p50", "ours"),
    { ...row("un turno, p99", "µs", "p99", "ours"), target: { of: "ratio", most: 1.3 } },
    row("CPU del servidor por turno", "µs", "cpu", "ours"),
  ];
  if (rounds.private.length > 0) {
    const target = { of: "ratio", least: 0.5 } as const;
    rows.push({ ...row(`${rate}, sala privada`, "turnos/s", "rate", "private"), target });
  }
  return rows;
}

/** Measures in new processes; nothing where the door has no such rooms. */
async function measure(kind: Kind): Promise<Round | undefined> {
  const program = kind === "raw" ? "raw" : "ours";
  const room = kind === "private" ? { code: CODE } : {};
  const options: ServerStart = { idleTimeout: IDLE_TIMEOUT_MS, ...room };
  await using server = new Worker("server", program, 0);
  const port = await server.order<number>("start", options);
  await using client = new Worker("client", program, 0);
  const place: ClientStart = { port, ...room };
  if (!await client.order<boolean>("start", place)) return undefined;
  await client.order("run", WARM_UP_TURNS);
  const before = await server.order<Usage>("usage");
  const measured = await client.order<Measured>("run", TURNS);
  const after = await server.order<Usage>("usage");
  return { ...measured, cpu: (after.cpu - before.cpu) / TURNS };
}
