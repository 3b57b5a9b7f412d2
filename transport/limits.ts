/**
 * Rate limits of a server, and counts of what its limits turned away.
 *
 * @module
 */

/** Pause between two overload reports, in ms. */
export const OVERLOAD_REPORT_INTERVAL_MS = 10_000;

/** Refusals by each limit since the last report. */
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

/** Counts refusals. A report is due at once, but not before the interval since the last is over. */
export class OverloadLog {
  #overload: Overload | undefined;
  #nextReportAt = -Infinity;

  /** When the next report is due, in ms; `Infinity` while there is nothing to tell. */
  get nextTimeout(): number {
    return this.#overload === undefined ? Infinity : this.#nextReportAt;
  }

  /** Counts one refusal. */
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

/** A token bucket that holds one second's tokens. */
export class RateLimit {
  readonly #perSecond: number;
  #tokens: number;
  #filledAt = -Infinity;

  /** @param perSecond Actions a second: 1 or more. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Whether one more action is allowed at `now` (ms). */
  allow(now: number): boolean {
    const earned = (now - this.#filledAt) / 1000 * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
