/**
 * Stop-and-wait delivery (RFC 7252 §4.2, NSTART = 1): one segment is under way at a time, it is sent
 * again until it is acknowledged, and the reply to a message acknowledges the message.
 *
 * @module
 */
import { MAX_SEGMENT_BYTES, type Packet, type PacketFields, segmentCount } from "./packet.ts";
import { MAX_ACK_DELAY_MS, type RttEstimator } from "./rtt.ts";

/** An {@linkcode Packet.ackDelay} that says nothing: it means "255 ms or more". */
const UNKNOWN_DELAY = 255;

/** After so many timeouts in a row, two copies are sent at each (RFC 9002 §6.2.4). */
const DOUBLE_AFTER_TIMEOUTS = 2;

/** Takes the packets that are to be transmitted; the id is filled in by whoever implements it. */
export interface PacketSink {
  /** Transmits a packet. */
  transmit(packet: Omit<PacketFields, "id">): void;
}

/** When to send one packet again, and what its acknowledgement tells about the round trip. */
export class Retransmission {
  /** How often it was sent, modulo 256: 0 before the first time. */
  attempt = 0;
  /** When to send it again, in ms; `Infinity` while nothing is awaited. */
  deadline = Infinity;
  #timeouts = 0;
  // Of the first attempt and the last two: two copies go out together, and either may be echoed.
  #firstSentAt = 0;
  #previousSentAt = 0;
  #lastSentAt = 0;

  /** A new packet takes the place of the one before. */
  restart(): void {
    this.attempt = 0;
    this.#timeouts = 0;
  }

  /**
   * The packet is being sent now: it is awaited for `timeout` ms, doubled for each timeout before,
   * but no longer than `longest` unless `timeout` itself is.
   */
  sent(now: number, timeout: number, longest: number): void {
    // 0 means "no attempt" on the wire.
    this.attempt = this.attempt === 255 ? 1 : this.attempt + 1;
    if (this.attempt === 1) this.#firstSentAt = now;
    this.#previousSentAt = this.#lastSentAt;
    this.#lastSentAt = now;
    const backedOff = timeout * 2 ** this.#timeouts;
    this.deadline = now + Math.max(timeout, Math.min(backedOff, longest));
  }

  /**
   * The deadline passed: the next wait is twice as long (RFC 6298 §5.5).
   *
   * @returns How many copies to send now. One more lost datagram would cost that longer wait, so
   * where several were lost already two are sent.
   */
  timedOut(): 1 | 2 {
    this.#timeouts++;
    return this.#timeouts < DOUBLE_AFTER_TIMEOUTS ? 1 : 2;
  }

  /** It was acknowledged, or nobody waits for it any more. */
  stop(): void {
    this.deadline = Infinity;
  }

  /**
   * The time since the attempt that an acknowledgement echoes. The echo tells which sending is
   * meant, so that a packet that was sent again can be measured too, which Karn's rule (RFC 6298
   * §3) forbids only where that is unknown.
   *
   * @returns Milliseconds, or `undefined` for an attempt whose time is not kept.
   */
  elapsed(echo: number, now: number): number | undefined {
    if (echo === 0) return undefined;
    if (echo === this.attempt) return now - this.#lastSentAt;
    if (echo === this.attempt - 1) return now - this.#previousSentAt;
    return echo === 1 ? now - this.#firstSentAt : undefined;
  }
}

interface Outgoing {
  readonly number: number;
  readonly message: Uint8Array;
  readonly lastSegment: number;
  segment: number;
}

interface Incoming {
  readonly number: number;
  readonly lastSegment: number;
  readonly segments: Uint8Array[];
}

/** The delivery of the messages of one conversation, both ways. */
export class Delivery {
  readonly #rtt: RttEstimator;
  readonly #sink: PacketSink;
  readonly #longestPause: number;
  readonly #timer = new Retransmission();
  #outgoing: Outgoing | undefined;
  #incoming: Incoming | undefined;
  #isWelcoming = false;
  // The last whole message that came in: what this end's next packet acknowledges.
  #heardNumber: number | undefined;
  #heardSegment = 0;
  #heardAttempt = 0;
  #heardAt = 0;
  #ackDeadline = Infinity;

