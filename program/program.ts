/**
 * What every program does around its work: the common options, one line for each error, an exit code.
 *
 * @module
 */
import { red } from "@std/fmt/colors";
import config from "../deno.json" with { type: "json" };
import { type ArgumentNames, Arguments, UsageError } from "./arguments.ts";
import { clean } from "../terminal/clean.ts";
import { Terminal } from "../terminal/terminal.ts";

/** The exit codes of the programs. */
export const EXIT = {
  /** It ended in order. */
  ok: 0,
  /** A defect of the program, or of what it reads from or writes to. */
  defect: 1,
  /** What was typed is not a valid command. */
  usage: 2,
  /** No server, or no port to be one. */
  noServer: 3,
  /** The server was lost in mid-conversation. */
  lost: 4,
  /** The server refused. */
  refused: 5,
  /** The code of a private room is wrong, missing, or not wanted. */
  code: 6,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

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

/** Writes an error as one line on stderr. */
export function printError(terminal: Terminal, message: string): void {
  const label = terminal.colour("stderr") ? red("Error:") : "Error:";
  terminal.notice(`${label} ${clean(message)}`);
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
    printError(terminal, `${error.message}; vea las opciones con --ayuda`);
    return EXIT.usage;
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  printError(terminal, `defecto del programa, infórmelo a quien lo mantiene: ${what}`);
  return EXIT.defect;
}
