import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { bothWays, Network, type NetworkConditions, PERFECT } from "./network.ts";
import { seededRandom } from "./random.ts";

const SENT = 20_000;
const ITEMS = Array.from({ length: 100 }, (_, i) => i);

/** When the copies of each datagram arrive. */
type Arrivals = readonly number[];

function fates(conditions: Partial<NetworkConditions>, seed = 1): Arrivals[] {
  const network = new Network<number>({ ...PERFECT, ...conditions }, seededRandom(seed));
  return Array.from({ length: SENT }, (_, i) => network.send(i, 0).arrivals);
}

function rate(fates: readonly Arrivals[], holds: (arrivals: Arrivals) => boolean): number {
  return fates.filter(holds).length / fates.length;
}

function assertNear(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 0.01, `${actual} is not near ${expected}`);
}

Deno.test("network: a perfect one delivers everything once, at once and in order", () => {
  const network = new Network<number>(PERFECT, seededRandom(1));
  for (let i = 0; i < 100; i++) assertEquals(network.send(i, 5).arrivals, [5]);
  assertEquals(network.nextArrival, 5);
  assertEquals(network.arrivals(4.9), []);
  assertEquals(network.arrivals(5), Array.from({ length: 100 }, (_, i) => i));
  assertEquals(network.arrivals(5), []);
  assertEquals(network.nextArrival, Infinity);
});

for (const loss of [0, 0.2, 0.4, 1]) {
  Deno.test(`network: ${100 * loss} % of the datagrams are lost`, () => {
    assertNear(rate(fates({ loss, duplication: 0.5 }), ({ length }) => length === 0), loss);
  });
}

for (const duplication of [0, 0.1, 1]) {
  Deno.test(`network: ${100 * duplication} % of the datagrams arrive twice`, () => {
    const all = fates({ duplication, delay: 7 });
    assertNear(rate(all, ({ length }) => length === 2), duplication);
    assertNear(rate(all, ({ length }) => length === 1), 1 - duplication);
  });
}

Deno.test("network: the copies of a datagram travel apart from each other", () => {
  const all = fates({ duplication: 1, jitter: 100 });
  assert(rate(all, ([first, second]) => first! < second!) > 0.45);
  assert(rate(all, ([first, second]) => first! > second!) > 0.45);
});

Deno.test("network: time on the way is the delay and what chance adds", () => {
  const all = fates({ delay: 40, jitter: 20 });
  assert(all.every(([at]) => at! >= 40 && at! < 60));
  assertNear(rate(all, ([at]) => at! < 50), 0.5);
});

Deno.test("network: a reordered datagram is overtaken by the ones sent after it", () => {
  const all = fates({ reordering: 0.3, delay: 40 });
  assertNear(rate(all, ([at]) => at === 40), 0.7);
  assertNear(rate(all, ([at]) => at === 90), 0.3);
  const network = new Network<number>({ ...PERFECT, reordering: 0.3 }, seededRandom(1));
  for (let i = 0; i < 100; i++) {
    const { arrivals, isHeldBack } = network.send(i, 0);
    assertEquals(arrivals, [isHeldBack ? 10 : 0]);
  }
  const quick = fates({ reordering: 1 });
  assert(quick.every(([at]) => at === 10), "also where there is no delay");
});

Deno.test("network: a dropped datagram is lost, and the rest repeats", () => {
  const conditions = { ...PERFECT, loss: 0.2, duplication: 0.2, jitter: 50 };
  const network = new Network<number>(conditions, seededRandom(1));
  const isDropped = (i: number) => i % 3 === 0;
  const dropped = Array.from({ length: SENT }, (_, i) => network.send(i, 0, isDropped(i)).arrivals);
  fates(conditions).forEach((fate, i) => assertEquals(dropped[i], isDropped(i) ? [] : fate));
});

Deno.test("network: what arrives comes out in the order of arrival, and not before", () => {
  const conditions = { ...PERFECT, delay: 10, jitter: 200, duplication: 0.3, reordering: 0.2 };
  const network = new Network<number>(conditions, seededRandom(9));
  const expected: [at: number, item: number][] = [];
  for (let i = 0; i < 300; i++) {
    for (const at of network.send(i, i).arrivals) expected.push([at, i]);
  }
  expected.sort(([a], [b]) => a - b);
  const arrived: [at: number, item: number][] = [];
  for (let next = network.nextArrival; next !== Infinity; next = network.nextArrival) {
    assertEquals(network.arrivals(next - 1e-6), []);
    for (const item of network.arrivals(next)) arrived.push([next, item]);
  }
  assertEquals(arrived, expected);
});

Deno.test("network: the same seed gives each datagram the same fate, another one another", () => {
  const conditions = { loss: 0.2, duplication: 0.2, reordering: 0.2, delay: 10, jitter: 50 };
  assertEquals(fates(conditions, 5), fates(conditions, 5));
  assertNotEquals(fates(conditions, 5), fates(conditions, 6));
});

Deno.test("network: the two ways have chances of their own, whatever passes on the other", () => {
  const conditions = { ...PERFECT, loss: 0.2, jitter: 50 };
  const path = bothWays<number>(conditions, 5);
  const outward = ITEMS.map((i) => path.outward.send(i, 0));
  const inward = ITEMS.map((i) => path.inward.send(i, 0));
  assertNotEquals(outward, inward);
  const mixed = bothWays<number>(conditions, 5);
  for (const i of ITEMS) {
    assertEquals(mixed.inward.send(i, 0), inward[i]);
    assertEquals(mixed.outward.send(i, 0), outward[i]);
  }
  const another = bothWays<number>(conditions, 6);
  assertNotEquals(ITEMS.map((i) => another.outward.send(i, 0)), outward);
});

Deno.test("network: one chance can be changed and the rest repeats", () => {
  const conditions = { duplication: 0.2, reordering: 0.2, delay: 10, jitter: 50 };
  const without = fates(conditions);
  const withLoss = fates({ ...conditions, loss: 0.3 });
  withLoss.forEach((fate, i) => assertEquals(fate, fate.length === 0 ? [] : without[i]));
});

Deno.test("network: what is under way can be lost, delayed or duplicated, and nothing else is touched", () => {
  const network = new Network<string>({ ...PERFECT, delay: 10 }, seededRandom(1));
  for (const item of ["lost", "late", "twice", "whole"]) network.send(item, 0);
  network.reschedule("lost", []);
  network.reschedule("late", [30]);
  network.reschedule("twice", [10, 20]);
  assertEquals(network.arrivals(10).sort(), ["twice", "whole"]);
  assertEquals([network.arrivals(20), network.arrivals(30)], [["twice"], ["late"]]);
  assertEquals(network.nextArrival, Infinity);
});
