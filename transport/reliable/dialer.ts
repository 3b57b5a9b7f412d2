/**
 * The client's end without input or output: it connects to a server, holds one conversation, and
 * reconnects when the server has forgotten it.
 *
 * @module
 */
import { constantTimeEqual, EMPTY } from "../bytes.ts";
import { type Address, Endpoint, type Inspection, type Randomness } from "../endpoint.ts";
import { type ByeReason, type Packet, type Refusal, REFUSALS } from "./packet.ts";
import { decode, decodeWelcome, encode, encodeHello, handshakeFields } from "./packet.ts";
import { isOtherVersion, isReset, kindOf, MAX_DATAGRAM_BYTES, packetId } from "./packet.ts";
import { packetType, readHeader } from "./packet.ts";
import { ForeignLog } from "../limits.ts";
import { INITIAL_RTO_MS, RttEstimator } from "./rtt.ts";
import { agreedIdleTimeout, GAP_MS, Session, UNRESPONSIVE_MS } from "./session.ts";
import type { ConversationEvent, EndReason, SessionEvent, SessionOutput } from "./session.ts";
import { type Initiation, OPEN_ROOM, type Room } from "./seal.ts";
import { MAX_MESSAGE_BYTES, OutOfTurnError, type TurnState } from "../../protocol.ts";
import { longestPause, Retransmission } from "./retransmission.ts";

/** How long a client tries to connect, in ms, unless an option says otherwise. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** Time for a sign of life to refute a RESET, in retransmission timeouts: anyone on the path can forge one. */
const DOUBT_TIMEOUTS = 4;

/** The least and the longest of that time, in ms. */
const [MIN_DOUBT_MS, MAX_DOUBT_MS] = [1_000, 5_000];

/** RETRYs of one HELLO that are answered at once. A server has one token for a client, its neighbours others. */
const MAX_RETRIES = 3;

/** Exchanges with a server of another code. Each is a guess of it, but a single answer may be forged. */
export const MAX_EXCHANGES = 3;

/** Pause before a fresh exchange, in ms. */
const EXCHANGE_PAUSE_MS = 1_000;

/** Longest pause before a client that was handed over connects again, in ms: not all do so at once. */
const MOVE_PAUSE_MS = 500;

/** After so many HELLOs in vain in a row each hops; from the second number on, 5 s after the one before. */
const [HOPPING, RESTING] = [2, 8];

/** The latest handshakes of an attempt, whose replies are taken. */
const MAX_HANDSHAKES = 4;

/** An event at a client's end, of either protocol. */
export type DialerEvent =
  | ConversationEvent
  /** Nothing comes any more: what is sent from now on is to go out from another port. */
  | { readonly type: "hop" }
  /** Connected or reconnected: it may ask. A plain client is at once. */
  | { readonly type: "connected" }
  /** The answer is complete. */
  | { readonly type: "answer"; readonly text: string }
  /** In a plain conversation: no answer came for `timeout` ms. */
  | { readonly type: "unanswered"; readonly timeout: number }
  /** No server answered within the time for connecting. */
  | { readonly type: "unreachable" }
  /** The server refuses this client. */
  | { readonly type: "refused"; readonly refusal: Refusal }
  /** The conversation is over; its end may still have to be confirmed to the server. */
  | { readonly type: "ended"; readonly reason: EndReason }
  /** Nothing more will be sent or heard. */
  | { readonly type: "over" };

/** How a {@linkcode Dialer} works. */
export interface DialerOptions extends Randomness {
  /** The server. */
  readonly server: Address;
  /** The time of the first HELLO, in ms. */
  readonly now: number;
  /** How long to try to connect, in ms. */
  readonly connectTimeout: number;
  /** Silence after which the server is gone, in ms. */
  readonly idleTimeout: number;
  /** The name to give: at most `MAX_NAME_BYTES` of UTF-8. */
  readonly name?: Uint8Array;
  /** The room to enter; by default an open one. */
  readonly room?: Room;
}

/** A nonce, and what came for it. */
interface Handshake {
  readonly nonce: bigint;
  readonly initiation: Initiation;
  token: Uint8Array;
}

