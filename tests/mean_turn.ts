/**
 * The mean turn on a network that loses: as it is, and as it could be at best.
 *
 * @module
 */
import { type RoomKind, ROOMS } from "./rooms.ts";
import { Simulation } from "./simulation.ts";

/** From an end to the other and back, in ms. */
export const ROUND_TRIP_MS = 50;

const CLIENT = { hostname: "198.51.100.1", port: 40_000 };
const MESSAGE = new TextEncoder().encode("¿?");

/** The cost of one turn, from the question to its answer. */
export interface TurnCost {
  /** In ms. */
  readonly time: number;
  /** Datagrams that both ends send. */
  readonly datagrams: number;
}

/**
 * The least cost of a turn when each datagram is lost with that chance: that of an oracle, which knows
 * the round trip and sends again at once.
 */
export function idealTurn(loss: number): TurnCost {
  return { time: ROUND_TRIP_MS / (1 - loss) ** 2, datagrams: (2 - loss) / (1 - loss) ** 2 };
}

/** The turns to measure. */
export interface MeanTurnOptions {
  /** Chance that a datagram is lost, from 0 to 1, each way. */
  readonly loss: number;
  /** Number of conversations, each with a seed of its own, from 1. */
  readonly seeds: number;
  /** Turns in each. */
  readonly turns: number;
  /** The room that they are in, by default an open one. */
  readonly kind?: RoomKind;
}

/**
 * The mean cost of a turn.
 *
 * @throws {Error} If a conversation is lost. It names the seed.
 */
export function meanTurn({ seeds, ...options }: MeanTurnOptions): TurnCost {
  let time = 0;
  let datagrams = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const run = measure(seed, options);
    time += run.time;
    datagrams += run.datagrams;
  }
  const turns = seeds * options.turns;
  return { time: time / turns, datagrams: datagrams / turns };
}

function measure(
  seed: number,
  { loss, turns, kind = "open" }: Omit<MeanTurnOptions, "seeds">,
): TurnCost {
  const conditions = { loss, duplication: 0, reordering: 0, delay: ROUND_TRIP_MS / 2, jitter: 0 };
  const simulation = new Simulation(seed, conditions, ROOMS[kind]);
  const start = { now: 0, datagrams: 0 };
  // The estimators get a few turns to learn the path.
  let turn = -5;
  simulation.addServer((event, listener) => {
    if (event.type === "question") listener.answer(event.session, MESSAGE, simulation.now);
    // So that either kind of room has the same handshake, and the same luck after it.
  }, { maxHalfOpen: 0 });
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "answer") turn++;
    else if (event.type !== "connected") return;
    if (turn === 0) Object.assign(start, { now: simulation.now, datagrams: simulation.datagrams });
    if (turn < turns) dialer.ask(MESSAGE, simulation.now);
  });
  simulation.drive(() => turn === turns);
  if (turn !== turns) throw new Error(`Seed ${seed} lost its conversation`);
  return { time: simulation.now - start.now, datagrams: simulation.datagrams - start.datagrams };
}
