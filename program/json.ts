/**
 * Programs in place of people: one JSON object a line, so that a bot in any language can ask or answer
 * through a pipe. The text of messages is carried unchanged.
 *
 * @module
 */
import type { ClientInfo, EndReason, QuestionInfo, Server } from "../transport/mod.ts";
import { MAX_NOTICE_BYTES } from "../transport/mod.ts";
import { toJsonLine } from "../terminal/clean.ts";
import type { Line } from "../terminal/streams.ts";
import { Terminal } from "../terminal/terminal.ts";
import type { Asker, HeardEvent } from "./asker.ts";
import { Desk } from "./desk.ts";
import type { Recorder } from "./record.ts";
import { describeInvalid, describeTooLong, ENDS, NO_NOTICE } from "./words.ts";

/** Events that a bot needs, however slowly it reads: few of them can wait at once. */
const KEPT: ReadonlySet<unknown> = new Set(["question", "answer", "ended", "dropped"]);

/** A terminal whose errors are events too. */
export class JsonTerminal extends Terminal {
  #dropped = 0;
  #counted: Promise<void> | undefined;

  override error(message: string): void {
    super.error(message);
    this.tell({ event: "error", message });
  }

  /** Tells that something was not sent, and why. */
  refuse(message: string, details: Record<string, unknown>): Promise<void> {
    super.error(message);
    return this.tell({ event: "refused", ...details, message });
  }

  /**
   * Writes an event. While stdout takes nothing most are dropped, and counted by a later `dropped`.
   * Resolves when there is room for more.
   */
  tell(event: Record<string, unknown>): Promise<void> {
    if (!this.isFull || KEPT.has(event["event"])) return this.print(toJsonLine(event));
    this.#dropped++;
    return this.#counted ??= this.room().then(() => {
      const count = this.#dropped;
      this.#dropped = 0;
      this.#counted = undefined;
      return this.tell({ event: "dropped", count });
    });
  }
}

/**
 * A bot that answers. It reads `listening`, `connected`, `question`, `withdrawn`, `disconnected`,
 * `noticed`, `refused`, `error` and `dropped`, and writes `{"id": …, "answer": …}` for any question that
 * it was given, in any order, `{"notice": …}` for all clients, and `{"expel": …}` for one.
 */
export class JsonOperator {
  /** Resolves when no more answers will come. */
  readonly finished: Promise<void>;
  readonly #terminal: JsonTerminal;
  readonly #maxBytes: number;
  readonly #desk: Desk;
  #lastTold = 0;
  #isTelling = false;
  #server: Server | undefined;

