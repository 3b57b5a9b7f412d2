/**
 * One exchange with a peer that is tested: sockets, a network that a seed spoils, deadlines, and all that
 * passed.
 *
 * @module
 */
import { bothWays, type Network, type NetworkConditions } from "../network.ts";
import { describeNumber } from "../observation.ts";
import { seededRandom } from "../random.ts";
import type { Address } from "../../transport/endpoint.ts";
import { decode, encode, readHeader } from "../../transport/reliable/packet.ts";
import type { Packet, PacketFields, PacketType } from "../../transport/reliable/packet.ts";

/** Time for a packet that has to come, in ms: a slow machine is no fault. */
export const DEADLINE_MS = 5_000;

/** Longest exchange, in ms. */
const MAX_TRIAL_MS = 90_000;

/** Most datagrams of the peer in one exchange. */
const MAX_ARRIVALS = 20_000;

/** A rule does not hold. The message tells people why. */
export class Fault extends Error {}

/** A rule cannot be checked. The message tells people what it takes. */
export class Unchecked extends Error {}

/** The plays that check the rules, by the rules' numbers. */
export type Plays = Readonly<Record<string, (trial: Trial) => Promise<void>>>;

/** A datagram of an exchange. */
export interface Passage {
  /** Since the exchange began, in ms. */
  readonly at: number;
  readonly by: "tester" | "peer";
  readonly text: string;
  readonly datagram: Uint8Array;
  /** Whether the tester lost it on purpose. */
  readonly lost: boolean;
}

/** A datagram of the peer. */
export interface Arrival {
  readonly at: number;
  readonly datagram: Uint8Array;
  /** `undefined` if it is none. */
  readonly packet: Packet | undefined;
  readonly from: Deno.NetAddr;
  /** The socket that it came to, counted from 0. */
  readonly via: number;
}

/** A packet by its fields, as `ACK 2, eco 1` or as they are, or what finds it. */
export type Wanted = string | Partial<Packet> | ((arrival: Arrival) => boolean);

/** The output of the peer's program, if it is piped into the tester. */
export class Screen {
  /** Everything so far. */
  text = "";
  readonly isPiped: boolean;

  constructor(source?: ReadableStream<Uint8Array>) {
    this.isPiped = source !== undefined;
    const decoder = new TextDecoder();
    const write = (it: Uint8Array) => void (this.text += decoder.decode(it, { stream: true }));
    source?.pipeTo(new WritableStream({ write })).catch(() => {});
  }
}

/** A socket whose datagrams wait for an exchange. */
export class Inlet implements Disposable {
  readonly #socket: Deno.DatagramConn;
  #arrived: [Uint8Array, Deno.NetAddr][] = [];
  /** Called when there are more to take. */
  onArrival: () => void = () => {};

  /** @param address By default any port of this machine's loopback. */
  constructor({ hostname, port }: Address = { hostname: "127.0.0.1", port: 0 }) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    this.#receive();
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  /** The datagrams that arrived since the last call. */
  take(): [Uint8Array, Deno.NetAddr][] {
    return this.#arrived.splice(0);
  }

  send(datagram: Uint8Array, { hostname, port }: Address): void {
    this.#socket.send(datagram, { transport: "udp", hostname, port }).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    for await (const [datagram, from] of this.#socket) {
      if (this.#arrived.length > MAX_ARRIVALS) continue;
      this.#arrived.push([datagram.slice(), from as Deno.NetAddr]);
      this.onArrival();
    }
  }
}

/** State that the exchanges of one run share. */
export interface Bench {
  /** The end that is tested. */
  readonly role: "server" | "client";
  readonly seed: number;
  readonly screen: Screen;
  /** The server's address. */
  readonly server: Address;
  /** The socket that clients come to. */
  readonly inlet: Inlet | undefined;
  /** The code of a private room. */
  readonly code: string | undefined;
  /** Nonces and ports of clients so far. */
  readonly seen: Set<bigint | string>;
}

/** One exchange, for one rule. */
export class Trial implements Disposable {
  readonly passages: Passage[] = [];
  /** All datagrams of the peer. */
  readonly history: Arrival[] = [];
  /** The sessions to leave at the end. */
  readonly visits: { leave(): Promise<void> }[] = [];
  /** The packet that had to come when the rule was broken. */
  expected: string | undefined;
  readonly random: () => number;
  readonly bench: Bench;
  /** The peer's address, once a client has come. */
  peer: Address;
  readonly #startedAt = performance.now();
  readonly #screenStart: number;
  readonly #inlets: Inlet[];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #ways: Record<"outward" | "inward", Network<unknown>> | undefined;
  #inbox: Arrival[] = [];
  #wake = () => {};

