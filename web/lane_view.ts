/**
 * One conversation as the page shows it: how its ends stand, and its ladder diagram.
 *
 * @module
 */
import type { TurnState } from "../protocol.ts";
import type { Crossing, PlayKind, Side } from "../laboratory/demo/play.ts";
import type { Lane } from "./recording.ts";
import { h, type Shape } from "./dom.ts";
import { type Arrow, arrowsOf, type Caption, captionsOf, nameOf, ROW } from "./ladder.ts";
import { type View, xOf, yOf } from "./ladder.ts";

/** The ends as people read them. */
export const END_NAMES: Readonly<Record<Side, string>> = { client: "Cliente", server: "Servidor" };

/** The kinds of conversation as people read them. */
export const KIND_NAMES: Readonly<Record<PlayKind, string>> = {
  protected: "Con protección",
  plain: "UDP solo",
  private: "Sala privada",
};

const ENDS: readonly Side[] = ["client", "server"];

const TURNS: Readonly<Record<TurnState, string>> = {
  local: "le toca hablar",
  remote: "le toca al otro",
  leaving: "se despide",
  closed: "terminó",
};

/** Milliseconds between the times at the left, and pixels that they need. */
const TICKS = [100, 250, 500, 1_000, 2_500, 5_000, 10_000];
const TICK_PIXELS = 44;

/** Characters of a name that an arrow has room for. */
const NAME_LENGTH = 30;

const LIST = new Intl.ListFormat("es");
const NUMBER = new Intl.NumberFormat("es");

/** A number as people read it. */
export function formatNumber(number: number): string {
  return NUMBER.format(number);
}

/** The fate of a datagram so far, in words. */
export function fateOf({ arrivals, lostAt, isLostByHand }: Crossing, now: number): string {
  if (lostAt !== undefined) return isLostByHand ? "lo perdió usted" : "lo perdió la red";
  const arrived = arrivals.filter((at) => at <= now).map((at) => at.toFixed(0));
  return arrived.length === 0 ? "en camino" : `llegó a los ${LIST.format(arrived)} ms`;
}

/** The kind of a conversation, and how each end stands. */
export function headerOf(lane: Lane, index: number): Shape {
  const kinds = Object.entries(KIND_NAMES).map(([value, name]) => h("option", { value }, name));
  const label = { class: "tipo", "aria-label": `Conversación ${index + 1}` };
  const select = h("select", { ...label, value: lane.options.kind }, kinds);
  const title = h("h2", { class: "todo" }, [select]);
  return h("header", {}, [title, ...ENDS.map((end) => endOf(end, lane))]);
}

function endOf(end: Side, lane: Lane): Shape {
  const [state, turn, { now }] = [lane.inspect(end), lane.turn(end), lane];
  const none = lane.options.kind === "plain" ? "no lleva la cuenta" : "sin conversación";
  const rto = state?.retransmissionTimeout ?? Infinity;
  const idle = rto === Infinity ? "sin reenvío" : `RTO ${rto.toFixed(0)} ms, sin armar`;
  const { deadline = Infinity, wait = 0 } = state?.timer ?? {};
  const left = Math.max(0, deadline - now);
  const again = state?.retransmissions ? `; van ${state.retransmissions}` : "";
  const armed = `reenvío en ${left.toFixed(0)}/${wait.toFixed(0)} ms${again}`;
  const value = left === Infinity || wait === 0 ? 0 : Math.min(1, left / wait);
  const due = state?.acknowledgementAt ?? Infinity;
  return h("div", { class: `extremo ${end}`, "data-end": end }, [
    h("h3", {}, END_NAMES[end]),
    h("p", {}, turn === undefined ? none : TURNS[turn]),
    h("p", { class: "fina" }, state?.turnRow?.join(" → ") ?? ""),
    h("p", {}, left === Infinity ? idle : armed),
    h("progress", { max: 1, value, "aria-label": "Plazo de reenvío" }),
    h("p", {}, due === Infinity ? "" : `debe un acuse: en ${(due - now).toFixed(0)} ms`),
  ]);
}

