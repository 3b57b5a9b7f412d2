/**
 * The server's end without input or output: the handshake, in which an address is asked to prove itself
 * when it has to be, and the table of sessions.
 *
 * @module
 */
import { Deadlines, type Sleeper } from "../deadlines.ts";
import { type Address, Endpoint, type Inspection, type Randomness } from "../endpoint.ts";
import { type ByeReason, type Hello, type Refusal, REFUSALS } from "./packet.ts";
import { decode, decodeHello, encode, encodeWelcome, handshakeFields } from "./packet.ts";
import { idLow, MAX_DATAGRAM_BYTES, packetId, packetIdLow } from "./packet.ts";
import { isOtherVersion, isReset, kindOf, packetType, readHeader } from "./packet.ts";
import { isSame } from "./path.ts";
import { type RetryTokenOptions, RetryTokens } from "./retry_token.ts";
import { OPEN_ROOM, type Room } from "./seal.ts";
import { agreedIdleTimeout, GAP_MS, Session } from "./session.ts";
import type { SessionEvent, SessionOptions, SessionOutput } from "./session.ts";
import { GuessLimit } from "./guess_limit.ts";
import { FairLimit, networkOf, type Overload, OverloadLog } from "../limits.ts";
import { type ForeignEvent, ForeignLog, type ServerLimits } from "../limits.ts";
import { HALF_OPEN_MS, MAX_HALF_OPEN, MAX_HALF_OPEN_OF_NETWORK } from "../limits.ts";
import { UNPROVED_REPLIES_PER_SECOND } from "../limits.ts";
import { MAX_MESSAGE_BYTES } from "../../protocol.ts";

/** Longest that a closing server waits for the clients to confirm its bye, in ms. */
export const SHUTDOWN_TIMEOUT_MS = 2_000;

/** Longest that it waits for the next acknowledgement while an answer is under way: two long pauses, in ms. */
export const CONFIRM_TIMEOUT_MS = 10_000;

/** An event at a server's end, of either protocol; `session` is the client's. */
export type ListenerEvent<S = Session> =
  /** A client is connected and may ask, its answer or a notice is on its machine, or it is gone. */
  | Extract<SessionEvent, { type: "connected" | "delivered" | "noticed" | "ended" }> & {
    readonly session: S;
  }
  /** A client's question is complete. */
  | { readonly type: "question"; readonly session: S; readonly text: string }
  /** Limits were reached since the last report. */
  | { readonly type: "overload"; readonly overload: Readonly<Overload> }
  | ForeignEvent
  /** The server closes: no session is left, or nothing came any more for too long. */
  | { readonly type: "drained"; readonly unconfirmed: number };

/** How a {@linkcode Listener} works. */
export interface ListenerOptions extends ServerLimits, Randomness, RetryTokenOptions {
  /** Most sessions at once for one IPv4 address or IPv6 /64, those that linger among them: 1 or more. */
  readonly maxSessionsPerAddress: number;
  /** The first byte of every session id, 0 to 255; by default it is as random as the rest. */
  readonly serverId?: number;
  /** Most sessions with unproved addresses, by default {@linkcode MAX_HALF_OPEN}; a private room has none. */
  readonly maxHalfOpen?: number;
  /** The room to serve; by default an open one. */
  readonly room?: Room;
}

/** A HELLO, and whether its token proves the address that it came from. */
interface Arrival extends Hello {
  readonly nonce: bigint;
  readonly from: Address;
  readonly isProved: boolean;
}

/** A network that sessions connected from: see {@linkcode networkOf}. */
interface SeatedNetwork {
  readonly name: string;
  /** Sessions of it in memory that took a seat. */
  seats: number;
}

/** A session of a {@linkcode Listener}. */
class ClientSession extends Session implements Sleeper {
  heapIndex = -1;
  /** The attempt of the HELLO that was answered last, and when, in ms. */
  helloAttempt = 0;
  helloAt = -Infinity;
  /** Whether its question awaits an answer. */
  isAsking = false;
  /** Whether it has one of the seats: once it has proved its address, and in a private room the code. */
  isSeated = false;
  /** Whether it told that its code is another. */
  isWrong = false;

  network: SeatedNetwork;
  readonly nonce: bigint;
  welcome: Uint8Array | undefined;

