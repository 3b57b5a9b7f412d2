/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * One conversation as the page shows it: how its ends stand, and its ladder diagram.
 *
 * @module
 */
import type { TurnState } from "../protocol.ts";
import type { Crossing, PlayKind, Side } from "../laboratory/demo/play.ts";
import { type Arrow, arrowsOf, type Caption, captionsOf, nameOf, ROW } from "./ladder.ts";
import { type View, xOf, yOf } from "./ladder.ts";
import type { Lane } from "./recording.ts";

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

/** The fate of a datagram so far, in words. */
export function fateOf({ arrivals, lostAt, isLostByHand }: Crossing, now: number): string {
  if (lostAt !== undefined) return isLostByHand ? "lo perdió usted" : "lo perdió la red";
  const arrived = arrivals.filter((at) => at <= now).map((at) => at.toFixed(0));
  const list = new Intl.ListFormat("es").format(arrived);
  return arrived.length === 0 ? "en camino" : `llegó a los ${list} ms`;
}

/**
 * Draws one conversation. Its element is `.carril[data-lane]` with `select.tipo` and, for each end,
 * `[data-end]`; a datagram in it is `.datagrama[data-order][data-copy]`, with `data-state` `flying`,
 * `arrived` or `lost`.
 */
export class LaneView {
  readonly element: HTMLElement = document.createElement("section");
  readonly #svg: SVGSVGElement;
  readonly #nodes = new Map<string, SVGElement>();
  #seen = new Set<string>();
  /** The captions as they were last computed, and for what. */
  #captions: readonly Caption[] = [];
  #captioned: readonly unknown[] = [];

  /** Makes the elements, for the lane with that index. */
  constructor(index: number) {
    this.element.className = "carril";
    this.element.dataset["lane"] = `${index}`;
    const kinds = Object.entries(KIND_NAMES).map(([kind, name]) =>
      `<option value="${kind}">${name}</option>`
    );
    const ends = ENDS.map((end) =>
      `<div class="extremo ${end}" data-end="${end}"><h3>${END_NAMES[end]}</h3><p class="turno"></p>
      <p class="paso fina"></p><p class="plazo"></p>
      <progress max="1" value="0" aria-label="Plazo de reenvío"></progress><p class="acuse"></p></div>`
    );
    this.element.innerHTML =
      `<header><h2 class="todo"><select class="tipo" aria-label="Conversación ${index + 1}">${kinds}
      </select></h2>${ends.join("")}</header><svg role="group" aria-label="Diagrama ${index + 1}">
      <g class="fondo" aria-hidden="true"></g><g class="textos"></g><g class="flechas"></g>
      <g class="numeros" aria-hidden="true"></g></svg>`;
    this.#svg = this.element.querySelector("svg")!;
  }

  /** The kind that is chosen. */
  get kind(): PlayKind {
    return this.element.querySelector<HTMLSelectElement>(".tipo")!.value as PlayKind;
  }

