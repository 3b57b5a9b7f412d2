/**
 * The options of the two programs, from words to values.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** The command line is not valid. The message says why, to the person who typed it. */
export class UsageError extends Error {}

type Words = readonly string[];

/** The options and words that a command line may hold. */
export interface ArgumentNames {
  /** Names of the options that take a value. */
  readonly values: Words;
  /** Names of the options that may take a value. */
  readonly optionals?: Words;
  /** Names of the options that take none. */
  readonly flags: Words;
  /** How many words that are no options are allowed: 0 or more. */
  readonly words: number;
}

/** The options of a command line. */
export class Arguments {
  /** The words that are no options. */
  readonly words: Words;
  readonly #values: Readonly<Record<string, unknown>>;

  /**
   * Reads a command line. `--ayuda` (`-h`) and `--version` are always allowed.
   *
   * @example
   * ```ts
   * import { Arguments } from "./arguments.ts";
   *
   * const typed = new Arguments(["--puerto=7", "hola"], { values: ["puerto"], flags: [], words: 1 });
   * console.log(typed.integer("puerto", { otherwise: 12000, least: 0, most: 65535 })); // 7
   * ```
   *
   * @throws {UsageError} If an option is unknown, or a word is one too many.
   */
  constructor(args: Words, { values, optionals = [], flags, words }: ArgumentNames) {
    const boolean = ["ayuda", "version", ...flags];
    const collect = [...values, ...optionals];
    const plain = unambiguous(args, boolean, collect, values);
    const options = { string: [...collect, "_"], boolean, collect };
    const parsed: Record<string, unknown> & { _: string[] } = parseArgs(plain, options);
    const stray = parsed._[words];
    if (stray !== undefined) throw new UsageError(`sobra el argumento "${stray}"`);
    this.words = parsed._;
    this.#values = parsed;
  }

  has(flag: string): boolean {
    return this.#values[flag] === true;
  }

  /**
   * The value of an option, or `otherwise` if it was not given.
   *
   * @throws {UsageError} If it was given without a value, or more than once.
   */
  text(name: string, otherwise: string): string {
    const given = this.optional(name);
    if (given === "") throw new UsageError(`a la opción --${name} le falta su valor`);
    return given ?? otherwise;
  }

  /**
   * The value of an option that may stand without one: empty if it does, `undefined` if the option was
   * not given.
   *
   * @throws {UsageError} If it was given more than once.
   */
  optional(name: string): string | undefined {
    const given = this.#values[name] as string[];
    if (given.length > 1) throw new UsageError(`la opción --${name} se dio más de una vez`);
    return given[0];
  }

  /** The value of `--host`, or `otherwise`. An IPv6 address may have brackets. */
  host(otherwise: string): string {
    return this.text("host", otherwise).replace(/^\[(.*)\]$/, "$1");
  }

  /**
   * The value of an option that is an integer.
   *
   * @throws {UsageError} If it is not one, or out of bounds.
   */
  integer(name: string, bounds: { otherwise: number; least: number; most: number }): number {
    const { otherwise, least, most } = bounds;
    const text = this.text(name, String(otherwise));
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new UsageError(
      `el valor de --${name} debe ser un número entero de ${least} a ${most}: "${text}"`,
    );
  }

  /**
   * The value of an option that is a percentage, as in `12,5%`, or `otherwise` if it was not given.
   *
   * @returns The part of the whole: from 0 to 1.
   * @throws {UsageError} If it is not one, or more than 100%.
   */
  part(name: string, otherwise: string = "0%"): number {
    const text = this.text(name, otherwise);
    const [, digits] = /^(\d{1,3}(?:[.,]\d{1,3})?) ?%$/.exec(text) ?? [];
    const part = Number(digits?.replace(",", ".")) / 100;
    if (part <= 1) return part;
    throw new UsageError(`el valor de --${name} debe ser un porcentaje, de 0% a 100%: "${text}"`);
  }

  /** The value of an option that is an {@linkcode integer} from 1 to a million. */
  limit(name: string, otherwise: number): number {
    return this.integer(name, { otherwise, least: 1, most: 1_000_000 });
  }

  /** The value of an option that is a time in whole seconds, from 1 to a day of them, in ms. */
  seconds(name: string, otherwise: number): number {
    return 1000 * this.integer(name, { otherwise: otherwise / 1000, least: 1, most: 86_400 });
  }
}

/**
 * The same command line without anything that the parser would read in its own way: dotted names,
 * negations, clusters of letters, values of flags, and empty values. Of the options that take a value,
 * `valued`, those in `strict` do not stand without one.
 */
function unambiguous(args: Words, flags: Words, valued: Words, strict: Words): string[] {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const plain = options.flatMap((arg, index) => {
    const taker = valued.find((name) => options[index - 1] === `--${name}`);
    if (arg === "" && taker !== undefined) return [];
    if (options[index + 1] === "" && valued.some((name) => arg === `--${name}`)) return `${arg}=`;
    if (!arg.startsWith("-") || arg === "-") return arg;
    const name = arg === "-h" || arg === "--help" ? "ayuda" : arg.replace(/^--/, "");
    if (flags.includes(name)) return `--${name}=true`;
    if (arg.startsWith("--") && valued.includes(name.replace(/=[^]*$/, ""))) return arg;
    if (taker === undefined) throw new UsageError(describeUnknown(arg, [...valued, ...flags]));
    throw new UsageError(
      strict.includes(taker)
        ? `el valor "${arg}" empieza por un guion: únalo a su opción con "="`
        // The value may be a code: it is not for messages.
        : `lo que sigue a --${taker} empieza por un guion y no es una opción: si es su valor, únalo con "="`,
    );
  });
  return [...plain, ...args.slice(options.length)];
}

/** Names the option that was probably meant: at most a third of its letters are others. */
function describeUnknown(arg: string, names: Words): string {
  const unknown = `no se conoce la opción "${arg.replace(/=[^]+$/, "=…")}"`;
  const typed = arg.replace(/^-+|=[^]*$/g, "").slice(0, 40);
  const near = names.map((name) => ({ name, changes: distance(typed, name) }))
    .reduce((a, b) => b.changes < a.changes ? b : a);
  return near.changes <= near.name.length / 3
    ? `${unknown}: ¿quiso decir --${near.name}?`
    : unknown;
}

/** Letters to insert, remove or replace until one word is the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (const [i, letter] of Array.from(one).entries()) {
    const above = row;
    row = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const replaced = above[j]! + (letter === other[j] ? 0 : 1);
      row.push(Math.min(replaced, above[j + 1]! + 1, row[j]! + 1));
    }
  }
  return row.at(-1)!;
}
