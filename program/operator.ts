/**
 * The operator of a server: a person who gets one question at a time, or a file in that person's place.
 *
 * @module
 */
import type { ClientInfo, EndReason, QuestionInfo, Server } from "../transport/mod.ts";
import { formatAddress, MAX_NOTICE_BYTES } from "../transport/mod.ts";
import { type Line, unlessAborted } from "../terminal/streams.ts";
import type { QuestionOptions, Terminal } from "../terminal/terminal.ts";
import { Desk, type Request, shownName } from "./desk.ts";
import type { Recorder } from "./record.ts";
import { describeInvalid, describeTooLong, ENDS, NO_NOTICE, shown } from "./words.ts";

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

/**
 * A person at a terminal, or a file: questions are shown one at a time, in the order of arrival. Hears of
 * the clients of a server, and answers them.
 */
export class ConsoleOperator {
  readonly #terminal: Terminal;
  readonly #maxBytes: number;
  readonly #desk: Desk;
  readonly #end = Promise.withResolvers<void>();
  /** Resolves when no more answers will come. */
  readonly finished: Promise<void> = this.#end.promise;
  #server: Server | undefined;
  #isFinished = false;
  #isClosing = false;
  /** Takes the prompt away, because another question, or none, is to be answered. */
  #prompt = new AbortController();
  readonly #comings: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReportDue = false;
  #isPrompting = false;

  /** Shows questions in `terminal`, and reads answers of `maxBytes` bytes of UTF-8 at most there. */
  constructor(terminal: Terminal, maxBytes: number, record?: Recorder) {
    this.#terminal = terminal;
    this.#maxBytes = maxBytes;
    this.#desk = new Desk(record);
    terminal.onInvalidLine = (line) => terminal.error(describeInvalid(line));
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
    const why = ENDS[reason];
    this.#withdraw(client, why);
    this.#desk.visitors.delete(client.id);
    this.#comings.push(`Cliente desconectado: ${place(client)} (${why})`);
    this.#report();
  }

  /** Answers a question; the promise stays open if the asker goes or nobody answers. */
  answer(question: string, info: QuestionInfo): Promise<string> {
    const { length } = this.#desk.requests;
    const answer = this.#desk.add(question, info, Date.now());
    // The question that is being answered is ahead, too.
    if (length > 0) info.setAhead(length);
    else this.#prompt.abort();
    this.#report();
    return answer;
  }

