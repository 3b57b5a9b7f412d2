/**
 * The client's end of plain UDP, without input or output: a question is one datagram, and so is its
 * answer. Nothing is acknowledged or sent again, and nothing tells which question an answer is for.
 *
 * @module
 */
import { encodeText } from "../bytes.ts";
import { type Address, Endpoint, type Inspection } from "../endpoint.ts";
import type { DialerEvent } from "../reliable/dialer.ts";
import { ForeignLog } from "../limits.ts";
import { type ByeReason, kindOf } from "../reliable/packet.ts";
import { decodePlain } from "./plain_message.ts";
import { MAX_PLAIN_MESSAGE_BYTES, OutOfTurnError, type TurnState } from "../../protocol.ts";

/** How long a plain client waits for an answer, in ms, unless an option says otherwise. */
export const ANSWER_TIMEOUT_MS = 3_000;

/** Most answers kept that came while no question waited; later ones are dropped. */
export const MAX_STALE_ANSWERS = 64;

/** How a {@linkcode PlainAsker} works. */
export interface PlainAskerOptions {
  readonly server: Address;
  /** Source host of its datagrams, as a socket reports it. An answer from another one is told. */
  readonly sender: string;
  /** How long a question waits for its answer, in ms. */
  readonly answerTimeout: number;
}

/** One conversation in which this end asks, without retransmission. */
export class PlainAsker extends Endpoint<DialerEvent> {
  override readonly maxMessageBytes = MAX_PLAIN_MESSAGE_BYTES;
  override readonly maxDatagramBytes = MAX_PLAIN_MESSAGE_BYTES;
  /** Late answers, as a textbook's client finds them in its socket when it asks next. */
  readonly #stale: string[] = [];
  readonly #foreign = new ForeignLog();
  override nextTimeout = Infinity;
  /** Whose move it is. */
  turn: TurnState = "local";

  readonly options: PlainAskerOptions;

  constructor(options: PlainAskerOptions) {
    super();
    this.options = options;
    this.emit({ type: "connected" });
  }

  override receive(datagram: Uint8Array, from: Address, now: number): void {
    const { server, sender } = this.options;
    if (this.turn === "closed") return this.drop("ignored");
    if (from.port !== server.port) return this.drop("unknown");
    const message = decodePlain(datagram);
    if (message === undefined) {
      this.drop("malformed");
      return this.emit(this.#foreign.take(kindOf(datagram), from, now));
    }
    const isKept = this.turn === "local" && this.#stale.length < MAX_STALE_ANSWERS;
    if (this.turn !== "remote" && !isKept) return this.drop("ignored");
    if (from.hostname !== sender) this.emit(this.#foreign.take("address", from, now));
    if (isKept) this.#stale.push(message.text);
    else this.#answer(message.text);
  }

  override handleTimeout(now: number): void {
    if (this.nextTimeout > now) return;
    this.nextTimeout = Infinity;
    this.turn = "local";
    this.emit({ type: "unanswered", timeout: this.options.answerTimeout });
  }

  /**
   * Asks. An answer that is there already is taken for this question's, as `recvfrom` takes it.
   *
   * @throws {OutOfTurnError} If a question waits for its answer, or the conversation is over.
   * @throws {MessageTooLongError} If the question is too long.
   */
  ask(question: Uint8Array, now: number): void {
    this.checkSize(question);
    if (this.turn !== "local") throw new OutOfTurnError(this.turn);
    this.transmit(question, this.options.server);
    this.turn = "remote";
    this.nextTimeout = now + this.options.answerTimeout;
    const answer = this.#stale.shift();
    if (answer === undefined) return;
    this.emit({ type: "stale" });
    this.#answer(answer);
  }

  /** Says bye, once and unconfirmed. */
  bye(reason: ByeReason, _now: number): void {
    if (this.turn === "closed") return;
    this.turn = "closed";
    this.nextTimeout = Infinity;
    this.transmit(encodeText("bye"), this.options.server);
    this.emit({ type: "ended", reason });
    this.emit({ type: "over" });
  }

  /** The state of the conversation, to which every datagram belongs. Nothing is retransmitted. */
  override inspect(): Inspection {
    return { turn: this.turn, retransmissionTimeout: Infinity };
  }

  #answer(text: string): void {
    this.turn = "local";
    this.nextTimeout = Infinity;
    this.emit({ type: "answer", text });
  }
}
