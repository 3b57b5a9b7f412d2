/**
 * The asker at a client: a person at a terminal, or a file in that person's place.
 *
 * @module
 */
import type { Conversation, ConversationEvent, EndReason } from "../transport/mod.ts";
import { formatAddress, NoAnswerError } from "../transport/mod.ts";
import { clean } from "../terminal/clean.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { describeAhead, describeTooLong, describeUnanswered, ENDS } from "./words.ts";
import { describeForeign } from "./words.ts";

/** Asks the questions of a client, and hears how they stand. */
export interface Asker {
  /** The next question; `null` at the end of input, `undefined` once `signal` is aborted. */
  next(signal: AbortSignal): Promise<string | null | undefined>;
  /** How the question, or the conversation, stands. */
  heard(event: HeardEvent): void;
}

/** How a conversation stands, as its asker hears it. */
export type HeardEvent =
  | ConversationEvent
  /** The handshake with the server is complete. */
  | { readonly type: "connected"; readonly hostname: string; readonly port: number }
  /** The server will be asked without protection. It may not exist. */
  | { readonly type: "unprotected"; readonly hostname: string; readonly port: number }
  /** The question is on its way. */
  | { readonly type: "sent" }
  /** The answer is here. */
  | { readonly type: "answer"; readonly answer: string }
  /** No answer came in time. The conversation goes on. */
  | { readonly type: "unanswered" }
  /** The conversation is over. */
  | { readonly type: "ended"; readonly reason: EndReason };

/** A conversation that an asker holds. */
export interface Interview {
  /** The asker. */
  readonly asker: Asker;
  /** The conversation. */
  readonly conversation: Conversation;
  /** Errors are printed there. */
  readonly terminal: Terminal;
  /** Longest question, in bytes of UTF-8. */
  readonly maxBytes: number;
}

/**
 * Asks a question, unless it is too long, and hands the answer to the asker.
 *
 * @returns False if no answer came in time.
 * @throws {ConversationEndedError} If the conversation ends before the answer.
 */
export async function ask(
  question: string,
  { asker, conversation, terminal, maxBytes }: Interview,
): Promise<boolean> {
  const problem = describeTooLong(question, maxBytes);
  if (problem !== undefined) {
    terminal.error(problem);
    return true;
  }
  const answer = conversation.ask(question);
  asker.heard({ type: "sent" });
  try {
    asker.heard({ type: "answer", answer: await answer });
    return true;
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    asker.heard({ type: "unanswered" });
    terminal.error(describeUnanswered(error));
    return false;
  }
}

/**
 * Ends the conversation, if it is not over, and tells how it ended, unless `signal` ended it.
 *
 * @returns The exit code.
 */
export async function sayBye(interview: Interview, signal: AbortSignal): Promise<number> {
  const { asker, conversation, terminal } = interview;
  const closed = conversation.bye();
  const reason = await conversation.ended;
  const { error, code } = ENDS[reason];
  if (!signal.aborted) {
    asker.heard({ type: "ended", reason });
    if (error !== undefined) terminal.error(error(formatAddress(conversation.remoteAddr)));
  }
  await closed;
  return signal.aborted ? signal.reason : code;
}

/** A signal that aborts when the conversation is over. */
export function endOf({ ended }: Conversation): AbortSignal {
  const end = new AbortController();
  ended.then(() => end.abort());
  return end.signal;
}

/** Time without an acknowledgement after which the asker is told, in seconds. */
const UNACKNOWLEDGED_S = 3;

/** Interval at which a file is told the same again, in seconds. */
const REPEAT_S = 10;

const NOTICES = {
  unresponsive: "El servidor no responde desde hace 5 s; se sigue intentando",
  responsive: "El servidor responde de nuevo",
  reconnecting: "El servidor se reinició: conectando de nuevo",
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

  next(signal: AbortSignal): Promise<string | null | undefined> {
    return this.#terminal.question("Ingrese una pregunta: ", signal);
  }

  heard(event: HeardEvent): void {
    const terminal = this.#terminal;
    switch (event.type) {
      case "connected":
        this.#server = formatAddress(event);
        return terminal.notice(`Conectado con ${this.#server}`);
      case "unprotected":
        this.#isProtected = false;
        this.#server = formatAddress(event);
        return terminal.notice(
          `Sin fiabilidad: se pregunta a ${this.#server} sin saber si hay alguien, y lo que se ` +
            "pierda no se reenvía",
        );
      case "sent":
        terminal.status("Pregunta enviada");
        return this.#isProtected ? this.#tellUnacknowledged() : undefined;
      case "delivered":
        return clearInterval(this.#timer);
      case "position":
        return terminal.status(`Pregunta recibida: ${describeAhead(event.ahead)}`);
      case "notice":
        return terminal.notice(`Aviso del servidor: ${clean(event.text)}`);
      case "answer":
        clearInterval(this.#timer);
        terminal.status("Pregunta respondida");
        terminal.print(this.#label + clean(event.answer));
        return;
      case "unanswered":
        return terminal.status(undefined);
      case "foreign":
        return terminal.notice(describeForeign(event.kind, event.from));
      case "ended": {
        clearInterval(this.#timer);
        const { notice } = ENDS[event.reason];
        return notice && terminal.notice(notice(this.#server));
      }
      default:
        terminal.notice(NOTICES[event.type]);
    }
  }

  #tellUnacknowledged(): void {
    let seconds = 0;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      seconds++;
      const isDue = this.#terminal.interactive
        ? seconds >= UNACKNOWLEDGED_S
        : seconds % REPEAT_S === UNACKNOWLEDGED_S;
      if (isDue) this.#terminal.status(`Sin acuse de recibo desde hace ${seconds} s: reenviando`);
    }, 1000);
  }
}
