import { assert, assertEquals } from "@std/assert";
import { type NetworkConditions, PERFECT } from "../laboratory/network.ts";
import { PlainAnswerer } from "../transport/plain/plain_answerer.ts";
import { PlainAsker } from "../transport/plain/plain_asker.ts";
import { SERVER, Simulation } from "./simulation.ts";

const CLIENT = { hostname: "198.51.100.7", port: 40_000 };
const QUESTIONS = 50;
const THINKING_MS = 100;
const UTF8 = new TextEncoder();

/** The outcome of a plain conversation of fifty questions, `p0` to `p49`, answered `r0` to `r49`. */
interface Outcome {
  /** The questions that reached the server, in order. */
  readonly asked: string[];
  /** The answer to each question; `-` for none. */
  readonly got: string[];
  /** Number of answers that were there before their question. */
  readonly stale: number;
  /** Number of datagrams that both ends sent. */
  readonly datagrams: number;
}

function converse(seed: number, conditions: Partial<NetworkConditions>): Outcome {
  const simulation = new Simulation(seed, { ...PERFECT, delay: 20, ...conditions });
  const asked: string[] = [];
  const got: string[] = [];
  let stale = 0;
  const answerer = new PlainAnswerer({ maxSessions: 9, maxQuestions: 999, idleTimeout: 75_000 });
  simulation.add({
    address: SERVER,
    endpoint: answerer,
    onEvent(event) {
      if (event.type !== "question") return;
      asked.push(event.text);
      answerer.answer(event.session, UTF8.encode(event.text.replace("p", "r")), simulation.now);
    },
  });
  const asker = new PlainAsker({
    server: SERVER,
    sender: SERVER.hostname,
    answerTimeout: 3000,
  });
  simulation.add({
    address: CLIENT,
    endpoint: asker,
    onEvent(event) {
      if (event.type === "stale") stale++;
      if (event.type === "answer") got.push(event.text);
      if (event.type === "unanswered") got.push("-");
      if (["connected", "answer", "unanswered"].includes(event.type)) {
        simulation.at(simulation.now + THINKING_MS, speak);
      }
    },
  });
  function speak(): void {
    if (got.length < QUESTIONS) asker.ask(UTF8.encode(`p${got.length}`), simulation.now);
    else asker.bye("bye", simulation.now);
  }
  simulation.drive(() => asker.turn === "closed");
  return { asked, got, stale, datagrams: simulation.datagrams };
}

// Nothing is sent again: one datagram for each question, one for each that arrived, and the bye. The
// asker is told of each question without an answer, and each answer is its question's own.
Deno.test("plain UDP: what is lost stays lost, and is told", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { asked, got, stale, datagrams } = converse(seed, { loss: 0.25 });
    const what = `Seed ${seed}`;
    assertEquals(got, got.map((it, i) => it === "-" ? it : `r${i}`), what);
    assertEquals(got.length, QUESTIONS, what);
    const answered = got.filter((it) => it !== "-").length;
    assert(answered > 10 && answered < asked.length && asked.length < QUESTIONS, what);
    assertEquals(datagrams, QUESTIONS + asked.length + 1, what);
    assertEquals(stale, 0, what);
  }
});

Deno.test("plain UDP: what is doubled is asked twice, and the answers no longer fit", () => {
  const { asked, got, stale } = converse(1, { duplication: 1 });
  assertEquals(asked.slice(0, 4), ["p0", "p0", "p1", "p1"]);
  // Each question is answered twice and each answer comes twice: four for each question.
  assertEquals(got.slice(0, 5), ["r0", "r0", "r0", "r0", "r1"]);
  assertEquals(stale, 49);
});

Deno.test("plain UDP: what is late is taken for the next answer", () => {
  const { got } = converse(1, { delay: 2000 });
  assertEquals(got.slice(0, 2), ["-", "r0"]);
});

Deno.test("plain UDP: one seed, one conversation", () => {
  const conditions = { loss: 0.3, duplication: 0.2, reordering: 0.2, jitter: 50 };
  assertEquals(converse(7, conditions), converse(7, conditions));
  assert(converse(7, conditions).got.join() !== converse(8, conditions).got.join());
});
