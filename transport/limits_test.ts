import { assert, assertEquals } from "@std/assert";
import { FairLimit, networkOf, OVERLOAD_REPORT_INTERVAL_MS, OverloadLog } from "./limits.ts";

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

const PER_SECOND = 20_000;

/** Attempts of a network that are allowed, out of `attempts` at one time. */
function allowed(limit: FairLimit, network: string, attempts: number, now: number): number {
  let count = 0;
  for (let i = 0; i < attempts; i++) if (limit.allow(network, now)) count++;
  return count;
}

Deno.test("fair limit: one network gets three quarters and its share", () => {
  const limit = new FairLimit(PER_SECOND);
  const open = 0.75 * PER_SECOND;
  for (const [now, got] of [[0, open + 2], [500, open / 2 + 2], [1_000_000, open + 2]] as const) {
    assertEquals(allowed(limit, "192.0.2.1", 100_000, now), got);
    assertEquals(allowed(limit, "192.0.2.1", 100, now), 0);
  }
});

Deno.test("fair limit: all networks together get no more than there is", () => {
  const limit = new FairLimit(PER_SECOND);
  let count = 0;
  for (let i = 0; i < 1_000_000; i++) {
    if (limit.allow(`10.${i >> 8 & 255}.${i & 255}.1`, i / 100)) count++;
  }
  // One second's worth is saved at the start.
  assert(count >= 10 * PER_SECOND && count <= 10.75 * PER_SECOND, `${count} in 10 s`);
});

Deno.test("fair limit: some that ask for all leave the others their share", () => {
  const limit = new FairLimit(PER_SECOND);
  for (let i = 0; i < 200; i++) allowed(limit, `2001:db8:1:${i}`, PER_SECOND, 0);
  assertEquals(allowed(limit, "198.51.100.7", 20, 0), 2);
  assertEquals(allowed(limit, "198.51.100.8", 1, 0), 1);
});

Deno.test("network: IPv4 stands for itself, also mapped, and IPv6 for its /64", () => {
  const networks = [
    ["192.0.2.7", "::ffff:192.0.2.7"],
    ["2001:db8:1:1::1", "2001:db8:1:1:ffff::2", "2001:db8:1:1::", "2001:db8:1:1:2:3:4:5"],
    ["2001:db8::1", "2001:db8:0:0:1:2:3:4"],
    ["2001:db8:0:1::1", "2001:db8:0:1:1:2:3:4"],
    ["::1"],
    ["fe80::1", "fe80::2:3:4:5"],
  ].map((addresses) => new Set(addresses.map(networkOf)));
  assertEquals(networks.map(({ size }) => size), networks.map(() => 1));
  assertEquals(new Set(networks.flatMap((names) => [...names])).size, networks.length);
});

Deno.test("overload: guesses are counted by kind, and in all, with the address of the latest", () => {
  const log = new OverloadLog();
  log.countGuess("wrong", "192.0.2.1");
  log.countGuess("unconfirmed", "2001:db8::1");
  log.countGuess("waits", "::ffff:192.0.2.7");
  const guesses = { wrong: 1, unconfirmed: 1, waits: 1, hostname: "192.0.2.7", total: 2 };
  assertEquals(log.takeDue(0)?.guesses, guesses);
  log.count("questions");
  assertEquals(log.takeDue(OVERLOAD_REPORT_INTERVAL_MS)?.guesses, undefined);
  log.countGuess("wrong", "2001:db8::1");
  const later = log.takeDue(2 * OVERLOAD_REPORT_INTERVAL_MS)?.guesses;
  assertEquals([later?.wrong, later?.hostname, later?.total], [1, "2001:db8::1", 3]);
});
