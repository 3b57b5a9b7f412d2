/**
 * One conversation at one end, without input or output: turns, delivery, bye and silence together.
 *
 * @module
 */
import { constantTimeEqual, decodeText, EMPTY } from "../bytes.ts";
import { Delivery, type PacketSink } from "./delivery.ts";
import type { Address, Counters, Randomness } from "../endpoint.ts";
import { BYE_REASONS, type ByeReason, CHALLENGE_BYTES, decode, encodeFor } from "./packet.ts";
import { idHigh, idLow, packetIdHigh, packetIdLow } from "./packet.ts";
import type { Packet, PacketFields } from "./packet.ts";
import type { ForeignEvent } from "../limits.ts";
import { RttEstimator } from "./rtt.ts";
import { OPEN_SEAL, type Seal } from "./seal.ts";
import { MAX_MESSAGE_BYTES, Turn, type TurnState } from "../../protocol.ts";
import { Retransmission } from "./retransmission.ts";
import { MessageTooLongError } from "../endpoint.ts";

/** Silence after which the other end is gone, in ms, unless an option says otherwise. */
export const IDLE_TIMEOUT_MS = 75_000;

const MIN_IDLE_TIMEOUT_MS = 1_000;

/** Pause between two keepalives, as a part of the idle timeout: more than 15 s (RFC 8085 §3.5). */
const KEEPALIVE_PART = 1 / 4;

/**
 * Least retransmissions of a packet before its sender gives up: a path that loses two datagrams of five
 * needs many.
 */
const LEAST_TRIES = 16;

/** Silence after which an asker that awaits an acknowledgement reports it, in ms. */
export const UNRESPONSIVE_MS = 5_000;

/** How long a bye waits for its confirmation, in ms; longer on a very slow path. */
export const LEAVE_TIMEOUT_MS = 5_000;

/** How a conversation ended. */
export type EndReason =
  /** This end or the other said bye. */
  | ByeReason
  /** Nothing was heard for the idle timeout. */
  | "silence"
  /** This end said bye, unconfirmed. */
  | "unconfirmed"
  /** The server was restarted, and refuses this client. */
  | "refused"
  /** The server was restarted, as a private room. */
  | "private";

/** A change in the state of a conversation, as its asker hears it. */
export type ConversationEvent =
  /** The question is on the server's machine. */
  | { readonly type: "delivered" }
  /** `ahead` questions will be answered before this one. */
  | { readonly type: "position"; readonly ahead: number }
  /** The server has owed an acknowledgement for 5 s. Retransmission goes on. */
  | { readonly type: "unresponsive" }
  /** The server is heard again. */
  | { readonly type: "responsive" }
  /** The server has forgotten this client, which reconnects. */
  | { readonly type: "reconnecting" }
  /** The client has reconnected. */
  | { readonly type: "reconnected" }
  /** In a plain conversation: the answer that follows came before its question. */
  | { readonly type: "stale" }
  /** A datagram of another kind came. */
  | ForeignEvent;

/** An event of a session. */
export type SessionEvent =
  /** Only the asker hears these. */
  | Extract<ConversationEvent, { type: "position" | "unresponsive" | "responsive" }>
  /** The asker knows the session: its first packet is here. Only the answerer hears this. */
  | { readonly type: "connected" }
  /** The message of this end with that number is on the other end's machine. */
  | { readonly type: "delivered"; readonly number: number }
  /** The other end's message is complete. */
  | { readonly type: "message"; readonly text: string }
  /** It is over. */
  | { readonly type: "ended"; readonly reason: EndReason }
  /** The closing period is over: late packets need no answer, and the session can be dropped. */
  | { readonly type: "forgotten" };

/** Takes the output of a session. */
export interface SessionOutput {
  /** A datagram to send. */
  transmit(datagram: Uint8Array, to: Address): void;
  /** A datagram was dropped. */
  drop(reason: keyof Counters): void;
  /** An event of that session. */
  sessionEvent(session: Session, event: SessionEvent): void;
}

/**
 * The idle timeout between two ends: the lesser of both (RFC 9000 §10.1), but never so short that the
 * other end could make this one send all the time.
 */
export function agreedIdleTimeout(own: number, other: number): number {
  return Math.max(MIN_IDLE_TIMEOUT_MS, Math.min(own, other));
}

