/**
 * The operator of a server: a person who gets one question at a time, or a file in that person's place.
 *
 * @module
 */
import type { ClientInfo, EndReason, QuestionInfo, Server } from "../transport/mod.ts";
import { formatAddress, MAX_NOTICE_BYTES } from "../transport/mod.ts";
import type { QuestionOptions, Terminal } from "../terminal/terminal.ts";
import { Desk, type Request, shownName } from "./desk.ts";
import type { ClassRecord } from "./record.ts";
import { describeInvalid, describeTooLong, ENDS, NO_NOTICE, shown } from "./words.ts";

/** Answers the questions of a server, and hears of its clients. */
export interface Operator {
  /** Resolves when no more answers will come. */
  readonly finished: Promise<void>;
  /** The server listens. */
  listening(server: Server): void;
  /** A client has connected. */
  connected(client: ClientInfo): void;
  /** A client is gone. */
  disconnected(client: ClientInfo, reason: EndReason): void;
  /** Answers a question; the promise may stay open when the asker is gone or nobody answers. */
  answer(question: string, info: QuestionInfo): Promise<string>;
  /** The server has closed: what is unanswered stays so. Resolves once that is on record. */
  close(): Promise<void>;
}

/** Least time between two reports of arrivals, departures and places, in ms. */
const REPORT_INTERVAL_MS = 1_000;

/** Time without a key after which a person no longer writes what was meant for a question that went. */
const QUIET_MS = 1_000;

/** Time in which a terminal without editing hands over the lines that were typed ahead. */
const TYPED_AHEAD_MS = 100;

/** Most arrivals and departures that one line tells. */
const MOST_TOLD = 3;

const ANSWER_PROMPT = "Ingrese una respuesta: ";
const IDLE_PROMPT = "Sin preguntas (órdenes con /ayuda): ";
const UNSEEN_PROMPT = "Hay una pregunta; pulse Intro para verla: ";
const NO_QUESTION = "No hay ninguna pregunta";
const ASIDE = "Lo que había escrito no se ha enviado a nadie";

/** The commands, with their help. */
const COMMANDS: readonly (readonly [usage: string, help: string])[] = [
  ["/cola", "quién espera, desde hace cuánto, y cómo empieza su pregunta"],
  ["/pregunta", "muestra entera la pregunta que se responde"],
  ["/siguiente", "deja esta pregunta para el final"],
  ["/atender N", "responde ahora al cliente N"],
  ["/todos TEXTO", "envía un aviso a todos los clientes"],
  ["/expulsar N", "termina la conversación con el cliente N"],
  ["/cerrar", "no deja entrar a nadie más, y cierra cuando no quedan preguntas"],
  ["/ayuda", "muestra esta ayuda"],
  ["//TEXTO", "responde /TEXTO, que así no es una orden"],
];

interface Waiting extends Request {
  readonly client: ClientInfo;
  readonly info: QuestionInfo;
  readonly resolve: (answer: string) => void;
}

/** A person at a terminal, or a file: questions are shown one at a time, in the order of arrival. */
export class ConsoleOperator implements Operator {
  readonly finished: Promise<void>;
  readonly #terminal: Terminal;
  readonly #maxBytes: number;
  readonly #record: ClassRecord | undefined;
  readonly #desk = new Desk<ClientInfo, Waiting>();
  readonly #finish: () => void;
  #server: Server | undefined;
  #isFinished = false;
  #isClosing = false;
  /** Takes the prompt away, because another question, or none, is to be answered. */
  #prompt = new AbortController();
  readonly #comings: string[] = [];
  #recorded: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReportDue = false;
  #isPrompting = false;

  /** Shows questions in `terminal`, and reads answers of `maxBytes` bytes of UTF-8 at most there. */
  constructor(terminal: Terminal, maxBytes: number, record?: ClassRecord) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
    this.#record = record;
    terminal.onInvalidLine((line) => terminal.error(describeInvalid(line)));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = () => {
      this.#isFinished = true;
      this.#prompt.abort();
      clearTimeout(this.#timer);
      resolve();
    };
  }

  listening(server: Server): void {
    this.#server = server;
    this.#terminal.print("El servidor UDP listo para recibir preguntas del cliente");
    this.#terminal.notice(`Escuchando en ${formatAddress(server.addr)}`);
    // The program tells where to knock before the first prompt.
    queueMicrotask(() => this.#work());
  }

  connected(client: ClientInfo): void {
    this.#desk.visitors.set(client.id, client);
    this.#comings.push(`Cliente conectado: ${place(client)}`);
    this.#report();
  }

  disconnected(client: ClientInfo, reason: EndReason): void {
    const why = ENDS[reason].operator;
    this.#withdraw(client, why);
    this.#desk.visitors.delete(client.id);
    this.#comings.push(`Cliente desconectado: ${place(client)} (${why})`);
    this.#report();
  }

  answer(question: string, info: QuestionInfo): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const { client } = info;
    const { length } = this.#desk.requests;
    this.#desk.add({ client, question, since: Date.now(), info, resolve });
    // The question that is being answered is ahead, too.
    if (length > 0) info.setAhead(length);
    else this.#prompt.abort();
    this.#report();
    return promise;
  }

