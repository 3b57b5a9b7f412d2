/**
 * Prompts for a person who types: editing, history and arrows, by `node:readline`.
 *
 * Readline is given neither stdin nor stdout but an emitter of our own, for three reasons. A key that
 * comes while no prompt shows must wait for the next one, where readline would echo it at once. Text
 * that is pasted reaches readline in whole runs, because it measures the line anew for every key. And
 * neither `process.stdin` nor `node:stream` need be loaded, which takes longer than all the rest.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { cut, INDENT } from "./layout.ts";
import { onSignal, setRaw, within } from "./streams.ts";
import type { Line, Prompter, PromptOptions, TerminalInput, Writer } from "./streams.ts";

/** Keys that wait for a prompt, in UTF-16 code units; what is typed beyond them is lost. */
const MAX_TYPED_AHEAD = 262_144;

/** Lines that the arrow keys bring back. */
const HISTORY_SIZE = 100;

/** Pastes come between marks. */
const [PASTE_ON, PASTE_OFF] = ["\x1b[?2004h", "\x1b[?2004l"];
const [PASTE_START, PASTE_END] = ["\x1b[200~", "\x1b[201~"];

/**
 * One key, one run of plain characters or one paste. An escape sequence or a paste that is still
 * incomplete does not match: its rest may come with the next read.
 */
