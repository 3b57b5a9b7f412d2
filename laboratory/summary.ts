/**
 * Counts of the datagrams that pass at one end. They are taken from the headers alone, so they hold
 * for sealed datagrams too.
 *
 * @module
 */
import type { Counters } from "../transport/mod.ts";
import type { Observation } from "./observation.ts";
import { RecentMap } from "./recent_map.ts";
import { RoundTrips } from "./round_trips.ts";

/** Counters of an end, as the summary names them. */
const DISCARDED = {
  malformed: "de formato inválido",
  unopened: "sin descifrar",
  unknown: "de sesión desconocida",
  outOfTurn: "fuera de turno",
  ignored: "a destiempo",
  unsent: "sin sitio para salir",
};

/** Counts the datagrams that pass at one end. */
export class Summary {
  readonly #questions = new Questions();
  readonly #roundTrips = new RoundTrips();
  readonly #segments = new RecentMap<string, true>();
  readonly #sent = { all: 0, lost: 0, duplicated: 0, again: 0 };
  readonly #received = { all: 0, lost: 0, duplicated: 0, again: 0 };
  #duplicates = 0;

  add(observation: Observation): void {
    const { direction, fate, header } = observation;
    this.#questions.add(observation);
    this.#roundTrips.add(observation);
    if (header?.type === "message" && direction === "received" && fate !== "lost") {
      const segment = `${header.id} ${header.number} ${header.segment}`;
      if (this.#segments.has(segment)) this.#duplicates++;
      this.#segments.set(segment, true);
    }
    // A copy is counted with the datagram that it is of.
    if (fate === "copy") return;
    const counts = direction === "sent" ? this.#sent : this.#received;
    counts.all++;
    if (fate !== "whole") counts[fate]++;
    if (observation.repeats > 0) counts.again++;
  }

  /** Whether anything was lost, sent again or refused. */
  get hadLosses(): boolean {
    const counts = [this.#sent, this.#received];
    return counts.some(({ lost, again }) => lost + again > 0) || this.#duplicates > 0;
  }

  /** The summary, line by line, with what the end itself discarded. */
  lines(discarded: Readonly<Partial<Counters>> = {}): string[] {
    const kinds = describeDiscarded(discarded);
    const rows = [
      ["enviados", this.#sent.all],
      ["de ellos, reenvíos", this.#sent.again],
      ["perdidos al salir", this.#sent.lost],
      ["duplicados al salir", this.#sent.duplicated],
      ["recibidos", this.#received.all],
      ["perdidos al llegar", this.#received.lost],
      ["duplicados al llegar", this.#received.duplicated],
      ["repetidos, rechazados", this.#duplicates],
      ...kinds === "" ? [] : [["descartados", kinds]],
      ["ida y vuelta", describeRoundTrips(this.#roundTrips)],
    ] as const;
    return [
      "Lo que hizo la red con los datagramas:",
      ...rows.map(([name, value]) => `  ${name!.padEnd(22)} ${value}`),
      ...this.#questions.describe(),
    ];
  }
}

/** The questions that pass at one end, and what had to be sent again of them and of the handshake. */
export class Questions {
  readonly #wasSentAgain = new RecentMap<string, boolean>();
  #asked = 0;
  #sentAgain = 0;
  #greetedAgain = 0;

  /** Counts a datagram, if it is of a question, of an answer or of the handshake. */
  add({ header, repeats, fate }: Pick<Observation, "header" | "repeats" | "fate">): void {
    const isHandshake = header?.type === "hello" || header?.type === "welcome";
    if (isHandshake && repeats > 0 && fate !== "copy") this.#greetedAgain++;
    if (header?.type !== "message") return;
    // Question 1 has answer 2, question 3 has answer 4.
    const question = `${header.id} ${Math.ceil(header.number / 2)}`;
    const before = this.#wasSentAgain.get(question);
    const now = before === true || header.attempt > 1;
    this.#wasSentAgain.set(question, now);
    if (before === undefined) this.#asked++;
    if (now && before !== true) this.#sentAgain++;
  }

  /** A sentence about them and the handshake, if there is anything to tell. */
  describe(): string[] {
    const again = this.#greetedAgain;
    const times = again === 1 ? "1 reenvío" : `${again} reenvíos`;
    const parts = [this.#describeQuestions(), again > 0 && `al conectar, ${times}`];
    const sentence = parts.filter((part) => part !== undefined && part !== false).join("; ");
    return sentence === "" ? [] : [sentence[0]!.toUpperCase() + sentence.slice(1)];
  }

  #describeQuestions(): string | undefined {
    const [asked, again] = [this.#asked, this.#sentAgain];
    if (asked === 0) return undefined;
    if (again === 0) return "No hizo falta reenviar ninguna pregunta ni respuesta";
    if (asked === 1) return "Hubo que reenviar la pregunta o su respuesta";
    const answers = again === 1 ? "su respuesta" : "sus respuestas";
    return `Hubo que reenviar ${again} de las ${asked} preguntas o ${answers}`;
  }
}

function describeDiscarded(discarded: Readonly<Partial<Counters>>): string {
  const kinds = Object.entries(DISCARDED) as [keyof Counters, string][];
  return kinds.flatMap(([kind, words]) => discarded[kind] ? `${discarded[kind]} ${words}` : [])
    .join(", ");
}

function describeRoundTrips({ least, median, most }: RoundTrips): string {
  if (median === undefined) return "sin medir";
  return `${ms(least)} la menor, ${ms(median)} la mediana, ${ms(most)} la mayor`;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1).replace(".", ",")} ms`;
}
