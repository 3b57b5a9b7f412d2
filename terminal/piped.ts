/**
 * Prompts without editing: stdin or stdout is a file or a pipe.
 *
 * @module
 */

import { LineReader } from "./line_reader.ts";
import { type Prompter, type TerminalInput, unlessAborted, type Writer } from "./streams.ts";

/** The streams and the listener of a {@linkcode PipedPrompter}. */
export interface PipedOptions {
  /** The lines. */
  input: TerminalInput;
  /** The prompts and the echo. */
  output: Writer;
  /** Called when the input fails; its end follows. */
  onBroken: (error: Error) => void;
}

/**
 * Writes each prompt, and after it the line that was read, so that the output is the transcript
 * although no terminal echoes what is typed.
 */
export class PipedPrompter implements Prompter {
  #input: TerminalInput;
  #lines: LineReader | undefined;
  #output: Writer;
  #next: Promise<string | null> | undefined;
  #onBroken: (error: Error) => void;
  #end = Promise.withResolvers<void>();
  #prompt: string | undefined;
  #endShown = false;
  #isClosed = false;

  /** Reads nothing yet: the stream of the input takes longer to load than a first prompt to show. */
  constructor({ input, output, onBroken }: PipedOptions) {
    this.#input = input;
    this.#output = output;
    this.#onBroken = onBroken;
  }

  /** Reads ahead, to know the end when it comes. */
  get ended(): Promise<void> {
    this.#readAhead();
    return this.#end.promise;
  }

  get asking(): boolean {
    return this.#prompt !== undefined;
  }

  async question(prompt: string, signal?: AbortSignal): Promise<string | null | undefined> {
    if (this.#endShown) return null;
    this.#prompt = prompt;
    this.show();
    const line = await this.line(signal);
    if (line === undefined) this.hide();
    // At the end as well, for the transcript is made of whole lines.
    else this.#output.write(`${line ?? ""}\n`);
    this.#prompt = undefined;
    this.#endShown = line === null;
    return line;
  }

  /** The next line, without a prompt or an echo. */
  async line(signal?: AbortSignal): Promise<string | null | undefined> {
    const line = await unlessAborted(this.#readAhead(), signal);
    if (typeof line === "string") this.#next = this.#read();
    return line;
  }

  hide(): void {
    if (this.asking) this.#output.write(this.#output.terminal ? "\r\x1b[J" : "\n");
  }

  show(): void {
    if (this.#prompt !== undefined) this.#output.write(this.#prompt);
  }

  close(): void {
    this.#isClosed = true;
    this.#lines?.close();
  }

  #readAhead(): Promise<string | null> {
    return this.#next ??= this.#read();
  }

  async #read(): Promise<string | null> {
    const line = await this.#nextLine().catch((error) => {
      this.#onBroken(error);
      return null;
    });
    if (line === null) this.#end.resolve();
    return line;
  }

  async #nextLine(): Promise<string | null> {
    // After the close, nothing would close an input that is opened, and the process would not end.
    if (this.#lines === undefined && this.#isClosed) return null;
    return await (this.#lines ??= new LineReader(this.#input.readable)).next();
  }
}
