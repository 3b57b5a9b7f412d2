/**
 * Fuzzing of the options parser.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Arguments, UsageError } from "../program/arguments.ts";
import { Dice } from "./fuzz_dice.ts";
import { anyText } from "./fuzz_text.ts";

const COMMAND_LINES = 100;

/**
 * The options parser. Invariants, for any command line:
 *
 * - it gives values in their bounds or throws a {@linkcode UsageError}, and nothing else;
 * - every text and word is something that was typed;
 * - a line as the help shows them is read as the help says, and refused only if it is wrong;
 * - nothing that is typed reaches the prototype of all objects.
 */
export function fuzzArguments(seed: number): number {
  const dice = new Dice(seed);
  for (let count = 0; count < COMMAND_LINES; count++) {
    const make = dice.chance(0.5) ? anyWord : plainWord;
    const typed = dice.list(6, () => make(dice));
    try {
      checkArguments(typed, dice.below(3));
    } catch (error) {
      throw new Error(`Command line ${JSON.stringify(typed)}`, { cause: error });
    } finally {
      assertEquals(Object.keys(Object.prototype), []);
      assert(!("typed" in {}), "The prototype of all objects was changed");
    }
  }
  return COMMAND_LINES;
}

const NAMES: readonly string[] = ["host", "puerto", "inactividad", "max-clientes"];
const OPTIONALS: readonly string[] = ["codigo"];
const FLAGS: readonly string[] = ["json"];
const OPTIONS: readonly string[] = [
  ...[
    ...NAMES,
    ...OPTIONALS,
    ...FLAGS,
    "ayuda",
    "version",
    "h",
    "_",
    "otra",
    "no-json",
    "no-host",
    "no-ayuda",
  ],
  ...["__proto__", "constructor", "toString", "__proto__.typed", "constructor.prototype.typed"],
  ...["host.typed", "puerto.0", "json.typed", "hasOwnProperty", "", "-", "=", "ñ", "0", "h.h"],
];
const VALUES: readonly string[] = [
  ...[
    "0",
    "1",
    "12000",
    "65535",
    "65536",
    "-1",
    "007",
    "1e3",
    "0x10",
    " 7",
    "7 ",
    "7.0",
    "+7",
    "٣",
  ],
  ...["9".repeat(20), "9".repeat(400), "NaN", "Infinity", "", "true", "false", "null", "undefined"],
  ...[
    "--",
    "-",
    "-h",
    "--json",
    "localhost",
    "::1",
    "¿Qué?",
    "a=b",
    "\u0000",
    "\ud800",
    "🙂",
    "\n",
  ],
];

// As the help shows them, mostly.
function plainWord(dice: Dice): string {
  if (dice.chance(0.3)) return dice.pick(VALUES);
  if (dice.chance(0.3)) return dice.pick(["-h", "--", ...ALL_FLAGS.map((flag) => `--${flag}`)]);
  const name = dice.pick([...NAMES, ...OPTIONALS]);
  return dice.chance(0.5) ? `--${name}` : `--${name}=${dice.pick(VALUES)}`;
}

function anyWord(dice: Dice): string {
  const option = dice.chance(0.8) ? dice.pick(OPTIONS) : anyText(dice);
  const value = dice.chance(0.8) ? dice.pick(VALUES) : anyText(dice);
  switch (dice.below(8)) {
    case 0:
    case 1:
      return `--${option}`;
    case 2:
    case 3:
      return `--${option}=${value}`;
    case 4:
      return `-${option}`;
    case 5:
      return `-${dice.pick(["h", "j", "p", "1", "_"])}${value}`;
    default:
      return value;
  }
}

