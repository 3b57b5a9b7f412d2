/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The page "Usted es la red": lets time pass, draws, and does what whoever watches does.
 *
 * @module
 */
import { MAX_DELAY_MS } from "../laboratory/network.ts";
import { loadSodium } from "../transport/private/code_room.ts";
import { $, h, render } from "./dom.ts";
import { Experiment } from "./experiment.ts";
import { millisecondsOf, scaleFor, type View, yOf } from "./ladder.ts";
import type { Action } from "../laboratory/demo/play.ts";
import { diagramOf, formatNumber, headerOf, KIND_NAMES } from "./lane_view.ts";
import * as panels from "./panels.ts";
import { decodeLink, DEFAULT_SCENARIO, encodeLink, LinkError } from "./scenario.ts";
import { MAX_ACTIONS, type Scenario } from "./scenario.ts";

/** Time by which a key delays a datagram, in ms. */
const KEY_DELAY_MS = 100;

/** Time between two changes of the address, in ms: browsers refuse more than 100 in half a minute. */
const ADDRESS_MS = 400;

/** Pixels that a pointer may tremble. */
const TREMBLE = 6;

/** Longest time between two frames that is played, in ms. */
const MAX_FRAME_MS = 100;

/** The part of the diagram above the present. */
const PAST = 0.8;

const canvas = $("lienzo");
const slider = $<HTMLInputElement>("instante");
const sections = [...canvas.querySelectorAll<HTMLElement>(".carril")];
let experiment = new Experiment(DEFAULT_SCENARIO);
let view: View = { width: 400, scale: 180 };
/** Pixels above the diagrams, and of what is seen of them. */
let [headerHeight, canvasHeight] = [0, 0];
let selected: readonly [lane: number, index: number] | undefined;
let isPlaying = false;
/** The moment that is played, in ms with fractions, and the time of the last frame. */
let [clock, framedAt] = [0, 0];
/** Whether the address is behind, and when it was changed last, in ms. */
let [isStale, addressedAt] = [false, -Infinity];

/** Shows what the address says. */
async function open(): Promise<void> {
  const scenario = readAddress();
  const { hash } = location;
  const sodium = scenario.kinds.includes("private") ? await loadSodium() : undefined;
  // Another link was opened meanwhile.
  if (location.hash !== hash) return;
  experiment = new Experiment(scenario, sodium);
  // A recording can only be looked at.
  document.body.toggleAttribute("data-registro", scenario.recording !== undefined);
  selected = undefined;
  render($("numeros"), panels.numberFields(scenario));
  $<HTMLSelectElement>("guion").value = scenario.script;
  draw();
  measure();
  say(`${formatNumber(experiment.now)} ms.`);
  setPlaying(location.hash === "" && !matchMedia("(prefers-reduced-motion: reduce)").matches);
}

function readAddress(): Scenario {
  $("error").textContent = "";
  try {
    const scenario = decodeLink(location.hash.slice(1));
    const { exercise } = scenario;
    if (exercise === "" || panels.exerciseOf(exercise) !== undefined) return scenario;
    throw new LinkError(`no hay un ejercicio «${exercise}»`);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    const reason = error.message.slice(0, 200);
    $("error").textContent = `El enlace no vale: ${reason}. Se muestra la conversación original.`;
    return DEFAULT_SCENARIO;
  }
}

/** Opens another scenario at its beginning, without what was done. */
function restart(change: Partial<Scenario>): void {
  isStale = false;
  location.hash = encodeLink({ ...experiment.scenario, ...change, actions: [], now: 0 });
}

/** Opens a link to where the page already is: a browser does nothing. */
function reopen({ target }: Event): void {
  const { href } = target as HTMLAnchorElement;
  if (href !== undefined) isStale = false;
  if (href === location.href) open();
}

/** Draws what was just done, tells it, and puts it into the address. */
function show(text: string): void {
  draw();
  updateAddress();
  say(text);
}

/** Puts the scenario into the address, now or a little later. */
function updateAddress(): void {
  isStale = performance.now() < addressedAt + ADDRESS_MS;
  if (isStale) return;
  addressedAt = performance.now();
  history.replaceState(null, "", `#${encodeLink(experiment.scenario)}`);
}

function say(text: string): void {
  $("aviso").textContent = text;
}

function setPlaying(is: boolean): void {
  isPlaying = is && !experiment.isOver;
  clock = experiment.now;
  $("reproducir").textContent = isPlaying ? "❚❚ Pausa" : "▶ Reproducir";
}

/** Goes to another moment, and tells what is new there. */
function go(move: () => void): void {
  setPlaying(false);
  const before = experiment.now;
  move();
  const news = panels.newsSince(before, experiment, true);
  show(`${formatNumber(experiment.now)} ms. ${news}`);
}

