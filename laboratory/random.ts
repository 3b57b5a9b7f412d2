/**
 * Repeatable chance.
 *
 * @module
 */

/** Largest seed that people give. */
export const MAX_SEED = 999_999_999;

/**
 * A generator of numbers from 0 up to 1, the same ones for the same seed (xorshift32 over a scrambled
 * seed). It is for experiments only: a few numbers give away the rest.
 *
 * @example
 * ```ts
 * import { seededRandom } from "./random.ts";
 *
 * console.log(seededRandom(7)() === seededRandom(7)()); // true
 * ```
 *
 * @param seed Any integer.
 */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  const draw = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // The first numbers of neighbouring seeds are alike; the ones after these are not.
  for (let i = 0; i < 8; i++) draw();
  return draw;
}

/** `length` bytes of such a generator, which are no secret. */
export function seededBytes(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}
