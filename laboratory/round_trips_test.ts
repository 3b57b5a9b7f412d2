import { assert, assertEquals } from "@std/assert";
import { encode, type PacketFields } from "../transport/reliable/packet.ts";
import { readHeader } from "../transport/mod.ts";
import { SERVER, Simulation } from "../tests/simulation.ts";
import { type Observation, Observer } from "./observation.ts";
import { RoundTrips } from "./round_trips.ts";

const CLIENT = { hostname: "198.51.100.1", port: 40_000 };
const ID = 7n;

/** Adds packets that were sent or received at a time. */
function add(
  roundTrips: RoundTrips,
  ...packets: (Omit<PacketFields, "id"> & Partial<Observation>)[]
) {
  for (const { at = 0, direction = "sent", fate = "whole", ...fields } of packets) {
    const datagram = encode({ ...fields, id: ID });
    const header = readHeader(datagram);
    const rest = { order: 1, peer: SERVER, delay: 0, isHeldBack: false, repeats: 0 };
    roundTrips.add({ at, direction, fate, datagram, header, ...rest });
  }
}

for (const end of ["client", "server"] as const) {
  Deno.test(`round trips: what the ${end} measures is true, whatever is lost and sent again`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const conditions = { loss: 0.2, duplication: 0.2, reordering: 0, delay: 5, jitter: 0 };
      const simulation = new Simulation(seed, conditions);
      const roundTrips = new RoundTrips();
      const observer = new Observer();
      const address = end === "client" ? CLIENT : SERVER;
      simulation.onSend = (flight) => {
        const { datagram, from, to } = flight;
        const fate = simulation.carry(flight);
        const entry = { order: simulation.datagrams, at: simulation.now, datagram, fate };
        if (from === address) {
          return roundTrips.add(observer.observe("sent", { ...entry, peer: to }));
        }
        fate.arrivals.toSorted((a, b) => a - b).forEach((at, copy) => {
          const received = observer.observe("received", { ...entry, peer: from }, copy);
          simulation.at(at, () => roundTrips.add({ ...received, at }));
        });
      };
      let turns = 0;
      simulation.addServer((event, listener) => {
        if (event.type !== "question") return;
        simulation.at(simulation.now + 100 * simulation.random(), () => {
          listener.answer(event.session, new Uint8Array(3000), simulation.now);
        });
      });
      simulation.addClient(CLIENT, (event, dialer) => {
        if (event.type !== "connected" && event.type !== "answer") return;
        const bytes = ++turns % 2 === 0 ? 10 : 3000;
        dialer.ask(new Uint8Array(bytes), simulation.now);
      });
      simulation.drive(() => turns === 40);
      const { least, median = 0, most } = roundTrips;
      const measured = `Seed ${seed}: ${least}, ${median}, ${most} ms`;
      // The other end tells its own delay in whole milliseconds.
      assert(least >= 9.5 && least <= median && median <= most && most <= 10.5, measured);
    }
  });
}

Deno.test("round trips: none before the first, and the median of several", () => {
  const roundTrips = new RoundTrips();
  assertEquals(roundTrips.median, undefined);
  for (const [number, time] of [7, 1, 9, 3, 5].entries()) {
    add(
      roundTrips,
      { type: "ping", number, attempt: 1, at: 100 },
      { type: "pong", number, echo: 1, at: 100 + time, direction: "received" },
    );
  }
  assertEquals([roundTrips.least, roundTrips.median, roundTrips.most], [1, 5, 9]);
});

Deno.test("round trips: the delay of the other end is no part of them", () => {
  const roundTrips = new RoundTrips();
  add(
    roundTrips,
    { type: "message", number: 1, attempt: 1, at: 0 },
    { type: "ack", number: 1, echo: 1, ackDelay: 25, at: 40, direction: "received" },
    { type: "message", number: 3, attempt: 1, at: 100 },
    {
      type: "message",
      number: 4,
      attempt: 1,
      echo: 1,
      ackDelay: 255,
      at: 900,
      direction: "received",
    },
    { type: "message", number: 5, attempt: 1, at: 1000 },
    { type: "ack", number: 5, echo: 1, ackDelay: 5, at: 1004, direction: "received" },
  );
  assertEquals([roundTrips.least, roundTrips.most], [0, 15]);
});

Deno.test("round trips: what is lost, repeated, or echoes nothing is not measured", () => {
  const roundTrips = new RoundTrips();
  add(
    roundTrips,
    { type: "message", number: 1, attempt: 1, at: 0 },
    { type: "ack", number: 1, echo: 1, at: 5, direction: "received", fate: "lost" },
    { type: "ack", number: 1, echo: 2, at: 6, direction: "received" },
    { type: "ack", number: 2, echo: 1, at: 7, direction: "received" },
    { type: "bye-ack", at: 8, direction: "received" },
  );
  assertEquals(roundTrips.median, undefined);
  add(
    roundTrips,
    { type: "ack", number: 1, echo: 1, at: 10, direction: "received" },
    { type: "ack", number: 1, echo: 1, at: 20, direction: "received", fate: "copy" },
    // It does not say which of the segments it echoes.
    { type: "message", number: 3, segment: 0, lastSegment: 1, attempt: 1, at: 30 },
    { type: "message", number: 4, attempt: 1, echo: 1, at: 90, direction: "received" },
  );
  assertEquals([roundTrips.least, roundTrips.most], [10, 10]);
});
