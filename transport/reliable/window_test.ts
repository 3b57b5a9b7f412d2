import { assertEquals } from "@std/assert";
import { CongestionWindow, INITIAL_WINDOW, MIN_WINDOW } from "./window.ts";

Deno.test("window: it starts at ten and grows by one for each acknowledged segment", () => {
  const window = new CongestionWindow();
  const sizes = Array.from({ length: 5 }, () => {
    window.acknowledged();
    return window.size;
  });
  assertEquals([INITIAL_WINDOW, ...sizes], [10, 11, 12, 13, 14, 15]);
});

Deno.test("window: a timeout halves it, and from then on it grows by one in a round trip", () => {
  const window = new CongestionWindow();
  window.timedOut(0, 100);
  assertEquals(window.size, 5);
  const sizes: number[] = [];
  for (let roundTrips = 0; roundTrips < 3; roundTrips++) {
    // The fraction that is left over each time adds up to one acknowledgement more.
    for (let acks = window.size + 1; acks > 0; acks--) window.acknowledged();
    sizes.push(window.size);
  }
  assertEquals(sizes, [6, 7, 8]);
});

Deno.test("window: the timeouts of one round trip halve it once, those of the next once more", () => {
  const window = new CongestionWindow();
  for (let segment = 0; segment < 10; segment++) window.timedOut(segment, 100 + segment);
  assertEquals(window.size, 5);
  for (let segment = 0; segment < 5; segment++) window.acknowledged();
  window.timedOut(100, 300);
  window.timedOut(101, 301);
  assertEquals(window.size, 2);
});

Deno.test("window: however many timeouts there are, two segments may be under way", () => {
  const window = new CongestionWindow();
  for (let sentAt = 0; sentAt < 50; sentAt++) window.timedOut(sentAt, sentAt + 1);
  assertEquals(window.size, MIN_WINDOW);
  for (let acks = 3; acks > 0; acks--) window.acknowledged();
  assertEquals(window.size, 3);
});
