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
 * Invisible characters that pass where words and emoji need them, and nowhere else: ZWJ and ZWNJ after a
 * letter, variation selectors and ZWJ in emoji, and the tags of three flags. Of the combining marks on one
 * letter, those beyond the sixth are cut.
 *
 * @module
 */

const EMOJI = "\\p{Extended_Pictographic}[\\p{Emoji_Modifier}\\uFE0E\\uFE0F]?";
const MARK = "[[\\p{Mn}\\p{Me}]--\\p{Default_Ignorable_Code_Point}]";
// Scripts that do not join their letters need no joiner; in them it could only hide something.
const JOINED = "[\\p{L}--[\\p{scx=Latn}\\p{scx=Grek}\\p{scx=Cyrl}\\p{scx=Hani}]" +
  "--\\p{Default_Ignorable_Code_Point}]";

/** Whole sequences with something invisible in them, which pass. They are matched first. */
const PASSES = "\\p{RGI_Emoji_Tag_Sequence}" +
  `|${EMOJI}(?:\\u200D${EMOJI})*` +
  "|[0-9#*]\\uFE0F\\u20E3" +
  `|${JOINED}${MARK}{0,6}[\\u200C\\u200D]`;

const HIDDEN = "[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Noncharacter_Code_Point}" +
  "\\p{Default_Ignorable_Code_Point}\\uFFF9-\\uFFFB]" +
  // Stream-safe text (UAX #15) may have thirty, which cover the lines around.
  `|(?<=${MARK}{6})${MARK}+`;

/** Text in which there is nothing to look for. */
const PRINTABLE_ASCII = /^[ -~]*$/;

let hidden: RegExp | undefined;

/**
 * Replaces what could steer a terminal or hide from a reader by a visible form: C0 controls and DEL
 * by their control pictures (`␛`, `␊`), anything else by its code point (`<U+202E>`).
 *
 * Letters, accents, emoji and up to six combining marks in a row pass untouched, and cleaning twice changes
 * nothing. Of marks beyond those only the first is named: `<U+0301…>`.
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
    const units = Array.from({ length: match.length }, (_, i) => match.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

function replaceHidden(text: string, replacement: (match: string) => string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  // Compiled on first use: its many properties of Unicode take a millisecond.
  hidden ??= new RegExp(`(${PASSES})|${HIDDEN}`, "gv");
  return text.replace(hidden, (match, passes) => passes ?? replacement(match));
}

function visible(match: string): string {
  const code = match.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  const more = match.length > String.fromCodePoint(code).length ? "…" : "";
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}${more}>`;
}
