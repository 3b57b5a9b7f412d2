/**
 * Prompts for a person who types: editing, history and arrows, by `node:readline`.
 *
 * Readline is given neither stdin nor stdout but two emitters of our own, for three reasons. A key that
 * comes while no prompt shows must wait for the next one, where readline would echo it at once. Text
 * that is pasted reaches readline in whole runs, because it measures the line anew for every key. And
 * neither `process.stdin` nor `node:stream` need be loaded, which takes longer than all the rest.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { onSignal, takeKeys } from "./streams.ts";
import type { Prompter, TerminalInput, Writer } from "./streams.ts";

/** Keys that are kept, in UTF-16 code units, before the keyboard has to wait for a prompt. */
const MAX_TYPED_AHEAD = 131_072;

/** Lines that the arrow keys bring back. */
const HISTORY_SIZE = 100;

/**
 * One key or one run of plain characters. An escape sequence that is still incomplete does not match,
 * so that its rest, which may come with the next read, is not taken for text.
 */
const KEY =
  // deno-lint-ignore no-control-regex
  /^(?:\x1b(?:\[[0-?]*[ -/]*[@-~]|O[^]|[^[O\x1b]|(?=\x1b))|\r\n?|[^\x00-\x1f\x7f\u2028\u2029]+|[^\x1b])/u;

const CTRL_C = "\x03";
const CTRL_D = "\x04";
/** A Ctrl-D typed in line mode, as Linux delivers it in cbreak mode. */
const EARLY_CTRL_D = "\0";
const ESCAPE = "\x1b";
const DELETE = "\x7f";
/** Ctrl-D, once or several times. */
// deno-lint-ignore no-control-regex
const END_OF_INPUT = /^\x04+$/;

/** The streams and listeners of an {@linkcode Editor}. */
export interface EditorOptions {
  /** The keyboard. */
  input: TerminalInput;
  /** The screen. */
  output: Writer;
  /** Width of the terminal. */
  columns: () => number;
  /** Called on Ctrl-C where that is a key and not a signal: Windows. */
  onInterrupt: () => void;
}

/** Readline's own count of rows above the cursor, which is in no type but decides what it erases. */
type RowCounting = Interface & { prevRows: number };

/** Shows prompts in a terminal and lets the answers be edited. */
export class Editor implements Prompter {
  readonly ended: Promise<void>;
  #input: TerminalInput;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #output: Writer;
  #onInterrupt: () => void;
  #keys = new Keys();
  #display: Display;
  #readline: RowCounting;
  #typed = "";
  #settle: ((line: string | null | undefined) => void) | undefined;
  #typedIsTaken = Promise.withResolvers<void>();
  #end = Promise.withResolvers<void>();
  #closed = false;
  #ignoreSignals = [
    onSignal("SIGWINCH", () => this.#resized()),
    onSignal("SIGCONT", () => this.#continued()),
  ];

  /** Takes the keyboard over, until {@linkcode close}. */
  constructor({ input, output, columns, onInterrupt }: EditorOptions) {
    this.ended = this.#end.promise;
    this.#input = input;
    this.#reader = input.readable.getReader();
    this.#output = output;
    this.#onInterrupt = onInterrupt;
    this.#display = new Display((text) => output.write(text), columns);
    this.#readline = createInterface({
      // Readline uses no more of a stream than these have.
      input: this.#keys as unknown as NodeJS.ReadableStream,
      output: this.#display as unknown as NodeJS.WritableStream,
      terminal: true,
      historySize: HISTORY_SIZE,
    }) as RowCounting;
    this.#readline.on("line", (line: string) => this.#answer(line));
    this.#readline.on("close", () => this.#finish());
    // Readline would stop the process by itself, for which it lacks the permission.
    this.#readline.on("SIGTSTP", () => {});
    takeKeys(this.#input);
    this.#pump();
  }

  get asking(): boolean {
    return this.#settle !== undefined;
  }

  async question(prompt: string, signal?: AbortSignal): Promise<string | null | undefined> {
    if (this.#closed) return null;
    const { promise, resolve } = Promise.withResolvers<string | null | undefined>();
    // The text typed so far stays in readline and appears behind the next prompt.
    const withdraw = () => {
      this.hide();
      this.#answer(undefined);
    };
    this.#settle = resolve;
    this.#readline.setPrompt(prompt);
    this.show();
    signal?.addEventListener("abort", withdraw);
    this.#feed();
    return await promise.finally(() => signal?.removeEventListener("abort", withdraw));
  }

  hide(): void {
    if (!this.asking) return;
    const { rows } = this.#readline.getCursorPos();
    this.#output.write((rows > 0 ? `\x1b[${rows}A` : "") + "\r\x1b[J");
    this.#readline.prevRows = 0;
  }

  show(): void {
    if (this.asking) this.#readline.prompt(true);
  }

  close(): void {
    if (this.#closed) return;
    // The next line of output must not run into the typed text.
    if (this.asking) this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.close();
  }

  /** Hands typed keys to readline as long as a prompt is there to receive them. */
  #feed(): void {
    while (this.asking) {
      const [key] = KEY.exec(this.#typed) ?? [];
      if (key === undefined) break;
      this.#typed = this.#typed.slice(key.length);
      this.#press(key);
    }
    if (this.#typed.length <= MAX_TYPED_AHEAD) this.#typedIsTaken.resolve();
    const ends = END_OF_INPUT.test(this.#typed) && this.#readline.line === "";
    if (ends) this.close();
  }

  #press(key: string): void {
    if (key >= " " && key !== DELETE) this.#readline.write(key);
    else this.#keys.emit("data", key === "\r\n" ? "\r" : key);
    // Deno 2.9's readline does not count a row that was begun by pasted text or by a wide character.
    if (this.asking) this.#countRows();
  }

  #answer(line: string | null | undefined): void {
    this.#settle?.(line);
    this.#settle = undefined;
  }

  async #pump(): Promise<void> {
    const decoder = new TextDecoder();
    let isFirst = true;
    while (!this.#closed) {
      const { value, done } = await this.#reader.read().catch(() => ({
        value: undefined,
        done: true,
      }));
      if (done) break;
      const keys = decoder.decode(value, { stream: true });
      this.#type(isFirst ? keys.replaceAll(EARLY_CTRL_D, CTRL_D) : keys);
      isFirst = false;
      this.#typedIsTaken = Promise.withResolvers();
      this.#feed();
      await this.#typedIsTaken.promise;
    }
    this.close();
  }

  #type(keys: string): void {
    if (keys.includes(CTRL_C)) this.#onInterrupt();
    // The Escape key by itself means nothing, and must not take the next letter with it.
    if (this.#typed.endsWith(ESCAPE) && !/^[[O]/.test(keys)) this.#typed = this.#typed.slice(0, -1);
    this.#typed += keys.replaceAll(CTRL_C, "");
  }

  #finish(): void {
    this.#closed = true;
    if (this.asking) this.#output.write("\n");
    this.#answer(null);
    for (const ignore of this.#ignoreSignals) ignore();
    this.#input.setRaw(false);
    this.#typedIsTaken.resolve();
    this.#reader.cancel().catch(() => {});
    this.#end.resolve();
  }

  #countRows(): void {
    this.#readline.prevRows = this.#readline.getCursorPos().rows;
  }

  #resized(): void {
    this.#countRows();
    this.show();
  }

  #continued(): void {
    this.#input.setRaw(false);
    takeKeys(this.#input);
    this.#readline.prevRows = 0;
    this.show();
  }
}

/** The input that readline listens to: one key or run of text for each "data". */
class Keys extends EventEmitter {
  /** Keys come when they are handed on, and not otherwise. */
  pause(): void {}
  resume(): void {}
}

/** The output that readline draws on. */
class Display extends EventEmitter {
  #columns: () => number;
  readonly write: (text: string) => void;

  constructor(write: (text: string) => void, columns: () => number) {
    super();
    this.write = write;
    this.#columns = columns;
  }

  get columns(): number {
    return this.#columns();
  }
}