  async close(): Promise<void> {
    this.#finish();
    for (const { client } of this.#desk.requests) this.#withdraw(client, ENDS.closing.operator);
    await this.#recorded;
  }

  async #work(): Promise<void> {
    if (!this.#terminal.isTyped) this.#terminal.ended.then(this.#finish);
    let shown: Waiting | undefined;
    let line: Line;
    while (!this.#isFinished) {
      if (this.#desk.next() !== shown) await this.#clear(line === undefined);
      const request = this.#desk.next();
      if (request === undefined && this.#isClosing) return this.#finish();
      const { signal } = this.#prompt = new AbortController();
      const isNew = request !== shown;
      shown = request;
      line = await (request === undefined ? this.#idle(signal) : this.#ask(request, isNew, signal));
      if (line === null) await this.#conclude();
      else if (line !== undefined) this.#take(line, request);
    }
  }

  /** Waits until nobody types what was meant for no question, or for one that is gone. */
  async #clear(isPromptGone: boolean): Promise<void> {
    await this.#recorded;
    // Without editing, the system keeps what is typed until Enter.
    if (this.#terminal.isTyped && !this.#terminal.interactive) {
      if (isPromptGone && this.#desk.current !== undefined) {
        const line = await this.#prompted(UNSEEN_PROMPT, {});
        if (line?.trim()) this.#terminal.notice(ASIDE);
      }
      await this.#terminal.quiet(TYPED_AHEAD_MS);
    }
    while (this.#putAside()) await this.#terminal.quiet(QUIET_MS);
  }

  /** Takes away what was typed so far. Returns false if nothing was. */
  #putAside(): boolean {
    if (!this.#terminal.setAside()) return false;
    this.#terminal.notice(ASIDE + (this.#terminal.interactive ? " (con ↑ lo recupera)" : ""));
    return true;
  }

  async #idle(signal: AbortSignal): Promise<Line> {
    if (this.#terminal.isTyped) {
      return await this.#prompted(IDLE_PROMPT, { signal, isConversation: () => false });
    }
    const { promise, resolve } = Promise.withResolvers<undefined>();
    signal.addEventListener("abort", () => resolve(undefined));
    return await promise;
  }

  async #ask(request: Waiting, isNew: boolean, signal: AbortSignal): Promise<Line> {
    const context = [
      `Pregunta: ${shown(request.question)}`,
      `Cliente: ${this.#desk.label(request.client)}`,
    ];
    if (isNew) {
      this.#putAside();
      await Promise.all(context.map((line) => this.#terminal.print(line)));
      await this.#terminal.quiet(0);
      this.#putAside();
    }
    this.#report();
    const isConversation = (line: Line) => typeof line === "string" && !isCommand(line);
    return await this.#prompted(ANSWER_PROMPT, { signal, context, isConversation });
  }

  async #prompted(prompt: string, options: QuestionOptions): Promise<Line> {
    const line = this.#terminal.question(prompt, { ...options, complete, mayGoOn: true });
    this.#isPrompting = true;
    this.#showStatus();
    return await line.finally(() => this.#isPrompting = false);
  }

  /** Takes a line that was typed while that question, or none, stood above it. */
  #take(line: string, request: Waiting | undefined): void {
    const terminal = this.#terminal;
    const isPerson = terminal.isTyped;
    if (line.trim() === "") return;
    if (isPerson && isCommand(line)) return this.#obey(line);
    if (request === undefined) {
      return terminal.error("no hay ninguna pregunta que responder; /ayuda");
    }
    const answer = isPerson ? line.replace(/^\/\//, "/") : line;
    const problem = describeTooLong(answer, this.#maxBytes);
    if (problem !== undefined) return terminal.error(problem);
    if (!this.#desk.remove(request)) {
      return terminal.notice(`La respuesta no se envió: ${place(request.client)} ya no la espera`);
    }
    request.resolve(answer);
    this.#write(request, `Respuesta: ${answer}`);
    this.#report();
  }

  #obey(line: string): void {
    const terminal = this.#terminal;
    const [, name, rest = ""] = /^(\S+)\s*([^]*?)\s*$/.exec(line)!;
    const desk = this.#desk;
    const number = /^\d{1,9}$/.test(rest) ? Number(rest) : 0;
    const { current } = desk;
    switch (name) {
      case "/cola":
        return this.#say(
          current === undefined ? NO_QUESTION : "Preguntas, por orden:",
          ...desk.list(Date.now()),
        );
      case "/pregunta":
        return this.#say(
          current === undefined ? NO_QUESTION : `Pregunta: ${shown(current.question)}`,
        );
      case "/siguiente":
        return desk.postpone() ? undefined : terminal.notice("No espera nadie más");
      case "/atender":
        return desk.attend(number)
          ? undefined
          : terminal.error(`el cliente "${rest}" no espera; con /cola ve los números`);
      case "/todos":
        return void this.#tellAll(rest);
      case "/expulsar": {
        const client = desk.visitors.get(number);
        if (client === undefined) {
          return terminal.error(`no hay un cliente "${rest}"; con /cola ve los números`);
        }
        this.#withdraw(client, ENDS.expelled.operator);
        return client.expel();
      }
      case "/cerrar":
        this.#isClosing = true;
        this.#server?.turnAway();
        return terminal.notice("No entra nadie más; se cierra cuando no queden preguntas");
      case "/ayuda":
        return this.#say(
          "Órdenes:",
          ...COMMANDS.map(([name, help]) => `${name.padEnd(12)} ${help}`),
        );
      default:
        terminal.error(`no existe la orden ${name}, y no se ha enviado a nadie; vea /ayuda`);
    }
  }

  /** Says it once the prompt is back, so that a question that it scrolls off is shown again. */
  #say(...lines: readonly string[]): void {
    queueMicrotask(() => this.#terminal.notice(lines.join("\n")));
  }

  async #tellAll(text: string): Promise<void> {
    const problem = text === "" ? NO_NOTICE : describeTooLong(text, MAX_NOTICE_BYTES);
    if (problem !== undefined) return this.#terminal.error(problem);
    if (this.#desk.visitors.size === 0) return this.#terminal.notice("No hay nadie conectado");
    const missed = await this.#server!.notify(text);
    const names = missed.map((client) => `${client.id} ${this.#desk.label(client)}`);
    this.#terminal.notice(
      names.length === 0 ? "El aviso llegó a todos" : `El aviso no llegó a ${names.join(", ")}`,
    );
  }

