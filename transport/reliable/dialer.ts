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
import { agreedIdleTimeout, GAP_MS, Session } from "./session.ts";
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

/** An event at a client's end, of either protocol. */
export type DialerEvent =
  | ConversationEvent
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

interface Greeting {
  readonly state: "greeting";
  readonly nonce: bigint;
  giveUpAt: number;
  readonly isReconnect: boolean;
  readonly rtt: RttEstimator;
  readonly hello: Retransmission;
  readonly initiation: Initiation;
  /** Exchanges before this one, in which the server had another code. */
  readonly failures: number;
  token: Uint8Array;
  /** RETRYs since the timer last sent a HELLO. */
  retries: number;
  /** The server's last refusal, if any. */
  refusal?: Refusal;
}

/** A session, and the doubt that a RESET cast on it. */
interface Talk {
  readonly state: "talking";
  readonly session: Session;
  readonly nonce: bigint;
  doubtedAt: number;
  doubtedUntil: number;
  /** RESETs that a sign of life refuted. */
  refuted: number;
}

type State =
  | Greeting
  | Talk
  | { readonly state: "over" };

/** One conversation in which this end asks. */
export class Dialer extends Endpoint<DialerEvent> implements SessionOutput {
  override readonly maxMessageBytes = MAX_MESSAGE_BYTES;
  override readonly maxDatagramBytes = MAX_DATAGRAM_BYTES;
  readonly #options: DialerOptions;
  readonly #foreign = new ForeignLog();
  #state: State;
  #question: Uint8Array | undefined;

  /** Starts with a HELLO. */
  constructor(options: DialerOptions) {
    super();
    this.#options = options;
    this.#state = this.#greet(options.now + options.connectTimeout, false);
    this.#transmitHello(this.#state, options.now);
  }

  override get nextTimeout(): number {
    const state = this.#state;
    if (state.state === "greeting") return Math.min(state.hello.deadline, state.giveUpAt);
    if (state.state === "over") return Infinity;
    return Math.min(state.session.nextTimeout, state.doubtedUntil);
  }

  /** Whose move it is. A client that reconnects may ask, once. */
  get turn(): TurnState {
    const state = this.#state;
    if (state.state === "talking") return state.session.turn;
    if (state.state === "over") return "closed";
    return state.isReconnect && this.#question === undefined ? "local" : "remote";
  }

  override receive(datagram: Uint8Array, from: Address, now: number): void {
    const type = packetType(datagram);
    if (type === undefined) return this.#receiveForeign(datagram, from, now);
    const state = this.#state;
    if (state.state === "greeting") this.#receiveGreeting(state, datagram, now);
    else if (state.state === "talking") this.#receiveTalk(state, datagram, from, now);
    else this.drop("ignored");
  }

  override handleTimeout(now: number): void {
    const state = this.#state;
    if (state.state === "talking") return this.#handleTalkTimeout(state, now);
    if (state.state === "over") return;
    // After time that this end did not live, the server is asked before it is given up.
    if (this.nextTimeout + GAP_MS <= now) {
      state.giveUpAt = Math.max(state.giveUpAt, now + MAX_DOUBT_MS);
    }
    if (state.giveUpAt <= now) {
      this.#giveUp(state);
    } else if (state.hello.deadline <= now) {
      // Two HELLOs have to arrive within a few seconds: two copies each time (RFC 9002 §6.2.4).
      if (state.hello.attempt > 0) {
        state.hello.timedOut();
        this.#transmitHello(state, now);
      }
      state.retries = 0;
      this.#transmitHello(state, now);
    }
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
    if (this.#state.state === "talking") this.#state.session.send(question, now);
  }

  /** Says bye. A client that is not connected just stops. */
  bye(reason: ByeReason, now: number): void {
    if (this.#state.state === "talking") {
      // A RESET from before the bye does not confirm it.
      this.#state.doubtedUntil = Infinity;
      this.#state.session.bye(reason, now);
    } else if (this.#state.state === "greeting") {
      this.emit({ type: "ended", reason });
      this.#finish();
    }
  }

  /** The state of the conversation, if the datagram belongs to it. */
  override inspect(datagram: Uint8Array): Inspection | undefined {
    const state = this.#state;
    const id = readHeader(datagram)?.id;
    if (state.state === "over" || id === undefined) return undefined;
    if (state.state === "talking") {
      return id === state.session.id || id === state.nonce ? state.session : undefined;
    }
    return id === state.nonce ? inspectionOf(state) : undefined;
  }

  // A client sends only to the address that it was given: a server does not move.
  override transmit(datagram: Uint8Array): void {
    super.transmit(datagram, this.#options.server);
  }

  sessionEvent(_session: Session, event: SessionEvent): void {
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
      case "forgotten":
        this.#finish();
        break;
      default:
        this.emit(event);
    }
  }

  #finish(): void {
    this.#state = { state: "over" };
    this.emit({ type: "over" });
  }

