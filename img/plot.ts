/**
 * Lines over two axes, as SVG.
 *
 * @module
 */
import { FONT_FAMILY } from "./png.ts";
import { element, escapeXml } from "./svg.ts";

/** A point, and how far the rounds that it is the middle of were apart. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly min?: number;
  readonly max?: number;
}

/** One line. */
export interface Series {
  /** Its name, written at its right end. */
  readonly name: string;
  readonly colour: string;
  /** A line to compare with is dashed, and has no dots. */
  readonly isReference?: boolean;
  /** From left to right, two or more. */
  readonly points: readonly Point[];
}

/** A whole plot; `y` begins at 0. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Whether equal steps on the x axis multiply rather than add. */
  readonly isLogarithmic?: boolean;
  readonly series: readonly Series[];
}

/** In units of the SVG. */
const WIDTH = 760;
const HEIGHT = 420;
const AREA = { left: 78, right: 590, top: 72, bottom: 352 };
const TICK_GAP = 8;
const LEAST_LABEL_DISTANCE = 20;
const MOST_Y_TICKS = 6;

const COLOURS = { page: "#ffffff", border: "#d0d7de", grid: "#e6e9ed", text: "#24292f" };

/** Draws a plot. */
export function drawPlot(plot: Plot): string {
  const { title, xLabel, yLabel, isLogarithmic = false, series } = plot;
  const points = series.flatMap((one) => one.points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const yTicks = ticksUpTo(Math.max(...points.map(({ y, max }) => max ?? y)));
  const warp = (x: number) => isLogarithmic ? Math.log(x) : x;
  const x = scale([warp(xs[0]!), warp(xs.at(-1)!)], [AREA.left, AREA.right]);
  const y = scale([0, yTicks.at(-1)!], [AREA.bottom, AREA.top]);
  const place = (point: Point) => ({ x: x(warp(point.x)), y: y(point.y) });
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width: WIDTH,
      height: HEIGHT,
      "font-family": FONT_FAMILY,
      "font-size": 13,
      fill: COLOURS.text,
    },
    [
      element("rect", {
        x: 0.5,
        y: 0.5,
        width: WIDTH - 1,
        height: HEIGHT - 1,
        rx: 9,
        fill: COLOURS.page,
        stroke: COLOURS.border,
      }),
      text(title, { x: AREA.left - 60, y: 32, "font-size": 16, "font-weight": "bold" }),
      text(yLabel, { x: AREA.left - 60, y: 56 }),
      text(xLabel, { x: (AREA.left + AREA.right) / 2, y: HEIGHT - 22, "text-anchor": "middle" }),
      ...yTicks.map((tick) => drawYTick(tick, y(tick))),
      ...xs.map((tick) =>
        text(format(tick), {
          x: x(warp(tick)),
          y: AREA.bottom + 13 + TICK_GAP,
          "text-anchor": "middle",
        })
      ),
      ...series.map((one) => drawSeries(one, place)),
      ...drawNames(series, place),
    ].join("\n"),
  );
}

type Place = (point: Point) => { readonly x: number; readonly y: number };

function drawYTick(tick: number, y: number): string {
  return element("path", {
    d: `M${AREA.left} ${y}H${AREA.right}`,
    stroke: tick === 0 ? COLOURS.text : COLOURS.grid,
  }) + text(format(tick), { x: AREA.left - TICK_GAP, y: y + 4, "text-anchor": "end" });
}

function drawSeries({ points, colour, isReference = false }: Series, place: Place): string {
  const line = points.map(place).map(({ x, y }) => `${x} ${y}`).join("L");
  const stroke = { d: `M${line}`, fill: "none", stroke: colour, "stroke-width": 2 };
  if (isReference) return element("path", { ...stroke, "stroke-dasharray": "7 5" });
  const dots = points.map(place).map(({ x, y }) =>
    element("circle", { cx: x, cy: y, r: 4, fill: colour })
  );
  return element("path", stroke) + points.map((it) => drawSpread(it, colour, place)).join("") +
    dots.join("");
}

function drawSpread({ x, y, min = y, max = y }: Point, stroke: string, place: Place): string {
  if (min === max) return "";
  const [low, high] = [place({ x, y: min }), place({ x, y: max })];
  const cap = (at: number) => `M${low.x - 4} ${at}h8`;
  return element("path", { d: `M${low.x} ${low.y}V${high.y}${cap(low.y)}${cap(high.y)}`, stroke });
}

// Beside the end of each line, and apart where the lines end close together.
function drawNames(series: readonly Series[], place: Place): string[] {
  const names = series
    .map(({ name, colour, points }) => ({ name, colour, at: place(points.at(-1)!).y }))
    .sort((a, b) => a.at - b.at);
  let lowest = -Infinity;
  return names.map(({ name, colour, at }) => {
    lowest = Math.max(at, lowest + LEAST_LABEL_DISTANCE);
    const attributes = { x: AREA.right + 14, y: lowest + 4, fill: colour, "font-weight": "bold" };
    return text(name, attributes);
  });
}

function text(words: string, attributes: Readonly<Record<string, string | number>>): string {
  return element("text", attributes, escapeXml(words));
}

function scale([a, b]: [number, number], [c, d]: [number, number]): (value: number) => number {
  return (value) => Math.round(10 * (c + (d - c) * (value - a) / (b - a))) / 10;
}

// From 0 in steps of 1, 2 or 5 times a power of ten.
function ticksUpTo(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / MOST_Y_TICKS));
  const step = [1, 2, 5, 10].map((it) => it * power).find((it) => most / it <= MOST_Y_TICKS)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

function format(value: number): string {
  return value.toLocaleString("es-ES", { useGrouping: "always" });
}
