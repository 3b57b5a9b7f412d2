/**
 * The frame of every program: common options, signals that stop it, a line for each error, an exit code.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { type Laboratory, LABORATORY_OPTIONS, openLaboratory } from "../laboratory/laboratory.ts";
import { onSignal } from "../terminal/streams.ts";
import { Terminal } from "../terminal/terminal.ts";
import { type ArgumentNames, Arguments, UsageError } from "./arguments.ts";
import { JsonTerminal } from "./json.ts";
import { describeBroken, EXIT, Failure, firstCode } from "./words.ts";

/** A program: its options and its work. */
export interface Program extends ArgumentNames {
  /** The text of `--ayuda`. */
  readonly help: string;
  /** Its end of a conversation, if it holds one: it then has a laboratory and stops in order. */
  readonly role?: "server" | "client";
  /** Returns the exit code. */
  main(run: Run): Promise<number>;
}

/** One run of a program. */
export interface Run {
  readonly args: Arguments;
  readonly terminal: Terminal;
  /** The same, if another program uses this one. */
  readonly json: JsonTerminal | undefined;
  /** Aborts when a program with a role has to end; the reason is its exit code. */
  readonly signal: AbortSignal;
  /** Resolves when a server is to hand its clients over to another. */
  readonly replaced: Promise<void>;
  /** Options for `serve` and `connect`. */
  readonly laboratory: Laboratory["options"];
}

/** Longest wait at the end for a stream that takes nothing, in ms, and after a signal. */
const FLUSH_MS = 10_000;
const HURRIED_FLUSH_MS = 500;

/** Time for the other end to confirm the bye once `--tiempo-maximo` has passed, in ms. */
const LAST_WORD_MS = 500;

/** Runs a program to its end, and ends the process. */
export async function run(program: Program): Promise<never> {
  const json = Deno.args.includes("--json") ? new JsonTerminal() : undefined;
  const terminal = json ?? new Terminal();
  const controller = new AbortController();
  let streamCode: number = EXIT.ok;
  terminal.broken.then((stream) => {
    terminal.error(describeBroken(stream));
    streamCode = EXIT.defect;
    controller.abort(EXIT.defect);
  });
  const exit = async (code: number): Promise<never> => {
    terminal.close();
    await terminal.flush(controller.signal.aborted ? HURRIED_FLUSH_MS : FLUSH_MS);
    // A stream that broke at the very end is told of.
    if (streamCode !== EXIT.ok) await terminal.flush(HURRIED_FLUSH_MS);
    Deno.exit(firstCode(code, streamCode));
  };
  const abort = (event: Event, error: unknown) => {
    event.preventDefault();
    exit(report(error, terminal));
  };
  addEventListener("unhandledrejection", (event) => abort(event, event.reason));
  addEventListener("error", (event) => abort(event, event.error));
  const code = await complete(program, { terminal, json, controller })
    .catch((error) => report(error, terminal));
  return await exit(code);
}

type Stop = (code: number) => void;

async function complete(
  program: Program,
  { terminal, json, controller }: Pick<Run, "terminal" | "json"> & { controller: AbortController },
): Promise<number> {
  const { help, role, values, optionals = [], flags, words } = program;
  const names = role === undefined ? program : {
    values: [...values, ...LABORATORY_OPTIONS.values],
    optionals: [...optionals, ...LABORATORY_OPTIONS.optionals],
    flags: [...flags, ...LABORATORY_OPTIONS.flags],
    words,
  };
  const args = new Arguments(Deno.args, names);
  if (args.has("ayuda") || args.has("version")) {
    const text = args.has("ayuda") ? help : config.version;
    for (const line of text.split("\n")) terminal.print(line);
    return EXIT.ok;
  }
  const { signal } = controller;
  const stop: Stop = (code) => {
    // The second Ctrl-C does not wait for the other end.
    if (signal.aborted) {
      terminal.close();
      Deno.exit(code);
    }
    controller.abort(code);
  };
  const { promise: replaced, resolve: replace } = Promise.withResolvers<void>();
  const frame = { args, terminal, json, signal, replaced };
  if (role === undefined) return await program.main({ ...frame, laboratory: {} });
  const laboratory = await openLaboratory(role, args, terminal);
  stopOnSignals(stop, terminal, role);
  if (role === "client") limitTime(stop, args, terminal);
  // SIGUSR1 opens the inspector of the runtime.
  else onSignal("SIGUSR2", replace);
  const code = await program.main({ ...frame, laboratory: laboratory.options })
    .catch((error) => signal.aborted && error === signal.reason ? error : report(error, terminal));
  await laboratory.conclude();
  return code;
}

/** Stops on Ctrl-C, SIGTERM, SIGHUP and the end of the terminal. */
function stopOnSignals(stop: Stop, terminal: Terminal, role: Program["role"]): void {
  const interrupt = (code: number) => stop(role === "server" ? EXIT.ok : code);
  terminal.onInterrupt(() => interrupt(EXIT.interrupted));
  terminal.onSuspend = () => terminal.notice("Ctrl-Z no detiene este programa; Ctrl-C lo termina");
  onSignal("SIGTERM", () => interrupt(EXIT.terminated));
  // The window that is closed says so twice.
  const hungUp = Promise.withResolvers<void>();
  onSignal("SIGHUP", hungUp.resolve);
  Promise.race([hungUp.promise, terminal.hangup]).then(() => interrupt(EXIT.hungUp));
}

/** Stops the client when `--tiempo-maximo` has passed, whatever it waits for. */
function limitTime(stop: Stop, args: Arguments, terminal: Terminal): void {
  if (args.optional("tiempo-maximo") === undefined) return;
  const limit = args.seconds("tiempo-maximo", 0);
  setTimeout(() => {
    terminal.error(`pasaron los ${limit / 1000} s de --tiempo-maximo, y se termina aquí`);
    stop(EXIT.unanswered);
    setTimeout(() => stop(EXIT.unanswered), LAST_WORD_MS);
  }, limit);
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