/** How a {@linkcode Session} starts. */
export interface SessionOptions extends Randomness {
  /** The id that both ends write on every packet: 64 random bits. */
  readonly id: bigint;
  /** The asker speaks first and keeps the session alive; the answerer answers. */
  readonly role: "asker" | "answerer";
  /** Address of the other end. */
  readonly address: Address;
  /** Time of the WELCOME, in ms. */
  readonly now: number;
  /** Silence after which the other end is gone, in ms: see {@linkcode agreedIdleTimeout}. */
  readonly idleTimeout: number;
  /** Takes the output of the session. */
  readonly output: SessionOutput;
  /** Measurements of the handshake. */
  readonly rtt?: RttEstimator;
  /** The keys that the handshake agreed on. */
  readonly seal?: Seal;
}

/** Bytes that may be sent to an unproved address for each byte received from it (RFC 9000 §8). */
const UNPROVED_FACTOR = 3;

/** An address that the asker says to have moved to. */
interface UnprovedPath {
  /** Bytes that the asker has to echo to prove it (RFC 9000 §8.2). */
  readonly challenge: Uint8Array;
  /** Bytes that may still be sent there until then. */
  allowance: number;
}

/** One conversation, seen from one end. */
export class Session implements PacketSink {
  /** Last known address of the other end: a session follows its id, not an address. */
  address: Address;
  /** The driver's own data: a look-up would take longer. */
  attachment: unknown;
  /** The lower half of the id on every packet, as a signed integer: see {@linkcode packetIdLow}. */
  readonly idLow: number;
  /** The upper half of it, as a signed integer. */
  readonly idHigh: number;
  readonly #role: "asker" | "answerer";
  readonly #output: SessionOutput;
  readonly #random: () => number;
  readonly #randomBytes: (length: number) => Uint8Array;
  #unprovedPath: UnprovedPath | undefined;
  readonly #seal: Seal;
  readonly #idleTimeout: number;
  readonly #rtt: RttEstimator;
  readonly #turn: Turn;
  readonly #delivery: Delivery;
  // Made on demand: very many answerers never probe.
  #probe: Retransmission | undefined;
  #bye: Retransmission | undefined;
  #byeReason: ByeReason = "bye";
  #number = 0;
  #probeNumber = 0;
  #heardProbe = 0;
  #heardAt: number;
  #keepaliveAt = Infinity;
  #unresponsiveAt = Infinity;
  #isUnresponsive = false;
  #endAt = Infinity;

  /** Starts a session whose WELCOME is on its way or has just arrived. */
  constructor(options: SessionOptions) {
    this.idLow = idLow(options.id);
    this.idHigh = idHigh(options.id);
    this.address = options.address;
    this.#role = options.role;
    this.#output = options.output;
    this.#random = options.random;
    this.#randomBytes = options.randomBytes;
    this.#seal = options.seal ?? OPEN_SEAL;
    this.#idleTimeout = options.idleTimeout;
    this.#rtt = options.rtt ?? new RttEstimator();
    this.#turn = new Turn(options.role === "asker" ? "local" : "remote");
    this.#delivery = new Delivery(this.#rtt, this, longestPause(options.idleTimeout));
    this.#heardAt = options.now;
    this.#scheduleKeepalive(options.now);
  }

  /** The id on every packet. */
  get id(): bigint {
    return BigInt.asUintN(64, BigInt(this.idHigh) << 32n) | BigInt.asUintN(32, BigInt(this.idLow));
  }

  /** Whose move it is. */
  get turn(): TurnState {
    return this.#turn.state;
  }

  /** Whether a datagram, which is one of this protocol, carries this session's id. */
  owns(datagram: Uint8Array): boolean {
    return packetIdLow(datagram) === this.idLow && packetIdHigh(datagram) === this.idHigh;
  }

  /** Whether a message of this end is not acknowledged yet. */
  get isSending(): boolean {
    return this.#delivery.isSending;
  }

  /** Segments of the last message of this end that are acknowledged. */
  get acknowledged(): number {
    return this.#delivery.acknowledged;
  }

  /** When something was last heard from the other end, in ms. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** When {@linkcode Session.handleTimeout} wants to be called, in ms; `Infinity` for never. */
  get nextTimeout(): number {
    return Math.min(
      this.#delivery.nextTimeout,
      this.#probe?.deadline ?? Infinity,
      this.#bye?.deadline ?? Infinity,
      this.#keepaliveAt,
      this.#unresponsiveAt,
      this.#endAt,
      this.turn === "closed" ? Infinity : this.#heardAt + this.#idleTimeout,
    );
  }