  /** Draws what is between two heights of the diagram. */
  draw(lane: Lane, view: View, top: number, bottom: number): void {
    const { now } = lane;
    const [{ width }, height] = [view, Math.max(bottom, yOf(now, view) + 200)];
    set(this.#svg, { width, height });
    this.#seen = new Set();
    for (const end of ENDS) {
      this.#drawEnd(end, lane, view);
      this.#line("vida", end, { x: xOf(end, view), y1: 0, y2: height });
    }
    set(this.#node("ahora", ".fondo", "line", "ahora"), { x2: width, ...level(yOf(now, view)) });
    const tick = TICKS.find((it) => it * view.scale >= 1000 * TICK_PIXELS) ?? 10_000;
    const first = Math.max(0, Math.floor((top - yOf(0, view)) * 1000 / view.scale / tick));
    for (let at = first * tick; yOf(at, view) < bottom; at += tick) {
      const text = this.#node(`${at}`, ".fondo", "text", "hora");
      set(text, { x: 2, y: yOf(at, view) + 4 });
      write(text, `${(at / 1000).toLocaleString("es")} s`);
    }
    for (const { key, by, type, rows, y } of this.#captionsOf(lane, view)) {
      if (y < top - 100 || y > bottom) continue;
      const x = xOf(by, view) + (by === "client" ? -7 : 7);
      const text = this.#node(key, ".textos", "text", `leyenda ${by} ${type}`);
      if (!isNew(text, `${x} ${y}`)) continue;
      text.replaceChildren(...rows.map((row, i) => {
        const span = shape("tspan");
        set(span, { x, y: y + ROW * i });
        write(span, row);
        return span;
      }));
    }
    for (const arrow of arrowsOf(lane, view, top, bottom)) {
      const node = this.#node(arrow.key, ".flechas", "g", `datagrama ${arrow.datagram.by}`);
      drawArrow(node, arrow, now);
      if (arrow.state === "flying") this.#drawNumber(arrow);
    }
    for (const [key, node] of this.#nodes) {
      if (this.#seen.has(key)) continue;
      node.remove();
      this.#nodes.delete(key);
    }
  }

  #captionsOf(lane: Lane, view: View): readonly Caption[] {
    const now = [lane, view, lane.scenes.length];
    if (now.some((it, i) => it !== this.#captioned[i])) this.#captions = captionsOf(lane, view);
    this.#captioned = now;
    return this.#captions;
  }

  /** Draws the number of a packet in its head: of its segment, if there are several. */
  #drawNumber({ key, x2, y2, datagram: { header } }: Arrow): void {
    const { segment = 0, lastSegment = 0, number = 0 } = header ?? {};
    const text = this.#node(key, ".numeros", "text", "numero");
    set(text, { x: x2, y: y2 + 3 });
    write(text, `${segment + lastSegment > 0 ? segment + 1 : number || ""}`);
  }

  #drawEnd(end: Side, lane: Lane, view: View): void {
    const part = (name: string) => this.element.querySelector(`.${end} ${name}`)!;
    const [state, turn, { now }] = [lane.inspect(end), lane.turn(end), lane];
    const none = lane.options.kind === "plain" ? "no lleva la cuenta" : "sin conversación";
    write(part(".turno"), turn === undefined ? none : TURNS[turn]);
    write(part(".paso"), state?.turnRow?.join(" → ") ?? "");
    const { deadline = Infinity, wait = 0 } = state?.timer ?? {};
    const [left, rto] = [Math.max(0, deadline - now), state?.retransmissionTimeout ?? Infinity];
    const idle = rto === Infinity ? "sin reenvío" : `RTO ${rto.toFixed(0)} ms, sin armar`;
    const again = state?.retransmissions ? `; van ${state.retransmissions}` : "";
    const armed = `reenvío en ${left.toFixed(0)} de ${wait.toFixed(0)} ms${again}`;
    write(part(".plazo"), left === Infinity ? idle : armed);
    set(part("progress"), {
      value: left === Infinity || wait === 0 ? 0 : Math.min(1, left / wait),
    });
    const due = state?.acknowledgementAt ?? Infinity;
    write(part(".acuse"), due === Infinity ? "" : `debe un acuse: en ${(due - now).toFixed(0)} ms`);
    for (const [name, until, gap] of [["rto", deadline, 4], ["due", due, 9]] as const) {
      if (until === Infinity || until < now) continue;
      const x = xOf(end, view) + (end === "client" ? gap : -gap);
      this.#line(name, end, { x, y1: yOf(now, view), y2: yOf(Math.min(until, now + 9_000), view) });
    }
  }

  #line(name: string, end: Side, { x, y1, y2 }: { x: number; y1: number; y2: number }): void {
    set(this.#node(`${name} ${end}`, ".fondo", "line", name), { x1: x, x2: x, y1, y2 });
  }

  /** The node with that key, which is made when it is first seen. */
  #node(key: string, parent: string, name: string, className: string): SVGElement {
    this.#seen.add(parent + key);
    let node = this.#nodes.get(parent + key);
    if (node !== undefined) return node;
    node = shape(name, className);
    this.#nodes.set(parent + key, node);
    this.#svg.querySelector(parent)!.append(node);
    return node;
  }
}

function drawArrow(node: SVGElement, arrow: Arrow, now: number): void {
  const { key, datagram, x1, y1, x2, y2, state, labelY } = arrow;
  if (!isNew(node, `${x2} ${y1} ${y2} ${state} ${labelY}`)) return;
  if (node.childElementCount === 0) {
    [node.dataset["order"], node.dataset["copy"]] = key.split(".");
    const names = ["line.toque", "line.flecha", "circle.", "text.nombre"];
    node.append(...names.map((it) => shape(...it.split(".") as [string, string])));
  }
  const [touch, line, head, label] = node.children as unknown as Element[];
  const [isFlying, isClient, name] = [
    state === "flying",
    datagram.by === "client",
    nameOf(datagram),
  ];
  for (const it of [touch!, line!]) set(it, { x1, y1, x2, y2 });
  set(head!, { cx: x2, cy: y2, r: isFlying ? 8 : 3 });
  const slope = Math.atan((y2 - y1) / Math.max(40, Math.abs(x2 - x1))) * 180 / Math.PI;
  const place = `translate(${x1 + (isClient ? 10 : -10)} ${(labelY ?? y1) - 3})`;
  set(label!, { transform: `${place} rotate(${(isClient ? 1 : -1) * Math.min(30, slope)})` });
  write(label!, name.slice(0, NAME_LENGTH) + (state === "lost" ? " ✗ perdido" : ""));
  label!.classList.toggle("oculto", labelY === undefined);
  // What is lost lies above what went the same way, and keeps the focus.
  if (state === "lost" && node.dataset["state"] !== state) {
    const hasFocus = document.activeElement === node;
    node.parentElement!.append(node);
    if (hasFocus) node.focus();
  }
  node.dataset["state"] = state;
  set(node, {
    role: isFlying ? "button" : "img",
    tabindex: isFlying ? 0 : -1,
    "aria-label": `${name}, del ${END_NAMES[datagram.by]}, ${fateOf(datagram, now)}`,
  });
}

const places = new WeakMap<Element, string>();

/** Whether a node was drawn otherwise, or not yet. */
function isNew(node: Element, place: string): boolean {
  if (places.get(node) === place) return false;
  places.set(node, place);
  return true;
}

function level(y: number) {
  return { y1: y, y2: y };
}

function shape(name: string, className: string = ""): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(node, { class: className });
  return node;
}

/** Sets attributes that are otherwise. */
function set(node: Element, attributes: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== `${value}`) node.setAttribute(name, `${value}`);
  }
}

function write(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
