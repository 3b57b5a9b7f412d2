import { assert, assertEquals } from "@std/assert";
import { readHeader } from "../transport/mod.ts";
import { SERVER } from "../tests/simulation.ts";
import { type Place, WatchedSimulation } from "../tests/watched_simulation.ts";
import { cases } from "../tests/whole.ts";
import { Exchanges } from "./exchanges.ts";

const CLIENT = { hostname: "198.51.100.1", port: 40_000 };
const QUESTIONS = 20;
const SEEDS = cases(100);

interface Play {
  /** Which end counts. */
  readonly end: "client" | "server";
  readonly place: Place;
  /** Of each message. */
  readonly bytes: number;
  readonly loss: number;
}

/** A conversation with an operator who is quick and slow by turns. */
class Conversation {
  /** What the end counts. */
  readonly exchanges = new Exchanges();
  /** Segments of messages of which the first copy was lost, as in `2 0`. */
  readonly lost = new Set<string>();
  #answered = 0;

  constructor(seed: number, { end, place, bytes, loss }: Play) {
    const conditions = { loss, duplication: 0.1, reordering: 0.1, delay: 5, jitter: 5 };
    const simulation = new WatchedSimulation(seed, conditions);
    const message = new Uint8Array(bytes).fill(65);
    const address = end === "client" ? CLIENT : SERVER;
    simulation.watch(address, place, (passage) => this.exchanges.add(passage));
    this.#noteLost(simulation);
    simulation.addServer((event, listener) => {
      if (event.type !== "question") return;
      const pause = simulation.random() < 0.5 ? 0 : 60 * simulation.random();
      simulation.at(simulation.now + pause, () => {
        listener.answer(event.session, message, simulation.now);
      });
    });
    simulation.addClient(CLIENT, (event, dialer) => {
      if (event.type === "answer") this.#answered++;
      else if (event.type !== "connected") return;
      if (this.#answered < QUESTIONS) dialer.ask(message, simulation.now);
      else dialer.bye("bye", simulation.now);
    });
    simulation.drive(() => false, 3_600_000);
    assertEquals(this.#answered, QUESTIONS, `Seed ${seed}`);
  }

  /** How many questions would have got no answer. */
  get unanswered(): number {
    const numbers = [...this.lost].map((segment) => Number(segment.split(" ")[0]));
    return new Set(numbers.map((number) => Math.ceil(number / 2))).size;
  }

  #noteLost({ network }: WatchedSimulation): void {
    const send = network.send.bind(network);
    network.send = (flight, now) => {
      const fate = send(flight, now);
      const { type, number, segment, attempt } = readHeader(flight.datagram)!;
      if (type === "message" && attempt === 1 && fate.arrivals.length === 0) {
        this.lost.add(`${number} ${segment}`);
      }
      return fate;
    };
  }
}

const WHOLE = 10;
const IN_SEGMENTS = 3000;

Deno.test("exchanges: the client counts exactly what it lost itself, question by question", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const play = { end: "client", place: "here", bytes: WHOLE, loss: seed % 3 * 0.2 } as const;
    const { exchanges, unanswered } = new Conversation(seed, play);
    assertEquals(exchanges.unanswered, unanswered, `Seed ${seed}`);
    assertEquals(exchanges.questions, QUESTIONS, `Seed ${seed}`);
  }
});

// A segment that was sent again without need looks the same as one that was lost, now and then.
for (
  const { end, place, bytes } of [
    { end: "client", place: "here", bytes: IN_SEGMENTS },
    { end: "client", place: "beyond", bytes: WHOLE },
    { end: "client", place: "beyond", bytes: IN_SEGMENTS },
    { end: "server", place: "here", bytes: WHOLE },
    { end: "server", place: "here", bytes: IN_SEGMENTS },
    { end: "server", place: "beyond", bytes: WHOLE },
    { end: "server", place: "beyond", bytes: IN_SEGMENTS },
  ] as const
) {
  for (const { loss, error } of [{ loss: 0, error: 0.002 }, { loss: 0.2, error: 0.02 }]) {
    const title = `the ${end}, of ${100 * loss} % lost ${place}, in messages of ${bytes} bytes`;
    Deno.test(`exchanges: ${title}`, () => {
      let counted = 0;
      let unanswered = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const conversation = new Conversation(seed, { end, place, bytes, loss });
        counted += conversation.exchanges.unanswered;
        unanswered += conversation.unanswered;
        assertEquals(conversation.exchanges.questions, QUESTIONS, `Seed ${seed}`);
      }
      assert(loss === 0 || unanswered > 3 * SEEDS);
      const wrong = Math.abs(counted - unanswered) / (SEEDS * QUESTIONS);
      assert(wrong <= error, `${counted} of ${SEEDS * QUESTIONS}, in truth ${unanswered}`);
    });
  }
}
