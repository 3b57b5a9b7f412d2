/**
 * What the page plays, and how it stands in the page's address: the same link shows everybody the same.
 *
 * @module
 */
import { MAX_DELAY_MS, type NetworkConditions } from "../laboratory/network.ts";
import { MAX_SEED } from "../laboratory/random.ts";
import { type Action, type Exchange, ORIGINAL, type PlayKind } from "../laboratory/demo/play.ts";

/** Everything that decides what is seen. */
export interface Scenario {
  /** The name of an exercise, or none. */
  readonly exercise: string;
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

type Bound = readonly [name: string, most: number, least?: number];

const SEED: Bound = ["la semilla", MAX_SEED];
const PACE: Bound = ["la pausa", 60_000];
const MOMENT: Bound = ["el instante", MAX_MOMENT_MS];
const NETWORK: readonly Bound[] = [
  ...["la pérdida", "los duplicados", "el desorden"].map((name) => [name, 100] as const),
  ...["el retraso", "la fluctuación"].map((name) => [name, MAX_DELAY_MS] as const),
];
const TARGET: readonly Bound[] = [["la conversación", 2, 1], ["el datagrama", 100_000, 1]];

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
  const { exercise, kinds, script, seed, conditions, pace, actions, now } = scenario;
  return `${new URLSearchParams([
    ...exercise === "" ? [] : [["ejercicio", exercise]],
    ["conversaciones", kinds.map((kind) => KINDS[kind]).join(" ")],
    ["guion", script],
    ["semilla", `${seed}`],
    ["red", conditionWords(conditions).join(" ")],
    ["pausa", `${pace}`],
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
  const link = new URLSearchParams(`${encodeLink(DEFAULT_SCENARIO)}&${text}`);
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
  return {
    exercise: said("ejercicio"),
    kinds: [first!, second],
    script: script as ScriptName,
    seed: numbers([said("semilla")], [SEED])[0]!,
    conditions: conditionsOf(said("red").split(" ")),
    pace: numbers([said("pausa")], [PACE])[0]!,
    actions,
    now: numbers([said("instante")], [MOMENT])[0]!,
  };
}

function wordsOf(action: Action): readonly (string | number)[] {
  switch (action.type) {
    case "lose":
    case "duplicate":
      return [action.lane + 1, action.index];
    case "delay":
      return [action.lane + 1, action.index, action.by];
    case "ask":
    case "answer":
      return [action.text];
    case "restart":
      return [];
  }
}

function decodeAction(written: string): Action {
  const [moment = "", verb = "", ...words] = written.split(" ");
  const [at] = numbers([moment], [MOMENT]) as [number];
  const type = keyOf(VERBS, verb);
  switch (type) {
    case "lose":
    case "duplicate":
    case "delay": {
      const isDelay = type === "delay";
      const bounds = isDelay ? [...TARGET, NETWORK[3]!] : TARGET;
      const [lane, index, by] = numbers(words, bounds) as [number, number, number];
      const target = { at, lane: lane - 1, index };
      return isDelay ? { ...target, type, by } : { ...target, type };
    }
    case "ask":
    case "answer":
      return { at, type, text: words.join(" ").slice(0, MAX_TEXT_CHARACTERS) };
    case "restart":
      return { at, type };
  }
}

/** The network in whole numbers: three percentages, and two times in ms. */
export function conditionWords(conditions: NetworkConditions): readonly number[] {
  const { loss, duplication, reordering, delay, jitter } = conditions;
  return [...[loss, duplication, reordering].map((it) => Math.round(100 * it)), delay, jitter];
}

/** The inverse of {@linkcode conditionWords}. */
export function conditionsOf(words: readonly string[]): NetworkConditions {
  const [loss = 0, duplication = 0, reordering = 0, delay = 0, jitter = 0] = numbers(
    words,
    NETWORK,
  );
  const [a, b, c] = [loss, duplication, reordering].map((it) => it / 100) as [
    number,
    number,
    number,
  ];
  return { loss: a, duplication: b, reordering: c, delay, jitter };
}

function numbers(words: readonly string[], bounds: readonly Bound[]): number[] {
  if (words.length !== bounds.length) {
    throw new LinkError(`sobra o falta algo en «${words.join(" ")}»`);
  }
  return bounds.map(([name, most, least = 0], i) => {
    const number = /^\d{1,9}$/.test(words[i]!) ? Number(words[i]) : NaN;
    if (number >= least && number <= most) return number;
    throw new LinkError(`${name} debe ser un entero de ${least} a ${most}: «${words[i]}»`);
  });
}

function keyOf<K extends string>(names: Readonly<Record<K, string>>, name: string): K {
  const entry = (Object.entries(names) as [K, string][]).find(([, it]) => it === name);
  if (entry === undefined) throw new LinkError(`no se entiende «${name}»`);
  return entry[0];
}

/** Long enough for more segments than the first window lets out. */
function longQuestion(): string {
  const sentences = Array.from(
    { length: 270 },
    (_, i) => `Esta es la frase ${i + 1} de una pregunta larga.`,
  );
  return `${sentences.join(" ")} ¿Llegó completa?`;
}
