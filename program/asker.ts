/**
 * Who asks at a client: a person at a terminal, or a file in that person's place.
 *
 * @module
 */
import type { ConversationEvent, EndReason, NoAnswerError } from "../transport/mod.ts";
import { formatAddress } from "../transport/mod.ts";
import { clean } from "../terminal/clean.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { describeAhead, describeUnanswered, ENDS } from "./words.ts";

/** Who asks the questions of a client, and hears how they stand. */
export interface Asker {
  /** The client got through to that server. */
  connected(server: Deno.NetAddr): void;
  /** That server will be asked without protection; whether it is there is not known. */
  unprotected(server: Deno.NetAddr): void;
  /** The next question; `null` at the end of input, `undefined` once `signal` is aborted. */
  next(signal: AbortSignal): Promise<string | null | undefined>;
  /** The question is not sent, and why. */
  refused(problem: string): void;
  /** The question is on its way. */
  sent(): void;
  /** How the question, or the conversation, stands. */
  heard(event: ConversationEvent): void;
  /** The answer is here. */
  answered(answer: string): void;
  /** No answer came in time. The conversation goes on. */
  unanswered(error: NoAnswerError): void;
  /** The conversation with that server is over. */
  ended(reason: EndReason, server: Deno.NetAddr): void;
}

/** Time without an acknowledgement after which the asker is told, in seconds. */
const UNACKNOWLEDGED_S = 3;

/** How often a file is told the same again, in seconds. */
const REPEAT_S = 10;

/** A person at a terminal, or a file: prompts and answers on stdout, the rest on stderr. */
export class ConsoleAsker implements Asker {
  readonly #terminal: Terminal;
  readonly #label: string;
  #isProtected = true;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Asks in `terminal`; the answers are led by `label`. */
  constructor(terminal: Terminal, label: string = "Respuesta: ") {
    this.#terminal = terminal;
    this.#label = label;
  }

  connected(server: Deno.NetAddr): void {
    this.#terminal.notice(`Conectado con ${formatAddress(server)}`);
  }

  unprotected(server: Deno.NetAddr): void {
    this.#isProtected = false;
    this.#terminal.notice(
      `Sin fiabilidad: se pregunta a ${
        formatAddress(server)
      } sin saber si hay alguien, y lo que se ` +
        "pierda no se reenvía",
    );
  }

  next(signal: AbortSignal): Promise<string | null | undefined> {
    return this.#terminal.question("Ingrese una pregunta: ", { signal });
  }

  refused(problem: string): void {
    this.#terminal.error(problem);
  }

  sent(): void {
    this.#terminal.status("Pregunta enviada");
    if (this.#isProtected) this.#tellUnacknowledged();
  }

  heard(event: ConversationEvent): void {
    switch (event.type) {
      case "delivered":
        clearInterval(this.#timer);
        break;
      case "position":
        this.#terminal.status(`Pregunta recibida: ${describeAhead(event.ahead)}`);
        break;
      case "unresponsive":
        this.#terminal.notice("El servidor no responde desde hace 5 s; se sigue intentando");
        break;
      case "responsive":
        this.#terminal.notice("El servidor responde de nuevo");
        break;
      case "reconnecting":
        this.#terminal.notice("El servidor se reinició: conectando de nuevo");
        break;
      case "reconnected":
        this.#terminal.notice("Conectado de nuevo");
        break;
      case "stale":
        this.#terminal.notice("Ya había llegado una respuesta: es la de una pregunta anterior");
        break;
    }
  }

  answered(answer: string): void {
    clearInterval(this.#timer);
    this.#terminal.status("Pregunta respondida");
    this.#terminal.print(this.#label + clean(answer));
  }

  unanswered({ address, timeout }: NoAnswerError): void {
    this.#terminal.status(undefined);
    this.#terminal.error(describeUnanswered(formatAddress(address), timeout));
  }

  ended(reason: EndReason, server: Deno.NetAddr): void {
    clearInterval(this.#timer);
    const { error, notice } = ENDS[reason];
    const place = formatAddress(server);
    if (error !== undefined) this.#terminal.error(error(place));
    if (notice !== undefined) this.#terminal.notice(notice(place));
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
