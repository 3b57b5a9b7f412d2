import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { seededRandom } from "../laboratory/random.ts";
import type { Flight } from "../laboratory/world.ts";
import { type Address, formatAddress } from "../transport/endpoint.ts";
import type { Dialer } from "../transport/reliable/dialer.ts";
import { Listener } from "../transport/reliable/listener.ts";
import { decode, decodeWelcome, packetId, packetType } from "../transport/reliable/packet.ts";
import { forSeeds } from "./attack.ts";
import { ROOM_KINDS, type RoomKind, ROOMS } from "./rooms.ts";
import { hmac, SERVER, Simulation } from "./simulation.ts";
import { cases, testAtLength } from "./whole.ts";

const SEEDS: Readonly<Record<RoomKind, number>> = { open: cases(1000), private: 200 };
const UTF8 = new TextEncoder();
const SECOND = 1000;
const MACHINES = 3;
const CLIENTS = 4;
const QUESTIONS = 4;

/** What a balancer goes by: the client's port, the server's number in the session id, or chance. */
const BALANCERS = ["port", "id", "datagram"] as const;
type Balancer = typeof BALANCERS[number];

// Every question is answered by a server that lives, and nothing is left in the end.
for (const balancer of BALANCERS) {
  for (const kind of ROOM_KINDS) {
    const test = kind === "open" ? Deno.test : testAtLength;
    test(`${SEEDS[kind]} ${kind} rooms whose servers die, return and are replaced behind a balancer by ${balancer}`, () => {
      forSeeds(SEEDS[kind], function balance(seed) {
        new Site(seed, balancer, kind).run();
      });
    });
  }
}

/** Bytes between a server and an address, and how many may go there for each that comes from there. */
interface Traffic {
  in: number;
  out: number;
  most: number;
}

/** One of the servers, in one of its lives. */
class Machine {
  isUp = true;
  readonly listener: Listener;
  readonly address: Address;
  /** Bytes from and to each address, and whether a client has shown that it receives there. */
  readonly #traffic = new Map<string, Traffic>();
  /** Where each WELCOME and each challenge went: what comes back proves that. */
  readonly #secrets = new Map<string, string>();

  constructor(listener: Listener, address: Address) {
    this.listener = listener;
    this.address = address;
    const receive = listener.receive.bind(listener);
    listener.receive = (datagram, from, now) => {
      this.#heard(datagram, formatAddress(from));
      receive(datagram, from, now);
    };
  }

  #with(peer: string): Traffic {
    const traffic = this.#traffic.get(peer) ?? { in: 0, out: 0, most: 1 };
    this.#traffic.set(peer, traffic);
    return traffic;
  }

  #heard(datagram: Uint8Array, from: string): void {
    this.#with(from).in += datagram.length;
    const packet = decode(datagram);
    if (packet === undefined) return; // Sealed: the room is private.
    const challenged = this.#secrets.get(String(packet.payload));
    if (challenged !== undefined) this.#with(challenged).most = Infinity;
    if (this.#secrets.get(String(packet.id)) === from) this.#with(from).most = Infinity;
  }

  /** Of an open room, no more goes to an unproved address than came from there; to move, thrice as much. */
  checkSent(datagram: Uint8Array, to: string): void {
    const { type, payload } = decode(datagram)!;
    const traffic = this.#with(to);
    traffic.out += datagram.length;
    const isChallenge = type === "ping" && payload.length === 8;
    if (type === "welcome") this.#secrets.set(String(decodeWelcome(payload).sessionId), to);
    if (isChallenge) this.#secrets.set(String(payload), to);
    if (isChallenge) traffic.most = Math.max(3, traffic.most);
    const isBounded = traffic.out <= traffic.most * traffic.in;
    assert(isBounded, `${type} makes it ${traffic.out} bytes for ${traffic.in}`);
  }
}

class Site {
  readonly #random: () => number;
  readonly #simulation: Simulation;
  readonly #balancer: Balancer;
  readonly #isOpen: boolean;
  readonly #machines: Machine[] = [];
  readonly #asked = new Map<string, number>();
  #deaths = 0;

