/**
 * The only file that touches a socket or a timer: it drives a protocol end that has neither.
 *
 * @module
 */
import { UnresolvedError } from "./errors.ts";
import type { Address, Endpoint, Randomness, Transmit } from "./endpoint.ts";

/** Failures of a socket in a row after which it is given up. */
const MAX_FAILURES = 100;

/** Longest that one timer is set for, in ms: one that is no longer wanted cannot be called off. */
const MAX_TIMER_MS = 10_000;

/** Least time from the second timer in a row that came for nothing to the next one, in ms. */
const REST_MS = 50;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** The platform's randomness. */
export const RANDOMNESS: Randomness = {
  random: Math.random,
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** A way to send and receive datagrams. */
export interface DatagramSocket {
  /** The address that it is bound to. */
  readonly address: Address;
  /** The next datagram and where it is from. The bytes are valid until the next call. */
  receive(): Promise<readonly [datagram: Uint8Array, from: Address]>;
  /** Sends one datagram to an address that it received from, or one of `Deno.NetAddr`'s form. */
  send(datagram: Uint8Array, to: Address): Promise<unknown>;
  /** Closes it; a call of `receive` that waits fails. */
  close(): void;
}

/**
 * Binds a UDP socket.
 *
 * @param address Where: an IP address, or a name of this machine; port 0 takes any free one.
 * @param maxBytes Most bytes of a datagram that it is to receive whole.
 * @throws {Deno.errors.AddrInUse} If the port is taken, and whatever else the platform throws.
 */
export function bindUdp({ hostname, port }: Address, maxBytes: number): DatagramSocket {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  // One byte more than any datagram may have: what is too long is seen to be, and dropped.
  const buffer = new Uint8Array(maxBytes + 1);
  return {
    address: socket.addr as Deno.NetAddr,
    receive: () => socket.receive(buffer) as Promise<[Uint8Array, Deno.NetAddr]>,
    send: (datagram, to) => socket.send(datagram, to as Deno.NetAddr),
    close: () => socket.close(),
  };
}

/** What {@linkcode Driver} joins. */
export interface DriverOptions<Event> {
  /** The socket. */
  readonly socket: DatagramSocket;
  /** The protocol end. */
  readonly endpoint: Endpoint<Event>;
  /** Hears what happens. */
  readonly onEvent: (event: Event) => void;
  /** Nothing is received before this settles; what comes until then waits in the socket. */
  readonly ready?: Promise<unknown>;
}

/** Drives a protocol end: datagrams in and out, one timer, events. */
export class Driver<Event> {
  /** Settles when the socket is closed. */
  readonly finished: Promise<void>;
  readonly #options: DriverOptions<Event>;
  #sending: Promise<void> | undefined;
  #timer: AbortSignal | undefined;
  #timerAt = Infinity;
  #restUntil = -Infinity;
  #isInVain = false;
  #isClosed = false;

  /** Starts at once. */
  constructor(options: DriverOptions<Event>) {
    this.#options = options;
    this.finished = this.#receiveAll();
    this.update();
  }

  /** The time, in ms: what every call into the protocol end is given. */
  static now(): number {
    return performance.now();
  }

  /** Carries out what the protocol end wants. To be called after every call into it. */
  update(): void {
    this.#drain();
    this.#setTimer();
  }

  /** Sends what is queued, and closes the socket. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.finished;
    this.#isClosed = true;
    this.#flush();
    await this.#sending;
    this.#options.socket.close();
    await this.finished;
  }

  async #receiveAll(): Promise<void> {
    const { socket, endpoint, ready } = this.#options;
    if (ready !== undefined) await ready;
    for (let failures = 0; !this.#isClosed;) {
      let got: Awaited<ReturnType<DatagramSocket["receive"]>>;
      try {
        got = await socket.receive();
      } catch (error) {
        // On Windows, a peer's closed port makes the next receive fail. The socket is sound.
        if (!this.#isClosed && ++failures >= MAX_FAILURES) throw error;
        continue;
      }
      failures = 0;
      endpoint.receive(got[0], got[1], Driver.now());
      this.update();
      if (this.#sending !== undefined) continue;
      // Whoever waited for this, with nothing in between, speaks in its turn first. To send before the
      // socket is asked again, which mostly has nothing yet, saves a look at it.
      await null;
    }
  }

  /** Hands on what the protocol end puts out. Returns whether there was anything. */
  #drain(): boolean {
    const { endpoint, onEvent } = this.#options;
    const events = endpoint.takeEvents();
    for (const event of events) onEvent(event);
    return this.#flush() || events.length > 0;
  }

  #flush(): boolean {
    if (this.#sending !== undefined) return false;
    const transmits = this.#options.endpoint.takeTransmits();
    if (transmits.length > 0) this.#sending = this.#sendAll(transmits);
    return transmits.length > 0;
  }

  async #sendAll(transmits: Transmit[]): Promise<void> {
    const { socket, endpoint } = this.#options;
    for (let batch = transmits; batch.length > 0; batch = endpoint.takeTransmits()) {
      for (const { datagram, to } of batch) {
        try {
          await socket.send(datagram, to);
        } catch {
          // A datagram that the platform does not send is as good as lost on the way.
        }
      }
    }
    this.#sending = undefined;
  }

  #setTimer(): void {
    // Whatever the next deadline is, it waits for the end of the rest.
    if (this.#timerAt <= this.#restUntil) return;
    const at = Math.max(this.#options.endpoint.nextTimeout, this.#restUntil);
    // A timer that fires too early looks again; so it need not be moved each time a deadline is.
    if (at >= this.#timerAt || this.#isClosed) return;
    this.#timerAt = at;
    const wait = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - Driver.now())));
    // `setTimeout` is Node's in this runtime, and takes as long to load as all of this protocol.
    const timer = AbortSignal.timeout(wait);
    timer.onabort = () => {
      if (timer === this.#timer && !this.#isClosed) this.#handleTimer();
    };
    this.#timer = timer;
  }

  #handleTimer(): void {
    const now = Driver.now();
    const wasInVain = this.#isInVain;
    this.#timerAt = Infinity;
    this.#options.endpoint.handleTimeout(now);
    this.#isInVain = !this.#drain();
    // In a quick conversation each deadline has moved on before it comes. What wakes for nothing then
    // sleeps for a while, because to be woken takes as long as several turns. Once is no sign of it: with
    // a slow answer to come, an acknowledgement is due next.
    this.#restUntil = wasInVain && this.#isInVain ? now + REST_MS : -Infinity;
    this.#setTimer();
  }
}

/** Lets everything that is settled already take its effect. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Waits for a promise, but no longer than so many ms. */
export async function waitAtMost(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer;
  const timeout = new Promise((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

/**
 * The IP address of a host, IPv4 before IPv6.
 *
 * @param hostname An IP address, or a name, which is looked up as the rest of the system does it.
 * @throws {UnresolvedError} If it does not resolve.
 */
export async function resolveHost(hostname: string): Promise<string> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (IPV4.test(host)) return host;
  // The look-up itself finds no fault with an empty name.
  if (host === "") throw new UnresolvedError(hostname);
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(host, { order: "ipv4first" })).address;
  } catch {
    throw new UnresolvedError(hostname);
  }
}
