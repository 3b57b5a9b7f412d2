import { assert, assertEquals } from "@std/assert";
import { Experiment } from "./experiment.ts";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario.ts";

const LOSSY = { loss: 30, jitter: 100 };

function experiment(scenario: Partial<Scenario> = {}): Experiment {
  return new Experiment({ ...DEFAULT_SCENARIO, ...scenario });
}

/** All that is seen of both conversations. */
function seen({ lanes }: Experiment): string {
  return JSON.stringify(lanes.map(({ now, crossings, told }) => ({
    ...{ now, told },
    crossings: crossings.map(({ at, cause, arrivals, lostAt }) => ({
      at,
      cause,
      arrivals,
      lostAt,
    })),
  })));
}

Deno.test("experiment: steps go from event to event, and back through the same ones, exactly", () => {
  const it = experiment({ ...LOSSY });
  const views = new Map<number, string>([[0, seen(it)]]);
  for (let before = -1; before < it.now && !it.isOver;) {
    before = it.now;
    it.step();
    views.set(it.now, seen(it));
  }
  const moments = [...views.keys()];
  assert(moments.length > 10, `${moments.length} moments`);
  for (const moment of moments.toReversed()) {
    if (moment < it.now) it.back();
    assertEquals([it.now, seen(it)], [moment, views.get(moment)]);
  }
  it.back();
  assertEquals(it.now, 0);
});

Deno.test("experiment: any moment is the same from both sides", () => {
  const [one, other] = [experiment({ ...LOSSY }), experiment({ ...LOSSY })];
  other.seek(9_000);
  for (const moment of [8_123, 777, 4_000, 1]) {
    other.seek(moment);
    one.seek(0);
    one.seek(moment);
    assertEquals(seen(one), seen(other));
  }
});

Deno.test("experiment: who undoes an action is back before it; who acts in the past makes another future", () => {
  const it = experiment({ now: 1_500 });
  const before = seen(it);
  it.act({ at: 1_500, type: "lose", lane: 0, index: 4 });
  it.seek(6_000);
  it.act({ at: 6_000, type: "restart" });
  assertEquals(it.scenario.actions.length, 2);
  assertEquals(it.undo()?.type, "restart");
  assertEquals(it.now, 6_000);
  assertEquals(it.undo()?.type, "lose");
  assertEquals([it.now, seen(it), it.undo()], [1_500, before, undefined]);
  it.act({ at: 1_500, type: "lose", lane: 0, index: 4 });
  it.seek(500);
  it.act({ at: 500, type: "restart" });
  assertEquals(it.scenario.actions, [{ at: 500, type: "restart" }]);
});

Deno.test("experiment: the same network for both conversations: the same seed, the same conditions", () => {
  const it = experiment({ kinds: ["plain", "plain"], ...LOSSY, now: 9_000 });
  const [one, other] = it.lanes.map(({ crossings }) =>
    crossings.map(({ at, arrivals }) => [at, arrivals])
  );
  assertEquals(one, other);
});

Deno.test("experiment: it ends, and steps no further", () => {
  const it = experiment();
  for (let steps = 0; !it.isOver; steps++) {
    assert(steps < 100);
    it.step();
  }
  const { now } = it;
  it.step();
  assertEquals(it.now, now);
});
