/**
 * The one reader and writer of a program's terminal: prompts and their lines, the conversation on
 * stdout, everything about it on stderr.
 *
 * No permission is needed.
 *
 * @module
 */

import { red } from "@std/fmt/colors";
import { clean } from "./clean.ts";
import { PipedPrompter } from "./piped.ts";
import { takeKeys, Writer } from "./streams.ts";
import type { Prompter, TerminalInput, TerminalOutput } from "./streams.ts";

/** The streams of a {@linkcode Terminal}; by default those of the process. */
export interface TerminalOptions {
  /** The source of lines. */
  input?: TerminalInput;
  /** The conversation. */
  output?: TerminalOutput;
  /** Everything about the conversation. */
  errors?: TerminalOutput;
  /** Width of the terminal; 0 when it is not known. */
  columns?: () => number;
}

/** A stream that can no longer be used, and what it threw. */
export interface BrokenStream {
  /** Which one. */
  stream: "stdin" | "stdout" | "stderr";
  /** Such as `Deno.errors.BrokenPipe`. */
  error: Error;
}

/**
 * A terminal, or the files and pipes in its place.
 *
 * With a terminal on both sides a line is edited where it is typed, and text that is printed meanwhile
 * appears above the prompt. Otherwise the line that was read is written after its prompt.
 *
 * Reading begins with the first {@linkcode question} or look at {@linkcode ended}: a program that asks
 * nothing leaves stdin alone.
 *
 * @example
 * ```ts
 * import { Terminal } from "./terminal.ts";
 *
 * const input = {
 *   readable: new Blob(["¿HTML?\n"]).stream(),
 *   isTerminal: () => false,
 *   setRaw() {},
 * };
 * const terminal = new Terminal({ input });
 * const line = await terminal.question("Ingrese una pregunta: ");
 * if (typeof line === "string") terminal.notice(`Enviada: ${line}`);
 * terminal.close();
 * ```
 */
export class Terminal {
  /** Whether lines can be edited: stdin and stdout are both terminals. */
  readonly interactive: boolean;
  /**
   * Resolves with the first stream that breaks (a reader that went away, a full disk). What is written
   * to that stream afterwards is dropped; a broken stdin counts as the end of input.
   */
  readonly broken: Promise<BrokenStream>;
  #input: TerminalInput;
  #output: Writer;
  #errors: Writer;
  #columns: () => number;
  #piped: PipedPrompter;
  #prompter: Promise<Prompter> | undefined;
  #active: Prompter | FirstPrompt | undefined;
  #status: string | undefined;
  #statusRow = false;
  #interruptListeners: (() => void)[] = [];
  #closed = false;
  #breaks = Promise.withResolvers<BrokenStream>();

