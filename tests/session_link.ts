/**
 * An asker and an answerer joined without handshake, network or clock: each datagram arrives a fixed
 * time later, in as many copies as a test says.
 *
 * @module
 */
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import { type Address, Counters } from "../transport/endpoint.ts";
import { decode, encode, type Packet, type PacketFields } from "../transport/reliable/packet.ts";
import { OPEN_ROOM, type Room, type Seal } from "../transport/reliable/seal.ts";
import { IDLE_TIMEOUT_MS, Session, type SessionEvent } from "../transport/reliable/session.ts";

/** The id of every linked session. */
export const LINK_ID = 0x0123_4567_89ab_cdefn;

/** Most steps of one drive: a livelock fails instead of hanging. */
const MAX_STEPS = 100_000;

/** Which of the two ends. */
export type Role = "asker" | "answerer";

/** One datagram that an end transmitted. */
export interface Sent {
  readonly at: number;
  readonly by: Role;
  readonly to: Address;
  /** As it is on the wire. */
  readonly datagram: Uint8Array;
  /** The packet before it was sealed. */
  readonly packet: Packet;
}

/** One end of a {@linkcode SessionLink}. */
export interface LinkEnd {
  readonly session: Session;
  readonly address: Address;
  readonly counters: Counters;
  readonly events: SessionEvent[];
  readonly seal: Seal;
}

/** How a {@linkcode SessionLink} works. */
export interface LinkOptions {
  /** Time on the way in each direction, in ms. */
  readonly delay?: number;
  /** Silence after which each end gives the other up, in ms. */
  readonly idleTimeout?: number;
  /** Of the jitter. */
  readonly seed?: number;
  /** The asker's name. */
  readonly name?: string;
  /** Their room, by default an open one. */
  readonly room?: Room;
}

interface Flight {
  readonly at: number;
  readonly to: Role;
  readonly from: Address;
  readonly datagram: Uint8Array;
}

/** Two sessions that have just shaken hands, on a virtual clock that starts at 0. */
export class SessionLink {
  /** The virtual time, in ms. */
  now = 0;
  /** Everything that was transmitted, in order. */
  readonly sent: Sent[] = [];
  readonly asker: LinkEnd;
  readonly answerer: LinkEnd;
  /** Copies of a datagram that arrive. */
  copies: (sent: Sent) => number = () => 1;
  #flights: Flight[] = [];
  readonly #delay: number;
  readonly #name: Uint8Array;

  constructor(options: LinkOptions = {}) {
    const { delay = 0, idleTimeout = IDLE_TIMEOUT_MS, seed = 1, room = OPEN_ROOM } = options;
    this.#delay = delay;
    this.#name = new TextEncoder().encode(options.name ?? "");
    const random = seededRandom(seed);
    const seals = handshake(room);
    this.asker = this.#end("asker", idleTimeout, random, seals.asker);
    this.answerer = this.#end("answerer", idleTimeout, random, seals.answerer);
    const attempt = this.answerer.session.delivery.welcomeSent(0);
    this.asker.session.delivery.welcomeReceived(attempt, 0);
  }

  /** The asker or the answerer speaks. */
  say(role: Role, text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this[role].session.send(bytes, this.now);
  }

  /** Hands a packet to an end, as if the other had sent it. */
  inject(role: Role, packet: Omit<PacketFields, "id">, from?: Address): void {
    const datagram = this[other(role)].seal.seal(encode({ ...packet, id: LINK_ID }));
    this.injectDatagram(role, datagram, from);
  }

  /** Hands bytes to an end. */
  injectDatagram(role: Role, datagram: Uint8Array, from?: Address): void {
    const end = this[role];
    end.session.receive(datagram, from ?? this[other(role)].address, this.now);
  }

