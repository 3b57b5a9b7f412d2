/**
 * The frame of every program: common options, signals that stop it, a line for each error, an exit code.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { type Laboratory, LABORATORY_FLAGS, LABORATORY_VALUES } from "../laboratory/laboratory.ts";
import { openLaboratory } from "../laboratory/laboratory.ts";
import { onSignal } from "../terminal/streams.ts";
import { Terminal } from "../terminal/terminal.ts";
import { type ArgumentNames, Arguments, UsageError } from "./arguments.ts";
import { describeBroken, EXIT, Failure } from "./words.ts";

export { EXIT } from "./words.ts";

/** Longest wait for a stream that takes nothing, in ms. */
const MAX_FLUSH_MS = 2_000;

/** A program: its options and its work. */
export interface Program extends ArgumentNames {
  /** The text of `--ayuda`. */
  readonly help: string;
  /** Its end of a conversation, if it holds one: it then has a laboratory and stops in order. */
  readonly role?: "server" | "client";
  /** Does the work, and returns the exit code. */
  main(run: Run): Promise<number>;
}

/** One run of a program. */
export interface Run {
  /** The options that were typed. */
  readonly args: Arguments;
  /** The terminal of the process. */
  readonly terminal: Terminal;
  /** Aborts when a program with a role has to end; the reason is its exit code. */
  readonly signal: AbortSignal;
  /** Options for `serve` and `connect`. */
  readonly laboratory: Laboratory["options"];
}

/** Runs a program to its end, and ends the process. */
export async function run(program: Program): Promise<never> {
  const terminal = new Terminal();
  const abort = async (event: Event, error: unknown) => {
    event.preventDefault();
    await exit(report(error, terminal), terminal);
  };
  addEventListener("unhandledrejection", (event) => abort(event, event.reason));
  addEventListener("error", (event) => abort(event, event.error));
  const code = await complete(program, terminal).catch((error) => report(error, terminal));
  terminal.close();
  return await exit(code, terminal);
}

/** Ends the process once all is written, or nobody has read it for too long. */
async function exit(code: number, terminal: Terminal): Promise<never> {
  await terminal.flush(MAX_FLUSH_MS);
  Deno.exit(code);
}

async function complete(program: Program, terminal: Terminal): Promise<number> {
  const { help, role, values, flags } = program;
  const args = new Arguments(
    Deno.args,
    role === undefined ? program : {
      ...program,
      values: [...values, ...LABORATORY_VALUES],
      flags: [...flags, ...LABORATORY_FLAGS],
    },
  );
  if (args.has("ayuda")) {
    for (const line of help.split("\n")) terminal.print(line);
    return EXIT.ok;
  }
  if (args.has("version")) {
    terminal.print(config.version);
    return EXIT.ok;
  }
  const stop = new AbortController();
  const { signal } = stop;
  if (role === undefined) return await program.main({ args, terminal, signal, laboratory: {} });
  const laboratory = await openLaboratory(args, terminal, role);
  stopOnSignals(stop, terminal, role);
  const code = await program.main({ args, terminal, signal, laboratory: laboratory.options })
    .catch((error) => signal.aborted && error === signal.reason ? error : report(error, terminal));
  laboratory.conclude();
  return code;
}

/** Aborts `stop` with an exit code on Ctrl-C, SIGTERM, or a stream that breaks. */
function stopOnSignals(stop: AbortController, terminal: Terminal, role: Program["role"]): void {
  const interrupt = (code: number) => {
    if (role === "server") return stop.abort(EXIT.ok);
    // The second Ctrl-C does not wait for the server to confirm the bye.
    if (stop.signal.aborted) Deno.exit(code);
    stop.abort(code);
  };
  terminal.onInterrupt(() => interrupt(EXIT.interrupted));
  onSignal("SIGTERM", () => interrupt(EXIT.terminated));
  terminal.broken.then((stream) => {
    terminal.error(describeBroken(stream));
    stop.abort(EXIT.defect);
  });
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
  terminal.error(`defecto del programa; comuníquelo a quien lo mantiene: ${what}`);
  return EXIT.defect;
}
