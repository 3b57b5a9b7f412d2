/**
 * The panels around the diagrams: fields of a datagram, actions, exercises, controls and the table.
 *
 * @module
 */
import { decodeText } from "../transport/bytes.ts";
import { HEADER_BYTES } from "../transport/reliable/packet.ts";
import { h, type Shape } from "./dom.ts";
import { type Exercise, EXERCISES, type Verdict, verdictOf } from "./exercises.ts";
import type { Experiment } from "./experiment.ts";
import { excerptOf, nameOf } from "./ladder.ts";
import type { Action } from "../laboratory/demo/play.ts";
import type { Lane } from "./recording.ts";
import { END_NAMES, fateOf, formatNumber, KIND_NAMES } from "./lane_view.ts";
import { DEFAULT_SCENARIO, encodeLink, NUMBERS, type Scenario } from "./scenario.ts";

/** The fields of a datagram, as Wireshark names them with `docs/pyr.lua`. */
export const FIELDS = {
  type: "Tipo (type)",
  attempt: "Intento (attempt)",
  echo: "Intento al que responde (echo)",
  ackDelay: "Demora del acuse, en ms (ack delay)",
  id: "Identificador de la sesión (session id)",
  number: "Número de secuencia (sequence number)",
  segment: "Segmento, contado desde 0 (segment)",
  lastSegment: "Último segmento (last segment)",
} as const;

/** The fields of a datagram, by its index, and why it was sent. */
export function datagramPanel({ crossings, now }: Lane, index: number): Shape[] {
  const datagram = crossings[index - 1];
  if (datagram === undefined) return [];
  const { header, cause } = datagram;
  const fields = Object.entries(header === undefined ? {} : FIELDS).map(([field, name]) => {
    const value = header![field as keyof typeof FIELDS];
    return [name, typeof value === "bigint" ? `0x${value.toString(16)}` : `${value}`.toUpperCase()];
  });
  const rows = [
    ...fields,
    ["Contenido (payload)", contentOf(datagram.datagram, header !== undefined)],
    ["Bytes", `${datagram.datagram.length}`],
    ["Qué le pasó", fateOf(datagram, now)],
    ["Por qué", cause ?? "UDP solo: ni número, ni acuse, ni reenvío"],
  ];
  const list = rows.flatMap(([name = "", value = ""]) => [h("dt", {}, name), h("dd", {}, value)]);
  return [h("h2", {}, `${nameOf(datagram)}, n.º ${index}`), h("dl", {}, list)];
}

/** The payload as a capture shows it, as text if it is one. */
function contentOf(datagram: Uint8Array, hasHeader: boolean): string {
  const payload = hasHeader ? datagram.subarray(HEADER_BYTES) : datagram;
  const text = decodeText(payload);
  if (text !== undefined && !/\p{Cc}/u.test(text)) return excerptOf(text);
  const digits = Array.from(payload.subarray(0, 16), (it) => it.toString(16).padStart(2, "0"));
  return `${digits.join(" ")} …`;
}

/** An action as people read it. */
export function describeAction(action: Action, { lanes }: Experiment): string {
  const at = `${formatNumber(action.at)} ms:`;
  if (action.type === "restart") return `${at} reinició el servidor`;
  if ("text" in action) {
    return `${at} ${action.type === "ask" ? "preguntó" : "respondió"} «${action.text}»`;
  }
  const { crossings, options } = lanes[action.lane]!;
  const datagram = crossings[action.index - 1];
  const name = datagram === undefined ? `el datagrama ${action.index}` : nameOf(datagram);
  const verb = { lose: "perdió", duplicate: "duplicó", delay: "retrasó" }[action.type];
  const by = action.type === "delay" ? ` ${action.by} ms` : "";
  return `${at} ${verb}${by} ${name} (${KIND_NAMES[options.kind]})`;
}

