/**
 * One packet that is sent again until it is acknowledged.
 *
 * @module
 */
import type { RetransmissionTimer } from "../endpoint.ts";

/** The back-off after one timeout: from the second in a row, two copies are sent (RFC 9002 §6.2.4). */
const LAST_SINGLE_BACK_OFF = 2;

/** Least retransmissions before a sender gives up: a path that loses two datagrams of five needs many. */
const LEAST_TRIES = 16;

/** Longest pause between two transmissions of a packet that is given up after `patience` ms, in ms. */
export function longestPause(patience: number): number {
  return patience / LEAST_TRIES;
}

/** The back-off while other packets of a message get through: the next wait is 1.5 timeouts. */
const RELAXED_BACK_OFF = 0.75;

/** When to send one packet again, and what its acknowledgement tells about the round trip. */
export class Retransmission implements RetransmissionTimer {
  attempt = 0;
  deadline = Infinity;
  sentAt = 0;
  wait = 0;
  expired: number | undefined;
  #backOff = 1;
  // Besides the last attempt: two copies go out together, and either may be echoed.
  #firstSentAt = 0;
  #previousSentAt = 0;

  /** A new packet takes the place of the one before. */
  restart(): void {
    this.attempt = 0;
    this.#backOff = 1;
  }

  /** The packet is being sent: it waits `timeout` ms, doubled for each timeout before, up to `longest` if more. */
  sent(now: number, timeout: number, longest: number): void {
    // 0 means "no attempt" on the wire.
    this.attempt = this.attempt === 255 ? 1 : this.attempt + 1;
    if (this.attempt === 1) this.#firstSentAt = now;
    // The second of two copies goes out for the same reason as the first.
    if (now > this.sentAt) this.expired = this.deadline <= now ? this.wait : undefined;
    this.#previousSentAt = this.sentAt;
    this.sentAt = now;
    this.wait = Math.max(timeout, Math.min(timeout * this.#backOff, longest));
    this.deadline = now + this.wait;
  }

  /** The deadline passed: the next wait is twice as long (RFC 6298 §5.5). Returns how many copies to send. */
  timedOut(): 1 | 2 {
    this.#backOff *= 2;
    return this.#backOff <= LAST_SINGLE_BACK_OFF ? 1 : 2;
  }

  /** Another packet of the same message got through: the path carries some (RFC 9002 §6.2.1). */
  relax(): void {
    this.#backOff = Math.min(this.#backOff, RELAXED_BACK_OFF);
  }

  /** The path is another: what is awaited is overdue, and waits its first timeout again. */
  hurry(now: number): void {
    if (this.deadline === Infinity) return;
    this.#backOff = 1;
    this.wait = 0;
    this.deadline = now;
  }

  /** Sends the copies that are due: none after `patience` ms from the first, when it is given up. */
  sendDue(now: number, patience: number, send: () => void, most = 2): void {
    if (this.deadline > now) return;
    if (now - this.#firstSentAt >= patience) return this.stop();
    for (let copies = Math.min(most, this.timedOut()); copies > 0; copies--) send();
  }

  get isPair(): boolean {
    return this.attempt > 1 && this.sentAt === this.#previousSentAt;
  }

  /** It was acknowledged, or is given up. */
  stop(): void {
    this.deadline = Infinity;
  }

  /**
   * Milliseconds since the attempt that an acknowledgement echoes, if its time is kept. The echo is
   * unambiguous, so Karn's rule (RFC 6298 §3) does not exclude retransmitted packets.
   */
  elapsed(echo: number, now: number): number | undefined {
    if (echo === 0) return undefined;
    if (echo === this.attempt) return now - this.sentAt;
    if (echo === this.attempt - 1) return now - this.#previousSentAt;
    return echo === 1 ? now - this.#firstSentAt : undefined;
  }
}