  #giveUp({ isReconnect, refusal, initiation, failures }: Greeting): void {
    const known = failures > 0 ? "wrong-code" : refusal;
    // A server with a key would have proved its refusal; one without a proof may be forged.
    const hasKey = initiation.keyShare.length > 0;
    if (isReconnect) {
      const reason = hasKey && known !== "wrong-code" ? "silence" : endOf(known);
      this.emit({ type: "ended", reason });
    } else if (known === undefined) this.emit({ type: "unreachable" });
    else this.emit({ type: "refused", refusal: known });
    this.#finish();
  }

  #greet(giveUpAt: number, isReconnect: boolean, failures = 0): Greeting {
    const { randomBytes, room = OPEN_ROOM } = this.#options;
    const bytes = randomBytes(8);
    const nonce = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    return {
      state: "greeting",
      nonce,
      giveUpAt,
      isReconnect,
      rtt: new RttEstimator(),
      hello: new Retransmission(),
      initiation: room.initiate(handshakeFields(nonce, this.#options.idleTimeout)),
      failures,
      token: EMPTY,
      retries: 0,
    };
  }

  #receiveGreeting(greeting: Greeting, datagram: Uint8Array, now: number): void {
    const packet = decode(datagram);
    if (packet === undefined) return this.drop("malformed");
    // A sender without the nonce did not see the HELLO, and cannot speak for the server.
    if (packet.id !== greeting.nonce) return this.drop("unknown");
    switch (packet.type) {
      case "retry":
        return this.#receiveRetry(greeting, packet, now);
      case "welcome":
        return this.#receiveWelcome(greeting, packet, now);
      case "refuse":
        return this.#receiveRefusal(greeting, REFUSALS[packet.payload[0]!] ?? "full", now);
      default:
        this.drop("ignored");
    }
  }

  // A server of another version answers with a RESET of its own.
  #receiveForeign(datagram: Uint8Array, from: Address, now: number): void {
    const state = this.#state;
    this.drop("malformed");
    const id = isOtherVersion(datagram) && isReset(datagram) ? packetId(datagram) : undefined;
    if (state.state === "greeting" && state.nonce === id) {
      return this.#receiveRefusal(state, "version", now);
    }
    if (state.state === "talking" && state.session.id === id) return this.#receiveReset(state, now);
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
    if (!greeting.isReconnect) this.#giveUp(greeting);
  }

  #receiveRetry(greeting: Greeting, packet: Packet, now: number): void {
    if (constantTimeEqual(packet.payload, greeting.token)) return this.drop("duplicates");
    greeting.rtt.sample(greeting.hello.elapsed(packet.echo, now));
    greeting.token = packet.payload.slice();
    if (++greeting.retries <= MAX_RETRIES) this.#transmitHello(greeting, now);
  }

  #receiveWelcome(greeting: Greeting, packet: Packet, now: number): void {
    const welcome = decodeWelcome(packet.payload);
    const seal = greeting.initiation.complete(welcome.keyShare, welcome.fields);
    if (seal === undefined) return this.#failed(greeting, now);
    greeting.rtt.sample(greeting.hello.elapsed(packet.echo, now));
    const session = new Session({
      id: welcome.sessionId,
      role: "asker",
      address: this.#options.server,
      now,
      idleTimeout: agreedIdleTimeout(this.#options.idleTimeout, welcome.idleTimeout),
      output: this,
      random: this.#options.random,
      randomBytes: this.#options.randomBytes,
      rtt: greeting.rtt,
      ...(this.#options.name && { name: this.#options.name }),
      seal,
    });
    const { nonce } = greeting;
    const doubt = { doubtedAt: 0, doubtedUntil: Infinity, refuted: 0 };
    this.#state = { state: "talking", session, nonce, ...doubt };
    session.delivery.welcomeReceived(packet.attempt, now);
    this.emit({ type: "connected" });
    if (this.#question !== undefined) session.send(this.#question, now);
  }

  // This exchange is over: another WELCOME would be another guess. The server is told, for its operator.
  #failed(greeting: Greeting, now: number): void {
    this.drop("unopened");
    if (greeting.initiation.keyShare.length === 0) return;
    const payload = Uint8Array.of(REFUSALS.indexOf("wrong-code"));
    this.transmit(encode({ type: "refuse", id: greeting.nonce, payload }));
    const failures = greeting.failures + 1;
    if (failures === MAX_EXCHANGES) return this.#giveUp({ ...greeting, failures });
    const fresh = this.#greet(greeting.giveUpAt, greeting.isReconnect, failures);
    fresh.hello.deadline = now + EXCHANGE_PAUSE_MS;
    this.#state = fresh;
  }

  #receiveTalk(talk: Talk, datagram: Uint8Array, from: Address, now: number): void {
    const { session } = talk;
    if (!session.owns(datagram)) return this.drop("unknown");
    if (packetType(datagram) !== "reset") session.receive(datagram, from, now);
    else if (decode(datagram) === undefined) this.drop("malformed");
    else this.#receiveReset(talk, now);
  }

  #receiveReset(talk: Talk, now: number): void {
    const { session } = talk;
    if (session.turn === "closed" || talk.doubtedUntil < Infinity) return;
    talk.doubtedAt = now;
    // While RESETs are forged, the next one is doubted for longer.
    const timeouts = DOUBT_TIMEOUTS * session.retransmissionTimeout;
    // A bye waits no longer than the longest doubt.
    const longest = session.turn === "leaving" ? MAX_DOUBT_MS / 2 : MAX_DOUBT_MS;
    const doubt = Math.min(longest, Math.max(MIN_DOUBT_MS, timeouts) * 2 ** talk.refuted);
    talk.doubtedUntil = now + doubt;
    // An unconfirmed bye is retransmitted anyway.
    if (session.turn !== "leaving") session.doubt(now, doubt);
  }

  #handleTalkTimeout(talk: Talk, now: number): void {
    const { session } = talk;
    const isGap = this.nextTimeout + GAP_MS <= now;
    const isRefuted = session.heardAt > talk.doubtedAt;
    session.handleTimeout(now);
    if (isGap && talk.doubtedUntil < Infinity) {
      talk.doubtedUntil = now + MAX_DOUBT_MS;
      if (!isRefuted) talk.doubtedAt = now;
    }
    if (talk.doubtedUntil > now) return;
    talk.doubtedUntil = Infinity;
    if (session.turn === "closed") return;
    // To a bye only its confirmation is an answer: anything else may be a copy of something old.
    const isLeaving = session.turn === "leaving";
    if (!isLeaving && session.heardAt > talk.doubtedAt) return void talk.refuted++;
    session.abandon();
    if (isLeaving) {
      // A server that has forgotten the conversation has confirmed its end.
      this.emit({ type: "ended", reason: "bye" });
      return this.#finish();
    }
    this.emit({ type: "reconnecting" });
    const greeting = this.#greet(now + this.#options.idleTimeout, true);
    this.#state = greeting;
    this.#transmitHello(greeting, now);
  }

  #transmitHello(greeting: Greeting, now: number): void {
    const { hello, token, rtt, nonce, initiation } = greeting;
    const { idleTimeout } = this.#options;
    // The server computes nothing for an unproved address: the key share goes with the token.
    const keyShare = token.length === 0 ? EMPTY : initiation.keyShare;
    const payload = encodeHello({ idleTimeout, token, keyShare });
    // Clients that start together must not retransmit in step (RFC 7252 §4.2).
    const jitter = 1 + this.#options.random() / 2;
    // A user waits for the first connection, so there is time for few tries: they come at a steady
    // pace, as the first SYNs of TCP do today.
    const longest = greeting.isReconnect ? longestPause(idleTimeout) : INITIAL_RTO_MS;
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
