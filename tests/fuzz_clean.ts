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
const PASSES = /[\p{Mn}\u200c\u200d]/u;

/** The reference: one character after the other. */
function cleanedByHand(text: string): string {
  const characters = Array.from(text);
  let cleaned = "";
  for (let at = 0; at < characters.length;) {
    const length = flagLength(characters, at);
    if (length > 0) cleaned += characters.slice(at, at + length).join("");
    else cleaned += shown(characters[at]!);
    at += Math.max(1, length);
  }
  return cleaned;
}

function shown(character: string): string {
  if (!HIDES.test(character) || PASSES.test(character)) return character;
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "␡";
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** Number of characters of the flag that begins there: black flag, 1 to 6 tags, cancel tag; or 0. */
function flagLength(characters: readonly string[], at: number): number {
  const code = (index: number) => characters[index]?.codePointAt(0) ?? 0;
  if (code(at) !== 0x1f3f4) return 0;
  let end = at + 1;
  while (/[0-9a-z]/.test(String.fromCharCode(code(end) - 0xe0000)) && code(end) > 0xe0000) end++;
  const tags = end - at - 1;
  return tags >= 1 && tags <= 6 && code(end) === 0xe007f ? end - at + 1 : 0;
}
