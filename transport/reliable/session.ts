/**
 * One conversation at one end, without input or output: turns, delivery, bye and silence together.
 *
 * @module
 */
import { decodeText, EMPTY } from "../bytes.ts";
import { Delivery, type PacketSink } from "./delivery.ts";
import type { Address, Counters, Inspection, ProbeCause, Randomness } from "../endpoint.ts";
import type { RetransmissionTimer, SentPacket } from "../endpoint.ts";
import { BYE_REASONS, type ByeReason, CHALLENGE_BYTES, decode, encodeFor } from "./packet.ts";
import { idHigh, idLow, MAX_NAME_BYTES, nameLength, packetIdHigh, packetIdLow } from "./packet.ts";
import type { Packet, PacketFields } from "./packet.ts";
import type { ForeignEvent } from "../limits.ts";
import { isSame, Paths } from "./path.ts";
import { INITIAL_RTO_MS, RttEstimator } from "./rtt.ts";
import { OPEN_SEAL, type Seal } from "./seal.ts";
import { MAX_MESSAGE_BYTES, Turn, type TurnRow, type TurnState } from "../../protocol.ts";
import { longestPause, Retransmission } from "./retransmission.ts";
import { MessageTooLongError } from "../endpoint.ts";

/** Silence after which the other end is gone, in ms, unless an option says otherwise. */
export const IDLE_TIMEOUT_MS = 75_000;

const MIN_IDLE_TIMEOUT_MS = 1_000;

/** Pause between two keepalives, as a part of the idle timeout: more than 15 s (RFC 8085 §3.5). */
const KEEPALIVE_PART = 1 / 4;

/** Pause before the first keepalive while half an answer is here, in retransmission timeouts. */
const STALLED_TIMEOUTS = 3;

/** Silence after which an asker that awaits an acknowledgement reports it, in ms. */
export const UNRESPONSIVE_MS = 5_000;

/** How long a bye waits for its confirmation, in ms. */
export const LEAVE_TIMEOUT_MS = 5_000;

/** How long an asker's bye does, in ms, or two round trips if these are longer: a person waits. */
export const ASKER_LEAVE_TIMEOUT_MS = 200;

/** Wait before it is sent again, in round trips (RFC 9002 §6.1.2), and the least in ms. */
const [BYE_PAUSE_ROUND_TRIPS, MIN_BYE_PAUSE_MS] = [9 / 8, 20];

/** Longest that an ended session answers late packets, in ms. */
const MAX_LINGER_MS = 3_000;

/** A timeout that is handled later than this, in ms, is that of a machine or program that was stopped. */
export const GAP_MS = 1_000;

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
  | "private"
  /** The server was restarted, and speaks another version of this protocol. */
  | "version"
  /** The server was restarted, with another code. */
  | "wrong-code";

/** A change in the state of a conversation, as its asker hears it. */
export type ConversationEvent =
  /** The question is on the server's machine. */
  | { readonly type: "delivered" }
  /** `ahead` questions will be answered before this one. */
  | { readonly type: "position"; readonly ahead: number }
  /** The server's operator tells all its clients something, or this one. */
  | { readonly type: "notice"; readonly text: string }
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
  | Extract<ConversationEvent, { type: "position" | "notice" | "unresponsive" | "responsive" }>
  /** The asker knows the session: its first packet is here. Only the answerer hears this. */
  | { readonly type: "connected" }
  /** The message of this end with that number is on the other end's machine. */
  | { readonly type: "delivered"; readonly number: number }
  /** The notice of this end is on the asker's machine, or given up. Only the answerer hears this. */
  | { readonly type: "noticed"; readonly isDelivered: boolean }
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
  /** The asker's name: at most `MAX_NAME_BYTES` of UTF-8. */
  readonly name?: Uint8Array;
  /** The keys that the handshake agreed on. */
  readonly seal?: Seal;
}

