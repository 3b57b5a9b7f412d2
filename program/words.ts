/**
 * Errors and ends of conversations, in the Spanish that people read, with their exit codes.
 *
 * @module
 */
import type { Address, EndReason, ForeignKind, Guesses } from "../transport/mod.ts";
import type { NoAnswerError, Overload, Refusal } from "../transport/mod.ts";
import { formatAddress, RefusedError } from "../transport/mod.ts";
import { UnreachableError, UnresolvedError } from "../transport/mod.ts";
import { clean } from "../terminal/clean.ts";
import { MAX_LINE_LENGTH } from "../terminal/line_reader.ts";
import type { BrokenStream } from "../terminal/terminal.ts";
import { messageOf } from "./files.ts";

/** The exit codes of the programs. */
export const EXIT = {
  ok: 0, // it ended in order
  defect: 1, // a defect of the program, or of one of its streams, or answers left unconfirmed
  usage: 2, // the command line is not valid
  noServer: 3, // no server, or no port to be one
  lost: 4, // the server was lost in mid-conversation
  refused: 5, // the server refused
  code: 6, // the code of a private room is wrong, missing, or not wanted
  unanswered: 7, // a question stayed without its answer, or time was up
  hungUp: 129, // SIGHUP: the window is closed
  interrupted: 130, // Ctrl-C
  terminated: 143, // SIGTERM
} as const;

/** Exit codes that give way to those before them: the signals come first, a defect last. */
const PRECEDENCE: readonly number[] = [2, 6, 5, 4, 3, 7, 1, 0];

/** The exit code of a program that has several reasons for one. */
export function firstCode(...codes: readonly number[]): number {
  return codes.reduce((a, b) => PRECEDENCE.indexOf(a) < PRECEDENCE.indexOf(b) ? a : b);
}