function act(action: Action): void {
  const { actions, recording } = experiment.scenario;
  if (recording !== undefined) return;
  if (actions.length >= MAX_ACTIONS) {
    return say("No caben más acciones en un enlace: deshaga alguna");
  }
  const wasPlaying = isPlaying;
  experiment.act(action);
  setPlaying(wasPlaying);
  show(panels.describeAction(action, experiment));
}

/** Fits the diagrams into the window. */
function measure(): void {
  const largest = (pixels: (section: HTMLElement) => number) => Math.max(...sections.map(pixels));
  const width = largest(({ clientWidth }) => clientWidth);
  headerHeight = largest((it) => it.querySelector("header")!.offsetHeight);
  canvasHeight = canvas.clientHeight;
  view = { width, scale: scaleFor(experiment.scenario.delay) };
  draw();
}

function draw(): void {
  const { now, furthest, lanes, scenario } = experiment;
  const top = Math.round(yOf(now, view) + headerHeight - PAST * canvasHeight);
  // The diagrams grow first: a canvas scrolls no further than its content.
  drawLanes(Math.max(0, top));
  canvas.scrollTop = top;
  Object.assign(slider, { max: Math.max(furthest + 2_000, 10_000), value: now });
  $("ahora").textContent = `${formatNumber(now)} ms`;
  $("atras").toggleAttribute("disabled", now === 0);
  $("deshacer").toggleAttribute("disabled", scenario.actions.length === 0);
  $("preguntar").inert = !lanes.some((lane) => lane.maySpeak("client"));
  $("responder").inert = !lanes.some((lane) => lane.maySpeak("server"));
  const done = scenario.actions.map((action) => panels.describeAction(action, experiment));
  render($("acciones"), done.map((text) => h("li", {}, text)));
  const chosen = $("ejercicio").querySelector<HTMLInputElement>(":checked")?.value;
  render($("ejercicio"), panels.exercisePanel(experiment, chosen));
  drawSelected();
  const { open } = $<HTMLDetailsElement>("tabla");
  render($("datagramas"), open ? panels.tableRows(experiment) : []);
}

/** Draws what can be seen of both conversations. */
function drawLanes(scrollTop: number): void {
  const [top, bottom] = [scrollTop - 100, scrollTop + canvasHeight];
  experiment.lanes.forEach((lane, i) => {
    render(sections[i]!, [headerOf(lane, i), diagramOf(lane, view, top, bottom)]);
    $(`cual${i}`).nextSibling!.textContent = KIND_NAMES[lane.options.kind];
  });
}

function drawSelected(): void {
  if (selected === undefined) return;
  const [lane, index] = selected;
  render($("ficha"), panels.datagramPanel(experiment.lanes[lane]!, index));
}

/** The datagram that an event is about, if any. */
function targetOf({ target }: Event) {
  const node = (target as Element).closest<SVGElement>(".datagrama");
  if (node === null) return undefined;
  const lane = Number(node.closest<HTMLElement>(".carril")!.dataset["lane"]);
  return { lane, index: Number(node.dataset["order"]), node };
}

type Target = NonNullable<ReturnType<typeof targetOf>>;

function disturb({ lane, index }: Target, type: "lose" | "duplicate" | "delay", by = 0): void {
  const at = experiment.now;
  const { arrivals } = experiment.lanes[lane]!.crossings[index - 1]!;
  if (!arrivals.some((arrival) => arrival > at)) return;
  act(type === "delay" ? { at, type, lane, index, by } : { at, type, lane, index });
}

function select(event: Event): void {
  const target = targetOf(event);
  if (target === undefined) return;
  selected = [target.lane, target.index];
  drawSelected();
}

/** Holds a datagram, to drag it down, or up, or to lose it. Time stands still meanwhile. */
function hold(event: Event): void {
  const [down, target] = [event as PointerEvent, targetOf(event)];
  if (target?.node.dataset["state"] !== "flying" || down.button !== 0) return;
  const { node } = target;
  const wasPlaying = isPlaying;
  setPlaying(false);
  node.setPointerCapture(down.pointerId);
  const pixelsTo = ({ clientY }: PointerEvent) => clientY - down.clientY;
  node.onpointermove = (move) => node.style.translate = `0 ${pixelsTo(move)}px`;
  node.onpointerup = node.onpointercancel = (up) => {
    node.onpointermove = node.onpointerup = node.onpointercancel = null;
    node.style.translate = "";
    setPlaying(wasPlaying);
    const pixels = pixelsTo(up);
    if (up.type === "pointercancel") return;
    if (Math.abs(pixels) < TREMBLE) disturb(target, "lose");
    else if (pixels < 0) disturb(target, "duplicate");
    else disturb(target, "delay", Math.min(MAX_DELAY_MS, millisecondsOf(pixels, view)));
  };
}

