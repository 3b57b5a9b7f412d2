import { assertEquals } from "@std/assert";
import { RecentMap } from "./recent_map.ts";

Deno.test("recent map: what was set first is forgotten first, and what is set again is not new", () => {
  const map = new RecentMap<number, string>();
  for (let key = 0; key < 10_000; key++) map.set(key, "");
  map.set(1, "again");
  assertEquals([map.size, map.has(0), map.get(1)], [10_000, true, "again"]);
  map.set(10_000, "");
  assertEquals([map.size, map.has(0), map.has(10_000)], [10_000, false, true]);
  map.set(10_001, "");
  assertEquals([map.size, map.has(1), map.has(2)], [10_000, false, true]);
});