  /** Starts at once to read answers, of `maxBytes` bytes of UTF-8 at most. */
  constructor(terminal: JsonTerminal, maxBytes: number, record?: Recorder) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
    this.#desk = new Desk(record);
    terminal.onInvalidLine = (line) => terminal.refuse(describeInvalid(line), { line });
    this.finished = this.#readInput();
  }

  listening(server: Server): void {
    this.#server = server;
    const { hostname, port } = server.addr;
    this.#terminal.tell({ event: "listening", hostname, port });
  }

  connected(client: ClientInfo): void {
    const { id, name, remoteAddr: { hostname, port } } = client;
    this.#desk.visitors.set(id, client);
    this.#terminal.tell({ event: "connected", client: id, name, hostname, port });
  }

  disconnected(client: ClientInfo, reason: EndReason): void {
    this.#withdraw(client, ENDS[reason]);
    this.#desk.visitors.delete(client.id);
    this.#terminal.tell({ event: "disconnected", client: client.id, reason });
  }

  /** Answers a question; the promise stays open if the asker goes or nobody answers. */
  answer(question: string, info: QuestionInfo): Promise<string> {
    const answer = this.#desk.add(question, info, Date.now());
    this.#tellQuestions();
    return answer;
  }

  /** The server has closed: what is unanswered stays so. Resolves once that is on record. */
  async close(): Promise<void> {
    for (const { client } of [...this.#desk.requests]) this.#withdraw(client, ENDS.closing);
    await this.#desk.recorded;
  }

  /** Tells the questions one by one, as fast as they are read: the others wait at the desk. */
  async #tellQuestions(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const next = () => this.#desk.requests.find(({ id }) => id > this.#lastTold);
    for (let request = next(); request !== undefined; request = next()) {
      const { id, client: { id: client, name }, question } = request;
      this.#lastTold = id;
      await this.#terminal.tell({ event: "question", id, client, name, question });
    }
    this.#isTelling = false;
  }

  #withdraw(client: ClientInfo, why: string): void {
    for (const { id } of this.#desk.withdraw(client, why)) {
      if (id <= this.#lastTold) this.#terminal.tell({ event: "withdrawn", id });
    }
  }

  async #readInput(): Promise<void> {
    const terminal = this.#terminal;
    for (let line = await terminal.line(); line != null; line = await terminal.line()) {
      if (line.trim() === "") continue;
      const order = parse(line) ?? {};
      const problem = this.#obey(order);
      if (problem === undefined) continue;
      const { id } = order;
      terminal.refuse(`${problem}: ${line.slice(0, 200)}`, typeof id === "number" ? { id } : {});
    }
  }

  /** Does what an object asks for, or returns what is wrong with it. */
  #obey({ id, answer, notice, expel }: Record<string, unknown>): string | undefined {
    if (typeof notice === "string") return this.#notify(notice);
    if (typeof expel === "number") {
      const client = this.#desk.visitors.get(expel);
      if (client === undefined) return `no hay ningún cliente ${expel}`;
      client.expel();
      return undefined;
    }
    if (typeof id !== "number" || typeof answer !== "string") {
      return 'se esperaba {"id": número, "answer": "texto"}, {"notice": "texto"} o ' +
        '{"expel": número} en una línea';
    }
    const request = this.#desk.requests.find((request) => request.id === id);
    if (request === undefined) return `ninguna pregunta con el id ${id} espera respuesta`;
    const problem = describeUnsendable(answer, this.#maxBytes);
    if (problem === undefined) this.#desk.answer(request, answer);
    return problem;
  }

  #notify(text: string): string | undefined {
    const problem = text.trim() === "" ? NO_NOTICE : describeUnsendable(text, MAX_NOTICE_BYTES);
    if (problem !== undefined) return problem;
    this.#server?.notify(text).then((missed) => {
      this.#terminal.tell({ event: "noticed", notice: text, missed: missed.map(({ id }) => id) });
    });
    return undefined;
  }
}

/**
 * A bot that asks: each line that it writes is a question, as plain text or as `{"question": …}`. It
 * reads `connecting`, `connected`, `sent`, `delivered`, `position`, `answer`, `notice`, `refused`,
 * `unresponsive`, `responsive`, `reconnecting`, `reconnected`, `error`, `dropped` and `ended`; without
 * protection `unprotected` in place of `connected`, `sent`, `stale`, `answer`, `unanswered` and `ended`.
 * Events about a question carry its `id`.
 */
export class JsonAsker implements Asker {
  readonly #terminal: JsonTerminal;
  #id = 0;

  constructor(terminal: JsonTerminal) {
    this.#terminal = terminal;
  }

  next(signal: AbortSignal): Promise<Line> {
    return this.#terminal.line(signal);
  }

  read(line: string): string {
    this.#id++;
    const question = line.trimStart().startsWith("{") ? parse(line)?.["question"] : line;
    return typeof question === "string" && question.isWellFormed() ? question : "";
  }

  heard({ type, ...details }: HeardEvent): void | Promise<void> {
    const about = ABOUT_A_QUESTION.has(type) && !("line" in details) ? { id: this.#id } : {};
    if ("message" in details) {
      return this.#terminal.refuse(details.message, { ...about, ...details });
    }
    return this.#terminal.tell({ event: type, ...about, ...details });
  }
}

const ABOUT_A_QUESTION: ReadonlySet<HeardEvent["type"]> = new Set(
  ["sent", "delivered", "position", "answer", "unanswered", "stale", "refused"] as const,
);

const UNPAIRED = "el texto tiene la mitad de un par sustituto, que no es un carácter";

function describeUnsendable(text: string, limit: number): string | undefined {
  return text.isWellFormed() ? describeTooLong(text, limit) : UNPAIRED;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
