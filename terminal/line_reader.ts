/**
 * Lines of a byte stream, one at a time and only when they are asked for.
 *
 * @module
 */

/**
 * The longest line that is kept whole, in UTF-16 code units. It is far above the longest message, so
 * that a line that was cut is still refused for its length.
 */
export const MAX_LINE_LENGTH = 1_048_576;

/**
 * Reads lines of UTF-8 that end in LF or CRLF; the last one may lack its end.
 *
 * A byte order mark at the start is dropped, bytes that are not UTF-8 become U+FFFD, and what a line
 * has beyond {@linkcode MAX_LINE_LENGTH} is dropped. Nothing is read ahead of the chunk that holds
 * the line asked for, so a fast writer waits for a slow reader.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LineReader } from "./line_reader.ts";
 *
 * const lines = new LineReader(new Blob(["uno\r\ndos"]).stream());
 * assertEquals(await lines.next(), "uno");
 * assertEquals(await lines.next(), "dos");
 * assertEquals(await lines.next(), null);
 * ```
 */
export class LineReader {
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  // The mark at the start is dropped here: Deno's decoder drops one at the start of any chunk.
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #isStart = true;
  #lines: string[] = [];
  #partial = "";
  #done = false;

  /** Takes the stream for itself until it ends or {@linkcode close} is called. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /**
   * The next line, or null at the end, again and again. Wait for it before asking for another.
   *
   * @throws what the stream throws, once; the end follows
   */
  async next(): Promise<string | null> {
    while (this.#lines.length === 0 && !this.#done) await this.#fill();
    return this.#lines.shift() ?? null;
  }

  /** Gives the stream up: a pending {@linkcode next} meets the end. */
  async close(): Promise<void> {
    // A stream that has failed refuses to be cancelled, and is as good as closed.
    await this.#reader.cancel().catch(() => {});
  }

  async #fill(): Promise<void> {
    this.#done = true;
    const { value, done } = await this.#reader.read();
    this.#done = done;
    let text = this.#decoder.decode(value, { stream: !done });
    if (this.#isStart && text !== "") {
      text = text.replace(/^\ufeff/, "");
      this.#isStart = false;
    }
    const pieces = text.split("\n");
    pieces[0] = this.#partial + pieces[0];
    const lines = pieces.map((piece) => piece.slice(0, MAX_LINE_LENGTH));
    this.#partial = lines.pop()!;
    if (done && this.#partial !== "") lines.push(this.#partial);
    this.#lines = lines.map((line) => line.replace(/\r$/, ""));
  }
}
