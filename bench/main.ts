/**
 * Everything that is promised in figures, measured side by side with its baseline: prints one table.
 *
 * ```sh
 * deno task bench
 * deno task bench --only turns --json figures.json
 * ```
 *
 * @module
 */
import { Arguments, UsageError } from "../program/arguments.ts";
import { clients } from "./clients.ts";
import { fair } from "./fair.ts";
import { idle } from "./idle.ts";
import { missingForLinks } from "./link.ts";
import { long } from "./long.ts";
import { loss } from "./loss.ts";
import { processes } from "./processes.ts";
import { type Row, summarize, type Summary, toTable } from "./row.ts";
import { start } from "./start.ts";
import { type Contender, tcp, toContenderTable } from "./tcp.ts";
import { turns } from "./turns.ts";
import { placement, Worker } from "./worker.ts";

/** The file that `--json` writes. */
export interface Report {
  /** The machine and the runtime of the figures. */
  readonly machine: string;
  /** The day on which they were taken, as in `2026-11-26`. */
  readonly day: string;
  readonly rows: readonly (Row & { readonly summary: Summary })[];
  /** The figures of `--only tcp`, which have no rows. */
  readonly contenders: readonly Contender[];
}

const FIGURES: Readonly<Record<string, () => Row[] | Promise<Row[]>>> = {
  turns,
  clients,
  processes,
  idle,
  long,
  start,
  loss,
};

/** Figures over links of their own: not every machine can make them, so they have to be asked for. */
const LINK_FIGURES: readonly string[] = ["tcp", "fair"];

const HELP = `Cifras de este proyecto, medidas junto a aquello con lo que se comparan.

Uso:
  deno task bench [opciones]

Opciones:
  --only CIFRA      mide solo esta: ${Object.keys(FIGURES).join(", ")};
                    o una de estas, que no se miden si no se piden: ${LINK_FIGURES.join(", ")}
  --json ARCHIVO    escribe también en este archivo, como JSON, cada medida de cada ronda
  --perfil CARPETA  deja en esta carpeta un perfil de CPU de cada proceso medido; con él, más lentos`;

/** All of it takes less, in ms, or something is wrong. */
const PATIENCE_MS = 600_000;

async function main(): Promise<number> {
  const values = ["json", "only", "perfil"];
  const args = new Arguments(Deno.args, { values, flags: [], words: 0 });
  const names = Object.keys(FIGURES);
  const known = [...names, ...LINK_FIGURES];
  if (args.has("ayuda")) {
    write(Deno.stdout, HELP);
    return 0;
  }
  const only = args.text("only", "");
  if (only !== "" && !known.includes(only)) {
    throw new UsageError(`no se conoce la cifra "${only}": ${known.join(", ")}`);
  }
  const missing = LINK_FIGURES.includes(only) ? await missingForLinks() : "";
  if (missing !== "") throw new UsageError(`no se puede medir "${only}": ${missing}`);
  const file = args.text("json", "");
  const profileFolder = args.text("perfil", "");
  if (profileFolder !== "") Worker.profileFolder = profileFolder;
  if (LINK_FIGURES.includes(only)) write(Deno.stderr, `${only}: minutos, ocho como mucho`);
  const contenders = only === "tcp" ? await tcp() : [];
  const rows = only === "fair" ? await fair() : [];
  const begun = performance.now();
  for (const name of names.filter((name) => only === "" || only === name)) {
    write(Deno.stderr, `${Math.round((performance.now() - begun) / 1000)} s: ${name}`);
    rows.push(...await FIGURES[name]!());
  }
  const machine = describeMachine();
  const table = only === "tcp" ? toContenderTable(contenders) : toTable(rows);
  write(Deno.stdout, `${machine}\n\n${table}`);
  if (file !== "") {
    const summed = rows.map((row) => ({ ...row, summary: summarize(row) }));
    const day = new Date().toISOString().slice(0, 10);
    const report: Report = { machine, day, rows: summed, contenders };
    await Deno.writeTextFile(file, `${JSON.stringify(report, null, 2)}\n`);
  }
  return 0;
}

function describeMachine(): string {
  const { os, arch } = Deno.build;
  const cores = navigator.hardwareConcurrency;
  return `Deno ${Deno.version.deno}, ${os} ${arch}, ${cores} núcleos; ${placement}.`;
}

function write(stream: typeof Deno.stdout | typeof Deno.stderr, line: string): void {
  stream.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const timer = setTimeout(() => {
    write(Deno.stderr, `Error: las medidas no acabaron en ${PATIENCE_MS / 1000} s`);
    Deno.exit(1);
  }, PATIENCE_MS);
  const code = await main().catch((error) => {
    write(
      Deno.stderr,
      error instanceof UsageError ? `Error: ${error.message}` : Deno.inspect(error),
    );
    return error instanceof UsageError ? 2 : 1;
  });
  clearTimeout(timer);
  Deno.exit(code);
}
