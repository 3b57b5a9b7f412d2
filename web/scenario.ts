/**
 * What the page plays, and how it stands in the page's address: the same link shows everybody the same.
 *
 * @module
 */
import { MAX_DELAY_MS, type NetworkConditions } from "../laboratory/network.ts";
import { MAX_SEED } from "../laboratory/random.ts";
import type { Action, Exchange, LaneKind } from "./lane.ts";

/** Everything that decides what is seen. */
export interface Scenario {
  /** The name of an exercise, or none. */
  readonly exercise: string;
  readonly kinds: readonly [LaneKind, LaneKind];
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

const ORIGINAL = { question: "¿HTML es un lenguaje de programacion?", answer: "NOOOOO" };
const LONG = { question: longQuestion(), answer: "Sí, completa." };

/** The scripts; without one, people wait for whoever watches. */
export const SCRIPTS: Readonly<Record<ScriptName, readonly Exchange[] | undefined>> = {
  original: [ORIGINAL],
  dos: [ORIGINAL, { question: "¿Y UDP es fiable?", answer: "Por sí solo, no." }],
  larga: [LONG],
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

/** Bounds of what a link may hold, so that a page always answers. */
export const MAX_MOMENT_MS = 600_000;
export const MAX_PACE_MS = 60_000;
export const MAX_TEXT_CHARACTERS = 500;
const MAX_ACTIONS = 200;
const MAX_ORDER = 100_000;

const KINDS: Readonly<Record<LaneKind, string>> = {
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
  network: "red",
};

/** Thrown for a link that cannot be played; its message is for people. */
export class LinkError extends Error {}

/** The scenario as the part of an address after `#`. */
export function encodeLink(scenario: Scenario): string {
  const { exercise, kinds, script, seed, conditions, pace, actions, now } = scenario;
  const link = new URLSearchParams();
  if (exercise !== "") link.set("ejercicio", exercise);
  link.set("carriles", kinds.map((kind) => KINDS[kind]).join(" "));
  link.set("guion", script);
  link.set("semilla", `${seed}`);
  link.set("red", encodeConditions(conditions));
  link.set("pausa", `${pace}`);
  for (const action of actions) link.append("accion", encodeAction(action));
  link.set("instante", `${now}`);
  return `${link}`;
}

/**
 * Reads a link. What it does not say is as in `DEFAULT_SCENARIO`.
 *
 * @throws {LinkError} If it says something that cannot be.
 */
export function decodeLink(text: string): Scenario {
  const link = new URLSearchParams(text);
  const said = (name: string, otherwise: string) => link.get(name) ?? otherwise;
  const usual = DEFAULT_SCENARIO;
  const kinds = said("carriles", usual.kinds.map((kind) => KINDS[kind]).join(" ")).split(" ");
  if (kinds.length !== 2) throw new LinkError(`se esperaban dos carriles: «${kinds.join(" ")}»`);
  const written = link.getAll("accion");
  if (written.length > MAX_ACTIONS) throw new LinkError(`tiene más de ${MAX_ACTIONS} acciones`);
  const actions = written.map(decodeAction);
  if (actions.some(({ at }, i) => at < (actions[i - 1]?.at ?? 0))) {
    throw new LinkError("las acciones no están en orden");
  }
  return {
    exercise: said("ejercicio", ""),
    kinds: [keyOf(KINDS, kinds[0]!), keyOf(KINDS, kinds[1]!)],
    script: scriptOf(said("guion", usual.script)),
    seed: whole(said("semilla", `${usual.seed}`), "la semilla", MAX_SEED),
    conditions: decodeConditions(said("red", encodeConditions(usual.conditions))),
    pace: whole(said("pausa", `${usual.pace}`), "la pausa", MAX_PACE_MS),
    actions,
    now: whole(said("instante", "0"), "el instante", MAX_MOMENT_MS),
  };
}

function encodeConditions(conditions: NetworkConditions): string {
  const { loss, duplication, reordering, delay, jitter } = conditions;
  const percents = [loss, duplication, reordering].map((chance) => Math.round(100 * chance));
  return [...percents, delay, jitter].join(" ");
}

function decodeConditions(text: string): NetworkConditions {
  const parts = text.split(" ");
  if (parts.length !== 5) throw new LinkError(`se esperaban cinco números de la red: «${text}»`);
  const [loss, duplication, reordering] = parts.slice(0, 3).map((part) =>
    whole(part, "un porcentaje", 100) / 100
  ) as [number, number, number];
  const [delay, jitter] = parts.slice(3).map((part) => whole(part, "un retraso", MAX_DELAY_MS)) as [
    number,
    number,
  ];
  return { loss, duplication, reordering, delay, jitter };
}

function encodeAction(action: Action): string {
  const verb = `${action.at} ${VERBS[action.type]}`;
  switch (action.type) {
    case "lose":
    case "duplicate":
      return `${verb} ${action.lane + 1} ${action.order}`;
    case "delay":
      return `${verb} ${action.lane + 1} ${action.order} ${action.by}`;
    case "ask":
    case "answer":
      return `${verb} ${action.text}`;
    case "network":
      return `${verb} ${encodeConditions(action.conditions)}`;
    case "restart":
      return verb;
  }
}

function decodeAction(text: string): Action {
  const [moment = "", verb = "", ...rest] = text.split(" ");
  const at = whole(moment, "el instante de una acción", MAX_MOMENT_MS);
  const type = keyOf(VERBS, verb);
  const [lane = "", order = "", by = ""] = rest;
  const target = () => ({
    lane: whole(lane, "el carril", 2, 1) - 1,
    order: whole(order, "el datagrama", MAX_ORDER, 1),
  });
  switch (type) {
    case "lose":
    case "duplicate":
      return { at, type, ...target() };
    case "delay":
      return { at, type, ...target(), by: whole(by, "un retraso", MAX_DELAY_MS) };
    case "ask":
    case "answer":
      return { at, type, text: rest.join(" ").slice(0, MAX_TEXT_CHARACTERS) };
    case "network":
      return { at, type, conditions: decodeConditions(rest.join(" ")) };
    case "restart":
      return { at, type };
  }
}

function whole(text: string, name: string, most: number, least: number = 0): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new LinkError(`${name} debe ser un entero de ${least} a ${most}: «${text.slice(0, 40)}»`);
}

function keyOf<K extends string>(names: Readonly<Record<K, string>>, name: string): K {
  const entry = (Object.entries(names) as [K, string][]).find(([, it]) => it === name);
  if (entry !== undefined) return entry[0];
  throw new LinkError(`no se entiende «${name.slice(0, 40)}»`);
}

function scriptOf(name: string): ScriptName {
  if (Object.hasOwn(SCRIPTS, name)) return name as ScriptName;
  throw new LinkError(`no hay un guion «${name.slice(0, 40)}»`);
}

/** Long enough for more segments than the first window lets out. */
function longQuestion(): string {
  const sentences = Array.from(
    { length: 270 },
    (_, i) => `Esta es la frase número ${i + 1} de una pregunta larga.`,
  );
  return `${sentences.join(" ")} ¿Llegó completa?`;
}