/** Why a program cannot go on, for the person who runs it, and its exit code. It is no defect. */
export class Failure extends Error {
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** The ends of a conversation, as the operator is told. */
export const ENDS: Readonly<Record<EndReason, string>> = {
  bye: "fin de la conversación",
  closing: "el servidor se cierra",
  unconfirmed: "no confirmó el fin de la conversación",
  silence: "inactividad",
  failed: "no se le pudo responder",
  invalid: "envió un mensaje que no es UTF-8",
  busy: "demasiadas preguntas en espera",
  expelled: "se le expulsó",
  undelivered: "un mensaje no llegó",
  version: "habla otra versión del protocolo",
  full: "ya no quedaba sitio",
  moved: "pasa a otro servidor",
  refused: "no se le admitió de nuevo",
  private: "no tiene el código de la sala",
  "wrong-code": "tiene el código de otra sala",
};

/** Why a client ends: an end, the refusal of a server, or a room that changed its code in between. */
export type ClientEnd = EndReason | "recoded" | `refused:${Refusal}`;

/** The same as the asker is told, with % for the server, and the exit code of the client. */
const TOLD: Readonly<Record<ClientEnd, { text: string; code: number }>> = {
  ...withCode(EXIT.ok, {
    bye: "",
    closing: "El servidor % cerró la conversación",
    unconfirmed: "El servidor % no confirmó el fin de la conversación",
  }),
  ...withCode(EXIT.lost, {
    silence:
      "se perdió la conexión con el servidor %: compruebe la red y que siga en marcha, y vuelva a conectarse",
    recoded:
      "el servidor % se reinició y no responde con este código: puede que la sala tenga ya otro; pídalo a " +
      "quien la atiende, y vuelva a conectarse con --codigo",
    moved: "el servidor % cede el paso a otro: vuelva a conectarse",
    failed: "el servidor % falló al responder: avise a quien lo atiende",
    invalid: "el servidor % envió texto que no es UTF-8: avise a quien lo atiende",
    undelivered:
      "la pregunta no llegó a %, o la respuesta no llegó: pruebe con un mensaje más corto o desde otra red",
  }),
  ...withCode(EXIT.refused, {
    busy: "el servidor % tiene demasiadas preguntas en espera: pruebe de nuevo dentro de un rato",
    expelled: "quien atiende el servidor % le expulsó de la conversación: hable con esa persona",
    version:
      "el servidor % se reinició con otra versión de este programa: use la misma en los dos equipos",
    full: "el servidor % está completo: pruebe de nuevo dentro de un rato",
    refused: "el servidor % se reinició y ya no admite más clientes: pruebe dentro de un rato",
    "refused:full": "el servidor % está completo: pruebe de nuevo dentro de un rato",
    "refused:crowded": "el servidor % no admite más clientes desde esta dirección: cierre alguno",
    "refused:closing": "el servidor % se está cerrando: pruebe cuando vuelva a estar en marcha",
    "refused:version":
      "el servidor % habla otra versión del protocolo: use el mismo programa en los dos equipos",
    "refused:wait":
      "en la sala de % se han probado demasiados códigos equivocados: pruebe de nuevo en un minuto",
  }),
  ...withCode(EXIT.code, {
    private: "el servidor % se reinició como sala privada: vuelva a conectarse con --codigo",
    "wrong-code":
      "el servidor % se reinició con otro código: pídalo a quien lo atiende y vuelva a conectarse",
    "refused:wrong-code":
      "el código no es el de la sala de %: revíselo con quien atiende el servidor",
    "refused:private":
      "la sala de % es privada: añada --codigo con el código que muestra el servidor",
    "refused:open":
      "la sala de % es abierta y no usa código: confírmelo con quien atiende el servidor antes de quitar " +
      "--codigo",
  }),
};

function withCode<E extends ClientEnd>(code: number, texts: Record<E, string>) {
  const ends = Object.entries<string>(texts).map(([end, text]) => [end, { text, code }]);
  return Object.fromEntries(ends) as Record<E, { text: string; code: number }>;
}

/** An end as the asker is told of it, an error unless its exit code is 0; empty if there is nothing to tell. */
export function describeEnd(end: ClientEnd, server: string): { text: string; code: number } {
  const { text, code } = TOLD[end];
  return { text: text.replace("%", () => server), code };
}

/** A text of others as it is shown: harmless, on as many lines as it has. */
export function shown(text: string): string {
  return text.replace(/\r\n?/g, "\n").split("\n").map(clean).join("\n");
}

/** Guesses at the code of a private room after which its operator is advised to take a new one. */
const MANY_GUESSES = 50;

export function describeAhead(ahead: number): string {
  if (ahead === 0) return "es la que se responde ahora";
  return ahead === 1
    ? "hay 1 pregunta antes que la suya"
    : `hay ${ahead} preguntas antes que la suya`;
}

/** Tells that a text is too long for one message; `undefined` if it is not. */
export function describeTooLong(text: string, limit: number): string | undefined {
  const size = new TextEncoder().encode(text).length;
  if (size <= limit) return undefined;
  const atLeast = text.length < MAX_LINE_LENGTH ? "" : "más de ";
  return `el mensaje tiene ${atLeast}${size} bytes y el límite es ${limit}: acórtelo o divídalo en varios`;
}

/** The failure of a server that could not open its port at `place`, with a remedy. */
export function bindFailure(error: unknown, place: string): Failure {
  const { AddrInUse, AddrNotAvailable, PermissionDenied } = Deno.errors;
  const why = error instanceof AddrInUse
    ? `el puerto de ${place} ya está en uso: cierre el otro programa o elija otro con --puerto`
    : error instanceof AddrNotAvailable
    ? `${place} no es una dirección de este equipo: use 127.0.0.1, o 0.0.0.0 para todas`
    : error instanceof PermissionDenied
    ? `no hay permiso para abrir ${place}: elija un puerto desde 1024 con --puerto`
    : `no se pudo abrir ${place}: revise la dirección de --host (${messageOf(error)})`;
  return new Failure(why, EXIT.noServer);
}

/** The failure of a client that could not connect to a server; any other error as it is. */
export function connectFailure(error: unknown, server: Address): unknown {
  if (error instanceof RefusedError) {
    const { text, code } = describeEnd(`refused:${error.refusal}`, formatAddress(server));
    return new Failure(text, code);
  }
  if (error instanceof UnresolvedError) {
    const what = `no se encuentra el servidor "${server.hostname}"`;
    return new Failure(`${what}: revise el nombre, o use su dirección IP`, EXIT.noServer);
  }
  if (!(error instanceof UnreachableError)) return error;
  return new Failure(
    `ningún servidor respondió en ${formatAddress(error.address)}: puede que no esté en marcha, ` +
      "que un cortafuegos lo impida o que la red Wi-Fi aísle a sus equipos; compruebe que el servidor " +
      'muestra "Escuchando en" con esa dirección y ese puerto',
    EXIT.noServer,
  );
}

/** No answer came in time: the likely causes, and a remedy. */
export function describeUnanswered({ address, timeout }: NoAnswerError): string {
  const seconds = timeout / 1000;
  return `sin respuesta de ${formatAddress(address)} en ${seconds} s: se perdió la pregunta o la ` +
    "respuesta, esta tarda más que --espera, o allí nadie atiende con --sin-fiabilidad; puede " +
    "repetir la pregunta";
}

/** The questions go to `server` without protection. */
export function describeUnprotected(server: string): string {
  return `Sin fiabilidad: se pregunta a ${server} sin saber si hay alguien, y lo que se pierda no se reenvía`;
}

/** Lines about the limits of the server that were reached since the last report, and about guesses. */
export function describeOverload(overload: Readonly<Overload>): string[] {
  const parts = [
    [overload.sessions, "cliente rechazado", "por estar completo el servidor"],
    [overload.sessionsPerAddress, "cliente rechazado", "por ser ya demasiados en su dirección"],
    [overload.questions, "pregunta rechazada", "por haber demasiadas en espera"],
    [overload.unproved, "datagrama", "de desconocidos sin contestar"],
    [overload.guesses?.waits ?? 0, "intento aplazado", "por los códigos sin confirmar"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, one, why]) =>
    `${count} ${count === 1 ? one : one.replace(/\w+/g, "$&s")} ${why}`
  );
  const limits = told.length === 0 ? [] : [`Límites alcanzados: ${told.join(", ")}`];
  return [...limits, ...describeGuesses(overload.guesses)];
}

