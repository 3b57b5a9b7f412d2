/**
 * Limits of a server: how often something may be done, and what they turned away, counted between two
 * reports.
 *
 * @module
 */

/** Pause between two reports of what the limits shed, in ms. */
export const OVERLOAD_REPORT_INTERVAL_MS = 10_000;

/** How often each limit was reached. */
export interface Overload {
  /** Clients refused because the server was full. */
  sessions: number;
  /** Clients refused because there were too many at their address. */
  sessionsPerAddress: number;
  /** Questions turned away because too many were unanswered. */
  questions: number;
  /** Datagrams of unproved addresses left without a reply. */
  unproved: number;
}

/** Counts, and says when a report is due: at once, but not sooner after the last than the interval. */
export class OverloadLog {
  #overload: Overload | undefined;
  #nextReportAt = -Infinity;

  /** When the next report is due, in ms; `Infinity` while there is nothing to tell. */
  get nextTimeout(): number {
    return this.#overload === undefined ? Infinity : this.#nextReportAt;
  }

  /** That limit was reached once more. */
  count(limit: keyof Overload): void {
    this.#overload ??= { sessions: 0, sessionsPerAddress: 0, questions: 0, unproved: 0 };
    this.#overload[limit]++;
  }

  /** The report, if it is due at `now`. */
  takeDue(now: number): Readonly<Overload> | undefined {
    if (this.nextTimeout > now) return undefined;
    const overload = this.#overload;
    this.#overload = undefined;
    this.#nextReportAt = now + OVERLOAD_REPORT_INTERVAL_MS;
    return overload;
  }
}

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
