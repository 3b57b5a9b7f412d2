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
import { setRaw, within, Writer } from "./streams.ts";
import type { Line, Prompter, PromptOptions, TerminalInput, TerminalOutput } from "./streams.ts";

/** The streams of a {@linkcode Terminal}; by default those of the process. */
export interface TerminalOptions {
  input?: TerminalInput;
  /** The conversation. */
  output?: TerminalOutput;
  /** Everything about the conversation. */
  errors?: TerminalOutput;
  /** Size of the terminal; zeros when it is not known. */
  size?: () => { columns: number; rows: number };
  /** Whether the terminal knows no escape sequences; by default whether `TERM` is `dumb`. */
  isDumb?: boolean;
}

export interface QuestionOptions extends PromptOptions {
  /**
   * Lines that stand above the prompt, already printed: shown again when they have scrolled off, in a
   * third of the rows at most.
   */
  context?: readonly string[] | undefined;
  /** Whether a prompt and its line belong to the transcript on a stdout that is not the screen. */
  isConversation?: ((line: Line) => boolean) | undefined;
}

/** A stream that can no longer be used, and what it threw. */
export interface BrokenStream {
  stream: "stdin" | "stdout";
  error: Error;
}

/**
 * A terminal, or the files and pipes in its place.
 *
 * In a terminal, a line is edited where it is typed, and text that is printed meanwhile appears above
 * the prompt. Otherwise the line that was read is written after its prompt.
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
  /** Called on Ctrl-Z. */
  onSuspend: () => void = () => {};
  /** Called with the number of each line of a pipe that is not text and is left out. */
  onInvalidLine: (line: number) => void = () => {};
  readonly #breaks = Promise.withResolvers<BrokenStream>();
  readonly #hangs = Promise.withResolvers<void>();
  /**
   * Resolves with the first stream that breaks (a reader that went away, a full disk), unless it is
   * stderr. What is written to it later is dropped; a broken stdin counts as the end of input.
   */
  readonly broken: Promise<BrokenStream> = this.#breaks.promise;
  /** Resolves when the terminal is gone: its window was closed, or its line hung up. */
  readonly hangup: Promise<void> = this.#hangs.promise;
  #input: TerminalInput;
  #output: Writer;
  #errors: Writer;
  /** The stream that shows prompts. */
  #screen: Writer;
  #size: () => { columns: number; rows: number };
  #isDumb: boolean;
  #dropped = 0;
  #piped: PipedPrompter;
  #editor: Editor | undefined;
  /** The options of the question that waits for its line. */
  #asked: QuestionOptions | undefined;
  #rowsSinceContext = 0;
  #status: string | undefined;
  #hasStatusRow = false;
  #onInterrupt = () => {};
  #isClosed = false;

  /** Touches nothing yet: neither the input nor its mode. */
  constructor(options: TerminalOptions = {}) {
    const { input = Deno.stdin, output = Deno.stdout, errors = Deno.stderr } = options;
    this.#size = options.size ?? consoleSize;
    this.#isDumb = options.isDumb ?? isTermDumb();
    this.#input = input;
    this.#output = new Writer(output, this.#breaking(output, "stdout"));
    // Two terminals are taken for one screen, on which the order counts.
    const queue = this.#output.terminal && errors.isTerminal() ? this.#output.queue : undefined;
    this.#errors = new Writer(errors, this.#breaking(errors), queue);
    this.isTyped = input.isTerminal() && (this.#output.terminal || this.#errors.terminal);
    const screen = this.#output.terminal ? this.#output : this.#errors;
    this.interactive = this.isTyped && screen.terminal && !this.#isDumb;
    this.#screen = this.interactive ? screen : this.#output;
    this.#piped = new PipedPrompter({
      input,
      output: this.#screen,
      canErase: this.#screen.terminal && !this.#isDumb,
      onBroken: this.#breaking(input, "stdin"),
      onInvalid: (line) => this.onInvalidLine(line),
    });
  }

  /** Resolves at the end of input, once a question took the last line; of a keyboard, at its hangup. */
  get ended(): Promise<void> {
    return this.interactive ? this.hangup : this.#piped.ended;
  }

  /** Whether a stream is to be coloured: it is a terminal that can, and `NO_COLOR` is unset. */
  colour(stream: "stdout" | "stderr"): boolean {
    const { terminal } = stream === "stdout" ? this.#output : this.#errors;
    return terminal && !this.#isDumb && !Deno.noColor;
  }

  /**
   * Shows `prompt` and resolves with the next line, or with null at the end of input, again and again,
   * and for a Ctrl-D. A line that was pasted in several has "\n" in it.
   *
   * When the signal aborts, the prompt goes away and the answer is undefined. Nothing that was typed is
   * lost: it stands, still editable, after the next prompt, unless {@linkcode setAside} is called.
   *
   * @throws {Error} If another question still waits for its line
   */
  async question(prompt: string, options: QuestionOptions = {}): Promise<Line> {
    if (this.#asked !== undefined) throw new Error("Another question still waits for its line");
    this.#asked = options;
    this.#rowsSinceContext = 0;
    this.#eraseStatus(this.interactive ? this.#status : undefined);
    try {
      if (this.interactive && this.#editor === undefined) await this.#openEditor(prompt);
      if (this.#isClosed) return null;
      if (options.signal?.aborted) return undefined;
      const line = await this.#prompter.question(prompt, options);
      if (line === undefined || this.#screen === this.#output || options.isFleeting) return line;
      const isConversation = options.isConversation?.(line) ?? true;
      if (isConversation) this.#output.write(`${layOut(prompt + (line ?? ""), 0)}\n`);
      return line;
    } finally {
      this.#asked = undefined;
      if (this.interactive) this.#status = undefined;
    }
  }

  /**
   * The next line by itself, for a program in a person's place: no prompt, no echo. Null at the end of
   * input, undefined when `signal` aborts.
   */
  line(signal?: AbortSignal): Promise<Line> {
    if (this.#editor === undefined) return this.#piped.line(signal);
    return this.question("", { signal, isConversation: () => false });
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

  /** Writes a text to stdout, all rows but its first indented. Resolves when there is room for more. */
  async print(text: string): Promise<void> {
    this.#write(this.#output, text);
    if (this.#screen !== this.#output) this.#write(this.#screen, text);
    await this.room();
  }

  /** Whether stdout takes nothing, so that what is printed waits in memory. */
  get isFull(): boolean {
    return this.#output.queue.isFull;
  }

  /** Resolves when there is room for more on stdout. */
  async room(): Promise<void> {
    await Promise.all([this.#output.room(), this.#screen.room()]);
  }

  /** Writes a text to stderr in the same way. It is dropped, and counted, while stderr takes nothing. */
  notice(text: string): void {
    if (!this.#errors.queue.isFull) return this.#write(this.#errors, text);
    if (this.#dropped++ > 0) return;
    this.#errors.room().then(() => {
      const count = this.#dropped;
      this.#dropped = 0;
      this.#write(this.#errors, describeDropped(count));
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
    if (this.interactive && this.#asked !== undefined) {
      // A screen that takes nothing gets the last one with the next text.
      if (this.#screen.queue.isFull) return;
      this.#prompter.hide();
      this.#prompter.show();
    } else if (this.#errors.terminal && !this.#isDumb && !this.#prompter.asking) {
      this.#eraseStatus(line);
      if (line !== undefined) this.#errors.write(cut(line, this.#size().columns));
      this.#hasStatusRow = line !== undefined;
    } else if (line !== undefined) {
      this.notice(line);
    }
  }

  /** Sets what each Ctrl-C and each SIGINT does, which then no longer end the process. */
  onInterrupt(listener: () => void): void {
    this.#onInterrupt = listener;
    Deno.addSignalListener("SIGINT", listener);
  }

  /** Whether stdout has taken everything, once all is written or `ms` milliseconds have passed. */
  async flush(ms: number): Promise<boolean> {
    // Work that ends with the close has its last word first.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const all = Promise.all([this.#output, this.#errors].map(({ queue }) => queue.until(0)));
    return await within(ms, all) && !this.#output.isBroken;
  }

  /** Gives the terminal back as it was. A pending question resolves with null, and the process can end. */
  close(): void {
    if (this.#isClosed) return;
    this.#eraseStatus();
    this.#isClosed = true;
    this.#prompter.close();
    if (this.interactive) setRaw(this.#input, this.#screen, false);
    Deno.removeSignalListener("SIGINT", this.#onInterrupt);
  }

  get #prompter(): Prompter {
    return this.#editor ?? this.#piped;
  }

  /** Shows the first prompt while readline loads, which takes long. */
  async #openEditor(prompt: string): Promise<void> {
    await setRaw(this.#input, this.#screen, true);
    // No character is wider than two columns: what surely fits in one row is taken away with one row.
    if (2 * prompt.length < this.#size().columns) this.#piped.begin(prompt);
    const { Editor } = await import("./editor.ts");
    if (this.#isClosed) return;
    this.#piped.withdraw();
    this.#editor = new Editor({
      input: this.#input,
      output: this.#screen,
      columns: () => this.#size().columns,
      status: () => this.#status,
      onInterrupt: () => this.#onInterrupt(),
      onSuspend: () => this.onSuspend(),
      onHangup: this.#hangs.resolve,
    });
  }

  #write(writer: Writer, text: string): void {
    this.#eraseStatus();
    const shown = layOut(text, writer.terminal ? this.#size().columns : 0);
    const isBesidePrompt = writer === this.#screen || writer.terminal && this.#screen.terminal;
    if (isBesidePrompt) this.#prompter.hide();
    writer.write(`${shown}\n`);
    if (!isBesidePrompt) return;
    this.#rowsSinceContext += shown.split("\n").length;
    this.#restoreContext();
    this.#prompter.show();
  }

  /** Shows the context again if the rows written since have pushed it off the screen. */
  #restoreContext(): void {
    const { columns, rows } = this.#size();
    const context = this.#asked?.context;
    if (context === undefined || !this.interactive) return;
    const lines = context.flatMap((line) => layOut(line, columns).split("\n"));
    const promptRows = this.#editor?.rows ?? 1;
    if (this.#rowsSinceContext + lines.length + promptRows <= rows) return;
    const most = Math.max(1, Math.floor(rows / 3));
    const shown = lines.slice(0, most);
    if (lines.length > most) shown.push(cut(shown.pop()!, columns - 1).replace(/…?$/, "…"));
    const writer = this.#errors.terminal ? this.#errors : this.#screen;
    writer.write(`${shown.join("\n")}\n`);
    this.#rowsSinceContext = shown.length - lines.length;
  }

  /** Erases the row of the status, which is then that of a prompt, or none. */
  #eraseStatus(status?: string): void {
    if (!this.#hasStatusRow) return;
    this.#errors.write("\r\x1b[K");
    this.#hasStatusRow = false;
    this.#status = status;
  }

  #breaking(stream: { isTerminal(): boolean }, name?: BrokenStream["stream"]) {
    // A terminal that is gone no longer is one.
    const isTerminal = stream.isTerminal();
    return (error: Error) => {
      if (isTerminal) this.#hangs.resolve();
      else if (name !== undefined) this.#breaks.resolve({ stream: name, error });
    };
  }
}

function describeDropped(count: number): string {
  return count === 1 ? "Se perdió 1 aviso: no cabía" : `Se perdieron ${count} avisos: no cabían`;
}

function consoleSize(): { columns: number; rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { columns: 0, rows: 0 };
  }
}

/** Whether `TERM` is `dumb`, as far as that may be read. */
function isTermDumb(): boolean {
  // Asked without the permission, the system would ask the person at the terminal.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" && Deno.env.get("TERM") === "dumb";
}
