/**
 * Why a datagram was sent, and why one was refused, each in one sentence, from what the ends themselves
 * tell about it.
 *
 * @module
 */
import type { Counters, Inspection, ProbeCause } from "../transport/endpoint.ts";
import type { RetransmissionTimer } from "../transport/endpoint.ts";
import type { Header, PacketType } from "../transport/reliable/packet.ts";
import { MAX_ACK_DELAY_MS } from "../transport/reliable/rtt.ts";

/** Why an end sent a datagram, from its inspection right after. */
export function causeOf(header: Header, inspection: Inspection | undefined): string {
  const timer = inspection?.timerOf?.(header);
  const again = timer && header.attempt > 1 ? causeOfRepeat(header, timer) : undefined;
  return again ?? CAUSES[header.type](header, inspection);
}

/** Why an end refused a datagram, from its counters before and after; `undefined` if it did not. */
export function refusalOf(
  header: Header | undefined,
  before: Readonly<Counters>,
  after: Readonly<Counters>,
): string | undefined {
  const [kind, why] = REFUSED.find(([kind]) => after[kind] > before[kind]) ?? [];
  if (kind === "duplicates" && header?.type === "message") {
    return `ya tenía el mensaje ${header.number}: no lo muestra otra vez`;
  }
  if (kind === "ignored" && header === undefined) return "nadie lo espera: lo descarta";
  // The nonce of a handshake is forgotten with it.
  const isLate = kind === "unknown" && (header?.type === "retry" || header?.type === "welcome");
  return isLate ? "la sesión ya está abierta: no hace falta" : why;
}

const REFUSED: readonly (readonly [keyof Counters, string])[] = [
  ["malformed", "no es un datagrama de este protocolo: lo descarta"],
  ["unopened", "no se puede descifrar: lo descarta"],
  ["unknown", "no conoce esa sesión: lo descarta"],
  ["duplicates", "ya lo había recibido: no responde otra vez"],
  ["outOfTurn", "no es su turno: no lo muestra"],
  ["ignored", "llega a destiempo: ya no hace falta"],
];

function causeOfRepeat({ type, attempt }: Header, timer: RetransmissionTimer): string | undefined {
  const { isPair, expired } = timer;
  if (isPair && attempt === timer.attempt) return "segunda copia, por si se pierde una de las dos";
  // The timer has gone on since.
  if (attempt !== timer.attempt - (isPair ? 1 : 0)) return "no hubo acuse: sale otra vez";
  if (expired === undefined) return undefined;
  if (expired === 0) return "la dirección cambió: sale otra vez, sin esperar el plazo";
  const what = type === "hello" || type === "ping" ? "respuesta" : "acuse";
  return `venció el plazo de ${expired.toFixed(0)} ms sin ${what}`;
}

const CAUSES: Readonly<
  Record<PacketType, (header: Header, inspection: Inspection | undefined) => string>
> = {
  "hello": ({ hasToken }) =>
    hasToken ? "devuelve la ficha: prueba que recibe en su dirección" : "pide conectar",
  "retry": () => "la dirección no está probada: devuelve una ficha y no guarda nada",
  "welcome": ({ attempt }) =>
    attempt > 1
      ? "el HELLO llegó otra vez: repite la bienvenida"
      : "admite al cliente: abre su sesión",
  "refuse": ({ echo }) => echo > 0 ? "no admite a este cliente" : "el servidor tiene otro código",
  "message": causeOfMessage,
  "ack": causeOfAck,
  "ping": ({ number }, inspection) =>
    number === 0
      ? "algo llegó de otra dirección: comprueba si el cliente recibe en ella"
      : PROBES[inspection?.probeCause ?? "silence"],
  "pong": ({ number }) => number === 0 ? "prueba que recibe en su nueva dirección" : "sigue ahí",
  "bye": () => "se despide",
  "bye-ack": () => "confirma la despedida",
  "reset": () => "no conoce esa sesión, o no habla esa versión",
  "notice": () => "quien atiende avisa de algo",
  "notice-ack": () => "confirma el aviso",
};

const PROBES: Readonly<Record<ProbeCause, string>> = {
  silence: "hace un rato que no oye nada: pregunta si el otro sigue ahí",
  reset: "le dicen que su sesión se perdió: pregunta si es cierto",
  gap: "estuvo detenido un rato: pregunta si el otro sigue ahí",
  position: "avisa de cuántas preguntas hay antes",
};

function causeOfMessage({ number, segment, lastSegment, attempt }: Header): string {
  const [own, heard] = number % 2 === 0 ? ["respuesta", "pregunta"] : ["pregunta", "respuesta"];
  if (attempt > 1) return `la ${heard} llegó otra vez: la ${own} sale otra vez y la confirma`;
  if (lastSegment > 0) return `segmento ${segment + 1} de ${lastSegment + 1}: cabe en la ventana`;
  const confirmed = number === 1 ? "sesión" : `${heard} ${number - 1}`;
  return `lleva la ${own} ${number}, que confirma además la ${confirmed}`;
}

function causeOfAck(header: Header, inspection: Inspection | undefined): string {
  const { number, segment, ackDelay } = header;
  if (number === 0) return "confirma la sesión: el servidor le guarda su sitio";
  if (ackDelay >= MAX_ACK_DELAY_MS) {
    const [awaited, heard] = number % 2 === 0
      ? ["pregunta", "respuesta"]
      : ["respuesta", "pregunta"];
    return `la ${awaited} tarda más de ${MAX_ACK_DELAY_MS} ms: confirma la ${heard} por separado`;
  }
  if (number !== inspection?.heardNumber) return `confirma el segmento ${segment + 1}`;
  return `ya tenía el mensaje ${number}: lo confirma otra vez y no lo muestra`;
}
