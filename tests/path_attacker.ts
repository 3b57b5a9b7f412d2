/**
 * Somebody on the path between the clients and the server: every datagram passes through his hands.
 * He reads it, and may keep it, change it, hold it back, send it again and send his own, to either
 * end and from any address. He knows everything but the code of the room; he may have the code of
 * another.
 *
 * @module
 */
import { seededBytes } from "../laboratory/random.ts";
import type { Flight } from "../laboratory/world.ts";
import { Listener } from "../transport/reliable/listener.ts";
import { type Address, formatAddress } from "../transport/endpoint.ts";
import {
  decode,
  decodeHello,
  encode,
  encodeHello,
  HEADER_BYTES,
  type Hello,
  packetId,
  packetType,
  REFUSALS,
  SEAL_BYTES,
} from "../transport/reliable/packet.ts";
import type { Room } from "../transport/reliable/seal.ts";
import { forge, hello, oneOf, PACKET_TYPES } from "./attack.ts";
import { mutate, withId } from "./mutation.ts";
import { hmac, SERVER, type Simulation } from "./simulation.ts";

/** The attacker's own address. */
export const ATTACKER: Address = { hostname: "203.0.113.66", port: 666 };

/** His address as a client with the code of another room. */
const IMPOSTOR: Address = { hostname: "203.0.113.67", port: 667 };

/** Options of a {@linkcode PathAttacker}. */
export interface AttackerOptions {
  /** Numbers from 0 up to 1. */
  readonly random: () => number;
  /** Whether he also takes datagrams off the path; if not, he only adds his own. */
  readonly withholds: boolean;
  /** When he leaves the path alone, in ms. */
  readonly until: number;
  /** The owner of the code of another room, if he has one. */
  readonly impostor?: Impostor | undefined;
}

/** His deeds. */
const DEEDS = [
  // To what the ends send: it never comes, in another form, late, late and from his address.
  ...["dropped", "changed", "held", "redirected"] as const,
  // Besides: what was sent to him goes to the client that it is about, what was recorded comes again, or
  // in another form, a packet that nobody sent, a HELLO with a recorded key share, and what another
  // room says to it.
  ...["relayed", "replayed", "bent", "forged", "greeted", "impersonated"] as const,
];

/** Times that he did each of them. */
export type Deeds = Record<typeof DEEDS[number], number>;

/** All {@linkcode Deeds} at zero. */
export function noDeeds(): Deeds {
  return Object.fromEntries(DEEDS.map((deed) => [deed, 0])) as Deeds;
}

/** Chances with which he takes a datagram, each from 0 to 1, and which way it has to go. */
interface Mood {
  readonly drop: number;
  readonly change: number;
  readonly hold: number;
  readonly way?: "to the server" | "to clients";
}

const CALM: Mood = { drop: 0, change: 0, hold: 0 };
const MOODS: readonly Mood[] = [
  CALM,
  { drop: 0.1, change: 0.1, hold: 0.1 },
  { drop: 0.2, change: 0.4, hold: 0.1 },
  { drop: 0, change: 0.1, hold: 0.8 },
  { drop: 1, change: 0, hold: 0 },
  { drop: 1, change: 0, hold: 0, way: "to the server" },
  { drop: 1, change: 0, hold: 0, way: "to clients" },
];

/** Longest that a mood lasts, that a datagram is held, that an invention waits, in ms. */
const LONGEST_MOOD_MS = 2500;
const LONGEST_HOLD_MS = 1500;
const LONGEST_WAIT_MS = 400;

/** A copy that comes this late, in ms, is not the first: the original has arrived. */
const OLD_MS = 500;

/** Most datagrams of his own. */
const MOST_INVENTIONS = 250;

const NOTHING = new Uint8Array(0);

interface Recorded extends Flight {
  readonly at: number;
}

