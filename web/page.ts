/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The page "Usted es la red": lets time pass, draws, and does what whoever watches does.
 *
 * @module
 */
import { MAX_DELAY_MS } from "../laboratory/network.ts";
import { loadSodium } from "../transport/private/code_room.ts";
import { Experiment } from "./experiment.ts";
import { excerptOf, millisecondsOf, nameOf, scaleFor, type View, yOf } from "./ladder.ts";
import type { Action, Crossing } from "../laboratory/demo/play.ts";
import { END_NAMES, KIND_NAMES, LaneView } from "./lane_view.ts";
import { $, describeAction, exerciseOf, makeControls, readControls } from "./panels.ts";
import { showActions, showControls, showDatagram, showExercises } from "./panels.ts";
import { showTable, showVerdict } from "./panels.ts";
import { decodeLink, DEFAULT_SCENARIO, encodeLink, LinkError, type Scenario } from "./scenario.ts";

/** Time by which a key delays a datagram, in ms. */
const KEY_DELAY_MS = 100;

/** Pixels that a pointer may tremble. */
const TREMBLE = 6;

/** Longest time between two frames that is played, in ms. */
const MAX_FRAME_MS = 100;

/** The part of the diagram above the present. */
const PAST = 0.8;

const views = [new LaneView(0), new LaneView(1)] as const;
const canvas = $("lienzo");
let experiment = new Experiment(DEFAULT_SCENARIO);
let view: View = { width: 400, scale: 180 };
let selected: readonly [lane: number, index: number] | undefined;
let isPlaying = false;
/** The moment that is played, in ms with fractions, and the time of the last frame. */
let [clock, framedAt] = [0, 0];

/** Shows what the address says. */
async function open(): Promise<void> {
  let scenario = DEFAULT_SCENARIO;
  $("error").textContent = "";
  try {
    const said = decodeLink(location.hash.slice(1));
    if (said.exercise !== "" && exerciseOf(said.exercise) === undefined) {
      throw new LinkError(`no hay un ejercicio «${said.exercise}»`);
    }
    scenario = said;
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    const reason = error.message.slice(0, 200);
    $("error").textContent = `El enlace no vale: ${reason}. Se muestra la conversación original.`;
  }
  await load(scenario);
  showExercises(scenario.exercise);
  showVerdict(experiment);
  setPlaying(location.hash === "" && !matchMedia("(prefers-reduced-motion: reduce)").matches);
}

async function load(scenario: Scenario): Promise<void> {
  const isPrivate = scenario.kinds.includes("private");
  experiment = new Experiment(scenario, isPrivate ? await loadSodium() : undefined);
  selected = undefined;
  showControls(scenario);
  // A recording can only be looked at.
  document.body.toggleAttribute("data-registro", scenario.recording !== undefined);
  views.forEach(({ element }, i) => {
    const kind = scenario.kinds[i]!;
    element.querySelector<HTMLSelectElement>(".tipo")!.value = kind;
    $(`cual${i}`).nextSibling!.textContent = KIND_NAMES[kind];
  });
  measure();
}

/** Plays another scenario from its beginning, without what was done. */
async function restart(change: Partial<Scenario>): Promise<void> {
  setPlaying(false);
  await load({ ...experiment.scenario, ...change, actions: [], now: 0 });
  keep();
}

/** Puts the scenario into the address. */
function keep(): void {
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
  draw();
  keep();
  say(`${experiment.now.toLocaleString("es")} ms. ${newsSince(before)}`);
}

function act(action: Action): void {
  if (experiment.scenario.recording !== undefined) return;
  const wasPlaying = isPlaying;
  experiment.act(action);
  setPlaying(wasPlaying);
  draw();
  keep();
  say(describeAction(action, experiment));
}

/** What happened after a moment, in words. */
function newsSince(before: number): string {
  return experiment.lanes.map(({ told, crossings, now, options }) => {
    const isNew = (at: number) => at > before && at <= now;
    const news = [
      ...crossings.filter(({ at }) => isNew(at)).map((it) => `sale ${nameOf(it)}`),
      ...crossings.filter(({ arrivals }) => arrivals.some(isNew)).map((it) =>
        `llega ${nameOf(it)}`
      ),
      ...told.filter(({ at }) => isNew(at)).map(({ by, text }) =>
        `${END_NAMES[by]}: ${excerptOf(text)}`
      ),
    ];
    return news.length === 0 ? "" : `${KIND_NAMES[options.kind]}: ${news.join("; ")}. `;
  }).join("");
}

/** Fits the diagrams into the window. */
function measure(): void {
  const width = Math.max(...views.map(({ element }) => element.clientWidth));
  view = { width, scale: scaleFor(experiment.scenario.conditions.delay) };
  draw();
}

function draw(): void {
  const { now, furthest, lanes } = experiment;
  const { offsetHeight } = canvas.querySelector("header:not(:empty)") as HTMLElement;
  const top = Math.round(yOf(now, view) + offsetHeight - PAST * canvas.clientHeight);
  // The diagrams grow first: a canvas scrolls no further than its content.
  drawLadders(Math.max(0, top));
  canvas.scrollTop = top;
  Object.assign($("instante"), { max: Math.max(furthest + 2_000, 10_000), value: now });
  $("ahora").textContent = `${now.toLocaleString("es")} ms`;
  $<HTMLButtonElement>("atras").disabled = now === 0;
  $("preguntar").inert = !lanes.some((lane) => lane.maySpeak("client"));
  $("responder").inert = !lanes.some((lane) => lane.maySpeak("server"));
  showActions(experiment);
  showVerdict(experiment);
  if (selected !== undefined) showDatagram(lanes[selected[0]]!, selected[1]);
  if ($<HTMLDetailsElement>("tabla").open && !isPlaying) showTable(experiment);
}

