/**
 * What the page plays, and how it stands in the page's address: the same link shows everybody the same.
 *
 * @module
 */
import { MAX_DELAY_MS, type NetworkConditions } from "../laboratory/network.ts";
import { MAX_SEED } from "../laboratory/random.ts";
import { decodeRecording } from "./recording.ts";
import { type Action, type Exchange, ORIGINAL, type PlayKind } from "../laboratory/demo/play.ts";

/** Everything that decides what is seen. */
export interface Scenario {
  /** The name of an exercise, or none. */
  readonly exercise: string;
  /** Datagrams that passed elsewhere, to look at: see `encodeRecording`. */
  readonly recording?: string;
  readonly kinds: readonly [PlayKind, PlayKind];
  readonly script: ScriptName;
  readonly seed: number;
  readonly conditions: NetworkConditions;
  /** Time that people take to type a line, in ms. */
  readonly pace: number;
  readonly actions: readonly Action[];
  /** The moment that is shown, in ms. */
  readonly now: number;
}

/** What the people say by themselves. */
export type ScriptName = "original" | "dos" | "larga" | "nadie";

/** The scripts; without one, people wait for whoever watches. */
export const SCRIPTS: Readonly<Record<ScriptName, readonly Exchange[] | undefined>> = {
  original: ORIGINAL,
  dos: [...ORIGINAL, { question: "¿Y UDP es fiable?", answer: "Por sí solo, no." }],
  larga: [{ question: longQuestion(), answer: "Sí, completa." }],
  nadie: undefined,
};

/** What the page plays without a link. */
export const DEFAULT_SCENARIO: Scenario = {
  exercise: "",
  kinds: ["protected", "plain"],
  script: "original",
  seed: 7,
  conditions: { loss: 0, duplication: 0, reordering: 0, delay: 200, jitter: 0 },
  pace: 1_000,
  actions: [],
  now: 0,
};

/** Latest moment that can be shown, in ms. */
export const MAX_MOMENT_MS = 600_000;

const MAX_ACTIONS = 200;
const MAX_TEXT_CHARACTERS = 500;
const MAX_INDEX = 100_000;

/** The numbers that people may change: the name of each in links, in words, and the largest. */
export const NUMBERS = [
  ["perdida", "Pérdida, %", 100],
  ["duplicados", "Duplicados, %", 100],
  ["desorden", "Desorden, %", 100],
  ["retraso", "Retraso, ms", MAX_DELAY_MS],
  ["fluctuacion", "Fluctuación, ms", MAX_DELAY_MS],
  ["semilla", "Semilla", MAX_SEED],
  ["pausa", "Tardan en escribir, ms", 60_000],
] as const;

/** Their values. */
export function numbersOf({ conditions, seed, pace }: Scenario): readonly number[] {
  const { loss, duplication, reordering, delay, jitter } = conditions;
  const percents = [loss, duplication, reordering].map((chance) => Math.round(100 * chance));
  return [...percents, delay, jitter, seed, pace];
}

/** The part of a scenario with these values. */
export function withNumbers(values: readonly number[]) {
  const [loss = 0, duplication = 0, reordering = 0, delay = 0, jitter = 0, seed = 0, pace = 0] =
    values;
  const chances = {
    loss: loss / 100,
    duplication: duplication / 100,
    reordering: reordering / 100,
  };
  return { conditions: { ...chances, delay, jitter }, seed, pace };
}

const KINDS: Readonly<Record<PlayKind, string>> = {
  protected: "proteccion",
  plain: "udp",
  private: "privada",
};

const VERBS: Readonly<Record<Action["type"], string>> = {
  lose: "perder",
  duplicate: "duplicar",
  delay: "retrasar",
  ask: "preguntar",
  answer: "responder",
  restart: "reiniciar",
};

/** Thrown for a link that cannot be played; its message is for people. */
export class LinkError extends Error {}