/** The attacker. */
export class PathAttacker {
  /** His deeds so far. */
  readonly deeds: Deeds = noDeeds();
  readonly #wire: Simulation;
  readonly #options: AttackerOptions;
  readonly #random: () => number;
  readonly #recorded: Recorded[] = [];
  /** Recorded HELLOs that carry a token and a key share. */
  readonly #hellos: Recorded[] = [];
  /** Retry tokens that the server has made for his own address, by nonce. */
  readonly #ownTokens = new Map<bigint, Uint8Array>();
  /** The nonces of the HELLOs from each address: after the first a client gets through again. */
  readonly #nonces = new Map<string, Set<bigint>>();
  /** The address at which the client with that session or nonce was seen. */
  readonly #owners = new Map<bigint, Address>();
  #mood = CALM;
  #moodUntil = 0;
  #inventions = 0;

  constructor(wire: Simulation, options: AttackerOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#random = options.random;
  }

  /** Decides what becomes of a datagram that an end has sent. */
  intercept(flight: Flight): void {
    const { now } = this.#wire;
    const { withholds, until, impostor } = this.#options;
    this.#learn(flight);
    if (now >= until) return void this.#wire.carry(flight);
    this.#plan(flight);
    if (flight.to === ATTACKER) return this.#relay(flight);
    if (impostor?.intercept(flight)) this.deeds.impersonated++;
    if (!withholds) return void this.#wire.carry(flight);
    const chance = this.#random();
    const { drop, change, hold } = this.#moodFor(flight);
    if (chance < drop) this.#drop(flight);
    else if (chance < drop + change) {
      this.deeds.changed++;
      this.#wire.carry({ ...flight, datagram: this.#changed(flight.datagram) });
    } else if (chance < drop + change + hold) this.#hold(flight);
    else this.#wire.carry(flight);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #learn({ datagram, from, to }: Flight): void {
    const id = packetId(datagram);
    const type = packetType(datagram);
    if (to === ATTACKER) {
      if (type === "retry") this.#ownTokens.set(id, decode(datagram)!.payload);
      return;
    }
    const recorded = { datagram, from, to, at: this.#wire.now };
    this.#recorded.push(recorded);
    if (to !== SERVER) return;
    this.#owners.set(id, from);
    if (type !== "hello") return;
    const place = formatAddress(from);
    this.#nonces.set(place, (this.#nonces.get(place) ?? new Set()).add(id));
    if (helloIn(datagram).keyShare.length > 0) this.#hellos.push(recorded);
  }

  #moodFor({ to }: Flight): Mood {
    const { now } = this.#wire;
    if (now >= this.#moodUntil) {
      this.#mood = oneOf(MOODS, this.#random);
      this.#moodUntil = now + LONGEST_MOOD_MS * this.#random();
    }
    const way = to === SERVER ? "to the server" : "to clients";
    return (this.#mood.way ?? way) === way ? this.#mood : CALM;
  }

  // An end that hears nothing may believe that it was forgotten.
  #drop({ datagram, from, to }: Flight): void {
    this.deeds.dropped++;
    if (this.#random() < 0.7) return;
    const reset = encode({ type: "reset", id: packetId(datagram) });
    this.#wire.carry({ datagram: reset, from: SERVER, to: to === SERVER ? from : to });
  }

  #hold(flight: Flight): void {
    const release = this.#wire.now + LONGEST_HOLD_MS * this.#random();
    const isRedirected = flight.to === SERVER && this.#random() < 0.3;
    this.deeds[isRedirected ? "redirected" : "held"]++;
    this.#wire.at(Math.min(release, this.#options.until), () => {
      this.#wire.carry(isRedirected ? { ...flight, from: ATTACKER } : flight);
    });
  }

  // Datagrams of the server to his own address may be handed on.
  #relay({ datagram }: Flight): void {
    const owner = this.#owners.get(packetId(datagram));
    if (owner === undefined || this.#random() < 0.5) return;
    this.deeds.relayed++;
    this.#wire.carry({ datagram, from: SERVER, to: owner });
  }

  // Every datagram gives him ideas, for now or for a little later.
  #plan(flight: Flight): void {
    for (let i = this.#below(3); i > 0 && this.#inventions < MOST_INVENTIONS; i--) {
      this.#inventions++;
      this.#wire.at(this.#wire.now + LONGEST_WAIT_MS * this.#random(), () => {
        if (this.#wire.now < this.#options.until) this.#wire.carry(this.#invent(flight));
      });
    }
  }

  /** A datagram of his own, apropos of another. */
  #invent(flight: Flight): Flight {
    const isReversed = this.#random() < 0.5;
    const [from, to] = isReversed ? [flight.to, flight.from] : [flight.from, flight.to];
    const source = oneOf([from, from, from, to, ATTACKER], this.#random);
    const destination = to === ATTACKER ? SERVER : to;
    const path = { from: source, to: destination };
    switch (this.#below(4)) {
      case 0:
        return this.#replay() ?? { ...path, datagram: this.#forged(flight, destination) };
      case 1: {
        const old = this.#old();
        if (old === undefined) break;
        this.deeds.bent++;
        return { from: old.from, to: old.to, datagram: this.#changed(old.datagram) };
      }
      case 2:
        return this.#greeting(flight) ?? { ...path, datagram: this.#forged(flight, destination) };
    }
    return { ...path, datagram: this.#forged(flight, destination) };
  }

  /** Something recorded whose original is no longer on its way, if he leaves originals alone. */
  #old(): Recorded | undefined {
    const { withholds } = this.#options;
    // Mostly of late: what is about the session that is open.
    const age = this.#random() ** 2;
    const at = Math.floor((1 - age) * this.#recorded.length);
    const flight = this.#recorded[Math.min(at, this.#recorded.length - 1)];
    if (flight === undefined) return undefined;
    return withholds || this.#wire.now - flight.at > OLD_MS ? flight : undefined;
  }

  #replay(): Flight | undefined {
    const old = this.#old();
    if (old === undefined) return undefined;
    this.deeds.replayed++;
    const { datagram, from, to } = old;
    return {
      datagram,
      from: oneOf([from, from, ATTACKER, to], this.#random),
      to: oneOf([to, to, to, from], this.#random),
    };
  }

  /** With the header of another, or bits, a field or the end changed, or put together of two. */
  #changed(datagram: Uint8Array): Uint8Array {
    const other = oneOf(this.#recorded, this.#random).datagram;
    const changed = datagram.slice();
    switch (this.#below(4)) {
      case 0: {
        changed.set(other.subarray(0, HEADER_BYTES));
        return changed;
      }
      case 1:
        // The fields that no key agreement covers: attempt, echo and delay.
        changed[5 + this.#below(3)] = this.#below(4);
        return changed;
      default:
        return mutate(datagram, other, this.#random);
    }
  }

  /** A packet of any type under the right id, bare or as long as a sealed one. */
  #forged({ datagram }: Flight, to: Address): Uint8Array {
    this.deeds.forged++;
    const id = packetId(datagram);
    let type = oneOf(PACKET_TYPES, this.#random);
    // A refusal ends a first attempt, that is known: most of them are for who is getting through again.
    const attempts = this.#nonces.get(formatAddress(to))?.size ?? 0;
    if (type === "refuse" && attempts < 2 && this.#random() < 0.8) type = "reset";
    if (type === "refuse") {
      const payload = Uint8Array.of(this.#below(REFUSALS.length + 1));
      return encode({ type, id, echo: this.#below(4), payload });
    }
    const bare = forge(type, id, this.#random);
    const isBare = this.#random() < 0.5 || type === "hello" || type === "reset";
    if (isBare) return bare;
    const sealed = new Uint8Array(bare.length + SEAL_BYTES);
    sealed.set(bare);
    sealed.set(seededBytes(this.#random, sealed.length - HEADER_BYTES), HEADER_BYTES);
    new DataView(sealed.buffer).setBigUint64(HEADER_BYTES, BigInt(this.#below(300)));
    return sealed;
  }

  /** A HELLO with a valid token, the client's or his own, and a key share that he has recorded. */
  #greeting({ datagram, from, to }: Flight): Flight | undefined {
    if (this.#hellos.length === 0) return undefined;
    this.deeds.greeted++;
    const { idleTimeout, keyShare } = helloIn(oneOf(this.#hellos, this.#random).datagram);
    const greet = (id: bigint, token: Uint8Array) => {
      const payload = encodeHello({ idleTimeout, token, keyShare });
      return encode({ type: "hello", id, attempt: 1, payload });
    };
    const id = packetId(datagram);
    const type = packetType(datagram);
    // He reads a client's token when the client does, or before.
    const isFresh = this.#random() < 0.5;
    if (isFresh && type === "hello") {
      return { from, to: SERVER, datagram: greet(id, helloIn(datagram).token) };
    }
    if (isFresh && type === "retry") {
      return { from: to, to: SERVER, datagram: greet(id, decode(datagram)!.payload) };
    }
    const [nonce, token] = oneOf([...this.#ownTokens, [id, NOTHING] as const], this.#random);
    // He gets a token at his own address for any nonce.
    if (token.length === 0) return { from: ATTACKER, to: SERVER, datagram: hello(id) };
    return { from: ATTACKER, to: SERVER, datagram: greet(nonce, token) };
  }
}

/** An attacker with the code of another room: he is its server, and comes as its client. */
export class Impostor {
  /** Events of either of his ends, other than that there is no way in. */
  readonly believed: string[] = [];
  /** Times that his client found his code to be wrong. */
  wrongCodes = 0;
  readonly #wire: Simulation;
  readonly #random: () => number;
  readonly #listener: Listener;
  readonly #room: Room;
  #nonce = 0n;

  constructor(wire: Simulation, room: Room, random: () => number) {
    this.#wire = wire;
    this.#random = random;
    this.#room = room;
    this.#listener = new Listener({
      maxSessions: 1000,
      maxSessionsPerAddress: 1000,
      maxQuestions: 1000,
      idleTimeout: 75_000,
      room,
      hmac,
      random,
      randomBytes: (length) => seededBytes(random, length),
    });
  }

  /** Comes to the server as a client. */
  dial(): void {
    this.#wire.addClient(IMPOSTOR, (event) => {
      if (event.type === "refused" && event.refusal === "wrong-code") this.wrongCodes++;
      const isNoEntry = ["refused", "unreachable", "over", "foreign", "hop"].includes(event.type);
      if (!isNoEntry) this.believed.push(`client: ${event.type}`);
    }, { room: this.#room, connectTimeout: 2000 });
  }

  /** Answers a client in the server's place, and his own client with what was for another. */
  intercept({ datagram, from, to }: Flight): boolean {
    const { now } = this.#wire;
    const type = packetType(datagram);
    if (from === IMPOSTOR) {
      if (type === "hello") this.#nonce = packetId(datagram);
      return false;
    }
    if (to === IMPOSTOR || this.#random() < 0.5) return false;
    if (type === "welcome") {
      const misled = withId(datagram, this.#nonce);
      this.#wire.carry({ datagram: misled, from: SERVER, to: IMPOSTOR });
      return true;
    }
    if (to !== SERVER) return false;
    this.#listener.receive(datagram, from, now);
    for (const transmit of this.#listener.takeTransmits()) {
      this.#wire.carry({ ...transmit, from: SERVER });
    }
    const events = this.#listener.takeEvents().filter(({ type }) =>
      type !== "overload" && type !== "foreign"
    );
    for (const { type } of events) this.believed.push(`server: ${type}`);
    return true;
  }
}

function helloIn(datagram: Uint8Array): Hello {
  return decodeHello(decode(datagram)!.payload)!;
}
