/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * One conversation as the page shows it: how its ends stand, and its ladder diagram.
 *
 * @module
 */
import type { TurnState } from "../protocol.ts";
import type { Datagram, End, Lane, LaneKind } from "./lane.ts";
import { type Arrow, arrowsOf, type Caption, captionsOf, nameOf } from "./ladder.ts";
import { type View, xOf, yOf } from "./ladder.ts";

const ENDS: readonly End[] = ["client", "server"];

/** The ends as people read them. */
export const END_NAMES: Readonly<Record<End, string>> = { client: "Cliente", server: "Servidor" };

/** The kinds of conversation as people read them. */
export const KIND_NAMES: Readonly<Record<LaneKind, string>> = {
  protected: "Con protección",
  plain: "UDP solo",
  private: "Sala privada",
};

const TURNS: Readonly<Record<TurnState, string>> = {
  local: "le toca hablar",
  remote: "le toca al otro",
  leaving: "se despide",
  closed: "terminó",
};

/** Milliseconds between the lines of the time axis, and pixels that they need. */
const TICKS = [100, 250, 500, 1_000, 2_500, 5_000, 10_000];
const TICK_PIXELS = 44;

/** The fate of a datagram so far, in words. */
export function fateOf({ arrivals, lostAt, isLostByHand }: Datagram, now: number): string {
  if (lostAt !== undefined) return isLostByHand ? "lo perdió usted" : "lo perdió la red";
  const arrived = arrivals.filter((at) => at <= now).map((at) => at.toFixed(0));
  if (arrived.length === 0) return "en camino";
  return `llegó a los ${new Intl.ListFormat("es").format(arrived)} ms`;
}

/** Draws one conversation. */
export class LaneView {
  readonly element: HTMLElement = document.createElement("section");
  readonly #svg: SVGSVGElement;
  readonly #nodes = new Map<string, SVGElement>();
  readonly #index: number;

  /** Makes its elements, for the lane with that index. */
  constructor(index: number) {
    this.#index = index;
    this.element.className = "carril";
    this.element.dataset["lane"] = `${index}`;
    const ends = ENDS.map((end) =>
      `<div class="extremo" data-end="${end}"><h3>${END_NAMES[end]}</h3>
      <p class="turno"></p><p class="fila"></p>
      <p class="plazo"></p>
      <progress max="1" value="0" aria-label="Plazo de reenvío"></progress><p class="acuse"></p></div>`
    );
    const kinds = Object.entries(KIND_NAMES).map(([kind, name]) =>
      `<option value="${kind}">${name}</option>`
    );
    this.element.innerHTML = `<header><h2><select class="tipo" aria-label="Conversación ${
      index + 1
    }">${kinds.join("")}
      </select></h2>${ends.join("")}</header>
      <svg role="group" aria-label="Diagrama de la conversación ${index + 1}">
      <g class="eje" aria-hidden="true"></g><g class="relojes" aria-hidden="true"></g>
      <g class="leyendas"></g><g class="flechas"></g></svg>`;
    this.#svg = this.element.querySelector("svg")!;
  }

  /** Draws what is between two heights of the diagram. */
  draw(lane: Lane, view: View, top: number, bottom: number): void {
    const { now } = lane;
    const height = `${Math.max(bottom, yOf(now, view) + 160)}`;
    if (this.#svg.getAttribute("height") !== height) set(this.#svg, { height, width: view.width });
    const seen = new Set<string>();
    const node = (key: string, parent: string, make: () => SVGElement) => {
      seen.add(key);
      const known = this.#nodes.get(key);
      if (known !== undefined) return known;
      const made = make();
      this.#nodes.set(key, made);
      this.#svg.querySelector(parent)!.append(made);
      return made;
    };
    for (const end of ENDS) {
      const x = xOf(end, view);
      set(node(`life ${end}`, ".eje", () => shape("line", "vida")), {
        x1: x,
        x2: x,
        y1: 0,
        y2: height,
      });
      this.#drawClocks(end, lane, view, node);
    }
    set(node("now", ".relojes", () => shape("line", "ahora")), {
      ...{ x1: 0, x2: view.width, y1: yOf(now, view), y2: yOf(now, view) },
    });
    const tick = TICKS.find((it) => it * view.scale / 1000 >= TICK_PIXELS) ?? TICKS.at(-1)!;
    const first = Math.max(0, Math.floor((top - yOf(0, view)) * 1000 / view.scale / tick));
    for (let at = first * tick; yOf(at, view) < bottom; at += tick) {
      const text = node(`tick ${at}`, ".eje", () => shape("text", "hora"));
      set(text, { x: 2, y: yOf(at, view) + 4 });
      write(text, `${(at / 1000).toLocaleString("es")} s`);
    }
    for (const caption of captionsOf(lane, view)) {
      if (caption.y < top - 100 || caption.y > bottom) continue;
      drawCaption(node(`caption ${caption.key}`, ".leyendas", () => shape("text")), caption, view);
    }
    for (const arrow of arrowsOf(lane, view, top, bottom)) {
      drawArrow(node(`arrow ${arrow.key}`, ".flechas", () => arrowNode(arrow)), arrow, lane);
    }
    for (const [key, it] of this.#nodes) {
      if (seen.has(key)) continue;
      it.remove();
      this.#nodes.delete(key);
    }
    this.#drawEnds(lane);
  }

  /** The name of its conversation. */
  get name(): string {
    return KIND_NAMES[this.element.querySelector<HTMLSelectElement>(".tipo")!.value as LaneKind];
  }

  get index(): number {
    return this.#index;
  }

  #drawEnds(lane: Lane): void {
    const { now, options: { kind } } = lane;
    for (const end of ENDS) {
      const part = (name: string) => this.element.querySelector(`[data-end=${end}] ${name}`)!;
      const state = lane.inspect(end);
      const turn = lane.turn(end);
      const none = kind === "plain" ? "no lleva la cuenta" : "sin conversación";
      write(part(".turno"), turn === undefined ? none : TURNS[turn]);
      const [before, event, next] = state?.turnRow ?? [];
      write(part(".fila"), event === undefined ? "" : `${before} → ${event} → ${next}`);
      const { deadline = Infinity, wait = 0 } = state?.timer ?? {};
      const left = deadline - now;
      const progress = part("progress") as HTMLProgressElement;
      const value = left === Infinity || wait === 0 ? 0 : Math.max(0, Math.min(1, left / wait));
      if (progress.value !== value) progress.value = value;
      const rto = state?.retransmissionTimeout ?? Infinity;
      const idle = rto === Infinity
        ? "sin plazo de reenvío"
        : `RTO ${rto.toFixed(0)} ms, sin armar`;
      const again = state?.retransmissions ?? 0;
      const armed = `reenvío: en ${left.toFixed(0)} de ${wait.toFixed(0)} ms`;
      const count = again === 0 ? "" : `; van ${again}`;
      write(part(".plazo"), (left === Infinity ? idle : armed) + count);
      const due = (state?.acknowledgementAt ?? Infinity) - now;
      write(
        part(".acuse"),
        due === Infinity ? "" : `debe un acuse: en ${due.toFixed(0)} ms`,
      );
    }
  }

