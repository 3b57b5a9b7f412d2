/**
 * The tester: plays clients against somebody's server, or the server for somebody's client, and tells rule
 * by rule what holds.
 *
 * @module
 */
import { green, red, yellow } from "@std/fmt/colors";
import { type Run, run } from "../../program/program.ts";
import { resolveServer } from "../../transport/client.ts";
import { connectFailure, EXIT } from "../../program/words.ts";
import { toJsonLine } from "../../terminal/clean.ts";
import { UsageError } from "../../program/arguments.ts";
import { type Bench, Fault, Inlet, type Passage, Screen, Trial, Unchecked } from "./trial.ts";
import { RULES_OF_TALKS } from "./core_talk.ts";
import { RULES_OF_BOTH } from "./rules_of_both.ts";
import { RULES_OF_CLIENTS } from "./rules_of_clients.ts";
import { RULES_OF_SERVERS } from "./rules_of_servers.ts";
import { QUESTIONS } from "./visit.ts";
import { recordingLink } from "../../web/recording.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../../protocol.ts";

const HELP = `Probador: comprueba, regla por regla, si un programa cumple docs/protocolo.md.

Uso:
  deno task conformidad --servidor HOST:PUERTO [opciones]
  deno task conformidad --cliente [opciones]

Opciones:
  --servidor HOST:PUERTO  prueba el servidor que escucha ahí
  --cliente               espera a un cliente y hace de servidor; dice qué hay que escribir
  --puerto N              con --cliente, el puerto en el que espera (${DEFAULT_PORT})
  --nivel N               hasta qué nivel, de 0 a 3 (3); el 0 es UDP sin nada añadido
  --codigo TEXTO          las reglas del nivel 4, en la sala privada de ese código
  --regla N.M             solo esa regla
  --semilla N             repite el azar (1)
  --escalera              añade a lo que falla un enlace que la página de deno task laboratorio dibuja
  --json                  un objeto JSON por línea, con ese enlace
  --respuesta-automatica  escribe respuestas sin fin, para un servidor que espera a quien las teclee
  --preguntas             escribe las preguntas que debe hacer un cliente
  -h, --ayuda             muestra esta ayuda

Lo que muestra el programa se comprueba si llega por la entrada:
  deno task conformidad --respuesta-automatica | python3 -u servidor.py 12000 |
    deno task conformidad --servidor 127.0.0.1:12000

Termina con 0 si se cumple el nivel pedido, y con 1 si no.`;

/** A rule of the specification. */
export interface Rule {
  /** As `2.7`. */
  readonly number: string;
  readonly level: number;
  readonly isDuty: boolean;
  readonly title: string;
}

/** The outcome of a rule. */
export interface Finding extends Rule {
  readonly state: "holds" | "broken" | "unchecked";
  /** Why it does not hold, or what it takes to check it. */
  readonly cause: string;
  readonly expected: string | undefined;
  readonly passages: readonly Passage[];
}

/** The rules of an end that can be checked, as the specification lists them. */
export function readRules(specification: string, role: Bench["role"]): Rule[] {
  const rows = specification.matchAll(
    /^\| <a id="regla-[\d-]+"><\/a>(\d)\.(\d+) *\| (\S+) *\| (.*?) *\| (.*?) *\|$/gm,
  );
  const end = role === "server" ? "servidor" : "cliente";
  return [...rows].filter(([, , , who]) => who === "ambos" || who === end).map(
    ([, level, rule, , force, title]) => ({
      number: `${level}.${rule}`,
      level: Number(level),
      isDuty: /^(NO )?DEBEN?$/.test(force!),
      title: title!.replaceAll("`", ""),
    }),
  ).filter(({ number }) => playsOf(role)[number] !== undefined);
}

const playsOf = (role: Bench["role"]) => ({
  ...RULES_OF_TALKS,
  ...RULES_OF_BOTH,
  ...role === "server" ? RULES_OF_SERVERS : RULES_OF_CLIENTS,
});

/** Checks one rule. A machine that is busy for a moment is no fault: what is broken is played once more. */
export async function check(rule: Rule, bench: Bench): Promise<Finding> {
  const finding = await play(rule, bench);
  const isSuspect = finding.state === "broken" && isReached(finding);
  return isSuspect ? await play(rule, bench) : finding;
}

function isReached({ passages }: Finding): boolean {
  return passages.some(({ by }) => by === "peer");
}

