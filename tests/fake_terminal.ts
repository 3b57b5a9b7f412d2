/**
 * The terminal of a program over streams that a test fills and looks at.
 *
 * @module
 */

import { Terminal } from "../terminal/terminal.ts";
import { Screen } from "./pty_screen.ts";

/** Kind of each stream, and width of the screen. */
export interface FakeOptions {
  input?: "terminal" | "pipe";
  output?: "terminal" | "pipe";
  errors?: "terminal" | "pipe";
  columns?: number;
  rows?: number;
  isDumb?: boolean;
}

/** A terminal over streams that a test fills and looks at. */
export class Fake {
  readonly terminal: Terminal;
  readonly screen: Screen;
  output = "";
  errors = "";
  raw = false;
  /** Thrown by each write to a stream. */
  failures: { output?: Error | undefined; errors?: Error | undefined } = {};
  /** Streams that take nothing until they are no longer here. */
  readonly stalled = new Set<"output" | "errors">();
  #input = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 1000 },
    { highWaterMark: 0 },
  );
  #writer = this.#input.writable.getWriter();

  constructor(
    {
      input = "terminal",
      output = "terminal",
      errors = "terminal",
      columns = 40,
      rows = 24,
      isDumb = false,
    }: FakeOptions = {},
  ) {
    this.screen = new Screen(rows, columns);
    this.terminal = new Terminal({
      input: {
        readable: this.#input.readable,
        isTerminal: () => input === "terminal",
        setRaw: (mode) => this.raw = mode,
      },
      output: this.#output("output", output === "terminal"),
      errors: this.#output("errors", errors === "terminal"),
      size: () => ({ columns, rows }),
      isDumb,
    });
  }

  /** Types or pipes `text` and lets the program read it. */
  async type(text: string | Uint8Array): Promise<void> {
    this.#writer.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
    await settled();
  }

  async end(): Promise<void> {
    this.#writer.close();
    await settled();
  }

  /** Asks, and returns once the prompt shows. */
  async ask(prompt: string, signal?: AbortSignal): Promise<Answer> {
    const line = this.terminal.question(prompt, { signal });
    const length = () => this.output.length + this.errors.length;
    const before = length();
    for (let turn = 0; turn < 1000 && length() === before; turn++) await settled();
    return { line };
  }

  #output(name: "output" | "errors", terminal: boolean) {
    const decoder = new TextDecoder();
    return {
      isTerminal: () => terminal,
      write: async (bytes: Uint8Array) => {
        while (this.stalled.has(name)) await settled();
        if (this.failures[name]) throw this.failures[name];
        const text = decoder.decode(bytes, { stream: true });
        this[name] += text;
        if (terminal) this.screen.write(text.replaceAll("\n", "\r\n"));
        return bytes.length;
      },
    };
  }
}

/** In an object of its own, because returning a bare promise would await the line. */
export interface Answer {
  line: Promise<string | null | undefined>;
}

/** Lets the program do all that it can do by now. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** No stream is a terminal. */
export const PIPES: FakeOptions = { input: "pipe", output: "pipe", errors: "pipe" };