  /** The answerer's WELCOME is sent. Returns its attempt. */
  welcomeSent(now: number): number {
    return this.#delivery.welcomeSent(now);
  }

  /** The asker got the WELCOME with that attempt on it. */
  welcomeReceived(attempt: number, now: number): void {
    this.#delivery.welcomeReceived(attempt, now);
  }

  /**
   * Sends this end's message; the turn passes to the other end.
   *
   * @param message UTF-8, at most {@linkcode MAX_MESSAGE_BYTES}; kept, and not to be changed.
   * @throws {OutOfTurnError} If it is not this end's turn. Nothing is sent.
   * @throws {MessageTooLongError} If the message is too long. Nothing is sent, the turn stays.
   */
  send(message: Uint8Array, now: number): void {
    if (message.length > MAX_MESSAGE_BYTES) {
      throw new MessageTooLongError(message.length, MAX_MESSAGE_BYTES);
    }
    this.#turn.local("send");
    this.#number = next(this.#number);
    this.#delivery.ahead = 0;
    this.#delivery.send(this.#number, message, now);
    this.#awaitResponse(now);
  }

  /**
   * Ends the conversation in order: the other end is told until it confirms.
   *
   * @throws {OutOfTurnError} If it is over already.
   */
  bye(reason: ByeReason, now: number): void {
    this.#turn.local("send-bye");
    this.#quiet();
    this.#byeReason = reason;
    this.#bye = new Retransmission();
    this.#endAt = now + this.#leaveTimeout;
    this.#transmitBye(now);
  }

  /** Wait for an acknowledgement before a retransmission, in ms. */
  get retransmissionTimeout(): number {
    return this.#rtt.timeout;
  }

