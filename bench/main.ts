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
import { idle } from "./idle.ts";
import { long } from "./long.ts";
import { loss } from "./loss.ts";
import { processes } from "./processes.ts";
import { type Row, summarize, type Summary, toTable } from "./row.ts";
import { start } from "./start.ts";
import { turns } from "./turns.ts";
import { placement, Worker } from "./worker.ts";

/** The file that `--json` writes. */
export interface Report {
  /** The machine and the runtime of the figures. */
  readonly machine: string;
  readonly rows: readonly (Row & { readonly summary: Summary })[];
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

const HELP = `Cifras de este proyecto, medidas junto a aquello con lo que se comparan.

Uso:
  deno task bench [opciones]

Opciones:
  --only CIFRA      mide solo esta: ${Object.keys(FIGURES).join(", ")}
  --json ARCHIVO    escribe también en este archivo, como JSON, cada medida de cada ronda
  --perfil CARPETA  deja en esta carpeta un perfil de CPU de cada proceso medido; con él, más lentos`;

/** All of it takes less, in ms, or something is wrong. */
const PATIENCE_MS = 300_000;

async function main(): Promise<number> {
  const values = ["json", "only", "perfil"];
  const args = new Arguments(Deno.args, { values, flags: [], words: 0 });
  const names = Object.keys(FIGURES);
  if (args.has("ayuda")) {
    write(Deno.stdout, HELP);
    return 0;
  }
  const only = args.text("only", "");
  if (only !== "" && !names.includes(only)) {
    throw new UsageError(`no se conoce la cifra "${only}": ${names.join(", ")}`);
  }
  const file = args.text("json", "");
  const profileFolder = args.text("perfil", "");
  if (profileFolder !== "") Worker.profileFolder = profileFolder;
  const rows: Row[] = [];
  const begun = performance.now();
  for (const name of names.filter((name) => only === "" || only === name)) {
    write(Deno.stderr, `${Math.round((performance.now() - begun) / 1000)} s: ${name}`);
    rows.push(...await FIGURES[name]!());
  }
  const machine = describeMachine();
  write(Deno.stdout, `${machine}\n\n${toTable(rows)}`);
  if (file !== "") {
    const summed = rows.map((row) => ({ ...row, summary: summarize(row) }));
    const report: Report = { machine, rows: summed };
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
