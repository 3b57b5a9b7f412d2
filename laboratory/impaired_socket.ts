/**
 * A bad network between a program and its socket: datagrams are lost, duplicated, held back and delayed
 * each way, as a seed decides, and each of them can be observed.
 *
 * @module
 */
import { type Impairment, isDropped } from "./impairment.ts";
import { bothWays, type Fate, type Network } from "./network.ts";
import type { Address, DatagramSocket } from "../transport/mod.ts";
import { waitAtMost } from "../transport/driver.ts";
import { type Entry, isKeepalive, type Observation, Observer } from "./observation.ts";

export interface ImpairedSocketOptions extends Impairment {
  /** Observes each datagram when it is sent or lost, and each received one once it was handled. */
  readonly onObservation: (observation: Observation) => void;
}

interface Parcel extends Entry {
  fate: Fate;
  /** Copies of it that were handed on. */
  handed: number;
}

/** A socket behind a bad network. */
export class ImpairedSocket implements DatagramSocket {
  readonly address: Address;
  readonly #path: ReturnType<typeof bothWays<Parcel>>;
  readonly #observer: Observer;
  readonly #passed: { count: number };
  #receiving: Promise<void> | undefined;
  readonly #arrived: Parcel[] = [];
  /** The last datagram that was handed on, not reported yet. */
  #handed: Observation | undefined;
  /** Timers of datagrams that have still to leave. */
  #departures = 0;
  #isClosed = false;

  readonly socket: DatagramSocket;
  readonly options: ImpairedSocketOptions;

  /** One in the place of `before`, if there is one, counts and draws on where that is. */
  constructor(socket: DatagramSocket, options: ImpairedSocketOptions, before?: ImpairedSocket) {
    this.socket = socket;
    this.options = options;
    this.address = socket.address;
    this.#path = before ? before.#path : bothWays(options.conditions, options.seed);
    this.#observer = before ? before.#observer : new Observer();
    this.#passed = before ? before.#passed : { count: 0 };
  }

  async send(datagram: Uint8Array, to: Address): Promise<void> {
    this.#reportHanded();
    const parcel = this.#enter(this.#path.outward, datagram, to);
    this.options.onObservation(this.#observer.observe("sent", parcel));
    for (const at of parcel.fate.arrivals) if (at > parcel.at) this.#departAt(at, parcel.at);
    await this.#depart(parcel.at);
  }

  async receive(): Promise<readonly [datagram: Uint8Array, from: Address]> {
    this.#reportHanded();
    while (true) {
      const now = performance.now();
      this.#arrived.push(...this.#path.inward.arrivals(now));
      const parcel = this.#arrived.shift();
      if (parcel !== undefined && !this.#isClosed) {
        this.#handed = { ...this.#observer.observe("received", parcel, parcel.handed++), at: now };
        // The driver handles it in the next microtask, and a waiting caller goes on after the second.
        queueMicrotask(() => queueMicrotask(() => this.#reportHanded()));
        return [parcel.datagram, parcel.peer];
      }
      this.#receiving ??= this.#receive();
      const wait = this.#path.inward.nextArrival - now;
      await (wait === Infinity ? this.#receiving : waitAtMost(wait, this.#receiving));
    }
  }

  /** Closes the socket once everything that was sent has left. */
  close(): void {
    this.#reportHanded();
    this.#isClosed = true;
    if (this.#departures === 0) this.socket.close();
  }

  async #receive(): Promise<void> {
    try {
      const [datagram, from] = await this.socket.receive();
      const parcel = this.#enter(this.#path.inward, datagram.slice(), from);
      if (parcel.fate.arrivals.length > 0) return;
      this.options.onObservation(this.#observer.observe("received", parcel));
    } finally {
      this.#receiving = undefined;
    }
  }

  #enter(network: Network<Parcel>, datagram: Uint8Array, peer: Address): Parcel {
    const at = performance.now();
    const isExtra = isKeepalive(datagram);
    const order = isExtra ? 0 : ++this.#passed.count;
    const fate = { arrivals: [], isHeldBack: false };
    const local = this.address;
    const parcel: Parcel = { order, datagram, local, peer, at, fate, handed: 0 };
    parcel.fate = network.send(parcel, at, isDropped(this.options, order), isExtra);
    return parcel;
  }

  #departAt(time: number, now: number): void {
    this.#departures++;
    setTimeout(async () => {
      // A datagram that cannot leave is lost, as on any network.
      await this.#depart(time).catch(() => {});
      if (--this.#departures === 0 && this.#isClosed) this.socket.close();
    }, time - now);
  }

  async #depart(now: number): Promise<void> {
    for (const { datagram, peer } of this.#path.outward.arrivals(now)) {
      await this.socket.send(datagram, peer);
    }
  }

  #reportHanded(): void {
    const handed = this.#handed;
    this.#handed = undefined;
    if (handed !== undefined) this.options.onObservation(handed);
  }
}
