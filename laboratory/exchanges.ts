/**
 * Questions and answers, and whether they would have got through without anything being sent again:
 * seen from one end, by the headers of the datagrams alone.
 *
 * @module
 */
import { type Header, MAX_ACK_DELAY_MS, type PacketType } from "../transport/mod.ts";
import type { Passage } from "./passage.ts";

/** Conversations that are told apart: of more at once, the oldest is taken to be over. */
const MAX_CONVERSATIONS = 1_000;

/** Messages that are kept: of those before them, nothing more is to come. */
const RECENT_MESSAGES = 6;

/** The questions and answers that pass at one end. */
export class Exchanges {
  readonly #conversations = new Map<bigint, Conversation>();
  readonly #over = { questions: 0, answered: 0, unanswered: 0, duplicates: 0 };

  /** Takes a datagram into account. */
  add(passage: Passage): void {
    const { header } = passage;
    if (header === undefined || !TYPES.has(header.type)) return;
    const conversation = this.#conversations.get(header.id) ?? new Conversation();
    this.#conversations.set(header.id, conversation);
    conversation.add(header, passage);
    if (this.#conversations.size <= MAX_CONVERSATIONS) return;
    for (const [id, oldest] of this.#conversations) {
      for (const count of COUNTS) this.#over[count] += oldest[count];
      this.#conversations.delete(id);
      break;
    }
  }

  /** Questions that were asked here, or that arrived here. */
  get questions(): number {
    return this.#sum("questions");
  }

  /** Those that got an answer. */
  get answered(): number {
    return this.#sum("answered");
  }

  /** Answered ones of which the first copy was lost, or that of the answer. */
  get unanswered(): number {
    return this.#sum("unanswered");
  }

  /** Received segments that had been received before. */
  get duplicates(): number {
    return this.#sum("duplicates");
  }

  #sum(count: Count): number {
    let sum = this.#over[count];
    for (const conversation of this.#conversations.values()) sum += conversation[count];
    return sum;
  }
}

/** The packets that tell something of questions and answers. */
const TYPES: ReadonlySet<PacketType> = new Set(["message", "ack", "bye"]);

const COUNTS = ["questions", "answered", "unanswered", "duplicates"] as const;
type Count = typeof COUNTS[number];

class Conversation {
  questions = 0;
  answered = 0;
  duplicates = 0;
  readonly #messages = new Map<number, Message>();
  #settled = 0;
  #settledUnanswered = 0;

  add(header: Header, { direction, fate }: Passage): void {
    const isLost = fate === "lost";
    // What is lost here was sent there all the same: it tells what had arrived.
    if (direction === "received") this.#acknowledge(header);
    if (header.type !== "message" || direction === "received" && isLost) return;
    const message = this.#messages.get(header.number) ?? this.#begin(header);
    if (direction === "sent") message?.send(header, isLost);
    else if (message?.receive(header) !== true) this.duplicates++;
  }

  get unanswered(): number {
    const unanswered = [...this.#messages.keys()].filter((number) => this.#isUnanswered(number));
    return this.#settledUnanswered + unanswered.length;
  }

  #acknowledge(header: Header): void {
    const { type, number } = header;
    if (type === "ack") this.#messages.get(number)?.acknowledge(header);
    if (type === "message") this.#messages.get(number - 1)?.acknowledge(header);
    if (type !== "bye") return;
    // Who says bye has the last answer, or does not want it any more: nothing is missing.
    for (const [number, message] of this.#messages) if (!isQuestion(number)) message.accept();
  }

  #begin({ number, lastSegment }: Header): Message | undefined {
    // It is a late copy of what is over.
    if (number <= this.#settled) return undefined;
    const message = new Message(lastSegment);
    this.#messages.set(number, message);
    if (isQuestion(number)) this.questions++;
    else this.answered++;
    this.#settle(number - RECENT_MESSAGES);
    return message;
  }

  #isUnanswered(number: number): boolean {
    const isLost = (number: number) => this.#messages.get(number)?.isFirstCopyLost === true;
    const isAnswered = isQuestion(number) && this.#messages.has(number + 1);
    return isAnswered && (isLost(number) || isLost(number + 1));
  }

  #settle(last: number): void {
    this.#settled = Math.max(this.#settled, last);
    for (const number of this.#messages.keys()) {
      if (number > last) continue;
      if (this.#isUnanswered(number)) this.#settledUnanswered++;
      this.#messages.delete(number);
    }
  }
}

/** A message, and what is known of the first copies of its segments. */
class Message {
  readonly #lastSegment: number;
  // If this end sent it: what was lost here, what was sent again, and what was acknowledged, by the
  // best that the acknowledgements say.
  readonly #lost = new Set<number>();
  readonly #sentAgain = new Set<number>();
  readonly #acknowledged = new Map<number, "first copy" | "another">();
  // If the other end sent it: what arrived, and of what the first copy did.
  readonly #arrived = new Set<number>();
  readonly #firstArrived = new Set<number>();

  constructor(lastSegment: number) {
    this.#lastSegment = lastSegment;
  }

  send({ segment, attempt }: Header, isLost: boolean): void {
    if (attempt !== 1) this.#sentAgain.add(segment);
    else if (isLost) this.#lost.add(segment);
  }

  /** Takes an ACK of it, or the reply to it. */
  acknowledge({ type, segment, echo, ackDelay }: Header): void {
    if (type === "message") {
      // It does not say which of several segments it echoes: it is the one without an ACK.
      const replied = this.#lastSegment === 0 ? [0] : this.#unacknowledged;
      for (const segment of replied) this.#note(segment, echo === 1);
      return;
    }
    // The segment that makes a message whole is acknowledged at once only if it came before. So the
    // second copy was not the one that arrived first.
    const isLast = this.#unacknowledged.every((it) => it === segment);
    const isSecond = isLast && echo === 2 && ackDelay < MAX_ACK_DELAY_MS;
    this.#note(segment, echo === 1 || isSecond);
  }

  /** Nothing of it is missing at the other end. */
  accept(): void {
    for (const segment of this.#unacknowledged) this.#note(segment, true);
  }

  /** Returns whether that segment had not been received before. */
  receive({ segment, attempt }: Header): boolean {
    const isNew = !this.#arrived.has(segment);
    this.#arrived.add(segment);
    if (attempt === 1) this.#firstArrived.add(segment);
    return isNew;
  }

  /** Whether the first copy of a segment did not get through, as far as anything shows it. */
  get isFirstCopyLost(): boolean {
    if (this.#arrived.size > 0) return this.#firstArrived.size <= this.#lastSegment;
    const inDoubt = [...this.#sentAgain].some((it) => this.#acknowledged.get(it) !== "first copy");
    return this.#lost.size > 0 || inDoubt;
  }

  get #unacknowledged(): number[] {
    const all = Array.from({ length: this.#lastSegment + 1 }, (_, segment) => segment);
    return all.filter((segment) => !this.#acknowledged.has(segment));
  }

  #note(segment: number, isFirst: boolean): void {
    if (isFirst) this.#acknowledged.set(segment, "first copy");
    else if (!this.#acknowledged.has(segment)) this.#acknowledged.set(segment, "another");
  }
}

// Messages are numbered through both directions, and the asker speaks first.
function isQuestion(number: number): boolean {
  return number % 2 === 1;
}
