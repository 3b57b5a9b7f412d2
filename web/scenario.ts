/**
 * The scenario of the page, and its form in the page's address: the same link shows everybody the same.
 *
 * @module
 */
import { MAX_DELAY_MS } from "../laboratory/network.ts";
import { MAX_SEED } from "../laboratory/random.ts";
import { decodeRecording } from "./recording.ts";
import { type Action, type Exchange, ORIGINAL, type PlayKind } from "../laboratory/demo/play.ts";

/** Latest moment that can be shown, in ms. */
export const MAX_MOMENT_MS = 600_000;

/** The numbers that people may change: each field, its name in links, its label, and the largest. */
export const NUMBERS = [
  ["loss", "perdida", "Pérdida, %", 100],
  ["duplication", "duplicados", "Duplicados, %", 100],
  ["reordering", "desorden", "Desorden, %", 100],
  ["delay", "retraso", "Retraso, ms", MAX_DELAY_MS],
  ["jitter", "fluctuacion", "Fluctuación, ms", MAX_DELAY_MS],
  ["seed", "semilla", "Semilla", MAX_SEED],
  // Time to type a line, and the moment that is shown.
  ["pace", "pausa", "Tardan en escribir, ms", 60_000],
  ["now", "instante", "Instante, ms", MAX_MOMENT_MS],
] as const;

type Numbers = Readonly<Record<typeof NUMBERS[number][0], number>>;

/** The lines that the people say by themselves; without a script they wait for whoever watches. */
export const SCRIPTS = {
  original: ORIGINAL,
  dos: [...ORIGINAL, { question: "¿Y UDP es fiable?", answer: "Por sí solo, no." }],
  larga: [{ question: longQuestion(), answer: "Sí, completa." }],
  nadie: undefined,
} satisfies Record<string, readonly Exchange[] | undefined>;

/** Everything that decides what is seen. */
export interface Scenario extends Numbers {
  /** The name of an exercise, or none. */
  readonly exercise: string;
  /** Datagrams that passed elsewhere, to look at: see `encodeRecording`. */
  readonly recording?: string;
  readonly kinds: readonly [PlayKind, PlayKind];
  readonly script: keyof typeof SCRIPTS;
  readonly actions: readonly Action[];
}

/** The scenario without a link. */
export const DEFAULT_SCENARIO: Scenario = {
  ...{ exercise: "", kinds: ["protected", "plain"], script: "original", actions: [] },
  ...{ loss: 0, duplication: 0, reordering: 0, delay: 200, jitter: 0 },
  ...{ seed: 7, pace: 1_000, now: 0 },
};

/** Most actions of a link. */
export const MAX_ACTIONS = 200;
const MAX_TEXT_CHARACTERS = 500;

const KINDS: Readonly<Record<PlayKind, string>> = {
  protected: "proteccion",
  plain: "udp",
  private: "privada",
};

const VERBS: Readonly<Record<Action["type"], string>> = {
  ...{ lose: "perder", duplicate: "duplicar", delay: "retrasar" },
  ...{ ask: "preguntar", answer: "responder", restart: "reiniciar" },
};

/** Thrown for a link that cannot be played; its message is for people. */
export class LinkError extends Error {}

/** The scenario as the part of an address after `#`. */
export function encodeLink(scenario: Scenario): string {
  const { exercise, recording = "", kinds, script, actions } = scenario;
  return `${new URLSearchParams([
    ...exercise === "" ? [] : [["ejercicio", exercise]],
    ...recording === "" ? [] : [["registro", recording]],
    ["conversaciones", kinds.map((kind) => KINDS[kind]).join(" ")],
    ["guion", script],
    ...NUMBERS.map(([field, name]) => [name, `${scenario[field]}`]),
    ...actions.map((action) => ["accion", encodeAction(action)]),
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
  for (const name of link.keys()) check(names.has(name), `no se entiende «${name}»`);
  const said = (name: string) => link.getAll(name).at(-1) ?? "";
  const kinds = said("conversaciones").split(" ").map((name) => keyOf(KINDS, name));
  const script = said("guion");
  check(Object.hasOwn(SCRIPTS, script), `no se entiende «${script}»`);
  check(kinds.length === 2, "no hay dos conversaciones");
  const actions = link.getAll("accion").map(decodeAction);
  check(actions.length <= MAX_ACTIONS, `hay más de ${MAX_ACTIONS} acciones`);
  const isOrdered = actions.every(({ at }, i) => at >= (actions[i - 1]?.at ?? 0));
  check(isOrdered, "las acciones no están en orden");
  const numbers = NUMBERS.map(([field, name, label, most]) =>
    [field, whole(said(name), label, most)] as const
  );
  const recording = said("registro");
  if (recording !== "" && decodeRecording(recording) === undefined) {
    throw new LinkError("su registro no se entiende");
  }
  return {
    exercise: said("ejercicio"),
    ...recording === "" ? {} : { recording },
    kinds: kinds as [PlayKind, PlayKind],
    script: script as keyof typeof SCRIPTS,
    actions,
    ...Object.fromEntries(numbers) as unknown as Numbers,
  };
}

function encodeAction(action: Action): string {
  const target = "lane" in action ? [action.lane + 1, action.index] : [];
  const more = "by" in action ? [action.by] : "text" in action ? [action.text] : [];
  return [action.at, VERBS[action.type], ...target, ...more].join(" ");
}

function decodeAction(written: string): Action {
  const [moment = "", verb = "", ...words] = written.split(" ");
  const [at, type] = [whole(moment, "Instante, ms", MAX_MOMENT_MS), keyOf(VERBS, verb)];
  if (type === "restart") return { at, type };
  if (type === "ask" || type === "answer") {
    return { at, type, text: words.join(" ").slice(0, MAX_TEXT_CHARACTERS) };
  }
  const [lane = "", index = "", by = ""] = words;
  const target = {
    lane: whole(lane, "Conversación", 2, 1) - 1,
    index: whole(index, "Datagrama", 100_000, 1),
  };
  if (type !== "delay") return { at, type, ...target };
  return { at, type, ...target, by: whole(by, "Retraso, ms", MAX_DELAY_MS) };
}

function whole(text: string, label: string, most: number, least: number = 0): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  const is = number >= least && number <= most;
  check(is, `«${label}» debe ser un entero de ${least} a ${most}, y no «${text}»`);
  return number;
}

function keyOf<K extends string>(names: Readonly<Record<K, string>>, name: string): K {
  const key = (Object.keys(names) as K[]).find((it) => names[it] === name);
  check(key !== undefined, `no se entiende «${name}»`);
  return key;
}

function check(holds: boolean, complaint: string): asserts holds {
  if (!holds) throw new LinkError(complaint);
}

/** Long enough for more segments than the first window lets out. */
function longQuestion(): string {
  const sentence = (i: number) => `Esta es la frase ${i + 1} de una pregunta larga.`;
  return `${Array.from({ length: 320 }, (_, i) => sentence(i)).join(" ")} ¿Llegó completa?`;
}
