/**
 * The asker at a client: a person at a terminal, or a file in that person's place.
 *
 * @module
 */
import type { Address, Conversation, ConversationEvent, EndReason } from "../transport/mod.ts";
import { ConversationEndedError, formatAddress, NoAnswerError } from "../transport/mod.ts";
import type { Line } from "../terminal/streams.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Mode } from "./mode.ts";
import { connectFailure, describeAhead, describeEnd, describeForeign } from "./words.ts";
import { describeInvalid, describeTooLong, describeUnanswered } from "./words.ts";
import { describeUnprotected, EXIT, firstCode, shown } from "./words.ts";

/** Asks the questions of a client, and hears how they stand. */
export interface Asker {
  /** The next question; `null` at the end of input, `undefined` once `signal` is aborted. */
  next(signal: AbortSignal): Promise<Line>;
  /** The question that a line holds; empty if it holds none. */
  read(line: string): string;
  /** How the question, or the conversation, stands. A promise resolves when there is room for more. */
  heard(event: HeardEvent): void | Promise<void>;
}

/**
 * How a conversation stands, as its asker hears it: `connecting` if the server has not answered at once,
 * `unprotected` if it will be asked without protection and may not exist, `refused` if a question or that
 * line of the input is not sent, `unanswered` if no answer came in time, which does not end it.
 */
export type HeardEvent =
  | ConversationEvent
  | ({ readonly type: "connecting" | Mode["greeting"] } & Address)
  | { readonly type: "sent" | "unanswered" }
  | { readonly type: "refused"; readonly message: string; readonly line?: number }
  | { readonly type: "answer"; readonly answer: string }
  | { readonly type: "ended"; readonly reason: EndReason };

/** An asker and a conversation, and what came of the questions so far. */
export class Interview {
  readonly #asker: Asker;
  readonly #terminal: Terminal;
  readonly #server: Address;
  readonly #mode: Mode;
  #conversation!: Conversation;
  #answered = 0;
  #code: number = EXIT.ok;
  #isReconnecting = false;

  /** Has asked nothing yet. Errors are printed in `terminal`, and its lines may be no text. */
  constructor(asker: Asker, terminal: Terminal, server: Address, mode: Mode) {
    this.#asker = asker;
    this.#terminal = terminal;
    this.#server = server;
    this.#mode = mode;
    terminal.onInvalidLine = (line) =>
      this.heard({ type: "refused", message: describeInvalid(line), line });
  }

