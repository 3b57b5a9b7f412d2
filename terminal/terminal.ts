/**
 * The one reader and writer of a program's terminal: prompts and their lines, the conversation on
 * stdout, everything about it on stderr.
 *
 * No permission is needed; with `--allow-env=TERM` a terminal that knows no escape sequences is known.
 *
 * @module
 */

import { red } from "@std/fmt/colors";
import { clean } from "./clean.ts";
import type { Editor } from "./editor.ts";
import { cut, layOut } from "./layout.ts";
import { PipedPrompter } from "./piped.ts";
import { setRaw, Writer } from "./streams.ts";
import type { Prompter, PromptOptions, TerminalInput, TerminalOutput } from "./streams.ts";

/** The streams of a {@linkcode Terminal}; by default those of the process. */
export interface TerminalOptions {
  /** The source of lines. */
  input?: TerminalInput;
  /** The conversation. */
  output?: TerminalOutput;
  /** Everything about the conversation. */
  errors?: TerminalOutput;
  /** Size of the terminal; zeros when it is not known. */
  size?: () => { columns: number; rows: number };
  /** Whether the terminal knows no escape sequences; by default whether `TERM` is `dumb`. */
  isDumb?: boolean;
  /** The notice that stands for `count` notices that stderr did not take; default none. */
  describeDropped?: (count: number) => string;
}

/** What a question may have beside its prompt. */
export interface QuestionOptions extends PromptOptions {
  /**
   * Lines that stand above the prompt, already printed: shown again when they have scrolled off, in a
   * third of the rows at most.
   */
  context?: readonly string[] | undefined;
  /** Whether a prompt and its line belong to the transcript on a stdout that is not the screen. */
  isConversation?: ((line: string | null | undefined) => boolean) | undefined;
}

/** A stream that can no longer be used, and what it threw. */
export interface BrokenStream {
  /** Which one. */
  stream: "stdin" | "stdout";
  /** Such as `Deno.errors.BrokenPipe`. */
  error: Error;
}

