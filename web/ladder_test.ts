import { assert, assertEquals } from "@std/assert";
import { Experiment } from "./experiment.ts";
import { arrowsOf, captionsOf, millisecondsOf, scaleFor, xOf, yOf } from "./ladder.ts";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario.ts";

const VIEW = { width: 440, scale: 180 };

function laneOf(scenario: Partial<Scenario>) {
  return new Experiment({ ...DEFAULT_SCENARIO, ...scenario }).lanes[0];
}

/** Every arrow of a lane. */
const all = (lane: ReturnType<typeof laneOf>) => arrowsOf(lane, VIEW, -Infinity, Infinity);

Deno.test("ladder: time runs down, at the same scale everywhere", () => {
  assertEquals(yOf(2_000, VIEW) - yOf(1_000, VIEW), 180);
  assertEquals(millisecondsOf(90, VIEW), 500);
  assert(scaleFor(40) > scaleFor(200) && scaleFor(200) > scaleFor(900));
});

Deno.test("ladder: an arrow slants from its end to the other, and grows while it flies", () => {
  const half = all(laneOf({ now: 100 }));
  const [{ x1, y1, x2, y2, state }] = half as [typeof half[0]];
  const [client, server] = [xOf("client", VIEW), xOf("server", VIEW)];
  assertEquals({ x1, y1, x2, y2, state }, {
    ...{ x1: client, y1: yOf(0, VIEW), x2: (client + server) / 2, y2: yOf(100, VIEW) },
    state: "flying",
  });
  const [whole] = all(laneOf({ now: 200 }));
  assertEquals([whole!.x2, whole!.y2, whole!.state], [server, yOf(200, VIEW), "arrived"]);
});

Deno.test("ladder: what is lost by hand ends where it was taken", () => {
  const [lost] = all(laneOf({ now: 300, actions: [{ at: 100, type: "lose", lane: 0, index: 1 }] }));
  assertEquals([lost!.state, lost!.y2], ["lost", yOf(100, VIEW)]);
  assert(lost!.x2 < xOf("server", VIEW));
});

Deno.test("ladder: no head hides another, and each stays on its way", () => {
  // Ten segments leave together.
  const arrows = all(laneOf({ script: "larga", now: 1_590 })).filter(({ state }) =>
    state === "flying"
  );
  assertEquals(arrows.length, 10);
  for (const [i, { x2, y2 }] of arrows.entries()) {
    assert(x2 > xOf("client", VIEW) && x2 <= xOf("server", VIEW));
    for (const other of arrows.slice(i + 1)) assert(Math.hypot(x2 - other.x2, y2 - other.y2) > 13);
  }
});

Deno.test("ladder: names at one side, and texts beside one life line, do not overlap", () => {
  const network = { loss: 30, duplication: 20, jitter: 50 };
  for (const script of ["original", "larga"] as const) {
    for (let seed = 1; seed <= 20; seed++) {
      const lane = laneOf({ script, seed, ...network, now: 20_000 });
      for (const by of ["client", "server"] as const) {
        const names = all(lane).filter(({ datagram }) => datagram.by === by);
        const heights = names.flatMap(({ labelY }) => labelY ?? []).sort((a, b) => a - b);
        heights.slice(1).forEach((y, i) => assert(y - heights[i]! >= 11, `Seed ${seed}`));
        const texts = captionsOf(lane, VIEW).filter((caption) => caption.by === by);
        texts.slice(1).forEach(({ y }, i) => {
          const above = texts[i]!;
          assert(y >= above.y + 13 * above.rows.length, `Seed ${seed}: ${above.rows}`);
        });
      }
    }
  }
});

Deno.test("ladder: only what is between two heights is drawn", () => {
  const lane = laneOf({ loss: 30, now: 9_000 });
  const some = arrowsOf(lane, VIEW, yOf(1_000, VIEW), yOf(2_000, VIEW));
  assert(some.length > 0 && some.length < all(lane).length);
  for (const { y1, y2 } of some) assert(y1 <= yOf(2_000, VIEW) && y2 >= yOf(1_000, VIEW) - 80);
});

// At 320 pixels, or 400 %, the life lines stood 39 pixels apart, and a word of 500 letters crossed them.
Deno.test("ladder: a narrow one leaves room for its arrows, and cuts long words", () => {
  const view = { width: 285, scale: 180 };
  assert(xOf("server", view) - xOf("client", view) >= 70);
  const actions = [{ at: 2_000, type: "ask", text: "ñ".repeat(500) } as const];
  const captions = captionsOf(laneOf({ script: "nadie", actions, now: 3_000 }), view);
  const widest = Math.max(...captions.flatMap(({ rows }) => rows.map(({ length }) => length)));
  assert(widest <= 12, `${widest} characters`);
  // Before it has a place, a diagram has no width.
  captionsOf(laneOf({ now: 3_000 }), { ...view, width: 0 });
});
