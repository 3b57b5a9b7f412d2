/**
 * The demonstration: a server and a client hold the original conversation by themselves over a bad
 * network, and every datagram is shown between them. It uses no socket and no clock but for its pace.
 *
 * @module
 */
import { green, red } from "@std/fmt/colors";
import { describeImpairment, IMPAIRMENT_OPTIONS, readImpairment } from "../impairment.ts";
import { EXIT, type Run, run } from "../../program/program.ts";
import { describeQuestions } from "../summary.ts";
import { draw, drawHeading } from "./diagram.ts";
import { Play, type PlayOptions } from "./play.ts";

/** What holds where an option is not given: a seed that shows much in few lines. */
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
  -h, --ayuda       muestra esta ayuda
  --version         muestra la versión

Ejemplos:
  deno task demo
  deno task demo --perdida 40% --semilla 7
  deno task demo --sin-fiabilidad`;

/** What {@linkcode demonstrate} shows. */
export interface DemoOptions extends PlayOptions {
  /** Whether the lines have colours. */
  readonly isColoured: boolean;
}

/** A line, and how long to wait before it, in ms. */
export interface DemoLine {
  readonly text: string;
  readonly pause: number;
}

/** Everything that is shown, line by line. */
export function demonstrate({ isColoured, ...options }: DemoOptions): DemoLine[] {
  const play = new Play(options);
  const pauses = pausesBefore(play.scenes);
  const before = [
    describeImpairment(options.impairment) ?? "Red sin degradar",
    "",
    drawHeading(isColoured),
  ];
  const [verdict, ...figures] = conclude(play, options.isPlain);
  const colour = isWhole(play) ? green : red;
  const after = ["", isColoured ? colour(verdict!) : verdict!, ...figures];
  return [
    ...before.map((text) => ({ text, pause: 0 })),
    ...play.scenes.map((scene, i) => ({ text: draw(scene, isColoured), pause: pauses[i]! })),
    ...after.map((text) => ({ text, pause: 0 })),
  ];
}

async function main({ args, terminal }: Run): Promise<number> {
  const impairment = readImpairment(args, DEFAULTS);
  const isColoured = terminal.colour("stdout");
  const lines = demonstrate({ impairment, isPlain: args.has("sin-fiabilidad"), isColoured });
  for (const { text, pause } of lines) {
    // Nobody watches a file or a pipe.
    if (Deno.stdout.isTerminal()) await new Promise((resolve) => setTimeout(resolve, pause));
    terminal.print(text);
  }
  return EXIT.ok;
}

function conclude(play: Play, isPlain: boolean): string[] {
  const { question, answer, bye } = play.got;
  const missing = [
    !question && "la pregunta no llegó",
    question && !answer && "la respuesta no llegó",
    question && !bye && "el servidor no sabe que el cliente se fue",
  ].filter((part) => part !== false);
  const list = new Intl.ListFormat("es").format(missing);
  const verdict = isWhole(play)
    ? "La conversación llegó entera"
    : `La conversación se perdió: ${list}`;
  const crossings = play.scenes.filter((scene) => scene.type === "crossing");
  const lost = crossings.filter(({ passage }) => passage.fate === "lost").length;
  const again = crossings.filter(({ repeats }) => repeats > 0).length;
  return [
    verdict,
    `Datagramas: ${crossings.length}; perdidos: ${lost}; reenviados: ${again}`,
    ...isPlain ? [] : describeQuestions(play.exchanges, false),
  ];
}

function isWhole({ got }: Play): boolean {
  return got.question && got.answer && got.bye;
}

/** Least and most time before a scene, in ms: time to read, and no time to get bored. */
const LEAST_MS = 120;
const MOST_MS = 700;

/** Most time of all of it, in ms. */
export const MAX_TOTAL_MS = 8_000;

/** How long to wait before each scene, in ms: as long as it took, within bounds. */
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
  await run({ help: HELP, values: IMPAIRMENT_OPTIONS, flags: ["sin-fiabilidad"], words: 0, main });
}
