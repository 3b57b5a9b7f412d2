/**
 * A bound on how often something is done.
 *
 * @module
 */

/** A token bucket that holds what one second grants. */
export class RateLimit {
  readonly #perSecond: number;
  #tokens: number;
  #filledAt = -Infinity;

  /** @param perSecond How often a second at most: 1 or more. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Whether it may be done once more at `now` (ms). */
  allow(now: number): boolean {
    const earned = (now - this.#filledAt) / 1000 * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