  constructor(seed: number, balancer: Balancer, kind: RoomKind) {
    this.#random = seededRandom(seed);
    this.#balancer = balancer;
    this.#isOpen = kind === "open";
    const loss = seed % 2 === 0 ? 0 : this.#between(0, 0.2);
    const conditions = { loss, duplication: 0.02, reordering: 0.05, delay: 20, jitter: 10 };
    this.#simulation = new Simulation(seed, conditions, ROOMS[kind]);
    this.#simulation.onSend = (flight) => this.#pass(flight);
    for (let i = 0; i < MACHINES; i++) this.#start(i);
  }

  run(): void {
    const simulation = this.#simulation;
    const ends: string[] = [];
    for (let i = 0; i < CLIENTS; i++) simulation.at(1 + i, () => this.#join(i, ends));
    // One at a time is down, for long enough to be missed.
    for (let at = this.#between(0, 20); at < 200; at += this.#between(30, 80)) {
      const index = Math.floor(this.#between(0, MACHINES));
      const isOrderly = this.#random() < 0.3;
      simulation.at(at * SECOND, () => isOrderly ? this.#handOver(index) : this.#kill(index));
      const returns = this.#between(1, 30);
      simulation.at((at + returns) * SECOND, () => this.#isUp(index) || this.#start(index));
    }
    simulation.drive(() => ends.length === CLIENTS, 3_600_000);
    assertEquals(ends, Array(CLIENTS).fill("bye"));
    const { datagrams } = simulation;
    const most = this.#balancer === "datagram" ? 8_000 : 2_000;
    assert(datagrams < most, `${datagrams} datagrams`);
    simulation.drive();
    for (const { listener } of this.#machines) {
      assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
    }
    const twice = [...this.#asked.values()].filter((times) => times > 1).length;
    assert(twice <= CLIENTS * this.#deaths, `${twice} questions asked twice`);
  }

  #between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }

  #join(index: number, ends: string[]): void {
    const simulation = this.#simulation;
    const address = { hostname: `198.51.100.${index + 1}`, port: 10_000 };
    let answered = 0;
    let isNew = true;
    const next = (dialer: Dialer) => {
      if (answered === QUESTIONS) dialer.bye("bye", simulation.now);
      else dialer.ask(UTF8.encode(`${index} ${answered}`), simulation.now);
    };
    simulation.addClient(address, (event, dialer) => {
      if (event.type === "connected" && isNew) {
        isNew = false;
        next(dialer);
      }
      if (event.type === "answer") {
        assertEquals(event.text, `re: ${index} ${answered++}`);
        simulation.at(simulation.now + this.#between(0, 50) * SECOND, () => next(dialer));
      }
      // Nobody confirms to a client that its dead server has heard its bye.
      if (event.type === "ended") ends.push(event.reason === "unconfirmed" ? "bye" : event.reason);
      if (event.type === "unreachable" || event.type === "refused") ends.push(event.type);
    }, { hops: true });
  }

  #start(index: number): void {
    const simulation = this.#simulation;
    const { random, randomBytes } = simulation;
    const listener = new Listener({
      maxSessions: 1000,
      maxSessionsPerAddress: 1000,
      maxQuestions: 1000,
      idleTimeout: 75_000,
      room: ROOMS[this.#isOpen ? "open" : "private"],
      hmac,
      random,
      randomBytes,
      ...(this.#balancer === "id" && { serverId: index }),
    });
    const address = { hostname: `192.0.2.1${index}`, port: 12_000 };
    const onEvent = (event: ReturnType<Listener["takeEvents"]>[number]) => {
      if (event.type === "drained") simulation.at(simulation.now + 1, () => this.#start(index));
      if (event.type !== "question") return;
      this.#asked.set(event.text, (this.#asked.get(event.text) ?? 0) + 1);
      simulation.at(simulation.now + this.#between(0, 3) * SECOND, () => {
        if (event.session.turn !== "local") return;
        listener.answer(event.session, UTF8.encode(`re: ${event.text}`), simulation.now);
        simulation.settle(address);
      });
    };
    this.#machines[index] = new Machine(listener, address);
    simulation.add({ address, endpoint: listener, onEvent });
  }

  #isUp(index: number): boolean {
    return this.#machines[index]!.isUp;
  }

  #kill(index: number): void {
    const machine = this.#machines[index]!;
    if (!machine.isUp || this.#machines.some(({ isUp }) => !isUp)) return;
    machine.isUp = false;
    this.#deaths++;
    this.#simulation.remove(machine.address);
  }

  // The next server takes its port as soon as it is free.
  #handOver(index: number): void {
    const { listener, isUp, address } = this.#machines[index]!;
    if (!isUp) return;
    this.#deaths++;
    listener.close(this.#simulation.now, "moved");
    this.#simulation.settle(address);
  }

  #pass(flight: Flight): void {
    const { datagram, from, to } = flight;
    const machine = this.#machines.find(({ address }) => address.hostname === from.hostname);
    if (machine === undefined) {
      this.#simulation.carry({ ...flight, to: this.#choose(flight).address });
    } else {
      if (this.#isOpen) machine.checkSent(datagram, formatAddress(to));
      this.#simulation.carry({ ...flight, from: SERVER });
    }
  }

  #choose({ datagram, from }: Flight): Machine {
    const number = (of: bigint | number) => Number(BigInt(of) * 2_654_435_761n >> 16n) % MACHINES;
    switch (this.#balancer) {
      case "datagram":
        return this.#machines[Math.floor(this.#between(0, MACHINES))]!;
      case "port":
        return this.#machines[number(from.port + 7919 * Number(from.hostname.slice(-1)))]!;
      default: {
        const id = packetId(datagram);
        const isHello = packetType(datagram) === "hello";
        return this.#machines[isHello ? number(id & 0xffffn) : Number(id >> 56n)]!;
      }
    }
  }
}

// At home there is one server, and it holds the conversation still when the network, or its process, is
// back: a client that has hopped meanwhile goes on with it, and nobody reads a question twice.
for (const kind of ROOM_KINDS) {
  for (const cause of ["network", "server"] as const) {
    Deno.test(`${kind} room: a ${cause} that stops for up to a minute costs no question its place`, () => {
      for (let seconds = 1; seconds <= 60; seconds++) stop(kind, cause, seconds);
    });
  }
}

/** One conversation of three questions; the network or the server stops under the second. */
function stop(kind: RoomKind, cause: "network" | "server", seconds: number): void {
  const simulation = new Simulation(seconds, { ...PERFECT, delay: 20 }, ROOMS[kind]);
  const asked: string[] = [];
  let held: Flight[] | undefined;
  let reconnects = 0;
  simulation.addServer((event, listener) => {
    if (event.type !== "question") return;
    asked.push(event.text);
    if (event.text === "1" && asked.length === 2) {
      held = [];
      simulation.at(simulation.now + seconds * SECOND, () => {
        const late = held!;
        held = undefined;
        if (cause === "server") late.forEach((flight) => simulation.carry(flight));
      });
    }
    listener.answer(event.session, UTF8.encode(event.text), simulation.now);
  });
  // A socket that nobody reads keeps so many small datagrams.
  const ROOM = 256;
  simulation.onSend = (flight) => {
    if (held === undefined) simulation.carry(flight);
    else if (held.length < ROOM) held.push(flight);
  };
  const ends: string[] = [];
  simulation.addClient({ hostname: "198.51.100.1", port: 10_000 }, (event, dialer) => {
    if (event.type === "ended") ends.push(event.reason);
    if (event.type === "reconnecting") reconnects++;
    const answered = event.type === "answer" ? Number(event.text) + 1 : 0;
    if (event.type !== "answer" && event.type !== "connected") return;
    if (answered === 3) dialer.bye("bye", simulation.now);
    else dialer.ask(UTF8.encode(`${answered}`), simulation.now);
  }, { hops: true });
  simulation.drive(() => ends.length > 0, 600_000);
  assertEquals([asked, ends, reconnects], [["0", "1", "2"], ["bye"], 0], `${seconds} s`);
}
