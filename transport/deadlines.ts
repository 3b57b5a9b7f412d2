/**
 * The deadlines of many sessions in one heap: a timer for each would cost seven times the memory.
 *
 * @module
 */

/** An object with a deadline. */
export interface Sleeper {
  /** When, in ms; `Infinity` for never. It may change without notice to a later time. */
  readonly nextTimeout: number;
  /** Used by {@linkcode Deadlines}: its place in the heap, or -1 while it has none. */
  heapIndex: number;
}

/**
 * A heap that holds each sleeper once at most. Its time for a sleeper may be earlier than that sleeper's
 * deadline: most deadlines move before they come, so they are read again when they come and not each time
 * they move.
 *
 * Every node has four children, and the times lie side by side, apart from the sleepers: with very many
 * sessions, cache misses dominate.
 */
export class Deadlines<T extends Sleeper> {
  readonly #sleepers: T[] = [];
  /** When each of them is checked next, in ms. */
  readonly #times: number[] = [];

  /** When the first is checked, in ms; `Infinity` if there is none. */
  get nextTimeout(): number {
    return this.size === 0 ? Infinity : this.#times[0]!;
  }

  /** How many sleepers have a place. */
  get size(): number {
    return this.#times.length;
  }

  /** Sees to it that a sleeper is woken by its deadline. One that is due by `now` is left in its place. */
  schedule(sleeper: T, now: number): void {
    const index = sleeper.heapIndex < 0 ? this.size : sleeper.heapIndex;
    const planned = this.#times[index] ?? Infinity;
    if (planned <= now) return;
    const at = sleeper.nextTimeout;
    if (at < planned) this.#up(index, sleeper, at);
  }

  /** Forgets a sleeper. */
  delete(sleeper: T): void {
    const { heapIndex } = sleeper;
    if (heapIndex < 0) return;
    sleeper.heapIndex = -1;
    const last = this.#sleepers.pop()!;
    const at = this.#times.pop()!;
    if (last === sleeper) return;
    this.#down(heapIndex, last, at);
    this.#up(last.heapIndex, last, at);
  }

  /** One sleeper whose own deadline has come, which is to be scheduled again; or none. */
  takeDue(now: number): T | undefined {
    while (this.nextTimeout <= now) {
      const first = this.#sleepers[0]!;
      const wanted = first.nextTimeout;
      if (wanted <= now) return first;
      if (wanted === Infinity) this.delete(first);
      else this.#down(0, first, wanted);
    }
    return undefined;
  }

  /** Puts a sleeper into the place at `index`, or above it. */
  #up(index: number, sleeper: T, at: number): void {
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (this.#times[parent]! <= at) break;
      this.#place(index, this.#sleepers[parent]!, this.#times[parent]!);
      index = parent;
    }
    this.#place(index, sleeper, at);
  }

  /** Puts a sleeper into the place at `index`, or below it. */
  #down(index: number, sleeper: T, at: number): void {
    for (let child = 4 * index + 1; child < this.size; child = 4 * index + 1) {
      const end = Math.min(child + 4, this.size);
      for (let other = child + 1; other < end; other++) {
        if (this.#times[other]! < this.#times[child]!) child = other;
      }
      if (this.#times[child]! >= at) break;
      this.#place(index, this.#sleepers[child]!, this.#times[child]!);
      index = child;
    }
    this.#place(index, sleeper, at);
  }

  #place(index: number, sleeper: T, at: number): void {
    this.#times[index] = at;
    this.#sleepers[index] = sleeper;
    sleeper.heapIndex = index;
  }
}
