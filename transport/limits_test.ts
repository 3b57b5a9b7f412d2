import { assertEquals } from "@std/assert";
import { OVERLOAD_REPORT_INTERVAL_MS, OverloadLog, RateLimit } from "./limits.ts";

Deno.test("overload: a report comes at once, the next after the interval, and none without need", () => {
  const log = new OverloadLog();
  const due = (now: number) => log.takeDue(now)?.questions;
  assertEquals([log.nextTimeout, due(0)], [Infinity, undefined]);
  log.count("questions");
  assertEquals([due(5), due(5), log.nextTimeout], [1, undefined, Infinity]);
  log.count("questions");
  log.count("questions");
  assertEquals(log.nextTimeout, 5 + OVERLOAD_REPORT_INTERVAL_MS);
  assertEquals([due(log.nextTimeout - 1), due(log.nextTimeout)], [undefined, 2]);
  assertEquals(due(1_000_000), undefined);
});

/** Attempts allowed out of `attempts` at one time. */
function allowed(limit: RateLimit, attempts: number, now: number): number {
  let count = 0;
  for (let i = 0; i < attempts; i++) if (limit.allow(now)) count++;
  return count;
}

// Time of some attempts in ms, their number, and how many of them pass a limit of 10 a second.
const STEPS: readonly (readonly [now: number, attempts: number, passed: number])[] = [
  [500, 3, 3],
  [500, 20, 7],
  [500, 1, 0],
  [599, 1, 0],
  [600, 2, 1],
  [750, 1, 1],
  // Half of the last token's time is not lost.
  [800, 2, 1],
  [1300, 100, 5],
  // However long it was quiet, no more than one second's worth is saved.
  [1_000_000, 100, 10],
  [1_000_000, 1, 0],
];

Deno.test("rate limit: a burst of one second's worth, then as it fills again", () => {
  const limit = new RateLimit(10);
  for (const [now, attempts, passed] of STEPS) {
    assertEquals(allowed(limit, attempts, now), passed, `at ${now} ms`);
  }
});

Deno.test("rate limit: over a long time no more than the rate and one burst", () => {
  const limit = new RateLimit(10);
  let count = 0;
  for (let now = 0; now < 100_000; now++) if (limit.allow(now)) count++;
  assertEquals(count >= 1000 && count <= 1010, true, `${count} in 100 s`);
});

Deno.test("rate limit: a refused attempt costs nothing", () => {
  const limit = new RateLimit(1);
  assertEquals(allowed(limit, 1000, 0), 1);
  assertEquals(allowed(limit, 1, 1000), 1);
});
