/**
 * A client and a server at the two ends of a bad network, on a virtual clock: the same seed plays the
 * same conversation, datagram by datagram.
 *
 * @module
 */
import { bothWays, type Fate, type Network, type NetworkConditions } from "./network.ts";
import type { Address, Endpoint } from "../transport/endpoint.ts";

/** Which end. */
export type Name = "client" | "server";

/** Where the ends are. */
export const ADDRESSES: Readonly<Record<Name, Address>> = {
  client: { hostname: "127.0.0.1", port: 54_321 },
  server: { hostname: "127.0.0.1", port: 12_000 },
};

/** Most steps of a conversation: what never ends fails instead of hanging. */
const MAX_STEPS = 100_000;

/** A datagram that somebody sent. */
export interface Sending {
  /** Who sent it. */
  readonly by: Name;
  /** Its place among all, counted from 1. */
  readonly order: number;
  /** The bytes. */
  readonly datagram: Uint8Array;
  /** What becomes of it. */
  readonly fate: Fate;
}

const UNDECIDED: Fate = { arrivals: [], isHeldBack: false };

/** How a {@linkcode World} is. */
export interface WorldOptions {
  /** What its network does, each way. */
  readonly conditions: NetworkConditions;
  /** To which datagrams. */
  readonly seed: number;
  /** Whether a datagram is lost in any case, by its place among all. */
  readonly isDropped: (order: number) => boolean;
  /** Hears of each datagram when it is sent. */
  readonly onSend: (sending: Sending) => void;
  /** Hears of each copy that arrives, before its receiver does. */
  readonly onArrival: (sending: Sending) => void;
}

interface Appointment {
  readonly at: number;
  readonly act: () => void;
}

interface End {
  readonly name: Name;
  readonly endpoint: Endpoint<unknown>;
  /** Sends what is to be sent, and does what its people do about what happened. */
  readonly drain: () => void;
}

/** Two ends, the network between them, and a clock. */
export class World {
  /** The virtual time, in ms. */
  now = 0;
  readonly #options: WorldOptions;
  readonly #ways: Readonly<Record<Name, Network<Sending>>>;
  readonly #ends: End[] = [];
  #appointments: Appointment[] = [];
  #sent = 0;

  /** Starts without anybody. */
  constructor(options: WorldOptions) {
    this.#options = options;
    const { outward, inward } = bothWays<Sending>(options.conditions, options.seed);
    this.#ways = { client: outward, server: inward };
  }

  /** Puts an end at its place. Its events go to `onEvent`. */
  join<Event>(name: Name, endpoint: Endpoint<Event>, onEvent: (event: Event) => void): void {
    const drain = () => {
      for (let events = endpoint.takeEvents();; events = endpoint.takeEvents()) {
        for (const { datagram } of endpoint.takeTransmits()) this.#send(name, datagram);
        if (events.length === 0) return;
        for (const event of events) onEvent(event);
      }
    };
    this.#ends.push({ name, endpoint, drain });
    drain();
  }

  /** Does something after so many ms. */
  after(milliseconds: number, act: () => void): void {
    this.#appointments.push({ at: this.now + milliseconds, act });
  }

  /** Lets time pass until nothing is left to happen. */
  run(): void {
    for (let steps = 0; this.#nextTime < Infinity; steps++) {
      if (steps > MAX_STEPS) throw new Error(`Still going after ${MAX_STEPS} steps`);
      this.now = Math.max(this.now, this.#nextTime);
      this.#step();
    }
  }

  get #nextTime(): number {
    const { client, server } = this.#ways;
    return Math.min(
      client.nextArrival,
      server.nextArrival,
      ...this.#appointments.map(({ at }) => at),
      ...this.#ends.map(({ endpoint }) => endpoint.nextTimeout),
    );
  }

  #step(): void {
    for (const { name, endpoint, drain } of this.#ends) {
      const sender = name === "client" ? "server" : "client";
      for (const sending of this.#ways[sender].arrivals(this.now)) {
        this.#options.onArrival(sending);
        endpoint.receive(sending.datagram, ADDRESSES[sender], this.now);
        drain();
      }
    }
    const due = this.#appointments.filter(({ at }) => at <= this.now);
    this.#appointments = this.#appointments.filter(({ at }) => at > this.now);
    for (const { act } of due) act();
    for (const { endpoint, drain } of this.#ends) {
      if (endpoint.nextTimeout <= this.now) endpoint.handleTimeout(this.now);
      drain();
    }
  }

  #send(by: Name, datagram: Uint8Array): void {
    const order = ++this.#sent;
    const sending = { by, order, datagram, fate: UNDECIDED };
    sending.fate = this.#ways[by].send(sending, this.now, this.#options.isDropped(order));
    this.#options.onSend(sending);
  }
}
