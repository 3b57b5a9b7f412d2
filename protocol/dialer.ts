/**
 * The client's end without input or output: it gets through to a server, holds one conversation, and
 * gets through again when the server has forgotten it.
 *
 * @module
 */
import { Retransmission } from "./delivery.ts";
import { type Address, type Endpoint, Outbox, type Transmit } from "./outbox.ts";
import { type ByeReason, decode, decodeWelcome, encode, encodeHello } from "./packet.ts";
import { MAX_MESSAGE_BYTES, type Packet, packetId, packetType } from "./packet.ts";
import { type Refusal, REFUSALS } from "./packet.ts";
import { INITIAL_RTO_MS, RttEstimator } from "./rtt.ts";
import { agreedIdleTimeout, type Counters, longestPause, newCounters, Session } from "./session.ts";
import type { EndReason, SessionEvent, SessionOutput } from "./session.ts";
import { OutOfTurnError, type TurnState } from "./turn.ts";

/** How long a client tries to get through to a server, in ms, unless an option says otherwise. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** What happened at the client's end. */
export type DialerEvent =
  /** It got through, for the first time or again. */
  | { readonly type: "connected" }
  /** The question is on the server's machine. */
  | { readonly type: "delivered" }
  /** So many questions will be answered before this one. */
  | { readonly type: "position"; readonly ahead: number }
  /** The server owes a sign of life, for 5 s by now. */
  | { readonly type: "unresponsive" }
  /** The server is heard again. */
  | { readonly type: "responsive" }
  /** The answer is complete. */
  | { readonly type: "answer"; readonly text: string }
  /** The server no longer knows this session: it was restarted. The client is getting through anew. */
  | { readonly type: "reconnecting" }
  /** Nobody answered within the time for connecting. */
  | { readonly type: "unreachable" }
  /** The server does not want this client. */
  | { readonly type: "refused"; readonly refusal: Refusal }
  /** The conversation is over; its end may still have to be confirmed to the server. */
  | { readonly type: "ended"; readonly reason: EndReason }
  /** Nothing more will be sent or heard. */
  | { readonly type: "over" };

/** How a {@linkcode Dialer} works. */
export interface DialerOptions {
  /** The server. */
  readonly server: Address;
  /** The time of the first HELLO, in ms. */
  readonly now: number;
  /** How long to try to get through, in ms. */
  readonly connectTimeout: number;
  /** Silence after which the server is gone, in ms. */
  readonly idleTimeout: number;
  /** So many unpredictable bytes. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
}

interface Greeting {
  readonly state: "greeting";
  readonly nonce: bigint;
  readonly giveUpAt: number;
  readonly isReconnect: boolean;
  readonly rtt: RttEstimator;
  readonly hello: Retransmission;
  token: Uint8Array;
}

type State =
  | Greeting
  | { readonly state: "talking"; readonly session: Session }
  | { readonly state: "over" };

const NOTHING = new Uint8Array(0);

/** One conversation in which this end asks. */
export class Dialer implements Endpoint<DialerEvent>, SessionOutput {
  /** What was not taken in. */
  readonly counters: Counters = newCounters();
  readonly #options: DialerOptions;
  readonly #outbox = new Outbox<DialerEvent>();
  #state: State;
  #question: Uint8Array | undefined;

  /** Starts with a HELLO. */
  constructor(options: DialerOptions) {
    this.#options = options;
    this.#state = this.#greet(options.now, options.now + options.connectTimeout, false);
  }

  get nextTimeout(): number {
    const state = this.#state;
    if (state.state === "greeting") return Math.min(state.hello.deadline, state.giveUpAt);
    return state.state === "talking" ? state.session.nextTimeout : Infinity;
  }

  /** Whose move it is. A client that is getting through again may ask, once. */
  get turn(): TurnState {
    const state = this.#state;
    if (state.state === "talking") return state.session.turn;
    if (state.state === "over") return "closed";
    return state.isReconnect && this.#question === undefined ? "local" : "remote";
  }

  receive(datagram: Uint8Array, from: Address, now: number): void {
    const type = packetType(datagram);
    if (type === undefined) {
      this.counters.malformed++;
      return;
    }
    const state = this.#state;
    switch (state.state) {
      case "greeting":
        return this.#receiveGreeting(state, datagram, now);
      case "talking":
        return this.#receiveTalk(state.session, datagram, from, now);
      case "over":
        this.counters.ignored++;
    }
  }

  handleTimeout(now: number): void {
    const state = this.#state;
    if (state.state === "talking") return state.session.handleTimeout(now);
    if (state.state === "over") return;
    if (state.giveUpAt <= now) {
      if (state.isReconnect) this.#outbox.emit({ type: "ended", reason: "silence" });
      else this.#outbox.emit({ type: "unreachable" });
      this.#finish();
    } else if (state.hello.deadline <= now) {
      for (let copies = state.hello.timedOut(); copies > 0; copies--) {
        this.#transmitHello(state, now);
      }
    }
  }

