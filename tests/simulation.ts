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
import { type Flight, World } from "../laboratory/world.ts";
import { Dialer, type DialerEvent } from "../transport/reliable/dialer.ts";
import {
  Listener,
  type ListenerEvent,
  type ListenerOptions,
} from "../transport/reliable/listener.ts";
import type { Address } from "../transport/endpoint.ts";
import type { Hmac } from "../transport/reliable/retry_token.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";

/** HMAC-SHA-256, as the server uses it. */
export const hmac: Hmac = (key, data) => nobleHmac(sha256, key, data);

/** The address of the simulated server. */
export const SERVER: Address = { hostname: "192.0.2.1", port: 12000 };

/** Sessions of a listener that are not over. */
export function liveSessions({ sessions }: Listener): number {
  return Array.from(sessions).filter(({ turn }) => turn !== "closed").length;
}

/** A world with one network, and hosts of this protocol. */
export class Simulation extends World {
  readonly random: () => number;
  readonly #room: Room;

  /** @param room The room of the server, and of each client; see `addServer` and `addClient`. */
  constructor(seed: number, conditions: NetworkConditions, room: Room = OPEN_ROOM) {
    const network = new Network<Flight>(conditions, seededRandom(seed + 1_000_003));
    super(() => network);
    this.#room = room;
    this.random = seededRandom(seed);
  }

  randomBytes = (length: number): Uint8Array => seededBytes(this.random, length);

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
    options: {
      connectTimeout?: number;
      idleTimeout?: number;
      name?: Uint8Array;
      room?: Room;
      /** Whether it goes on from the next port when it wants to; the last three stay open. */
      hops?: boolean;
    } = {},
  ): Dialer {
    const dialer = new Dialer({
      server: SERVER,
      now: this.now,
      connectTimeout: options.connectTimeout ?? 60_000,
      idleTimeout: options.idleTimeout ?? 75_000,
      random: this.random,
      randomBytes: this.randomBytes,
      room: options.room ?? this.#room,
      ...(options.name && { name: options.name }),
    });
    const ports = [address];
    const host = {
      address,
      endpoint: dialer,
      onEvent: (event: DialerEvent) => {
        if (event.type === "hop" && options.hops) {
          ports.push({ ...address, port: ports.at(-1)!.port + 1 });
          host.address = ports.at(-1)!;
          this.add(host);
          if (ports.length > 3) this.remove(ports.shift()!);
        }
        onEvent(event, dialer);
      },
    };
    this.add(host);
    return dialer;
  }
}
