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

const LF = 0x0a;
const CR = 0x0d;

/** Stands for bytes that are not text: no decoder gives a lone surrogate. */
const INVALID = "\ud800";

/**
 * Reads lines that end in LF or CRLF, or in CR if the first line does; the last may lack its end.
 *
 * The text is UTF-8, or UTF-16 with a byte order mark; a mark at the start is dropped. A line that is
 * not valid is left out and told by its number; what a line has beyond {@linkcode MAX_LINE_LENGTH} is
 * dropped. Nothing is read ahead of the chunk that holds the line asked for, so a fast writer waits
 * for a slow reader.
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
  #lines: AsyncGenerator<string>;

  /** Takes the stream until it ends or {@linkcode close} is called. Line numbers begin at 1. */
  constructor(stream: ReadableStream<Uint8Array>, onInvalid: (line: number) => void = () => {}) {
    this.#reader = stream.getReader();
    this.#lines = linesOf(this.#reader, onInvalid);
  }

  /**
   * The next line, or null at the end, again and again.
   *
   * @throws what the stream throws, once; the end follows
   */
  async next(): Promise<string | null> {
    const { value } = await this.#lines.next();
    return value ?? null;
  }

  /** Gives the stream up: a pending {@linkcode next} meets the end. */
  async close(): Promise<void> {
    // A stream that has failed refuses to be cancelled, and is as good as closed.
    await this.#reader.cancel().catch(() => {});
  }
}

async function* linesOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  onInvalid: (line: number) => void,
): AsyncGenerator<string> {
  let start: number[] = [];
  let decode: Decoder | undefined;
  let lineEnd: RegExp | undefined;
  let [partial, number] = ["", 0];
  for (let isOver = false; !isOver;) {
    let { value: bytes = new Uint8Array(), done } = await reader.read();
    isOver = done;
    if (decode === undefined) {
      bytes = Uint8Array.from(start = [...start, ...bytes]);
      const mayBeMark = bytes[0] === undefined || bytes[0] >= 0xfe;
      if (bytes.length < 2 && mayBeMark && !done) continue;
      decode = decoderFor(bytes);
    }
    let text = partial + decode(bytes, done);
    if (number === 0 && partial === "") text = text.replace(/^\ufeff/, "");
    lineEnd ??= lineEndOf(text);
    const lines = lineEnd ? text.split(lineEnd) : [text];
    partial = lines.pop()!.slice(0, MAX_LINE_LENGTH);
    if (done && partial !== "") lines.push(partial);
    for (const whole of lines) {
      number++;
      const line = whole.slice(0, MAX_LINE_LENGTH).replace(/\r$/, "");
      if (line.includes(INVALID)) onInvalid(number);
      else yield line;
    }
  }
}

/** Decodes the next bytes, with {@linkcode INVALID} in each line that is not valid. */
type Decoder = (bytes: Uint8Array, isLast: boolean) => string;

function decoderFor([first, second]: Uint8Array): Decoder {
  if (first === 0xff && second === 0xfe) return utf16("utf-16le");
  return first === 0xfe && second === 0xff ? utf16("utf-16be") : utf8();
}

function utf16(encoding: string): Decoder {
  const decoder = new TextDecoder(encoding);
  return (bytes, isLast) =>
    decoder.decode(bytes, { stream: !isLast }).replaceAll("\ufffd", INVALID);
}

function utf8(): Decoder {
  // The mark at the start is dropped elsewhere: Deno's decoder drops one at the start of any chunk.
  const create = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let decoder = create();
  const decode = (bytes: Uint8Array, stream: boolean) => {
    try {
      return decoder.decode(bytes, { stream });
    } catch {
      decoder = create();
      return INVALID + new TextDecoder().decode(bytes).replace(/[^\r\n]/g, "");
    }
  };
  return (bytes, isLast) => {
    let text = "";
    for (let start = 0, end = 0; start < bytes.length; start = end) {
      while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++;
      text += decode(bytes.subarray(start, ++end), true);
    }
    return isLast ? text + decode(new Uint8Array(), false) : text;
  };
}

/** The end of each line of a text that begins so: a CR, if the first line ends in nothing else. */
function lineEndOf(text: string): RegExp | undefined {
  const [end] = /\r?\n|\r(?=[^])/.exec(text) ?? [];
  return end === undefined ? undefined : end === "\r" ? /[\r\n]/ : /\n/;
}