  /** The server has closed: what is unanswered stays so. Resolves once that is on record. */
  async close(): Promise<void> {
    this.#finish();
    for (const { client } of [...this.#desk.requests]) this.#withdraw(client, ENDS.closing);
    await this.#desk.recorded;
  }

  #finish(): void {
    this.#isFinished = true;
    this.#prompt.abort();
    clearTimeout(this.#timer);
    this.#end.resolve();
  }

  async #work(): Promise<void> {
    if (!this.#terminal.isTyped) this.#terminal.ended.then(() => this.#finish());
    let shown: Request | undefined;
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
    await this.#desk.recorded;
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
    if (this.#terminal.isTyped) return await this.#prompted(IDLE_PROMPT, { signal });
    return await unlessAborted(new Promise<Line>(() => {}), signal);
  }

  async #ask(request: Request, isNew: boolean, signal: AbortSignal): Promise<Line> {
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

  async #prompted(prompt: string, options?: QuestionOptions): Promise<Line> {
    const usual = { isConversation: () => false, complete };
    const line = this.#terminal.question(prompt, { ...usual, ...options });
    this.#isPrompting = true;
    this.#showStatus();
    return await line.finally(() => this.#isPrompting = false);
  }

  /** Takes a line that was typed while that question, or none, stood above it. */
  #take(line: string, request: Request | undefined): void {
    const terminal = this.#terminal;
    const isPerson = terminal.isTyped;
    if (line.trim() === "") return;
    if (isPerson && isCommand(line)) return this.#obey(line);
    if (!request) return terminal.error("no hay ninguna pregunta que responder; /ayuda");
    const answer = isPerson ? line.replace(/^\/\//, "/") : line;
    const problem = describeTooLong(answer, this.#maxBytes);
    if (problem !== undefined) return terminal.error(problem);
    if (!this.#desk.answer(request, answer)) {
      return terminal.notice(`La respuesta no se envió: ${place(request.client)} ya no la espera`);
    }
    this.#report();
  }

  #obey(line: string): void {
    const [terminal, desk] = [this.#terminal, this.#desk];
    const [, name = "", rest = ""] = /^(\S+)\s*([^]*?)\s*$/.exec(line)!;
    const number = /^\d{1,9}$/.test(rest) ? Number(rest) : 0;
    const { current } = desk;
    const unknown = (what: string) => terminal.error(`${what}; con /cola ve los números`);
    const actions: Readonly<Record<string, () => void>> = {
      "/cola": () =>
        this.#say(current ? "Preguntas, por orden:" : NO_QUESTION, ...desk.list(Date.now())),
      "/pregunta": () => this.#say(current ? `Pregunta: ${shown(current.question)}` : NO_QUESTION),
      "/siguiente": () => desk.postpone() || terminal.notice("No espera nadie más"),
      "/atender": () => desk.attend(number) || unknown(`el cliente "${rest}" no espera`),
      "/todos": () => this.#tellAll(rest),
      "/expulsar": () => this.#expel(number) || unknown(`no hay un cliente "${rest}"`),
      "/cerrar": () => this.#turnAway(),
      "/ayuda": () => this.#say("Órdenes:", ...COMMANDS.map(([it, does]) => it.padEnd(13) + does)),
    };
    if (name in actions) return actions[name]!();
    terminal.error(`no existe la orden ${name}, y no se ha enviado a nadie; vea /ayuda`);
  }

  /** Says it once the prompt is back, so that a question that it scrolls off is shown again. */
  #say(...lines: readonly string[]): void {
    queueMicrotask(() => this.#terminal.notice(lines.join("\n")));
  }

  /** Returns false if there is no client of that number. */
  #expel(id: number): boolean {
    const client = this.#desk.visitors.get(id);
    if (client === undefined) return false;
    this.#withdraw(client, ENDS.expelled);
    client.expel();
    return true;
  }

  #turnAway(): void {
    this.#isClosing = true;
    this.#server?.turnAway();
    this.#terminal.notice("No entra nadie más; se cierra cuando no queden preguntas");
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
      const line = await this.#prompted(prompt);
      if (typeof line === "string" && !/^\s*s[ií]?\s*$/i.test(line)) return;
    }
    this.#finish();
  }

  /** Takes away the questions of a client: there will be no answer, and why. */
  #withdraw(client: ClientInfo, why: string): void {
    const { current } = this.#desk;
    this.#desk.withdraw(client, why);
    if (current?.client !== client) return;
    this.#prompt.abort();
    this.#terminal.notice(`Se retiró la pregunta de ${place(client)}: ${why}`);
  }

  /** Tells who came, who went, who waits, and to each the place of its question: now, or a little later. */
  #report(): void {
    this.#isReportDue = this.#timer !== undefined;
    if (this.#isReportDue || this.#isFinished) return;
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
    requests.forEach(({ setAhead }, ahead) => setAhead(ahead));
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

/** Whether a person's line is a command: `//` begins an answer. */
function isCommand(line: string): boolean {
  return /^\/(?!\/)/.test(line);
}

function complete(line: string): string[] {
  const names = COMMANDS.map(([usage]) => usage.replace(/[A-Z].*/, ""));
  return names.filter((name) => name.startsWith(line));
}

/** A client with its port, for notices. */
function place({ name, remoteAddr }: ClientInfo): string {
  const address = formatAddress(remoteAddr);
  const shown = shownName(name);
  return shown === undefined ? address : `${shown} (${address})`;
}
