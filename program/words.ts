/**
 * What the programs say, in Spanish, about what went wrong and how a conversation ended.
 *
 * @module
 */
import { type EndReason, formatAddress, type Overload, type Refusal } from "../transport/mod.ts";
import { RefusedError, UnreachableError, UnresolvedError } from "../transport/mod.ts";
import { EXIT } from "./program.ts";
import { MAX_LINE_LENGTH } from "../terminal/line_reader.ts";
import type { BrokenStream } from "../terminal/terminal.ts";

/** How the end of a conversation is told to the operator. */
export const CLIENT_ENDS: Readonly<Record<EndReason, string>> = {
  bye: "fin de la conversación",
  closing: "el servidor se cierra",
  failed: "no se le pudo responder",
  invalid: "envió un mensaje que no es UTF-8",
  busy: "demasiadas preguntas en espera",
  refused: "no se le admitió de nuevo",
  private: "no tiene el código de la sala",
  silence: "inactividad",
  unconfirmed: "no confirmó el fin de la conversación",
};

/** How the end of a conversation with the server at a place is told to the asker, if it is. */
export interface ServerEnd {
  /** It is an error. */
  readonly error?: (place: string) => string;
  /** It is no error, but worth a word. */
  readonly notice?: (place: string) => string;
}

/** How each end of a conversation is told to the asker. */
export const SERVER_ENDS: Readonly<Record<EndReason, ServerEnd>> = {
  bye: {},
  closing: { notice: (place) => `El servidor ${place} cerró la conversación` },
  unconfirmed: {
    notice: (place) => `El servidor ${place} no confirmó el fin de la conversación`,
  },
  silence: {
    error: (place) =>
      `se perdió al servidor ${place}: compruebe la red y que siga en marcha, y vuelva a conectar`,
  },
  failed: {
    error: (place) => `el servidor ${place} falló al responder: avise a quien lo atiende`,
  },
  busy: {
    error: (place) =>
      `el servidor ${place} tiene demasiadas preguntas en espera: pruebe de nuevo dentro de un rato`,
  },
  refused: {
    error: (place) =>
      `el servidor ${place} se reinició y ya no admite más clientes: pruebe dentro de un rato`,
  },
  private: {
    error: (place) =>
      `el servidor ${place} se reinició como sala privada: conecte de nuevo con --codigo`,
  },
  invalid: {
    error: (place) => `el servidor ${place} envió texto que no es UTF-8: avise a quien lo atiende`,
  },
};

/** How many questions are answered first. */
export function describeAhead(ahead: number): string {
  if (ahead === 0) return "es la que se responde ahora";
  return ahead === 1 ? "1 pregunta por delante" : `${ahead} preguntas por delante`;
}

/** That a text is too long to be sent as one message, or `undefined` if it is not. */
export function describeTooLong(text: string, limit: number): string | undefined {
  const size = new TextEncoder().encode(text).length;
  if (size <= limit) return undefined;
  const atLeast = text.length < MAX_LINE_LENGTH ? "" : "más de ";
  return `el mensaje tiene ${atLeast}${size} bytes y el límite es ${limit}: acórtelo o divídalo en varios`;
}