async function play(rule: Rule, bench: Bench): Promise<Finding> {
  using trial = new Trial(bench);
  let [state, cause]: [Finding["state"], string] = ["holds", ""];
  try {
    await playsOf(bench.role)[rule.number]!(trial);
  } catch (error) {
    if (!(error instanceof Fault) && !(error instanceof Unchecked)) throw error;
    [state, cause] = [error instanceof Fault ? "broken" : "unchecked", error.message];
  }
  const { expected, passages } = trial;
  const finding = { ...rule, state, cause, expected, passages: passages.slice() };
  for (const visit of trial.visits) await visit.leave().catch(() => {});
  return finding;
}

/** Exchanges in a row in which nothing comes from the peer, after which there is none: at first, and later. */
const [FIRST_UNREACHED, MAX_UNREACHED] = [3, 8];

/** Checks rule by rule, until the peer cannot be reached. */
export async function* checkAll(rules: readonly Rule[], bench: Bench): AsyncGenerator<Finding> {
  let [unreached, most] = [0, FIRST_UNREACHED];
  for (const rule of rules) {
    const finding = await check(rule, bench);
    yield finding;
    unreached = isReached(finding) ? 0 : unreached + 1;
    if (isReached(finding)) most = MAX_UNREACHED;
    if (unreached === most) return;
  }
}

/** Answers for a server, all different: two short ones, and one longer than a window of segments. */
export function* answers(count: number): Generator<string> {
  for (let i = 1; i <= count; i++) {
    yield i % 3 > 0 ? `NOOOOO ${i}` : `Sí ${i}: ${"ñandú ".repeat(1_700)}`.trimEnd();
  }
}

/** The highest level that holds: every lower one does too. */
export function levelOf(findings: readonly Finding[]): number | undefined {
  const levels = [...new Set(findings.map(({ level }) => level))].sort();
  const first = levels.findIndex((level) =>
    findings.some((it) => it.level === level && it.isDuty && it.state === "broken")
  );
  return first < 0 ? levels.at(-1) : levels[first - 1];
}

async function main({ args, terminal, json, signal }: Run): Promise<number> {
  if (args.has("preguntas")) {
    for (const question of QUESTIONS) terminal.print(question);
    return EXIT.ok;
  }
  if (args.has("respuesta-automatica")) {
    // Programs of students read all of it at once, and close when it ends. Only a write tells that they are gone.
    let told = 0;
    for (const answer of answers(Infinity)) {
      await terminal.print(answer);
      if (++told > 3_000) await new Promise((resolve) => setTimeout(resolve, 1_000));
      if (signal.aborted) return EXIT.ok;
    }
  }
  const target = args.optional("servidor");
  if ((target === undefined) !== args.has("cliente")) {
    throw new UsageError("hace falta --servidor HOST:PUERTO o --cliente");
  }
  const role = target === undefined ? "client" : "server";
  const [, hostname = "", port = ""] =
    /^\[?(.+?)\]?:(\d{1,5})$/.exec(target ?? `${DEFAULT_HOSTNAME}:0`) ?? [];
  if (hostname === "" || Number(port) > 65_535 || target !== undefined && Number(port) === 0) {
    throw new UsageError(`no se entiende --servidor "${target}": escriba HOST:PUERTO`);
  }
  const code = args.optional("codigo");
  const highest = code === undefined ? 3 : 4;
  const level = args.integer("nivel", { otherwise: highest, least: 0, most: highest });
  const lowest = code !== undefined ? 4 : Math.min(level, 1);
  const only = args.optional("regla");
  const own = args.integer("puerto", { otherwise: DEFAULT_PORT, least: 1, most: 65_535 });
  const seed = args.integer("semilla", { otherwise: 1, least: 0, most: 999_999_999 });
  const host = args.host(DEFAULT_HOSTNAME);
  const specification = new URL("../../docs/protocolo.md", import.meta.url);
  const rules = readRules(await Deno.readTextFile(specification), role).filter((rule) =>
    only === undefined ? rule.level >= lowest && rule.level <= level : rule.number === only
  );
  if (rules.length === 0) {
    const what = role === "client" ? "cliente" : "servidor";
    throw new UsageError(`no se puede comprobar la regla "${only}" de un ${what}`);
  }
  const given = { hostname, port: Number(port) };
  const [server = given] = target === undefined ? [] : await resolveServer(given)
    .catch((error) => Promise.reject(connectFailure(error, given)));
  const bench: Bench = {
    ...{ role, code, seed, server, seen: new Set() },
    screen: new Screen(Deno.stdin.isTerminal() ? undefined : Deno.stdin.readable),
    inlet: role === "client" ? new Inlet({ hostname: host, port: own }) : undefined,
  };
  if (role === "client") { for (const line of describeCommand(own)) terminal.notice(line); }
  const findings: Finding[] = [];
  const isColoured = json === undefined && terminal.colour("stdout");
  for await (const finding of checkAll(rules, bench)) {
    findings.push(finding);
    const ladder = finding.state === "broken" ? ladderOf(finding, role) : undefined;
    if (json === undefined) {
      const lines = describeFinding(finding, { seed, isColoured });
      if (args.has("escalera") && ladder !== undefined) lines.push(`        ${ladder}`);
      for (const line of lines) terminal.print(line);
    } else {
      const passages = finding.passages.map(({ datagram: _, ...rest }) => rest);
      await json.print(toJsonLine({ event: "rule", seed, ...finding, passages, ladder }));
    }
  }
  const isCut = findings.length < rules.length;
  const reached = isCut ? undefined : levelOf(findings);
  const asked = rules.at(-1)!.level;
  const holds = only === undefined ? reached === asked : findings[0]?.state === "holds";
  const unchecked = findings.filter(({ state }) => state === "unchecked").length;
  const summary = { event: "level", level: reached ?? null, asked, holds, unchecked };
  if (json !== undefined) terminal.print(toJsonLine(summary));
  else if (only === undefined) terminal.print(summaryOf(reached, isCut, unchecked));
  bench.inlet?.[Symbol.dispose]();
  return holds ? EXIT.ok : EXIT.defect;
}

