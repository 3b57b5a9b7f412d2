/**
 * How fast a demonstration is shown.
 *
 * @module
 */

/** Least and most time before a scene, in ms: time to read, and no time to get bored. */
const LEAST_MS = 120;
const MOST_MS = 700;

/** Most time of all of it, in ms. */
export const MAX_TOTAL_MS = 8_000;

/** How long to wait before each scene, in ms: as long as it took, within bounds. */
export function pausesBefore(scenes: readonly { readonly at: number }[]): number[] {
  const pauses = scenes.map(({ at }, index) => {
    const before = scenes[index - 1]?.at ?? at;
    return Math.min(MOST_MS, Math.max(LEAST_MS, at - before));
  });
  const total = pauses.reduce((sum, pause) => sum + pause, 0);
  const speed = Math.max(1, total / MAX_TOTAL_MS);
  return pauses.map((pause) => pause / speed);
}
