/**
 * Text from the other side, made harmless before it reaches a terminal, a notice or a log.
 *
 * Characters that are replaced, because they can steer a terminal or hide from a reader:
 *
 * - the C0 and C1 controls and DEL (`\p{Cc}`): ESC, tabulator and line ends are among them;
 * - the line and paragraph separators U+2028 and U+2029;
 * - everything that Unicode draws as nothing (`\p{Default_Ignorable_Code_Point}`): bidirectional
 *   controls, zero-width space, word joiner, soft hyphen, byte order mark, Hangul fillers, tag
 *   characters; and the interlinear annotation marks;
 * - unpaired surrogates and noncharacters.
 *
 * Invisible characters that pass, because words and emoji need them: ZWJ and ZWNJ, combining marks,
 * variation selectors, and the tags of a subdivision flag such as Scotland's.
 *
 * @module
 */

/** A flag is matched first and whole, so that its tags are not taken for hidden text. */
const HIDDEN =
  // Black flag, up to six letters or digits of ISO 3166-2, cancel tag (UTS #51, ED-14a).
  "\\u{1F3F4}[\\u{E0030}-\\u{E0039}\\u{E0061}-\\u{E007A}]{1,6}\\u{E007F}" +
  "|[[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Noncharacter_Code_Point}" +
  "\\p{Default_Ignorable_Code_Point}\\uFFF9-\\uFFFB]--[\\p{Mn}\\u200C\\u200D]]";

/** Text in which there is nothing to look for. */
const PRINTABLE_ASCII = /^[ -~]*$/;

let hidden: RegExp | undefined;

/**
 * Replaces what could steer a terminal or hide from a reader by a visible form: C0 controls and DEL
 * by their control pictures (`␛`, `␊`), anything else by its code point (`<U+202E>`).
 *
 * Letters, accents, combining marks and emoji pass untouched, and cleaning twice changes nothing.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { clean } from "./clean.ts";
 *
 * assertEquals(clean("¿Qué\n\x1b[2Jtal?"), "¿Qué␊␛[2Jtal?");
 * assertEquals(clean("a\u202Eb"), "a<U+202E>b");
 * ```
 */
export function clean(text: string): string {
  return replaceHidden(text, visible);
}

/**
 * A value as JSON in one line of text that shows no more than {@linkcode clean} would, and from which
 * a parser gets the value back unchanged.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { toJsonLine } from "./clean.ts";
 *
 * assertEquals(toJsonLine({ answer: "\x1b\x9bñ" }), '{"answer":"\\u001b\\u009bñ"}');
 * ```
 */
export function toJsonLine(value: unknown): string {
  return replaceHidden(JSON.stringify(value), (match) => {
    if (match.codePointAt(0) === 0x1f3f4) return match;
    const units = Array.from({ length: match.length }, (_, i) => match.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

function replaceHidden(text: string, replacement: (match: string) => string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  // Compiled on first use: its many properties of Unicode take a millisecond.
  hidden ??= new RegExp(HIDDEN, "gv");
  return text.replace(hidden, replacement);
}

function visible(match: string): string {
  const code = match.codePointAt(0)!;
  if (code === 0x1f3f4) return match;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}
