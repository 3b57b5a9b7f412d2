/**
 * The exercises of the page: predict, act, and see whether what happened is what was asked for.
 *
 * @module
 */
import type { Crossing, Side } from "../laboratory/demo/play.ts";
import type { Lane } from "./recording.ts";
import type { Scenario } from "./scenario.ts";

/** How an exercise stands. */
export type Verdict = "pending" | "solved" | "failed";

type Lanes = readonly [Lane, Lane];

/** One exercise. Its texts are for people. */
export interface Exercise {
  /** Its name in links. */
  readonly id: string;
  readonly title: string;
  /** The question to predict, the choices, and the place of the right one. */
  readonly question: string;
  readonly choices: readonly string[];
  readonly right: number;
  readonly task: string;
  /** Why it ended as it did, and what to try when it did not. */
  readonly explanation: string;
  readonly hint: string;
  /** Its beginning: well before what is to be done. */
  readonly start: Partial<Scenario>;
  /** Whether what was asked for can happen no more; if it still can, whether it has happened. */
  isFailed(lanes: Lanes): boolean;
  isSolved(lanes: Lanes): boolean;
}

/** Whether what happened so far is what an exercise asks for. */
export function verdictOf(exercise: Exercise, lanes: Lanes): Verdict {
  if (exercise.isFailed(lanes)) return "failed";
  return exercise.isSolved(lanes) ? "solved" : "pending";
}

