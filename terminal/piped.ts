/**
 * Prompts without editing: stdin or stdout is a file or a pipe.
 *
 * @module
 */

import { LineReader } from "./line_reader.ts";
import { unlessAborted } from "./streams.ts";
import type { Line, Prompter, PromptOptions, TerminalInput, Writer } from "./streams.ts";

export interface PipedOptions {
  input: TerminalInput;
  output: Writer;
  /** Whether escape sequences may be written to the output. */
  canErase: boolean;
  /** Called when the input fails; its end follows. */
  onBroken: (error: Error) => void;
  /** Called with the number of a line that is not text; the next is taken instead. */
  onInvalid: (line: number) => void;
}

/** Writes each prompt and its line, unless a terminal has echoed it: the output is the transcript. */
export class PipedPrompter implements Prompter {
  #lines: LineReader | undefined;
  #output: Writer;
  #options: PipedOptions;
  #next: Promise<string | null> | undefined;
  #hasNext = false;
  #end = Promise.withResolvers<void>();
  #prompt: string | undefined;
  #endShown = false;

  /** Reads nothing yet: the stream of the input takes longer to load than a first prompt to show. */
  constructor(options: PipedOptions) {
    this.#options = options;
    this.#output = options.output;
  }

  /** Resolves when the last line was taken and no other can come: reads ahead to know it. */
  get ended(): Promise<void> {
    queueMicrotask(() => this.#readAhead());
    return this.#end.promise;
  }

  get asking(): boolean {
    return this.#prompt !== undefined;
  }

  async question(prompt: string, { signal }: PromptOptions): Promise<Line> {
    if (this.#endShown) return null;
    this.begin(prompt);
    const line = await this.line(signal);
    if (line === undefined) this.withdraw();
    // At the end as well, for the transcript is made of whole lines.
    else if (line === null || !this.#isEchoed) this.#output.write(`${line ?? ""}\n`);
    this.#prompt = undefined;
    this.#endShown = line === null;
    await this.#output.room();
    return line;
  }

  /** Shows a prompt, and reads nothing yet. */
  begin(prompt: string): void {
    this.#prompt = prompt;
    this.show();
  }

  withdraw(): void {
    this.hide();
    this.#prompt = undefined;
  }

  /** The next line, without a prompt or an echo. */
  async line(signal?: AbortSignal): Promise<Line> {
    const line = await unlessAborted(this.#readAhead(), signal);
    if (typeof line === "string") this.#next = this.#read();
    return line;
  }

  /** Drops the line that has come before it was asked for, if there is one, and tells whether. */
  drop(): boolean {
    if (!this.#hasNext) return false;
    this.#next = this.#read();
    return true;
  }

  hide(): void {
    if (this.asking) this.#output.write(this.#options.canErase ? "\r\x1b[J" : "\n");
  }

  show(): void {
    if (this.#prompt !== undefined) this.#output.write(this.#prompt);
  }

  close(): void {
    if (this.#lines !== undefined) return void this.#lines.close();
    // After the close, nothing would close an input that is opened, and the process would not end.
    this.#next = Promise.resolve(null);
    this.#end.resolve();
    if (this.asking) this.#output.write("\n");
    this.#prompt = undefined;
  }

  get #isEchoed(): boolean {
    return this.#options.input.isTerminal() && this.#output.terminal;
  }

  #readAhead(): Promise<string | null> {
    return this.#next ??= this.#read();
  }

  async #read(): Promise<string | null> {
    this.#hasNext = false;
    const { input, onBroken, onInvalid } = this.#options;
    let line: string | null = null;
    try {
      this.#lines ??= new LineReader(input.readable, onInvalid);
      line = await this.#lines.next();
    } catch (error) {
      onBroken(error as Error);
    }
    if (line === null) this.#end.resolve();
    // An empty line is no answer.
    this.#hasNext = Boolean(line);
    return line;
  }
}
