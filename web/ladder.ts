/**
 * The place of everything of a conversation in its ladder diagram, in pixels: no browser.
 *
 * @module
 */
import { describeNumber } from "../laboratory/observation.ts";
import type { Crossing, Side, Told } from "../laboratory/demo/play.ts";
import type { Lane } from "./recording.ts";

/** How a ladder is drawn: its width, and how high a second is, in pixels. */
export interface View {
  readonly width: number;
  readonly scale: number;
}

/** A copy of a datagram on its way, counted from 0, from its end to its head. */
export interface Arrow extends Readonly<Record<"x1" | "y1" | "x2" | "y2", number>> {
  readonly datagram: Crossing;
  readonly copy: number;
  readonly state: "flying" | "arrived" | "lost";
  /** The start of its name; `undefined` if there is no room for it. */
  readonly labelY: number | undefined;
}

/** A text beside the life line of an end, in rows. */
export interface Caption {
  readonly key: number;
  readonly by: Side;
  readonly type: Told["type"] | "cause";
  readonly rows: readonly string[];
  /** Baseline of its first row. */
  readonly y: number;
}

/** Pixels above the first moment. */
const TOP = 14;
/** Width of the times at the left, and of the gap between a life line and its captions. */
const AXIS = 34;
const GAP = 6;
/** Part of the width for the captions of each end. For its longest word it may be more, in pixels. */
const MARGIN = 0.25;
const MAX_MARGIN = 0.31;
const LEAST_MARGIN = 106;
const CHARACTER = 7;

/** Height of a row of text, in pixels. */
export const ROW = 13;

/** Height of a name, and most that it may stand below its arrow. */
const LABEL = 11;
const MAX_SHIFT = 5 * LABEL;

/** Distance of heads that would hide each other. */
const HEAD = 15;

/** Characters of a text that tell it from others. */
const EXCERPT = 60;

/** The part of its way that a datagram goes that chance loses. */
const LOST_PART = 0.45;
/** Least time that such a way takes, in ms, so that it is seen. */
const LEAST_WAY_MS = 80;

/** Pixels from the left of the life line of an end. */
export function xOf(end: Side, { width }: View): number {
  return end === "client" ? AXIS + marginOf(width) : width - marginOf(width);
}

function marginOf(width: number): number {
  return Math.round(Math.max(Math.min(LEAST_MARGIN, MAX_MARGIN * width), MARGIN * width));
}

/** Pixels from the top of a moment. */
export function yOf(at: number, { scale }: View): number {
  return TOP + at * scale / 1000;
}

/** The time that so many pixels are, in whole ms. */
export function millisecondsOf(pixels: number, { scale }: View): number {
  return Math.round(pixels * 1000 / scale);
}

/** Pixels that a second is high, so that the slant of an arrow is seen. */
export function scaleFor(delay: number): number {
  return Math.round(28_000 / Math.max(90, Math.min(600, delay)));
}

/** The beginning of a text. */
export function excerptOf(text: string): string {
  return text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
}

/** The words for a datagram: its type and number, or its text. */
export function nameOf({ header, datagram, repeats }: Crossing): string {
  if (header === undefined) return `«${excerptOf(new TextDecoder().decode(datagram))}»`;
  const name = `${header.type.toUpperCase()} ${describeNumber(header)}`.trimEnd();
  return repeats > 0 ? `${name} · reenvío ${repeats}` : name;
}

/** The arrows between two heights, in order, but for those that are lost: they come last. */
export function arrowsOf(lane: Lane, view: View, top: number, bottom: number): Arrow[] {
  const arrows: Arrow[] = [];
  const lowest = { client: -Infinity, server: -Infinity };
  const latest: Partial<Record<Side, Crossing>> = {};
  const { delay } = lane.options.conditions;
  for (const datagram of lane.crossings) {
    const { at, by, arrivals, lostAt } = datagram;
    // Datagrams that go out together bear the name of the first; a lost one has its own.
    const isFirst = latest[by]?.at !== at || latest[by].header?.type !== datagram.header?.type ||
      lostAt !== undefined;
    latest[by] = datagram;
    const y = yOf(at, view);
    if (y > bottom) break;
    const last = Math.max(at + delay + LEAST_WAY_MS, lostAt ?? 0, ...arrivals);
    if (yOf(last, view) < top) continue;
    const labelY = Math.max(y, lowest[by] + LABEL);
    const hasLabel = isFirst && labelY - y <= MAX_SHIFT;
    if (hasLabel) lowest[by] = labelY;
    (lostAt === undefined ? arrivals : [lostAt]).forEach((end, copy) => {
      const arrow = arrowOf(datagram, copy, end, lane, view);
      arrows.push({ ...arrow, labelY: hasLabel && copy === 0 ? labelY : undefined });
    });
  }
  const isLost = ({ state }: Arrow) => Number(state === "lost");
  return apart(arrows).sort((a, b) => isLost(a) - isLost(b));
}