  /** Lets that many ms pass. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let steps = 0; this.#nextTime() <= end; steps++) this.#step(steps);
    this.now = end;
  }

  /** Lets time pass until it holds; fails when nothing is left to happen. */
  driveUntil(holds: () => boolean): void {
    for (let steps = 0; !holds(); steps++) {
      if (this.#nextTime() === Infinity) throw new Error("Nothing is left to happen");
      this.#step(steps);
    }
  }

  /** One question, answered at once. */
  turn(question: string | Uint8Array, answer: string | Uint8Array): void {
    const turns = messagesOf(this.asker).length;
    this.say("asker", question);
    this.driveUntil(() => this.answerer.session.turn === "local");
    this.say("answerer", answer);
    this.driveUntil(() => messagesOf(this.asker).length > turns);
  }

  #step(steps: number): void {
    if (steps > MAX_STEPS) throw new Error(`Still driving after ${MAX_STEPS} steps`);
    this.now = Math.max(this.now, this.#nextTime());
    const arrived = this.#flights.filter(({ at }) => at <= this.now);
    this.#flights = this.#flights.filter(({ at }) => at > this.now);
    for (const { to, from, datagram } of arrived) this.injectDatagram(to, datagram, from);
    // As a driver does: what has arrived is taken in before timeouts are looked at.
    if (arrived.length > 0) return;
    for (const { session } of [this.asker, this.answerer]) {
      if (session.nextTimeout <= this.now) session.handleTimeout(this.now);
    }
  }

  #nextTime(): number {
    const times = this.#flights.map(({ at }) => at);
    const { asker, answerer } = this;
    return Math.min(...times, asker.session.nextTimeout, answerer.session.nextTimeout);
  }

  #end(role: Role, idleTimeout: number, random: () => number, seal: Seal): LinkEnd {
    const address = ADDRESSES[role];
    const counters = new Counters();
    const events: SessionEvent[] = [];
    let plain: Uint8Array;
    const output = {
      drop: (reason: keyof Counters) => void counters[reason]++,
      transmit: (datagram: Uint8Array, to: Address) => this.#carry(role, plain, datagram, to),
      sessionEvent: (_session: Session, event: SessionEvent) => void events.push(event),
    };
    const session = new Session({
      id: LINK_ID,
      role,
      address: ADDRESSES[other(role)],
      now: 0,
      idleTimeout,
      ...(role === "asker" && { name: this.#name }),
      output,
      random,
      randomBytes: (length) => seededBytes(random, length),
      seal: {
        seal: (datagram) => seal.seal(plain = datagram),
        open: (datagram) => seal.open(datagram),
      },
    });
    return { session, address, counters, events, seal };
  }

  #carry(by: Role, plain: Uint8Array, datagram: Uint8Array, to: Address): void {
    const packet = decode(plain);
    if (packet === undefined) throw new Error(`The ${by} transmits what is no packet`);
    const sent = { at: this.now, by, to, datagram, packet };
    this.sent.push(sent);
    const copies = this.copies(sent);
    for (let copy = 0; copy < copies; copy++) {
      // A copy arrives when the first was perhaps already answered.
      this.#flights.push({
        at: this.now + this.#delay + copy,
        to: other(by),
        from: ADDRESSES[by],
        datagram,
      });
    }
  }
}

/** The seals of two that meet in a room. */
function handshake(room: Room): Readonly<Record<Role, Seal>> {
  const fields = new Uint8Array(0);
  const initiation = room.initiate(fields);
  const response = room.respond({ keyShare: initiation.keyShare, fields }, fields);
  if (typeof response !== "object") throw new Error(`Refused: "${response}"`);
  return { asker: initiation.complete(response.keyShare, fields)!, answerer: response.seal };
}

const ADDRESSES: Readonly<Record<Role, Address>> = {
  asker: { hostname: "192.0.2.7", port: 40_001 },
  answerer: { hostname: "192.0.2.1", port: 12_000 },
};

/** The texts that an end received. */
export function messagesOf({ events }: LinkEnd): string[] {
  return events.flatMap((event) => event.type === "message" ? [event.text] : []);
}

/** The types of some transmitted packets, as in `asker message 1`. */
export function namesOf(sent: readonly Sent[]): string[] {
  return sent.map(({ by, packet }) => `${by} ${packet.type} ${packet.number}`);
}

function other(role: Role): Role {
  return role === "asker" ? "answerer" : "asker";
}
