/**
 * Hosts, the networks between them, and a virtual clock: the same seed plays the same conversations,
 * datagram by datagram.
 *
 * @module
 */
import type { Fate, Network } from "./network.ts";
import { type Address, type Endpoint, formatAddress } from "../transport/endpoint.ts";

/** Most steps of one drive: a livelock fails instead of hanging. */
const MAX_STEPS = 2_000_000;

/** A datagram on its way. */
export interface Flight {
  readonly datagram: Uint8Array;
  /** The address that it claims to come from. */
  readonly from: Address;
  readonly to: Address;
}

/** An endpoint at an address. */
export interface SimulatedHost<Event> {
  address: Address;
  readonly endpoint: Endpoint<Event>;
  onEvent(event: Event): void;
}

export class World {
  /** The virtual time, in ms. */
  now = 0;
  /** Datagrams sent so far. */
  datagrams = 0;
  /** Decides about each datagram that is sent: it is lost unless it is carried, now or later. */
  onSend: (flight: Flight) => void = (flight) => this.carry(flight);
  /** Observes each datagram that arrives at a host, once the host has handled it. */
  onArrival: (flight: Flight) => void = () => {};
  readonly #networks = new Set<Network<Flight>>();
  readonly #hosts = new Map<string, SimulatedHost<unknown>>();
  #appointments: { readonly at: number; readonly act: () => void }[] = [];

  readonly networkFor: (flight: Flight) => Network<Flight>;

  /** @param networkFor The network that carries a datagram. */
  constructor(networkFor: (flight: Flight) => Network<Flight>) {
    this.networkFor = networkFor;
  }

  /** Puts a host at its address, beside those that it had. */
  add<Event>(host: SimulatedHost<Event>): void {
    this.#hosts.set(formatAddress(host.address), host);
    this.settle(host.address);
  }

  /** Removes a host: datagrams to it are lost from now on. */
  remove(address: Address): void {
    this.#hosts.delete(formatAddress(address));
  }

  /** Moves a host: datagrams on their way to its old address are lost. */
  move(from: Address, to: Address): void {
    const host = this.#hosts.get(formatAddress(from));
    if (host === undefined) return;
    this.remove(from);
    host.address = to;
    this.#hosts.set(formatAddress(to), host);
  }

  at(time: number, act: () => void): void {
    this.#appointments.push({ at: time, act });
  }

  /** Sends a datagram from any address. */
  send(datagram: Uint8Array, from: Address, to: Address): void {
    this.datagrams++;
    this.onSend({ datagram, from, to });
  }

  carry(flight: Flight, isDropped: boolean = false, isExtra: boolean = false): Fate {
    const network = this.networkFor(flight);
    this.#networks.add(network);
    return network.send(flight, this.now, isDropped, isExtra);
  }

  /** Sends the datagrams of the host there, and handles its events, until there are no more. */
  settle(address: Address): void {
    const host = this.#hosts.get(formatAddress(address));
    if (host !== undefined) this.#settle(host);
  }

  /** Lets time pass until `until` holds or nothing is left to happen, at most up to `deadline`. */
  drive(until: () => boolean = () => false, deadline: number = Infinity): void {
    for (let steps = 0; !until(); steps++) {
      if (steps > MAX_STEPS) throw new Error(`Still driving after ${MAX_STEPS} steps`);
      const next = this.nextTime;
      if (next === Infinity || next > deadline) {
        if (deadline !== Infinity) this.now = Math.max(this.now, deadline);
        return;
      }
      this.now = Math.max(this.now, next);
      this.#step();
    }
  }

  /** When something happens next, in ms; `Infinity` for never. */
  get nextTime(): number {
    let next = Infinity;
    for (const { nextArrival } of this.#networks) next = Math.min(next, nextArrival);
    for (const { at } of this.#appointments) next = Math.min(next, at);
    for (const { endpoint } of this.#hosts.values()) next = Math.min(next, endpoint.nextTimeout);
    return next;
  }

  #step(): void {
    const due = this.#appointments.filter(({ at }) => at <= this.now);
    this.#appointments = this.#appointments.filter(({ at }) => at > this.now);
    for (const { act } of due) act();
    for (const network of this.#networks) {
      for (const flight of network.arrivals(this.now)) {
        const { datagram, from, to } = flight;
        this.#hosts.get(formatAddress(to))?.endpoint.receive(datagram, from, this.now);
        this.onArrival(flight);
        this.settle(to);
      }
    }
    for (const host of this.#hosts.values()) {
      if (host.endpoint.nextTimeout <= this.now) host.endpoint.handleTimeout(this.now);
      this.#settle(host);
    }
  }

  #settle(host: SimulatedHost<unknown>): void {
    const { endpoint } = host;
    let events: readonly unknown[];
    do {
      // As the driver does: a hop is for what is sent with it.
      events = endpoint.takeEvents();
      for (const event of events) host.onEvent(event);
      for (const { datagram, to } of endpoint.takeTransmits()) {
        this.send(datagram, host.address, to);
      }
    } while (events.length > 0);
  }
}
