/**
 * How a network is to be impaired: from the options that say so, to a line that tells it.
 *
 * @module
 */
import { MAX_DELAY_MS, type NetworkConditions } from "./network.ts";
import { MAX_SEED } from "./random.ts";
import { type Arguments, UsageError } from "../program/arguments.ts";

/** The options that impair the network. Each takes a value. */
export const IMPAIRMENT_OPTIONS: readonly string[] = [
  "perdida",
  "duplicar",
  "desordenar",
  "retraso",
  "fluctuacion",
  "semilla",
];

/** How a network is impaired, each way. */
export interface Impairment {
  /** Probabilities and delays. */
  readonly conditions: NetworkConditions;
  /** Datagrams that are always lost: the places of the first and the last of each range. */
  readonly dropped: readonly Range[];
  readonly seed: number;
}

type Range = readonly [first: number, last: number];

/** Values of options that are not given. */
export interface ImpairmentDefaults {
  readonly seed: number;
  /** As it is typed; by default nothing is lost. */
  readonly loss?: string;
  /** In ms, by default 0, as the next. */
  readonly delay?: number;
  readonly jitter?: number;
}

/**
 * Reads the options.
 *
 * @throws {UsageError} If a value is out of bounds.
 */
export function readImpairment(args: Arguments, defaults: ImpairmentDefaults): Impairment {
  const { seed, loss = "0%", delay = 0, jitter = 0 } = defaults;
  const typed = args.text("perdida", loss);
  const dropped = typed.endsWith("%") ? [] : readList(typed);
  const milliseconds = { least: 0, most: MAX_DELAY_MS };
  const conditions = {
    loss: typed.endsWith("%") ? args.part("perdida", loss) : 0,
    duplication: args.part("duplicar"),
    reordering: args.part("desordenar"),
    delay: args.integer("retraso", { otherwise: delay, ...milliseconds }),
    jitter: args.integer("fluctuacion", { otherwise: jitter, ...milliseconds }),
  };
  const bounds = { otherwise: seed, least: 0, most: MAX_SEED };
  return { conditions, dropped, seed: args.integer("semilla", bounds) };
}

/** Whether the datagram at a place, counted from 1, is always lost. */
export function isDropped({ dropped }: Impairment, order: number): boolean {
  return dropped.some(([first, last]) => first <= order && order <= last);
}

/** A line that tells how the network is impaired; `undefined` if it is not. */
export function describeImpairment({ conditions, dropped, seed }: Impairment): string | undefined {
  const { loss, duplication, reordering, delay, jitter } = conditions;
  const isChance = loss + duplication + reordering + jitter > 0;
  const told = [
    dropped.length > 0 && `pierde ${describeList(dropped)}`,
    loss > 0 && `pierde el ${percent(loss)}`,
    duplication > 0 && `duplica el ${percent(duplication)}`,
    reordering > 0 && `desordena el ${percent(reordering)}`,
    jitter > 0 && `retrasa de ${delay} a ${delay + jitter} ms`,
    jitter === 0 && delay > 0 && `retrasa ${delay} ms`,
  ].filter((part) => part !== false);
  if (told.length === 0) return undefined;
  const what = told.join(", ").replace("%", "% de los datagramas");
  const repeat = isChance ? `; semilla ${seed}` : "";
  // A lone number is often a percentage that lacks its sign.
  const [[lone, last] = []] = dropped;
  const isDoubtful = dropped.length === 1 && lone === last && lone! <= 100;
  const doubt = isDoubtful ? ` (¿o quiso decir --perdida ${lone}%?)` : "";
  return `Red degradada a propósito: ${what}${repeat}${doubt}`;
}

function readList(typed: string): Range[] {
  return typed.split(",").map((item) => {
    const [, first, last = first] = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(item) ?? [];
    if (first !== undefined && Number(first) <= Number(last)) return [Number(first), Number(last)];
    throw new UsageError(
      `el valor de --perdida debe ser un porcentaje, como 25%, o los datagramas que se pierden, ` +
        `como 2,4-6: "${typed}"`,
    );
  });
}

function describeList(dropped: readonly Range[]): string {
  const ranges = dropped.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`);
  const list = new Intl.ListFormat("es").format(ranges);
  return /^\d+$/.test(list) ? `el datagrama ${list}` : `los datagramas ${list}`;
}

function percent(part: number): string {
  return `${(100 * part).toLocaleString("es", { maximumFractionDigits: 3 })} %`;
}
