/**
 * Programs in place of people: one JSON object a line, so that a bot in any language can ask or answer
 * through a pipe. The text of messages is carried unchanged.
 *
 * @module
 */
import type { ClientInfo, EndReason, QuestionInfo } from "../transport/mod.ts";
import { toJsonLine } from "../terminal/clean.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Asker, HeardEvent } from "./asker.ts";
import type { Operator } from "./operator.ts";
import { describeTooLong } from "./words.ts";

/**
 * A bot that answers. It reads `listening`, `connected`, `question`, `withdrawn` and `disconnected`, and
 * writes `{"id": …, "answer": …}` for any question that it was given, in any order.
 */
export class JsonOperator implements Operator {
  readonly finished: Promise<void>;
  readonly #terminal: Terminal;
  readonly #maxBytes: number;
  readonly #open = new Map<number, (answer: string) => void>();
  readonly #clients = new Map<ClientInfo, number>();
  #lastId = 0;
  #lastClient = 0;

  /** Starts at once to read answers, of `maxBytes` bytes of UTF-8 at most. */
  constructor(terminal: Terminal, maxBytes: number) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
    this.finished = this.#readAnswers();
  }

  listening({ hostname, port }: Deno.NetAddr): void {
    this.#print({ event: "listening", hostname, port });
  }

  connected(client: ClientInfo): void {
    this.#clients.set(client, ++this.#lastClient);
    const { hostname, port } = client.remoteAddr;
    this.#print({ event: "connected", client: this.#lastClient, hostname, port });
  }

  disconnected(client: ClientInfo, reason: EndReason): void {
    this.#print({ event: "disconnected", client: this.#clients.get(client), reason });
    this.#clients.delete(client);
  }

  answer(question: string, info: QuestionInfo): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const id = ++this.#lastId;
    this.#open.set(id, resolve);
    info.signal.addEventListener("abort", () => {
      if (this.#open.delete(id)) this.#print({ event: "withdrawn", id });
    }, { once: true });
    this.#print({ event: "question", id, client: this.#clients.get(info.client), question });
    return promise;
  }

  async #readAnswers(): Promise<void> {
    const terminal = this.#terminal;
    for (let line = await terminal.line(); line != null; line = await terminal.line()) {
      if (line.trim() === "") continue;
      const problem = this.#take(parse(line));
      if (problem !== undefined) terminal.error(`${problem}: ${line.slice(0, 200)}`);
    }
  }

  /** Takes an answer, or returns what is wrong with it. */
  #take(value: Record<string, unknown> | undefined): string | undefined {
    const { id, answer } = value ?? {};
    if (typeof id !== "number" || typeof answer !== "string") {
      return `se esperaba {"id": número, "answer": "texto"} en una línea`;
    }
    const resolve = this.#open.get(id);
    if (resolve === undefined) return `ninguna pregunta con el id ${id} espera respuesta`;
    const problem = describeTooLong(answer, this.#maxBytes);
    if (problem !== undefined) return problem;
    this.#open.delete(id);
    resolve(answer);
    return undefined;
  }

  #print(event: Record<string, unknown>): void {
    this.#terminal.print(toJsonLine(event));
  }
}

/**
 * A bot that asks: each line that it writes is a question. It reads `connected`, `sent`, `delivered`,
 * `position`, `answer`, `unresponsive`, `responsive`, `reconnecting`, `reconnected` and `ended`; without
 * protection `unprotected` in place of `connected`, `sent`, `stale`, `answer`, `unanswered` and `ended`.
 */
export class JsonAsker implements Asker {
  readonly #terminal: Terminal;

  /** Reads nothing before the first question is wanted. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  next(signal: AbortSignal): Promise<string | null | undefined> {
    return this.#terminal.line(signal);
  }

  heard({ type, ...details }: HeardEvent): void {
    this.#terminal.print(toJsonLine({ event: type, ...details }));
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
