/**
 * The server's end of plain UDP, without input or output: each datagram is a question, and its answer is
 * one datagram to the source address of the question.
 *
 * @module
 */
import type { ListenerEvent } from "../reliable/listener.ts";
import { type Address, Endpoint, formatAddress } from "../endpoint.ts";
import { type ByeReason, kindOf } from "../reliable/packet.ts";
import { decodePlain, encodePlain } from "./plain_message.ts";
import type { EndReason } from "../reliable/session.ts";
import { ForeignLog, OverloadLog, type ServerLimits } from "../limits.ts";
import { isBye, MAX_PLAIN_MESSAGE_BYTES, OutOfTurnError, type TurnState } from "../../protocol.ts";

/** An address that asked. A client is known by nothing else here. */
export class PlainClient {
  /** Its questions that are unanswered. */
  waiting = 0;
  /** End of line of its last datagram, and so of the answers to it. */
  lineEnd = "";
  /** Time of its last answer, in ms. */
  idleSince = 0;
  /** Whether it said bye, or is forgotten. */
  isGone = false;
  /** The driver's own data. */
  attachment: unknown;

  readonly address: Address;

  /** @param address Source address of its datagrams; it may be forged. */
  constructor(address: Address) {
    this.address = address;
  }

  /** Whose move it is: this end's while there is a question to answer. */
  get turn(): TurnState {
    if (this.isGone) return "closed";
    return this.waiting > 0 ? "local" : "remote";
  }
}

/** Conversations with every address that sends a datagram, without retransmission. */
export class PlainAnswerer extends Endpoint<ListenerEvent<PlainClient>> {
  override readonly maxMessageBytes = MAX_PLAIN_MESSAGE_BYTES;
  override readonly maxDatagramBytes = MAX_PLAIN_MESSAGE_BYTES;
  readonly #clients = new Map<string, PlainClient>();
  /** Clients without a question, the longest idle first. */
  readonly #idle = new Set<PlainClient>();
  readonly #overload = new OverloadLog();
  readonly #foreign = new ForeignLog();
  #asking = 0;
  #isClosing = false;

  readonly options: ServerLimits;

  constructor(options: ServerLimits) {
    super();
    this.options = options;
  }

  override get nextTimeout(): number {
    const [longest] = this.#idle;
    const forgetAt = longest === undefined ? Infinity : this.#forgetAt(longest);
    return Math.min(forgetAt, this.#overload.nextTimeout);
  }

  get size(): number {
    return this.#clients.size;
  }

  /** The clients that are known. */
  get sessions(): Iterable<PlainClient> {
    return this.#clients.values();
  }

  override receive(datagram: Uint8Array, from: Address, now: number): void {
    const message = decodePlain(datagram);
    if (message === undefined) {
      this.drop("malformed");
      return this.emit(this.#foreign.take(kindOf(datagram), from, now));
    }
    const known = this.#clients.get(formatAddress(from));
    if (isBye(message.text)) {
      if (known !== undefined) this.bye(known, "bye");
      else this.drop("ignored");
      return;
    }
    if (this.#isClosing) return this.drop("ignored");
    if (this.#asking >= this.options.maxQuestions) return this.#overload.count("questions");
    const client = known ?? this.#admit(from);
    if (client === undefined) return this.#overload.count("sessions");
    this.#idle.delete(client);
    this.#asking++;
    client.waiting++;
    client.lineEnd = message.lineEnd;
    this.emit({ type: "question", session: client, text: message.text });
  }

  override handleTimeout(now: number): void {
    const overload = this.#overload.takeDue(now);
    if (overload !== undefined) this.emit({ type: "overload", overload });
    for (const client of this.#idle) {
      if (this.#forgetAt(client) > now) break;
      this.#end(client, "silence");
    }
  }

  /**
   * Answers a question of a client. Only the text can tell which of several.
   *
   * @throws {OutOfTurnError} If no question of it awaits an answer.
   * @throws {MessageTooLongError} If the answer is too long.
   */
  answer(client: PlainClient, answer: Uint8Array, now: number): void {
    this.checkSize(answer);
    if (client.turn !== "local") throw new OutOfTurnError(client.turn);
    this.transmit(encodePlain(answer, client.lineEnd), client.address);
    this.#asking--;
    if (--client.waiting > 0) return;
    client.idleSince = now;
    this.#idle.add(client);
  }

  /** Forgets a client and its questions, without a datagram. */
  bye(client: PlainClient, reason: ByeReason): void {
    if (!client.isGone) this.#end(client, reason);
  }

  /** Takes no more questions, and forgets every client. */
  close(): void {
    this.#isClosing = true;
    for (const client of this.#clients.values()) this.#end(client, "closing");
  }

  /** Admits a client, in place of the one longest idle if need be. */
  #admit(address: Address): PlainClient | undefined {
    if (this.#clients.size >= this.options.maxSessions) {
      const [longest] = this.#idle;
      if (longest === undefined) return undefined;
      this.#end(longest, "silence");
    }
    const client = new PlainClient(address);
    this.#clients.set(formatAddress(address), client);
    this.emit({ type: "connected", session: client });
    return client;
  }

  #forgetAt({ idleSince }: PlainClient): number {
    return idleSince + this.options.idleTimeout;
  }

  #end(client: PlainClient, reason: EndReason): void {
    this.#clients.delete(formatAddress(client.address));
    this.#idle.delete(client);
    this.#asking -= client.waiting;
    client.isGone = true;
    this.emit({ type: "ended", session: client, reason });
  }
}