function summaryOf(level: number | undefined, isCut: boolean, unchecked: number): string {
  const rest = unchecked === 0 ? "" : `; ${unchecked} reglas sin comprobar`;
  if (isCut) return `No contesta nadie: no se sigue${rest}`;
  if (level === undefined) return `No alcanza el primer nivel${rest}`;
  return `Nivel alcanzado: ${level}${rest}`;
}

function describeCommand(port: number): string[] {
  return [
    "Haga que su cliente se repita sin fin, con estas preguntas:",
    "  deno task conformidad --preguntas > preguntas.txt",
    `  while sleep 0.1; do python3 -u cliente.py 127.0.0.1 ${port} < preguntas.txt; done |`,
    "    deno task conformidad --cliente",
  ];
}

/** The end of a link that shows the exchange on the laboratory's page. */
function ladderOf({ passages }: Finding, role: Bench["role"]): string {
  const by = (who: Passage["by"]) =>
    (who === "peer") === (role === "client") ? "client" as const : "server" as const;
  return recordingLink(passages.map((it) => ({ ...it, by: by(it.by) })));
}

/** Most datagrams that are told at the beginning and at the end of an exchange. */
const [FIRST, LAST] = [8, 12];

/** The lines that tell of a rule. */
export function describeFinding(
  { number, title, state, cause, expected, passages, isDuty }: Finding,
  { seed, isColoured }: { readonly seed: number; readonly isColoured: boolean },
): string[] {
  const [mark, colour] = {
    holds: ["✓", green] as const,
    broken: [isDuty ? "✗" : "△", red] as const,
    unchecked: ["–", yellow] as const,
  }[state];
  const line = `${isColoured ? colour(mark) : mark} ${number.padEnd(5)} ${title}`;
  if (state === "holds") return [line];
  if (state === "unchecked") return [line, `        Sin comprobar: ${cause}`];
  const told = passages.map(({ at, by, text, lost }) => {
    const [time, arrow] = [at.toFixed(1).replace(".", ","), by === "tester" ? "→" : "←"];
    return `        ${time.padStart(9)} ms ${arrow} ${text}${lost ? " (perdido a propósito)" : ""}`;
  });
  const skipped = told.length - FIRST - LAST;
  if (skipped > 0) told.splice(FIRST, skipped, `        … ${skipped} datagramas …`);
  const link = `docs/protocolo.md#regla-${number.replace(".", "-")}`;
  return [
    line,
    `        ${cause[0]!.toUpperCase()}${cause.slice(1)}`,
    ...told,
    ...expected === undefined ? [] : [`        Se esperaba: ${expected}`],
    `        ${link}; para repetirla: --regla ${number} --semilla ${seed}`,
  ];
}

if (import.meta.main) {
  await run({
    help: HELP,
    values: ["host", "puerto", "nivel", "codigo", "regla", "semilla", "servidor"],
    flags: ["cliente", "escalera", "json", "preguntas", "respuesta-automatica"],
    words: 0,
    main,
  });
}
