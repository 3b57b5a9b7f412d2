/**
 * Stop-and-wait delivery (RFC 7252 §4.2, NSTART = 1): one message is under way at a time, and the
 * reply to it acknowledges it. Each segment of a long message is a stop-and-wait of its own, sent
 * again until it is acknowledged; as many of them as the congestion window has room for are under
 * way at once.
 *
 * @module
 */
import { concat, EMPTY } from "../bytes.ts";
import { MAX_SEGMENT_BYTES, type Packet, type PacketFields, segmentCount } from "./packet.ts";
import { MAX_ACK_DELAY_MS, type RttEstimator } from "./rtt.ts";
import { longestPause, Retransmission } from "./retransmission.ts";
import { CongestionWindow } from "./window.ts";

/** An {@linkcode Packet.ackDelay} that cannot be subtracted: it means "255 ms or more". */
const UNKNOWN_DELAY = 255;

/** Retransmissions of a message since its last new acknowledgement after which it is given up. */
const MAX_RETRANSMISSIONS = 64;

/** Takes the packets to transmit, and fills in their id. */
export interface PacketSink {
  /** Transmits a packet. */
  transmit(packet: Omit<PacketFields, "id">): void;
}

/** The delivery of the messages of one conversation, both ways. */
export class Delivery {
  readonly #rtt: RttEstimator;
  readonly #sink: PacketSink;
  readonly #patience: number;
  // One for each segment sent. The first always exists, and served the WELCOME too.
  readonly #timers: [Retransmission, ...Retransmission[]] = [new Retransmission()];
  // Segments overdue at that time wait for room in the window.
  #filledAt = -Infinity;
  /** The message of this end that is under way; none while nothing is. */
  #message: Uint8Array | undefined;
  #number = 0;
  #lastSegment = 0;
  /** Only a message of several segments needs one. */
  #window: CongestionWindow | undefined;
  /** Segments of it sent at least once: the first ones. */
  #sent = 0;
  #acknowledged = 0;
  /** Every segment of the message that comes in, in its place once it is here. */
  #incoming: (Uint8Array | undefined)[] | undefined;
  // The last whole message that came in, which this end's next packet acknowledges.
  #heardNumber: number | undefined;
  #heardSegment = 0;
  #heardAttempt = 0;
  #heardAt = 0;
  #ackDeadline = Infinity;
  /** Of each segment of what comes or came in last, the latest attempt that was acknowledged. */
  readonly #attempts: number[] = [];
  /** When that message was last acknowledged because it came again, in ms. */
  #repliedAt = -Infinity;
  /** When a message under way, in either direction, last got on, in ms. */
  #progressAt = 0;
  #retransmissions = 0;

  /** Whether a WELCOME of this end is not acknowledged yet. */
  isWelcoming = false;

  /** Questions answered before the one that is acknowledged next: 0 to 65,535. */
  ahead = 0;

  /** The name of this end, which opens message 1 and is all of the acknowledgement of the WELCOME. */
  name: Uint8Array = EMPTY;

  /** Starts with nothing under way. A message that does not get on for `patience` ms is given up. */
  constructor(rtt: RttEstimator, sink: PacketSink, patience: number) {
    this.#rtt = rtt;
    this.#sink = sink;
    this.#patience = patience;
  }

  /** Whether a message of this end is not acknowledged yet. */
  get isSending(): boolean {
    return this.#message !== undefined;
  }

  /** Segments of the last message of this end that are acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The attempt that was heard last of the last whole message that came in. */
  get heardAttempt(): number {
    return this.#heardAttempt;
  }

  /** Retransmissions of the message under way since its last new acknowledgement. */
  get retransmissions(): number {
    return this.#retransmissions;
  }

  /** When the acknowledgement that is held back goes out by itself, in ms; `Infinity` while none is. */
  get acknowledgementAt(): number {
    return this.#ackDeadline;
  }