/** An attempt to get a session. */
interface Greeting {
  giveUpAt: number;
  readonly rtt: RttEstimator;
  hello: Retransmission;
  /** The latest first: a balancer may lead each nonce, and each port, to another server. */
  handshakes: Handshake[];
  /** HELLOs of the timer in a row that nobody has answered. */
  vain: number;
  hoppedAt: number;
  /** Exchanges in which the server had another code. */
  failures: number;
  /** RETRYs since the timer last sent a HELLO. */
  retries: number;
  /** The server's last refusal, if any. */
  refusal?: Refusal;
}

/** A session, and the doubt that a RESET or silence cast on it. */
interface Talk {
  readonly session: Session;
  readonly nonce: bigint;
  readonly rtt: RttEstimator;
  doubtedAt: number;
  doubtedUntil: number;
  /** RESETs that a sign of life refuted. */
  refuted: number;
}

/**
 * One conversation in which this end asks: first a greeting, then a talk; both while the server of the talk
 * is silent or has forgotten it, neither when all is over.
 */
export class Dialer extends Endpoint<DialerEvent> implements SessionOutput {
  override readonly maxMessageBytes = MAX_MESSAGE_BYTES;
  override readonly maxDatagramBytes = MAX_DATAGRAM_BYTES;
  readonly #options: DialerOptions;
  readonly #foreign = new ForeignLog();
  #greeting: Greeting | undefined;
  #talk: Talk | undefined;
  #question: Uint8Array | undefined;
  #isLeaving = false;
  #now: number;

  /** Starts with a HELLO. */
  constructor(options: DialerOptions) {
    super();
    this.#options = options;
    this.#now = options.now;
    this.#greet(options.now, 0).giveUpAt = options.now + options.connectTimeout;
    this.handleTimeout(options.now);
  }

  override get nextTimeout(): number {
    return Math.min(
      this.#greeting?.hello.deadline ?? Infinity,
      this.#greeting?.giveUpAt ?? Infinity,
      this.#talk?.session.nextTimeout ?? Infinity,
      this.#talk?.doubtedUntil ?? Infinity,
    );
  }

  /** Whose move it is. A client that reconnects may ask, once. */
  get turn(): TurnState {
    if (this.#isTalking || this.#greeting === undefined) {
      return this.#talk?.session.turn ?? "closed";
    }
    return this.#talk !== undefined && this.#question === undefined ? "local" : "remote";
  }

