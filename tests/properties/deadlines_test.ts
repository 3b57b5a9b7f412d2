import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Deadlines } from "../../transport/deadlines.ts";
import { type Bed, bed, wake } from "../beds.ts";

// Invariant: sleepers that are left after some were deleted are woken in the order of their times.
Deno.test("deadlines: the order holds after any of them were deleted", () => {
  const times = fc.array(fc.tuple(fc.nat({ max: 1000 }), fc.boolean()), { maxLength: 60 });
  const property = fc.property(times, (times) => {
    const deadlines = new Deadlines<Bed>();
    const beds = times.map(([at]) => bed(at));
    for (const sleeper of beds) deadlines.schedule(sleeper, 0);
    const left = beds.filter((sleeper, i) => {
      if (times[i]![1]) deadlines.delete(sleeper);
      return !times[i]![1];
    });
    const expected = left.map(({ nextTimeout }) => nextTimeout).sort((a, b) => a - b);
    const order: number[] = [];
    while (deadlines.nextTimeout < Infinity) {
      const next = deadlines.nextTimeout;
      order.push(...wake(deadlines, next).map(() => next));
    }
    assertEquals(order, expected);
  });
  fc.assert(property, { numRuns: 500 });
});

type Step =
  | { readonly do: "move"; readonly who: number; readonly by: number; readonly tell: boolean }
  | { readonly do: "delete"; readonly who: number }
  | { readonly do: "pass"; readonly time: number };

const SLEEPERS = 20;
const WHO = fc.nat({ max: SLEEPERS - 1 });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      who: WHO,
      by: fc.oneof(fc.integer({ min: -60, max: 60 }), fc.constant(Infinity)),
      tell: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), who: WHO }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("pass" as const), time: fc.nat({ max: 40 }) }),
  },
);

// Invariant: as a plain list that is searched each time. A sleeper that is due is woken, once,
// and not before its time; the next timeout is never later than the earliest time; and there is no
// entry of a deleted one. A sleeper may move later without notice, earlier with it.
Deno.test("deadlines: as a plain list, with sleepers moving earlier and later", () => {
  const property = fc.property(fc.array(STEP, { minLength: 1, maxLength: 120 }), (steps) => {
    const deadlines = new Deadlines<Bed>();
    const beds = Array.from({ length: SLEEPERS }, (_, name) => bed(Infinity, name));
    const list = new Set<Bed>();
    let now = 0;
    for (const step of steps) {
      if (step.do === "move") {
        const sleeper = beds[step.who]!;
        const from = Number.isFinite(sleeper.nextTimeout) ? sleeper.nextTimeout : now;
        const at = Math.max(now + 1, from + step.by);
        const isNotice = step.tell || at < sleeper.nextTimeout || !list.has(sleeper);
        sleeper.nextTimeout = at;
        if (isNotice) {
          deadlines.schedule(sleeper, now);
          list.add(sleeper);
        }
      } else if (step.do === "delete") {
        deadlines.delete(beds[step.who]!);
        list.delete(beds[step.who]!);
        beds[step.who]!.nextTimeout = Infinity;
      } else {
        now += step.time;
        const due = [...list].filter(({ nextTimeout }) => nextTimeout <= now);
        const woken = wake(deadlines, now, now + 30);
        assertEquals(names(woken), names(due));
      }
      const earliest = Math.min(Infinity, ...[...list].map(({ nextTimeout }) => nextTimeout));
      assert(deadlines.nextTimeout <= earliest, "somebody would be woken too late");
      assert(deadlines.size <= list.size, "there is an entry of somebody who was deleted");
    }
    for (const sleeper of list) deadlines.delete(sleeper);
    assertEquals([deadlines.size, deadlines.nextTimeout], [0, Infinity]);
  });
  fc.assert(property, { numRuns: 500 });
});

function names(beds: readonly Bed[]): number[] {
  return beds.map(({ name }) => name).sort((a, b) => a - b);
}
