/**
 * A bad network, without input or output: datagrams come out later, twice, in another order or never,
 * as a seed decides.
 *
 * @module
 */
import { seededRandom } from "./random.ts";

/** Conditions of a network. Chances are from 0 to 1, times in ms. */
export interface NetworkConditions {
  /** Chance that a datagram is lost. */
  readonly loss: number;
  /** Chance that a datagram arrives twice. */
  readonly duplication: number;
  /** Chance that a datagram is held back, so that later ones overtake it. */
  readonly reordering: number;
  readonly delay: number;
  /** Longest time that chance adds to it. */
  readonly jitter: number;
}

/** A network that delivers everything at once. */
export const PERFECT: NetworkConditions = {
  loss: 0,
  duplication: 0,
  reordering: 0,
  delay: 0,
  jitter: 0,
};

/** Longest delay, and most that chance adds to it, in ms. */
export const MAX_DELAY_MS = 10_000;

/** Shortest time that a reordered datagram is held back, in ms. */
const REORDERING_MS = 10;

/** The fate of a datagram. */
export interface Fate {
  /** When its copies arrive, in ms: none if it is lost. */
  readonly arrivals: readonly number[];
  /** Whether it is held back, unless it is lost. */
  readonly isHeldBack: boolean;
}

/**
 * The two ways of a path. Each has chances of its own, so that a seed loses the same datagrams of one
 * way, whenever others pass on the other.
 */
export function bothWays<T>(
  conditions: NetworkConditions,
  seed: number,
): Record<"outward" | "inward", Network<T>> {
  const wayOf = (seed: number) =>
    new Network<T>(conditions, seededRandom(seed), seededRandom(~seed));
  return { outward: wayOf(2 * seed), inward: wayOf(2 * seed + 1) };
}

export class Network<T> {
  /** In the order in which they were sent. */
  #travelling: { readonly at: number; readonly item: T }[] = [];

  readonly conditions: NetworkConditions;
  readonly random: () => number;
  readonly extra: () => number;

  /** @param random Numbers from 0 up to 1, see `seededRandom`; with `extra`, others for extra datagrams. */
  constructor(conditions: NetworkConditions, random: () => number, extra = random) {
    this.conditions = conditions;
    this.random = random;
    this.extra = extra;
  }

  /** Time of the next arrival, in ms; `Infinity` if nothing is on the way. */
  get nextArrival(): number {
    return this.#travelling.reduce((least, { at }) => Math.min(least, at), Infinity);
  }

  /** Sends a datagram, which is lost in any case if it is to be dropped. An extra one shifts no other's chances. */
  send(item: T, now: number, isDropped: boolean = false, isExtra: boolean = false): Fate {
    const { loss, duplication, reordering, delay, jitter } = this.conditions;
    const random = isExtra ? this.extra : this.random;
    // Every datagram draws equally often: one chance can be changed, and the rest repeats.
    const isLost = random() < loss || isDropped;
    const copies = random() < duplication ? 2 : 1;
    const isHeldBack = random() < reordering;
    const pause = delay + (isHeldBack ? REORDERING_MS + delay : 0);
    const arrivals = [random(), random()]
      .slice(0, isLost ? 0 : copies)
      .map((chance) => now + pause + chance * jitter);
    for (const at of arrivals) this.#travelling.push({ at, item });
    return { arrivals, isHeldBack };
  }

  /** Replaces the arrivals of a datagram that are still to come, in ms: with none, it is lost. */
  reschedule(item: T, arrivals: readonly number[]): void {
    this.#travelling = this.#travelling.filter((it) => it.item !== item);
    for (const at of arrivals) this.#travelling.push({ at, item });
  }

  /** Takes out the datagrams that have arrived by `now`, in order. */
  arrivals(now: number): T[] {
    const arrived = this.#travelling.filter(({ at }) => at <= now);
    if (arrived.length === 0) return [];
    this.#travelling = this.#travelling.filter(({ at }) => at > now);
    return arrived.sort((a, b) => a.at - b.at).map(({ item }) => item);
  }
}
