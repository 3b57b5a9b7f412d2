/**
 * A worker at either end of the links: it serves every protocol, or connects to them and measures.
 *
 * @module
 */
import { obey } from "./orders.ts";
import { CONNECT, type Connection, type Protocol, serveAll } from "./protocols.ts";
import { median } from "./row.ts";
import { type Share, share, within } from "./share.ts";

/** Turns over one link, and connections over another meanwhile: TCP remembers what it met on a path. */
export interface Trial {
  readonly protocol: Protocol;
  /** Addresses of the server on both. */
  readonly hostnames: readonly [turns: string, connections: string];
  readonly turns: number;
  readonly connections: number;
  /** Both end after this, in ms, however many there were. */
  readonly deadline: number;
}

/** Figures of a trial; times in ms, of what was answered. A figure without anything to measure is null. */
export interface Times {
  readonly mean: number | null;
  readonly median: number | null;
  readonly p99: number | null;
  /** Questions without an answer: those after a connection was lost are among them. */
  readonly unanswered: number;
  /** Why the turns ended early, in Spanish; empty if they did not. */
  readonly end: string;
  /** Time to connect, the median: nothing where there is no connection, or most attempts failed. */
  readonly connect: number | null;
  /** Time from there being no connection to the first answer, the median. */
  readonly first: number | null;
}

/** An attempt to connect and its first turn are given up after this, in ms. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Attempts to connect before turns are taken: the first may fail, as some of those measured do. */
const MAX_ATTEMPTS = 10;

async function measure(trial: Trial): Promise<Times> {
  const times: number[] = [];
  const attempts: Attempt[] = [];
  const connecting = within(trial.deadline, connectRepeatedly(trial, attempts));
  const end = await within(trial.deadline, takeTurns(trial, times)) ?? "plazo agotado";
  await connecting;
  const sorted = times.toSorted((a, b) => a - b);
  return {
    mean: finite(times.reduce((sum, time) => sum + time, 0) / times.length),
    median: finite(median(times)),
    p99: finite(sorted[Math.floor(0.99 * sorted.length)]),
    unanswered: trial.turns - times.length,
    end,
    connect: trial.protocol === "UDP" ? null : finite(median(attempts.map((it) => it.connected))),
    first: finite(median(attempts.map((it) => it.answered))),
  };
}

/** Time from the start of an attempt to the connection, and to the first answer; infinite without. */
interface Attempt {
  connected: number;
  answered: number;
}

/** Adds connections to `attempts`, each as it begins. */
async function connectRepeatedly(
  { protocol, hostnames, connections }: Trial,
  attempts: Attempt[],
): Promise<void> {
  for (let i = 0; i < connections; i++) {
    const attempt = { connected: Infinity, answered: Infinity };
    attempts.push(attempt);
    await within(ATTEMPT_TIMEOUT_MS, tryOnce(protocol, hostnames[1], attempt)).catch(() => {});
  }
}

async function tryOnce(protocol: Protocol, hostname: string, attempt: Attempt): Promise<void> {
  const begun = performance.now();
  const connection = await CONNECT[protocol](hostname);
  attempt.connected = performance.now() - begun;
  try {
    if (await connection.ask()) attempt.answered = performance.now() - begun;
  } finally {
    connection.close();
  }
}

/** Adds the time of each answered turn; returns why they ended early, in Spanish, or nothing. */
async function takeTurns({ protocol, hostnames, turns }: Trial, times: number[]): Promise<string> {
  let connection: Connection | undefined;
  for (let i = 0; i < MAX_ATTEMPTS && connection === undefined; i++) {
    const connecting = CONNECT[protocol](hostnames[0]);
    connection = await within(ATTEMPT_TIMEOUT_MS, connecting).catch(() => undefined);
  }
  if (connection === undefined) return "no conectó";
  try {
    for (let turn = 0; turn < turns; turn++) {
      const begun = performance.now();
      if (await connection.ask()) times.push(performance.now() - begun);
    }
    return "";
  } catch {
    return "conexión perdida";
  } finally {
    connection.close();
  }
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

if (import.meta.main) {
  await obey({
    serve: serveAll,
    measure: (trials: Trial[]) => Promise.all(trials.map(measure)),
    share: (shares: Share[]) => Promise.all(shares.map(share)),
  });
}
