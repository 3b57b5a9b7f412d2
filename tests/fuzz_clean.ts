/**
 * Fuzzing of the cleaning of remote text.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { clean, toJsonLine } from "../terminal/clean.ts";
import { Dice } from "./fuzz_dice.ts";
import { anyText } from "./fuzz_text.ts";

const TEXTS = 100;

/**
 * The cleaning of remote text. Invariants, for any text:
 *
 * - each character is passed or shown as the documentation of `clean` says, and nothing else happens;
 * - so nothing that steers a terminal or hides itself is left, and cleaning twice changes nothing;
 * - as a line of JSON it hides nothing either, and a parser gets it back unchanged.
 */
export function fuzzClean(seed: number): number {
  const dice = new Dice(seed);
  for (let count = 0; count < TEXTS; count++) {
    const text = anyText(dice);
    const cleaned = clean(text);
    const typed = JSON.stringify(text);
    if (cleaned !== cleanedByHand(text)) assertEquals(cleaned, cleanedByHand(text), typed);
    assert(clean(cleaned) === cleaned, `Cleaned twice it is another: ${typed}`);
    assert(!STEERING.test(cleaned), `Something is left of ${typed}`);
    const line = toJsonLine({ text });
    assert(JSON.parse(line).text === text, `As JSON it is another: ${typed}`);
    assert(clean(line) === line && !STEERING.test(line), `As JSON it steers: ${typed}`);
  }
  return TEXTS;
}

const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\u2060\ufeff\ufff9-\ufffb]/u;
const HIDES = new RegExp(
  "[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}\\ufff9-\\ufffb" +
    "\\p{Noncharacter_Code_Point}\\p{Default_Ignorable_Code_Point}]",
  "u",
);
const MARK = /^(?!\p{Default_Ignorable_Code_Point})[\p{Mn}\p{Me}]$/u;
const PICTOGRAPH = /^\p{Extended_Pictographic}$/u;
const JOINED =
  /^(?![\p{scx=Latn}\p{scx=Grek}\p{scx=Cyrl}\p{scx=Hani}\p{Default_Ignorable_Code_Point}])\p{L}$/u;
const FLAGS = ["gbeng", "gbsct", "gbwls"];
const MAX_MARKS = 6;

/** The reference: one character after the other. */
function cleanedByHand(text: string): string {
  const characters = Array.from(text);
  let cleaned = "";
  for (let at = 0, marks = 0; at < characters.length;) {
    const character = characters[at]!;
    const length = passing(characters, at);
    if (length > 0) cleaned += characters.slice(at, at + length).join("");
    else if (marks < MAX_MARKS || !MARK.test(character)) cleaned += shown(character);
    else {
      let end = at;
      while (MARK.test(characters[end] ?? "")) end++;
      cleaned += named(character, end - at > 1 ? "…" : "");
      at = end;
      marks = 0;
      continue;
    }
    at += Math.max(1, length);
    marks = 0;
    while (MARK.test(characters[at - 1 - marks] ?? "")) marks++;
  }
  return cleaned;
}

function shown(character: string): string {
  if (!HIDES.test(character)) return character;
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "␡" : named(character, "");
}

function named(character: string, more: string): string {
  return `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}${more}>`;
}

/** Number of characters of the sequence that begins there and passes whole, or 0. */
function passing(characters: readonly string[], at: number): number {
  const is = (index: number, ...those: readonly string[]) =>
    those.includes(characters[index] ?? "");
  const flag = characters.slice(at + 1, at + 6)
    .map((tag) => String.fromCodePoint(Math.max(0, tag.codePointAt(0)! - 0xe0000))).join("");
  if (is(at, "\u{1F3F4}") && FLAGS.includes(flag) && is(at + 6, "\u{E007F}")) return 7;
  if (/^[0-9#*]$/.test(characters[at]!)) {
    return is(at + 1, "\uFE0F") && is(at + 2, "\u20E3") ? 3 : 0;
  }
  const pictograph = (index: number) => {
    if (!PICTOGRAPH.test(characters[index] ?? "")) return 0;
    const next = characters[index + 1] ?? "";
    return /^[\p{Emoji_Modifier}\uFE0E\uFE0F]$/u.test(next) ? 2 : 1;
  };
  let length = pictograph(at);
  while (length > 0 && is(at + length, "\u200d") && pictograph(at + length + 1) > 0) {
    length += 1 + pictograph(at + length + 1);
  }
  if (length > 0 || !JOINED.test(characters[at]!)) return length;
  for (length = 1; length <= MAX_MARKS && MARK.test(characters[at + length] ?? "");) length++;
  return is(at + length, "\u200c", "\u200d") ? length + 1 : 0;
}