function describeGuesses(guesses: Guesses | undefined): string[] {
  if (guesses === undefined || guesses.wrong + guesses.unconfirmed === 0) return [];
  const { wrong, unconfirmed, hostname, total } = guesses;
  const several = wrong + unconfirmed > 1
    ? ` y otros intentos: ${wrong} equivocados y ${unconfirmed} sin confirmar`
    : "";
  const what = wrong > 0 ? "Código equivocado" : "Código sin confirmar";
  const advice = `. Van ${total}: conviene reiniciar el servidor con un código nuevo`;
  return [`${what} desde ${hostname}${several}${total < MANY_GUESSES ? "" : advice}`];
}

/** The kinds of datagrams that do not belong at an end, with the likely mistake. */
const FOREIGN: Readonly<Record<ForeignKind, string>> = {
  packet:
    "usa el protocolo fiable y aquí se pidió --sin-fiabilidad: ponga o quite la opción en ambos",
  version: "usa otra versión de este programa: instale la misma en ambos equipos",
  text: "envió texto sin el protocolo fiable: quítele --sin-fiabilidad, o póngalo también aquí",
  binary:
    "envió algo que no es UTF-8 ni de este programa: revise su codificación, o qué programa es",
  address: "responde desde una dirección que no es aquella a la que se preguntó: se acepta",
};

/** One line about a datagram of another kind, and who sent it. */
export function describeForeign(kind: ForeignKind, from: Address): string {
  return `${formatAddress(from)} ${FOREIGN[kind]}`;
}

/** The server had to close without knowing whether so many answers arrived. */
export function describeUnconfirmed(count: number): string {
  const answers = count === 1 ? "una respuesta" : `${count} respuestas`;
  return `se cerró sin confirmar que llegara ${answers}: pregunte a quien la esperaba, y repítala`;
}

/** A stream of the program can no longer be used: the cause, and a remedy. */
export function describeBroken({ stream, error }: BrokenStream): string {
  const name = { stdin: "entrada", stdout: "salida" }[stream];
  return error instanceof Deno.errors.BrokenPipe
    ? `nadie lee ya la ${name} del programa: no la cierre antes de que termine`
    : `no se puede usar la ${name} del programa: compruebe el disco o el archivo (${error.message})`;
}

/** A line of the input that is not text. */
export function describeInvalid(line: number): string {
  return `la línea ${line} de la entrada no es UTF-8, y no se envía: guárdela como UTF-8`;
}

export const NO_NOTICE = "falta el texto del aviso";