  /**
   * Asks. The bytes are kept until the answer is there, and must not change.
   *
   * @throws {OutOfTurnError} If an answer is still due, or the conversation is over.
   * @throws {RangeError} If the question is too long.
   */
  ask(question: Uint8Array, now: number): void {
    if (question.length > MAX_MESSAGE_BYTES) {
      throw new RangeError(`Cannot ask a question of more than ${MAX_MESSAGE_BYTES} bytes`);
    }
    if (this.turn !== "local") throw new OutOfTurnError(this.turn);
    this.#question = question;
    if (this.#state.state === "talking") this.#state.session.send(question, now);
  }

  /** Says bye. A client that is not connected just stops. */
  bye(reason: ByeReason, now: number): void {
    if (this.#state.state === "talking") {
      this.#state.session.bye(reason, now);
    } else if (this.#state.state === "greeting") {
      this.#outbox.emit({ type: "ended", reason });
      this.#finish();
    }
  }

  takeTransmits(): Transmit[] {
    return this.#outbox.takeTransmits();
  }

  takeEvents(): DialerEvent[] {
    return this.#outbox.takeEvents();
  }

  // A client sends to the address that it was given, whoever says to be the server elsewhere.
  transmit(datagram: Uint8Array): void {
    this.#outbox.transmit(datagram, this.#options.server);
  }

  sessionEvent(_session: Session, event: SessionEvent): void {
    switch (event.type) {
      case "delivered":
        this.#outbox.emit({ type: "delivered" });
        break;
      case "connected":
        // Only answerers hear this.
        break;
      case "position":
      case "unresponsive":
      case "responsive":
        this.#outbox.emit(event);
        break;
      case "message":
        this.#question = undefined;
        this.#outbox.emit({ type: "answer", text: event.text });
        break;
      case "ended":
        this.#outbox.emit(event);
        break;
      case "forgotten":
        this.#finish();
    }
  }

  #finish(): void {
    this.#state = { state: "over" };
    this.#outbox.emit({ type: "over" });
  }

  #greet(now: number, giveUpAt: number, isReconnect: boolean): Greeting {
    const bytes = this.#options.randomBytes(8);
    const greeting: Greeting = {
      state: "greeting",
      nonce: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0),
      giveUpAt,
      isReconnect,
      rtt: new RttEstimator(),
      hello: new Retransmission(),
      token: NOTHING,
    };
    this.#transmitHello(greeting, now);
    return greeting;
  }

  #receiveGreeting(greeting: Greeting, datagram: Uint8Array, now: number): void {
    const packet = decode(datagram);
    if (packet === undefined) {
      this.counters.malformed++;
      return;
    }
    // Whoever does not know the nonce did not see the HELLO, and cannot speak for the server.
    if (packet.id !== greeting.nonce) {
      this.counters.unknown++;
      return;
    }
    switch (packet.type) {
      case "retry":
        return this.#receiveRetry(greeting, packet, now);
      case "welcome":
        return this.#receiveWelcome(greeting, packet, now);
      case "refuse":
        return this.#receiveRefusal(greeting, REFUSALS[packet.payload[0]!] ?? "full");
      default:
        this.counters.ignored++;
    }
  }

  #receiveRefusal({ isReconnect }: Greeting, refusal: Refusal): void {
    if (!isReconnect) this.#outbox.emit({ type: "refused", refusal });
    else this.#outbox.emit({ type: "ended", reason: refusal === "closing" ? refusal : "refused" });
    this.#finish();
  }

  #receiveRetry(greeting: Greeting, packet: Packet, now: number): void {
    if (isEqual(packet.payload, greeting.token)) {
      this.counters.duplicates++;
      return;
    }
    this.#measure(greeting, packet, now);
    greeting.token = packet.payload.slice();
    this.#transmitHello(greeting, now);
  }

  #receiveWelcome(greeting: Greeting, packet: Packet, now: number): void {
    this.#measure(greeting, packet, now);
    const welcome = decodeWelcome(packet.payload);
    const session = new Session({
      id: welcome.sessionId,
      role: "asker",
      address: this.#options.server,
      now,
      idleTimeout: agreedIdleTimeout(this.#options.idleTimeout, welcome.idleTimeout),
      output: this,
      counters: this.counters,
      random: this.#options.random,
      rtt: greeting.rtt,
    });
    this.#state = { state: "talking", session };
    session.welcomeReceived(packet.attempt, now);
    this.#outbox.emit({ type: "connected" });
    if (this.#question !== undefined) session.send(this.#question, now);
  }

  #receiveTalk(session: Session, datagram: Uint8Array, from: Address, now: number): void {
    if (packetId(datagram) !== session.id) {
      this.counters.unknown++;
      return;
    }
    if (packetType(datagram) !== "reset") session.receive(datagram, from, now);
    else if (decode(datagram) === undefined) this.counters.malformed++;
    else this.#receiveReset(session, now);
  }

  #receiveReset(session: Session, now: number): void {
    const isLeaving = session.turn === "leaving";
    if (session.turn === "closed") return;
    session.abandon();
    if (isLeaving) {
      // A server that has forgotten the conversation has confirmed its end.
      this.#outbox.emit({ type: "ended", reason: "bye" });
      this.#finish();
    } else {
      this.#outbox.emit({ type: "reconnecting" });
      this.#state = this.#greet(now, now + this.#options.idleTimeout, true);
    }
  }

  #transmitHello(greeting: Greeting, now: number): void {
    const { hello, token, rtt, nonce } = greeting;
    const { idleTimeout } = this.#options;
    const payload = encodeHello({ idleTimeout, token, keyShare: NOTHING });
    // A class that starts together would otherwise knock in step each time (RFC 7252 §4.2).
    const jitter = 1 + this.#options.random() / 2;
    // While somebody waits for the first connection there is time for few tries: they come at a
    // steady pace, as a TCP that opens a connection sends its first SYNs today.
    const longest = greeting.isReconnect ? longestPause(idleTimeout) : INITIAL_RTO_MS;
    hello.sent(now, jitter * rtt.timeout, longest);
    this.transmit(encode({ type: "hello", id: nonce, attempt: hello.attempt, payload }));
  }

  #measure(greeting: Greeting, packet: Packet, now: number): void {
    const elapsed = greeting.hello.elapsed(packet.echo, now);
    if (elapsed !== undefined) greeting.rtt.sample(elapsed, 0);
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
