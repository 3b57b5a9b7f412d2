import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../laboratory/random.ts";
import type { Dialer } from "../transport/reliable/dialer.ts";
import type { Listener } from "../transport/reliable/listener.ts";
import type { Session } from "../transport/reliable/session.ts";
import { forSeeds } from "./attack.ts";
import { ROOM_KINDS, type RoomKind, ROOMS } from "./rooms.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { cases, testAtLength } from "./whole.ts";

const SEEDS: Readonly<Record<RoomKind, number>> = { open: cases(1000), private: 400 };
const UTF8 = new TextEncoder();
const SECOND = 1000;
const HOUR = 3600 * SECOND;

// A guest that stays gets an answer to every question, its own, and within one life of the server each
// question is asked once. When all have gone, nothing is left of them.
for (const kind of ROOM_KINDS) {
  // Sealed, each room takes many times as long.
  const test = kind === "open" ? Deno.test : testAtLength;
  test(`${SEEDS[kind]} ${kind} rooms where clients wait, vanish, move and return, and servers restart`, () => {
    forSeeds(SEEDS[kind], function live(seed) {
      new Room(seed, kind).live();
    });
  });
}

interface Waiting {
  readonly session: Session;
  readonly question: string;
}

class Room {
  readonly #random: () => number;
  readonly #simulation: Simulation;
  readonly #guests: Guest[] = [];
  #listener: Listener | undefined;
  #queue: Waiting[] = [];
  #askedInThisLife = new Set<string>();
  #isAnswering = false;

  constructor(seed: number, kind: RoomKind) {
    this.#random = seededRandom(seed);
    this.#simulation = new Simulation(seed, {
      loss: this.between(0, 0.2),
      duplication: this.between(0, 0.2),
      reordering: this.between(0, 0.2),
      delay: this.between(0, 100),
      jitter: this.between(0, 50),
    }, ROOMS[kind]);
  }

  live(): void {
    this.#startServer();
    const count = Math.ceil(this.between(0, 6));
    for (let index = 0; index < count; index++) {
      this.#guests.push(new Guest(this, this.#simulation, index));
    }
    for (let restarts = Math.floor(this.between(0, 3)); restarts > 0; restarts--) {
      this.#simulation.at(this.between(0, 200 * SECOND), () => this.#restartServer());
    }
    this.#simulation.drive();
    for (const guest of this.#guests) guest.check();
    assertEquals(this.#queue, []);
    assertEquals(this.#listener!.size, 0);
    assertEquals(this.#listener!.nextTimeout, Infinity);
  }

  between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }

  chance(part: number): boolean {
    return this.#random() < part;
  }

  #startServer(): void {
    this.#askedInThisLife.clear();
    this.#isAnswering = false;
    this.#queue = [];
    const listener = this.#simulation.addServer((event) => {
      if (event.type === "ended") {
        this.#queue = this.#queue.filter(({ session }) => session !== event.session);
      }
      if (event.type !== "question") return;
      assert(!this.#askedInThisLife.has(event.text), `Asked twice: ${event.text}`);
      this.#askedInThisLife.add(event.text);
      this.#queue.push({ session: event.session, question: event.text });
      listener.setAhead(event.session, this.#queue.length - 1, this.#simulation.now);
      this.#answerNext(listener);
    });
    this.#listener = listener;
  }

  #restartServer(): void {
    this.#simulation.remove(SERVER);
    this.#simulation.at(this.#simulation.now + this.between(0, 20 * SECOND), () => {
      this.#simulation.remove(SERVER);
      this.#startServer();
    });
  }

  #answerNext(listener: Listener): void {
    if (this.#isAnswering || this.#queue.length === 0) return;
    this.#isAnswering = true;
    const thinking = this.chance(0.02) ? this.between(0, 2 * HOUR) : this.between(0, 30 * SECOND);
    this.#simulation.at(this.#simulation.now + thinking, () => {
      if (listener !== this.#listener) return;
      this.#isAnswering = false;
      const next = this.#queue.shift();
      if (next === undefined) return;
      listener.answer(next.session, UTF8.encode(`re: ${next.question}`), this.#simulation.now);
      this.#answerNext(listener);
    });
  }
}

class Guest {
  readonly #room: Room;
  readonly #simulation: Simulation;
  readonly #name: number;
  readonly #questions: number;
  #port: number;
  #answered = 0;
  #lives = 0;
  #isGone = false;
  #end: string | undefined;

  constructor(room: Room, simulation: Simulation, name: number) {
    this.#room = room;
    this.#simulation = simulation;
    this.#name = name;
    this.#questions = Math.floor(room.between(0, 6));
    this.#port = 10_000 + name;
    const arrival = room.between(0, 60 * SECOND);
    const later = () => arrival + room.between(0, 300 * SECOND);
    simulation.at(arrival, () => this.#connect());
    if (room.chance(0.3)) simulation.at(later(), () => this.#vanish());
    if (room.chance(0.5)) simulation.at(later(), () => this.#move());
  }

  check(): void {
    if (this.#isGone) return;
    // A confirmation may be lost, and nobody confirms a bye that is said while the server is down.
    const isOrderly = this.#end === "bye" || this.#end === "unconfirmed";
    assert(isOrderly, `Guest ${this.#name} did not end in order: ${this.#end}`);
    assertEquals(this.#answered, this.#questions);
  }

  get #address() {
    return { hostname: "198.51.100.1", port: this.#port };
  }

  #connect(): void {
    const life = ++this.#lives;
    let isFirst = true;
    this.#simulation.addClient(this.#address, (event, dialer) => {
      if (life !== this.#lives) return;
      if (event.type === "connected" && isFirst) {
        isFirst = false;
        this.#next(dialer);
      }
      if (event.type === "answer") {
        assertEquals(event.text, `re: ${this.#question}`);
        this.#answered++;
        const { now } = this.#simulation;
        const long = this.#room.chance(0.03);
        const pause = long ? this.#room.between(0, 2 * HOUR) : this.#room.between(0, 20 * SECOND);
        this.#simulation.at(now + pause, () => life === this.#lives && this.#next(dialer));
      }
      if (event.type === "ended") this.#end = event.reason;
      if (event.type === "unreachable") this.#end = "unreachable";
    });
  }

  get #question(): string {
    return `guest ${this.#name}, life ${this.#lives}, question ${this.#answered}`;
  }

  #next(dialer: Dialer): void {
    const { now } = this.#simulation;
    if (dialer.turn === "closed") return;
    if (this.#answered === this.#questions) dialer.bye("bye", now);
    else dialer.ask(UTF8.encode(this.#question), now);
  }

  #vanish(): void {
    this.#lives++;
    this.#simulation.remove(this.#address);
    this.#isGone = this.#room.chance(0.5);
    this.#end = undefined;
    if (this.#isGone) return;
    this.#simulation.at(this.#simulation.now + this.#room.between(0, 100 * SECOND), () => {
      this.#port += 100;
      this.#connect();
    });
  }

  #move(): void {
    const from = this.#address;
    this.#port += 1000;
    this.#simulation.move(from, this.#address);
  }
}