/** Draws what can be seen of both diagrams. */
function drawLadders(scrollTop = canvas.scrollTop): void {
  const [top, bottom] = [scrollTop - 100, scrollTop + canvas.clientHeight];
  views.forEach((it, i) => it.draw(experiment.lanes[i]!, view, top, bottom));
}

interface Target {
  readonly lane: number;
  readonly index: number;
  readonly node: SVGElement;
  readonly datagram: Crossing;
}

/** The datagram that an event is about, if any. */
function targetOf({ target }: Event): Target | undefined {
  const node = (target as Element).closest<SVGElement>(".datagrama");
  if (node === null) return undefined;
  const lane = Number(node.closest<HTMLElement>(".carril")!.dataset["lane"]);
  const index = Number(node.dataset["order"]);
  return { lane, index, node, datagram: experiment.lanes[lane]!.crossings[index - 1]! };
}

function disturb(
  { lane, index, datagram }: Target,
  type: "lose" | "duplicate" | "delay",
  by = 0,
): void {
  const at = experiment.now;
  if (!datagram.arrivals.some((arrival) => arrival > at)) return;
  act(type === "delay" ? { at, type, lane, index, by } : { at, type, lane, index });
}

function select(event: Event): void {
  const target = targetOf(event);
  if (target === undefined) return;
  selected = [target.lane, target.index];
  showDatagram(experiment.lanes[target.lane]!, target.index);
}

/** Holds a datagram, to drag it down, or up, or to lose it. Time stands still meanwhile. */
function hold(down: PointerEvent): void {
  const target = targetOf(down);
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

function press(event: KeyboardEvent): void {
  const { key, ctrlKey, metaKey, altKey } = event;
  const isIn = (names: string) => (event.target as Element).closest(names) !== null;
  // A button has a use for these two keys only.
  const isPressing = isIn("button, summary, a") && (key === " " || key === "Enter");
  const target = targetOf(event);
  const buttons: Readonly<Record<string, string>> = {
    "ArrowRight": "paso",
    "ArrowLeft": "atras",
    "Home": "principio",
    " ": "reproducir",
    "Control z": "deshacer",
  };
  const button = buttons[(ctrlKey || metaKey ? "Control " : "") + key];
  // A datagram is a button: both keys press it.
  const isLosing = ["Enter", " ", "Delete"].includes(key) && target !== undefined;
  if (isPressing || isIn("input, select") || altKey) return;
  if (isLosing) disturb(target, "lose");
  else if (button !== undefined) $(button).click();
  else if (target === undefined || ctrlKey || metaKey) return;
  else if (key === "ArrowDown") disturb(target, "delay", KEY_DELAY_MS);
  else if (key.toLowerCase() === "d") disturb(target, "duplicate");
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
    const lines = experiment.lanes.flatMap(({ told }) =>
      told.filter(({ at, type }) => at > before && type === "line")
    );
    if (lines.length > 0) {
      say(lines.map(({ by, text }) => `${END_NAMES[by]}: ${excerptOf(text)}`).join(". "));
    }
    if (experiment.isOver) setPlaying(false);
  }
  framedAt = time;
  requestAnimationFrame(frame);
}

function speak(type: "ask" | "answer", field: string): (event: Event) => void {
  return (event) => {
    event.preventDefault();
    const input = $<HTMLInputElement>(field);
    act({ at: experiment.now, type, text: input.value });
    input.value = "";
  };
}

function listen(): void {
  const clicks: Readonly<Record<string, () => unknown>> = {
    reproducir: () => {
      setPlaying(!isPlaying);
      draw();
    },
    paso: () => go(() => experiment.step()),
    atras: () => go(() => experiment.back()),
    principio: () => go(() => experiment.seek(0)),
    deshacer: () => {
      const last = experiment.scenario.actions.at(-1)!;
      const undone = describeAction(last, experiment);
      go(() => experiment.undo());
      say(`Deshizo: ${undone}`);
    },
    reiniciar: () => act({ at: experiment.now, type: "restart" }),
    enlace: async () => {
      keep();
      const isCopied = await navigator.clipboard.writeText(location.href).then(
        () => true,
        () => false,
      );
      say(isCopied ? "Enlace copiado: quien lo abra verá lo mismo" : "El enlace es esta dirección");
    },
  };
  for (const [id, click] of Object.entries(clicks)) $(id).onclick = click;
  $("instante").oninput = () =>
    go(() => experiment.seek($<HTMLInputElement>("instante").valueAsNumber));
  $("mandos").onchange = () => void restart(readControls());
  $("preguntar").onsubmit = speak("ask", "pregunta");
  $("responder").onsubmit = speak("answer", "respuesta");
  $("prediccion").onchange = () => showVerdict(experiment);
  $("tabla").ontoggle = draw;
  $("cual").onchange = ({ target }) => {
    document.body.dataset["carril"] = (target as HTMLInputElement).value;
    measure();
  };
  canvas.onpointerdown = hold;
  canvas.onpointerover = select;
  canvas.addEventListener("focusin", select);
  canvas.onscroll = () => isPlaying || drawLadders();
  canvas.onchange = () => void restart({ kinds: [views[0].kind, views[1].kind] });
  document.onkeydown = press;
  onhashchange = () => void open();
  onresize = measure;
}

canvas.append(...views.map(({ element }) => element));
makeControls();
listen();
await open();
requestAnimationFrame(frame);