/** One conversation, seen from one end. */
export class Session implements PacketSink, Inspection {
  /** Last proved address of the other end: a session follows its id, not an address. */
  address: Address;
  /** The driver's own data: a look-up would take longer. */
  attachment: unknown;
  /** The asker's name, if it gave one. The answerer knows it once it is connected. */
  name: string | undefined;
  /** When something was last heard from the other end, in ms. */
  heardAt: number;
  /** Both ends' messages. */
  readonly delivery: Delivery;
  /** The lower half of the id on every packet, as a signed integer: see {@linkcode packetIdLow}. */
  readonly idLow: number;
  /** The upper half of it, as a signed integer. */
  readonly idHigh: number;
  probeCause: ProbeCause = "silence";
  readonly #role: "asker" | "answerer";
  readonly #output: SessionOutput;
  readonly #random: () => number;
  readonly #randomBytes: (length: number) => Uint8Array;
  // Made on demand: most askers never move.
  #paths: Paths | undefined;
  #isStale = false;
  /** Time between two probes while the other end is in doubt, in ms; 0 while it is not. */
  #doubtPause = 0;
  readonly #seal: Seal;
  readonly #idleTimeout: number;
  readonly #rtt: RttEstimator;
  readonly #turn: Turn;
  // Made on demand: very many answerers never probe.
  #probe: Retransmission | undefined;
  #bye: Retransmission | undefined;
  #notice: { readonly payload: Uint8Array; readonly timer: Retransmission } | undefined;
  #noticeNumber = 0;
  #byeReason: ByeReason = "bye";
  #number = 0;
  #probeNumber = 0;
  #heardProbe = 0;
  #repliedAt = -Infinity;
  #repliedAttempt = 0;
  #excusedAt = -Infinity;
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
    this.delivery = new Delivery(this.#rtt, this, options.idleTimeout);
    this.delivery.name = options.name ?? EMPTY;
    this.heardAt = options.now;
    // The acknowledgement of the WELCOME may be lost, and the server waits for it for seconds only.
    if (this.#role === "asker") this.#keepaliveAt = options.now + this.#rtt.timeout;
  }

  /** The id on every packet. */
  get id(): bigint {
    return BigInt.asUintN(64, BigInt(this.idHigh) << 32n) | BigInt.asUintN(32, BigInt(this.idLow));
  }

  /** Whose move it is. */
  get turn(): TurnState {
    return this.#turn.state;
  }

  get turnRow(): TurnRow | undefined {
    return this.#turn.row;
  }

  get timer(): RetransmissionTimer | undefined {
    const timers = [...this.delivery.timers, this.#probe, this.#bye, this.#notice?.timer];
    const armed = timers.filter((it) => it !== undefined && it.deadline < Infinity);
    return armed.sort((a, b) => a!.deadline - b!.deadline)[0];
  }

  timerOf({ type, segment, number }: SentPacket): RetransmissionTimer | undefined {
    if (type === "message") return this.delivery.timers[segment];
    if (type === "ping" && number > 0) return this.#probe;
    if (type === "notice") return this.#notice?.timer;
    return type === "bye" ? this.#bye : undefined;
  }

  get retransmissions(): number {
    return this.delivery.retransmissions;
  }

  get heardNumber(): number | undefined {
    return this.delivery.heardNumber;
  }

  get acknowledgementAt(): number {
    return this.delivery.acknowledgementAt;
  }

  /** Whether a datagram, which is one of this protocol, carries this session's id. */
  owns(datagram: Uint8Array): boolean {
    return packetIdLow(datagram) === this.idLow && packetIdHigh(datagram) === this.idHigh;
  }

  /** When {@linkcode Session.handleTimeout} wants to be called, in ms; `Infinity` for never. */
  get nextTimeout(): number {
    return Math.min(
      this.delivery.nextTimeout,
      this.#probe?.deadline ?? Infinity,
      this.#bye?.deadline ?? Infinity,
      this.#notice?.timer.deadline ?? Infinity,
      this.#paths?.nextTimeout ?? Infinity,
      this.#keepaliveAt,
      this.#unresponsiveAt,
      this.#endAt,
      this.turn === "closed" ? Infinity : this.heardAt + this.#idleTimeout,
    );
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
    this.delivery.ahead = 0;
    // It acknowledges the WELCOME by itself, for as long as it takes.
    if (this.#number === 1) this.#scheduleKeepalive(now);
    this.delivery.send(this.#number, message, now);
    this.#awaitResponse(now);
  }

  /** Tells the asker something, in at most `MAX_NOTICE_BYTES` of UTF-8, which is kept. Nothing at the end. */
  notify(text: Uint8Array, now: number): void {
    if (this.turn === "leaving" || this.turn === "closed") return;
    this.#noticeNumber = next(this.#noticeNumber);
    this.#notice = { payload: text, timer: new Retransmission() };
    this.#transmitNotice(now);
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
    // There is time for few tries: two copies each.
    if (this.#isBrief) this.#bye.timedOut();
    const brief = Math.max(ASKER_LEAVE_TIMEOUT_MS, 2 * this.#roundTrip);
    this.#endAt = now + Math.min(LEAVE_TIMEOUT_MS, this.#isBrief ? brief : Infinity);
    this.#transmitBye(now);
  }

  /** Wait for an acknowledgement before a retransmission, in ms. */
  get retransmissionTimeout(): number {
    return this.#rtt.timeout;
  }

  /** The other end may have forgotten the session: asks it at a steady pace, for `duration` ms. */
  doubt(now: number, duration: number): void {
    this.#doubtPause = longestPause(duration);
    this.#startProbe(now, "reset");
  }

  /** Forgets the conversation without a word to the other end, and without an event. */
  abandon(): void {
    this.#quiet();
    this.#turn.remote("lose");
  }

  /** Tells the asker how many questions are answered before its own, 0 to 65,535, while it waits. */
  setAhead(ahead: number, now: number): void {
    if (ahead === this.delivery.ahead || this.turn !== "local") return;
    this.delivery.ahead = ahead;
    if (!this.delivery.acknowledgementDue) this.#startProbe(now, "position");
  }

  /** Takes a datagram of this session. The answerer's moves to its source once that is proved, if it is new. */
  receive(datagram: Uint8Array, from: Address, now: number): void {
    const opened = this.#seal.open(datagram);
    if (opened === undefined) return this.#output.drop("unopened");
    const packet = decode(opened);
    if (packet === undefined) return this.#output.drop("malformed");
    this.#doubtPause = 0;
    const { address } = this;
    // Only a new packet shows that the other end moved.
    const source = this.#provedSource(from, datagram.length, now);
    this.address = source;
    this.#isStale = false;
    this.#scheduleKeepalive(now);
    this.#takeWelcomed(packet, now);
    if (!this.delivery.isWelcoming) this.heardAt = now;
    if (this.#isUnresponsive) this.#emit({ type: "responsive" });
    this.#isUnresponsive = false;
    this.#take(packet, from, now);
    if (this.#isStale && this.address === source) this.address = address;
    this.#unresponsiveAt = Infinity;
    if (this.delivery.isSending || this.#isProbing) this.#awaitResponse(now);
  }

  /** Does what is due: sends again, acknowledges, keeps alive, or gives the other end up. */
  handleTimeout(now: number): void {
    if (this.#endAt <= now) {
      this.#endAt = Infinity;
      if (this.turn === "closed") return this.#emit({ type: "forgotten" });
      // The last word: who leaves first may not hear the confirmation, but the other end should know.
      for (let copies = this.#isBrief ? 2 : 0; copies > 0; copies--) this.#transmitBye(now);
      return this.#lose();
    }
    if (this.turn === "closed") return;
    const isAwake = this.turn === "leaving" || this.delivery.isWelcoming;
    if (!isAwake && this.nextTimeout + GAP_MS <= now) this.#wake(now);
    if (this.heardAt + this.#idleTimeout <= now) return this.#lose();
    if (this.delivery.isStuck(now)) return this.bye("undelivered", now);
    this.delivery.handleTimeout(now);
    this.#challenge(now);
    // In doubt the pace is steady and quick: one at a time is enough.
    const copies = this.#doubtPause > 0 ? 1 : 2;
    this.#probe?.sendDue(now, this.#idleTimeout, () => this.#transmitProbe(now), copies);
    this.#notice?.timer.sendDue(now, this.#idleTimeout, () => this.#transmitNotice(now));
    if (this.#notice?.timer.deadline === Infinity) this.#endNotice(false);
    const most = this.#rtt.smoothed === undefined ? 1 : 2;
    this.#bye?.sendDue(now, LEAVE_TIMEOUT_MS, () => this.#transmitBye(now), most);
    if (this.#unresponsiveAt <= now) {
      this.#unresponsiveAt = Infinity;
      this.#isUnresponsive = true;
      this.#emit({ type: "unresponsive" });
    }
    if (this.#keepaliveAt <= now) {
      this.#keepaliveAt = Infinity;
      if (!this.#isProbing) this.#startProbe(now, "silence");
    }
  }

  /** Transmits a packet of this session: the one place where an id and a seal are put on it. */
  transmit(packet: Omit<PacketFields, "id">): void {
    this.#output.transmit(this.#sealed(packet), this.address);
  }

  #sealed(packet: Omit<PacketFields, "id">): Uint8Array {
    return this.#seal.seal(encodeFor(this.idHigh, this.idLow, packet));
  }

  /** The source if the asker has proved that it receives there, else the last proved address. */
  #provedSource(from: Address, bytes: number, now: number): Address {
    const { address } = this;
    // The same address again would only be a younger object for an older one to hold.
    if (this.#role === "asker" || this.turn === "closed" || isSame(from, address)) return address;
    this.#paths ??= new Paths(address);
    const proved = this.#paths.heard(from, bytes, now, () => this.#randomBytes(CHALLENGE_BYTES));
    this.#challenge(now);
    return proved ?? address;
  }

  #challenge(now: number): void {
    const candidate = this.#paths?.due(now, this.#rtt.timeout);
    if (candidate === undefined) return;
    const { address, attempt, challenge: payload } = candidate;
    const datagram = this.#sealed({ type: "ping", attempt, ahead: this.delivery.ahead, payload });
    if (datagram.length > candidate.allowance) return;
    candidate.allowance -= datagram.length;
    this.#output.transmit(datagram, address);
  }

  #takeWelcomed(packet: Packet, now: number): void {
    const { type, segment, payload, ahead } = packet;
    // The name is in the first segment.
    if (type === "message" && segment > 0 && ahead > 0) return;
    if (!this.delivery.welcomeAcknowledged(packet, now)) return;
    if (ahead <= MAX_NAME_BYTES) this.name = decodeText(payload.subarray(0, ahead)) || undefined;
    this.#emit({ type: "connected" });
  }

  #take(packet: Packet, from: Address, now: number): void {
    switch (packet.type) {
      case "message":
        return this.#takeMessage(packet, now);
      case "ack":
        return this.#takeAck(packet, now);
      case "ping":
        return this.#takePing(packet, now);
      case "pong":
        return this.#takePong(packet, now);
      case "bye":
        return this.#takeBye(packet, from, now);
      case "bye-ack":
        return this.#takeByeAck();
      case "notice":
        return this.#takeNotice(packet, now);
      case "notice-ack":
        return this.#takeNoticeAck(packet, now);
      default:
        this.#drop("ignored");
    }
  }

  #takeMessage(packet: Packet, now: number): void {
    if (this.turn === "remote" && packet.number === next(this.#number)) {
      return this.#takeReply(packet, now);
    }
    const isOpen = this.turn === "local" || this.turn === "remote";
    const replay = this.#role === "answerer";
    const isLater = packet.attempt > this.delivery.heardAttempt;
    if (isOpen && this.delivery.receiveRepeat(packet, now, { replay })) {
      this.#drop("duplicates");
      this.#isStale = !isLater;
    } else {
      this.#drop("outOfTurn");
    }
  }

  #takeReply(packet: Packet, now: number): void {
    if (this.delivery.isSending) {
      if (!this.delivery.acknowledgedByReply(packet, now)) return this.#drop("outOfTurn");
      this.#emit({ type: "delivered", number: this.#number });
    }
    const message = this.delivery.receiveSegment(packet, now);
    if (message === undefined) return;
    const text = decodeText(message.subarray(nameLength(packet)));
    if (text === undefined) {
      this.#drop("malformed");
      this.bye("invalid", now);
      return;
    }
    this.#turn.remote("receive");
    this.#number = packet.number;
    this.#emit({ type: "message", text });
  }

  #takeAck(packet: Packet, now: number): void {
    if (this.turn === "leaving" || this.turn === "closed") return this.#drop("ignored");
    this.#isStale = !this.delivery.receiveAck(packet, now);
    if (this.#isStale) return;
    this.#emit({ type: "delivered", number: packet.number });
    if (this.#role === "asker") this.#emit({ type: "position", ahead: packet.ahead });
  }

  #takePing(packet: Packet, now: number): void {
    if (this.turn === "closed") return this.#drop("ignored");
    const isRepeat = packet.number <= this.#heardProbe;
    if (!this.#mayReply(packet, isRepeat, now)) return this.#drop("duplicates");
    if (isRepeat) this.#isStale = true;
    const { number, attempt } = packet;
    // An asker sends no challenge, but its name.
    const isChallenge = this.#role === "asker" && packet.payload.length === CHALLENGE_BYTES;
    const payload = isChallenge ? packet.payload : EMPTY;
    this.transmit({ type: "pong", number, echo: attempt, payload });
    if (this.#role === "asker" && this.turn === "remote" && !isRepeat) {
      this.#emit({ type: "position", ahead: packet.ahead });
    }
    this.#heardProbe = Math.max(this.#heardProbe, packet.number);
  }

  #takePong(packet: Packet, now: number): void {
    if (packet.payload.length > 0) return this.#takeProof(packet.payload, now);
    const isAwaited = packet.number === this.#probeNumber && this.#isProbing;
    if (!isAwaited) return this.#drop("ignored");
    // A PONG is never held back: it says nothing of the acknowledgement delay.
    this.#rtt.sample(this.#probe!.elapsed(packet.echo, now));
    this.#probe!.stop();
  }

  #takeProof(echo: Uint8Array, now: number): void {
    const proved = this.#paths?.prove(echo);
    if (proved === undefined) return this.#drop("ignored");
    this.address = proved;
    // Packets to the old address may be lost.
    this.delivery.hurry(now);
    this.#probe?.hurry(now);
    this.#notice?.timer.hurry(now);
  }

  #takeBye(packet: Packet, from: Address, now: number): void {
    const isRepeat = !this.#turn.remote("receive-bye");
    // A BYE-ACK is shorter than its BYE, and the last that its address gets.
    if (this.#mayReply(packet, isRepeat, now)) {
      this.#output.transmit(this.#sealed({ type: "bye-ack" }), from);
    }
    if (isRepeat) return;
    this.#quiet();
    // The confirmation may be lost: it is repeated for as long as the bye may be (RFC 9000 §10.2).
    this.#endAt = now + Math.min(MAX_LINGER_MS, 3 * this.#rtt.timeout);
    this.#emit({ type: "ended", reason: BYE_REASONS[packet.payload[0]!] ?? "bye" });
  }

  #takeByeAck(): void {
    if (!this.#turn.remote("bye-confirmed")) return this.#drop("ignored");
    this.#quiet();
    this.#emit({ type: "ended", reason: this.#byeReason });
    this.#emit({ type: "forgotten" });
  }

  #takeNotice(packet: Packet, now: number): void {
    const { number, attempt, payload } = packet;
    const isOpen = this.turn === "local" || this.turn === "remote";
    if (this.#role === "answerer" || !isOpen) return this.#drop("ignored");
    const isRepeat = number <= this.#noticeNumber;
    if (this.#mayReply(packet, isRepeat, now)) {
      this.transmit({ type: "notice-ack", number, echo: attempt });
    }
    if (isRepeat) return this.#drop("duplicates");
    this.#noticeNumber = number;
    const text = decodeText(payload);
    if (text === undefined) this.#drop("malformed");
    else this.#emit({ type: "notice", text });
  }

  #takeNoticeAck({ number, echo }: Packet, now: number): void {
    const isAwaited = this.#notice !== undefined && number === this.#noticeNumber;
    if (!isAwaited) return this.#drop("ignored");
    this.#rtt.sample(this.#notice!.timer.elapsed(echo, now));
    this.#endNotice(true);
  }

  #endNotice(isDelivered: boolean): void {
    this.#notice = undefined;
    this.#emit({ type: "noticed", isDelivered });
  }

  #drop(reason: keyof Counters): void {
    this.#isStale = true;
    this.#output.drop(reason);
  }

  /** Whether a packet is answered: a copy of one is once in a retransmission timeout. */
  #mayReply({ attempt }: Packet, isRepeat: boolean, now: number): boolean {
    const isCopy = isRepeat && attempt <= this.#repliedAttempt;
    if (isCopy && now < this.#repliedAt + this.#rtt.timeout) return false;
    this.#repliedAt = now;
    this.#repliedAttempt = attempt;
    return true;
  }

  // Time that this end did not live is not silence of the other: it is asked before it is given up.
  #wake(now: number): void {
    const heardAt = now - this.#idleTimeout / 2;
    // Timers that are always late are no gap: one silence is not excused again and again.
    if (this.heardAt < heardAt && this.#excusedAt + this.#idleTimeout <= now) {
      this.heardAt = heardAt;
      this.#excusedAt = now;
    }
    this.#unresponsiveAt = Infinity;
    this.delivery.wake(now);
    this.#startProbe(now, "gap");
  }

  #lose(): void {
    const unconfirmed = this.#byeReason === "undelivered" ? "undelivered" : "unconfirmed";
    const reason = this.turn === "leaving" ? unconfirmed : "silence";
    this.#turn.remote("lose");
    this.#quiet();
    this.#emit({ type: "ended", reason });
    this.#emit({ type: "forgotten" });
  }

  #quiet(): void {
    this.delivery.stop();
    this.#probe = undefined;
    this.#bye = undefined;
    this.#notice = undefined;
    this.#paths = undefined;
    this.#keepaliveAt = Infinity;
    this.#unresponsiveAt = Infinity;
    this.#endAt = Infinity;
  }

