import { assert, assertEquals } from "@std/assert";
import type { NetworkConditions } from "../laboratory/network.ts";
import { seededRandom } from "../laboratory/random.ts";
import type { Flight } from "../laboratory/world.ts";
import type { Address } from "../transport/endpoint.ts";
import type { Listener } from "../transport/reliable/listener.ts";
import { forSeeds } from "./attack.ts";
import { ROOM_KINDS, type RoomKind, ROOMS } from "./rooms.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { cases } from "./whole.ts";

const SEEDS = cases(2_000);
const QUESTIONS = 4;
const LONGEST = 20_000;
const UTF8 = new TextEncoder();

/** Longest that a path may be stuck, in ms: less than the idle timeout. */
const MAX_STALL_MS = 60_000;

/** Latest that a copy of a datagram comes, in ms. */
const MAX_LATE_MS = 5_000;

/** Everything that happens on a hard path happens before this time, in ms. */
const TROUBLE_MS = 20_000;

/** Most datagrams of a conversation, for each one that it would take without any fault. */
const MOST_DATAGRAMS = 30;
const FAULTLESS = 4 + 2 * QUESTIONS * (2 * Math.ceil(LONGEST / 1_104)) + 2;

/** One conversation on a path where everything goes wrong that a path can do. */
class HardPath {
  readonly #random: () => number;
  readonly #simulation: Simulation;
  readonly #lives: string[][] = [];
  readonly #questions: string[];
  readonly #answers: string[] = [];
  readonly #ends: string[] = [];
  #client: Address = { hostname: "198.51.100.7", port: 40_000 };
  #listener: Listener | undefined;
  #alternates = false;
  #isOdd = false;
  #stuckUntil = 0;
  #copied = 0;

  constructor(seed: number, kind: RoomKind) {
    const random = this.#random = seededRandom(seed);
    const conditions: NetworkConditions = {
      loss: 0.3 * random(),
      duplication: 0.2 * random(),
      reordering: 0.3 * random(),
      delay: 100 * random(),
      jitter: 50 * random(),
    };
    this.#simulation = new Simulation(seed, conditions, ROOMS[kind]);
    this.#simulation.onSend = (flight) => this.#carry(flight);
    this.#copied = 0.2 * random();
    this.#questions = Array.from({ length: QUESTIONS }, (_, i) => this.#text(`question ${i}`));
    this.#serve();
    if (random() < 0.3) this.#sometime(() => this.#stall(MAX_STALL_MS * random()));
    if (random() < 0.4) this.#sometime(() => this.#move());
    if (random() < 0.3) this.#sometime(() => this.#restart());
    if (random() < 0.2) this.#sometime(() => this.#alternates = true);
  }

  run(): void {
    this.#converse();
    this.#simulation.drive();
    assertEquals(this.#answers, this.#questions.map(answerTo));
    for (const life of this.#lives) assertEquals(new Set(life).size, life.length, "asked twice");
    for (const question of this.#questions) assert(this.#lives.flat().includes(question));
    // Nobody confirms a bye while the path is stuck: the server hears it later, or silence. And a
    // server that was restarted may never have known this client.
    const agreed = ["bye,bye", "unconfirmed,silence", "unconfirmed,bye"];
    if (this.#lives.length > 1) agreed.push("bye", "unconfirmed");
    assert(agreed.includes(this.#ends.join()), this.#ends.join());
    const { datagrams } = this.#simulation;
    assert(datagrams < MOST_DATAGRAMS * FAULTLESS, `${datagrams} datagrams`);
  }

  #serve(): void {
    const asked: string[] = [];
    this.#lives.push(asked);
    const simulation = this.#simulation;
    this.#listener = simulation.addServer((event, listener) => {
      if (event.type === "ended" && listener === this.#listener) this.#ends[1] = event.reason;
      if (event.type !== "question") return;
      asked.push(event.text);
      simulation.at(simulation.now + 2_000 * this.#random(), () => {
        if (event.session.turn !== "local") return;
        listener.answer(event.session, UTF8.encode(answerTo(event.text)), simulation.now);
        simulation.settle(SERVER);
      });
    });
  }

  #converse(): void {
    const simulation = this.#simulation;
    const questions = [...this.#questions];
    let isConnected = false;
    const dialer = simulation.addClient(this.#client, (event) => {
      if (event.type === "answer") this.#answers.push(event.text);
      if (event.type === "ended") this.#ends[0] = event.reason;
      if (event.type !== "answer" && (event.type !== "connected" || isConnected)) return;
      isConnected = true;
      simulation.at(simulation.now + 2_000 * this.#random(), () => {
        const question = questions.shift();
        if (question === undefined) dialer.bye("bye", simulation.now);
        else dialer.ask(UTF8.encode(question), simulation.now);
        simulation.settle(this.#client);
      });
    }, { connectTimeout: 2 * MAX_STALL_MS });
  }

  #carry(flight: Flight): void {
    const { now } = this.#simulation;
    const carried = this.#rewritten(flight);
    const wait = Math.max(0, this.#stuckUntil - now);
    if (wait === 0) this.#simulation.carry(carried);
    else this.#simulation.at(now + wait, () => this.#simulation.carry(carried));
    if (this.#random() >= this.#copied) return;
    const late = wait + MAX_LATE_MS * this.#random();
    this.#simulation.at(now + late, () => this.#simulation.carry(carried));
  }

  /** The datagram as it leaves a path that alternates between two source ports. */
  #rewritten(flight: Flight): Flight {
    const { from, to } = flight;
    if (to.hostname === this.#client.hostname) return { ...flight, to: this.#client };
    this.#isOdd = !this.#isOdd;
    if (!this.#alternates || !this.#isOdd) return flight;
    return { ...flight, from: { ...from, port: from.port + 1_000 } };
  }

  #stall(milliseconds: number): void {
    this.#stuckUntil = this.#simulation.now + milliseconds;
  }

  #move(): void {
    const to = { ...this.#client, port: this.#client.port + 1 };
    this.#simulation.move(this.#client, to);
    this.#client = to;
  }

  #restart(): void {
    if (this.#ends.length > 0) return;
    this.#simulation.remove(SERVER);
    this.#serve();
  }

  #sometime(act: () => void): void {
    this.#simulation.at(TROUBLE_MS * this.#random(), act);
  }

  #text(start: string): string {
    return start.padEnd(this.#random() < 0.5 ? 0 : LONGEST * this.#random(), "ñ");
  }
}

function answerTo(question: string): string {
  return `answer to ${question}`;
}

// Invariant: each question is answered exactly once, no life of the server hears one twice, both ends
// agree on the end, and the number of datagrams is bounded.
for (const kind of ROOM_KINDS) {
  Deno.test(`hard paths, ${kind}: stalls, moves, restarts, late copies and alternating ports`, () => {
    forSeeds(SEEDS, (seed) => new HardPath(seed, kind).run());
  });
}