const KEY =
  // deno-lint-ignore no-control-regex
  /^(?:\x1b\[200~[^]*?\x1b\[201~|\x1b(?:\[(?!200~)[0-?]*[ -/]*[@-~]|O[^]|[^[O\x1b]|(?=\x1b))|\r\n?|[^\x00-\x1f\x7f\u2028\u2029]+|[^\x1b])/u;

/** Pastes, the last of which may lack its end. */
// deno-lint-ignore no-control-regex
const PASTES = /\x1b\[200~[^]*?(?:\x1b\[201~|$)/g;

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_Z = "\x1a";
/** A Ctrl-D typed in line mode, as Linux delivers it in raw mode. */
const EARLY_CTRL_D = "\0";
const ESCAPE = "\x1b";
const DELETE = "\x7f";
/** Ctrl-D, once or several times. */
// deno-lint-ignore no-control-regex
const END_OF_INPUT = /^\x04+$/;

export interface EditorOptions {
  input: TerminalInput;
  output: Writer;
  columns: () => number;
  /** The row above the prompt. */
  status: () => string | undefined;
  onInterrupt: () => void;
  onSuspend: () => void;
  /** Called when the keyboard is gone; the end of input follows. */
  onHangup: () => void;
}

/** Readline, and its own count of rows above the cursor, which decides what it erases. */
type Readline = Interface & { prevRows: number; history: string[] };

/** Shows prompts in a terminal and lets the answers be edited. */
export class Editor implements Prompter {
  #options: EditorOptions;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #output: Writer;
  /** The stream that readline reads and draws on. */
  #keys = new EventEmitter();
  #readline: Readline;
  /** The question that waits for its line. */
  #asked: PromptOptions & { prompt: string; resolve: (line: Line) => void } | undefined;
  #typed = "";
  #lastKeyAt = performance.now();
  /** While typed keys go to the history, the count of lines that went there. */
  #aside: number | undefined;
  #isPasteAside = false;
  #closed = false;
  #ignoreSignals = [
    onSignal("SIGWINCH", () => {
      this.#countRows();
      this.show();
    }),
    onSignal("SIGCONT", () => this.#continued()),
  ];

  /** Reads a keyboard that is in raw mode, until {@linkcode close}. */
  constructor(options: EditorOptions) {
    this.#options = options;
    this.#reader = options.input.readable.getReader();
    this.#output = options.output;
    const stream = Object.assign(this.#keys, {
      // Keys come when they are handed on, and not otherwise.
      pause() {},
      resume() {},
      write: (text: string) => {
        if (this.#aside === undefined) this.#output.write(text);
      },
    });
    Object.defineProperty(stream, "columns", { get: options.columns });
    // Readline uses no more of a stream than this one has.
    const input = stream as unknown as NodeJS.ReadWriteStream;
    this.#readline = createInterface({
      input,
      output: input,
      terminal: true,
      historySize: HISTORY_SIZE,
    }) as Readline;
    this.#readline.on("line", (line: string) => this.#enter(line));
    // Readline would stop the process by itself, for which it lacks the permission.
    this.#readline.on("SIGTSTP", () => {});
    this.#output.write(PASTE_ON);
    this.#pump();
  }

  get asking(): boolean {
    return this.#asked !== undefined;
  }

  /** Rows from the first of the status and the prompt to that of the cursor. */
  get rows(): number {
    return this.#readline.getCursorPos().rows + 1;
  }

  async question(prompt: string, options: PromptOptions): Promise<Line> {
    if (this.#closed) return null;
    const { signal } = options;
    const { promise, resolve } = Promise.withResolvers<Line>();
    this.#asked = { ...options, prompt, resolve };
    // The text typed so far stays in readline and appears behind the next prompt.
    const withdraw = () => {
      this.hide();
      this.#answer(undefined);
    };
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
    this.#draw(this.#options.status());
  }

  /** Moves what stands in the prompt and what was typed ahead to the history, if there is anything. */
  setAside(): boolean {
    if (this.#closed) return false;
    this.hide();
    this.#aside = 0;
    this.#feed();
    if (this.#readline.line !== "") this.#keys.emit("data", "\r");
    this.#isPasteAside = this.#typed.startsWith(PASTE_START);
    const wasAny = this.#aside > 0 || this.#isPasteAside;
    this.#aside = undefined;
    this.show();
    return wasAny;
  }

  /** Resolves when no key came for `ms` milliseconds. */
  async quiet(ms: number): Promise<void> {
    for (let left = ms; left > 0; left = this.#lastKeyAt + ms - performance.now()) {
      if (await within(left, this.#reader.closed.catch(() => {}))) return;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The next line of output must not run into the typed text.
    if (this.asking) this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.close();
    if (this.asking) this.#output.write("\n");
    this.#answer(null);
    for (const ignore of this.#ignoreSignals) ignore();
    this.#output.write(PASTE_OFF);
    this.#reader.cancel().catch(() => {});
  }

  #draw(status?: string): void {
    if (this.#asked === undefined) return;
    const row = status && `${cut(status, this.#options.columns())}\n`;
    this.#readline.setPrompt((row ?? "") + this.#asked.prompt);
    this.#readline.prompt(true);
  }

  /** Hands typed keys to readline as long as somebody is there to receive them. */
  #feed(): void {
    const isAtEnd = () => END_OF_INPUT.test(this.#typed) && this.#readline.line === "";
    while (this.asking || this.#aside !== undefined && !isAtEnd()) {
      const [key] = KEY.exec(this.#typed) ?? [];
      if (key === undefined) break;
      this.#typed = this.#typed.slice(key.length);
      this.#press(key);
    }
  }

  #press(key: string): void {
    const isShown = this.#aside === undefined;
    const isEnter = key[0] === "\r" || key === "\n";
    const isEnd = key === CTRL_D && this.#readline.line === "";
    if (this.#asked?.isFleeting && (isEnter || isEnd)) {
      this.hide();
      const { line } = this.#readline;
      Object.assign(this.#readline, { line: "", cursor: 0 });
      return this.#answer(isEnd ? null : line);
    }
    if (isShown && (isEnter || isEnd) && this.#options.status() !== undefined) {
      // The transcript on the screen is made of prompts and lines alone.
      this.hide();
      this.#draw();
    }
    if (isEnd) {
      if (!isShown) return;
      this.#output.write("\n");
      this.#answer(null);
    } else if (key.startsWith(PASTE_START)) {
      this.#paste(key.slice(PASTE_START.length, -PASTE_END.length));
    } else if (key === "\t" && this.#asked?.complete) {
      this.#completeLine(this.#asked.complete);
    } else if (key >= " " && key !== DELETE) {
      this.#readline.write(key);
    } else {
      this.#keys.emit("data", isEnter ? "\r" : key);
    }
    // Deno 2.9's readline does not count a row that was begun by pasted text or by a wide character.
    if (this.asking) this.#countRows();
  }

  /** Puts pasted text in as it is, but for controls and a last line end. */
  #paste(pasted: string): void {
    const lines = pasted.replace(/\r\n?/g, "\n").replace(/\n$/, "");
    const text = lines.replace(/[^\P{Cc}\n\t]/gu, "").replaceAll("\n", `\n${INDENT}`);
    if (this.#isPasteAside) this.#readline.history.unshift(text);
    else this.#insert(text, this.#readline.cursor);
    this.#isPasteAside = false;
  }

  /** Replaces what stands before the cursor, from `start` on. */
  #insert(text: string, start: number): void {
    const { line, cursor } = this.#readline;
    const changed = {
      line: line.slice(0, start) + text + line.slice(cursor),
      cursor: start + text.length,
    };
    this.hide();
    Object.assign(this.#readline, changed);
    this.show();
  }

  #completeLine(complete: (line: string) => readonly string[]): void {
    const line = this.#readline.line.slice(0, this.#readline.cursor);
    const ways = complete(line);
    const common = commonStart(ways);
    if (common.length > line.length) return this.#insert(common, 0);
    if (ways.length < 2 || this.#asked?.isFleeting) return;
    this.hide();
    this.#output.write(`${ways.join("  ")}\n`);
    this.show();
  }

  #enter(line: string): void {
    if (this.#aside === undefined) this.#answer(line.replace(/\n {0,4}/g, "\n"));
    else if (line !== "") this.#aside++;
  }

  #answer(line: Line): void {
    this.#asked?.resolve(line);
    this.#asked = undefined;
  }

  async #pump(): Promise<void> {
    const decoder = new TextDecoder();
    let isFirst = true;
    while (true) {
      const { value } = await this.#reader.read().catch(() => ({ value: undefined }));
      if (value === undefined) break;
      const keys = decoder.decode(value, { stream: true });
      this.#lastKeyAt = performance.now();
      this.#type(isFirst ? keys.replaceAll(EARLY_CTRL_D, CTRL_D) : keys);
      isFirst = false;
      this.#feed();
    }
    // Keys have no end: the terminal is gone.
    if (!this.#closed) this.#options.onHangup();
    this.close();
  }

  #type(keys: string): void {
    // In a paste they are text; by themselves they end one whose end was lost.
    const pressed = keys.length > 1 ? (this.#typed + keys).replace(PASTES, "") : keys;
    if (pressed.includes(CTRL_C)) this.#options.onInterrupt();
    if (pressed.includes(CTRL_Z)) keys = this.#suspend(keys);
    // The Escape key by itself means nothing, and must not take the next letter with it.
    if (this.#typed.endsWith(ESCAPE) && !/^[[O]/.test(keys)) this.#typed = this.#typed.slice(0, -1);
    const typed = this.#typed + keys.replaceAll(CTRL_C, "");
    const excess = typed.slice(MAX_TYPED_AHEAD);
    const end = excess.lastIndexOf(PASTE_END);
    // A paste that is too long still has an end.
    this.#typed = typed.slice(0, MAX_TYPED_AHEAD) +
      (end < 0 ? excess.slice(-PASTE_END.length) : PASTE_END);
  }

  #suspend(keys: string): string {
    const isEmpty = this.#readline.line === "" && this.#typed === "" && keys === CTRL_Z;
    if (isEmpty && Deno.build.os === "windows") return CTRL_D;
    this.#options.onSuspend();
    return keys.replaceAll(CTRL_Z, "");
  }

  #countRows(): void {
    this.#readline.prevRows = this.#readline.getCursorPos().rows;
  }

  async #continued(): Promise<void> {
    for (const mode of [false, true]) {
      if (!this.#closed) await setRaw(this.#options.input, this.#output, mode);
    }
    if (this.#closed) return;
    this.#output.write(PASTE_ON);
    this.#readline.prevRows = 0;
    this.show();
  }
}

function commonStart([first = "", ...others]: readonly string[]): string {
  let common = first;
  while (!others.every((other) => other.startsWith(common))) common = common.slice(0, -1);
  return common;
}