function arrowOf(datagram: Crossing, copy: number, end: number, lane: Lane, view: View): Arrow {
  const { at, by, lostAt, isLostByHand } = datagram;
  const { now, options: { conditions } } = lane;
  const isLost = lostAt !== undefined;
  const usual = Math.max(LEAST_WAY_MS, conditions.delay);
  const until = isLost && !isLostByHand ? at + LOST_PART * usual : Math.max(end, at + 1);
  const reach = isLost ? Math.min(0.92, Math.max(0.12, (until - at) / usual)) : 1;
  const passed = Math.max(0, Math.min(1, (now - at) / (until - at)));
  const [x1, to] = [xOf(by, view), xOf(by === "client" ? "server" : "client", view)];
  const start = { x1, y1: yOf(at, view) };
  const head = { x2: x1 + (to - x1) * reach * passed, y2: yOf(at + (until - at) * passed, view) };
  const state = isLost ? "lost" : now < end ? "flying" : "arrived";
  return { datagram, copy, ...start, ...head, state, labelY: undefined };
}

/** Holds back heads that would hide each other, along their ways, so that each can be taken. */
function apart(arrows: readonly Arrow[]): Arrow[] {
  const taken: Arrow[] = [];
  return arrows.map((arrow) => {
    const { x1, y1, x2, y2 } = arrow;
    const way = Math.abs(x2 - x1);
    if (arrow.state !== "flying" || way === 0) return arrow;
    let moved = arrow;
    const isHidden = (it: Arrow) => Math.hypot(it.x2 - moved.x2, it.y2 - moved.y2) < HEAD - 1;
    for (let part = 1; part > 0 && taken.some(isHidden); part -= HEAD / way) {
      moved = { ...arrow, x2: x1 + (x2 - x1) * part, y2: y1 + (y2 - y1) * part };
    }
    taken.push(moved);
    return moved;
  });
}

/** Packets beside which their cause stands; that of any packet that is sent again does too. */
const EXPLAINED: ReadonlySet<string> = new Set(["ack", "ping"]);

/**
 * The texts beside the life lines, from the first moment on. Causes that find no room are left out, and
 * so is what was just said there.
 */
export function captionsOf({ crossings, told }: Lane, view: View): Caption[] {
  const columns = Math.max(1, Math.floor((marginOf(view.width) - 2 * GAP) / CHARACTER));
  const causes = crossings
    .filter(({ header, repeats, cause }) =>
      cause !== "" && (repeats > 0 || EXPLAINED.has(header?.type ?? ""))
    )
    .map(({ at, by, cause = "" }) => ({ at, by, text: cause, type: "cause" as const }));
  const above: Partial<Record<Side, { readonly text: string; readonly bottom: number }>> = {};
  const captions: Caption[] = [];
  for (const { at, by, text, type } of [...told, ...causes].sort((a, b) => a.at - b.at)) {
    const y = Math.max(yOf(at, view) + 4, (above[by]?.bottom ?? -Infinity) + ROW + 3);
    const isCrowded = y - yOf(at, view) > MAX_SHIFT;
    if (isCrowded && (type === "cause" || text === above[by]?.text)) continue;
    const rows = wrap(text, columns);
    above[by] = { text, bottom: y + (rows.length - 1) * ROW };
    captions.push({ key: captions.length, by, type, rows, y });
  }
  return captions;
}

/** Most rows of a caption: what is longer is cut. */
const MAX_ROWS = 6;

function wrap(text: string, columns: number): string[] {
  const rows = [""];
  const long = new RegExp(`\\S{${columns}}(?=\\S)`, "gu");
  const words = text.slice(0, (MAX_ROWS + 1) * columns).replace(long, "$& ").split(" ");
  for (const word of words) {
    const row = rows.at(-1)!;
    if (row !== "" && row.length + 1 + word.length > columns) rows.push(word);
    else rows[rows.length - 1] = row === "" ? word : `${row} ${word}`;
  }
  if (rows.length <= MAX_ROWS) return rows;
  return [...rows.slice(0, MAX_ROWS - 1), `${rows[MAX_ROWS - 1]} …`];
}
