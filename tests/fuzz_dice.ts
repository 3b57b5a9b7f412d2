/**
 * Chance for fuzzing: every choice of a case comes from its seed.
 *
 * @module
 */
import { seededRandom } from "../laboratory/random.ts";

/** Numbers at which bounds are checked wrongly, if anywhere. */
const EDGES: readonly number[] = [0, 1, 2, 3, 127, 128, 254, 255];

/** A source of choices. */
export class Dice {
  /** A number from 0 up to 1. */
  readonly random: () => number;

  /** @param seed Any integer. */
  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** An integer from 0 up to `limit`, which is not reached. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** A number from `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  /** Whether something of that chance happens. */
  chance(part: number): boolean {
    return this.random() < part;
  }

  /** One of several. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** A byte, as often at an edge as anywhere. */
  byte(): number {
    return this.chance(0.5) ? this.pick(EDGES) : this.below(256);
  }

  /** 32 bits. */
  word(): number {
    return Math.floor(this.random() * 2 ** 32);
  }

  /** 64 bits. */
  id(): bigint {
    return BigInt(this.word()) << 32n | BigInt(this.word());
  }

  /** A list of fewer than `limit` things, as `make` makes them. */
  list<T>(limit: number, make: () => T): T[] {
    return Array.from({ length: this.below(limit) }, make);
  }
}