/** The keys that act on the datagram in focus. */
const DEEDS: Readonly<Record<string, "lose" | "duplicate" | "delay">> = {
  Enter: "lose",
  Space: "lose",
  Delete: "lose",
  ArrowDown: "delay",
  D: "duplicate",
};

function press(event: KeyboardEvent): void {
  const { key, ctrlKey, metaKey, altKey } = event;
  const isIn = (names: string) => (event.target as Element).closest(names) !== null;
  // A button has a use for these two keys only.
  const isPressing = isIn("button, summary, a") && (key === " " || key === "Enter");
  if (isPressing || isIn("input, select") || altKey) return;
  const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
  const shortcut = (ctrlKey || metaKey ? "Control+" : "") + name;
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("[aria-keyshortcuts]")];
  const button = buttons.find((it) => it.getAttribute("aria-keyshortcuts") === shortcut);
  const [target, deed] = [targetOf(event), DEEDS[shortcut]];
  if (target !== undefined && deed !== undefined) disturb(target, deed, KEY_DELAY_MS);
  else if (button !== undefined) button.click();
  else return;
  event.preventDefault();
}

function frame(time: number): void {
  if (isPlaying) {
    const before = experiment.now;
    const speed = Number($<HTMLSelectElement>("velocidad").value);
    clock += speed * Math.min(MAX_FRAME_MS, time - framedAt);
    experiment.seek(clock);
    draw();
    const news = panels.newsSince(before, experiment, false);
    if (news !== "") say(news);
    if (experiment.isOver) setPlaying(false);
  }
  if (isStale) updateAddress();
  framedAt = time;
  requestAnimationFrame(frame);
}

async function copyLink(): Promise<void> {
  addressedAt = -Infinity;
  show("");
  // There is no clipboard for a page that came without TLS.
  const copy = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
  const copied = "Enlace copiado: quien lo abra verá lo mismo";
  const failed = "El enlace es esta dirección";
  await copy.then(() => say(copied), () => say(failed));
}

function undo(): void {
  const undone = panels.describeAction(experiment.scenario.actions.at(-1)!, experiment);
  go(() => experiment.undo());
  say(`Deshizo: ${undone}`);
}

function speak(type: "ask" | "answer", event: Event): void {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  act({ at: experiment.now, type, text: form.querySelector("input")!.value });
  form.reset();
}

function chooseKinds(): void {
  const selects = canvas.querySelectorAll<HTMLSelectElement>(".tipo");
  // An exercise is about certain kinds.
  restart({
    exercise: "",
    kinds: Array.from(selects, ({ value }) => value) as unknown as Scenario["kinds"],
  });
}

/** The fields bear the names that they have in links. */
function chooseNetwork(): void {
  const form = $<HTMLFormElement>("mandos");
  if (!form.reportValidity()) return;
  const fields = new URLSearchParams([...new FormData(form)] as [string, string][]);
  restart(decodeLink(`${encodeLink({ ...experiment.scenario, actions: [] })}&${fields}`));
}

/** The events of the elements with these ids, and their handlers. */
const HANDLERS: readonly (readonly [string, string, (event: Event) => unknown])[] = [
  ["principio", "click", () => go(() => experiment.seek(0))],
  ["atras", "click", () => go(() => experiment.back())],
  ["paso", "click", () => go(() => experiment.step())],
  ["reproducir", "click", () => setPlaying(!isPlaying)],
  ["instante", "input", () => go(() => experiment.seek(slider.valueAsNumber))],
  ["deshacer", "click", undo],
  ["enlace", "click", copyLink],
  ["reiniciar", "click", () => act({ at: experiment.now, type: "restart" })],
  ["mandos", "change", chooseNetwork],
  ["preguntar", "submit", (event) => speak("ask", event)],
  ["responder", "submit", (event) => speak("answer", event)],
  ["ejercicio", "change", draw],
  ["ejercicio", "click", reopen],
  ["tabla", "toggle", draw],
  ["cual", "change", measure],
  ["lienzo", "change", chooseKinds],
  ["lienzo", "pointerdown", hold],
  ["lienzo", "pointerover", select],
  ["lienzo", "focusin", select],
  ["lienzo", "scroll", () => isPlaying || drawLanes(canvas.scrollTop)],
];

for (const [id, type, handle] of HANDLERS) $(id).addEventListener(type, handle);
document.onkeydown = press;
onhashchange = open;
onresize = measure;
await open();
requestAnimationFrame(frame);
