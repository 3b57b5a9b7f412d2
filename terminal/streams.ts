/**
 * The streams of a terminal, as little of them as is needed: `Deno.stdin`, `Deno.stdout` and
 * `Deno.stderr` fit, and so does a fake in a test.
 *
 * @module
 */

/** A source of lines; `Deno.stdin` is one. */
export interface TerminalInput {
  readonly readable: ReadableStream<Uint8Array>;
  /** Whether a person types. */
  isTerminal(): boolean;
  /** Takes keys one by one and without echo, Ctrl-C among them. */
  setRaw(mode: boolean): void;
}

/** A destination of text; `Deno.stdout` and `Deno.stderr` are two. */
export interface TerminalOutput {
  /** Writes some of `bytes` and resolves with how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Whether a person looks at it. */
  isTerminal(): boolean;
}

/** A line that was typed or piped; null at the end of input, undefined if its prompt was withdrawn. */
export type Line = string | null | undefined;

export interface PromptOptions {
  /** Withdraws the prompt when it aborts. */
  signal?: AbortSignal | undefined;
  /** The lines that a line may become when Tab is pressed. */
  complete?: ((line: string) => readonly string[]) | undefined;
  /** Whether the prompt goes away with its line, which no transcript and no arrow shows again. */
  isFleeting?: boolean;
}

/** Shows prompts and takes the lines that answer them, one at a time. */
export interface Prompter {
  /** Whether a prompt waits for its line. */
  readonly asking: boolean;
  question(prompt: string, options: PromptOptions): Promise<Line>;
  /** Makes room for a line of text where the prompt is, if one is there. */
  hide(): void;
  /** Brings back what {@linkcode hide} took away. */
  show(): void;
  /** Ends a pending question with null and gives the input up. */
  close(): void;
}

/** Text that may wait for a stream, in UTF-16 code units, before the stream counts as full. */
const MAX_QUEUED = 262_144;

/** Pause before a stream that would block is written to again, in ms. */
const RETRY_MS = 20;

/** Text on its way to one terminal, file or pipe, in order. A stream that takes nothing stops nobody. */
export class Queue {
  #parts: { writer: Writer; text: string }[] = [];
  #length = 0;
  #isWorking = false;
  #progress = Promise.withResolvers<void>();

  /** Whether so much waits that no more should be written. */
  get isFull(): boolean {
    return this.#length > MAX_QUEUED;
  }

  /** Resolves when at most `length` code units wait. */
  async until(length: number): Promise<void> {
    while (this.#length > length) await this.#progress.promise;
  }

  add(writer: Writer, text: string): void {
    const last = this.#parts.at(-1);
    if (last?.writer === writer) last.text += text;
    else this.#parts.push({ writer, text });
    this.#length += text.length;
    if (!this.#isWorking) this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#parts.length > 0) {
      const { writer, text } = this.#parts.shift()!;
      await writer.send(text);
      this.#length -= text.length;
      this.#progress.resolve();
      this.#progress = Promise.withResolvers();
    }
    this.#isWorking = false;
  }
}

/** Writes text to one stream until that stream breaks, and from then on nothing. */
export class Writer {
  /** Whether it is a terminal, rather than a file or a pipe. */
  readonly terminal: boolean;
  isBroken = false;
  /** Text that waits for the stream; writers of one terminal share it. */
  readonly queue: Queue;
  #stream: TerminalOutput;
  #onBroken: (error: Error) => void;

  /** `onBroken` is called once, with what the stream threw. */
  constructor(stream: TerminalOutput, onBroken: (error: Error) => void, queue = new Queue()) {
    this.terminal = stream.isTerminal();
    this.queue = queue;
    this.#stream = stream;
    this.#onBroken = onBroken;
  }

  write(text: string): void {
    if (!this.isBroken) this.queue.add(this, text);
  }

  /** Resolves at once unless the stream is full, and then when half of what waits has gone. */
  async room(): Promise<void> {
    if (this.queue.isFull) await this.queue.until(MAX_QUEUED / 2);
  }

  /** Sends all of `text`, or as much of it as the stream takes before it breaks: for the queue only. */
  async send(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(text);
    let isHeld = false;
    while ((bytes.length > 0 || isHeld) && !this.isBroken) {
      const piece = isHeld ? new Uint8Array() : pieceOf(bytes);
      try {
        bytes = bytes.subarray(await this.#stream.write(piece));
        isHeld = false;
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) {
          this.isBroken = true;
          return this.#onBroken(error as Error);
        }
        if (this.#stream === Deno.stdout && piece.length < HELD && piece.at(-1) !== LF) {
          bytes = bytes.subarray(piece.length);
          isHeld = true;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

const LF = 0x0a;

/** Bytes that a pipe takes all or not at all (PIPE_BUF of Linux). */
const PIECE = 4096;

/** Deno holds fewer bytes than these of an unfinished line for stdout, and sends them with the next. */
const HELD = 1024;

/** The bytes to write next, such that it is known of them what a pipe that would block has taken. */
function pieceOf(bytes: Uint8Array): Uint8Array {
  const most = bytes.subarray(0, PIECE);
  return most.subarray(0, most.lastIndexOf(LF) + 1 || PIECE);
}

/** Sets the mode once all is written: the system waits for that, and would stop the loop. */
export async function setRaw(input: TerminalInput, output: Writer, mode: boolean): Promise<void> {
  await output.queue.until(0);
  try {
    input.setRaw(mode);
  } catch {
    // A terminal that is gone has no mode, and its reader says that it is gone.
  }
}

/** Whether `promise` resolves within `ms` milliseconds. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return await unlessAborted(promise.then(() => true), AbortSignal.timeout(ms)) ?? false;
}

/** `undefined` if `signal` aborts first; `promise` can then be awaited again. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal) {
  if (signal?.aborted) return undefined;
  const aborted = Promise.withResolvers<undefined>();
  const withdraw = () => aborted.resolve(undefined);
  signal?.addEventListener("abort", withdraw);
  const first = Promise.race([promise, aborted.promise]);
  return await first.finally(() => signal?.removeEventListener("abort", withdraw));
}

/** Calls `listener` on each such signal, which Windows lacks, until the returned function is called. */
export function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}