  constructor(bench: Bench) {
    [this.bench, this.peer, this.random] = [bench, bench.server, seededRandom(bench.seed)];
    this.#screenStart = bench.screen.text.length;
    this.#inlets = bench.inlet === undefined ? [] : [bench.inlet];
    if (bench.inlet === undefined) return;
    bench.inlet.onArrival = () => this.#take();
    // Late packets of earlier clients are of no interest; a new client may have come early.
    for (const [datagram, from] of bench.inlet.take()) {
      if (readHeader(datagram)?.type !== "message") this.#arrive(datagram, from, 0);
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const inlet of this.#inlets) {
      inlet.onArrival = () => {};
      if (inlet !== this.bench.inlet) inlet[Symbol.dispose]();
    }
  }

  /** The datagrams that came and were not taken. */
  get arrivals(): readonly Arrival[] {
    return this.#inbox;
  }

  /** Holds if all datagrams of the peer are packets. */
  demandPackets(cause: string): void {
    this.demand(this.history.every(({ packet }) => packet !== undefined), cause);
  }

  /** An unpredictable id: the peer may remember those of earlier exchanges. */
  id(): bigint {
    return crypto.getRandomValues(new BigUint64Array(1))[0]!;
  }

  /** From here on the network is bad, both ways. */
  spoil(conditions: NetworkConditions): void {
    this.#ways = bothWays(conditions, this.bench.seed);
  }

  /** Sends a packet or any bytes, from a socket of its own for each `via`. */
  send(packet: PacketFields | Uint8Array, via = 0): void {
    const datagram = packet instanceof Uint8Array ? packet : encode(packet);
    const { peer } = this;
    while (this.#inlets.length <= via) {
      const inlet = new Inlet({
        hostname: peer.hostname.includes(":") ? "::" : "0.0.0.0",
        port: 0,
      });
      inlet.onArrival = () => this.#take();
      this.#inlets.push(inlet);
    }
    const lost = this.#carry("outward", () => this.#inlets[via]!.send(datagram, peer));
    this.#note("tester", datagram, lost);
  }

  /** The first arrival that is wanted, left where it is; `undefined` if none comes in time. */
  async peek(wanted: Wanted, ms: number): Promise<Arrival | undefined> {
    const until = performance.now() + ms;
    const is = finderOf(wanted);
    while (true) {
      if (this.history.length >= MAX_ARRIVALS) this.fail("envía datagramas sin parar");
      const isLate = performance.now() > this.#startedAt + MAX_TRIAL_MS;
      if (isLate) this.fail("el intercambio no termina");
      const found = this.#inbox.find(is);
      const rest = until - performance.now();
      if (found !== undefined || rest <= 0) return found;
      let timer;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, rest);
      });
      clearTimeout(timer);
    }
  }

  /** The same, taken out. */
  async poll(wanted: Wanted, ms: number): Promise<Arrival | undefined> {
    const arrival = await this.peek(wanted, ms);
    this.clear((it) => it === arrival);
    return arrival;
  }

  /** An arrival that has to come, left where it is. */
  async sees(wanted: Wanted, cause: string, expected?: string, ms = DEADLINE_MS): Promise<Arrival> {
    return await this.peek(wanted, ms) ?? this.fail(cause, expected);
  }

  /** The packet that has to come next, taken out. */
  async take(
    wanted: string | Partial<Packet>,
    cause?: string,
    ms = DEADLINE_MS,
  ): Promise<Arrival & { packet: Packet }> {
    const arrival = await this.poll(wanted, ms);
    if (arrival !== undefined) return arrival as Arrival & { packet: Packet };
    const expected = typeof wanted === "string" ? wanted : describe(wanted);
    const hasLeft = this.#inbox.some(finderOf("BYE, motivo 0"));
    if (hasLeft && expected.startsWith("MESSAGE") && this.bench.role === "client") {
      throw new Unchecked("el cliente se despidió: hacen falta las preguntas de --preguntas");
    }
    this.fail(cause ?? `no llega ${expected}`, expected);
  }

  /** Holds if nothing such comes. */
  async never(unwanted: Wanted, ms: number, cause: string): Promise<void> {
    this.demand(await this.peek(unwanted, ms) === undefined, cause, "nada");
  }

  /** Lets time pass. */
  async rest(ms: number): Promise<void> {
    await this.peek(() => false, ms);
  }

  /** Lets time pass, and forgets what came. */
  async forget(ms: number): Promise<void> {
    await this.rest(ms);
    this.clear();
  }

  /** Forgets what came so far, or a part of it. */
  clear(isPast: (arrival: Arrival) => boolean = () => true): void {
    this.#inbox = this.#inbox.filter((arrival) => !isPast(arrival));
  }

  /** @throws {Fault} If something does not hold. */
  demand(holds: boolean, cause: string, expected?: string): void {
    if (!holds) this.fail(cause, expected);
  }

  /** @throws {Fault} */
  fail(cause: string, expected?: string): never {
    this.expected = expected;
    throw new Fault(cause);
  }

  /** How often the peer's program showed a text since the exchange began, once it was shown `least` times. */
  async shown(text: string, least = 1): Promise<number> {
    const { screen } = this.bench;
    const count = () => screen.text.slice(this.#screenStart).split(text).length - 1;
    for (let waited = 0; screen.isPiped && count() < least && waited < DEADLINE_MS; waited += 50) {
      await this.rest(50);
    }
    if (screen.text === "") {
      throw new Unchecked("lo que muestra no llega al probador por una tubería");
    }
    await this.rest(200);
    return count();
  }

  #take(): void {
    for (const [via, inlet] of this.#inlets.entries()) {
      for (const [datagram, from] of inlet.take()) {
        if (this.history.length >= MAX_ARRIVALS) continue;
        const lost = this.#carry("inward", () => this.#arrive(datagram, from, via));
        this.#note("peer", datagram, lost);
      }
    }
  }

  #arrive(datagram: Uint8Array, from: Deno.NetAddr, via: number): void {
    const arrival = { at: performance.now(), datagram, packet: decode(datagram), from, via };
    this.history.push(arrival);
    this.#inbox.push(arrival);
    this.#wake();
  }

  /** Passes something on as the network likes, and tells whether that loses it. */
  #carry(way: "outward" | "inward", deliver: () => void): boolean {
    const now = performance.now();
    const arrivals = this.#ways?.[way].send(undefined, now).arrivals;
    if (arrivals === undefined) deliver();
    for (const at of arrivals ?? []) this.#timers.add(setTimeout(deliver, at - now));
    return arrivals?.length === 0;
  }

  #note(by: Passage["by"], datagram: Uint8Array, lost: boolean): void {
    const packet = decode(datagram);
    const text = packet === undefined ? describeBytes(datagram) : describe(packet);
    const at = Math.round(10 * (performance.now() - this.#startedAt)) / 10;
    this.passages.push({ at, by, text, datagram, lost });
  }
}

