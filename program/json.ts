/**
 * Programs in place of people: one JSON object a line, so that a bot in any language can ask or answer
 * through a pipe. The text of messages is carried unchanged.
 *
 * @module
 */
import type { ClientInfo, ConversationEvent, EndReason, QuestionInfo } from "../transport/mod.ts";
import { formatAddress, type NoAnswerError } from "../transport/mod.ts";
import { toJsonLine } from "../terminal/clean.ts";
import type { LineReader } from "../terminal/line_reader.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Asker } from "./asker.ts";
import { describeTooLong, describeUnanswered, ENDS } from "./words.ts";
import type { Operator } from "./operator.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";

/** What a bot talks through. */
export interface JsonOptions {
  /** Where the lines come from. */
  readonly lines: LineReader;
  /** Where objects go (stdout), and errors (stderr). */
  readonly terminal: Terminal;
}

/** What a bot that answers talks through, and how much it may say. */
export interface JsonOperatorOptions extends JsonOptions {
  /** Most bytes of UTF-8 of an answer. */
  readonly maxBytes?: number;
}

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

  /** Starts to read answers at once. */
  constructor({ lines, terminal, maxBytes = MAX_MESSAGE_BYTES }: JsonOperatorOptions) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
    this.finished = this.#readAnswers(lines);
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

  async #readAnswers(lines: LineReader): Promise<void> {
    for (let line = await lines.next(); line !== null; line = await lines.next()) {
      if (line.trim() === "") continue;
      const problem = this.#take(parse(line));
      if (problem !== undefined) this.#terminal.error(`${problem}: ${line.slice(0, 200)}`);
    }
  }

  /** Takes an answer; or tells why not. */
  #take(value: Record<string, unknown> | undefined): string | undefined {
    const { id, answer } = value ?? {};
    if (typeof id !== "number" || typeof answer !== "string") {
      return `se esperaba {"id": número, "answer": "texto"} en una línea`;
    }
    const resolve = this.#open.get(id);
    if (resolve === undefined) return `ninguna pregunta espera respuesta con el id ${id}`;
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
  readonly #options: JsonOptions;

  /** Reads nothing before the first question is wanted. */
  constructor(options: JsonOptions) {
    this.#options = options;
  }

  connected({ hostname, port }: Deno.NetAddr): void {
    this.#print({ event: "connected", hostname, port });
  }

  unprotected({ hostname, port }: Deno.NetAddr): void {
    this.#print({ event: "unprotected", hostname, port });
  }

  async next(signal: AbortSignal): Promise<string | null | undefined> {
    const aborted = Promise.withResolvers<undefined>();
    const onAbort = () => aborted.resolve(undefined);
    if (signal.aborted) return undefined;
    signal.addEventListener("abort", onAbort, { once: true });
    const line = await Promise.race([this.#options.lines.next(), aborted.promise]);
    signal.removeEventListener("abort", onAbort);
    return line;
  }

  refused(problem: string): void {
    this.#options.terminal.error(problem);
  }

  sent(): void {
    this.#print({ event: "sent" });
  }

  heard({ type, ...details }: ConversationEvent): void {
    this.#print({ event: type, ...details });
  }

  answered(answer: string): void {
    this.#print({ event: "answer", answer });
  }

  unanswered({ address, timeout }: NoAnswerError): void {
    this.#print({ event: "unanswered" });
    this.#options.terminal.error(describeUnanswered(formatAddress(address), timeout));
  }

  ended(reason: EndReason, server: Deno.NetAddr): void {
    this.#print({ event: "ended", reason });
    const { error } = ENDS[reason];
    if (error !== undefined) this.#options.terminal.error(error(formatAddress(server)));
  }

  #print(event: Record<string, unknown>): void {
    this.#options.terminal.print(toJsonLine(event));
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
