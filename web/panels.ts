/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * What stands around the diagrams: fields of a datagram, actions, exercises, controls and the table.
 *
 * @module
 */
import { decodeText } from "../transport/bytes.ts";
import { HEADER_BYTES } from "../transport/reliable/packet.ts";
import { type Exercise, EXERCISES } from "./exercises.ts";
import type { Experiment } from "./experiment.ts";
import { excerptOf, nameOf } from "./ladder.ts";
import type { Action } from "../laboratory/demo/play.ts";
import type { Lane } from "./recording.ts";
import { END_NAMES, fateOf, KIND_NAMES } from "./lane_view.ts";
import { DEFAULT_SCENARIO, encodeLink, NUMBERS, numbersOf, withNumbers } from "./scenario.ts";
import type { Scenario, ScriptName } from "./scenario.ts";

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

const HEADINGS = [
  "Conversación",
  "N.º",
  "ms",
  "Sale de",
  "Datagrama",
  "Bytes",
  "Qué le pasó",
  "Por qué",
];

/** The element with that id. */
export function $<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

function element(
  name: string,
  text: string | readonly Node[] = "",
  properties: object = {},
): HTMLElement {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...typeof text === "string" ? [text] : text);
  return made;
}

/** Shows the fields of a datagram, counted from 1, and why it was sent. */
export function showDatagram({ crossings, now }: Lane, index: number): void {
  const datagram = crossings[index - 1];
  if (datagram === undefined) return;
  const { header, cause } = datagram;
  const fields = header === undefined ? [] : Object.entries(FIELDS).map(([field, name]) => {
    const value = header[field as keyof typeof FIELDS];
    return [name, typeof value === "bigint" ? `0x${value.toString(16)}` : `${value}`.toUpperCase()];
  });
  const rows = [
    ...fields,
    ["Contenido (payload)", contentOf(datagram.datagram, header !== undefined)],
    ["Bytes", `${datagram.datagram.length}`],
    ["Qué le pasó", fateOf(datagram, now)],
    ["Por qué", cause ?? "UDP solo: ni número, ni acuse, ni reenvío"],
  ];
  const list = rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
  const title = `${nameOf(datagram)}, n.º ${index}`;
  $("ficha").replaceChildren(element("h2", title), element("dl", list));
}

/** What whoever captures a datagram can read after its header, as text if it is one. */
function contentOf(datagram: Uint8Array, hasHeader: boolean): string {
  const payload = hasHeader ? datagram.subarray(HEADER_BYTES) : datagram;
  const text = decodeText(payload);
  if (text === undefined || /\p{Cc}/u.test(text)) {
    const digits = Array.from(payload.subarray(0, 16), (it) => it.toString(16).padStart(2, "0"));
    return `${digits.join(" ")} …`;
  }
  return excerptOf(text);
}

/** An action as people read it. */
export function describeAction(action: Action, { lanes }: Experiment): string {
  const at = `${action.at.toLocaleString("es")} ms:`;
  switch (action.type) {
    case "ask":
      return `${at} preguntó «${action.text}»`;
    case "answer":
      return `${at} respondió «${action.text}»`;
    case "restart":
      return `${at} reinició el servidor`;
  }
  const { crossings, options } = lanes[action.lane]!;
  const datagram = crossings[action.index - 1];
  const name = datagram === undefined ? `el datagrama ${action.index}` : nameOf(datagram);
  const verb = { lose: "perdió", duplicate: "duplicó", delay: "retrasó" }[action.type];
  const by = action.type === "delay" ? ` ${action.by} ms` : "";
  return `${at} ${verb}${by} ${name} (${KIND_NAMES[options.kind]})`;
}

/** Shows what whoever watches did. */
export function showActions(experiment: Experiment): void {
  const { actions } = experiment.scenario;
  const texts = actions.map((action) => describeAction(action, experiment));
  const list = $("acciones");
  if (list.dataset["texts"] === texts.join()) return;
  list.dataset["texts"] = texts.join();
  list.replaceChildren(...texts.map((text) => element("li", text)));
  $<HTMLButtonElement>("deshacer").disabled = actions.length === 0;
}

