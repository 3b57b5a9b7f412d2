/**
 * Turns over TCP, QUIC, UDP alone and this program, side by side: the same link, the same losses.
 *
 * @module
 */
import type { Times, Trial } from "./contenders.ts";
import { Links } from "./link.ts";
import type { Protocol } from "./protocols.ts";
import { align, format } from "./row.ts";
import { Worker } from "./worker.ts";

/** The figures of one protocol at one chance of loss. */
export interface Contender extends Times {
  readonly contender: Protocol;
  /** Frames lost each way, in %. */
  readonly loss: number;
  /** Turns that were to be taken. */
  readonly turns: number;
}

/** How much is measured. */
export interface TcpOptions {
  /** Frames lost each way, in %, by default 0, 5, 10, 20 and 30. */
  readonly losses?: readonly number[];
  /** Turns at each, default 300. */
  readonly turns?: number;
  /** Connections at each, default 25. */
  readonly connections?: number;
}

const PROTOCOLS: readonly Protocol[] = ["TCP", "QUIC", "UDP", "ours"];
const NAMES: Readonly<Record<Protocol, string>> = {
  TCP: "TCP",
  QUIC: "QUIC",
  UDP: "UDP sin más",
  ours: "este programa",
};

const DELAY_MS = 25;

/** What has not been measured after this, in ms, is given up. */
const DEADLINE_MS = 480_000;
/** Longest wait for what was measured until then, in ms. */
const PATIENCE_MS = DEADLINE_MS + 30_000;

/**
 * Measures every protocol at every loss, each over links of its own and all at once, in eight minutes at
 * most: turns wait for the link, not for the processor.
 */
export async function tcp(options: TcpOptions = {}): Promise<Contender[]> {
  const { losses = [0, 5, 10, 20, 30], turns = 300, connections = 25 } = options;
  const contenders = losses.flatMap((loss) => PROTOCOLS.map((contender) => ({ contender, loss })));
  const links = contenders.map(({ loss }) => ({
    delay: DELAY_MS / 1000,
    loss: loss / 100,
    seed: loss,
  }));
  await using both = await Links.make([...links, ...links]);
  await using server = new Worker("contenders", "server", 0, both.ends[0]);
  await server.order("serve");
  await using client = new Worker("contenders", "client", 0, both.ends[1]);
  const trials = contenders.map(({ contender: protocol }, link): Trial => {
    const hostnames = [Links.serverAt(link), Links.serverAt(links.length + link)] as const;
    return { protocol, hostnames, connections, turns, deadline: DEADLINE_MS };
  });
  const times = await client.order<Times[]>("measure", trials, PATIENCE_MS);
  return contenders.map((contender, i) => ({ ...contender, turns, ...times[i]! }));
}

/** The contenders as a table in Markdown. */
export function toContenderTable(contenders: readonly Contender[]): string {
  const heads = ["pérdida", "con", "media", "mediana", "p99", "sin responder", "conectar"];
  const lines = contenders.map(({ contender, loss, turns, unanswered, end, ...times }) => [
    `${loss} %`,
    NAMES[contender],
    ...[times.mean, times.median, times.p99].map((time) => format(time ?? undefined)),
    `${unanswered} de ${turns}`,
    ...[times.connect, times.first].map((time) => format(time ?? undefined)),
    end,
  ]);
  const table = align([[...heads, "primera", "final"], ...lines], (i) => i === 1 || i === 8);
  return `Tiempos en ms; ida y vuelta de ${2 * DELAY_MS} ms.\n\n${table}`;
}
