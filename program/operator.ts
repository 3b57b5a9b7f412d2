/**
 * The operator of a server: a person who gets one question at a time, or a file in that person's place.
 *
 * @module
 */
import type { ClientInfo, EndReason, QuestionInfo } from "../transport/mod.ts";
import { formatAddress } from "../transport/mod.ts";
import { clean } from "../terminal/clean.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { describeTooLong, ENDS } from "./words.ts";

/** Answers the questions of a server, and hears of its clients. */
export interface Operator {
  /** Resolves when no more answers will come. */
  readonly finished: Promise<void>;
  /** The server listens there. */
  listening(addr: Deno.NetAddr): void;
  /** A client has connected. */
  connected(client: ClientInfo): void;
  /** A client is gone. */
  disconnected(client: ClientInfo, reason: EndReason): void;
  /** Answers a question; the promise may stay open when the asker is gone or nobody answers. */
  answer(question: string, info: QuestionInfo): Promise<string>;
}

/** Least time between two updates of the places in the queue, in ms. */
const PLACES_INTERVAL_MS = 1_000;

interface Waiting {
  readonly question: string;
  readonly info: QuestionInfo;
  readonly resolve: (answer: string) => void;
}

/** A person at a terminal, or a file: questions are shown one at a time, in the order of arrival. */
export class ConsoleOperator implements Operator {
  readonly #terminal: Terminal;
  readonly #maxBytes: number;
  readonly #clients = new Set<ClientInfo>();
  readonly #queue: Waiting[] = [];
  #current: Waiting | undefined;
  #isFinished = false;
  #placesTimer: ReturnType<typeof setTimeout> | undefined;

  /** Shows questions in `terminal`, and reads answers of `maxBytes` bytes of UTF-8 at most there. */
  constructor(terminal: Terminal, maxBytes: number) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
  }

  // Reading this loads the line editor: read it after the first line is printed.
  get finished(): Promise<void> {
    return this.#terminal.ended.then(() => {
      this.#isFinished = true;
    });
  }

  listening(addr: Deno.NetAddr): void {
    this.#terminal.print("El servidor UDP listo para recibir preguntas del cliente");
    this.#terminal.notice(`Escuchando en ${formatAddress(addr)}`);
  }

  connected(client: ClientInfo): void {
    this.#clients.add(client);
    this.#terminal.notice(`Cliente conectado: ${formatAddress(client.remoteAddr)}`);
  }

  disconnected(client: ClientInfo, reason: EndReason): void {
    this.#clients.delete(client);
    const place = formatAddress(client.remoteAddr);
    this.#terminal.notice(`Cliente desconectado: ${place} (${ENDS[reason].operator})`);
  }

  answer(question: string, info: QuestionInfo): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = { question, info, resolve };
    info.signal.addEventListener("abort", () => this.#forget(waiting), { once: true });
    this.#queue.push(waiting);
    if (this.#current === undefined) this.#work();
    else this.#wait(waiting);
    return promise;
  }

  async #work(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#current = next;
      this.#placesChanged();
      const answer = await this.#ask(next);
      if (typeof answer === "string") next.resolve(answer);
      // The input is over: the program closes, and drops the queue.
      if (answer === null || this.#isFinished) return;
      this.#current = undefined;
    }
  }

  async #ask({ question, info }: Waiting): Promise<string | null | undefined> {
    this.#terminal.print(`Pregunta: ${clean(question)}`);
    this.#terminal.print(`Cliente: ${this.#name(info)}`);
    const { signal } = info;
    while (true) {
      const answer = await this.#terminal.question("Ingrese una respuesta: ", signal);
      if (typeof answer !== "string") return answer;
      if (answer.trim() === "") continue;
      const problem = describeTooLong(answer, this.#maxBytes);
      if (problem === undefined) return answer;
      this.#terminal.error(problem);
    }
  }

  #name({ remoteAddr: { hostname, port } }: ClientInfo): string {
    const neighbours = [...this.#clients].filter((other) => other.remoteAddr.hostname === hostname);
    return neighbours.length > 1 ? `${hostname} (puerto ${port})` : hostname;
  }

  #wait(waiting: Waiting): void {
    // The question that is being answered is ahead, too.
    waiting.info.setAhead(this.#queue.length);
    this.#tellWaiting();
  }

  #forget(gone: Waiting): void {
    if (gone === this.#current) {
      const place = formatAddress(gone.info.remoteAddr);
      this.#terminal.notice(`Se retiró la pregunta de ${place}: se desconectó`);
      return;
    }
    const index = this.#queue.indexOf(gone);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    this.#placesChanged();
    this.#tellWaiting();
  }

  #tellWaiting(): void {
    const { length } = this.#queue;
    if (length === 0) this.#terminal.notice("Ninguna pregunta más en espera");
    else if (length === 1) this.#terminal.notice("1 pregunta más en espera");
    else this.#terminal.notice(`${length} preguntas más en espera`);
  }

  // Each change moves all who wait behind it: a fast queue is reported at intervals.
  #placesChanged(): void {
    this.#placesTimer ??= setTimeout(() => {
      this.#placesTimer = undefined;
      const inOrder = this.#current === undefined ? this.#queue : [this.#current, ...this.#queue];
      inOrder.forEach(({ info }, ahead) => info.setAhead(ahead));
    }, PLACES_INTERVAL_MS);
  }
}
