/**
 * The mean turn on a network that loses, on a virtual clock.
 *
 * @module
 */
import { idealTurn, meanTurn } from "../tests/mean_turn.ts";
import type { Row, Target } from "./row.ts";

const SEEDS = 200;
const TURNS = 50;

const MOST_TIME: ReadonlyMap<number, number> = new Map([[10, 1.05], [20, 1.08], [30, 1.15]]);
const MOST_DATAGRAMS = 1.3;

/** The time of a mean turn and its datagrams, against an oracle that sends again at once. */
export function loss(): Row[] {
  return [0, 5, 10, 15, 20, 25, 30, 35, 40].flatMap((percent): Row[] => {
    const loss = percent / 100;
    const { time, datagrams } = meanTurn({ loss, seeds: SEEDS, turns: TURNS });
    const ideal = idealTurn(loss);
    const title = `un turno, pérdida de ${percent} %`;
    const against = "oráculo";
    const most = MOST_TIME.get(percent);
    const target = (most: number): { target: Target } => ({ target: { of: "ratio", most } });
    return [
      {
        title,
        unit: "ms",
        ours: [time],
        baseline: [ideal.time],
        against,
        point: { plot: "loss", x: percent },
        ...most !== undefined && target(most),
      },
      {
        title,
        unit: "datagramas",
        ours: [datagrams],
        baseline: [ideal.datagrams],
        against,
        ...most !== undefined && target(MOST_DATAGRAMS),
      },
    ];
  });
}
