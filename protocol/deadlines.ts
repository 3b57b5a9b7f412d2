/**
 * The deadlines of many sessions in one heap: a timer for each would cost seven times the memory.
 *
 * @module
 */

/** Something that wants to be woken at a time. */
export interface Sleeper {
  /** When, in ms; `Infinity` for never. It may change without notice to a later time. */
  readonly nextTimeout: number;
}

interface Entry<T> {
  at: number;
  index: number;
  readonly sleeper: T;
}

/**
 * A binary heap with at most one entry for each sleeper. An entry may be earlier than what its
 * sleeper wants by now: deadlines mostly move away before they come, so they are looked at again
 * when they come and not each time they move.
 */
export class Deadlines<T extends Sleeper> {
  readonly #heap: Entry<T>[] = [];
  readonly #entries = new Map<T, Entry<T>>();

  /** When the first entry is due, in ms; `Infinity` if there is none. */
  get nextTimeout(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  /** How many sleepers have an entry. */
  get size(): number {
    return this.#heap.length;
  }

  /** Sees to it that the sleeper is woken no later than it wants now. */
  schedule(sleeper: T): void {
    const at = sleeper.nextTimeout;
    const entry = this.#entries.get(sleeper);
    if (entry === undefined) {
      if (at === Infinity) return;
      const added = { at, index: this.#heap.length, sleeper };
      this.#entries.set(sleeper, added);
      this.#heap.push(added);
      this.#up(added);
    } else if (at < entry.at) {
      entry.at = at;
      this.#up(entry);
    }
  }

  /** Forgets a sleeper. */
  delete(sleeper: T): void {
    const entry = this.#entries.get(sleeper);
    if (entry === undefined) return;
    this.#entries.delete(sleeper);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    this.#place(last, entry.index);
    this.#up(last);
    this.#down(last);
  }

  /** One sleeper whose own deadline has come, which is to be scheduled again; or none. */
  takeDue(now: number): T | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      const wanted = first.sleeper.nextTimeout;
      if (wanted <= now) return first.sleeper;
      if (wanted === Infinity) {
        this.delete(first.sleeper);
      } else {
        first.at = wanted;
        this.#down(first);
      }
    }
    return undefined;
  }

  #place(entry: Entry<T>, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #up(entry: Entry<T>): void {
    let { index } = entry;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1]!;
      if (parent.at <= entry.at) break;
      this.#place(parent, index);
      index = (index - 1) >> 1;
    }
    this.#place(entry, index);
  }

  #down(entry: Entry<T>): void {
    let { index } = entry;
    while (true) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const child = right !== undefined && right.at < left!.at ? right : left;
      if (child === undefined || entry.at <= child.at) break;
      const next = child.index;
      this.#place(child, index);
      index = next;
    }
    this.#place(entry, index);
  }
}
