/**
 * The deadlines of many sessions in one heap: a timer for each would cost seven times the memory.
 *
 * @module
 */

/** Something that wants to be woken at a time. */
export interface Sleeper {
  /** When, in ms; `Infinity` for never. It may change without notice to a later time. */
  readonly nextTimeout: number;
  /** {@linkcode Deadlines}' own: when it is looked at next, in ms. */
  wakeAt: number;
  /** {@linkcode Deadlines}' own: its place in the heap, or -1 while it has none. */
  heapIndex: number;
}

/**
 * A binary heap that holds each sleeper once at most. It may look at one earlier than that one wants by
 * now: deadlines mostly move away before they come, so they are looked at again when they come and not
 * each time they move.
 */
export class Deadlines<T extends Sleeper> {
  readonly #heap: T[] = [];

  /** When the first is looked at, in ms; `Infinity` if there is none. */
  get nextTimeout(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.wakeAt;
  }

  /** How many sleepers have a place. */
  get size(): number {
    return this.#heap.length;
  }

  /** Sees to it that the sleeper is woken no later than it wants now. */
  schedule(sleeper: T): void {
    const at = sleeper.nextTimeout;
    if (sleeper.heapIndex >= 0 ? at >= sleeper.wakeAt : at === Infinity) return;
    sleeper.wakeAt = at;
    if (sleeper.heapIndex < 0) this.#place(sleeper, this.#heap.length);
    this.#up(sleeper);
  }

  /** Forgets a sleeper. */
  delete(sleeper: T): void {
    const { heapIndex } = sleeper;
    if (heapIndex < 0) return;
    sleeper.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === sleeper) return;
    this.#place(last, heapIndex);
    this.#up(last);
    this.#down(last);
  }

  /** One sleeper whose own deadline has come, which is to be scheduled again; or none. */
  takeDue(now: number): T | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.wakeAt <= now;) {
      const wanted = first.nextTimeout;
      if (wanted <= now) return first;
      if (wanted === Infinity) {
        this.delete(first);
      } else {
        first.wakeAt = wanted;
        this.#down(first);
      }
      first = this.#heap[0];
    }
    return undefined;
  }

  #place(sleeper: T, index: number): void {
    this.#heap[index] = sleeper;
    sleeper.heapIndex = index;
  }

  #up(sleeper: T): void {
    let index = sleeper.heapIndex;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1]!;
      if (parent.wakeAt <= sleeper.wakeAt) break;
      this.#place(parent, index);
      index = (index - 1) >> 1;
    }
    this.#place(sleeper, index);
  }

  #down(sleeper: T): void {
    let index = sleeper.heapIndex;
    while (true) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const child = right !== undefined && right.wakeAt < left!.wakeAt ? right : left;
      if (child === undefined || sleeper.wakeAt <= child.wakeAt) break;
      const next = child.heapIndex;
      this.#place(child, index);
      index = next;
    }
    this.#place(sleeper, index);
  }
}
