/**
 * The only file that touches a socket or a timer: it drives an endpoint, which has neither.
 *
 * @module
 */
import { UnresolvedError } from "./errors.ts";
import type { Address, Endpoint, Randomness, Transmit } from "./endpoint.ts";

/** How long a socket that gives nothing but errors is tried again, in ms, with that pause between. */
const FAILING_MS = 10_000;
const FAILURE_PAUSE_MS = 10;

/** On Windows `receive` tells of ICMP, and of a datagram larger than the buffer, as errors of a sound socket. */
const OF_A_DATAGRAM = /^ConnectionReset|os error 100(?:40|52|54)\b/;

/** How long a socket hears what is under way after another took its place, in ms, and most open at once. */
const OLD_SOCKET_MS = 10_000;
const MAX_SOCKETS = 3;

/** Most datagrams that wait for the socket; beyond them the oldest are lost, as on a crowded way. */
const MAX_WAITING = 4096;

/** Longest timer, in ms: one that was cancelled stays in memory. */
const MAX_TIMER_MS = 10_000;

/** After two idle wake-ups in a row, the minimum delay before the next, in ms. */
const REST_MS = 50;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** The platform's randomness. */
export const RANDOMNESS: Randomness = {
  random: Math.random,
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** Sends and receives datagrams. */
export interface DatagramSocket {
  /** The address that it is bound to. */
  readonly address: Address;
  /** The next datagram and where it is from. The bytes are valid until the next call. */
  receive(): Promise<readonly [datagram: Uint8Array, from: Address]>;
  /** Sends one datagram. */
  send(datagram: Uint8Array, to: Address): Promise<unknown>;
  /** Closes the socket; a pending `receive` rejects. */
  close(): void;
}

/**
 * Binds a UDP socket.
 *
 * @param address An IP address, or a name of this machine; port 0 takes any free one.
 * @param maxBytes Largest datagram to receive whole, in bytes.
 * @throws {Deno.errors.AddrInUse} If the port is taken, among other errors of the platform.
 */
export function bindUdp({ hostname, port }: Address, maxBytes: number): DatagramSocket {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  // One byte more than the largest datagram, so that an oversized one is recognised and dropped.
  const buffer = new Uint8Array(maxBytes + 1);
  return {
    address: socket.addr as Deno.NetAddr,
    receive: () => socket.receive(buffer) as Promise<[Uint8Array, Deno.NetAddr]>,
    send: (datagram, to) => socket.send(datagram, to as Deno.NetAddr),
    close: () => socket.close(),
  };
}

/** Options of {@linkcode Driver}. */
export interface DriverOptions<Event> {
  /** Opens a socket: the first, and another for each {@linkcode Driver.hop}. */
  readonly open: () => DatagramSocket;
  readonly endpoint: Endpoint<Event>;
  readonly onEvent: (event: Event) => void;
  /** Nothing is received before this resolves; datagrams wait in the socket. */
  readonly ready?: Promise<unknown>;
}

/** Drives an endpoint: datagrams in and out, one timer, events. */
export class Driver<Event> {
  readonly #finished = Promise.withResolvers<void>();
  /** Settles when all sockets are closed. */
  readonly finished: Promise<void> = this.#finished.promise;
  /** All that are open, and the latest, which sends. */
  readonly #sockets = new Set<DatagramSocket>();
  #socket: DatagramSocket;
  /** Sockets that still receive, or close only once all that they hold has left. */
  #receiving = 0;
  #sending: Promise<void> | undefined;
  #cancelTimer = () => {};
  #timerAt = Infinity;
  #restUntil = -Infinity;
  #idleWakeUps = 0;
  #isClosed = false;

  readonly options: DriverOptions<Event>;

  /** Starts at once. */
  constructor(options: DriverOptions<Event>) {
    this.options = options;
    this.#socket = this.#open();
    this.update();
  }

  /** The `now` of every call into the endpoint, in ms. */
  static now(): number {
    return performance.now();
  }

  /** Handles the endpoint's output. To be called after every call into it. */
  update(): void {
    this.#drain();
    this.#setTimer();
  }

  /** Goes on from another port, or from this one if the system has none left. */
  hop(): void {
    if (this.#isClosed) return;
    const before = this.#socket;
    try {
      this.#socket = this.#open();
    } catch {
      return;
    }
    const [oldest] = this.#sockets;
    if (this.#sockets.size > MAX_SOCKETS) this.#close(oldest!);
    this.finished.then(after(OLD_SOCKET_MS, () => this.#close(before)));
  }

  /** Sends what is queued, and closes the sockets. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.finished;
    this.#isClosed = true;
    this.#cancelTimer();
    this.#flush();
    await this.#sending;
    for (const socket of this.#sockets) this.#close(socket);
    await this.finished;
  }

  #open(): DatagramSocket {
    const socket = this.options.open();
    this.#sockets.add(socket);
    this.#receiving++;
    this.#receiveAll(socket).then(() => {
      if (--this.#receiving === 0 && this.#isClosed) this.#finished.resolve();
    }, this.#finished.reject);
    return socket;
  }

  #close(socket: DatagramSocket): void {
    if (this.#sockets.delete(socket)) socket.close();
  }

  async #receiveAll(socket: DatagramSocket): Promise<void> {
    const { endpoint, ready } = this.options;
    if (ready !== undefined) await ready;
    let failingSince: number | undefined;
    while (this.#sockets.has(socket)) {
      let got: Awaited<ReturnType<DatagramSocket["receive"]>>;
      try {
        got = await socket.receive();
      } catch (error) {
        if (!this.#sockets.has(socket)) break;
        if (OF_A_DATAGRAM.test(`${error}`)) continue;
        failingSince ??= Driver.now();
        if (Driver.now() - failingSince >= FAILING_MS) throw error;
        await pause(FAILURE_PAUSE_MS);
        continue;
      }
      if (this.#isClosed) continue;
      failingSince = undefined;
      endpoint.receive(got[0], got[1], Driver.now());
      this.update();
      if (this.#sending !== undefined) continue;
      // Code that awaits this datagram runs first and may send: the socket, mostly empty by now, is
      // asked once less.
      await null;
    }
  }

  /** Hands on the endpoint's output. Returns whether there was any. */
  #drain(): boolean {
    const { endpoint, onEvent } = this.options;
    const events = endpoint.takeEvents();
    for (const event of events) onEvent(event);
    return this.#flush() || events.length > 0;
  }

  #flush(): boolean {
    if (this.#sending !== undefined) {
      this.options.endpoint.limitTransmits(MAX_WAITING);
      return false;
    }
    const transmits = this.options.endpoint.takeTransmits();
    if (transmits.length > 0) this.#sending = this.#sendAll(transmits);
    return transmits.length > 0;
  }

  async #sendAll(transmits: Transmit[]): Promise<void> {
    const { endpoint } = this.options;
    for (let batch = transmits; batch.length > 0; batch = endpoint.takeTransmits()) {
      for (const { datagram, to } of batch) {
        try {
          await this.#socket.send(datagram, to);
        } catch {
          // A datagram that the platform does not send counts as lost on the way.
        }
      }
    }
    this.#sending = undefined;
  }

  #setTimer(): void {
    // The rest is not cut short, not even by an earlier deadline.
    if (this.#timerAt <= this.#restUntil) return;
    const at = Math.max(this.options.endpoint.nextTimeout, this.#restUntil);
    // A timer that fires too early is set again, so it need not move with each deadline.
    if (at >= this.#timerAt || this.#isClosed) return;
    this.#timerAt = at;
    const wait = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - Driver.now())));
    this.#cancelTimer();
    this.#cancelTimer = after(wait, () => this.#handleTimer());
  }

  #handleTimer(): void {
    const now = Driver.now();
    this.#timerAt = Infinity;
    this.options.endpoint.handleTimeout(now);
    this.#idleWakeUps = this.#drain() ? 0 : this.#idleWakeUps + 1;
    // In a quick conversation each deadline moves on before it comes, and a wake-up costs as much as
    // several turns: after two idle ones the timer rests. One is no sign of it: before a slow answer,
    // an acknowledgement is due next.
    this.#restUntil = this.#idleWakeUps >= 2 ? now + REST_MS : -Infinity;
    this.#setTimer();
  }
}