  /** Asks the other end for a sign of life, if it is not being asked. */
  probe(now: number): void {
    if (!this.#isProbing) this.#startProbe(now);
  }

  /** Forgets the conversation without a word to the other end, and without an event. */
  abandon(): void {
    this.#quiet();
    this.#turn.remote("lose");
  }

  /** Tells the asker how many questions are answered before its own, 0 to 65,535, while it waits. */
  setAhead(ahead: number, now: number): void {
    if (ahead === this.#delivery.ahead || this.turn !== "local") return;
    this.#delivery.ahead = ahead;
    if (!this.#delivery.acknowledgementDue) this.#startProbe(now);
  }

  /**
   * Takes a datagram that carries this session's id.
   *
   * @param from Its source. The session moves there if the datagram is a packet.
   */
  receive(datagram: Uint8Array, from: Address, now: number): void {
    const opened = this.#seal.open(datagram);
    if (opened === undefined) return this.#output.drop("unopened");
    const packet = decode(opened);
    if (packet === undefined) return this.#output.drop("malformed");
    this.#heardAt = now;
    this.#follow(from, datagram.length, now);
    this.#scheduleKeepalive(now);
    if (this.#delivery.welcomeAcknowledged(packet, now)) this.#emit({ type: "connected" });
    if (this.#isUnresponsive) this.#emit({ type: "responsive" });
    this.#isUnresponsive = false;
    this.#take(packet, now);
    this.#unresponsiveAt = Infinity;
    if (this.#delivery.isSending || this.#isProbing) this.#awaitResponse(now);
  }

  /** Does what is due: sends again, acknowledges, keeps alive, or gives the other end up. */
  handleTimeout(now: number): void {
    if (this.#endAt <= now) {
      this.#endAt = Infinity;
      if (this.turn === "closed") this.#emit({ type: "forgotten" });
      else this.#lose("unconfirmed");
      return;
    }
    if (this.turn === "closed") return;
    if (this.#heardAt + this.#idleTimeout <= now) {
      this.#lose(this.turn === "leaving" ? "unconfirmed" : "silence");
      return;
    }
    this.#delivery.handleTimeout(now);
    const probe = this.#probe;
    if (probe !== undefined && probe.deadline <= now) {
      for (let copies = probe.timedOut(); copies > 0; copies--) this.#transmitProbe(probe, now);
    }
    if (this.#bye !== undefined && this.#bye.deadline <= now) {
      const copies = this.#bye.timedOut();
      this.#transmitBye(now);
      if (copies === 2 && this.#isMeasured) this.#transmitBye(now);
    }
    if (this.#unresponsiveAt <= now) {
      this.#unresponsiveAt = Infinity;
      this.#isUnresponsive = true;
      this.#emit({ type: "unresponsive" });
    }
    if (this.#keepaliveAt <= now) {
      this.#keepaliveAt = Infinity;
      // A message under way will show whether the other end is there.
      if (this.#delivery.isSending) this.#scheduleKeepalive(now);
      else this.probe(now);
    }
  }

  /** Transmits a packet of this session: the one place where an id and a seal are put on it. */
  transmit(packet: Omit<PacketFields, "id">): void {
    const datagram = this.#seal.seal(encodeFor(this.idHigh, this.idLow, packet));
    const path = this.#unprovedPath;
    if (path !== undefined) {
      // A packet beyond the allowance is retransmitted when the address is proved.
      if (datagram.length > path.allowance) return;
      path.allowance -= datagram.length;
    }
    this.#output.transmit(datagram, this.address);
  }

  // The asker can forge the source address of its packets: little is sent there until it has proved
  // that it receives there.
  #follow(from: Address, bytes: number, now: number): void {
    const { hostname, port } = this.address;
    const isMove = from.hostname !== hostname || from.port !== port;
    // The same address again would only be a younger object for an older one to hold.
    if (isMove) this.address = from;
    if (isMove && this.#role === "answerer") {
      this.#unprovedPath = { challenge: this.#randomBytes(CHALLENGE_BYTES), allowance: 0 };
    }
    if (this.#unprovedPath === undefined) return;
    this.#unprovedPath.allowance += UNPROVED_FACTOR * bytes;
    if (isMove && this.turn !== "closed") this.#startProbe(now);
  }

  #take(packet: Packet, now: number): void {
    switch (packet.type) {
      case "message":
        return this.#takeMessage(packet, now);
      case "ack":
        return this.#takeAck(packet, now);
      case "ping":
        return this.#takePing(packet);
      case "pong":
        return this.#takePong(packet, now);
      case "bye":
        return this.#takeBye(packet, now);
      case "bye-ack":
        return this.#takeByeAck();
      default:
        this.#output.drop("ignored");
    }
  }

  #takeMessage(packet: Packet, now: number): void {
    if (this.turn === "remote" && packet.number === next(this.#number)) {
      return this.#takeReply(packet, now);
    }
    const isOpen = this.turn === "local" || this.turn === "remote";
    const replay = this.#role === "answerer";
    if (isOpen && this.#delivery.receiveRepeat(packet, now, { replay })) {
      this.#output.drop("duplicates");
    } else {
      this.#output.drop("outOfTurn");
    }
  }

  #takeReply(packet: Packet, now: number): void {
    if (this.#delivery.isSending) {
      if (!this.#delivery.acknowledgedByReply(packet, now)) return this.#output.drop("outOfTurn");
      this.#emit({ type: "delivered", number: this.#number });
    }
    const message = this.#delivery.receiveSegment(packet, now);
    if (message === undefined) return;
    const text = decodeText(message);
    if (text === undefined) {
      this.#output.drop("malformed");
      this.bye("invalid", now);
      return;
    }
    this.#turn.remote("receive");
    this.#number = packet.number;
    this.#emit({ type: "message", text });
  }

  #takeAck(packet: Packet, now: number): void {
    if (this.turn === "leaving" || this.turn === "closed") return this.#output.drop("ignored");
    if (!this.#delivery.receiveAck(packet, now)) return;
    this.#emit({ type: "delivered", number: packet.number });
    if (this.#role === "asker") this.#emit({ type: "position", ahead: packet.ahead });
  }

  #takePing(packet: Packet): void {
    if (this.turn === "closed") return this.#output.drop("ignored");
    const { number, attempt, payload } = packet;
    this.transmit({ type: "pong", number, echo: attempt, payload });
    if (this.#role === "asker" && this.turn === "remote" && packet.number > this.#heardProbe) {
      this.#emit({ type: "position", ahead: packet.ahead });
    }
    this.#heardProbe = Math.max(this.#heardProbe, packet.number);
  }

  #takePong(packet: Packet, now: number): void {
    const challenge = this.#unprovedPath?.challenge ?? EMPTY;
    const isAwaited = packet.number === this.#probeNumber && this.#isProbing;
    if (!isAwaited || !constantTimeEqual(packet.payload, challenge)) {
      return this.#output.drop("ignored");
    }
    this.#unprovedPath = undefined;
    const elapsed = this.#probe!.elapsed(packet.echo, now);
    // A PONG is never held back: it says nothing of the acknowledgement delay.
    if (elapsed !== undefined) this.#rtt.sample(elapsed);
    this.#probe!.stop();
  }

  #takeBye(packet: Packet, now: number): void {
    this.transmit({ type: "bye-ack" });
    if (!this.#turn.remote("receive-bye")) return;
    this.#quiet();
    // The confirmation may be lost: it is repeated for as long as the bye may be (RFC 9000 §10.2).
    this.#endAt = now + 3 * this.#rtt.timeout;
    this.#emit({ type: "ended", reason: BYE_REASONS[packet.payload[0]!] ?? "bye" });
  }

  #takeByeAck(): void {
    if (!this.#turn.remote("bye-confirmed")) return this.#output.drop("ignored");
    this.#quiet();
    this.#emit({ type: "ended", reason: this.#byeReason });
    this.#emit({ type: "forgotten" });
  }

  #lose(reason: "silence" | "unconfirmed"): void {
    this.#turn.remote("lose");
    this.#quiet();
    this.#emit({ type: "ended", reason });
    this.#emit({ type: "forgotten" });
  }

  #quiet(): void {
    this.#delivery.stop();
    this.#probe = undefined;
    this.#bye = undefined;
    this.#keepaliveAt = Infinity;
    this.#unresponsiveAt = Infinity;
    this.#endAt = Infinity;
  }

  #startProbe(now: number): void {
    this.#probeNumber = next(this.#probeNumber);
    this.#probe ??= new Retransmission();
    this.#probe.restart();
    this.#transmitProbe(this.#probe, now);
    this.#awaitResponse(now);
  }

  get #isProbing(): boolean {
    return this.#probe !== undefined && this.#probe.deadline < Infinity;
  }

  #transmitProbe(probe: Retransmission, now: number): void {
    probe.sent(now, this.#rtt.timeout, longestPause(this.#idleTimeout));
    this.transmit({
      type: "ping",
      number: this.#probeNumber,
      attempt: probe.attempt,
      ahead: this.#delivery.ahead,
      payload: this.#unprovedPath?.challenge ?? EMPTY,
    });
  }

  #transmitBye(now: number): void {
    const pause = longestPause(this.#leaveTimeout);
    if (this.#isMeasured) this.#bye!.sent(now, this.#rtt.timeout, pause);
    // Nothing was ever heard from there: the address may be a victim's, which gets few of these (RFC
    // 9000 §8.1). But there is no time for a whole first timeout either.
    else this.#bye!.sent(now, pause, Infinity);
    const reason = BYE_REASONS.indexOf(this.#byeReason);
    this.transmit({
      type: "bye",
      attempt: this.#bye!.attempt,
      payload: Uint8Array.of(reason),
    });
  }

  // The asker alone keeps a silent session alive, and its NAT's binding.
  #scheduleKeepalive(now: number): void {
    if (this.#role === "answerer" || this.turn === "leaving" || this.turn === "closed") return;
    const jitter = 0.9 + 0.2 * this.#random();
    this.#keepaliveAt = now + jitter * KEEPALIVE_PART * this.#idleTimeout;
  }

  // A user waits at the asker's end, and wants to know whether that makes sense.
  #awaitResponse(now: number): void {
    if (this.#role === "answerer" || this.#isUnresponsive) return;
    this.#unresponsiveAt = Math.min(this.#unresponsiveAt, now + UNRESPONSIVE_MS);
  }

  get #isMeasured(): boolean {
    return this.#rtt.smoothed !== undefined;
  }

  get #leaveTimeout(): number {
    if (!this.#isMeasured) return LEAVE_TIMEOUT_MS;
    return Math.max(LEAVE_TIMEOUT_MS, LEAST_TRIES * this.#rtt.timeout);
  }

  #emit(event: SessionEvent): void {
    this.#output.sessionEvent(this, event);
  }
}

/** The longest pause between two transmissions of a packet that is given up after `patience` ms, in ms. */
export function longestPause(patience: number): number {
  return patience / LEAST_TRIES;
}

function next(number: number): number {
  return (number + 1) >>> 0;
}