  async #conclude(): Promise<void> {
    const { length } = this.#desk.requests;
    if (this.#terminal.isTyped && length > 0) {
      const questions = length === 1 ? "1 pregunta" : `${length} preguntas`;
      const prompt = `Queda ${questions} sin responder. ¿Cierra el servidor? (s/n): `;
      const line = await this.#prompted(prompt, { isConversation: () => false });
      if (typeof line === "string" && !/^\s*s[ií]?\s*$/i.test(line)) return;
    }
    this.#finish();
  }

  /** Takes away the question of a client, if it has one: there will be no answer, and why. */
  #withdraw(client: ClientInfo, why: string): void {
    const request = this.#desk.requests.find((request) => request.client === client);
    if (request === undefined) return;
    const isCurrent = request === this.#desk.current;
    this.#desk.remove(request);
    this.#write(request, `Sin respuesta: ${why}`);
    if (!isCurrent) return;
    this.#prompt.abort();
    this.#terminal.notice(`Se retiró la pregunta de ${place(client)}: ${why}`);
  }

  #write({ client, question }: Waiting, outcome: string): void {
    const texts = [`Cliente: ${this.#desk.label(client)}`, `Pregunta: ${question}`, outcome];
    this.#recorded = this.#record?.add(texts, new Date());
  }

  /** Tells who came, who went, who waits, and to each the place of its question: now, or a little later. */
  #report(): void {
    this.#isReportDue = true;
    if (this.#timer !== undefined || this.#isFinished) return;
    this.#isReportDue = false;
    this.#tell();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isReportDue) this.#report();
    }, REPORT_INTERVAL_MS);
  }

  #tell(): void {
    const { current, requests } = this.#desk;
    const lines = this.#comings.splice(0);
    // A question at the prompt is not pushed away: the line of those who wait tells how many are here.
    if (lines.length > 0 && !(this.#terminal.interactive && current !== undefined)) {
      const more = lines.length > MOST_TOLD ? `; y ${lines.length - MOST_TOLD} cambios más` : "";
      this.#terminal.notice(lines.slice(0, MOST_TOLD).join("; ") + more);
    }
    this.#showStatus();
    requests.forEach(({ info }, ahead) => info.setAhead(ahead));
  }

  #showStatus(): void {
    const { current, requests, connected, waiting } = this.#desk;
    if (!this.#terminal.interactive) {
      this.#terminal.status(requests.length > 1 ? waiting : undefined);
    } else if (this.#isPrompting) {
      this.#terminal.status(current === undefined ? connected : `${connected}; ${waiting}`);
    }
  }
}

/** A line; `null` at the end of input, `undefined` if the prompt was taken away. */
type Line = string | null | undefined;

/** Whether a person's line is a command: `//` begins an answer. */
function isCommand(line: string): boolean {
  return /^\/(?!\/)/.test(line);
}

function complete(line: string): string[] {
  return COMMANDS.map(([usage]) => usage.replace(/[A-Z].*/, "")).filter((name) =>
    name.startsWith(line)
  );
}

/** A client with its port, for notices. */
function place({ name, remoteAddr }: ClientInfo): string {
  const shown = shownName(name);
  return shown === undefined
    ? formatAddress(remoteAddr)
    : `${shown} (${formatAddress(remoteAddr)})`;
}
