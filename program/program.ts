/**
 * What every program does around its work: the common options, one line for each error, an exit code.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { type ArgumentNames, Arguments, UsageError } from "./arguments.ts";
import { Terminal } from "../terminal/terminal.ts";
import { EXIT, Failure } from "./words.ts";

export { EXIT } from "./words.ts";

/** A program: what it takes, and what it does. */
export interface Program extends ArgumentNames {
  /** The text of `--ayuda`. */
  readonly help: string;
  /** Does the work, and gives back the exit code. */
  main(args: Arguments, terminal: Terminal): Promise<number>;
}

/** Runs a program to its end, and ends the process. */
export async function run(program: Program): Promise<never> {
  const terminal = new Terminal();
  const abort = (event: Event, error: unknown) => {
    event.preventDefault();
    Deno.exit(report(error, terminal));
  };
  addEventListener("unhandledrejection", (event) => abort(event, event.reason));
  addEventListener("error", (event) => abort(event, event.error));
  const code = await complete(program, terminal).catch((error) => report(error, terminal));
  terminal.close();
  Deno.exit(code);
}

async function complete(program: Program, terminal: Terminal): Promise<number> {
  const args = new Arguments(Deno.args, program);
  if (args.has("ayuda")) {
    for (const line of program.help.split("\n")) terminal.print(line);
    return EXIT.ok;
  }
  if (args.has("version")) {
    terminal.print(config.version);
    return EXIT.ok;
  }
  return await program.main(args, terminal);
}

function report(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.error(`${error.message}; vea las opciones con --ayuda`);
    return EXIT.usage;
  }
  if (error instanceof Failure) {
    terminal.error(error.message);
    return error.code;
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  terminal.error(`defecto del programa, infórmelo a quien lo mantiene: ${what}`);
  return EXIT.defect;
}