  get #isTalking(): boolean {
    return this.#talk !== undefined && this.#talk.session.turn !== "closed";
  }

  override receive(datagram: Uint8Array, from: Address, now: number): void {
    this.#now = now;
    const type = packetType(datagram);
    if (type === undefined) return this.#receiveForeign(datagram, from, now);
    if (this.#talk?.session.owns(datagram)) this.#receiveTalk(this.#talk, datagram, from, now);
    else if (this.#greeting !== undefined) this.#receiveGreeting(this.#greeting, datagram, now);
    else this.drop(this.#talk === undefined ? "ignored" : "unknown");
  }

  override handleTimeout(now: number): void {
    this.#now = now;
    const isGap = this.nextTimeout + GAP_MS <= now;
    if (this.#talk !== undefined) this.#handleTalkTimeout(this.#talk, isGap, now);
    if (this.#greeting !== undefined) this.#handleGreetingTimeout(this.#greeting, isGap, now);
  }

  /**
   * Asks. The bytes are kept until the answer is there, and must not change.
   *
   * @throws {OutOfTurnError} If an answer is still due, or the conversation is over.
   * @throws {MessageTooLongError} If the question is too long.
   */
  ask(question: Uint8Array, now: number): void {
    this.checkSize(question);
    if (this.turn !== "local") throw new OutOfTurnError(this.turn);
    this.#question = question;
    if (this.#talk?.session.turn === "local") this.#talk.session.send(question, now);
  }

  /** Says bye. A client that is not connected just stops. */
  bye(reason: ByeReason, now: number): void {
    if (this.#isTalking) {
      this.#isLeaving = true;
      this.#greeting = undefined;
      // A RESET from before the bye does not confirm it.
      this.#talk!.doubtedUntil = Infinity;
      this.#talk!.session.bye(reason, now);
    } else if (this.#greeting !== undefined) {
      this.emit({ type: "ended", reason });
      this.#finish();
    }
  }

  /** The state of the conversation, if the datagram belongs to it. */
  override inspect(datagram: Uint8Array): Inspection | undefined {
    const talk = this.#talk;
    const id = readHeader(datagram)?.id;
    if (id === undefined) return undefined;
    if (id === talk?.session.id || id === talk?.nonce) return talk.session;
    return this.#handshakeOf(id) && inspectionOf(this.#greeting!);
  }

  // A client sends only to the address that it was given: a server does not move.
  override transmit(datagram: Uint8Array): void {
    super.transmit(datagram, this.#options.server);
  }

  sessionEvent(_session: Session, event: SessionEvent): void {
    const { random, idleTimeout } = this.#options;
    switch (event.type) {
      case "connected":
      case "noticed":
        // Only answerers hear these.
        break;
      case "delivered":
        this.emit({ type: "delivered" });
        break;
      case "message":
        this.#question = undefined;
        this.emit({ type: "answer", text: event.text });
        break;
      case "unresponsive":
        this.emit(event);
        this.emit({ type: "hop" });
        this.#greet(this.#now + (1 + random() / 4) * UNRESPONSIVE_MS, HOPPING, this.#talk!.rtt);
        break;
      case "responsive":
        this.emit(event);
        if (this.#isTalking) this.#greeting = undefined;
        break;
      case "ended":
        this.#greeting = undefined;
        if (event.reason !== "moved") this.emit(event);
        else if (this.#isLeaving) this.emit({ type: "ended", reason: "bye" });
        else {
          this.emit({ type: "reconnecting" });
          const at = this.#now + (1 + random()) / 2 * MOVE_PAUSE_MS;
          this.#greet(at, HOPPING, this.#talk!.rtt).giveUpAt = this.#now + idleTimeout;
        }
        break;
      case "forgotten":
        if (this.#greeting === undefined) this.#finish();
        break;
      default:
        this.emit(event);
    }
  }

  #finish(): void {
    this.#talk = undefined;
    this.#greeting = undefined;
    this.emit({ type: "over" });
  }

  #giveUp({ refusal, handshakes, failures }: Greeting): void {
    this.#greeting = undefined;
    // The server of the talk may be heard again.
    if (this.#isTalking) return;
    const known = failures > 0 ? "wrong-code" : refusal;
    // A server with a key would have proved its refusal; one without a proof may be forged.
    const hasKey = handshakes[0]!.initiation.keyShare.length > 0;
    if (this.#talk !== undefined) {
      const reason = hasKey && known !== "wrong-code" ? "silence" : endOf(known);
      this.emit({ type: "ended", reason });
    } else if (known === undefined) this.emit({ type: "unreachable" });
    else this.emit({ type: "refused", refusal: known });
    this.#finish();
  }

  /** Asks for a session, from that time on. */
  #greet(at: number, vain: number, rtt = new RttEstimator()): Greeting {
    const hello = new Retransmission();
    hello.deadline = at;
    const handshakes = [this.#newHandshake()];
    const counts = { vain, hoppedAt: at, failures: 0, retries: 0 };
    return this.#greeting = { giveUpAt: Infinity, rtt, hello, handshakes, ...counts };
  }

  #newHandshake(): Handshake {
    const { randomBytes, idleTimeout, room = OPEN_ROOM } = this.#options;
    const bytes = randomBytes(8);
    const nonce = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    return { nonce, initiation: room.initiate(handshakeFields(nonce, idleTimeout)), token: EMPTY };
  }

  #handshakeOf(id: bigint | undefined): Handshake | undefined {
    return this.#greeting?.handshakes.find(({ nonce }) => nonce === id);
  }

  #handleGreetingTimeout(greeting: Greeting, isGap: boolean, now: number): void {
    const { hello } = greeting;
    // After time that this end did not live, the server is asked before it is given up.
    if (isGap) greeting.giveUpAt = Math.max(greeting.giveUpAt, now + MAX_DOUBT_MS);
    if (isGap && this.#isTalking) hello.deadline = now + UNRESPONSIVE_MS;
    if (greeting.giveUpAt <= now) return this.#giveUp(greeting);
    if (hello.deadline > now) return;
    this.#hop(greeting, now);
    // Two HELLOs have to arrive within a few seconds: two copies each time (RFC 9002 §6.2.4).
    if (hello.attempt > 0) {
      hello.timedOut();
      this.#transmitHello(greeting, now);
    }
    greeting.retries = 0;
    this.#transmitHello(greeting, now);
  }

  /** Tries another port and nonce, if it is time. */
  #hop(greeting: Greeting, now: number): void {
    const { handshakes, hoppedAt } = greeting;
    const vain = greeting.vain++;
    // A server that sent a token was there a moment ago.
    const patience = handshakes[0]!.token.length > 0 ? RESTING : HOPPING;
    if (vain < patience || (vain >= RESTING && now < hoppedAt + UNRESPONSIVE_MS)) return;
    greeting.hoppedAt = now;
    handshakes.unshift(this.#newHandshake());
    handshakes.splice(MAX_HANDSHAKES);
    this.emit({ type: "hop" });
  }

  #receiveGreeting(greeting: Greeting, datagram: Uint8Array, now: number): void {
    const packet = decode(datagram);
    if (packet === undefined) return this.drop("malformed");
    const handshake = this.#handshakeOf(packet.id);
    // A sender without the nonce did not see the HELLO, and cannot speak for the server.
    if (handshake === undefined) return this.drop("unknown");
    if (this.#isTalking && packet.type !== "refuse") {
      // The way is open: where the server of the talk was only cut off, nothing is to be asked twice.
      this.#receiveReset(this.#talk!, now);
      greeting.handshakes = [handshake];
      greeting.hello.deadline = this.#talk!.doubtedUntil;
      return;
    }
    switch (packet.type) {
      case "retry":
        return this.#receiveRetry(greeting, handshake, packet, now);
      case "welcome":
        return this.#receiveWelcome(greeting, handshake, packet, now);
      case "refuse":
        return this.#receiveRefusal(greeting, REFUSALS[packet.payload[0]!] ?? "full", now);
      default:
        this.drop("ignored");
    }
  }

  // A server of another version answers with a RESET of its own.
  #receiveForeign(datagram: Uint8Array, from: Address, now: number): void {
    const talk = this.#talk;
    this.drop("malformed");
    const id = isOtherVersion(datagram) && isReset(datagram) ? packetId(datagram) : undefined;
    if (this.#handshakeOf(id)) return this.#receiveRefusal(this.#greeting!, "version", now);
    if (talk !== undefined && talk.session.id === id) return this.#receiveReset(talk, now);
    if (this.turn !== "closed") this.emit(this.#foreign.take(kindOf(datagram), from, now));
  }

  #receiveRefusal(greeting: Greeting, refusal: Refusal, now: number): void {
    // The client finds out by itself.
    if (refusal === "wrong-code") return this.drop("ignored");
    greeting.refusal = refusal;
    if (refusal === "wait") {
      const pause = (1 + this.#options.random() / 2) * EXCHANGE_PAUSE_MS;
      greeting.hello.deadline = Math.max(greeting.hello.deadline, now + pause);
      return;
    }
    // A refusal is unauthenticated: it ends an attempt, never a conversation.
    if (this.#talk === undefined) this.#giveUp(greeting);
  }

  #receiveRetry(greeting: Greeting, handshake: Handshake, packet: Packet, now: number): void {
    if (constantTimeEqual(packet.payload, handshake.token)) return this.drop("duplicates");
    greeting.rtt.sample(greeting.hello.elapsed(packet.echo, now));
    handshake.token = packet.payload.slice();
    greeting.handshakes = [handshake];
    greeting.vain = 0;
    if (++greeting.retries <= MAX_RETRIES) this.#transmitHello(greeting, now);
  }

  #receiveWelcome(greeting: Greeting, handshake: Handshake, packet: Packet, now: number): void {
    const welcome = decodeWelcome(packet.payload);
    const seal = handshake.initiation.complete(welcome.keyShare, welcome.fields);
    if (seal === undefined) return this.#failed(greeting, handshake, now);
    const { rtt } = greeting;
    rtt.sample(greeting.hello.elapsed(packet.echo, now));
    const { server, idleTimeout, name, random, randomBytes } = this.#options;
    const session = new Session({
      id: welcome.sessionId,
      role: "asker",
      address: server,
      now,
      idleTimeout: agreedIdleTimeout(idleTimeout, welcome.idleTimeout),
      output: this,
      random,
      randomBytes,
      rtt,
      ...(name && { name }),
      seal,
    });
    const { nonce } = handshake;
    this.#talk = { session, nonce, rtt, doubtedAt: 0, doubtedUntil: Infinity, refuted: 0 };
    this.#greeting = undefined;
    session.delivery.welcomeReceived(packet.attempt, now);
    this.emit({ type: "connected" });
    // A seat is taken with the first packet: whoever connects later must not be there before.
    if (this.#question === undefined) session.handleTimeout(now);
    else session.send(this.#question, now);
  }

  // This exchange is over: another WELCOME would be another guess. The server is told, for its operator.
  #failed(greeting: Greeting, { nonce, initiation }: Handshake, now: number): void {
    this.drop("unopened");
    if (initiation.keyShare.length === 0) return;
    const payload = Uint8Array.of(REFUSALS.indexOf("wrong-code"));
    this.transmit(encode({ type: "refuse", id: nonce, payload }));
    if (++greeting.failures === MAX_EXCHANGES) return this.#giveUp(greeting);
    greeting.handshakes = [this.#newHandshake()];
    greeting.hello = new Retransmission();
    greeting.hello.deadline = now + EXCHANGE_PAUSE_MS;
  }

  #receiveTalk(talk: Talk, datagram: Uint8Array, from: Address, now: number): void {
    const { session } = talk;
    if (packetType(datagram) !== "reset") session.receive(datagram, from, now);
    else if (decode(datagram) === undefined) this.drop("malformed");
    else this.#receiveReset(talk, now);
  }

  #receiveReset(talk: Talk, now: number): void {
    const { session } = talk;
    // A bye does not wait for long: it needs no doubt.
    const isOver = session.turn === "leaving" || session.turn === "closed";
    if (isOver || talk.doubtedUntil < Infinity) return;
    talk.doubtedAt = now;
    // While RESETs are forged, the next one is doubted for longer.
    const timeouts = DOUBT_TIMEOUTS * session.retransmissionTimeout;
    const doubt = Math.min(MAX_DOUBT_MS, Math.max(MIN_DOUBT_MS, timeouts) * 2 ** talk.refuted);
    talk.doubtedUntil = now + doubt;
    session.doubt(now, doubt);
  }

  #handleTalkTimeout(talk: Talk, isGap: boolean, now: number): void {
    const { session } = talk;
    const isRefuted = session.heardAt > talk.doubtedAt;
    session.handleTimeout(now);
    if (isGap && talk.doubtedUntil < Infinity) {
      talk.doubtedUntil = now + MAX_DOUBT_MS;
      if (!isRefuted) talk.doubtedAt = now;
    }
    if (talk.doubtedUntil > now) return;
    talk.doubtedUntil = Infinity;
    if (session.turn === "leaving" || session.turn === "closed") return;
    if (session.heardAt > talk.doubtedAt) return void talk.refuted++;
    session.abandon();
    this.emit({ type: "reconnecting" });
    const greeting = this.#greeting ?? this.#greet(now, 0);
    greeting.vain = 0;
    greeting.giveUpAt = now + this.#options.idleTimeout;
    greeting.hello.deadline = now;
  }

  #transmitHello(greeting: Greeting, now: number): void {
    const { hello, rtt, handshakes } = greeting;
    const { nonce, token, initiation } = handshakes[0]!;
    const { idleTimeout } = this.#options;
    const payload = encodeHello({ idleTimeout, token, keyShare: initiation.keyShare });
    // Clients that start together must not retransmit in step (RFC 7252 §4.2).
    const jitter = 1 + this.#options.random() / 2;
    // A user waits for the first connection, so there is time for few tries: they come at a steady
    // pace, as the first SYNs of TCP do today.
    const longest = this.#talk === undefined ? INITIAL_RTO_MS : longestPause(idleTimeout);
    hello.sent(now, jitter * rtt.timeout, longest);
    this.transmit(encode({ type: "hello", id: nonce, attempt: hello.attempt, payload }));
  }
}

function inspectionOf({ hello, rtt }: Greeting): Inspection {
  return {
    turn: undefined,
    retransmissionTimeout: rtt.timeout,
    timer: hello,
    timerOf: ({ type }) => type === "hello" ? hello : undefined,
    retransmissions: Math.max(0, hello.attempt - 1),
    acknowledgementAt: Infinity,
  };
}

function endOf(refusal: Refusal | undefined): EndReason {
  switch (refusal) {
    case "closing":
    case "private":
    case "version":
    case "wrong-code":
      return refusal;
    default:
      return refusal === undefined ? "silence" : "refused";
  }
}
