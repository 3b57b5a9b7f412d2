import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seededBytes, seededRandom } from "./random.ts";

function numbers(seed: number, count: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random());
}

Deno.test("random: the same seed gives the same numbers", () => {
  assertEquals(numbers(7, 100), numbers(7, 100));
});

Deno.test("random: other seeds give other numbers, also zero, negative and neighbouring ones", () => {
  const firsts = [-2, -1, 0, 1, 2, 3, 2 ** 31, 2 ** 32 - 1, 0x9e3779b9].map((seed) =>
    numbers(seed, 4).join()
  );
  assertEquals(new Set(firsts).size, firsts.length - 1, "only -1 and 2 ** 32 - 1 are one seed");
});

Deno.test("random: the seed that scrambles to zero is not stuck", () => {
  const stuck = numbers(0x9e3779b9, 4);
  assertEquals(new Set(stuck).size, 4);
});

Deno.test("random: numbers are from 0 up to 1 and spread evenly", () => {
  const tenths = new Array<number>(10).fill(0);
  for (const number of numbers(1, 100_000)) {
    assert(number >= 0 && number < 1, `${number}`);
    tenths[Math.floor(number * 10)]!++;
  }
  for (const count of tenths) assert(count > 9_500 && count < 10_500, `${tenths}`);
});

Deno.test("random: the first numbers of neighbouring seeds are spread evenly too", () => {
  const halves = [0, 0];
  for (let seed = 0; seed < 10_000; seed++) halves[Math.floor(numbers(seed, 1)[0]! * 2)]!++;
  assert(halves[0]! > 4_700 && halves[0]! < 5_300, `${halves}`);
});

Deno.test("random: so many bytes, the same for the same seed, all values among them", () => {
  const bytes = seededBytes(seededRandom(3), 10_000);
  assertEquals(bytes.length, 10_000);
  assertEquals(bytes, seededBytes(seededRandom(3), 10_000));
  assertNotEquals(bytes, seededBytes(seededRandom(4), 10_000));
  assertEquals(new Set(bytes).size, 256);
  assertEquals(seededBytes(seededRandom(3), 0).length, 0);
});