  /** Touches nothing yet: neither the input nor its mode. */
  constructor(options: TerminalOptions = {}) {
    this.broken = this.#breaks.promise;
    this.#input = options.input ?? Deno.stdin;
    this.#output = new Writer(options.output ?? Deno.stdout, this.#breaking("stdout"));
    this.#errors = new Writer(options.errors ?? Deno.stderr, this.#breaking("stderr"));
    this.#columns = options.columns ?? consoleColumns;
    const streams = { input: this.#input, output: this.#output };
    this.#piped = new PipedPrompter({ ...streams, onBroken: this.#breaking("stdin") });
    this.interactive = this.#input.isTerminal() && this.#output.terminal;
  }

  /** Resolves at the end of input, once every line that came before it was taken by a question. */
  get ended(): Promise<void> {
    return this.#open().then((prompter) => prompter.ended);
  }

  /** Whether a stream is to be coloured: it is a terminal, and `NO_COLOR` is unset. */
  colour(stream: "stdout" | "stderr"): boolean {
    const { terminal } = stream === "stdout" ? this.#output : this.#errors;
    return terminal && !Deno.noColor;
  }

  /**
   * Shows `prompt` and resolves with the next line, or with null at the end of input, again and again.
   *
   * When `signal` aborts, the prompt goes away and the answer is undefined. Nothing that was typed is
   * lost: it stands, still editable, after the next prompt.
   *
   * @throws {Error} If another question still waits for its line
   */
  async question(prompt: string, signal?: AbortSignal): Promise<string | null | undefined> {
    // No character is wider than two columns: what surely fits in one row is taken away with one row.
    const fits = 2 * prompt.length < this.#columns();
    if (this.#prompter === undefined && this.interactive && fits) {
      this.#eraseStatus();
      this.#active = new FirstPrompt(prompt, { input: this.#input, output: this.#output });
    }
    const prompter = await this.#open();
    if (prompter.asking) throw new Error("Another question still waits for its line");
    if (this.#closed) return null;
    if (signal?.aborted) return undefined;
    this.#eraseStatus();
    return await prompter.question(prompt, signal);
  }

  /**
   * The next line by itself, for a program in a person's place: no prompt, no echo. Null at the end of
   * input, undefined when `signal` aborts. It goes with no {@linkcode question}.
   */
  line(signal?: AbortSignal): Promise<string | null | undefined> {
    return this.#piped.line(signal);
  }

  /** Writes one line of the conversation to stdout. */
  print(line: string): void {
    this.#write(this.#output, line);
  }

  /** Writes one line about the conversation to stderr. */
  notice(line: string): void {
    this.#write(this.#errors, line);
  }

  /** Writes an error as one line on stderr. */
  error(message: string): void {
    this.notice(`${this.colour("stderr") ? red("Error:") : "Error:"} ${clean(message)}`);
  }

  /**
   * Shows on stderr how things stand. In a terminal this is one line that is rewritten in place and goes
   * away with `undefined` or with the next line of output; elsewhere, and while a prompt is showing, it
   * is a notice each time it changes.
   */
  status(line: string | undefined): void {
    if (line === this.#status) return;
    if (this.#errors.terminal && !this.#active?.asking) {
      this.#eraseStatus();
      // Without automatic wrap, a line that is too long is cut by the terminal, which knows its width.
      if (line !== undefined) this.#errors.write(`\x1b[?7l${line}\x1b[?7h`);
      this.#statusRow = line !== undefined;
    } else if (line !== undefined) {
      this.notice(line);
    }
    this.#status = line;
  }

  /** Calls `listener` on each Ctrl-C and each SIGINT, which then no longer end the process. */
  onInterrupt(listener: () => void): void {
    this.#interruptListeners.push(listener);
    Deno.addSignalListener("SIGINT", listener);
  }

  /** Gives the terminal back as it was. A pending question resolves with null, and the process can end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#eraseStatus();
    this.#active?.close();
    this.#piped.close();
    for (const listener of this.#interruptListeners) Deno.removeSignalListener("SIGINT", listener);
  }

  #open(): Promise<Prompter> {
    return this.#prompter ??= this.#choosePrompter();
  }

  async #choosePrompter(): Promise<Prompter> {
    if (!this.interactive) return this.#active = this.#piped;
    // Readline takes long to load: a pipe does without it, and a first prompt can show before.
    const { Editor } = await import("./editor.ts");
    this.#active?.hide();
    const onInterrupt = () => this.#interruptListeners.forEach((listener) => listener());
    this.#active = new Editor({
      input: this.#input,
      output: this.#output,
      columns: this.#columns,
      onInterrupt,
    });
    if (this.#closed) this.#active.close();
    return this.#active;
  }

  #write(writer: Writer, line: string): void {
    this.#eraseStatus();
    const besidePrompt = writer === this.#output || writer.terminal && this.#output.terminal;
    if (besidePrompt) this.#active?.hide();
    writer.write(`${line}\n`);
    if (besidePrompt) this.#active?.show();
  }

  #eraseStatus(): void {
    if (!this.#statusRow) return;
    this.#errors.write("\r\x1b[K");
    this.#statusRow = false;
    this.#status = undefined;
  }

  #breaking(stream: BrokenStream["stream"]): (error: Error) => void {
    return (error) => this.#breaks.resolve({ stream, error });
  }
}

/** The first prompt, until there is an editor that can show it, and what is typed behind it. */
class FirstPrompt implements Pick<Prompter, "asking" | "hide" | "show" | "close"> {
  asking = true;
  readonly #prompt: string;
  readonly #input: TerminalInput;
  readonly #output: Writer;

  constructor(prompt: string, { input, output }: { input: TerminalInput; output: Writer }) {
    this.#prompt = prompt;
    this.#input = input;
    this.#output = output;
    takeKeys(input);
    this.show();
  }

  hide(): void {
    if (this.asking) this.#output.write("\r\x1b[J");
  }

  show(): void {
    if (this.asking) this.#output.write(this.#prompt);
  }

  close(): void {
    if (!this.asking) return;
    this.asking = false;
    this.#output.write("\n");
    this.#input.setRaw(false);
  }
}

function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 0;
  }
}
