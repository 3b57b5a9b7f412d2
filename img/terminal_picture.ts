/**
 * Terminal windows as a picture: lines of text, coloured as a terminal would, go in; SVG comes out.
 *
 * @module
 */

import { CHARACTER_WIDTH, FONT_FAMILY } from "./png.ts";
import { element, escapeXml } from "./svg.ts";

/** A window, and what it shows. */
export interface TerminalWindow {
  /** The text of its title bar. */
  readonly title: string;
  /** Its lines, from the top; they may hold SGR sequences, whose effect lasts until undone. */
  readonly lines: readonly string[];
  /** Place of its cursor, counted from 0; without it, none shows. */
  readonly cursor?: { readonly row: number; readonly column: number };
}

/** In units of the SVG. */
const FONT_SIZE = 16;
const CELL = { width: FONT_SIZE * CHARACTER_WIDTH, height: 23 };
/** From the top of a line down to the foot of its letters. */
const BASELINE = 17;
const TITLE_HEIGHT = 34;
const PADDING = { x: 18, y: 14 };
const RADIUS = 9;
const GAP = 16;
/** Half of the border's width, which is drawn on both sides of the edge. */
const INSET = 0.5;

const THEME = {
  background: "#0d1117",
  bar: "#21262d",
  // Tells the window from a page as dark as itself.
  border: "#484f58",
  title: "#c9d1d9",
  text: "#e6edf3",
  // A character shows on it too.
  cursor: "#768390",
  buttons: ["#ff5f57", "#febc2e", "#28c840"],
  /** Black, red, green, yellow, blue, magenta, cyan, white. */
  colours: [
    ...["#6e7681", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"],
    // The same, bright.
    ...["#8b949e", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff"],
  ],
};

/**
 * Draws windows one above the other, each as high as its lines, and all as wide as `columns`.
 *
 * @throws {Error} If a line is longer, or holds a control character that is not part of SGR.
 */
export function drawTerminals(
  windows: readonly TerminalWindow[],
  columns: number = Math.max(...windows.flatMap(({ lines }) => lines.map(lengthOf))),
): string {
  const width = Math.ceil(columns * CELL.width + 2 * PADDING.x);
  let height = -GAP;
  const drawn = windows.map((window) => {
    const long = window.lines.find((line) => lengthOf(line) > columns);
    if (long !== undefined) throw new Error(`Longer than ${columns} columns: "${long}"`);
    const top = height + GAP;
    height = top + heightOf(window);
    return `<g transform="translate(0 ${top})">\n${drawWindow(window, width)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `font-family="${FONT_FAMILY}" font-size="${FONT_SIZE}">\n${drawn.join("\n")}\n</svg>\n`;
}

function drawWindow(window: TerminalWindow, width: number): string {
  const { title, lines, cursor } = window;
  const frame = { x: INSET, y: INSET, width: width - 2 * INSET, height: heightOf(window) - 1 };
  const corner = (x: number, y: number) => `a${RADIUS} ${RADIUS} 0 0 1 ${x} ${y}`;
  const bar = `M${INSET} ${TITLE_HEIGHT}V${INSET + RADIUS}${corner(RADIUS, -RADIUS)}` +
    `H${width - INSET - RADIUS}${corner(RADIUS, RADIUS)}V${TITLE_HEIGHT}z`;
  const style: Style = { colour: undefined, isBold: false, isDim: false };
  return [
    element("rect", { ...frame, rx: RADIUS, fill: THEME.background }),
    element("path", { d: bar, fill: THEME.bar }),
    element("rect", { ...frame, rx: RADIUS, fill: "none", stroke: THEME.border }),
    ...THEME.buttons.map((fill, i) =>
      element("circle", { cx: PADDING.x + 4 + 20 * i, cy: TITLE_HEIGHT / 2, r: 6, fill })
    ),
    element("text", {
      x: width / 2,
      y: TITLE_HEIGHT / 2 + 5,
      fill: THEME.title,
      "text-anchor": "middle",
      "font-size": 14,
      "font-weight": "bold",
    }, escapeXml(title)),
    ...cursor === undefined ? [] : [
      element("rect", {
        x: PADDING.x + cursor.column * CELL.width,
        y: topOf(cursor.row) + 2,
        width: CELL.width,
        height: CELL.height - 4,
        fill: THEME.cursor,
      }),
    ],
    ...lines.map((line, row) =>
      element(
        "text",
        { x: PADDING.x, y: topOf(row) + BASELINE, "xml:space": "preserve" },
        drawLine(line, style),
      )
    ),
  ].join("\n");
}

function topOf(row: number): number {
  return TITLE_HEIGHT + PADDING.y + row * CELL.height;
}

function heightOf({ lines, cursor }: TerminalWindow): number {
  return topOf(Math.max(lines.length, (cursor?.row ?? 0) + 1)) + PADDING.y;
}

/** How the next character will look. */
interface Style {
  /** One of the 16; none is that of plain text. */
  colour: number | undefined;
  isBold: boolean;
  isDim: boolean;
}

// deno-lint-ignore no-control-regex
const SGR = /\x1b\[([\d;]*)m/;

/** The inside of a `text` element; `style` is what the line before left, and becomes what this leaves. */
function drawLine(line: string, style: Style): string {
  // Split at a pattern with one group: texts at even places, what the group caught at odd ones.
  return line.split(SGR).map((part, i) => {
    if (i % 2 === 1) {
      for (const code of part.split(";")) restyle(style, Number(code));
      return "";
    }
    if (/\p{Cc}/u.test(part)) throw new Error(`Cannot draw ${JSON.stringify(line)}`);
    if (part === "") return "";
    const fill = style.colour === undefined ? THEME.text : THEME.colours[style.colour]!;
    return element("tspan", {
      fill,
      ...style.isBold && { "font-weight": "bold" },
      ...style.isDim && { "fill-opacity": 0.65 },
    }, escapeXml(part));
  }).join("");
}

function restyle(style: Style, code: number): void {
  if (code === 0) Object.assign(style, { colour: undefined, isBold: false, isDim: false });
  else if (code === 1) style.isBold = true;
  else if (code === 2) style.isDim = true;
  else if (code === 22) Object.assign(style, { isBold: false, isDim: false });
  else if (code >= 30 && code <= 37) style.colour = code - 30;
  else if (code === 39) style.colour = undefined;
  else if (code >= 90 && code <= 97) style.colour = code - 90 + 8;
  else throw new Error(`Unknown SGR code: ${code}`);
}

/** Number of cells that it takes, one for each character: the font has no wide ones. */
function lengthOf(line: string): number {
  return [...line.replaceAll(new RegExp(SGR, "g"), "")].length;
}
