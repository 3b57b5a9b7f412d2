/**
 * Datagram buffers, cut from a shared slab: one allocation a datagram dominated the cost of a turn.
 *
 * @module
 */

/** No bytes. */
export const EMPTY: Uint8Array = new Uint8Array(0);

const SLAB_BYTES = 16_384;

/** A longer piece gets an array of its own. */
const MAX_PIECE_BYTES = SLAB_BYTES / 8;

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/**
 * `length` zero bytes, which are the caller's alone. The slab that they are cut from stays in memory for
 * as long as any piece of it: copy bytes that are kept for long.
 *
 * @param length 0 or more.
 */
export function allocate(length: number): Uint8Array {
  if (length > MAX_PIECE_BYTES) return new Uint8Array(length);
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  return slab.subarray(used, used += length);
}

/** The pieces in a row, in a new array. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** Whether two arrays hold the same bytes. The time taken does not depend on where they differ. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Makes views of buffers, and caches the latest: most datagrams share a slab. */
export class Views {
  #latest: DataView = new DataView(new ArrayBuffer(0));

  /** A view of the whole buffer that these bytes are part of. */
  of({ buffer }: Uint8Array): DataView {
    if (this.#latest.buffer !== buffer) this.#latest = new DataView(buffer);
    return this.#latest;
  }
}

const ENCODER = new TextEncoder();
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });
const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A text in UTF-8, in a piece of a slab; a lone surrogate becomes U+FFFD. */
export function encodeText(text: string): Uint8Array {
  // A UTF-16 code unit takes three bytes of UTF-8 at most.
  const most = 3 * text.length;
  if (most > MAX_PIECE_BYTES) return ENCODER.encode(text);
  const piece = allocate(most);
  const { written } = ENCODER.encodeInto(text, piece);
  used -= most - written;
  return piece.subarray(0, written);
}

/**
 * Decodes UTF-8 (RFC 3629) and keeps a byte order mark.
 *
 * @returns `undefined` for invalid UTF-8.
 */
export function decodeText(bytes: Uint8Array): string | undefined {
  // Lenient decoding is five times as fast; only its U+FFFD needs the fatal decoder's verdict.
  const text = LENIENT.decode(bytes);
  if (!text.includes("\ufffd")) return text;
  try {
    return FATAL.decode(bytes);
  } catch {
    return undefined;
  }
}
