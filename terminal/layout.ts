/**
 * Text laid out on the rows of a terminal, so that no text can look like a line of the program.
 *
 * @module
 */

/** Characters that a terminal draws over the one before. */
const NARROWEST = /[\p{Mn}\p{Me}\u200C\u200D]/u;

/**
 * Characters two columns wide (UAX #11, W and F), and all that are beyond the Basic
 * Multilingual Plane: a row that ends early does no harm, and one that wraps does.
 */
const WIDEST =
  /[\u1100-\u11FF\u2329\u232A\u2E80-\uA4CF\uA960-\uA97F\uAC00-\uD7FF\uF900-\uFAFF\uFE10-\uFE1F\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{10000}-\u{10FFFF}\p{Emoji_Presentation}]/u;

/** The start of each row of a text but its first. */
export const INDENT = "    ";

/** A colour, a word or a blank. */
// deno-lint-ignore no-control-regex
const PIECE = /\x1b\[[\d;]*m|[^ \x1b]+|[^]/g;

/**
 * A text of one or more lines with {@linkcode INDENT} before each line but the first, and before each
 * row that begins because `columns` are used up. Without a known width (0) rows are not made.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { layOut } from "./layout.ts";
 *
 * assertEquals(layOut("Pregunta: ¿dos\nlíneas?", 0), "Pregunta: ¿dos\n    líneas?");
 * assertEquals(layOut("Pregunta: ¿Una larga?", 20), "Pregunta: ¿Una\n    larga?");
 * ```
 */
export function layOut(text: string, columns: number): string {
  const lines = text.replaceAll("\n", `\n${INDENT}`).split("\n");
  return lines.map((line) => wrap(line, columns)).join("\n");
}

/** The part of one line that fits in `columns`, with "…" at its end if that is not all. */
export function cut(line: string, columns: number): string {
  if (columns < 1 || widthOf(line) <= columns) return line;
  let [shown, used] = ["", 1];
  for (const character of charactersOf(line)) {
    used += widthOf(character);
    if (used > columns) break;
    shown += character;
  }
  return `${shown}…`;
}

function wrap(line: string, columns: number): string {
  if (columns < 2 * INDENT.length || widthOf(line) <= columns) return line;
  const pieces = Array.from(line.matchAll(PIECE), ([word]) => word)
    .flatMap((word) => widthOf(word) <= columns - INDENT.length ? word : charactersOf(word));
  let [shown, used] = ["", 0];
  for (const piece of pieces) {
    const width = widthOf(piece);
    const fits = used + width <= columns;
    // Blanks at the end of a row look like nothing.
    if (!fits && piece === " ") continue;
    shown += fits ? piece : `\n${INDENT}${piece}`;
    used = (fits ? used : INDENT.length) + width;
  }
  return shown;
}

/** Columns that a text takes at most. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  // deno-lint-ignore no-control-regex
  for (const character of text.replace(/\x1b\[[\d;]*m/g, "")) {
    // U+FE0F asks for the wide form of the character before it.
    if (character === "\ufe0f") width++;
    else if (!NARROWEST.test(character)) width += WIDEST.test(character) ? 2 : 1;
  }
  return width;
}

/** Characters as a reader counts them. */
function charactersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}
