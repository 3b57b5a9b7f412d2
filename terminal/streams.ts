/**
 * The streams of a terminal, as little of them as is needed: `Deno.stdin`, `Deno.stdout` and
 * `Deno.stderr` fit, and so does a fake in a test.
 *
 * @module
 */

/** A source of lines; `Deno.stdin` is one. */
export interface TerminalInput {
  /** The bytes that are typed or piped. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Whether a person types. */
  isTerminal(): boolean;
  /** Takes keys one by one and without echo; `cbreak` leaves Ctrl-C and Ctrl-Z to the system. */
  setRaw(mode: boolean, options?: { cbreak: boolean }): void;
}

/**
 * Takes keys one by one and without echo. Ctrl-C and Ctrl-Z stay signals (cbreak), as in any other
 * program, where the system can do that.
 */
export function takeKeys(input: Pick<TerminalInput, "setRaw">): void {
  input.setRaw(true, { cbreak: Deno.build.os !== "windows" });
}

/** A destination of text; `Deno.stdout` and `Deno.stderr` are two. */
export interface TerminalOutput {
  /** Writes some of `bytes` and returns how many. */
  writeSync(bytes: Uint8Array): number;
  /** Whether a person looks at it. */
  isTerminal(): boolean;
}

/** Shows prompts and takes the lines that answer them, one at a time. */
export interface Prompter {
  /** Resolves when the last line was taken and no other can come. */
  readonly ended: Promise<void>;
  /** Whether a prompt waits for its line. */
  readonly asking: boolean;
  /** The next line; null at the end; undefined when `signal` withdraws the prompt. */
  question(prompt: string, signal?: AbortSignal): Promise<string | null | undefined>;
  /** Makes room for a line of text where the prompt is, if one is there. */
  hide(): void;
  /** Brings back what {@linkcode hide} took away. */
  show(): void;
  /** Ends a pending question with null and gives the input up. */
  close(): void;
}

/** Writes text to one stream until that stream breaks, and from then on nothing. */
export class Writer {
  /** Whether it is a terminal, rather than a file or a pipe. */
  readonly terminal: boolean;
  #stream: TerminalOutput;
  #encoder = new TextEncoder();
  #onBroken: (error: Error) => void;
  #broken = false;

  /** `onBroken` is called once, with what the stream threw. */
  constructor(stream: TerminalOutput, onBroken: (error: Error) => void) {
    this.terminal = stream.isTerminal();
    this.#stream = stream;
    this.#onBroken = onBroken;
  }

  /** Writes all of `text`, or as much of it as the stream takes before it breaks. */
  write(text: string): void {
    if (this.#broken) return;
    let bytes = this.#encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(this.#stream.writeSync(bytes));
    } catch (error) {
      this.#broken = true;
      this.#onBroken(error as Error);
    }
  }
}

/** `undefined` if `signal` aborts first; `promise` can then be awaited again. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  if (signal?.aborted) return undefined;
  const aborted = Promise.withResolvers<undefined>();
  const withdraw = () => aborted.resolve(undefined);
  signal?.addEventListener("abort", withdraw);
  const first = Promise.race([promise, aborted.promise]);
  return await first.finally(() => signal?.removeEventListener("abort", withdraw));
}

/** Calls `listener` on each such signal, which Windows lacks, until the returned function is called. */
export function onSignal(
  signal: "SIGTERM" | "SIGCONT" | "SIGWINCH",
  listener: () => void,
): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}