/** Calls back after a time in ms, unless that is cancelled with the function that this returns. */
function after(milliseconds: number, callback: () => void): () => void {
  // `setTimeout` is Node's in this runtime, and takes as long to load as this whole protocol.
  const signal = AbortSignal.timeout(milliseconds);
  signal.addEventListener("abort", callback);
  // A process waits for its timers as long as somebody listens to them.
  return () => signal.removeEventListener("abort", callback);
}

/** Waits; without a time, only until the reactions of promises that are settled already have run. */
export function pause(milliseconds: number = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits for a promise, for `milliseconds` at most. */
export async function waitAtMost(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

/**
 * The IP addresses of a host: the one first that a socket is bound to under that name, then both families
 * by turns (RFC 8305 §4).
 *
 * @param hostname An IP address, or a name for the system's resolver.
 * @throws {UnresolvedError} If it does not resolve.
 */
export async function resolveHost(hostname: string): Promise<string[]> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (IPV4.test(host)) return [host];
  // The resolver accepts an empty name.
  if (host === "") throw new UnresolvedError(hostname);
  const { lookup } = await import("node:dns/promises");
  try {
    return byTurns(await lookup(host, { all: true, order: "verbatim" }));
  } catch {
    throw new UnresolvedError(hostname);
  }
}

/** The addresses, those of either family in their order. */
export function byTurns(found: readonly { address: string; family: number }[]): string[] {
  const rank = (it: typeof found[number]) =>
    found.filter(({ family }) => family === it.family).indexOf(it);
  return found.toSorted((a, b) => rank(a) - rank(b)).map(({ address }) => address);
}
