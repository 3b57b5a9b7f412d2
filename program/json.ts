/**
 * Programs in place of people: one JSON object a line, so that a bot in any language can ask or answer
 * through a pipe. The text of messages is carried unchanged.
 *
 * @module
 */
import type { ClientInfo, EndReason, QuestionInfo, Server } from "../transport/mod.ts";
import { MAX_NOTICE_BYTES } from "../transport/mod.ts";
import { toJsonLine } from "../terminal/clean.ts";
import { Terminal } from "../terminal/terminal.ts";
import type { Asker, HeardEvent } from "./asker.ts";
import { shownName } from "./desk.ts";
import type { Operator } from "./operator.ts";
import type { ClassRecord } from "./record.ts";
import { describeInvalid, describeTooLong, ENDS, NO_NOTICE } from "./words.ts";

/** A terminal whose errors are events too. */
export class JsonTerminal extends Terminal {
  override error(message: string): void {
    super.error(message);
    this.tell({ event: "error", message });
  }

  /** Tells that something was not sent, and why. */
  refuse(message: string, details: Record<string, unknown>): void {
    super.error(message);
    this.tell({ event: "refused", ...details, message });
  }

  /** Writes an event. Resolves when there is room for more. */
  tell(event: Record<string, unknown>): Promise<void> {
    return this.print(toJsonLine(event));
  }
}

interface Open {
  readonly client: ClientInfo;
  readonly question: string;
  readonly resolve: (answer: string) => void;
}

/**
 * A bot that answers. It reads `listening`, `connected`, `question`, `withdrawn`, `disconnected`,
 * `noticed`, `refused` and `error`, and writes `{"id": …, "answer": …}` for any question that it was
 * given, in any order, `{"notice": …}` for all clients, and `{"expel": …}` for one.
 */
export class JsonOperator implements Operator {
  readonly finished: Promise<void>;
  readonly #terminal: JsonTerminal;
  readonly #maxBytes: number;
  readonly #record: ClassRecord | undefined;
  readonly #open = new Map<number, Open>();
  readonly #clients = new Map<number, ClientInfo>();
  #server: Server | undefined;
  #recorded: Promise<void> | undefined;
  #lastId = 0;

  /** Starts at once to read answers, of `maxBytes` bytes of UTF-8 at most. */
  constructor(terminal: JsonTerminal, maxBytes: number, record?: ClassRecord) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
    this.#record = record;
    terminal.onInvalidLine((line) => terminal.refuse(describeInvalid(line), { line }));
    this.finished = this.#readInput();
  }

  listening(server: Server): void {
    this.#server = server;
    const { hostname, port } = server.addr;
    this.#terminal.tell({ event: "listening", hostname, port });
  }

  connected(client: ClientInfo): void {
    const { id, name, remoteAddr: { hostname, port } } = client;
    this.#clients.set(id, client);
    this.#terminal.tell({ event: "connected", client: id, name, hostname, port });
  }

  disconnected({ id }: ClientInfo, reason: EndReason): void {
    this.#clients.delete(id);
    for (const [question, { client }] of this.#open) {
      if (client.id === id) this.#withdraw(question, ENDS[reason].operator);
    }
    this.#terminal.tell({ event: "disconnected", client: id, reason });
  }

  answer(question: string, { client }: QuestionInfo): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const id = ++this.#lastId;
    this.#open.set(id, { client, question, resolve });
    this.#terminal.tell({ event: "question", id, client: client.id, name: client.name, question });
    return promise;
  }

  async close(): Promise<void> {
    for (const id of this.#open.keys()) this.#withdraw(id, ENDS.closing.operator);
    await this.#recorded;
  }

  #withdraw(id: number, unanswered: string): void {
    this.#write(id, `Sin respuesta: ${unanswered}`);
    this.#open.delete(id);
    this.#terminal.tell({ event: "withdrawn", id });
  }

  #write(id: number, outcome: string): void {
    const { client: { name, remoteAddr: { hostname } }, question } = this.#open.get(id)!;
    const shown = shownName(name);
    const client = shown === undefined ? hostname : `${shown} (${hostname})`;
    const texts = [`Cliente: ${client}`, `Pregunta: ${question}`, outcome];
    this.#recorded = this.#record?.add(texts, new Date());
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
      const client = this.#clients.get(expel);
      if (client === undefined) return `no hay ningún cliente ${expel}`;
      client.expel();
      return undefined;
    }
    if (typeof id !== "number" || typeof answer !== "string") {
      return 'se esperaba {"id": número, "answer": "texto"}, {"notice": "texto"} o ' +
        '{"expel": número} en una línea';
    }
    const open = this.#open.get(id);
    if (open === undefined) return `ninguna pregunta con el id ${id} espera respuesta`;
    const problem = describeUnsendable(answer, this.#maxBytes);
    if (problem !== undefined) return problem;
    this.#write(id, `Respuesta: ${answer}`);
    this.#open.delete(id);
    open.resolve(answer);
    return undefined;
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
 * `unresponsive`, `responsive`, `reconnecting`, `reconnected`, `error` and `ended`; without protection
 * `unprotected` in place of `connected`, `sent`, `stale`, `answer`, `unanswered` and `ended`. What is
 * about a question carries its `id`.
 */
export class JsonAsker implements Asker {
  readonly #terminal: JsonTerminal;
  #id = 0;

  /** Reads nothing before the first question is wanted. */
  constructor(terminal: JsonTerminal) {
    this.#terminal = terminal;
  }

  next(signal: AbortSignal): Promise<string | null | undefined> {
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
