/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The page "Usted es la red": lets time pass, draws, and does what whoever watches does.
 *
 * @module
 */
import type { NetworkConditions } from "../laboratory/network.ts";
import { loadSodium } from "../transport/private/code_room.ts";
import { EXERCISES } from "./exercises.ts";
import { Experiment } from "./experiment.ts";
import { millisecondsOf, nameOf, scaleFor, type View, yOf } from "./ladder.ts";
import type { Action, Datagram, LaneKind } from "./lane.ts";
import { END_NAMES, fateOf, LaneView } from "./lane_view.ts";
import { decodeLink, DEFAULT_SCENARIO, encodeLink, LinkError } from "./scenario.ts";
import type { Scenario, ScriptName } from "./scenario.ts";

/** Time by which a key delays a datagram, in ms. */
const KEY_DELAY_MS = 100;

/** Pixels that a pointer may tremble. */
const DRAG_PIXELS = 6;

/** Longest time between two frames that is played, in ms. */
const MAX_FRAME_MS = 100;

/** The fields of a datagram, as Wireshark names them with `docs/pyr.lua`. */
const FIELDS = [
  ["type", "Tipo (type)"],
  ["attempt", "Intento (attempt)"],
  ["echo", "Intento al que responde (echo)"],
  ["ackDelay", "Demora del acuse, en ms (ack delay)"],
  ["id", "Identificador de la sesión (session id)"],
  ["number", "Número de secuencia (sequence number)"],
  ["segment", "Segmento, contado desde 0 (segment)"],
  ["lastSegment", "Último segmento (last segment)"],
] as const;

const views = [new LaneView(0), new LaneView(1)] as const;
const canvas = $("lienzo");
let experiment = new Experiment(DEFAULT_SCENARIO);
let isPlaying = false;
/** The moment that is played, in ms with fractions, and when that was. */
let clock = 0;
let drawnAt = 0;
let view: View = { width: 400, scale: 180 };
let selected: readonly [lane: number, order: number] | undefined;

function $<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

function say(text: string): void {
  $("aviso").textContent = text;
}

/** Shows the scenario of the address. */
async function open(): Promise<void> {
  let scenario = DEFAULT_SCENARIO;
  $("error").textContent = "";
  try {
    scenario = decodeLink(location.hash.slice(1));
    const { exercise } = scenario;
    if (exercise !== "" && !EXERCISES.some(({ id }) => id === exercise)) {
      throw new LinkError(`no hay un ejercicio «${exercise.slice(0, 40)}»`);
    }
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    $("error").textContent =
      `El enlace no vale: ${error.message}. Se muestra la conversación original.`;
  }
  await load(scenario);
  drawExercise();
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  setPlaying(location.hash === "" && !isCalm);
}

async function load(scenario: Scenario): Promise<void> {
  const isPrivate = scenario.kinds.includes("private");
  experiment = new Experiment(scenario, isPrivate ? await loadSodium() : undefined);
  selected = undefined;
  showControls();
  draw();
}

/** Changes the scenario from its first moment on. */
function restart(change: Partial<Scenario>): void {
  setPlaying(false);
  void load({ ...experiment.scenario, ...change, actions: [], now: 0 }).then(keep);
}

function keep(): void {
  history.replaceState(null, "", `#${encodeLink(experiment.scenario)}`);
}

function setPlaying(is: boolean): void {
  isPlaying = is && !experiment.isOver;
  clock = experiment.now;
  $("reproducir").textContent = isPlaying ? "⏸ Pausa" : "▶ Reproducir";
}

/** Goes to another moment, paused, and tells what is new there. */
function go(move: () => void): void {
  setPlaying(false);
  const before = experiment.now;
  move();
  draw();
  keep();
  say(`${experiment.now} ms. ${newsSince(before)}`);
}

function act(action: Action, told: string): void {
  const wasPlaying = isPlaying;
  experiment.act(action);
  setPlaying(wasPlaying);
  draw();
  keep();
  say(told);
}

/** What happened in both conversations after a moment, in words. */
function newsSince(before: number): string {
  return experiment.lanes.flatMap(({ lines, datagrams, now }, i) => {
    const isNew = (at: number) => at > before && at <= now;
    const news = [
      ...datagrams.filter(({ at }) => isNew(at)).map((it) => `sale ${nameOf(it)}`),
      ...datagrams.filter(({ arrivals }) => arrivals.some(isNew)).map((it) =>
        `llega ${nameOf(it)}`
      ),
      ...lines.filter(({ at }) => isNew(at)).map(({ by, text }) => `${END_NAMES[by]}: ${text}`),
    ];
    return news.length === 0 ? [] : `${views[i]!.name}: ${news.join("; ")}`;
  }).join(". ");
}