function checkArguments(typed: readonly string[], most: number): void {
  const expected = readPlainly(typed, most);
  let read: Typed;
  try {
    read = readAll(typed, most);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    assert(expected === undefined || expected === "wrong", `Refused: ${error.message}`);
    return;
  }
  if (expected !== undefined) assertEquals(read, expected);
  assert(read.words.length <= most, `${read.words}`);
  for (const word of read.words) assert(typed.includes(word), `The word "${word}"`);
  for (const flag of Object.values(read.flags)) assert(flag === true || flag === false, `${flag}`);
  const all = typed.join("\n");
  for (const [name, text] of Object.entries(read.texts)) {
    assert(text !== "" || OPTIONALS.includes(name), `--${name} without a value`);
    assert(all.includes(text), `The value "${text}"`);
  }
}

interface Typed {
  readonly words: readonly string[];
  readonly texts: Record<string, string>;
  readonly flags: Record<string, boolean>;
}

/** Reads every option there is, as the programs do. */
function readAll(typed: readonly string[], words: number): Typed {
  const args = new Arguments(typed, { values: NAMES, optionals: OPTIONALS, flags: FLAGS, words });
  const texts: Record<string, string> = {};
  for (const name of NAMES) {
    const text = args.text(name, NOTHING_TYPED);
    if (text !== NOTHING_TYPED) texts[name] = text;
  }
  for (const name of OPTIONALS) {
    const text = args.optional(name);
    if (text !== undefined) texts[name] = text;
  }
  checkInteger(args.integer("puerto", { otherwise: 12_000, least: 0, most: 65_535 }), 0, 65_535);
  checkInteger(args.seconds("inactividad", 75_000) / 1000, 1, 86_400);
  checkInteger(args.limit("max-clientes", 1000), 1, 1_000_000);
  const flags: Record<string, boolean> = {};
  for (const flag of ALL_FLAGS) flags[flag] = args.has(flag);
  return { words: args.words, texts, flags };
}

const NOTHING_TYPED = "nothing was typed";
const ALL_FLAGS: readonly string[] = [...FLAGS, "ayuda", "version"];

/**
 * The reference, for command lines as the help shows them: what they say, "wrong", or nothing where
 * something else is in them.
 */
function readPlainly(typed: readonly string[], most: number): Typed | "wrong" | undefined {
  const words: string[] = [];
  const texts: Record<string, string> = {};
  const flags = Object.fromEntries(ALL_FLAGS.map((flag) => [flag, false]));
  let isWrong = false;
  for (let at = 0; at < typed.length; at++) {
    const arg = typed[at]!;
    const [option, value] = splitOption(arg);
    if (arg === "--") {
      words.push(...typed.slice(at + 1));
      break;
    } else if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
    } else if (arg === "-h") {
      flags["ayuda"] = true;
    } else if (ALL_FLAGS.includes(option) && value === undefined) {
      flags[option] = true;
    } else if (NAMES.includes(option) || OPTIONALS.includes(option)) {
      const next = typed[at + 1];
      const isNext = value === undefined && next !== undefined && !next.startsWith("-");
      const text = isNext ? typed[++at]! : value ?? "";
      const isMissing = text === "" && !OPTIONALS.includes(option);
      isWrong ||= isMissing || option in texts || !isInBounds(option, text);
      texts[option] = text;
    } else {
      return undefined;
    }
  }
  return isWrong || words.length > most ? "wrong" : { words, texts, flags };
}

function splitOption(arg: string): readonly [option: string, value: string | undefined] {
  if (!arg.startsWith("--")) return ["", undefined];
  const equals = arg.indexOf("=");
  return equals < 0 ? [arg.slice(2), undefined] : [arg.slice(2, equals), arg.slice(equals + 1)];
}

function isInBounds(option: string, text: string): boolean {
  const [least, most] = BOUNDS[option] ?? [-Infinity, Infinity];
  if (least === -Infinity) return true;
  return /^[0-9]+$/.test(text) && Number(text) >= least && Number(text) <= most;
}

const BOUNDS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  "puerto": [0, 65_535],
  "inactividad": [1, 86_400],
  "max-clientes": [1, 1_000_000],
};

function checkInteger(value: number, least: number, most: number): void {
  assert(Number.isInteger(value) && value >= least && value <= most, `${value}`);
}
