/**
 * How long to wait for an acknowledgement before sending again.
 *
 * @module
 */

/** Retransmission timeout before anything was measured, in ms (RFC 6298 §2.1). */
export const INITIAL_RTO_MS = 1000;

/** Longest retransmission timeout, in ms: a person waits. RFC 6298 §2.5 has a minute or more, for streams. */
export const MAX_RTO_MS = 5_000;

/** Longest that an end holds back an acknowledgement, in ms (RFC 9002 §6.2, RFC 9000 §18.2). */
export const MAX_ACK_DELAY_MS = 25;

/** Smallest allowance for variation, in ms: the granularity of the clock (RFC 9002 §6.1.2). */
const GRANULARITY_MS = 1;

/**
 * Round-trip estimator of one path (RFC 6298 §2, RFC 9002 §5.3): a smoothed round trip, its
 * variation, and the time that the peer holds acknowledgements back. After one `sample(50, 0)`, its
 * `timeout` is 50 + 4 × 25 + 21.875 ms.
 */
export class RttEstimator {
  #smoothed: number | undefined;
  #variation = 0;
  #ackDelay = MAX_ACK_DELAY_MS;

  /** The smoothed round trip in ms, or `undefined` before the first sample. */
  get smoothed(): number | undefined {
    return this.#smoothed;
  }

  /**
   * Takes one measured round trip in.
   *
   * @param roundTripMs Time from a sending to its acknowledgement, less the peer's own delay: ≥ 0, and
   * capped at {@linkcode MAX_RTO_MS}. Nothing is learnt from `undefined`.
   * @param ackDelayMs How long the peer held this acknowledgement back: ≥ 0, and capped at
   * {@linkcode MAX_ACK_DELAY_MS}. Omitted for replies that are never held back.
   */
  sample(roundTripMs: number | undefined, ackDelayMs: number = this.#ackDelay): void {
    if (roundTripMs === undefined) return;
    roundTripMs = Math.min(roundTripMs, MAX_RTO_MS);
    if (this.#smoothed === undefined) {
      this.#smoothed = roundTripMs;
      this.#variation = roundTripMs / 2;
    } else {
      this.#variation += (Math.abs(this.#smoothed - roundTripMs) - this.#variation) / 4;
      this.#smoothed += (roundTripMs - this.#smoothed) / 8;
    }
    // The longest recent delay of the peer counts, and decays like an old round trip. When the peer
    // slows down again, one datagram is sent too many; a fixed 25 ms would delay every retransmission.
    this.#ackDelay = Math.max(Math.min(ackDelayMs, MAX_ACK_DELAY_MS), this.#ackDelay * 7 / 8);
  }

  /** The retransmission timeout in ms (RFC 6298 §2.3 with the floor of RFC 9002 §6.2.1), at most {@linkcode MAX_RTO_MS}. */
  get timeout(): number {
    if (this.#smoothed === undefined) return INITIAL_RTO_MS;
    const variation = Math.max(4 * this.#variation, GRANULARITY_MS);
    return Math.min(MAX_RTO_MS, this.#smoothed + variation + this.#ackDelay);
  }
}
