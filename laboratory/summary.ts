/**
 * What a network did to one end, counted from the headers of the datagrams that passed there: so it
 * holds whether or not they are sealed.
 *
 * @module
 */
import { type Observation, Retransmissions } from "./observation.ts";
import { RoundTrips } from "./round_trips.ts";

/** How often something happened, by its name. */
export type Counts = Readonly<Record<string, number>>;

/** The counters of an end that tell of datagrams without effect, in the words of the summary. */
const DISCARDED: Readonly<Record<string, string>> = {
  malformed: "de formato inválido",
  unopened: "sin descifrar",
  unknown: "de sesión desconocida",
  outOfTurn: "fuera de turno",
  ignored: "a destiempo",
};

/** Counts what passes at one end. */
export class Summary {
  readonly #retransmissions = new Retransmissions();
  readonly #questions = new Questions();
  readonly #roundTrips = new RoundTrips();
  readonly #segments = new RecentKeys();
  readonly #passed = { sent: 0, received: 0 };
  readonly #lost = { sent: 0, received: 0 };
  readonly #doubled = { sent: 0, received: 0 };
  readonly #again = { sent: 0, received: 0 };
  #duplicates = 0;

  /** Counts a datagram. */
  add(observation: Observation): void {
    const { direction, fate, header } = observation;
    this.#questions.add(observation);
    this.#roundTrips.add(observation);
    if (header?.type === "message" && direction === "received" && fate !== "lost") {
      const { id, number, segment } = header;
      if (!this.#segments.add(`${id} ${number} ${segment}`)) this.#duplicates++;
    }
    // A copy is counted with the datagram that it is of.
    if (fate === "copy") return;
    this.#passed[direction]++;
    if (fate === "lost") this.#lost[direction]++;
    if (fate === "doubled") this.#doubled[direction]++;
    if (this.#retransmissions.of(observation) > 0) this.#again[direction]++;
  }

  /** Whether anything was lost, sent again or refused. */
  get hadLosses(): boolean {
    const counts = [this.#lost, this.#again].flatMap(({ sent, received }) => [sent, received]);
    return counts.some((count) => count > 0) || this.#duplicates > 0;
  }

  /** The summary, line by line, with what the end itself counted. */
  lines(counters: Counts = {}): string[] {
    const discarded = describeDiscarded(counters);
    const rows = [
      ["enviados", this.#passed.sent],
      ["de ellos, reenvíos", this.#again.sent],
      ["perdidos al salir", this.#lost.sent],
      ["duplicados al salir", this.#doubled.sent],
      ["recibidos", this.#passed.received],
      ["perdidos al llegar", this.#lost.received],
      ["duplicados al llegar", this.#doubled.received],
      ["repetidos, rechazados", this.#duplicates],
      ...discarded === undefined ? [] : [["descartados", discarded]],
      ["ida y vuelta", describeRoundTrips(this.#roundTrips)],
    ] as const;
    return [
      "Lo que hizo la red con los datagramas:",
      ...rows.map(([name, value]) => `  ${name!.padEnd(22)} ${value}`),
      ...this.#questions.describe(),
    ];
  }
}

/** The questions that pass at one end, and those that were sent again, or whose answers were. */
export class Questions {
  readonly #asked = new RecentKeys();
  readonly #sentAgain = new RecentKeys();

  /** Counts a datagram, if it is of a question or of an answer. */
  add({ header }: Pick<Observation, "header">): void {
    if (header?.type !== "message") return;
    // Question 1 has answer 2, question 3 has answer 4.
    const question = `${header.id} ${Math.ceil(header.number / 2)}`;
    this.#asked.add(question);
    if (header.attempt > 1) this.#sentAgain.add(question);
  }

  /** A sentence about them, if there are any. */
  describe(): string[] {
    const { count: asked } = this.#asked;
    const { count: again } = this.#sentAgain;
    if (asked === 0) return [];
    if (again === 0) return ["No hizo falta reenviar ninguna pregunta ni respuesta"];
    if (asked === 1) return ["Hubo que reenviar la pregunta o su respuesta"];
    const answers = again === 1 ? "su respuesta" : "sus respuestas";
    return [`Hubo que reenviar ${again} de las ${asked} preguntas o ${answers}`];
  }
}

/** Most keys that {@linkcode RecentKeys} remembers. */
const MAX_KEYS = 10_000;

/** Counts different keys in bounded memory: one that comes again after many others counts as new. */
class RecentKeys {
  /** Keys so far. */
  count = 0;
  readonly #keys = new Set<string>();

  /** Returns whether the key is new. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.count++;
    this.#keys.add(key);
    if (this.#keys.size > MAX_KEYS) this.#keys.delete(this.#keys.values().next().value!);
    return true;
  }
}

function describeDiscarded(counters: Counts): string | undefined {
  const kinds = Object.entries(DISCARDED).filter(([counter]) => counters[counter]);
  if (kinds.length === 0) return undefined;
  return kinds.map(([counter, kind]) => `${counters[counter]} ${kind}`).join(", ");
}

function describeRoundTrips({ least, median, most }: RoundTrips): string {
  if (median === undefined) return "sin medir";
  return `${ms(least)} la menor, ${ms(median)} la mediana, ${ms(most)} la mayor`;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1).replace(".", ",")} ms`;
}
