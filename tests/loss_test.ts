import { assert, assertEquals } from "@std/assert";
import { type RoomKind, ROOMS } from "./rooms.ts";
import { Simulation } from "./simulation.ts";

const ROUND_TRIP_MS = 50;
const CLIENT = { hostname: "198.51.100.1", port: 40_000 };
const MESSAGE = new TextEncoder().encode("¿?");

// The oracle knows the round trip and sends again at once: it needs 1 / (1 - loss)² round trips for a
// turn, and sends 2 - loss datagrams in each. An end that has to guess may need a little more.
for (
  const { loss, timeRatio, datagramRatio } of [
    { loss: 0, timeRatio: 1, datagramRatio: 1 },
    { loss: 0.1, timeRatio: 1.05, datagramRatio: 1.3 },
    { loss: 0.2, timeRatio: 1.08, datagramRatio: 1.3 },
    { loss: 0.3, timeRatio: 1.15, datagramRatio: 1.3 },
  ]
) {
  Deno.test(`a turn where ${loss * 100} % is lost each way, against the oracle`, () => {
    const { time, datagrams } = meanTurn({ loss, seeds: 200, turns: 50, kind: "open" });
    const idealTime = ROUND_TRIP_MS / (1 - loss) ** 2;
    const idealDatagrams = (2 - loss) / (1 - loss) ** 2;
    const measured = `${time.toFixed(1)} ms and ${datagrams.toFixed(2)} datagrams a turn`;
    assert(time <= timeRatio * idealTime + 0.001, measured);
    assert(datagrams <= datagramRatio * idealDatagrams, measured);
    if (loss === 0) assertEquals(datagrams, 2);
  });

  Deno.test(`a turn where ${loss * 100} % is lost each way takes as long in a private room`, () => {
    const sample = { loss, seeds: 40, turns: 50 };
    assertEquals(meanTurn({ ...sample, kind: "private" }), meanTurn({ ...sample, kind: "open" }));
  });
}

interface Sample {
  readonly loss: number;
  readonly seeds: number;
  readonly turns: number;
  readonly kind: RoomKind;
}

function meanTurn({ seeds, ...sample }: Sample) {
  let time = 0;
  let datagrams = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const run = measure(seed, sample);
    time += run.time;
    datagrams += run.datagrams;
  }
  const turns = seeds * sample.turns;
  return { time: time / turns, datagrams: datagrams / turns };
}

function measure(seed: number, { loss, turns, kind }: Omit<Sample, "seeds">) {
  const conditions = { loss, duplication: 0, reordering: 0, delay: ROUND_TRIP_MS / 2, jitter: 0 };
  const simulation = new Simulation(seed, conditions, ROOMS[kind]);
  const start = { now: 0, datagrams: 0 };
  // The estimators get a few turns to learn the path.
  let turn = -5;
  simulation.addServer((event, listener) => {
    if (event.type === "question") listener.answer(event.session, MESSAGE, simulation.now);
  });
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "answer") turn++;
    else if (event.type !== "connected") return;
    if (turn === 0) Object.assign(start, { now: simulation.now, datagrams: simulation.datagrams });
    if (turn < turns) dialer.ask(MESSAGE, simulation.now);
  });
  simulation.drive(() => turn === turns);
  assertEquals(turn, turns, `Seed ${seed} lost its conversation`);
  return { time: simulation.now - start.now, datagrams: simulation.datagrams - start.datagrams };
}
