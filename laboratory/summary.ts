/**
 * What a network did to one end, counted from the datagrams that passed there: so it holds whatever
 * is said in them, and whether or not they are sealed.
 *
 * @module
 */
import { Exchanges } from "./exchanges.ts";
import { type Passage, Repeats } from "./passage.ts";
import { RoundTrips } from "./round_trips.ts";

/** Counts what passes at one end. */
export class Summary {
  readonly #repeats = new Repeats();
  readonly #exchanges = new Exchanges();
  readonly #roundTrips = new RoundTrips();
  readonly #passed = { sent: 0, received: 0 };
  readonly #lost = { sent: 0, received: 0 };
  readonly #doubled = { sent: 0, received: 0 };
  readonly #again = { sent: 0, received: 0 };

  /** Counts a datagram. */
  add(passage: Passage): void {
    const { direction, fate } = passage;
    this.#exchanges.add(passage);
    this.#roundTrips.add(passage);
    // A copy is counted with the datagram that it is of.
    if (fate === "copy") return;
    this.#passed[direction]++;
    if (fate === "lost") this.#lost[direction]++;
    if (fate === "doubled") this.#doubled[direction]++;
    if (this.#repeats.of(passage) > 0) this.#again[direction]++;
  }

  /** Whether anything was lost, sent again or refused. */
  get hadLosses(): boolean {
    const counts = [this.#lost, this.#again].flatMap(({ sent, received }) => [sent, received]);
    return counts.some((count) => count > 0) || this.#exchanges.duplicates > 0;
  }

  /** The summary, line by line, for who asked the questions or for who answered them. */
  lines({ isServer }: { isServer: boolean }): string[] {
    const rows = [
      ["enviados", this.#passed.sent],
      ["de ellos, reenvíos", this.#again.sent],
      ["perdidos al salir", this.#lost.sent],
      ["duplicados al salir", this.#doubled.sent],
      ["recibidos", this.#passed.received],
      ["perdidos al llegar", this.#lost.received],
      ["duplicados al llegar", this.#doubled.received],
      ["repetidos, rechazados", this.#exchanges.duplicates],
      ["ida y vuelta", describeRoundTrips(this.#roundTrips)],
    ] as const;
    return [
      "Lo que hizo la red con los datagramas:",
      ...rows.map(([name, value]) => `  ${name.padEnd(22)} ${value}`),
      ...describeQuestions(this.#exchanges, isServer),
    ];
  }
}

function describeRoundTrips({ least, median, most }: RoundTrips): string {
  if (median === undefined) return "sin medir";
  return `${ms(least)} la menor, ${ms(median)} la mediana, ${ms(most)} la mayor`;
}

/** How many of the questions that got an answer, if there are any, would have got none. */
export function describeQuestions(
  { questions, answered, unanswered }: Pick<Exchanges, "questions" | "answered" | "unanswered">,
  isServer: boolean,
): string[] {
  if (answered === 0) return [];
  const verb = unanswered > 1 ? "se habrían quedado" : "se habría quedado";
  const some = unanswered === 0 ? "ninguna" : `${unanswered}`;
  const which = answered === questions ? "" : answered > 1 ? " respondidas" : " respondida";
  const all = `${isServer ? "las" : "sus"} ${answered} preguntas${which}`;
  const one = `${isServer ? "la" : "su"} única pregunta${which}`;
  if (answered > 1) return [`Sin reenvíos, ${some} de ${all} ${verb} sin respuesta`];
  if (unanswered === 1) return [`Sin reenvíos, ${one} se habría quedado sin respuesta`];
  return [`Sin reenvíos, ${one} también habría tenido respuesta`];
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1).replace(".", ",")} ms`;
}
