import { assertEquals } from "@std/assert";
import { type Bed, bed, wake } from "../tests/beds.ts";
import { Deadlines } from "./deadlines.ts";

Deno.test("deadlines: nobody, never", () => {
  const deadlines = new Deadlines<Bed>();
  assertEquals(deadlines.nextTimeout, Infinity);
  assertEquals(deadlines.takeDue(1e15), undefined);
  assertEquals(deadlines.size, 0);
});

Deno.test("deadlines: each is woken at its time and not before, in order", () => {
  const deadlines = new Deadlines<Bed>();
  for (const at of [30, 10, 50, 20, 40, 10]) deadlines.schedule(bed(at), 0);
  assertEquals(deadlines.nextTimeout, 10);
  assertEquals(deadlines.takeDue(9.999), undefined);
  assertEquals(wake(deadlines, 10).length, 2);
  for (const at of [20, 30, 40, 50]) {
    assertEquals(deadlines.nextTimeout, at);
    assertEquals(wake(deadlines, at - 1), []);
    assertEquals(wake(deadlines, at).length, 1);
  }
  assertEquals(deadlines.nextTimeout, Infinity);
});

Deno.test("deadlines: a sleeper that never wants to be woken takes no room", () => {
  const deadlines = new Deadlines<Bed>();
  deadlines.schedule(bed(Infinity), 0);
  assertEquals(deadlines.size, 0);
  const sleeper = bed(10);
  deadlines.schedule(sleeper, 0);
  deadlines.schedule(sleeper, 0);
  assertEquals(deadlines.size, 1);
  wake(deadlines, 10);
  assertEquals(deadlines.size, 0);
});

Deno.test("deadlines: one that moved away is woken at the new time only", () => {
  const deadlines = new Deadlines<Bed>();
  const sleeper = bed(10);
  deadlines.schedule(sleeper, 0);
  sleeper.nextTimeout = 100;
  assertEquals(deadlines.takeDue(10), undefined);
  assertEquals(deadlines.nextTimeout, 100);
  assertEquals(deadlines.takeDue(100), sleeper);
});

Deno.test("deadlines: one that moved nearer is woken earlier", () => {
  const deadlines = new Deadlines<Bed>();
  const sleeper = bed(100);
  deadlines.schedule(sleeper, 0);
  deadlines.schedule(bed(50), 0);
  sleeper.nextTimeout = 10;
  deadlines.schedule(sleeper, 0);
  assertEquals(deadlines.nextTimeout, 10);
  assertEquals(deadlines.takeDue(10), sleeper);
});

Deno.test("deadlines: a deleted one is not woken, and can come back", () => {
  const deadlines = new Deadlines<Bed>();
  const sleeper = bed(10);
  deadlines.delete(sleeper);
  deadlines.schedule(sleeper, 0);
  deadlines.schedule(bed(20), 0);
  deadlines.delete(sleeper);
  deadlines.delete(sleeper);
  assertEquals([deadlines.size, deadlines.nextTimeout], [1, 20]);
  deadlines.schedule(sleeper, 0);
  assertEquals([deadlines.size, deadlines.nextTimeout], [2, 10]);
});
