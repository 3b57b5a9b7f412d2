/**
 * How many segments of one long message may be under way at once.
 *
 * @module
 */

/** Segments that may be under way before anything of a message is acknowledged (RFC 6928 §2). */
export const INITIAL_WINDOW = 10;

/** Least that timeouts leave of a window, in segments (RFC 9002 §7.2). */
export const MIN_WINDOW = 2;

/**
 * Congestion window of one message (RFC 8085 §3.1.2): it grows while acknowledgements come, and is
 * halved when they do not. It is new with each message: what was learnt on the one before is as old
 * as the turn is long (RFC 5681 §4.1).
 */
export class CongestionWindow {
  #size = INITIAL_WINDOW;
  #threshold = Infinity;
  #halvedAt = -Infinity;
  #isAcknowledged = true;

  /** Segments that may be under way now: whole ones, {@linkcode MIN_WINDOW} at least. */
  get size(): number {
    return Math.floor(this.#size);
  }

  /**
   * A segment was acknowledged: there is room for one more (slow start); once a timeout has shown how
   * much is too much, for one more in a round trip (congestion avoidance, RFC 5681 §3.1).
   */
  acknowledged(): void {
    this.#isAcknowledged = true;
    this.#size += this.#size < this.#threshold ? 1 : 1 / this.#size;
  }

  /**
   * The segment that was sent at `sentAt` was not acknowledged in time. Segments from before the window
   * was halved say nothing new: it is halved once in a round trip (RFC 9002 §7.3.2). When nothing gets
   * through in between, the least is left (§7.6).
   */
  timedOut(sentAt: number, now: number): void {
    if (sentAt < this.#halvedAt) return;
    this.#size = this.#isAcknowledged ? Math.max(MIN_WINDOW, this.#size / 2) : MIN_WINDOW;
    this.#isAcknowledged = false;
    this.#threshold = this.#size;
    this.#halvedAt = now;
  }
}