/** Why a server could not open its port at `place`, and what to try. */
export function describeBindError(error: unknown, place: string): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `el puerto de ${place} ya está en uso: cierre el otro programa o elija otro con --puerto`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${place} no es una dirección de este equipo: use 127.0.0.1, o 0.0.0.0 para todas`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `no hay permiso para abrir ${place}: elija un puerto desde 1024 con --puerto`;
  }
  return `no se pudo abrir ${place}: revise la dirección de --host (${reason(error)})`;
}

/** That a name does not resolve, and what to try. */
export function describeUnresolved(hostname: string): string {
  return `no se encuentra el servidor "${hostname}": revise el nombre, o use su dirección IP`;
}

/** That no server answered at `place`, the likely causes, and what to try. */
export function describeUnreachable(place: string): string {
  return `ningún servidor respondió en ${place}: puede que no esté en marcha, que un cortafuegos ` +
    `lo impida o que la red Wi-Fi aísle a sus equipos; compruebe que el servidor muestra ` +
    `"Escuchando en" con esa dirección y ese puerto`;
}

/** That no answer came from `place` for so many ms, the likely causes, and what to try. */
export function describeUnanswered(place: string, milliseconds: number): string {
  const seconds = milliseconds / 1000;
  return `sin respuesta de ${place} en ${seconds} s: se perdió la pregunta o la respuesta, tarda más ` +
    `que --espera, o nadie atiende allí con --sin-fiabilidad; puede repetirla`;
}

/** Why the server at `place` refused the client, and what to try. */
export function describeRefusal(refusal: Refusal, place: string): string {
  switch (refusal) {
    case "full":
      return `el servidor ${place} está completo: pruebe de nuevo dentro de un rato`;
    case "crowded":
      return `el servidor ${place} no admite más clientes desde esta dirección: cierre alguno`;
    case "wrong-code":
      return `el código no es el de la sala de ${place}: revíselo con quien atiende el servidor`;
    case "private":
      return `la sala de ${place} es privada: añada --codigo con el código que muestra el servidor`;
    case "open":
      return `la sala de ${place} es abierta y no usa código: confírmelo con quien atiende el ` +
        "servidor antes de quitar --codigo";
    case "closing":
      return `el servidor ${place} se está cerrando: pruebe cuando vuelva a estar en marcha`;
  }
}

/** What the limits of the server shed since the last time, as one quiet line. */
export function describeShed(shed: Readonly<Overload>): string {
  const parts = [
    [shed.sessions, "clientes rechazados por estar completo"],
    [shed.sessionsPerAddress, "clientes rechazados por ser demasiados en su dirección"],
    [shed.questions, "preguntas rechazadas por haber demasiadas en espera"],
    [shed.unproved, "datagramas de desconocidos sin contestar"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `Límites alcanzados: ${told.join(", ")}`;
}

/** That a stream of the program can no longer be used, and what to try. */
export function describeBroken({ stream, error }: BrokenStream): string {
  const name = { stdin: "entrada", stdout: "salida", stderr: "salida de errores" }[stream];
  return error instanceof Deno.errors.BrokenPipe
    ? `nadie lee ya la ${name} del programa: no la cierre antes de que termine`
    : `no se puede usar la ${name} del programa: compruebe el disco o el archivo (${error.message})`;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The exit code of each end of a conversation. */
export const END_CODES: Readonly<Record<EndReason, number>> = {
  bye: EXIT.ok,
  closing: EXIT.ok,
  unconfirmed: EXIT.ok,
  silence: EXIT.lost,
  busy: EXIT.refused,
  refused: EXIT.refused,
  private: EXIT.code,
  failed: EXIT.lost,
  invalid: EXIT.lost,
};

const REFUSAL_CODES: Readonly<Record<Refusal, number>> = {
  full: EXIT.refused,
  crowded: EXIT.refused,
  closing: EXIT.refused,
  "wrong-code": EXIT.code,
  private: EXIT.code,
  open: EXIT.code,
};

/** Why no conversation came about, and the exit code for it. */
export interface Failure {
  readonly message: string;
  readonly code: number;
}

/**
 * What to say of an attempt to connect to a server that failed.
 *
 * @throws What is no failure that the network or the server may cause.
 */
export function describeFailure(
  error: unknown,
  server: { readonly hostname: string; readonly port: number },
): Failure {
  if (error instanceof RefusedError) {
    const message = describeRefusal(error.refusal, formatAddress(server));
    return { message, code: REFUSAL_CODES[error.refusal] };
  }
  if (error instanceof UnresolvedError) {
    return { message: describeUnresolved(server.hostname), code: EXIT.noServer };
  }
  if (error instanceof UnreachableError) {
    return { message: describeUnreachable(formatAddress(error.address)), code: EXIT.noServer };
  }
  throw error;
}