/** The events after a moment, in words; without the datagrams, only what the ends show. */
export function newsSince(before: number, { lanes }: Experiment, hasDatagrams: boolean): string {
  return lanes.map(({ told, crossings, now, options }) => {
    const isNew = (at: number) => at > before && at <= now;
    const sent = crossings.filter(({ at }) => isNew(at));
    const arrived = crossings.filter(({ arrivals }) => arrivals.some(isNew));
    const news = [
      ...hasDatagrams ? sent.map((it) => `sale ${nameOf(it)}`) : [],
      ...hasDatagrams ? arrived.map((it) => `llega ${nameOf(it)}`) : [],
      ...told.filter(({ at, type }) => isNew(at) && (hasDatagrams || type === "line"))
        .map(({ by, text }) => `${END_NAMES[by]}: ${excerptOf(text)}`),
    ];
    return news.length === 0 ? "" : `${KIND_NAMES[options.kind]}: ${news.join("; ")}. `;
  }).join("");
}

/** Every datagram of both conversations, as rows of a table. */
export function tableRows({ lanes }: Experiment): Shape[] {
  const headings = ["Conversación", "N.º", "ms", "Sale de", "Datagrama", "Bytes", "Qué le pasó"];
  const head = [...headings, "Por qué"].map((text) => h("th", { scope: "col" }, text));
  const rows = lanes.flatMap(({ crossings, options, now }) =>
    crossings.map((it) => {
      const who = [KIND_NAMES[options.kind], `${it.index}`, it.at.toFixed(0), END_NAMES[it.by]];
      const what = [nameOf(it), `${it.datagram.length}`, fateOf(it, now), it.cause ?? ""];
      return h("tr", {}, [...who, ...what].map((text) => h("td", {}, text)));
    })
  );
  return [h("tr", {}, head), ...rows];
}

/** The exercise with that name, if there is one. */
export function exerciseOf(id: string): Exercise | undefined {
  return EXERCISES.find((exercise) => exercise.id === id);
}

const LINKS = EXERCISES.map(({ id, title, start }) =>
  [id, title, `#${encodeLink({ ...DEFAULT_SCENARIO, ...start, exercise: id })}`] as const
);

/** Links to the exercises, and the one that is open, with the choice that was predicted. */
export function exercisePanel(
  { scenario, lanes }: Experiment,
  chosen: string | undefined,
): Shape[] {
  const items = LINKS.map(([id, title, href]) => {
    const current = id === scenario.exercise ? "true" : undefined;
    return h("li", {}, [h("a", { href, "aria-current": current }, title)]);
  });
  const list = [h("h2", {}, "Ejercicios"), h("ol", { id: "ejercicios" }, items)];
  const exercise = exerciseOf(scenario.exercise);
  if (exercise === undefined) return list;
  const radios = exercise.choices.map((choice, value) => {
    const input = h("input", { type: "radio", name: "prediccion", value: `${value}` });
    return h("label", { key: exercise.id + value }, [input, h("span", {}, choice)]);
  });
  const verdict = verdictOf(exercise, lanes);
  const status = { id: "veredicto", role: "status", "data-estado": verdict };
  return [
    ...list,
    // Nobody predicts what has been seen.
    h("fieldset", { id: "prediccion", disabled: verdict !== "pending" }, [
      h("legend", {}, exercise.question),
      ...radios,
    ]),
    h("p", {}, exercise.task),
    h("p", status, describeVerdict(verdict, exercise, chosen)),
  ];
}

function describeVerdict(verdict: Verdict, exercise: Exercise, chosen: string | undefined): string {
  const { choices, right, explanation, hint } = exercise;
  if (verdict === "failed") return `No ocurrió lo que se pedía. ${hint}`;
  if (verdict === "pending") {
    return chosen === undefined ? "Primero elija qué cree que pasará." : "Ahora actúe, y avance.";
  }
  const missed = `Su predicción no se cumplió: era «${choices[right]}».`;
  const predicted = chosen === `${right}` ? "Su predicción se cumplió." : missed;
  const prediction = chosen === undefined ? "No predijo nada." : predicted;
  return `Ocurrió lo que se pedía. ${prediction} ${explanation}`;
}

/** The numbers that people may change, but for the moment, under their names in links. */
export function numberFields(scenario: Scenario): Shape[] {
  return NUMBERS.filter(([field]) => field !== "now").map(([field, name, label, max]) => {
    const input = {
      type: "number",
      name,
      min: 0,
      max,
      required: true,
      value: `${scenario[field]}`,
    };
    return h("label", {}, [h("span", {}, label), h("input", input)]);
  });
}
