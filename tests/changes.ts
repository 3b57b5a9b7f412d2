/**
 * Waiting for something that changes now and then.
 *
 * @module
 */

/** Far more than any step takes, in ms: reached only by a test that fails. */
const PATIENCE_MS = 60_000;

/** The changes of something, until it is over. */
export class Changes {
  /** Whether nothing changes any more. */
  isOver = false;
  #next = Promise.withResolvers<void>();

  /** Resolves at the next change. */
  get next(): Promise<void> {
    return this.#next.promise;
  }

  /** Tells all that wait that something has changed. */
  tell(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /** Tells all that wait that it is over. */
  end(): void {
    this.isOver = true;
    this.tell();
  }

  /** Waits until something is found; resolves to nothing after a minute, or when it is over. */
  async until<Found>(find: () => Found | undefined): Promise<Found | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.tell();
    }, PATIENCE_MS);
    let found = find();
    for (; found === undefined && !isLate && !this.isOver; found = find()) await this.next;
    clearTimeout(timer);
    return found;
  }
}
