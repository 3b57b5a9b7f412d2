/**
 * Crowds of clients that ask as fast as they are answered: what the server can, what a turn costs
 * it, and what it keeps for each of them.
 *
 * @module
 */
import type { Loop } from "./crowd.ts";
import type { Row } from "./row.ts";
import type { Memory, ServerStart, Usage } from "./server.ts";
import { Worker } from "./worker.ts";

const SIZES = [10, 100, 1_000, 10_000, 100_000] as const;
const LARGEST = 100_000;
const ROUNDS = 5;
/** Turns after which the runtime has compiled all that it will. */
const WARM_UP_TURNS = 100_000;
const TURNS = 20_000;
/** Clients that are there before memory is first looked at: the server is warm by then. */
const FIRST_CLIENTS = 1_000;
/** Longer than any client is idle, in ms. */
const IDLE_TIMEOUT_MS = 86_400_000;

const MAX_RESIDENT_BYTES = 2048;

type Kind = "raw" | "ours";

interface Round {
  /** Turns a second. */
  readonly rate: number;
  /** CPU time of the server, in µs a turn. */
  readonly cpu: number;
}

/** A server and its crowd. */
interface Pair {
  readonly server: Worker;
  readonly crowd: Worker;
}

/** Turns a second and their cost at each size of crowd, and the memory of the largest. */
export async function clients(): Promise<Row[]> {
  await using workers = new AsyncDisposableStack();
  const raw: Pair[] = [];
  const ours: Pair[] = [];
  const memory: Row[] = [];
  for (const size of SIZES) {
    raw.push(await start("raw", workers));
    ours.push(await start("ours", workers));
    await gather(raw.at(-1)!, size);
    if (size === LARGEST) memory.push(...await weigh(ours.at(-1)!));
    else await gather(ours.at(-1)!, size);
  }

  const rounds = SIZES.map(() => ({ raw: [] as Round[], ours: [] as Round[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, kinds] of rounds.entries()) {
      kinds.raw.push(await measure(raw[i]!));
      kinds.ours.push(await measure(ours[i]!));
    }
  }
  const at = (size: typeof SIZES[number], kind: Kind, key: keyof Round) =>
    rounds[SIZES.indexOf(size)]![kind].map((round) => round[key]);
  return [
    ...SIZES.map((size): Row => ({
      title: `${format(size)} clientes`,
      unit: "turnos/s",
      ours: at(size, "ours", "rate"),
      baseline: at(size, "raw", "rate"),
      against: "eco crudo",
      point: { plot: "clients", x: size },
    })),
    {
      title: "10.000 clientes",
      unit: "turnos/s",
      ours: at(10_000, "ours", "rate"),
      baseline: at(100, "ours", "rate"),
      against: "100 clientes",
      target: { of: "ratio", least: 0.9 },
    },
    {
      title: "CPU del servidor por turno, 1.000 clientes",
      unit: "µs",
      ours: at(1_000, "ours", "cpu"),
      baseline: at(1_000, "raw", "cpu"),
      against: "eco crudo",
      target: { of: "ratio", most: 1.25 },
    },
    ...SIZES.filter((size) => size !== 100).map((size): Row => ({
      title: `CPU del servidor por turno, ${format(size)} clientes`,
      unit: "µs",
      ours: at(size, "ours", "cpu"),
      baseline: at(100, "ours", "cpu"),
      against: "100 clientes",
      target: { of: "ratio", most: 1.2 },
    })),
    ...memory,
  ];
}

async function start(kind: Kind, workers: AsyncDisposableStack): Promise<Pair> {
  const server = workers.use(new Worker("server", kind, 0));
  const crowd = workers.use(new Worker("crowd", kind, 1));
  const options: ServerStart = { idleTimeout: IDLE_TIMEOUT_MS };
  await crowd.order("start", await server.order<number>("start", options));
  return { server, crowd };
}

async function gather({ crowd }: Pair, size: number): Promise<void> {
  await crowd.order("connect", size);
  await crowd.order("ask", WARM_UP_TURNS);
  await crowd.order("acknowledge");
}

/** Gathers the largest crowd, and weighs what the server keeps for each that is connected and idle. */
async function weigh({ server, crowd }: Pair): Promise<Row[]> {
  await gather({ server, crowd }, FIRST_CLIENTS);
  const before = await server.order<Memory>("memory");
  await crowd.order("connect", LARGEST - FIRST_CLIENTS);
  const after = await server.order<Memory>("memory");
  const each = (key: keyof Memory) => [(after[key] - before[key]) / (LARGEST - FIRST_CLIENTS)];
  const title = "memoria por sesión en reposo, de 100.000";
  return [
    {
      title: `${title}: residente`,
      unit: "B",
      ours: each("resident"),
      target: { of: "value", most: MAX_RESIDENT_BYTES },
    },
    { title: `${title}: en uso`, unit: "B", ours: each("heap") },
  ];
}

async function measure({ server, crowd }: Pair): Promise<Round> {
  const before = await server.order<Usage>("usage");
  const { rate } = await crowd.order<Loop>("ask", TURNS);
  const after = await server.order<Usage>("usage");
  await crowd.order("acknowledge");
  return { rate, cpu: (after.cpu - before.cpu) / TURNS };
}

function format(size: number): string {
  return size.toLocaleString("es-ES", { useGrouping: "always" });
}
