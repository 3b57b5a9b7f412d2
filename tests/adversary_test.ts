import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import type { Address } from "../transport/endpoint.ts";
import { decode, decodeWelcome, encode } from "../transport/reliable/packet.ts";
import { MAX_HALF_OPEN, MAX_HALF_OPEN_OF_NETWORK } from "../transport/limits.ts";
import { guessedId, hello } from "./attack.ts";
import { SERVER, Simulation } from "./simulation.ts";

/** Sends a datagram to the server, and gives back the last reply to it. */
type Send = (datagram: Uint8Array, from: Address) => Uint8Array | undefined;

interface Attack {
  readonly name: string;
  /** Times a second that `act` is called, for `seconds`. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly act: (send: Send, count: number, random: () => number) => void;
  readonly bounds: Toll;
}

/** The most that an attack may cost the others. */
interface Toll {
  /** Bytes that the server sends, for each that it is sent. */
  readonly factor: number;
  /** Sessions that it keeps at once for the attacker, half open or with a seat, and how long after the last datagram. */
  readonly seats: number;
  readonly heldSeconds: number;
  /** From the first HELLO of an honest client, in the midst of it, to the answer: the longest of some. */
  readonly guestSeconds: number;
}

const GUESTS: readonly Address[] = Array.from(
  { length: 5 },
  (_, i) => ({ hostname: "198.51.100.7", port: 40_000 + i }),
);
const ATTACKER: Address = { hostname: "203.0.113.66", port: 9 };
const PER_ADDRESS = 250;
const NOTHING: Toll = { factor: 1, seats: 0, heldSeconds: 0, guestSeconds: 0.1 };

function anyAddress(random: () => number): Address {
  const byte = () => Math.floor(256 * random());
  return { hostname: `10.${byte()}.${byte()}.${byte()}`, port: 1 + Math.floor(65_000 * random()) };
}

/** Opens a session. Returns its id, or nothing if the server refuses. */
function enter(send: Send, from: Address, nonce: bigint): bigint | undefined {
  let reply = decode(send(hello(nonce), from) ?? new Uint8Array(0));
  if (reply?.type === "retry") reply = decode(send(hello(nonce, reply.payload), from)!);
  if (reply?.type !== "welcome") return undefined;
  const id = decodeWelcome(reply.payload).sessionId;
  send(encode({ type: "ack", id }), from);
  return id;
}

const ATTACKS: readonly Attack[] = [
  {
    name: "HELLOs from forged addresses",
    perSecond: 60_000,
    seconds: 3,
    act: (send, count, random) => send(hello(BigInt(count)), anyAddress(random)),
    // A third of all HELLOs can be answered.
    bounds: { factor: 0.5, seats: MAX_HALF_OPEN, heldSeconds: 15, guestSeconds: 5 },
  },
  {
    name: "HELLOs from one address",
    perSecond: 60_000,
    seconds: 2,
    act: (send, count) => send(hello(BigInt(count)), ATTACKER),
    bounds: { ...NOTHING, factor: 0.5, seats: MAX_HALF_OPEN_OF_NETWORK, heldSeconds: 15 },
  },
  {
    name: "packets of no session from one address, for the RESETs",
    perSecond: 60_000,
    seconds: 2,
    act: (send, _, random) => send(encode({ type: "ping", id: guessedId(random) }), ATTACKER),
    bounds: NOTHING,
  },
  {
    name: "packets of no session from forged addresses",
    perSecond: 60_000,
    seconds: 2,
    act: (send, _, random) =>
      send(encode({ type: "ping", id: guessedId(random) }), anyAddress(random)),
    bounds: NOTHING,
  },
  {
    name: "noise",
    perSecond: 20_000,
    seconds: 2,
    act: (send, _, random) => send(seededBytes(random, 1 + Math.floor(1200 * random())), ATTACKER),
    bounds: { ...NOTHING, factor: 0 },
  },
  {
    name: "one IPv6 /64 that takes all the seats it can get, and says no more",
    perSecond: 1000,
    seconds: 2,
    act(send, count) {
      const hostname = `2001:db8:1:1::${(count + 1).toString(16)}`;
      enter(send, { hostname, port: 4000 }, BigInt(count));
    },
    bounds: { ...NOTHING, seats: PER_ADDRESS, heldSeconds: 75 },
  },
  {
    name: "one address that comes and goes, and leaves sessions to linger",
    perSecond: 1000,
    seconds: 5,
    act(send, count) {
      const from = { ...ATTACKER, port: 1 + count };
      const id = enter(send, from, BigInt(count));
      if (id !== undefined) send(encode({ type: "bye", id, payload: Uint8Array.of(0) }), from);
    },
    bounds: { ...NOTHING, seats: PER_ADDRESS, heldSeconds: 5 },
  },
  {
    name: "one client that asks for signs of life",
    perSecond: 20_000,
    seconds: 2,
    act: (() => {
      let id: bigint | undefined;
      return (send, count) => {
        id ??= enter(send, ATTACKER, 1n)!;
        send(encode({ type: "ping", id, number: count, attempt: 1 }), ATTACKER);
      };
    })(),
    bounds: { ...NOTHING, seats: 1, heldSeconds: 75 },
  },
];

// Invariant: what an attack draws, holds and delays is bounded by a number.
for (const attack of ATTACKS) {
  Deno.test(`adversary: ${attack.name}`, () => {
    const toll = suffer(attack);
    for (const [cost, most] of Object.entries(attack.bounds)) {
      const value = toll[cost as keyof Toll];
      assert(value <= most, `${cost} is ${value}, over ${most}: ${JSON.stringify(toll)}`);
    }
  });
}

function suffer({ perSecond, seconds, act }: Attack): Toll & { bytesIn: number; bytesOut: number } {
  const random = seededRandom(perSecond);
  const simulation = new Simulation(1, { ...PERFECT, delay: 5 });
  const listener = simulation.addServer(({ type, ...event }) => {
    if (type !== "question" || !("text" in event)) return;
    listener.answer(event.session, new TextEncoder().encode("a"), simulation.now);
  }, { maxSessionsPerAddress: PER_ADDRESS });
  let [bytesIn, bytesOut, seats, heldUntil, guestSeconds, answers] = [0, 0, 0, 0, 0, 0];
  let reply: Uint8Array | undefined;
  simulation.onSend = (flight) => {
    if (flight.from !== SERVER || isGuest(flight.to)) {
      simulation.carry(flight);
      return;
    }
    bytesOut += flight.datagram.length;
    reply = flight.datagram;
  };
  const send: Send = (datagram, from) => {
    reply = undefined;
    bytesIn += datagram.length;
    listener.receive(datagram, from, simulation.now);
    simulation.settle(SERVER);
    return reply;
  };
  const perMs = perSecond / 1000;
  for (let ms = 0; ms < 1000 * seconds; ms++) {
    simulation.at(ms, () => {
      for (let i = 0; i < perMs; i++) act(send, ms * perMs + i, random);
    });
  }
  for (const [i, guest] of GUESTS.entries()) {
    const startsAt = 150 * seconds * (i + 1) + 37 * i;
    simulation.at(startsAt, () => {
      simulation.addClient(guest, (event, dialer) => {
        if (event.type === "connected") dialer.ask(new TextEncoder().encode("q"), simulation.now);
        if (event.type !== "answer") return;
        answers++;
        guestSeconds = Math.max(guestSeconds, (simulation.now - startsAt) / 1000);
        dialer.bye("bye", simulation.now);
      });
    });
  }
  simulation.drive(() => {
    const held = Array.from(listener.sessions).filter(({ address }) => !isGuest(address)).length;
    seats = Math.max(seats, held);
    if (held > 0) heldUntil = simulation.now;
    return false;
  });
  assertEquals(answers, GUESTS.length);
  assertEquals(listener.size, 0);
  const heldSeconds = Math.max(0, heldUntil / 1000 - seconds);
  return { factor: bytesOut / bytesIn, seats, heldSeconds, guestSeconds, bytesIn, bytesOut };
}

function isGuest({ hostname }: Address): boolean {
  return hostname === GUESTS[0]!.hostname;
}

// Invariant: RESETs of somebody who reads along draw a few probes, and no question is asked twice.
Deno.test("adversary: forged RESETs to a client that waits for its answer", () => {
  const simulation = new Simulation(2, { ...PERFECT, delay: 5 });
  const client = GUESTS[0]!;
  const heard: string[] = [];
  let sent = 0;
  const listener = simulation.addServer((event) => {
    if (event.type !== "question") return;
    heard.push(event.text);
    const { session } = event;
    simulation.at(simulation.now + 10_000, () => {
      listener.answer(session, new TextEncoder().encode("a"), simulation.now);
      simulation.settle(SERVER);
    });
    const reset = encode({ type: "reset", id: session.id });
    for (let ms = 1; ms < 9000; ms++) {
      simulation.at(simulation.now + ms, () => simulation.send(reset, SERVER, client));
    }
  });
  simulation.onSend = (flight) => {
    if (flight.from === client) sent++;
    simulation.carry(flight);
  };
  simulation.addClient(client, (event, dialer) => {
    heard.push(event.type);
    if (event.type === "connected") dialer.ask(new TextEncoder().encode("q"), simulation.now);
    if (event.type === "answer") dialer.bye("bye", simulation.now);
  });
  simulation.drive();
  const events = ["connected", "q", "delivered", "position", "answer", "ended", "over"];
  assertEquals(heard, events);
  assert(sent < 100, `${sent} datagrams for 9,000 RESETs`);
});