/** The part of the diagram between two heights. */
export function diagramOf(lane: Lane, view: View, top: number, bottom: number): Shape {
  const arrows = arrowsOf(lane, view, top, bottom);
  const captions = captionsOf(lane, view).filter(({ y }) => y > top - 100 && y < bottom);
  const flying = arrows.filter(({ state }) => state === "flying");
  const height = Math.max(bottom, yOf(lane.now, view) + 200);
  const label = `Diagrama: ${KIND_NAMES[lane.options.kind]}`;
  return h("svg", { width: view.width, height, role: "group", "aria-label": label }, [
    h("g", { "aria-hidden": true }, [...linesOf(lane, view, height), ...ticks(view, top, bottom)]),
    h("g", {}, captions.map((caption) => captionShape(caption, view))),
    h("g", { class: "flechas" }, arrows.map((arrow) => arrowShape(arrow, lane.now))),
    h("g", { "aria-hidden": true }, flying.map(numberShape)),
  ]);
}

/** The life lines, the present, and beside them what is due. */
function linesOf(lane: Lane, view: View, height: number): Shape[] {
  const y = yOf(lane.now, view);
  const lines = ENDS.flatMap((end) => {
    const { timer, acknowledgementAt = Infinity } = lane.inspect(end) ?? {};
    const line = (name: string, gap: number, y1: number, y2: number) => {
      const x = xOf(end, view) + (end === "client" ? gap : -gap);
      return h("line", { key: name + end, class: name, x1: x, x2: x, y1, y2 });
    };
    const bars = [["rto", 4, timer?.deadline ?? Infinity], ["due", 9, acknowledgementAt]] as const;
    const due = bars.filter(([, , at]) => at !== Infinity && at >= lane.now);
    const until = (at: number) => yOf(Math.min(at, lane.now + 9_000), view);
    return [
      line("vida", 0, 0, height),
      ...due.map(([name, gap, at]) => line(name, gap, y, until(at))),
    ];
  });
  return [...lines, h("line", { key: "now", class: "ahora", x1: 0, x2: view.width, y1: y, y2: y })];
}

function ticks(view: View, top: number, bottom: number): Shape[] {
  const tick = TICKS.find((it) => it * view.scale >= 1000 * TICK_PIXELS) ?? 10_000;
  const shapes: Shape[] = [];
  const first = Math.max(0, Math.floor((top - yOf(0, view)) * 1000 / view.scale / tick));
  for (let at = first * tick; yOf(at, view) < bottom; at += tick) {
    const place = { key: at, class: "hora", x: 2, y: yOf(at, view) + 4 };
    shapes.push(h("text", place, `${formatNumber(at / 1000)} s`));
  }
  return shapes;
}

function captionShape({ key, by, type, rows, y }: Caption, view: View): Shape {
  const x = xOf(by, view) + (by === "client" ? -7 : 7);
  const spans = rows.map((row, i) => h("tspan", { x, y: y + ROW * i }, row));
  return h("text", { key, class: `leyenda ${by} ${type}` }, spans);
}

function arrowShape(arrow: Arrow, now: number): Shape {
  const { datagram, copy, x1, y1, x2, y2, state, labelY } = arrow;
  const [isFlying, side] = [state === "flying", datagram.by === "client" ? 1 : -1];
  const name = nameOf(datagram);
  const slope = Math.atan((y2 - y1) / Math.max(40, Math.abs(x2 - x1))) * 180 / Math.PI;
  const place = `translate(${x1 + side * 10} ${(labelY ?? y1) - 3})`;
  const attributes = {
    key: `${datagram.index}.${copy}`,
    class: `datagrama ${datagram.by}`,
    "data-order": datagram.index,
    "data-copy": copy,
    "data-state": state,
    role: isFlying ? "button" : "img",
    tabindex: isFlying ? 0 : -1,
    "aria-label": `${name}, del ${END_NAMES[datagram.by]}, ${fateOf(datagram, now)}`,
  };
  const transform = `${place} rotate(${side * Math.min(30, slope)})`;
  const text = name.slice(0, NAME_LENGTH) + (state === "lost" ? " ✗ perdido" : "");
  return h("g", attributes, [
    h("line", { class: "toque", x1, y1, x2, y2 }),
    h("line", { class: "flecha", x1, y1, x2, y2 }),
    h("circle", { cx: x2, cy: y2, r: isFlying ? 8 : 3 }),
    h("text", { class: labelY === undefined ? "nombre oculto" : "nombre", transform }, text),
  ]);
}

/** The number of a packet in its head: of its segment, if there are several. */
function numberShape({ datagram: { header, index }, copy, x2, y2 }: Arrow): Shape {
  const { segment = 0, lastSegment = 0, number = 0 } = header ?? {};
  const place = { key: `${index}.${copy}`, class: "numero", x: x2, y: y2 + 3 };
  return h("text", place, `${segment + lastSegment > 0 ? segment + 1 : number || ""}`);
}
