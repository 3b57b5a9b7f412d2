/**
 * One server and any number of clients over a bad network, on a virtual clock: the same seed plays
 * the same conversation, datagram by datagram.
 *
 * @module
 */
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Network, type NetworkConditions } from "../laboratory/network.ts";
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import { Dialer, type DialerEvent } from "../transport/reliable/dialer.ts";
import {
  Listener,
  type ListenerEvent,
  type ListenerOptions,
} from "../transport/reliable/listener.ts";
import type { Address, Endpoint } from "../transport/endpoint.ts";
import type { Hmac } from "../transport/reliable/retry_token.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";

/** HMAC-SHA-256, as the server uses it. */
export const hmac: Hmac = (key, data) => nobleHmac(sha256, key, data);

/** Where the simulated server is. */
export const SERVER: Address = { hostname: "192.0.2.1", port: 12000 };

/** Sessions of a listener that are not over. */
export function liveSessions({ sessions }: Listener): number {
  return Array.from(sessions).filter(({ turn }) => turn !== "closed").length;
}

/** Most steps of one drive: a livelock fails instead of hanging. */
const MAX_STEPS = 2_000_000;

interface Flight {
  readonly datagram: Uint8Array;
  readonly from: Address;
  readonly to: Address;
}

/** What a simulated end does with what happens to it. */
export interface Host<Event> {
  /** Where it is now. */
  address: Address;
  readonly endpoint: Endpoint<Event>;
  onEvent(event: Event, now: number): void;
}

interface Appointment {
  readonly at: number;
  readonly act: () => void;
}

/** The simulated world. */
export class Simulation {
  /** The virtual time, in ms. */
  now = 0;
  /** Datagrams sent so far by anybody. */
  datagrams = 0;
  readonly random: () => number;
  readonly network: Network<Flight>;
  // deno-lint-ignore no-explicit-any -- hosts of both kinds, each given back only its own events
  readonly #hosts = new Map<string, Host<any>>();
  readonly #room: Room;
  #appointments: Appointment[] = [];

  /** @param room The room of the server, and of each client; see `addServer` and `addClient`. */
  constructor(seed: number, conditions: NetworkConditions, room: Room = OPEN_ROOM) {
    this.#room = room;
    this.random = seededRandom(seed);
    this.network = new Network(conditions, seededRandom(seed + 1_000_003));
  }

  randomBytes = (length: number): Uint8Array => seededBytes(this.random, length);

  /** Puts a host at its address. */
  add<Event>(host: Host<Event>): void {
    this.#hosts.set(key(host.address), host);
    this.#drain(host);
  }

  /** Adds a server that hands its events to `onEvent`. */
  addServer(
    onEvent: (event: ListenerEvent, listener: Listener) => void,
    options: Partial<ListenerOptions> = {},
  ): Listener {
    const listener = new Listener({
      maxSessions: 1000,
      maxSessionsPerAddress: 1000,
      maxQuestions: 1000,
      idleTimeout: 75_000,
      room: this.#room,
      hmac,
      random: this.random,
      randomBytes: this.randomBytes,
      ...options,
    });
    this.add({ address: SERVER, endpoint: listener, onEvent: (e) => onEvent(e, listener) });
    return listener;
  }

  /** Adds a client at that address that hands its events to `onEvent`. */
  addClient(
    address: Address,
    onEvent: (event: DialerEvent, dialer: Dialer) => void,
    options: { connectTimeout?: number; idleTimeout?: number; room?: Room } = {},
  ): Dialer {
    const dialer = new Dialer({
      server: SERVER,
      now: this.now,
      connectTimeout: options.connectTimeout ?? 60_000,
      idleTimeout: options.idleTimeout ?? 75_000,
      random: this.random,
      randomBytes: this.randomBytes,
      room: options.room ?? this.#room,
    });
    this.add({ address, endpoint: dialer, onEvent: (event) => onEvent(event, dialer) });
    return dialer;
  }

  /** Takes a host away: what is still sent to it is lost. */
  remove(address: Address): void {
    this.#hosts.delete(key(address));
  }

  /** Moves a host: what is on its way to its old address is lost. */
  move(from: Address, to: Address): void {
    const host = this.#hosts.get(key(from));
    if (host === undefined) return;
    this.#hosts.delete(key(from));
    host.address = to;
    this.#hosts.set(key(to), host);
  }

  /** Does something at a time. */
  at(time: number, act: () => void): void {
    this.#appointments.push({ at: time, act });
  }

  /** Puts a datagram on the network. */
  send(datagram: Uint8Array, from: Address, to: Address): void {
    this.datagrams++;
    this.network.send({ datagram, from, to }, this.now);
  }

  /** Lets time pass until `until` holds or nothing is left to happen, at most up to `deadline`. */
  drive(until: () => boolean = () => false, deadline = Infinity): void {
    for (let steps = 0; !until(); steps++) {
      if (steps > MAX_STEPS) throw new Error(`Still driving after ${MAX_STEPS} steps`);
      const next = this.#nextTime();
      if (next === Infinity || next > deadline) {
        if (deadline !== Infinity) this.now = Math.max(this.now, deadline);
        return;
      }
      this.now = Math.max(this.now, next);
      this.#step();
    }
  }

  #nextTime(): number {
    let next = this.network.nextArrival;
    for (const { at } of this.#appointments) next = Math.min(next, at);
    for (const { endpoint } of this.#hosts.values()) next = Math.min(next, endpoint.nextTimeout);
    return next;
  }

  #step(): void {
    const due = this.#appointments.filter(({ at }) => at <= this.now);
    this.#appointments = this.#appointments.filter(({ at }) => at > this.now);
    for (const { act } of due) act();
    for (const { datagram, from, to } of this.network.arrivals(this.now)) {
      const host = this.#hosts.get(key(to));
      host?.endpoint.receive(datagram, from, this.now);
      if (host !== undefined) this.#drain(host);
    }
    for (const host of this.#hosts.values()) {
      if (host.endpoint.nextTimeout <= this.now) host.endpoint.handleTimeout(this.now);
      this.#drain(host);
    }
  }

  #drain<Event>(host: Host<Event>): void {
    for (let again = true; again;) {
      again = false;
      for (const { datagram, to } of host.endpoint.takeTransmits()) {
        this.send(datagram, host.address, to);
      }
      for (const event of host.endpoint.takeEvents()) {
        again = true;
        host.onEvent(event, this.now);
      }
    }
  }
}

function key({ hostname, port }: Address): string {
  return `${hostname} ${port}`;
}