  /** How many questions are answered before the one that is acknowledged next: 0 to 65,535. */
  ahead = 0;

  /** Starts with nothing under way. Between two sendings it pauses `longestPause` ms at most. */
  constructor(rtt: RttEstimator, sink: PacketSink, longestPause: number) {
    this.#rtt = rtt;
    this.#sink = sink;
    this.#longestPause = longestPause;
  }

  /** Whether a message of this end is not acknowledged yet. */
  get isSending(): boolean {
    return this.#outgoing !== undefined;
  }

  /** Whether an acknowledgement is held back, for a reply to carry. */
  get acknowledgementDue(): boolean {
    return this.#ackDeadline !== Infinity;
  }

  /** When {@linkcode Delivery.handleTimeout} wants to be called, in ms. */
  get nextTimeout(): number {
    return Math.min(this.#timer.deadline, this.#ackDeadline);
  }

  /**
   * This end sends a WELCOME, again only when the HELLO comes again.
   *
   * @returns The attempt to write on it.
   */
  welcomeSent(now: number): number {
    this.#isWelcoming = true;
    this.#timer.sent(now, Infinity, Infinity);
    return this.#timer.attempt;
  }

  /** Whether this packet is the first from a peer that was sent a WELCOME, which it acknowledges. */
  welcomeAcknowledged(packet: Packet, now: number): boolean {
    if (!this.#isWelcoming) return false;
    this.#isWelcoming = false;
    this.#measure(packet.echo, packet.ackDelay, packet.ackDelay, now);
    return true;
  }

  /** The other end's WELCOME arrived: this end's next packet acknowledges it. */
  welcomeReceived(attempt: number, now: number): void {
    this.#heardAttempt = attempt;
    this.#heardAt = now;
    this.#ackDeadline = now + MAX_ACK_DELAY_MS;
  }

  /** Sends a message, one segment at a time. The bytes are kept, and must not change. */
  send(number: number, message: Uint8Array, now: number): void {
    const lastSegment = segmentCount(message.length) - 1;
    this.#outgoing = { number, message, segment: 0, lastSegment };
    this.#timer.restart();
    this.#transmitSegment(now);
  }

  /** Gives up whatever is under way. */
  stop(): void {
    this.#finishOutgoing();
    this.#incoming = undefined;
    this.#ackDeadline = Infinity;
  }

  /** Sends again what is overdue, and acknowledges what no reply has acknowledged in time. */
  handleTimeout(now: number): void {
    if (this.#timer.deadline <= now) {
      for (let copies = this.#timer.timedOut(); copies > 0; copies--) this.#transmitSegment(now);
    }
    if (this.#ackDeadline <= now) this.#acknowledgeHeard(now);
  }

  /**
   * Takes an ACK; sends the next segment if there is one.
   *
   * @returns Whether the whole message is delivered now.
   */
  receiveAck(packet: Packet, now: number): boolean {
    const outgoing = this.#outgoing;
    if (
      outgoing?.number !== packet.number || outgoing.segment !== packet.segment
    ) return false;
    this.#measure(packet.echo, packet.ackDelay, packet.ackDelay, now);
    if (outgoing.segment === outgoing.lastSegment) {
      this.#finishOutgoing();
      return true;
    }
    outgoing.segment++;
    this.#timer.restart();
    this.#transmitSegment(now);
    return false;
  }

  /**
   * Takes a segment of the reply to the message that is under way, which acknowledges it.
   *
   * @returns Whether the message is delivered by this. It is not while segments of it are unsent:
   * then what looks like a reply is none.
   */
  acknowledgedByReply(packet: Packet, now: number): boolean {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || outgoing.segment !== outgoing.lastSegment) {
      return false;
    }
    // What was sent again had to wait for a timeout: that is no delay that the peer intends.
    const intendedDelay = packet.attempt === 1 ? packet.ackDelay : 0;
    this.#measure(packet.echo, packet.ackDelay, intendedDelay, now);
    this.#finishOutgoing();
    return true;
  }

  /**
   * Takes a segment of the message that is expected, in order; what is not in order is dropped,
   * because its sender has no more than one under way.
   *
   * @returns The segments of the message once it is whole. The last is a view of the datagram.
   */
  receiveSegment(
    packet: Packet,
    now: number,
  ): readonly Uint8Array[] | undefined {
    const { number, segment, lastSegment, payload } = packet;
    const incoming = this.#incoming ??= { number, lastSegment, segments: [] };
    if (
      lastSegment !== incoming.lastSegment || segment > incoming.segments.length
    ) return undefined;
    if (segment < incoming.segments.length) {
      this.#acknowledge(packet);
      return undefined;
    }
    if (segment < lastSegment) {
      incoming.segments.push(payload.slice());
      this.#acknowledge(packet);
      return undefined;
    }
    this.#incoming = undefined;
    this.#heardNumber = number;
    this.#heardSegment = segment;
    this.#heardAttempt = packet.attempt;
    this.#heardAt = now;
    this.#ackDeadline = now + MAX_ACK_DELAY_MS;
    incoming.segments.push(payload);
    return incoming.segments;
  }

  /**
   * Takes a packet of the message that came in last: it is acknowledged again, and never shown
   * again. With `replay` the reply that is under way is sent in place of the bare acknowledgement.
   * Only one of two ends may do that: if each repeated its message for a repeated message of the
   * other, one duplicate would double everything after it (RFC 1123 §4.2.3.1).
   *
   * @returns Whether it was such a packet.
   */
  receiveRepeat(
    packet: Packet,
    now: number,
    options: { replay: boolean },
  ): boolean {
    if (packet.number !== this.#heardNumber) return false;
    if (packet.segment !== this.#heardSegment) {
      this.#acknowledge(packet);
      return true;
    }
    this.#heardAttempt = packet.attempt;
    this.#heardAt = now;
    const isUnderWay = this.#outgoing !== undefined &&
      this.#outgoing.segment === 0;
    if (options.replay && isUnderWay) this.#transmitSegment(now);
    else this.#acknowledgeHeard(now);
    return true;
  }

  /** Acknowledges the last whole message at once, as far as it is still expected. */
  #acknowledgeHeard(now: number): void {
    this.#ackDeadline = Infinity;
    this.#sink.transmit({
      type: "ack",
      number: this.#heardNumber ?? 0,
      segment: this.#heardSegment,
      echo: this.#heardAttempt,
      ackDelay: this.#ackDelay(now),
      ahead: this.ahead,
    });
  }

  #acknowledge({ number, segment, attempt }: Packet): void {
    this.#sink.transmit({ type: "ack", number, segment, echo: attempt });
  }

  #transmitSegment(now: number): void {
    const { number, message, segment, lastSegment } = this.#outgoing!;
    const start = segment * MAX_SEGMENT_BYTES;
    this.#timer.sent(now, this.#rtt.timeout, this.#longestPause);
    this.#ackDeadline = Infinity;
    this.#sink.transmit({
      type: "message",
      number,
      segment,
      lastSegment,
      attempt: this.#timer.attempt,
      echo: this.#heardAttempt,
      ackDelay: this.#ackDelay(now),
      payload: message.subarray(start, start + MAX_SEGMENT_BYTES),
    });
  }

  #finishOutgoing(): void {
    this.#outgoing = undefined;
    this.#timer.stop();
  }

  #measure(
    echo: number,
    ackDelay: number,
    intendedDelay: number,
    now: number,
  ): void {
    const elapsed = this.#timer.elapsed(echo, now);
    if (elapsed === undefined || ackDelay === UNKNOWN_DELAY) return;
    this.#rtt.sample(Math.max(0, elapsed - ackDelay), intendedDelay);
  }

  #ackDelay(now: number): number {
    return Math.min(UNKNOWN_DELAY, Math.round(now - this.#heardAt));
  }
}