/** The scenario as the part of an address after `#`. */
export function encodeLink(scenario: Scenario): string {
  const { exercise, recording = "", kinds, script, actions, now } = scenario;
  const values = numbersOf(scenario);
  return `${new URLSearchParams([
    ...exercise === "" ? [] : [["ejercicio", exercise]],
    ...recording === "" ? [] : [["registro", recording]],
    ["conversaciones", kinds.map((kind) => KINDS[kind]).join(" ")],
    ["guion", script],
    ...NUMBERS.map(([name], i) => [name, `${values[i]}`]),
    ...actions.map((it) => ["accion", [it.at, VERBS[it.type], ...wordsOf(it)].join(" ")]),
    ["instante", `${now}`],
  ])}`;
}

/**
 * Reads a link. What it does not say is as in `DEFAULT_SCENARIO`.
 *
 * @throws {LinkError} If it says something that cannot be.
 */
export function decodeLink(text: string): Scenario {
  const usual = encodeLink(DEFAULT_SCENARIO);
  const link = new URLSearchParams(`${usual}&${text}`);
  const names = new Set([...new URLSearchParams(usual).keys(), "ejercicio", "registro", "accion"]);
  const unknown = [...link.keys()].find((name) => !names.has(name));
  if (unknown !== undefined) throw new LinkError(`no se entiende «${unknown}»`);
  const said = (name: string) => link.getAll(name).at(-1) ?? "";
  const [first, second, ...more] = said("conversaciones").split(" ").map((it) => keyOf(KINDS, it));
  if (second === undefined || more.length > 0) throw new LinkError("no hay dos conversaciones");
  const script = said("guion");
  if (!Object.hasOwn(SCRIPTS, script)) throw new LinkError(`no se entiende «${script}»`);
  const actions = link.getAll("accion").map(decodeAction);
  if (actions.length > MAX_ACTIONS) throw new LinkError(`hay más de ${MAX_ACTIONS} acciones`);
  if (actions.some(({ at }, i) => at < (actions[i - 1]?.at ?? 0))) {
    throw new LinkError("las acciones no están en orden");
  }
  const recording = said("registro");
  if (recording !== "" && decodeRecording(recording) === undefined) {
    throw new LinkError("su registro no se entiende");
  }
  return {
    exercise: said("ejercicio"),
    ...recording === "" ? {} : { recording },
    kinds: [first!, second],
    script: script as ScriptName,
    ...withNumbers(NUMBERS.map(([name, words, most]) => whole(said(name), words, most))),
    actions,
    now: whole(said("instante"), "Instante, ms", MAX_MOMENT_MS),
  };
}

function wordsOf(action: Action): readonly (string | number)[] {
  if (action.type === "restart") return [];
  if (!("lane" in action)) return [action.text];
  const target = [action.lane + 1, action.index];
  return action.type === "delay" ? [...target, action.by] : target;
}

function decodeAction(written: string): Action {
  const [moment = "", verb = "", ...words] = written.split(" ");
  const at = whole(moment, "Instante, ms", MAX_MOMENT_MS);
  const type = keyOf(VERBS, verb);
  if (type === "restart") return { at, type };
  if (type === "ask" || type === "answer") {
    return { at, type, text: words.join(" ").slice(0, MAX_TEXT_CHARACTERS) };
  }
  const [lane = "", index = "", by = ""] = words;
  const target = {
    lane: whole(lane, "Conversación", 2, 1) - 1,
    index: whole(index, "Datagrama", MAX_INDEX, 1),
  };
  if (type === "delay") return { at, type, ...target, by: whole(by, "Retraso, ms", MAX_DELAY_MS) };
  return { at, type, ...target };
}

function whole(text: string, name: string, most: number, least: number = 0): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new LinkError(`«${name}» debe ser un entero de ${least} a ${most}, y no «${text}»`);
}

function keyOf<K extends string>(names: Readonly<Record<K, string>>, name: string): K {
  const entry = (Object.entries(names) as [K, string][]).find(([, it]) => it === name);
  if (entry === undefined) throw new LinkError(`no se entiende «${name}»`);
  return entry[0];
}

/** Long enough for more segments than the first window lets out. */
function longQuestion(): string {
  const sentences = Array.from(
    { length: 320 },
    (_, i) => `Esta es la frase ${i + 1} de una pregunta larga.`,
  );
  return `${sentences.join(" ")} ¿Llegó completa?`;
}