  #startProbe(now: number, cause: ProbeCause): void {
    this.probeCause = cause;
    this.#probeNumber = next(this.#probeNumber);
    this.#probe ??= new Retransmission();
    this.#probe.restart();
    this.#transmitProbe(now);
    this.#awaitResponse(now);
  }

  get #isProbing(): boolean {
    return this.#probe !== undefined && this.#probe.deadline < Infinity;
  }

  #transmitProbe(now: number): void {
    const probe = this.#probe!;
    const longest = this.#doubtPause > 0 ? 0 : longestPause(this.#idleTimeout);
    probe.sent(now, this.#doubtPause || this.#rtt.timeout, longest);
    // Before the first question, the acknowledgement of the WELCOME with the name may be lost.
    const name = this.#number === 0 ? this.delivery.name : EMPTY;
    this.transmit({
      type: "ping",
      number: this.#probeNumber,
      attempt: probe.attempt,
      ahead: this.delivery.ahead + name.length,
      payload: name,
    });
  }

  #transmitNotice(now: number): void {
    const { payload, timer } = this.#notice!;
    timer.sent(now, this.#rtt.timeout, longestPause(this.#idleTimeout));
    const { attempt } = timer;
    this.transmit({ type: "notice", number: this.#noticeNumber, attempt, payload });
  }

  #transmitBye(now: number): void {
    const bye = this.#bye!;
    const { smoothed, timeout } = this.#rtt;
    const pause = longestPause(LEAVE_TIMEOUT_MS);
    // A slow path gets its time once; then there must be many tries in what is left.
    const first = bye.attempt === 0 ? LEAVE_TIMEOUT_MS / 4 : pause;
    const brief = Math.max(MIN_BYE_PAUSE_MS, BYE_PAUSE_ROUND_TRIPS * this.#roundTrip);
    if (this.#isBrief) bye.sent(now, brief, brief);
    else if (smoothed !== undefined) bye.sent(now, Math.min(first, timeout), pause);
    // Nothing was ever heard from there: the address may be a victim's, which gets few of these (RFC
    // 9000 §8.1). But there is no time for a whole first timeout either.
    else bye.sent(now, pause, Infinity);
    const payload = Uint8Array.of(BYE_REASONS.indexOf(this.#byeReason));
    this.transmit({ type: "bye", attempt: bye.attempt, payload });
  }

  // The asker alone keeps a silent session alive, and its NAT's binding. Half an answer without the rest
  // may be one to an address that the asker no longer has.
  #scheduleKeepalive(now: number): void {
    if (this.#role === "answerer" || this.turn === "leaving" || this.turn === "closed") return;
    const jitter = 0.9 + 0.2 * this.#random();
    const longest = KEEPALIVE_PART * this.#idleTimeout;
    const stalled = Math.max(STALLED_TIMEOUTS * this.#rtt.timeout, this.delivery.stalledFor(now));
    this.#keepaliveAt = now + jitter * Math.min(stalled, longest);
  }

  // A user waits at the asker's end, and wants to know whether that makes sense.
  #awaitResponse(now: number): void {
    if (this.#role === "answerer" || this.#isUnresponsive) return;
    this.#unresponsiveAt = Math.min(this.#unresponsiveAt, now + UNRESPONSIVE_MS);
  }

  get #isBrief(): boolean {
    return this.#role === "asker" && this.#byeReason === "bye";
  }

  get #roundTrip(): number {
    return this.#rtt.smoothed ?? INITIAL_RTO_MS;
  }

  #emit(event: SessionEvent): void {
    this.#output.sessionEvent(this, event);
  }
}

function next(number: number): number {
  return (number + 1) >>> 0;
}