function draw(): void {
  const { now, furthest, lanes, scenario } = experiment;
  view = {
    width: views[0].element.clientWidth || views[1].element.clientWidth,
    scale: scaleFor(scenario.conditions.delay),
  };
  const head = views[0].element.querySelector("header")!.offsetHeight;
  const height = canvas.clientHeight;
  canvas.scrollTop = Math.max(0, yOf(now, view) + head - 0.72 * height);
  drawLadders();
  const slider = $<HTMLInputElement>("instante");
  slider.max = `${Math.max(furthest, 1_000)}`;
  slider.value = `${now}`;
  (slider.parentElement!.nextElementSibling as HTMLOutputElement).value = `${
    now.toLocaleString("es")
  } ms`;
  const { actions } = scenario;
  const list = actions.map(describeAction).join("\n");
  if ($("acciones").dataset["list"] !== list) {
    $("acciones").dataset["list"] = list;
    $("acciones").replaceChildren(...actions.map((it) => element("li", describeAction(it))));
  }
  $<HTMLButtonElement>("deshacer").disabled = actions.length === 0;
  $<HTMLButtonElement>("atras").disabled = now === 0;
  $("preguntar").toggleAttribute("inert", !lanes.some((lane) => lane.maySpeak("client")));
  $("responder").toggleAttribute("inert", !lanes.some((lane) => lane.maySpeak("server")));
  drawDetails();
  drawTable();
  drawVerdict();
}

/** Draws what can be seen of both diagrams. */
function drawLadders(): void {
  const { scrollTop, clientHeight } = canvas;
  views.forEach((it, i) =>
    it.draw(experiment.lanes[i]!, view, scrollTop - 50, scrollTop + clientHeight)
  );
}