  /** With its network, the nonce of its HELLO, and the payload of its WELCOME until that is acknowledged. */
  constructor(
    options: SessionOptions,
    network: SeatedNetwork,
    nonce: bigint,
    welcome: Uint8Array | undefined,
  ) {
    super(options);
    this.network = network;
    this.nonce = nonce;
    this.welcome = welcome;
  }

  /** Whether its WELCOME is acknowledged: its address is proved and it knows its session. */
  get isConnected(): boolean {
    return this.welcome === undefined;
  }
}

/** Many conversations in which this end answers. */
export class Listener extends Endpoint<ListenerEvent> implements SessionOutput {
  override readonly maxMessageBytes = MAX_MESSAGE_BYTES;
  override readonly maxDatagramBytes = MAX_DATAGRAM_BYTES;
  readonly #options: ListenerOptions;
  readonly #tokens: RetryTokens;
  readonly #retries = new FairLimit(UNPROVED_REPLIES_PER_SECOND);
  readonly #resets = new FairLimit(UNPROVED_REPLIES_PER_SECOND);
  readonly #deadlines = new Deadlines<ClientSession>();
  readonly #clients = new Map<number, ClientSession>();
  readonly #clientsByNonce = new Map<bigint, ClientSession>();
  readonly #networks = new Map<string, SeatedNetwork>();
  readonly #overload = new OverloadLog();
  readonly #foreign = new ForeignLog();
  readonly #guesses = new GuessLimit();
  #live = 0;
  // Sessions without a seat, until their first packet: it shows that the client of a private room has the
  // code (the guess limit bounds these), and that the address of any other is its own.
  readonly #unconfirmed = new Set<ClientSession>();
  #now = 0;
  #asking = 0;
  /** Why it says bye to everybody, while it closes. */
  #closing: "closing" | "moved" | undefined;
  /** While it closes: the latest acknowledgement of an answer, and when to look again, in ms. */
  #confirmedAt = 0;
  #closeAt = Infinity;
  /** Answers whose clients were lost. */
  #lost = 0;
  #isTurningAway = false;

  /** Starts without a client. */
  constructor(options: ListenerOptions) {
    super();
    this.#options = options;
    this.#tokens = new RetryTokens(options);
  }

