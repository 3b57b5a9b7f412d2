/**
 * Bytes that come and go with each datagram. To make an array or a view of its own for each takes many
 * times as long as everything else that is done with it.
 *
 * @module
 */

/** No bytes. */
export const EMPTY: Uint8Array = new Uint8Array(0);

const SLAB_BYTES = 16_384;

/** What is longer gets a slab of its own. */
const MAX_PIECE_BYTES = SLAB_BYTES / 8;

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/**
 * So many bytes, all zero, which are the caller's alone. They are cut from a larger slab, which stays
 * in memory for as long as any piece of it: what is kept for long is better copied.
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

/** All these bytes in a row, in an array of their own. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** Whether two arrays hold the same bytes. The time it takes does not tell how many of them do. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Makes views of buffers, and remembers the latest: the same one comes again and again. */
export class Views {
  #latest: DataView = new DataView(new ArrayBuffer(0));

  /** The view of the whole buffer that these bytes are a part of. */
  of({ buffer }: Uint8Array): DataView {
    if (this.#latest.buffer !== buffer) this.#latest = new DataView(buffer);
    return this.#latest;
  }
}

const ENCODER = new TextEncoder();
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });
const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Most bytes of UTF-8 for one UTF-16 code unit. */
const MAX_BYTES_PER_UNIT = 3;

/** A text in UTF-8; what is no valid UTF-16 in it becomes U+FFFD. Like {@linkcode allocate}'s bytes. */
export function encodeText(text: string): Uint8Array {
  const most = text.length * MAX_BYTES_PER_UNIT;
  if (most > MAX_PIECE_BYTES) return ENCODER.encode(text);
  const piece = allocate(most);
  const { written } = ENCODER.encodeInto(text, piece);
  used -= most - written;
  return piece.subarray(0, written);
}

/**
 * The text that these bytes are in UTF-8 (RFC 3629), a byte order mark included; `undefined` if they
 * are none.
 */
export function decodeText(bytes: Uint8Array): string | undefined {
  // The lenient way is five times as fast, and puts U+FFFD where the fatal way gives up.
  const text = LENIENT.decode(bytes);
  if (!text.includes("\ufffd")) return text;
  try {
    return FATAL.decode(bytes);
  } catch {
    return undefined;
  }
}