  /**
   * Waits for the conversation, and tells if that takes long.
   *
   * @throws {Failure} If there is none.
   */
  async begin(connection: Promise<Conversation>): Promise<Conversation> {
    const { hostname, port } = this.#server;
    const type = this.#mode.greeting;
    // `setTimeout` is Node's in this runtime: it would load before the first prompt.
    const slow = AbortSignal.timeout(CONNECTING_MS);
    if (type === "connected") {
      slow.onabort = () => this.heard({ type: "connecting", hostname, port });
    }
    this.#conversation = await connection
      .catch((error) => Promise.reject(connectFailure(error, this.#server)))
      .finally(() => slow.onabort = null);
    const { remoteAddr } = this.#conversation;
    this.heard({ type, hostname: remoteAddr.hostname, port: remoteAddr.port });
    return this.#conversation;
  }

  heard(event: HeardEvent): void | Promise<void> {
    if (event.type === "reconnecting") this.#isReconnecting = true;
    if (event.type === "reconnected") this.#isReconnecting = false;
    if (event.type === "answer") this.#answered++;
    if (event.type === "refused" || event.type === "unanswered") this.#code = EXIT.unanswered;
    return this.#asker.heard(event);
  }

  /**
   * Asks the question that a line holds, unless it is too long, and hands the answer to the asker.
   *
   * @throws {ConversationEndedError} If the conversation ends before the answer.
   */
  async ask(line: string): Promise<void> {
    const question = this.#asker.read(line);
    const message = question.trim() === ""
      ? NO_QUESTION
      : describeTooLong(question, this.#mode.maxBytes);
    if (message !== undefined) return this.heard({ type: "refused", message });
    const answer = this.#conversation.ask(question);
    this.heard({ type: "sent" });
    try {
      await this.heard({ type: "answer", answer: await answer });
    } catch (error) {
      if (error instanceof ConversationEndedError && error.reason === "bye") throw error;
      this.#code = EXIT.unanswered;
      if (!(error instanceof NoAnswerError)) throw error;
      this.heard({ type: "unanswered" });
      this.#terminal.error(describeUnanswered(error));
      // Nothing ever came from there.
      if (this.#answered === 0) this.#code = EXIT.noServer;
    }
  }

  /**
   * Ends the conversation, if it is not over, and tells how it ended, unless `signal` ended it.
   *
   * @returns The exit code.
   */
  async sayBye(signal: AbortSignal): Promise<number> {
    const closed = this.#conversation.bye();
    const reason = await this.#conversation.ended;
    const isRecoded = reason === "silence" && this.#mode.isPrivate && this.#isReconnecting;
    const server = formatAddress(this.#conversation.remoteAddr);
    const { text, code } = describeEnd(isRecoded ? "recoded" : reason, server);
    if (!signal.aborted) {
      this.heard({ type: "ended", reason });
      if (code !== EXIT.ok) this.#terminal.error(text);
    }
    await closed;
    return signal.aborted ? signal.reason : firstCode(code, this.#code);
  }
}

/** A signal that aborts when the conversation is over. */
export function endOf({ ended }: Conversation): AbortSignal {
  const end = new AbortController();
  ended.then(() => end.abort());
  return end.signal;
}

const NO_QUESTION = 'se esperaba una pregunta: {"question": "texto"}, o el texto sin más';

/** Time to connect after which the asker is told, in ms. */
const CONNECTING_MS = 500;

/** Time without an acknowledgement after which the asker is told, in seconds. */
const UNACKNOWLEDGED_S = 3;

/** Interval at which a file is told the same again, in seconds. */
const REPEAT_S = 10;

/** Time without a sign of the server before it is said to be silent, in seconds. */
const SILENCE_S = 5;

const HELP = [
  "Escriba una pregunta y pulse Intro; cuando llegue su respuesta podrá hacer otra.",
  "Un texto pegado de varias líneas es una sola pregunta. Con ↑ vuelve a lo que ya escribió.",
  "Para terminar escriba bye, o pulse Ctrl-D o Ctrl-C.",
];

const NOTICES = {
  responsive: "El servidor responde de nuevo",
  reconnecting: "El servidor ya no tiene esta conversación: conectando de nuevo",
  reconnected: "Conectado de nuevo",
  stale: "La respuesta que sigue llegó tarde: es la de una pregunta anterior",
} as const;

/** A person at a terminal, or a file: prompts and answers on stdout, the rest on stderr. */
export class ConsoleAsker implements Asker {
  readonly #terminal: Terminal;
  readonly #label: string;
  #server = "";
  #isProtected = true;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Asks in `terminal`; the answers are led by `label`. */
  constructor(terminal: Terminal, label: string) {
    this.#terminal = terminal;
    this.#label = label;
  }

  async next(signal: AbortSignal): Promise<Line> {
    while (true) {
      const line = await this.#terminal.question("Ingrese una pregunta: ", { signal });
      if (line?.trim() !== "/ayuda") return line;
      for (const help of HELP) this.#terminal.notice(help);
    }
  }

  read(line: string): string {
    return line;
  }

  heard(event: HeardEvent): void | Promise<void> {
    const terminal = this.#terminal;
    switch (event.type) {
      case "connecting":
        return terminal.notice(`Conectando con ${formatAddress(event)}`);
      case "connected":
      case "unprotected":
        this.#server = formatAddress(event);
        this.#isProtected = event.type === "connected";
        terminal.notice(
          this.#isProtected ? `Conectado con ${this.#server}` : describeUnprotected(this.#server),
        );
        if (!terminal.interactive || this.#label === "") return;
        return terminal.notice("Para terminar escriba bye; /ayuda explica más");
      case "sent":
        terminal.status("Pregunta enviada");
        if (!this.#isProtected) return;
        return this.#count(0, UNACKNOWLEDGED_S, "Sin acuse de recibo desde hace % s: reenviando");
      case "unresponsive":
        return this.#count(
          SILENCE_S,
          SILENCE_S,
          "El servidor no responde desde hace % s; se sigue intentando desde otro puerto",
        );
      case "delivered":
        return clearInterval(this.#timer);
      case "position":
        return terminal.status(`Pregunta recibida: ${describeAhead(event.ahead)}`);
      case "answer": {
        clearInterval(this.#timer);
        terminal.status("Pregunta respondida");
        const printed = terminal.print(this.#label + shown(event.answer));
        terminal.status(undefined);
        return printed;
      }
      case "refused":
        return terminal.error(event.message);
      case "unanswered":
        return terminal.status(undefined);
      case "foreign":
        return terminal.notice(describeForeign(event.kind, event.from));
      case "notice":
        return terminal.notice(`Aviso del servidor: ${shown(event.text)}`);
      case "ended": {
        clearInterval(this.#timer);
        const { text, code } = describeEnd(event.reason, this.#server);
        return code === EXIT.ok && text !== "" ? terminal.notice(text) : undefined;
      }
      default:
        clearInterval(this.#timer);
        terminal.notice(NOTICES[event.type]);
    }
  }

  /** Tells each second how long something lasts, from `least` seconds on; a file, now and then. */
  #count(seconds: number, least: number, text: string): void {
    clearInterval(this.#timer);
    const tell = () => {
      const isDue = this.#terminal.interactive || (seconds - least) % REPEAT_S === 0;
      if (seconds >= least && isDue) this.#terminal.status(text.replace("%", `${seconds}`));
      seconds++;
    };
    tell();
    this.#timer = setInterval(tell, 1000);
  }
}