  override get nextTimeout(): number {
    return Math.min(this.#deadlines.nextTimeout, this.#overload.nextTimeout, this.#closeAt);
  }

  /** Sessions in memory: the live ones, and those in their closing period. */
  get size(): number {
    return this.#clients.size;
  }

  /** The sessions in memory. */
  get sessions(): Iterable<Session> {
    return this.#clients.values();
  }

  override receive(datagram: Uint8Array, from: Address, now: number): void {
    const type = packetType(datagram);
    switch (type) {
      case undefined:
        this.drop("malformed");
        if (isOtherVersion(datagram) && !isReset(datagram)) this.#reset(datagram, from, now);
        this.emit(this.#foreign.take(kindOf(datagram), from, now));
        break;
      case "hello":
        this.#receiveHello(datagram, from, now);
        break;
      case "refuse":
        this.#receiveWrongCode(datagram, from);
        break;
      case "retry":
      case "welcome":
      case "reset":
        // Only a server sends these. A reply could make two servers answer each other for ever.
        this.drop("ignored");
        break;
      default:
        this.#receivePacket(datagram, from, now);
    }
  }

  override handleTimeout(now: number): void {
    this.#now = now;
    const overload = this.#overload.takeDue(now);
    if (overload !== undefined) this.emit({ type: "overload", overload });
    for (let due = this.#deadlines.takeDue(now); due; due = this.#deadlines.takeDue(now)) {
      const { isSending } = due.delivery;
      due.handleTimeout(now);
      if (isSending && !due.delivery.isSending) this.#lost++;
      this.#deadlines.schedule(due, now);
    }
    if (this.#closeAt <= now) this.#giveUp(now);
  }

  /**
   * Answers the question of a session.
   *
   * @throws {OutOfTurnError} If no question of it awaits an answer.
   * @throws {MessageTooLongError} If the answer is too long.
   */
  answer(session: Session, answer: Uint8Array, now: number): void {
    session.send(answer, now);
    this.#answered(session as ClientSession);
    this.#deadlines.schedule(session as ClientSession, now);
  }

  /** Tells the asker of a session how many questions are answered before its own. */
  setAhead(session: Session, ahead: number, now: number): void {
    session.setAhead(ahead, now);
    this.#deadlines.schedule(session as ClientSession, now);
  }

  /** Tells a client something, out of turn. It is to be connected, with no other notice under way. */
  notify(session: Session, text: Uint8Array, now: number): void {
    session.notify(text, now);
    this.#deadlines.schedule(session as ClientSession, now);
  }

  /** Says bye to one client, unless one end did already. */
  bye(session: Session, reason: ByeReason, now: number): void {
    if (session.turn === "leaving" || session.turn === "closed") return;
    session.bye(reason, now);
    this.#deadlines.schedule(session as ClientSession, now);
  }

  /** Admits no more clients. */
  turnAway(): void {
    this.#isTurningAway = true;
  }

  /**
   * Admits no more clients, and says bye to each as soon as it has its last answer. It waits for that as
   * long as acknowledgements come. If the clients move on, new ones are left to the other server.
   */
  close(now: number, reason: "closing" | "moved" = "closing"): void {
    this.#closing = reason;
    this.#confirmedAt = now;
    this.#closeAt = now + SHUTDOWN_TIMEOUT_MS;
    this.#lost = 0;
    for (const client of this.#clients.values()) {
      // A guess is not waited for. Any other that is half open is told with its first packet.
      if (this.#unconfirmed.has(client)) {
        if (this.#isPrivate) this.#forget(client);
      } else if (!client.delivery.isSending) this.bye(client, reason, now);
    }
  }

  /** The state of the session that a datagram belongs to, if there is one. */
  override inspect(datagram: Uint8Array): Inspection | undefined {
    const id = readHeader(datagram)?.id;
    if (id === undefined) return undefined;
    const client = this.#clients.get(packetIdLow(datagram));
    return client?.owns(datagram) ? client : this.#clientsByNonce.get(id);
  }

  sessionEvent(session: Session, event: SessionEvent): void {
    // This is the output of no other sessions.
    const client = session as ClientSession;
    switch (event.type) {
      case "connected":
        client.welcome = undefined;
        if (!client.isSeated) this.#confirmed(client);
        if (client.isSeated) this.emit({ ...event, session });
        break;
      case "delivered":
      case "noticed":
        this.emit({ ...event, session });
        break;
      case "message":
        // A server that closes answers no more questions.
        if (this.#closing || !client.isSeated) break;
        client.isAsking = true;
        if (++this.#asking <= this.#options.maxQuestions) {
          this.emit({ type: "question", session, text: event.text });
        }
        break;
      case "ended":
        this.#answered(client);
        if (client.isSeated) this.#live--;
        else if (!client.isConnected && this.#isPrivate) this.#guessed(client);
        if (client.isSeated && client.isConnected) this.emit({ ...event, session });
        break;
      case "forgotten":
        this.#forget(client);
    } // Only askers hear of the rest.
  }

  #forget(client: ClientSession): void {
    const { idLow, nonce, network, isSeated } = client;
    this.#clients.delete(idLow);
    this.#clientsByNonce.delete(nonce);
    this.#unconfirmed.delete(client);
    this.#deadlines.delete(client);
    if (isSeated && --network.seats === 0) this.#networks.delete(network.name);
    if (this.#closing && this.#clients.size === 0) this.#drained(this.#lost);
  }

  #receiveHello(datagram: Uint8Array, from: Address, now: number): void {
    const packet = decode(datagram);
    const hello = packet && decodeHello(packet.payload);
    if (packet === undefined || hello === undefined) return this.drop("malformed");
    if (this.#closing === "moved") return this.drop("ignored");
    const { id: nonce, attempt: echo } = packet;
    const isProved = this.#tokens.check(hello.token, from, nonce, now);
    if (!isProved && !this.#mayReply(this.#retries, from, now)) return;
    const known = this.#clientsByNonce.get(nonce);
    if (!isProved && !this.#isTrusting(from, known)) {
      const payload = this.#tokens.mint(from, nonce, now);
      this.transmit(encode({ type: "retry", id: nonce, echo, payload }), from);
      return;
    }
    const client = known ?? this.#admit({ ...hello, nonce, from, isProved }, now);
    if (client === undefined) this.drop("malformed");
    else if (typeof client === "string") {
      const payload = Uint8Array.of(REFUSALS.indexOf(client));
      this.transmit(encode({ type: "refuse", id: nonce, echo, payload }), from);
    } else this.#welcome(client, echo, from, now);
  }

  /** Whether a HELLO is welcome without a proof: the room is open, few are half open, and seats are left. */
  #isTrusting(from: Address, known: ClientSession | undefined): boolean {
    if (this.#isPrivate) return false;
    if (known !== undefined) return isSame(from, known.address);
    const { maxHalfOpen = MAX_HALF_OPEN, maxSessions, maxSessionsPerAddress } = this.#options;
    const { size } = this.#unconfirmed;
    if (size >= Math.min(maxHalfOpen, maxSessions - this.#live)) return false;
    const name = networkOf(from.hostname);
    const seats = maxSessionsPerAddress - (this.#networks.get(name)?.seats ?? 0);
    let left = Math.min(MAX_HALF_OPEN_OF_NETWORK, seats);
    for (const { network } of this.#unconfirmed) if (network.name === name) left--;
    return left > 0;
  }

  /** The session of a client that is new, why it gets none, or nothing for a key share that is none. */
  #admit(arrival: Arrival, now: number): ClientSession | Refusal | undefined {
    if (this.#closing || this.#isTurningAway) return "closing";
    const { idleTimeout, room = OPEN_ROOM, random, randomBytes } = this.#options;
    const { keyShare, nonce, from, isProved } = arrival;
    const name = networkOf(from.hostname);
    const limit = this.#limitFor(name);
    if (limit !== undefined) return limit;
    if (room.isPrivate && keyShare.length > 0 && !this.#guesses.begin(name, now)) {
      this.#overload.countGuess("waits", from.hostname);
      return "wait";
    }
    const id = this.#newId();
    const opening = { keyShare, fields: handshakeFields(nonce, arrival.idleTimeout) };
    const response = room.respond(opening, handshakeFields(id, idleTimeout));
    if (response === undefined) this.#guesses.giveUp(name, now);
    if (response === undefined || typeof response === "string") return response;
    const network = this.#networks.get(name) ?? { name, seats: 0 };
    const options: SessionOptions = {
      id,
      role: "answerer",
      // One string for all sessions of an IPv4 host: comparing it costs no cache miss.
      address: name === from.hostname ? { ...from, hostname: network.name } : from,
      now,
      idleTimeout: agreedIdleTimeout(idleTimeout, arrival.idleTimeout),
      output: this,
      random,
      randomBytes,
      seal: response.seal,
    };
    const welcome = encodeWelcome({ sessionId: id, idleTimeout, keyShare: response.keyShare });
    const client = new ClientSession(options, network, nonce, welcome);
    this.#clients.set(client.idLow, client);
    this.#clientsByNonce.set(nonce, client);
    // Neither a guess nor a forged address takes anybody's seat.
    if (isProved && !room.isPrivate) this.#seat(client);
    else this.#unconfirmed.add(client);
    if (!isProved) client.heardAt += HALF_OPEN_MS - options.idleTimeout;
    return client;
  }

  #limitFor(network: string): "full" | "crowded" | undefined {
    const { maxSessions, maxSessionsPerAddress } = this.#options;
    // Sessions in their closing period are bounded too.
    const inMemory = this.#clients.size - this.#unconfirmed.size;
    if (this.#live >= maxSessions || inMemory >= 2 * maxSessions) {
      this.#overload.count("sessions");
      return "full";
    }
    if ((this.#networks.get(network)?.seats ?? 0) < maxSessionsPerAddress) return undefined;
    this.#overload.count("sessionsPerAddress");
    return "crowded";
  }

  #seat(client: ClientSession): void {
    const { name } = client.network;
    client.isSeated = true;
    client.network = this.#networks.get(name) ?? client.network;
    this.#networks.set(name, client.network);
    client.network.seats++;
    this.#live++;
  }

  // The seats may be taken by now.
  #confirmed(client: ClientSession): void {
    const { name } = client.network;
    if (this.#isPrivate) this.#guesses.confirm(name);
    if (this.#limitFor(name) === undefined) this.#seat(client);
    this.#unconfirmed.delete(client);
  }

  get #isPrivate(): boolean {
    return this.#options.room?.isPrivate ?? false;
  }

  #guessed({ network, address, isWrong }: ClientSession): void {
    this.#guesses.giveUp(network.name, this.#now);
    if (!isWrong) this.#overload.countGuess("unconfirmed", address.hostname);
  }

  // Anybody on the path can forge it: it is told to the operator, and counts for nothing else.
  #receiveWrongCode(datagram: Uint8Array, from: Address): void {
    const packet = decode(datagram);
    const client = packet && this.#clientsByNonce.get(packet.id);
    const isTold = packet && REFUSALS[packet.payload[0]!] === "wrong-code";
    const isGuess = this.#isPrivate && client !== undefined && this.#unconfirmed.has(client);
    if (!isTold || !isGuess || client.isWrong || client.address.hostname !== from.hostname) {
      return this.drop("ignored");
    }
    client.isWrong = true;
    this.#overload.countGuess("wrong", from.hostname);
  }

  #welcome(client: ClientSession, echo: number, to: Address, now: number): void {
    const { nonce, welcome } = client;
    const isCopy = echo <= client.helloAttempt && isSame(to, client.address) &&
      now < client.helloAt + client.retransmissionTimeout;
    // After the client's first packet a repeated HELLO is a late duplicate: it needs no answer.
    if (welcome === undefined || isCopy) return this.drop("duplicates");
    client.helloAttempt = echo;
    client.helloAt = now;
    // Proved by a token: who receives there learns the session id too, which proves no other address then.
    if (!isSame(to, client.address)) {
      client.address = to;
      const isUnproved = !client.isSeated && !this.#isPrivate;
      if (isUnproved) client.network = { name: networkOf(to.hostname), seats: 0 };
    }
    const attempt = client.delivery.welcomeSent(now);
    this.transmit(encode({ type: "welcome", id: nonce, attempt, echo, payload: welcome }), to);
    this.#deadlines.schedule(client, now);
  }

  #receivePacket(datagram: Uint8Array, from: Address, now: number): void {
    const client = this.#clients.get(packetIdLow(datagram));
    if (client === undefined || !client.owns(datagram)) {
      this.drop("unknown");
      return this.#reset(datagram, from, now);
    }
    const { acknowledged } = client.delivery;
    client.receive(datagram, from, now);
    if (client.delivery.acknowledged > acknowledged) this.#confirmedAt = now;
    if (client.isConnected && !client.isSeated) this.bye(client, "full", now);
    if (this.#closing && !client.delivery.isSending) this.bye(client, this.#closing, now);
    if (this.#asking > this.#options.maxQuestions) {
      this.#overload.count("questions");
      this.#answered(client);
      this.bye(client, "busy", now);
    }
    this.#deadlines.schedule(client, now);
  }

  #reset(datagram: Uint8Array, to: Address, now: number): void {
    if (!this.#mayReply(this.#resets, to, now)) return;
    this.transmit(encode({ type: "reset", id: packetId(datagram) }), to);
  }

  /** Closes without the rest, unless an acknowledgement came lately. */
  #giveUp(now: number): void {
    // Time that this end did not live is nobody's silence.
    if (this.#closeAt + GAP_MS <= now) this.#confirmedAt = now;
    const left = Array.from(this.sessions).filter(({ delivery }) => delivery.isSending).length;
    this.#closeAt = this.#confirmedAt + (left > 0 ? CONFIRM_TIMEOUT_MS : SHUTDOWN_TIMEOUT_MS);
    if (this.#closeAt <= now) this.#drained(this.#lost + left);
  }

  #drained(unconfirmed: number): void {
    this.#closeAt = Infinity;
    this.emit({ type: "drained", unconfirmed });
  }

  #answered(client: ClientSession): void {
    if (client.isAsking) this.#asking--;
    client.isAsking = false;
  }

  #mayReply(limit: FairLimit, to: Address, now: number): boolean {
    if (limit.allow(networkOf(to.hostname), now)) return true;
    this.#overload.count("unproved");
    return false;
  }

  #newId(): bigint {
    const { randomBytes, serverId } = this.#options;
    while (true) {
      const bytes = randomBytes(8);
      if (serverId !== undefined) bytes[0] = serverId;
      const id = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
      // Sessions are looked up by the lower half of their ids, which must differ.
      if (!this.#clients.has(idLow(id))) return id;
    }
  }
}