  #drawClocks(
    end: End,
    lane: Lane,
    view: View,
    node: (key: string, parent: string, make: () => SVGElement) => SVGElement,
  ): void {
    const state = lane.inspect(end);
    const clocks = { rto: state?.timer?.deadline, due: state?.acknowledgementAt };
    for (const [name, until = Infinity] of Object.entries(clocks)) {
      if (until === Infinity || until < lane.now) continue;
      const x = xOf(end, view) + (end === "client" ? 1 : -1) * (name === "rto" ? 4 : 9);
      const y2 = Math.min(yOf(until, view), yOf(lane.now, view) + 1_000);
      const line = node(`${name} ${end}`, ".relojes", () => shape("line", name));
      set(line, { x1: x, x2: x, y1: yOf(lane.now, view), y2 });
    }
  }
}

function drawCaption(node: SVGElement, { by, kind, rows, y }: Caption, view: View): void {
  const x = xOf(by, view) + (by === "client" ? -7 : 7);
  const place = `${x} ${y} ${rows.length}`;
  if (node.dataset["place"] === place) return;
  node.dataset["place"] = place;
  set(node, { class: `leyenda ${by} ${kind}` });
  node.replaceChildren(...rows.map((row, i) => {
    const span = shape("tspan");
    set(span, { x, y: y + 13 * i });
    span.textContent = row;
    return span;
  }));
}

function arrowNode({ datagram: { order, by }, key }: Arrow): SVGElement {
  const node = shape("g", `datagrama ${by}`);
  node.dataset["order"] = `${order}`;
  node.dataset["copy"] = key.split(".")[1]!;
  node.append(
    shape("line", "toque"),
    shape("line", "flecha"),
    shape("circle"),
    shape("text", "numero"),
    shape("text"),
  );
  return node;
}

function drawArrow(node: SVGElement, arrow: Arrow, lane: Lane): void {
  const { datagram, x1, y1, x2, y2, state, labelY } = arrow;
  const [touch, line, head, number, label] = node.children as unknown as SVGElement[];
  const place = `${x1} ${y1} ${x2} ${y2} ${state} ${labelY}`;
  if (node.dataset["place"] === place) return;
  node.dataset["place"] = place;
  for (const it of [touch!, line!]) set(it, { x1, y1, x2, y2 });
  set(head!, { cx: x2, cy: y2, r: state === "flying" ? 8 : 3 });
  const { header } = datagram;
  set(number!, { x: x2, y: y2 + 3 });
  const isPart = header !== undefined && header.segment + header.lastSegment > 0;
  const count = isPart ? header.segment + 1 : header?.number;
  write(number!, state === "flying" && count ? `${count}` : "");
  const isClient = datagram.by === "client";
  const slope = Math.atan2(y2 - y1, Math.abs(x2 - x1)) * 180 / Math.PI;
  const degrees = Math.abs(x2 - x1) < 40 ? 0 : Math.min(30, slope) * (isClient ? 1 : -1);
  const x = x1 + (isClient ? 10 : -10);
  set(label!, { transform: `translate(${x} ${(labelY ?? y1) - 3}) rotate(${degrees.toFixed(1)})` });
  const lost = state === "lost" ? " ✗" : "";
  write(label!, nameOf(datagram).slice(0, 30) + lost);
  label!.classList.toggle("oculto", labelY === undefined && state !== "lost");
  if (node.dataset["state"] === state) return;
  node.dataset["state"] = state;
  const isFlying = state === "flying";
  const name = `${nameOf(datagram).slice(0, 60)}, de ${END_NAMES[datagram.by]}`;
  set(node, {
    role: isFlying ? "button" : "img",
    tabindex: isFlying ? 0 : -1,
    "aria-label": `${name}, ${isFlying ? "en camino" : fateOf(datagram, lane.now)}`,
  });
}

function shape(name: string, className: string = ""): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  if (className !== "") node.setAttribute("class", className);
  return node;
}

function set(node: Element, attributes: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, `${value}`);
}

function write(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
