/**
 * The longest message there is, on a virtual clock.
 *
 * @module
 */
import { segmentCount } from "../transport/reliable/packet.ts";
import { Simulation } from "../tests/simulation.ts";
import type { Row } from "./row.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";

const ROUND_TRIP_MS = 20;
const SEEDS = 30;
const CLIENT = { hostname: "198.51.100.1", port: 40_000 };

/** The time from a question of 65,536 bytes to its answer, against a segment each round trip. */
export function long(): Row[] {
  const stopAndWait = segmentCount(MAX_MESSAGE_BYTES) * ROUND_TRIP_MS;
  return [0, 0.05].map((loss) => {
    const seeds = Array.from({ length: loss === 0 ? 1 : SEEDS }, (_, i) => i + 1);
    return {
      title: `pregunta de 65.536 B, ida y vuelta de 20 ms, pérdida de ${100 * loss} %`,
      unit: "ms",
      ours: seeds.map((seed) => timeOf(seed, loss)),
      baseline: seeds.map(() => stopAndWait),
      against: "un segmento por ida y vuelta",
      ...loss === 0 && { target: { of: "ratio", most: 0.2 } },
    };
  });
}

function timeOf(seed: number, loss: number): number {
  const conditions = { loss, duplication: 0, reordering: 0, delay: ROUND_TRIP_MS / 2, jitter: 0 };
  const simulation = new Simulation(seed, conditions);
  const question = new Uint8Array(MAX_MESSAGE_BYTES).fill(0x78);
  let askedAt = NaN;
  let answeredAt = NaN;
  simulation.addServer((event, listener) => {
    const answer = new Uint8Array(1).fill(0x78);
    if (event.type === "question") listener.answer(event.session, answer, simulation.now);
  });
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "answer") {
      answeredAt = simulation.now;
    } else if (event.type === "connected") {
      askedAt = simulation.now;
      dialer.ask(question, simulation.now);
    }
  });
  simulation.drive(() => !Number.isNaN(answeredAt));
  if (Number.isNaN(answeredAt)) throw new Error(`Seed ${seed} lost its conversation`);
  return answeredAt - askedAt;
}
