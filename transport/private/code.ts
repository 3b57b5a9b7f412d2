/**
 * The code of a private room: a number and two words, or a text of the operator's own.
 *
 * @module
 */
import { CODE_WORDS } from "./code_words.ts";

/** Fewest characters that a code has, once it is normalised. */
export const MIN_CODE_CHARACTERS = 4;

// Eight digits are as hard to guess as a code of `newRoomCode`.
const LONG_CODE_CHARACTERS = 8;
const LEAST_NUMBER = 10;
const NUMBERS = 90;

/**
 * A new code that can be said aloud, `42-tigre-luna`: one of 90 × 1,024 × 1,024, which is 26.5 bits.
 *
 * @example
 * ```ts
 * import { newRoomCode } from "./code.ts";
 *
 * const code = newRoomCode((length) => crypto.getRandomValues(new Uint8Array(length)));
 * console.log(code.split("-").length); // 3
 * ```
 *
 * @param randomBytes `length` unpredictable bytes.
 */
export function newRoomCode(randomBytes: (length: number) => Uint8Array): string {
  const [number = 0, one = 0, another = 0, rest = 0] = randomBytes(4);
  // Twice 90 numbers: a byte beyond them would make some of them likelier.
  if (number >= 2 * NUMBERS) return newRoomCode(randomBytes);
  const words = [one << 2 | rest & 3, another << 2 | rest >> 2 & 3];
  return [LEAST_NUMBER + number % NUMBERS, ...words.map((index) => CODE_WORDS[index])].join("-");
}

/**
 * The canonical form of a code: small letters without accents (an ñ is an n), and one hyphen for any run
 * of spaces and hyphens. ` 42 Tígre—LUNA ` is `42-tigre-luna`.
 */
export function normaliseRoomCode(text: string): string {
  const plain = text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  return plain.normalize("NFC").replace(/[\s\p{Dash}]+/gu, "-").replace(/^-|-$/g, "");
}

/** Whether a code is `too-short` to be one, `short` and easy to guess, or `long`: by its length alone. */
export function codeStrength(code: string): "too-short" | "short" | "long" {
  const { length } = [...normaliseRoomCode(code)];
  if (length < MIN_CODE_CHARACTERS) return "too-short";
  return length < LONG_CODE_CHARACTERS ? "short" : "long";
}

/**
 * Gives back a code as {@linkcode normaliseRoomCode} writes it.
 *
 * @throws {RangeError} If it is shorter than {@linkcode MIN_CODE_CHARACTERS}.
 */
export function checkRoomCode(code: string): string {
  if (codeStrength(code) !== "too-short") return normaliseRoomCode(code);
  // The code itself is not for messages, which end in logs.
  throw new RangeError(`Invalid room code, expected ${MIN_CODE_CHARACTERS} characters or more`);
}

/** The codes that what is typed may become once its last word is whole: for the Tab key. */
export function completeRoomCode(typed: string): string[] {
  const [, before, begun] = /^(.*?)(\p{L}+)$/su.exec(typed) ?? [];
  if (begun === undefined) return [];
  const start = normaliseRoomCode(begun);
  return CODE_WORDS.filter((word) => word.startsWith(start)).map((word) => before + word);
}
