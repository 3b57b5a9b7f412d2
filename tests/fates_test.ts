import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import type { Flight } from "../laboratory/world.ts";
import type { Address } from "../transport/endpoint.ts";
import { Simulation } from "./simulation.ts";
import { isWhole } from "./whole.ts";

const CLIENT: Address = { hostname: "198.51.100.7", port: 40_000 };
const UTF8 = new TextEncoder();

/** A late datagram arrives after everything that was sent in its first second. */
const LATE_MS = 1_000;
const DELAY_MS = 25;

/** Datagrams of the conversation without a fault. */
const FAULTLESS = 9;

/** Most datagrams that eight faults may cost. */
const MOST = 100;

const FATES = ["arrives", "is lost", "comes twice", "comes late"] as const;
type FateName = typeof FATES[number];

interface Outcome {
  readonly asked: string[];
  readonly answered: string[];
  readonly ends: string[];
  readonly datagrams: number;
}

/** A conversation of two turns in which the first datagrams have these fates, and the others arrive. */
function converse(fates: readonly FateName[]): Outcome {
  const simulation = new Simulation(1, { ...PERFECT, delay: DELAY_MS });
  const outcome = { asked: [] as string[], answered: [] as string[], ends: [] as string[] };
  let sent = 0;
  simulation.onSend = (flight: Flight) => {
    const fate = fates[sent++] ?? "arrives";
    if (fate === "comes late") {
      simulation.at(simulation.now + LATE_MS, () => simulation.carry(flight));
    } else if (fate !== "is lost") simulation.carry(flight);
    if (fate === "comes twice") simulation.carry(flight);
  };
  simulation.addServer((event, listener) => {
    if (event.type === "ended") outcome.ends.push(`server: ${event.reason}`);
    if (event.type !== "question") return;
    outcome.asked.push(event.text);
    listener.answer(event.session, UTF8.encode(`answer to ${event.text}`), simulation.now);
  });
  const questions = ["one", "two"];
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "answer") outcome.answered.push(event.text);
    if (event.type === "ended") outcome.ends.push(`client: ${event.reason}`);
    if (event.type !== "connected" && event.type !== "answer") return;
    const question = questions.shift();
    if (question === undefined) dialer.bye("bye", simulation.now);
    else dialer.ask(UTF8.encode(question), simulation.now);
  });
  simulation.drive();
  return { ...outcome, datagrams: sent };
}

/** Each of `length` fates in every combination; returns the most datagrams that one of them cost. */
function walk(length: number): number {
  let most = 0;
  for (let combination = 0; combination < FATES.length ** length; combination++) {
    const fates = Array.from({ length }, (_, i) => FATES[combination >> 2 * i & 3]!);
    const { asked, answered, ends, datagrams } = converse(fates);
    const what = fates.join(", ");
    assertEquals(asked, ["one", "two"], what);
    assertEquals(answered, ["answer to one", "answer to two"], what);
    // That the server confirms a bye may be lost.
    const told = ends.map((end) => end.replace("unconfirmed", "bye")).toSorted();
    assertEquals(told, ["client: bye", "server: bye"], what);
    assert(datagrams <= MOST, `${datagrams} datagrams: ${what}`);
    most = Math.max(most, datagrams);
  }
  return most;
}

Deno.test("fates: without a fault the conversation takes nine datagrams", () => {
  assertEquals(converse([]).datagrams, FAULTLESS);
});

// Invariant: each question is answered exactly once, both ends agree on the end, and the number of
// datagrams is bounded, however the first datagrams fare.
const length = isWhole ? 8 : 4;
Deno.test(`fates: all combinations of the first ${length} datagrams`, () => {
  assert(walk(length) > FAULTLESS);
});