function drawDetails(): void {
  const [index, order] = selected ?? [];
  const lane = experiment.lanes[index ?? 0]!;
  const datagram = lane.datagrams[(order ?? 0) - 1];
  if (datagram === undefined) return;
  const { header, cause } = datagram;
  const rows: (readonly [string, string])[] = [
    ...header === undefined
      ? []
      : FIELDS.map(([field, name]) => [name, fieldOf(header[field])] as const),
    ["Bytes", `${datagram.datagram.length}`],
    ["Qué le pasó", fateOf(datagram, lane.now)],
    ["Por qué salió", cause === "" ? "UDP solo: nadie lo reenvía" : cause],
  ];
  const list = element("dl");
  list.append(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  $("ficha").replaceChildren(element("h3", `${nameOf(datagram)}, n.º ${order}`), list);
}

function fieldOf(value: string | number | bigint): string {
  if (typeof value === "bigint") return `0x${value.toString(16).padStart(16, "0")}`;
  return typeof value === "string" ? value.toUpperCase() : `${value}`;
}

function drawTable(): void {
  if (!$<HTMLDetailsElement>("tabla").open || isPlaying) return;
  const rows = experiment.lanes.flatMap((lane, i) =>
    lane.datagrams.map((it) => [
      views[i]!.name,
      `${it.order}`,
      it.at.toFixed(0),
      END_NAMES[it.by],
      nameOf(it),
      `${it.datagram.length}`,
      fateOf(it, lane.now),
      it.cause,
    ])
  );
  document.querySelector("#tabla tbody")!.replaceChildren(...rows.map((cells) => {
    const row = element("tr");
    row.append(...cells.map((text) => element("td", text)));
    return row;
  }));
}

function drawExercise(): void {
  const current = EXERCISES.find(({ id }) => id === experiment.scenario.exercise);
  $("ejercicios").replaceChildren(...EXERCISES.map(({ id, title, start }) => {
    const link = element("a", title) as HTMLAnchorElement;
    link.href = `#${encodeLink({ ...DEFAULT_SCENARIO, ...start, exercise: id })}`;
    if (id === current?.id) link.setAttribute("aria-current", "true");
    const item = element("li");
    item.append(link);
    return item;
  }));
  $("ejercicio").hidden = current === undefined;
  if (current === undefined) return;
  $("prediccion").replaceChildren(
    element("legend", current.question),
    ...current.choices.map((choice, i) => {
      const label = element("label", choice);
      const input = element("input") as HTMLInputElement;
      Object.assign(input, { type: "radio", name: "prediccion", value: `${i}` });
      label.prepend(input);
      return label;
    }),
  );
  $("tarea").textContent = current.task;
  drawVerdict();
}

function drawVerdict(): void {
  const current = EXERCISES.find(({ id }) => id === experiment.scenario.exercise);
  if (current === undefined) return;
  const said = document.querySelector<HTMLInputElement>("#prediccion :checked")?.value;
  const verdict = current.check(experiment.lanes);
  const prediction = said === undefined
    ? "No hizo su predicción."
    : Number(said) === current.right
    ? "Su predicción fue acertada."
    : `Su predicción no se cumplió: era «${current.choices[current.right]}».`;
  const texts = {
    pending: said === undefined ? "Primero, elija qué cree que pasará." : "Ahora actúe, y avance.",
    solved: `Ocurrió lo que se pedía. ${prediction} ${current.explanation}`,
    failed: `No ocurrió lo que se pedía. ${current.hint}`,
  };
  const box = $("veredicto");
  box.dataset["estado"] = verdict;
  if (box.textContent !== texts[verdict]) box.textContent = texts[verdict];
}

function describeAction(action: Action): string {
  const at = `${action.at.toLocaleString("es")} ms: `;
  if ("lane" in action) {
    const datagram = experiment.lanes[action.lane]!.datagrams[action.order - 1];
    const name = datagram === undefined
      ? `el datagrama ${action.order}`
      : nameOf(datagram).slice(0, 30);
    const what = `${name} (${views[action.lane]!.name})`;
    if (action.type === "delay") return `${at}retrasó ${action.by} ms ${what}`;
    return `${at}${action.type === "lose" ? "perdió" : "duplicó"} ${what}`;
  }
  if (action.type === "ask") return `${at}preguntó «${action.text}»`;
  if (action.type === "answer") return `${at}respondió «${action.text}»`;
  return `${at}${action.type === "restart" ? "reinició el servidor" : "cambió la red"}`;
}

function element(name: string, text: string = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function showControls(): void {
  const { conditions, seed, script, pace, kinds, actions, now } = experiment.scenario;
  const latest = actions.findLast((it) => it.type === "network" && it.at <= now);
  const { loss, duplication, reordering, delay, jitter } = latest?.type === "network"
    ? latest.conditions
    : conditions;
  const values = {
    perdida: Math.round(100 * loss),
    duplicados: Math.round(100 * duplication),
    desorden: Math.round(100 * reordering),
    retraso: delay,
    fluctuacion: jitter,
    semilla: seed,
    guion: script,
    pausa: pace,
  };
  for (const [id, value] of Object.entries(values)) $<HTMLInputElement>(id).value = `${value}`;
  views.forEach(({ element }, i) => {
    element.querySelector<HTMLSelectElement>(".tipo")!.value = kinds[i]!;
  });
}

function typedConditions(): NetworkConditions {
  const [loss, duplication, reordering] = ["perdida", "duplicados", "desorden"].map((id) =>
    number(id) / 100
  ) as [number, number, number];
  return { loss, duplication, reordering, delay: number("retraso"), jitter: number("fluctuacion") };
}

/** What a field says, in whole numbers within its bounds. */
function number(id: string): number {
  const field = $<HTMLInputElement>(id);
  const value = Math.round(Number(field.value)) || 0;
  return Math.max(Number(field.min), Math.min(Number(field.max), value));
}

/** The datagram that an event is about, if any. */
function targetOf(
  event: Event,
): { lane: number; order: number; node: SVGGElement; datagram: Datagram } | undefined {
  const node = (event.target as Element).closest<SVGGElement>(".datagrama");
  if (node === null) return undefined;
  const lane = Number(node.closest<HTMLElement>(".carril")!.dataset["lane"]);
  const order = Number(node.dataset["order"]);
  return { lane, order, node, datagram: experiment.lanes[lane]!.datagrams[order - 1]! };
}

function disturb(
  { lane, order, datagram }: { lane: number; order: number; datagram: Datagram },
  type: "lose" | "duplicate" | "delay",
  by: number = 0,
): void {
  const at = experiment.now;
  if (datagram.arrivals.every((arrival) => arrival <= at)) return;
  const verb = { lose: "Perdió", duplicate: "Duplicó", delay: `Retrasó ${by} ms` }[type];
  const action: Action = type === "delay"
    ? { at, type, lane, order, by }
    : { at, type, lane, order };
  act(action, `${verb} ${nameOf(datagram)}`);
}

function select(event: Event): void {
  const target = targetOf(event);
  if (target === undefined) return;
  selected = [target.lane, target.order];
  drawDetails();
}

function hold(down: PointerEvent): void {
  const target = targetOf(down);
  if (target?.node.dataset["state"] !== "flying" || down.button !== 0) return;
  down.preventDefault();
  select(down);
  const { node } = target;
  const wasPlaying = isPlaying;
  setPlaying(false);
  node.setPointerCapture(down.pointerId);
  const pixelsTo = (event: PointerEvent) => Math.max(0, event.clientY - down.clientY);
  node.onpointermove = (move) => node.style.translate = `0 ${pixelsTo(move)}px`;
  const release = () => {
    node.onpointermove = node.onpointerup = node.onpointercancel = null;
    node.style.translate = "";
    setPlaying(wasPlaying);
  };
  node.onpointercancel = release;
  node.onpointerup = (up) => {
    release();
    const pixels = pixelsTo(up);
    if (pixels < DRAG_PIXELS) disturb(target, "lose");
    else disturb(target, "delay", Math.min(10_000, millisecondsOf(pixels, view)));
  };
}

function pressed(event: KeyboardEvent): void {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = targetOf(event);
  const keys: Record<string, () => void> = {
    ArrowRight: () => $("paso").click(),
    ArrowLeft: () => $("atras").click(),
    Home: () => $("principio").click(),
    ...target === undefined ? { " ": () => $("reproducir").click() } : {
      Enter: () => disturb(target, "lose"),
      Delete: () => disturb(target, "lose"),
      ArrowDown: () => disturb(target, "delay", KEY_DELAY_MS),
      d: () => disturb(target, "duplicate"),
    },
  };
  const isTyping = (event.target as Element).closest("input, select, button, summary, a") !== null;
  const isUndo = key === "z" && (event.ctrlKey || event.metaKey);
  const does = isUndo
    ? () => $("deshacer").click()
    : event.ctrlKey || event.metaKey || event.altKey
    ? undefined
    : keys[key];
  if (isTyping || does === undefined) return;
  event.preventDefault();
  does();
}

function frame(time: number): void {
  if (isPlaying) {
    const before = experiment.now;
    clock += Math.min(MAX_FRAME_MS, time - drawnAt) *
      Number($<HTMLSelectElement>("velocidad").value);
    experiment.seek(clock);
    draw();
    const lines = experiment.lanes.flatMap(({ lines }) =>
      lines.filter(({ at, kind }) => at > before && kind === "line")
    );
    if (lines.length > 0) say(lines.map(({ by, text }) => `${END_NAMES[by]}: ${text}`).join(". "));
    if (experiment.isOver) setPlaying(false);
  }
  drawnAt = time;
  requestAnimationFrame(frame);
}

function listen(): void {
  $("reproducir").onclick = () => {
    setPlaying(!isPlaying);
    draw();
    if (!isPlaying) keep();
  };
  $("paso").onclick = () => go(() => experiment.step());
  $("atras").onclick = () => go(() => experiment.back());
  $("principio").onclick = () => go(() => experiment.seek(0));
  $("instante").oninput = () => go(() => experiment.seek(number("instante")));
  $("deshacer").onclick = () => go(() => experiment.undo());
  $("enlace").onclick = async () => {
    keep();
    await navigator.clipboard.writeText(location.href).then(
      () => say("Enlace copiado: quien lo abra verá lo mismo"),
      () => say("El enlace está en la dirección de esta página"),
    );
  };
  $("reiniciar").onclick = () =>
    act({ at: experiment.now, type: "restart" }, "Reinició el servidor");
  $("mandos").onchange = (event) => {
    const { id } = event.target as HTMLElement;
    if (id === "semilla") return restart({ seed: number("semilla") });
    if (id === "pausa") return restart({ pace: number("pausa") });
    if (id === "guion") {
      return restart({ script: $<HTMLSelectElement>("guion").value as ScriptName });
    }
    const conditions = typedConditions();
    if (experiment.now === 0) restart({ conditions });
    else act({ at: experiment.now, type: "network", conditions }, "Cambió la red desde ahora");
    showControls();
  };
  for (
    const [form, field, type] of [["preguntar", "pregunta", "ask"], [
      "responder",
      "respuesta",
      "answer",
    ]] as const
  ) {
    $(form).onsubmit = (event) => {
      event.preventDefault();
      const input = $<HTMLInputElement>(field);
      act(
        { at: experiment.now, type, text: input.value },
        type === "ask" ? "Preguntó" : "Respondió",
      );
      input.value = "";
    };
  }
  canvas.append(...views.map(({ element }) => element));
  canvas.addEventListener("pointerdown", hold);
  for (const type of ["pointerover", "focusin"]) canvas.addEventListener(type, select);
  canvas.onscroll = drawLadders;
  canvas.onchange = () => {
    const kindOf = ({ element }: LaneView) =>
      element.querySelector<HTMLSelectElement>(".tipo")!.value as LaneKind;
    restart({ kinds: [kindOf(views[0]), kindOf(views[1])] });
  };
  $("cual").onchange = (event) => {
    document.body.dataset["carril"] = (event.target as HTMLInputElement).value;
    draw();
  };
  $("prediccion").onchange = drawVerdict;
  $("tabla").ontoggle = drawTable;
  document.onkeydown = pressed;
  onhashchange = () => void open();
  onresize = draw;
}

listen();
await open();
requestAnimationFrame(frame);
