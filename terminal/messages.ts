/**
 * What the programs say, in Spanish, about what went wrong and how a conversation ended.
 *
 * @module
 */

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
export function describeRefusal(refusal: "full" | "closing", place: string): string {
  return refusal === "full"
    ? `el servidor ${place} está completo: pruebe de nuevo dentro de un rato`
    : `el servidor ${place} se está cerrando: pruebe cuando vuelva a estar en marcha`;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
