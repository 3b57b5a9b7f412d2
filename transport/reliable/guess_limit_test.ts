import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../laboratory/random.ts";
import { GUESS_PAUSE_MS, GUESS_PAUSE_OF_NETWORK_MS, GuessLimit } from "./guess_limit.ts";
import { MAX_GUESSES, MAX_GUESSES_OF_NETWORK, SUSPICION_MS } from "./guess_limit.ts";

const HOUR_MS = 3_600_000;

/** Exchanges that begin at that time, out of a thousand attempts. */
function begun(limit: GuessLimit, hostname: string, now: number): number {
  let count = 0;
  for (let i = 0; i < 1000; i++) if (limit.begin(hostname, now)) count++;
  return count;
}

function addresses(count: number, net = 0): string[] {
  return Array.from({ length: count }, (_, i) => `10.${net}.${i >> 8}.${i & 255}`);
}

Deno.test("guesses: ten at once from one address, and one more every five seconds", () => {
  const limit = new GuessLimit();
  assertEquals(begun(limit, "192.0.2.1", 1000), MAX_GUESSES_OF_NETWORK);
  assertEquals(begun(limit, "192.0.2.1", 1000 + GUESS_PAUSE_OF_NETWORK_MS - 1), 0);
  assertEquals(begun(limit, "192.0.2.1", 1000 + GUESS_PAUSE_OF_NETWORK_MS), 1);
  assertEquals(begun(limit, "192.0.2.1", 1000 + 3.5 * GUESS_PAUSE_OF_NETWORK_MS), 2);
  assertEquals(begun(limit, "192.0.2.1", HOUR_MS), MAX_GUESSES_OF_NETWORK);
});

Deno.test("guesses: a hundred at once from all, and one more every second", () => {
  const limit = new GuessLimit();
  const all = (now: number) =>
    addresses(100).reduce((sum, address) => sum + begun(limit, address, now), 0);
  assertEquals(all(0), MAX_GUESSES);
  assertEquals(all(GUESS_PAUSE_MS - 1), 0);
  assertEquals(all(GUESS_PAUSE_MS), 1);
  assertEquals(all(8 * GUESS_PAUSE_MS), 7);
});

Deno.test("guesses: what is confirmed is given back at once, and never more than that", () => {
  const limit = new GuessLimit();
  for (let i = 0; i < 10_000; i++) {
    assert(limit.begin("192.0.2.1", 0));
    limit.confirm("192.0.2.1");
  }
  // The same while others of that address are under way.
  assert(limit.begin("192.0.2.1", 0));
  for (let i = 0; i < 1000; i++) {
    assert(limit.begin("192.0.2.1", 0));
    limit.confirm("192.0.2.1");
  }
  assertEquals([begun(limit, "192.0.2.1", 0), limit.size], [MAX_GUESSES_OF_NETWORK - 1, 1]);
  for (let i = 0; i < MAX_GUESSES_OF_NETWORK; i++) limit.confirm("192.0.2.1");
  assertEquals([limit.size, begun(limit, "192.0.2.1", 0)], [0, MAX_GUESSES_OF_NETWORK]);
});

Deno.test("guesses: half of them are for networks that are not suspect", () => {
  const limit = new GuessLimit();
  for (const suspect of addresses(10)) {
    assertEquals(begun(limit, suspect, 0), MAX_GUESSES_OF_NETWORK);
    for (let i = 0; i < MAX_GUESSES_OF_NETWORK; i++) limit.giveUp(suspect, 0);
  }
  const suspects = (now: number) =>
    addresses(10).reduce((sum, address) => sum + begun(limit, address, now), 0);
  // All were used. Half of them have to come back before a suspect gets one, not so somebody else.
  assertEquals(suspects(50 * GUESS_PAUSE_MS), 0);
  assertEquals(begun(limit, "192.0.2.1", 50 * GUESS_PAUSE_MS), MAX_GUESSES_OF_NETWORK);
  assertEquals(suspects(61 * GUESS_PAUSE_MS), 1);
  assertEquals(begun(limit, "192.0.2.2", 61 * GUESS_PAUSE_MS), MAX_GUESSES_OF_NETWORK);
  // An hour later nobody is suspect any more.
  assertEquals(suspects(SUSPICION_MS), MAX_GUESSES);
});

// The owner of a /48 had 65,536 networks without a name, and kept out everybody who came.
Deno.test("guesses: suspicion is of all that an owner of many IPv6 networks has", () => {
  const limit = new GuessLimit();
  assert(limit.begin("2001:db8:1:0", 0));
  limit.giveUp("2001:db8:1:0", 0);
  const ofOne = (now: number) =>
    Array.from({ length: 100 }, (_, i) => begun(limit, `2001:db8:1:${i}`, now))
      .reduce((sum, count) => sum + count);
  assertEquals(ofOne(1000), MAX_GUESSES / 2);
  assertEquals(begun(limit, "2001:db8:2:0", 1000), MAX_GUESSES_OF_NETWORK);
  assertEquals(begun(limit, "192.0.2.1", 1000), MAX_GUESSES_OF_NETWORK);
});

Deno.test("guesses: whoever shares an address with a guesser does not clear its name", () => {
  const limit = new GuessLimit();
  for (const address of addresses(6)) begun(limit, address, 0);
  limit.giveUp("10.0.0.0", 0);
  assert(limit.begin("10.0.0.6", 5000));
  limit.confirm("10.0.0.6");
  for (let i = 1; i < MAX_GUESSES_OF_NETWORK; i++) limit.confirm("10.0.0.0");
  // 60 of them have begun, 9 were confirmed, and 5 have come back with time.
  assertEquals(begun(limit, "10.0.0.0", 5000), 4);
});

// Invariant: however it is used, no more is kept than the limit allows in an hour, and nobody gets more
// than the limit allows.
Deno.test("guesses: what is kept is bounded, and ends", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed);
    const limit = new GuessLimit();
    const pending: { hostname: string; until: number }[] = [];
    let begun = 0;
    let now = 0;
    for (; now < 3 * HOUR_MS; now += 500 * random()) {
      const hostname = addresses(1, Math.floor(random() * 200))[0]!.replace(/\d+$/, `${now & 255}`);
      if (limit.begin(hostname, now)) {
        begun++;
        pending.push({ hostname, until: now + 75_000 * random() });
      }
      while (pending[0] !== undefined && pending[0].until <= now) {
        const { hostname } = pending.shift()!;
        if (random() < 0.1) limit.confirm(hostname);
        else limit.giveUp(hostname, now);
      }
      assert(limit.size <= MAX_GUESSES + HOUR_MS / GUESS_PAUSE_MS + 2 * MAX_GUESSES);
    }
    assert(begun <= 1.12 * (MAX_GUESSES + now / GUESS_PAUSE_MS), `Seed ${seed}: ${begun}`);
    for (const { hostname } of pending) limit.giveUp(hostname, now);
    limit.begin("192.0.2.1", now + SUSPICION_MS);
    limit.giveUp("192.0.2.1", now + SUSPICION_MS);
    assertEquals(limit.size, 1, `Seed ${seed}`);
  }
});
