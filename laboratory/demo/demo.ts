/**
 * The demonstration: a server and a client hold the original conversation by themselves over a bad
 * network, and every datagram is shown between them. It uses no socket and no clock but for its pace.
 *
 * @module
 */
import { green, red } from "@std/fmt/colors";
import { describeImpairment, type Impairment, IMPAIRMENT_OPTIONS } from "../impairment.ts";
import { isDropped, readImpairment } from "../impairment.ts";
import { type Run, run } from "../../program/program.ts";
import { EXIT } from "../../program/words.ts";
import { Questions } from "../summary.ts";
import { draw, drawCause, drawHeading, WIDTH } from "./diagram.ts";
import { ORIGINAL, Play, type Scene } from "./play.ts";

/** Defaults of the options, with a seed that shows much in few lines. */
export const DEFAULTS = { seed: 333, loss: "25%", delay: 40, jitter: 20 };

const HELP = `Demostración: un servidor y un cliente conversan solos por una red mala.

Uso:
  deno task demo [opciones]

Opciones:
  --perdida P%      pierde ese porcentaje de los datagramas, en cada sentido (${DEFAULTS.loss})
  --perdida LISTA   pierde esos datagramas: 2,4-6 son el segundo y del cuarto al sexto
  --duplicar P%     duplica ese porcentaje
  --desordenar P%   retiene ese porcentaje un momento, para que otros se le adelanten
  --retraso MS      retrasa cada datagrama (${DEFAULTS.delay})
  --fluctuacion MS  lo retrasa de 0 a MS más, al azar (${DEFAULTS.jitter})
  --semilla N       la misma semilla, la misma demostración (${DEFAULTS.seed})
  --sin-fiabilidad  la misma conversación con UDP solo: lo que se pierde, se pierde
  --paso            un datagrama cada vez que pulse Intro, con su causa
  -h, --ayuda       muestra esta ayuda
  --version         muestra la versión

Ejemplos:
  deno task demo
  deno task demo --perdida 40% --semilla 9
  deno task demo --sin-fiabilidad`;

/** Time to type a line, in ms: longer than an acknowledgement is held back. */
const TYPING_MS = 300;

export interface DemoOptions {
  readonly impairment: Impairment;
  readonly isPlain: boolean;
  readonly isColoured: boolean;
  /** Whether the cause of each datagram is told; not by default. */
  readonly isExplained?: boolean;
}

/** A line, and the pause before it, in ms. */
export interface DemoLine {
  readonly text: string;
  readonly pause: number;
  /** Whether it is a datagram. */
  readonly isStep: boolean;
}

/** The whole demonstration, line by line. */
export function demonstrate({ isColoured, isExplained, ...options }: DemoOptions): DemoLine[] {
  const play = playAll(options);
  const scenes = play.scenes.filter(({ type }) =>
    type === "line" || type === "crossing" || isExplained && type === "refusal"
  );
  const pauses = pausesBefore(scenes);
  const missing = missingFrom(play);
  const verdict = missing.length === 0
    ? "La conversación llegó entera"
    : `La conversación se perdió: ${new Intl.ListFormat("es").format(missing)}`;
  const colour = missing.length === 0 ? green : red;
  const line = (text: string) => ({ text, pause: 0, isStep: false });
  const linesOf = (scene: Scene, pause: number) => {
    const isStep = scene.type === "crossing";
    const cause = isExplained && isStep && scene.cause;
    const told = cause ? [line(drawCause(scene.by, cause, isColoured))] : [];
    return [{ text: draw(scene, isColoured), pause, isStep }, ...told];
  };
  return [
    line(describeImpairment(options.impairment) ?? "Red sin degradar"),
    line(""),
    line(drawHeading(isColoured)),
    ...scenes.flatMap((scene, i) => linesOf(scene, pauses[i]!)),
    line(""),
    line(isColoured ? colour(verdict) : verdict),
    ...figuresOf(play).map(line),
  ];
}

/** The original conversation, played to its end. */
export function playAll({ impairment, isPlain }: Omit<DemoOptions, "isColoured">): Play {
  const play = new Play({
    kind: isPlain ? "plain" : "protected",
    ...impairment,
    script: ORIGINAL,
    pace: TYPING_MS,
    isDropped: (order) => isDropped(impairment, order),
  });
  play.advance(Infinity);
  return play;
}

async function main({ args, terminal }: Run): Promise<number> {
  const impairment = readImpairment(args, DEFAULTS);
  const isColoured = terminal.colour("stdout");
  const isPlain = args.has("sin-fiabilidad");
  const isExplained = args.has("paso");
  // Nobody watches a file or a pipe.
  const isWatched = Deno.stdout.isTerminal();
  if (isWatched && Deno.consoleSize().columns < WIDTH) {
    terminal.notice(`Amplíe la terminal a ${WIDTH} columnas: en menos, las flechas se parten`);
  }
  if (isExplained) terminal.notice("Intro muestra el siguiente datagrama; Ctrl-D termina");
  for (const line of demonstrate({ impairment, isPlain, isColoured, isExplained })) {
    if (isExplained && line.isStep && await terminal.line() === null) break;
    if (!isExplained && isWatched) await new Promise((resolve) => setTimeout(resolve, line.pause));
    await terminal.print(line.text);
  }
  return EXIT.ok;
}

/** The parts of the conversation that did not get through. */
function missingFrom({ got: { question, answer, bye } }: Play): string[] {
  if (!question) return ["la pregunta no llegó"];
  return [
    ...answer ? [] : ["la respuesta no llegó"],
    ...bye ? [] : ["el servidor no sabe que el cliente se fue"],
  ];
}

function figuresOf({ crossings }: Play): string[] {
  const lost = crossings.filter(({ fate }) => fate === "lost").length;
  const again = crossings.filter(({ repeats }) => repeats > 0).length;
  const questions = new Questions();
  for (const crossing of crossings) questions.add(crossing);
  return [
    `Datagramas: ${crossings.length}; perdidos: ${lost}; reenviados: ${again}`,
    ...questions.describe(),
  ];
}

/** Shortest and longest pause before a scene, in ms: time to read, and none to get bored. */
const LEAST_MS = 120;
const MOST_MS = 700;

/** Longest demonstration, in ms. */
export const MAX_TOTAL_MS = 8_000;

/** The pause before each scene, in ms: as long as it took, within bounds. */
export function pausesBefore(scenes: readonly { readonly at: number }[]): number[] {
  const pauses = scenes.map(({ at }, index) => {
    const before = scenes[index - 1]?.at ?? at;
    return Math.min(MOST_MS, Math.max(LEAST_MS, at - before));
  });
  const total = pauses.reduce((sum, pause) => sum + pause, 0);
  const speed = Math.max(1, total / MAX_TOTAL_MS);
  return pauses.map((pause) => pause / speed);
}

if (import.meta.main) {
  const flags = ["sin-fiabilidad", "paso"];
  await run({ help: HELP, values: IMPAIRMENT_OPTIONS, flags, words: 0, main });
}