  /** The timers of the segments of the last message of this end. */
  get timers(): readonly Retransmission[] {
    return this.#timers;
  }

  /** Number of the last message that came in whole. */
  get heardNumber(): number | undefined {
    return this.#heardNumber;
  }

  /** How long the rest of a message that is partly here has not come on, in ms; `Infinity` if none is. */
  stalledFor(now: number): number {
    return this.#incoming === undefined ? Infinity : now - this.#progressAt;
  }

  /** Whether the message that is under way, in either direction, is to be given up. */
  isStuck(now: number): boolean {
    return this.#stuckAt <= now || this.#retransmissions > MAX_RETRANSMISSIONS;
  }

  /** Time passed that this end did not live: half of the patience is left, at least. */
  wake(now: number): void {
    this.#progressAt = Math.max(this.#progressAt, now - this.#patience / 2);
  }

  /** The path is another: sends again what is not acknowledged (RFC 9000 §9.4). */
  hurry(now: number): void {
    if (!this.isSending) return;
    for (const timer of this.#timers) timer.hurry(now);
    if (this.#window !== undefined) this.#window = new CongestionWindow();
    this.#fillWindow(now);
  }

  /** Whether an acknowledgement is held back, for a reply to carry. */
  get acknowledgementDue(): boolean {
    return this.#ackDeadline !== Infinity;
  }

  /** When {@linkcode Delivery.handleTimeout} wants to be called, in ms. */
  get nextTimeout(): number {
    let earliest = Math.min(this.#ackDeadline, this.#stuckAt);
    for (const { deadline } of this.#timers) {
      if (deadline > this.#filledAt && deadline < earliest) earliest = deadline;
    }
    return earliest;
  }

  /** This end sends a WELCOME, again only when the HELLO comes again. Returns the attempt to write on it. */
  welcomeSent(now: number): number {
    this.isWelcoming = true;
    const timer = this.#timers[0];
    timer.sent(now, Infinity, Infinity);
    return timer.attempt;
  }

  /** Whether this packet is the first from a peer that was sent a WELCOME, which it acknowledges. */
  welcomeAcknowledged(packet: Packet, now: number): boolean {
    if (!this.isWelcoming) return false;
    this.isWelcoming = false;
    // It is not held back: that tells nothing of how long the others are.
    this.#measure(this.#timers[0], packet, now);
    return true;
  }

  /** The other end's WELCOME arrived: a question of this moment acknowledges it, or an ACK does. */
  welcomeReceived(attempt: number, now: number): void {
    this.#heardAttempt = attempt;
    this.#heardAt = now;
    this.#ackDeadline = now;
  }

  /** Sends a message, as fast as the window allows. The bytes are kept, and must not change. */
  send(number: number, message: Uint8Array, now: number): void {
    this.#finishOutgoing();
    this.#timers[0].restart();
    const isNamed = number === 1 && this.name.length > 0;
    this.#message = isNamed ? concat([this.name, message]) : message;
    this.#number = number;
    this.#lastSegment = segmentCount(this.#message.length) - 1;
    this.#window = this.#lastSegment === 0 ? undefined : new CongestionWindow();
    this.#sent = 0;
    this.#acknowledged = 0;
    this.#progress(now);
    this.#fillWindow(now);
  }

  /** Gives up both directions. */
  stop(): void {
    this.#finishOutgoing();
    this.#incoming = undefined;
    this.#ackDeadline = Infinity;
  }

  /** Retransmits overdue segments, and sends an acknowledgement that no reply carried in time. */
  handleTimeout(now: number): void {
    if (this.isSending) {
      for (const { deadline, sentAt } of this.#timers) {
        if (deadline <= now) this.#window?.timedOut(sentAt, now);
      }
      this.#fillWindow(now);
    }
    if (this.#ackDeadline <= now) this.#acknowledgeHeard(now);
  }

  /** Takes an ACK; sends what there is room for now. Returns whether the whole message is delivered. */
  receiveAck(packet: Packet, now: number): boolean {
    if (!this.isSending || this.#number !== packet.number) return false;
    const timer = this.#timers[packet.segment];
    // Never sent, or acknowledged already.
    if (timer === undefined || timer.deadline === Infinity) return false;
    this.#measure(timer, packet, now, packet.ackDelay);
    timer.stop();
    this.#acknowledged++;
    for (const other of this.#timers) other.relax();
    this.#progress(now);
    this.#window?.acknowledged();
    const isDelivered = this.#acknowledged > this.#lastSegment;
    if (isDelivered) this.#finishOutgoing();
    else this.#fillWindow(now);
    return isDelivered;
  }

  /**
   * Takes a segment of the reply to the message under way. Returns whether this delivers that: while
   * segments are unsent, the packet is no reply.
   */
  acknowledgedByReply(packet: Packet, now: number): boolean {
    if (!this.isSending || this.#sent <= this.#lastSegment) return false;
    // Of several segments, a reply does not say which one it echoes.
    if (this.#lastSegment === 0) {
      // The delay of a retransmission includes a timeout: the peer did not intend it.
      const intendedDelay = packet.attempt === 1 ? packet.ackDelay : 0;
      this.#measure(this.#timers[0], packet, now, intendedDelay);
    }
    this.#finishOutgoing();
    return true;
  }

  /**
   * Takes a segment of the message that is expected, in any order. All are acknowledged at once but
   * the one that makes the message whole: its acknowledgement is held back, for a reply to carry.
   *
   * @returns The message once it is whole. One of a single segment is a view of the datagram.
   */
  receiveSegment(packet: Packet, now: number): Uint8Array | undefined {
    if (this.#incoming === undefined) {
      if (this.#attempts.length > 0) this.#attempts.length = 0;
      this.#repliedAt = -Infinity;
    }
    const isWhole = packet.lastSegment === 0 && this.#incoming === undefined;
    const message = isWhole ? packet.payload : this.#collect(packet, now);
    if (message === undefined) return undefined;
    this.#heardNumber = packet.number;
    this.#heardSegment = packet.segment;
    this.#heardAttempt = packet.attempt;
    this.#heardAt = now;
    this.#ackDeadline = now + MAX_ACK_DELAY_MS;
    return message;
  }

  /**
   * Takes a duplicate of the message that came in last: it is acknowledged again, not delivered. Returns
   * whether it was one. With `replay` the reply under way is sent in place of the bare acknowledgement.
   * Only one of two ends may do that: otherwise one duplicate would double every message after it (RFC
   * 1123 §4.2.3.1).
   */
  receiveRepeat(packet: Packet, now: number, { replay }: { replay: boolean }): boolean {
    if (packet.number !== this.#heardNumber) return false;
    if (packet.segment !== this.#heardSegment) {
      if (this.#isNewAttempt(packet)) this.#acknowledge(packet, this.ahead);
      return true;
    }
    // A reply is much longer than a question can be.
    if (now < this.#repliedAt + this.#rtt.timeout) return true;
    this.#repliedAt = now;
    this.#heardAttempt = packet.attempt;
    this.#heardAt = now;
    // Once a segment of the reply is acknowledged, the other end has it.
    const isUnheard = this.isSending && this.#acknowledged === 0;
    if (replay && isUnheard) this.#transmitSegment(0, now);
    else this.#acknowledgeHeard(now);
    return true;
  }

  /** Keeps a segment until all of its message are here. Returns the message then. */
  #collect(packet: Packet, now: number): Uint8Array | undefined {
    const { segment, lastSegment, payload } = packet;
    const segments = this.#incoming ??= new Array(lastSegment + 1).fill(undefined);
    if (segments.length !== lastSegment + 1) return undefined;
    if (segments[segment] === undefined) {
      segments[segment] = payload.slice();
      this.#progress(now);
      if (segments.every((it) => it !== undefined)) {
        this.#incoming = undefined;
        return concat(segments);
      }
    }
    if (this.#isNewAttempt(packet)) this.#acknowledge(packet);
    return undefined;
  }

  /** Whether no such attempt of a segment was acknowledged. A copy needs no reply of its own. */
  #isNewAttempt({ segment, attempt }: Packet): boolean {
    if (attempt <= (this.#attempts[segment] ?? -1)) return false;
    this.#attempts[segment] = attempt;
    return true;
  }

  #progress(now: number): void {
    this.#progressAt = now;
    this.#retransmissions = 0;
  }

  get #stuckAt(): number {
    return this.isSending || this.#incoming !== undefined
      ? this.#progressAt + this.#patience
      : Infinity;
  }

  /** Acknowledges the last whole message at once. */
  #acknowledgeHeard(now: number): void {
    this.#ackDeadline = Infinity;
    this.#sink.transmit({
      type: "ack",
      number: this.#heardNumber ?? 0,
      segment: this.#heardSegment,
      echo: this.#heardAttempt,
      ackDelay: this.#ackDelay(now),
      ...this.#heardNumber === undefined
        ? { ahead: this.name.length, payload: this.name }
        : { ahead: this.ahead },
    });
  }

  #acknowledge({ number, segment, attempt }: Packet, ahead = 0): void {
    this.#sink.transmit({ type: "ack", number, segment, echo: attempt, ahead });
  }

  /** Fills the window: first with overdue segments, then with new ones. */
  #fillWindow(now: number): void {
    this.#filledAt = now;
    let room = this.#window?.size ?? 1;
    for (const { deadline } of this.#timers) {
      if (deadline > now && deadline < Infinity) room--;
    }
    for (let segment = 0; segment < this.#sent && room > 0; segment++) {
      const timer = this.#timers[segment]!;
      if (timer.deadline > now) continue;
      room--;
      // A second copy of one of several segments would be outside the window.
      let copies = Math.min(timer.timedOut(), this.#lastSegment === 0 ? 2 : 1);
      for (; copies > 0; copies--) {
        this.#retransmissions++;
        this.#transmitSegment(segment, now);
      }
    }
    for (; this.#sent <= this.#lastSegment && room > 0; room--) {
      this.#transmitSegment(this.#sent++, now);
    }
  }

  #transmitSegment(segment: number, now: number): void {
    const number = this.#number;
    const lastSegment = this.#lastSegment;
    const message = this.#message!;
    const start = segment * MAX_SEGMENT_BYTES;
    const timer = this.#timers[segment] ??= new Retransmission();
    timer.sent(now, this.#rtt.timeout, longestPause(this.#patience));
    this.#ackDeadline = Infinity;
    this.#sink.transmit({
      type: "message",
      number,
      segment,
      lastSegment,
      attempt: timer.attempt,
      echo: this.#heardAttempt,
      ackDelay: this.#ackDelay(now),
      ahead: number === 1 ? this.name.length : 0,
      payload: lastSegment === 0 ? message : message.subarray(start, start + MAX_SEGMENT_BYTES),
    });
  }

  #finishOutgoing(): void {
    this.#retransmissions = 0;
    this.#message = undefined;
    this.#window = undefined;
    if (this.#timers.length > 1) this.#timers.length = 1;
    this.#timers[0].stop();
  }

  #measure(timer: Retransmission, packet: Packet, now: number, intendedDelay?: number): void {
    const { echo, ackDelay } = packet;
    const elapsed = timer.elapsed(echo, now);
    if (elapsed === undefined || ackDelay === UNKNOWN_DELAY) return;
    this.#rtt.sample(Math.max(0, elapsed - ackDelay), intendedDelay);
  }

  #ackDelay(now: number): number {
    return Math.min(UNKNOWN_DELAY, Math.round(now - this.#heardAt));
  }
}