/** All exercises, in order. */
export const EXERCISES: readonly Exercise[] = [
  {
    id: "primer-acuse",
    title: "Se pierde el primer acuse",
    question: "Si se pierde el acuse de la pregunta, ¿cuántas veces la verá quien responde?",
    choices: ["Ninguna", "Una", "Dos"],
    right: 1,
    task: "Con protección, avance hasta que salga ACK 1 y piérdalo.",
    explanation:
      "Sin acuse, el cliente no puede saber si se perdió la pregunta o el acuse, y la reenvía. El servidor reconoce el número 1, la confirma otra vez y no la muestra de nuevo.",
    hint: "El acuse llegó: vuelva atrás y piérdalo mientras está en camino.",
    start: { pace: 4_000, now: 4_000 },
    isFailed: ([lane]) => hasArrived(sent(lane, "ack", 1)[0], lane),
    isSolved: ([lane]) => {
      const [ack] = sent(lane, "ack", 1);
      const isRepeatedAfter = ({ at }: Crossing) =>
        sent(lane, "message", 1).some((it) => it.at > at && hasArrived(it, lane));
      return ack?.isLostByHand === true && isRepeatedAfter(ack) &&
        shown(lane, "server", "Pregunta: ") === 1;
    },
  },
  {
    id: "primera-pregunta",
    title: "Se pierde la pregunta",
    question: "Si se pierde la pregunta en las dos conversaciones, ¿en cuál llegará?",
    choices: ["En las dos", "Solo con protección", "Solo con UDP", "En ninguna"],
    right: 1,
    task:
      "Pierda la pregunta en las dos conversaciones: «¿HTML…?» con UDP y MESSAGE 1 con protección.",
    explanation:
      "Con protección venció el plazo sin acuse y el cliente la reenvió. Con UDP nadie se entera: el cliente se cansa de esperar y no sabe qué se perdió.",
    hint: "Una de las dos preguntas llegó: vuelva atrás y piérdala mientras está en camino.",
    start: { now: 950 },
    isFailed: ([lane, plain]) =>
      hasArrived(sent(lane, "message", 1)[0], lane) || hasArrived(plain.crossings[0], plain),
    isSolved: ([lane, plain]) =>
      [sent(lane, "message", 1)[0], plain.crossings[0]].every((it) => it?.isLostByHand) &&
      shown(lane, "server", "Pregunta: ") === 1 && shown(plain, "client", "Sin respuesta") === 1,
  },
  {
    id: "respuesta-duplicada",
    title: "Llega dos veces la respuesta",
    question: "Si la respuesta llega dos veces, ¿cuántas la verá quien preguntó?",
    choices: ["Ninguna", "Una", "Dos"],
    right: 1,
    task: "Con protección, duplique la respuesta, MESSAGE 2: arrástrela hacia arriba, o pulse D.",
    explanation:
      "Las dos copias llevan el número 2. El cliente muestra la primera; la segunda la rechaza por repetida.",
    hint: "La respuesta no llegó dos veces: vuelva atrás y duplíquela mientras está en camino.",
    start: { now: 2_000 },
    isFailed: ([lane]) => {
      const [answer] = sent(lane, "message", 2);
      return answer !== undefined && !isFlying(answer, lane) && answer.arrivals.length < 2;
    },
    isSolved: ([lane]) =>
      sent(lane, "message", 2).slice(0, 1).some((it) => !isFlying(it, lane)) &&
      shown(lane, "client", "Respuesta: ") === 1,
  },
  {
    id: "desorden",
    title: "Un segmento adelanta a otro",
    question:
      "Si el tercer segmento de una pregunta larga llega antes que el segundo, ¿cómo se verá?",
    choices: ["Desordenada", "Completa y en orden", "Sin el segundo segmento"],
    right: 1,
    task: "Con protección, retrase MESSAGE 1 2/… hasta que llegue después que MESSAGE 1 3/…",
    explanation:
      "Cada segmento lleva su lugar en el mensaje. El servidor guarda los que se adelantan y muestra la pregunta cuando la tiene completa.",
    hint: "El segundo segmento llegó antes que el tercero: vuelva atrás y retráselo.",
    start: { script: "larga", now: 950 },
    isFailed: ([lane]) => {
      const [second, third] = [firstArrival(lane, 1), firstArrival(lane, 2)];
      return second <= third && third < Infinity;
    },
    isSolved: ([lane]) => isLongSeen(lane),
  },
  {
    id: "ventana",
    title: "Un hueco en la ventana",
    question: "De los diez segmentos que salen a la vez se pierde uno. ¿Cuáles se reenvían?",
    choices: ["Solo el perdido", "El perdido y los que le siguen", "Todos"],
    right: 0,
    task: "Con protección, pierda uno, y solo uno, de los segmentos de la pregunta.",
    explanation:
      "La ventana deja salir diez segmentos sin acuse. Cada uno tiene el suyo: solo vence el plazo del que se perdió, y la ventana se reduce a la mitad.",
    hint: "Debe perderse exactamente un segmento: deshaga, o vuelva atrás, y pierda uno.",
    start: { script: "larga", now: 950 },
    isFailed: ([lane]) => {
      const segments = sent(lane, "message", 1);
      const lost = segments.filter(({ isLostByHand }) => isLostByHand).length;
      const again = segments.filter(({ repeats }) => repeats > 0);
      const resent = new Set(again.map(({ header }) => header!.segment)).size;
      return lost > 1 || isLongSeen(lane) && (lost === 0 || resent !== 1);
    },
    isSolved: ([lane]) => isLongSeen(lane),
  },
  {
    id: "reinicio",
    title: "Se reinicia el servidor",
    question: "El servidor se reinicia con una pregunta sin responder. ¿Qué será de ella?",
    choices: ["Se pierde", "El cliente la repite solo", "El servidor la recuerda"],
    right: 1,
    task: "Reinicie el servidor cuando se vea «Pregunta: …» y antes de que se responda.",
    explanation:
      "El servidor nuevo no conoce la sesión y lo dice con un RESET. El cliente no se fía enseguida, porque cualquiera puede falsificarlo: espera una señal de vida, se conecta de nuevo y repite la pregunta.",
    hint: "No había una pregunta esperando respuesta: vuelva atrás y reinícielo entonces.",
    start: { pace: 4_000, now: 4_000 },
    isFailed: ([lane]) => {
      const { actions = [] } = lane.options;
      const restart = actions.find(({ type, at }) => type === "restart" && at <= lane.now);
      if (restart === undefined) return shown(lane, "client", "Respuesta: ") > 0;
      const { at } = restart;
      const isDue = shown(lane, "server", "Pregunta: ", at) > 0;
      return !isDue || shown(lane, "server", "Ingrese una respuesta: ", at) > 0;
    },
    isSolved: ([lane]) =>
      shown(lane, "server", "Pregunta: ") > 1 && shown(lane, "client", "Respuesta: ") === 1,
  },
];

function sent({ crossings }: Lane, type: string, number: number): Crossing[] {
  return crossings.filter(({ header }) => header?.type === type && header.number === number);
}

function hasArrived(datagram: Crossing | undefined, { now }: Lane): boolean {
  return datagram?.arrivals.some((at) => at <= now) ?? false;
}

function isFlying({ arrivals }: Crossing, { now }: Lane): boolean {
  return arrivals.some((at) => at > now);
}

/** How often an end showed a line that begins so, until a moment. */
function shown({ told }: Lane, end: Side, start: string, until: number = Infinity): number {
  return told.filter(({ at, by, text }) => at <= until && by === end && text.startsWith(start))
    .length;
}

/** When a segment of the question arrived first, in ms; `Infinity` if it has not. */
function firstArrival(lane: Lane, segment: number): number {
  const copies = sent(lane, "message", 1).filter(({ header }) => header!.segment === segment);
  const arrivals = copies.flatMap(({ arrivals }) => arrivals);
  return Math.min(Infinity, ...arrivals.filter((at) => at <= lane.now));
}

function isLongSeen(lane: Lane): boolean {
  return shown(lane, "server", `Pregunta: ${lane.options.script?.[0]?.question}`) === 1;
}
