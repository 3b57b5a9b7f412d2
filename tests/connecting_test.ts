import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import type { ListenerOptions } from "../transport/reliable/listener.ts";
import { MAX_ACK_DELAY_MS } from "../transport/reliable/rtt.ts";
import { type RoomKind, ROOMS } from "./rooms.ts";
import { Simulation } from "./simulation.ts";
import { cases } from "./whole.ts";

const CLIENT = { hostname: "198.51.100.7", port: 40_000 };
const MESSAGE = new TextEncoder().encode("¿?");

/** How a {@linkcode visit} goes. */
interface Visit {
  readonly roundTrip: number;
  readonly loss?: number;
  readonly kind?: RoomKind;
  readonly server?: Partial<ListenerOptions>;
}

/** One question, its answer and a bye: when each came, in ms, and how the server heard that it ended. */
function visit(seed: number, { roundTrip, loss = 0, kind = "open", server = {} }: Visit) {
  const conditions = { ...PERFECT, delay: roundTrip / 2, loss };
  const simulation = new Simulation(seed, conditions, ROOMS[kind]);
  const times = { connected: NaN, answered: NaN, left: NaN };
  let heard: string | undefined;
  simulation.addServer((event, listener) => {
    if (event.type === "question") listener.answer(event.session, MESSAGE, simulation.now);
    if (event.type === "ended") heard = event.reason;
  }, server);
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "connected") {
      times.connected = simulation.now;
      dialer.ask(MESSAGE, simulation.now);
    } else if (event.type === "answer") {
      times.answered = simulation.now;
      dialer.bye("bye", simulation.now);
    } else if (event.type === "ended") times.left = simulation.now - times.answered;
  });
  simulation.drive();
  return { ...times, heard };
}

for (const [kind, roundTrips] of [["open", 2], ["private", 3]] as const) {
  Deno.test(`connecting: the first answer of a room that is ${kind} takes ${roundTrips} round trips`, () => {
    const { answered } = visit(1, { roundTrip: 50, kind });
    assert(answered >= 50 * roundTrips && answered <= 50 * roundTrips + MAX_ACK_DELAY_MS);
  });
}

Deno.test("connecting: where 20 % is lost it takes three quarters of the time that tokens take", () => {
  let [trusting, asking] = [0, 0];
  for (let seed = 1; seed <= cases(3000); seed++) {
    const path = { roundTrip: 50, loss: 0.2 };
    trusting += visit(seed, path).connected;
    asking += visit(seed, { ...path, server: { maxHalfOpen: 0 } }).connected;
  }
  assert(trusting < 0.85 * asking, `${trusting / asking}`);
});

// A person who had read the answer looked at a program that did nothing for seconds.
for (const roundTrip of [5, 50, 200]) {
  Deno.test(`connecting: over ${roundTrip} ms with 30 % lost, a bye waits little, and the server hears it`, () => {
    const all = cases(5000);
    let missed = 0;
    for (let seed = 1; seed <= all; seed++) {
      const { left, heard } = visit(seed, { roundTrip, loss: 0.3 });
      assert(left <= Math.max(200, 2 * roundTrip) + 1e-6, `seed ${seed}: ${left} ms`);
      if (heard !== "bye") missed++;
    }
    assert(missed <= 0.01 * all, `${missed} of ${all} were missed`);
  });
}

Deno.test("connecting: where nothing is lost a bye takes a round trip", () => {
  assertEquals(visit(1, { roundTrip: 50 }).left, 50);
});
