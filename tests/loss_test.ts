import { assert, assertEquals } from "@std/assert";
import { idealTurn, meanTurn } from "./mean_turn.ts";

// An end that has to guess may need a little more than the oracle.
for (
  const { loss, timeRatio, datagramRatio } of [
    { loss: 0, timeRatio: 1, datagramRatio: 1 },
    { loss: 0.1, timeRatio: 1.05, datagramRatio: 1.3 },
    { loss: 0.2, timeRatio: 1.08, datagramRatio: 1.3 },
    { loss: 0.3, timeRatio: 1.15, datagramRatio: 1.3 },
  ]
) {
  Deno.test(`a turn where ${loss * 100} % is lost each way, against the oracle`, () => {
    const { time, datagrams } = meanTurn({ loss, seeds: 200, turns: 50 });
    const ideal = idealTurn(loss);
    const measured = `${time.toFixed(1)} ms and ${datagrams.toFixed(2)} datagrams a turn`;
    assert(time <= timeRatio * ideal.time + 0.001, measured);
    assert(datagrams <= datagramRatio * ideal.datagrams, measured);
    if (loss === 0) assertEquals(datagrams, 2);
  });

  Deno.test(`a turn where ${loss * 100} % is lost each way takes as long in a private room`, () => {
    const sample = { loss, seeds: 40, turns: 50 };
    assertEquals(meanTurn({ ...sample, kind: "private" }), meanTurn({ ...sample, kind: "open" }));
  });
}