/**
 * A terminal, or the files and pipes in its place.
 *
 * Where a person types and looks, a line is edited where it is typed, and text that is printed
 * meanwhile appears above the prompt. Otherwise the line that was read is written after its prompt.
 *
 * Reading begins with the first {@linkcode question} or look at {@linkcode ended}: a program that asks
 * nothing leaves stdin alone. Writing stops nobody: text waits for a stream that takes nothing.
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
  /**
   * Whether lines are edited: stdin is a terminal, and stdout is one or else stderr, which is then the
   * screen. What the screen shows goes to a stdout that is none as plain text.
   */
  readonly interactive: boolean;
  /** Whether a person types and looks, be it without editing. */
  readonly isTyped: boolean;
  /**
   * Resolves with the first stream that breaks (a reader that went away, a full disk). What is written
   * to that stream afterwards is dropped; a broken stdin counts as the end of input. A broken stderr
   * is not told: there is nowhere to tell it.
   */
  readonly broken: Promise<BrokenStream>;
  /** Resolves when the terminal is gone: its window was closed, or its line hung up. */
  readonly hangup: Promise<void>;
  #input: TerminalInput;
  #output: Writer;
  #errors: Writer;
  /** The stream that shows prompts. */
  #screen: Writer;
  #size: () => { columns: number; rows: number };
  #isDumb: boolean;
  #describeDropped: ((count: number) => string) | undefined;
  #dropped = 0;
  #piped: PipedPrompter;
  #prompter: Promise<Prompter> | undefined;
  #editor: Editor | undefined;
  #active: Prompter | FirstPrompt | undefined;
  #isAsking = false;
  #context: readonly string[] = [];
  #rowsSinceContext = 0;
  #status: string | undefined;
  #hasStatusRow = false;
  #interruptListeners: (() => void)[] = [];
  #suspendListeners: (() => void)[] = [];
  #invalidListeners: ((line: number) => void)[] = [];
  #isClosed = false;
  #breaks = Promise.withResolvers<BrokenStream>();
  #hangs = Promise.withResolvers<void>();

  /** Touches nothing yet: neither the input nor its mode. */
  constructor(options: TerminalOptions = {}) {
    this.broken = this.#breaks.promise;
    this.hangup = this.#hangs.promise;
    const { input = Deno.stdin, output = Deno.stdout, errors = Deno.stderr } = options;
    this.#size = options.size ?? consoleSize;
    this.#isDumb = options.isDumb ?? isTermDumb(input, output, errors);
    this.#describeDropped = options.describeDropped;
    this.#input = input;
    this.#output = new Writer(output, this.#breaking("stdout", output.isTerminal()));
    // What two terminals show is taken for one screen, on which the order counts.
    const queue = this.#output.terminal && errors.isTerminal() ? this.#output.queue : undefined;
    this.#errors = new Writer(errors, this.#breaking(undefined, errors.isTerminal()), queue);
    const isSplit = input.isTerminal() && !this.#output.terminal && this.#errors.terminal;
    this.#screen = isSplit && !this.#isDumb ? this.#errors : this.#output;
    this.interactive = input.isTerminal() && this.#screen.terminal && !this.#isDumb;
    this.isTyped = input.isTerminal() && (this.#output.terminal || this.#errors.terminal);
    this.#piped = new PipedPrompter({
      input,
      output: this.#output,
      canErase: this.#output.terminal && !this.#isDumb,
      onBroken: this.#breaking("stdin", input.isTerminal()),
      onInvalid: (line) => this.#invalidListeners.forEach((listener) => listener(line)),
    });
  }

  /** Resolves at the end of input, once every line that came before it was taken by a question. */
  get ended(): Promise<void> {
    return this.#open().then((prompter) => prompter.ended);
  }

  /** Whether a stream is to be coloured: it is a terminal that can, and `NO_COLOR` is unset. */
  colour(stream: "stdout" | "stderr"): boolean {
    const { terminal } = stream === "stdout" ? this.#output : this.#errors;
    return terminal && !this.#isDumb && !Deno.noColor;
  }

  /**
   * Shows `prompt` and resolves with the next line, or with null at the end of input, again and again.
   * A line that was pasted in several has "\n" in it.
   *
   * When the signal aborts, the prompt goes away and the answer is undefined. Nothing that was typed is
   * lost: it stands, still editable, after the next prompt, unless {@linkcode setAside} is called.
   *
   * @throws {Error} If another question still waits for its line
   */
  async question(
    prompt: string,
    options: AbortSignal | QuestionOptions = {},
  ): Promise<string | null | undefined> {
    if (options instanceof AbortSignal) options = { signal: options };
    if (this.#isAsking) throw new Error("Another question still waits for its line");
    this.#isAsking = true;
    this.#context = options.context ?? [];
    this.#rowsSinceContext = 0;
    try {
      return await this.#ask(prompt, options);
    } finally {
      this.#isAsking = false;
      this.#context = [];
      if (this.interactive) this.#status = undefined;
    }
  }

  async #ask(prompt: string, options: QuestionOptions): Promise<string | null | undefined> {
    const status = this.#hasStatusRow ? this.#status : undefined;
    this.#eraseStatus();
    if (this.interactive) this.#status = status;
    // No character is wider than two columns: what surely fits in one row is taken away with one row.
    const fits = 2 * prompt.length < this.#size().columns;
    if (this.#prompter === undefined && this.interactive && fits) {
      await setRaw(this.#input, this.#screen, true);
      this.#active = new FirstPrompt(prompt, this.#input, this.#screen);
    }
    const prompter = await this.#open();
    if (this.#isClosed) return null;
    if (options.signal?.aborted) return undefined;
    const line = await prompter.question(prompt, options);
    const isCopied = this.interactive && this.#screen !== this.#output &&
      (options.isConversation?.(line) ?? true);
    if (isCopied && line !== undefined) this.#output.write(`${layOut(prompt + (line ?? ""), 0)}\n`);
    return line;
  }

  /**
   * The next line by itself, for a program in a person's place: no prompt, no echo. Null at the end of
   * input, undefined when `signal` aborts. It goes with no {@linkcode question}.
   */
  line(signal?: AbortSignal): Promise<string | null | undefined> {
    return this.#piped.line(signal);
  }

  /**
   * Takes what stands in the prompt, or was typed ahead of one, into the history: an arrow brings it
   * back. Returns whether there was anything. Without editing it drops a line that was typed ahead;
   * lines of a pipe stay where they are.
   */
  setAside(): boolean {
    return this.#editor?.setAside() ?? (this.isTyped && this.#piped.drop());
  }

  /**
   * Resolves when the screen has taken all that was written, and no key came for `ms` milliseconds;
   * without editing, after that time.
   */
  async quiet(ms: number): Promise<void> {
    if (this.interactive) await this.#screen.queue.until(0);
    else await new Promise((resolve) => setTimeout(resolve, ms));
    await this.#editor?.quiet(ms);
  }

  /**
   * Writes one text of the conversation to stdout; its lines and rows after the first are indented.
   * Resolves when there is room for more.
   */
  async print(text: string): Promise<void> {
    this.#write(this.#output, text);
    if (this.#screen !== this.#output) this.#write(this.#screen, text);
    await Promise.all([this.#output.room(), this.#screen.room()]);
  }

  /**
   * Writes one text about the conversation to stderr, laid out in the same way. It is dropped, and
   * counted, while stderr takes nothing.
   */
  notice(text: string): void {
    if (!this.#errors.queue.isFull) return this.#write(this.#errors, text);
    if (this.#dropped++ > 0) return;
    this.#errors.room().then(() => {
      const count = this.#dropped;
      this.#dropped = 0;
      if (this.#describeDropped) this.#write(this.#errors, this.#describeDropped(count));
    });
  }

  /** Writes an error as one line on stderr. */
  error(message: string): void {
    this.notice(`${this.colour("stderr") ? red("Error:") : "Error:"} ${clean(message)}`);
  }

  /**
   * Shows how things stand. In a terminal this is one line that is rewritten in place: above the prompt
   * until its line is entered, and where no prompt shows until the next line of output; `undefined`
   * takes it away. Elsewhere it is a notice each time it changes.
   */
  status(line: string | undefined): void {
    if (line === this.#status || this.#isClosed) return;
    this.#status = line;
    if (this.interactive && this.#isAsking) {
      // A screen that takes nothing gets the last one with the next text.
      if (this.#screen.queue.isFull) return;
      this.#active?.hide();
      this.#active?.show();
    } else if (this.#errors.terminal && !this.#isDumb && !this.#active?.asking) {
      this.#eraseStatus();
      if (line !== undefined) this.#errors.write(cut(line, this.#size().columns));
      this.#status = line;
      this.#hasStatusRow = line !== undefined;
    } else if (line !== undefined) {
      this.notice(line);
    }
  }

  /** Calls `listener` on each Ctrl-C and each SIGINT, which then no longer end the process. */
  onInterrupt(listener: () => void): void {
    this.#interruptListeners.push(listener);
    Deno.addSignalListener("SIGINT", listener);
  }

  /** Calls `listener` on each Ctrl-Z, which does nothing else. */
  onSuspend(listener: () => void): void {
    this.#suspendListeners.push(listener);
  }

  /** Calls `listener` with the number of each line of a pipe that is not text and is left out. */
  onInvalidLine(listener: (line: number) => void): void {
    this.#invalidListeners.push(listener);
  }

  /**
   * Resolves when all is written, or `ms` milliseconds have passed: with whether stdout has taken
   * everything.
   */
  async flush(ms: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), ms);
    // What ends with the close has its last word first.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const all = Promise.all([this.#output, this.#errors].map(({ queue }) => queue.until(0)));
    const isInTime = await Promise.race([all.then(() => true), late.promise]);
    clearTimeout(timer);
    return isInTime && !this.#output.isBroken;
  }

  /** Gives the terminal back as it was. A pending question resolves with null, and the process can end. */
  close(): void {
    if (this.#isClosed) return;
    this.#eraseStatus();
    this.#isClosed = true;
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
    if (this.#active === undefined) await setRaw(this.#input, this.#screen, true);
    this.#active?.hide();
    this.#active = this.#editor = new Editor({
      input: this.#input,
      output: this.#screen,
      columns: () => this.#size().columns,
      status: () => this.#status,
      onInterrupt: () => this.#interruptListeners.forEach((listener) => listener()),
      onSuspend: () => this.#suspendListeners.forEach((listener) => listener()),
      onHangup: this.#hangs.resolve,
    });
    if (this.#isClosed) this.#active.close();
    return this.#active;
  }

  #write(writer: Writer, text: string): void {
    this.#eraseStatus();
    const shown = layOut(text, writer.terminal ? this.#size().columns : 0);
    const isBesidePrompt = writer === this.#screen || writer.terminal && this.#screen.terminal;
    if (isBesidePrompt) this.#active?.hide();
    writer.write(`${shown}\n`);
    if (!isBesidePrompt) return;
    this.#rowsSinceContext += shown.split("\n").length;
    this.#restoreContext();
    this.#active?.show();
  }

  /** Shows the context again if the rows written since have pushed it off the screen. */
  #restoreContext(): void {
    const { columns, rows } = this.#size();
    if (this.#context.length === 0 || !this.interactive) return;
    const lines = this.#context.flatMap((line) => layOut(line, columns).split("\n"));
    const promptRows = this.#editor?.rows ?? 1;
    if (this.#rowsSinceContext + lines.length + promptRows <= rows) return;
    const most = Math.max(1, Math.floor(rows / 3));
    const shown = lines.slice(0, most);
    if (lines.length > most) shown.push(cut(shown.pop()!, columns - 1).replace(/…?$/, "…"));
    const writer = this.#errors.terminal ? this.#errors : this.#screen;
    writer.write(`${shown.join("\n")}\n`);
    this.#rowsSinceContext = shown.length - lines.length;
  }

  #eraseStatus(): void {
    if (!this.#hasStatusRow) return;
    this.#errors.write("\r\x1b[K");
    this.#hasStatusRow = false;
    this.#status = undefined;
  }

  #breaking(stream: BrokenStream["stream"] | undefined, terminal: boolean) {
    return (error: Error) => {
      if (terminal) this.#hangs.resolve();
      else if (stream) this.#breaks.resolve({ stream, error });
    };
  }
}

/** The first prompt, until there is an editor that can show it, and what is typed behind it. */
class FirstPrompt implements Pick<Prompter, "asking" | "hide" | "show" | "close"> {
  asking = true;

  constructor(readonly prompt: string, readonly input: TerminalInput, readonly output: Writer) {
    this.show();
  }

  hide(): void {
    if (this.asking) this.output.write("\r\x1b[J");
  }

  show(): void {
    if (this.asking) this.output.write(this.prompt);
  }

  close(): void {
    this.asking = false;
    this.output.write("\n");
    setRaw(this.input, this.output, false);
  }
}

function consoleSize(): { columns: number; rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { columns: 0, rows: 0 };
  }
}

/** Whether `TERM` is `dumb`, as far as that may be read, where any of these streams is a terminal. */
export function isTermDumb(...streams: { isTerminal(): boolean }[]): boolean {
  if (!streams.some((stream) => stream.isTerminal())) return false;
  // Asked without the permission, the system would ask the person at the terminal.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" && Deno.env.get("TERM") === "dumb";
}