const NAMES = new Map(Object.entries({ intento: "attempt", eco: "echo", segmento: "segment" }))
  .set("último", "lastSegment");

/** The fields of a packet as people write it, as `ACK 2, eco 1` or `BYE, motivo 0`. */
export function fieldsOf(text: string): Partial<Packet> {
  const [head = "", ...words] = text.split(", ");
  const [type = "", number] = head.split(" ");
  const fields = words.map((it) => it.split(" ")).map(([word = "", value]) =>
    word === "motivo" ? ["payload", Uint8Array.of(Number(value))] : [NAMES.get(word), Number(value)]
  );
  if (number !== undefined) fields.push(["number", Number(number)]);
  return { type: type.toLowerCase() as PacketType, ...Object.fromEntries(fields) };
}

/** Tells whether an arrival is wanted. */
function finderOf(wanted: Wanted): (arrival: Arrival) => boolean {
  if (typeof wanted === "function") return wanted;
  const fields = Object.entries(typeof wanted === "string" ? fieldsOf(wanted) : wanted);
  return ({ packet }) =>
    packet !== undefined && fields.every(([name, value]) => {
      const found = packet[name as keyof Packet];
      return found instanceof Uint8Array ? found.join() === String(value) : found === value;
    });
}

/** A packet, or the fields that it has to have, as people read them. */
function describe(packet: Partial<Packet>): string {
  const { type = "", attempt = 0, echo = 0, segment, payload } = packet;
  const isWhole = packet.ackDelay !== undefined;
  const number = isWhole ? describeNumber({ ...packet as Packet, hasToken: false }) : packet.number;
  const parts = [`${type.toUpperCase()} ${number ?? ""}`.trimEnd()];
  if (attempt > 0) parts.push(`intento ${attempt}`);
  if (echo > 0) parts.push(`eco ${echo}`);
  if (segment !== undefined && !isWhole) parts.push(`segmento ${segment}`);
  const isReason = payload?.length === 1 && (type === "bye" || type === "refuse");
  if (isReason) parts.push(`motivo ${payload[0]}`);
  else if (payload?.length) parts.push(`${payload.length} bytes`);
  return parts.join(", ");
}

function describeBytes(datagram: Uint8Array): string {
  const text = new TextDecoder().decode(datagram.subarray(0, 40)).replace(/[^ -~¡-ÿ]/g, "·");
  return `${datagram.length} bytes que no son un paquete: «${text}»`;
}
