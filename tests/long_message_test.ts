import { assert } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import type { Address } from "../transport/endpoint.ts";
import { decode, HEADER_BYTES, MAX_DATAGRAM_BYTES } from "../transport/reliable/packet.ts";
import { segmentCount } from "../transport/reliable/packet.ts";
import { forSeeds } from "./attack.ts";
import { Simulation } from "./simulation.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";

const ROUND_TRIP_MS = 20;
const CLIENT: Address = { hostname: "198.51.100.1", port: 40_000 };
const SHORT = new TextEncoder().encode("¿?");
const LONG = new Uint8Array(MAX_MESSAGE_BYTES).fill(0x61);
const SEGMENTS = segmentCount(LONG.length);
const SEEDS = 50;
// The last acknowledgements are sent within this time after the message is there.
const AFTERMATH_MS = 5000;

// One segment at a time needs 1 / (1 - loss)² round trips for each, were every loss known at once.
for (
  const { loss, part } of [
    { loss: 0, part: 1 / 20 },
    { loss: 0.05, part: 1 / 8 },
    { loss: 0.2, part: 1 / 3 },
    { loss: 0.4, part: 1.05 },
  ]
) {
  Deno.test(`65,536 bytes where ${loss * 100} % is lost each way, against one segment at a time`, () => {
    for (const turns of [0, 5]) {
      let time = 0;
      forSeeds(SEEDS, function ask(seed) {
        const conditions = { ...PERFECT, loss, delay: ROUND_TRIP_MS / 2 };
        time += longQuestion(new Simulation(seed, conditions), turns) / SEEDS;
      });
      const oneAtATime = SEGMENTS * ROUND_TRIP_MS / (1 - loss) ** 2;
      assert(time <= part * oneAtATime, `${time.toFixed(1)} ms after ${turns} turns`);
    }
  });
}

// A segment that waits in a queue is not acknowledged yet, but not lost. Sending it again fills the queue,
// and then most segments are sent in vain (congestion collapse, RFC 2914 §5).
for (const rate of [64, 1000, 5000]) {
  for (const queue of [5, 20, 100]) {
    Deno.test(`65,536 bytes over ${rate} kbit/s with room for ${queue} datagrams`, () => {
      for (const turns of [0, 20]) {
        const { simulation, count } = slowSimulation(rate, queue * MAX_DATAGRAM_BYTES);
        const time = longQuestion(simulation, turns);
        const ideal = ROUND_TRIP_MS / 2 + (LONG.length + SEGMENTS * HEADER_BYTES) * 8 / rate;
        const { segments } = count;
        const measured = `${time.toFixed(0)} ms and ${segments} segments after ${turns} turns`;
        assert(time <= 2 * ideal, `${measured}, ideal ${ideal.toFixed(0)} ms`);
        assert(segments <= 1.5 * SEGMENTS, measured);
      }
    });
  }
}

/**
 * A simulation with a link of that many bits in a ms in each direction, a queue before it, and a count
 * of the segments of long messages that are sent.
 */
function slowSimulation(rate: number, queueBytes: number) {
  const simulation = new Simulation(1, { ...PERFECT, delay: ROUND_TRIP_MS / 2 });
  const count = { segments: 0 };
  const freeAt = new Map<string, number>();
  simulation.onSend = (flight) => {
    const { datagram, to } = flight;
    const { now } = simulation;
    if (decode(datagram)?.lastSegment === SEGMENTS - 1) count.segments++;
    const startAt = Math.max(now, freeAt.get(to.hostname) ?? 0);
    if ((startAt - now) * rate / 8 > queueBytes) return;
    const sentAt = startAt + datagram.length * 8 / rate;
    freeAt.set(to.hostname, sentAt);
    simulation.at(sentAt, () => simulation.carry(flight));
  };
  return { simulation, count };
}

/** The time from a long question to its arrival, in ms, after that many short turns. */
function longQuestion(simulation: Simulation, turns: number): number {
  let turn = -turns;
  let askedAt = 0;
  let arrivedAt = Infinity;
  simulation.addServer((event, listener) => {
    if (event.type !== "question") return;
    if (event.text.length < LONG.length) listener.answer(event.session, SHORT, simulation.now);
    else arrivedAt = simulation.now;
  });
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "answer") turn++;
    else if (event.type !== "connected") return;
    askedAt = simulation.now;
    dialer.ask(turn < 0 ? SHORT : LONG, simulation.now);
  });
  simulation.drive(() => arrivedAt < Infinity);
  assert(arrivedAt < Infinity, "It never arrived");
  simulation.drive(() => false, simulation.now + AFTERMATH_MS);
  return arrivedAt - askedAt;
}
