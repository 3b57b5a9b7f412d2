/**
 * Prompts without editing: stdin or stdout is a file or a pipe.
 *
 * @module
 */

import { LineReader } from "./line_reader.ts";
import { type Prompter, type PromptOptions, unlessAborted } from "./streams.ts";
import type { TerminalInput, Writer } from "./streams.ts";

/** The streams and the listener of a {@linkcode PipedPrompter}. */
export interface PipedOptions {
  /** The lines. */
  input: TerminalInput;
  /** The prompts and the echo. */
  output: Writer;
  /** Whether escape sequences may be written to the output. */
  canErase: boolean;
  /** Called when the input fails; its end follows. */
  onBroken: (error: Error) => void;
  /** Called with the number of a line that is not text; the next is taken instead. */
  onInvalid: (line: number) => void;
}

/**
 * Writes each prompt, and after it the line that was read unless a terminal has echoed it, so that
 * the output is the transcript.
 */
export class PipedPrompter implements Prompter {
  #lines: LineReader | undefined;
  #output: Writer;
  #options: PipedOptions;
  #next: Promise<string | null> | undefined;
  #hasNext = false;
  #end = Promise.withResolvers<void>();
  #prompt: string | undefined;
  #endShown = false;
  #isClosed = false;

  /** Reads nothing yet: the stream of the input takes longer to load than a first prompt to show. */
  constructor(options: PipedOptions) {
    this.#options = options;
    this.#output = options.output;
  }

  /** Reads ahead, to know the end when it comes. */
  get ended(): Promise<void> {
    this.#readAhead();
    return this.#end.promise;
  }

  get asking(): boolean {
    return this.#prompt !== undefined;
  }

  async question(
    prompt: string,
    { signal }: PromptOptions,
  ): Promise<string | null | undefined> {
    if (this.#endShown) return null;
    this.#prompt = prompt;
    this.show();
    const line = await this.line(signal);
    if (line === undefined) this.hide();
    // At the end as well, for the transcript is made of whole lines.
    else if (line === null || !this.#isEchoed) this.#output.write(`${line ?? ""}\n`);
    this.#prompt = undefined;
    this.#endShown = line === null;
    await this.#output.room();
    return line;
  }

  /** The next line, without a prompt or an echo. */
  async line(signal?: AbortSignal): Promise<string | null | undefined> {
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
    this.#isClosed = true;
    this.#lines?.close();
  }

  get #isEchoed(): boolean {
    return this.#options.input.isTerminal() && this.#output.terminal;
  }

  #readAhead(): Promise<string | null> {
    return this.#next ??= this.#read();
  }

  async #read(): Promise<string | null> {
    this.#hasNext = false;
    const line = await this.#nextLine().catch((error) => {
      this.#options.onBroken(error);
      return null;
    });
    if (line === null) this.#end.resolve();
    // An empty line is no answer.
    this.#hasNext = Boolean(line);
    return line;
  }

  async #nextLine(): Promise<string | null> {
    // After the close, nothing would close an input that is opened, and the process would not end.
    if (this.#lines === undefined && this.#isClosed) return null;
    const { input, onInvalid } = this.#options;
    return await (this.#lines ??= new LineReader(input.readable, onInvalid)).next();
  }
}
