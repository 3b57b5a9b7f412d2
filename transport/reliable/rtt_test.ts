import { assertAlmostEquals, assertEquals } from "@std/assert";
import { RttEstimator } from "./rtt.ts";

// Expected values are worked out by hand from RFC 6298 §2: the first sample R gives SRTT = R and
// RTTVAR = R/2; each later one RTTVAR += (|SRTT - R| - RTTVAR)/4 with the old SRTT, then
// SRTT += (R - SRTT)/8. The timeout is SRTT + max(4·RTTVAR, 1) + the ack delay to be expected.

Deno.test("rtt: before any sample the timeout is one second", () => {
  const rtt = new RttEstimator();
  assertEquals(rtt.timeout, 1000);
  assertEquals(rtt.smoothed, undefined);
});

Deno.test("rtt: the first sample", () => {
  const rtt = new RttEstimator();
  rtt.sample(50, 25);
  assertEquals(rtt.smoothed, 50);
  assertEquals(rtt.timeout, 50 + 4 * 25 + 25);
});

Deno.test("rtt: the second sample weighs 1/8 in the mean and 1/4 in the variation", () => {
  const rtt = new RttEstimator();
  rtt.sample(50, 25);
  rtt.sample(90, 25);
  // RTTVAR = 25 + (40 - 25)/4 = 28.75; SRTT = 50 + 40/8 = 55
  assertEquals(rtt.smoothed, 55);
  assertEquals(rtt.timeout, 55 + 4 * 28.75 + 25);
});

Deno.test("rtt: the third sample, below the mean", () => {
  const rtt = new RttEstimator();
  rtt.sample(50, 25);
  rtt.sample(90, 25);
  rtt.sample(47, 25);
  // RTTVAR = 28.75 + (|55 - 47| - 28.75)/4 = 23.5625; SRTT = 55 - 8/8 = 54
  assertEquals(rtt.smoothed, 54);
  assertEquals(rtt.timeout, 54 + 4 * 23.5625 + 25);
});

Deno.test("rtt: on a steady path a millisecond of variation stays allowed", () => {
  const rtt = new RttEstimator();
  for (let samples = 0; samples < 100; samples++) rtt.sample(10, 25);
  assertEquals(rtt.timeout, 10 + 1 + 25);
});

Deno.test("rtt: a round trip of nothing still leaves time", () => {
  const rtt = new RttEstimator();
  for (let samples = 0; samples < 1000; samples++) rtt.sample(0, 0);
  assertEquals(rtt.smoothed, 0);
  assertAlmostEquals(rtt.timeout, 1, 1e-9);
});

Deno.test("rtt: an ack delay above 25 ms is not believed", () => {
  const rtt = new RttEstimator();
  rtt.sample(50, 200);
  assertEquals(rtt.timeout, 175);
});

Deno.test("rtt: an ack delay is forgotten by 1/8 a sample, and comes back at once", () => {
  const rtt = new RttEstimator();
  rtt.sample(50, 0);
  assertEquals(rtt.timeout, 150 + 25 * 7 / 8);
  // RTTVAR falls by a quarter with each equal sample.
  rtt.sample(50, 0);
  assertEquals(rtt.timeout, 50 + 4 * 18.75 + 25 * 49 / 64);
  rtt.sample(50, 20);
  assertEquals(rtt.timeout, 50 + 4 * 14.0625 + 20);
  rtt.sample(50, 24);
  assertEquals(rtt.timeout, 50 + 4 * 10.546875 + 24);
});