/** Shows every datagram of both conversations in the table. */
export function showTable({ lanes }: Experiment): void {
  const rows = lanes.flatMap(({ crossings, options, now }) =>
    crossings.map((it) => {
      const who = [KIND_NAMES[options.kind], `${it.index}`, it.at.toFixed(0), END_NAMES[it.by]];
      const what = [
        nameOf(it),
        `${it.datagram.length}`,
        fateOf(it, now),
        it.cause ?? "",
      ];
      return element("tr", [...who, ...what].map((text) => element("td", text)));
    })
  );
  const head = element("tr", HEADINGS.map((text) => element("th", text, { scope: "col" })));
  $("tabla").querySelector("table")!.replaceChildren(head, ...rows);
}

/** Shows the exercises, and the one that is open. */
export function showExercises(id: string): void {
  $("ejercicios").replaceChildren(...EXERCISES.map((exercise) => {
    const scenario = { ...DEFAULT_SCENARIO, ...exercise.start, exercise: exercise.id };
    const link = element("a", exercise.title, { href: `#${encodeLink(scenario)}` });
    if (exercise.id === id) link.setAttribute("aria-current", "true");
    return element("li", [link]);
  }));
  const current = exerciseOf(id);
  $("ejercicio").hidden = current === undefined;
  if (current === undefined) return;
  $("tarea").textContent = current.task;
  const choices = current.choices.map((choice, value) => {
    const input = element("input", "", { type: "radio", name: "prediccion", value });
    return element("label", [input, new Text(choice)]);
  });
  $("prediccion").replaceChildren(element("legend", current.question), ...choices);
}

/** The exercise with that name, if there is one. */
export function exerciseOf(id: string): Exercise | undefined {
  return EXERCISES.find((exercise) => exercise.id === id);
}

/** Says whether what happened is what was asked for. */
export function showVerdict({ scenario, lanes }: Experiment): void {
  const exercise = exerciseOf(scenario.exercise);
  if (exercise === undefined) return;
  const { choices, right, explanation, hint } = exercise;
  const chosen = $("prediccion").querySelector<HTMLInputElement>(":checked")?.value;
  const prediction = chosen === undefined
    ? "No predijo nada."
    : Number(chosen) === right
    ? "Su predicción se cumplió."
    : `Su predicción no se cumplió: era «${choices[right]}».`;
  const texts = {
    pending: chosen === undefined ? "Primero elija qué cree que pasará." : "Ahora actúe, y avance.",
    solved: `Ocurrió lo que se pedía. ${prediction} ${explanation}`,
    failed: `No ocurrió lo que se pedía. ${hint}`,
  };
  const verdict = exercise.check(lanes);
  $("veredicto").dataset["estado"] = verdict;
  if ($("veredicto").textContent !== texts[verdict]) $("veredicto").textContent = texts[verdict];
}

/** Makes the fields of the numbers that people may change. */
export function makeControls(): void {
  $("mandos").querySelector("label")!.before(...NUMBERS.map(([id, name, max]) => {
    const input = element("input", "", { type: "number", id, min: 0, max, required: true });
    return element("label", [new Text(name), input]);
  }));
}

/** Shows the numbers of the scenario. */
export function showControls(scenario: Scenario): void {
  const values = numbersOf(scenario);
  NUMBERS.forEach(([id], i) => $<HTMLInputElement>(id).value = `${values[i]}`);
  $<HTMLInputElement>("guion").value = scenario.script;
}

/** The numbers as people changed them: each within its bounds. */
export function readControls(): Partial<Scenario> {
  const values = NUMBERS.map(([id, , most]) =>
    Math.min(most, Math.max(0, Math.round($<HTMLInputElement>(id).valueAsNumber) || 0))
  );
  return { ...withNumbers(values), script: $<HTMLSelectElement>("guion").value as ScriptName };
}
