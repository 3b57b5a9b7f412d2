/**
 * What the programs say, in Spanish, about what went wrong and how a conversation ended.
 *
 * @module
 */
import type { EndReason, Refusal } from "../protocol.ts";

/** How the end of a conversation is told to the operator. */
export const CLIENT_ENDS: Readonly<Record<EndReason, string>> = {
  bye: "fin de la conversación",
  closing: "el servidor se cierra",
  failed: "no se le pudo responder",
  invalid: "envió un mensaje que no es UTF-8",
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
  return `el mensaje tiene ${size} bytes y el límite es ${limit}: acórtelo o divídalo en varios`;
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

/** Why the server at `place` refused the client, and what to try. */
export function describeRefusal(refusal: Refusal, place: string): string {
  return refusal === "full"
    ? `el servidor ${place} está completo: pruebe de nuevo dentro de un rato`
    : `el servidor ${place} se está cerrando: pruebe cuando vuelva a estar en marcha`;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
