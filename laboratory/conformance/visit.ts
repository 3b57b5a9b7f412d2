/**
 * A conversation that the tester holds with the peer by hand, packet by packet, from either end.
 *
 * @module
 */
import { concat, decodeText, EMPTY, encodeText } from "../../transport/bytes.ts";
import { encodeHello, encodeWelcome, MAX_SEGMENT_BYTES } from "../../transport/reliable/packet.ts";
import { nameLength, type Packet, type PacketFields } from "../../transport/reliable/packet.ts";
import { type Arrival, DEADLINE_MS, fieldsOf, type Trial } from "./trial.ts";
import { Unchecked, type Wanted } from "./trial.ts";

/** Time for somebody's client to start once more, in ms. */
const START_MS = 15_000;

/** The questions that a tested client is to ask, one a line: the third is longer than a window of segments. */
export const QUESTIONS: readonly string[] = [
  "¿Pregunta 1 de España?",
  "¿Pregunta 2?",
  `¿Pregunta 3? ${"ñandú ".repeat(1_700)}`.trimEnd(),
  ...["¿Pregunta 4?", "¿Pregunta 5?", "¿Pregunta 6?"],
];

type Length = "short" | "long" | "any";

/** How a visit begins. */
export interface VisitOptions {
  /** The idle timeout to propose, in ms. */
  readonly idle?: number;
  /** Whether the peer cannot measure the round trip, so that it waits as long as it may at first. */
  readonly isVague?: boolean;
  /** The socket. */
  readonly via?: number;
}

/** A session with the peer. */
export class Visit {
  /** The number of the next message, of either end. */
  next = 1;
  /** The messages of the peer. */
  readonly heard: string[] = [];
  readonly trial: Trial;
  readonly id: bigint;
  readonly #options: VisitOptions;
  #echo: number;
  #pings = 1_000;

  constructor(trial: Trial, id: bigint, echo: number, options: VisitOptions) {
    [this.trial, this.id, this.#echo, this.#options] = [trial, id, echo, options];
    trial.visits.push(this);
  }

  /** Whether the tester is to speak. */
  get isOurs(): boolean {
    return (this.next % 2 === 1) === (this.trial.bench.role === "server");
  }

  /** The reason with which this end says bye. */
  get bye(): number {
    return this.trial.bench.role === "server" ? 0 : 1;
  }

  /** Sends a packet of this session, as `PING 7, intento 1`. */
  send(text: string, payload?: Uint8Array, via: number = this.#options.via ?? 0): void {
    const vague = this.#options.isVague ? { echo: 0, ackDelay: 255 } : {};
    const fields = { ...fieldsOf(text), ...payload && { payload }, ...vague, id: this.id };
    this.trial.send(fields as PacketFields, via);
  }

  /** The packet of this session that has to come next. */
  take(wanted: string | Partial<Packet>, cause?: string, ms?: number): ReturnType<Trial["take"]> {
    const fields = typeof wanted === "string" ? fieldsOf(wanted) : wanted;
    return this.trial.take({ ...fields, id: this.id }, cause, ms);
  }

  /** A condition: packets of this session of a type. */
  packets(type: string | RegExp, is: (packet: Packet) => boolean = () => true) {
    const isType = (it: string) => typeof type === "string" ? it === type : type.test(it);
    return ({ packet }: Arrival): boolean =>
      packet?.id === this.id && isType(packet.type) && is(packet);
  }

  /** Comes to where the tester speaks; returns the number of that message. */
  async toSpeak(): Promise<number> {
    while (!this.isOurs) await this.hear();
    return this.next;
  }

  /** Comes to a message of the peer, and leaves it unacknowledged. */
  async toHear(length: Length): Promise<Packet> {
    for (let turns = 0; turns < 24; turns++) {
      if (this.isOurs) await this.tell();
      const isNext = this.packets("message", (it) => it.number === this.next);
      const { packet } = await this.trial.peek(isNext, DEADLINE_MS) ??
        await this.take(`MESSAGE ${this.next}`, undefined, 0);
      if (length === "any" || (packet!.lastSegment > 0) === (length === "long")) return packet!;
      await this.hear();
    }
    const asked = length === "long" ? "más largo" : "más corto";
    throw new Unchecked(`hace falta un mensaje ${asked}: vea --ayuda`);
  }

  /** Hears and acknowledges the whole message of the peer. */
  async hear(): Promise<string> {
    const parts: Uint8Array[] = [];
    for (let last = Infinity; Object.keys(parts).length <= last;) {
      const { packet } = await this.take(`MESSAGE ${this.next}`);
      this.acknowledge(packet);
      this.#echo = packet.attempt;
      last = packet.lastSegment;
      parts[packet.segment] = packet.payload.slice(packet.segment === 0 ? nameLength(packet) : 0);
    }
    const cause = `el mensaje ${this.next++} no es UTF-8`;
    const text = decodeText(concat(parts)) ?? this.trial.fail(cause);
    this.heard.push(text);
    return text;
  }

  acknowledge({ number, segment, attempt }: Packet): void {
    this.send(`ACK ${number}, segmento ${segment}, eco ${attempt}`);
  }

  /** Sends the next message of the tester, or another, once; its segments in an order. */
  say(text: string, { number = this.next, attempt = 1, order, via }: {
    readonly number?: number;
    readonly attempt?: number;
    readonly order?: readonly number[] | undefined;
    readonly via?: number;
  } = {}): void {
    const payload = encodeText(text);
    const last = Math.max(0, Math.ceil(payload.length / MAX_SEGMENT_BYTES) - 1);
    for (const segment of order ?? Array.from({ length: last + 1 }, (_, i) => i)) {
      const part = payload.subarray(segment * MAX_SEGMENT_BYTES, (segment + 1) * MAX_SEGMENT_BYTES);
      const place = `segmento ${segment}, último ${last}`;
      this.send(`MESSAGE ${number}, intento ${attempt}, eco ${this.#echo}, ${place}`, part, via);
    }
  }

  /** Whether a packet tells that the peer has a message: it acknowledges it, or goes on. */
  has = (number: number) => (it: Packet): boolean =>
    it.type === "ack" && it.number === number || it.type === "message" && it.number === number + 1;

  /** Says something that the peer has to take, and sends it again if it must. */
  async tell(text: string = this.word(), order?: readonly number[]): Promise<void> {
    const number = this.next;
    for (let attempt = 1; attempt <= 3; attempt++) {
      this.say(text, { attempt, order });
      if (await this.trial.peek(this.packets(/./, this.has(number)), 2_000) === undefined) continue;
      this.next++;
      return;
    }
    this.trial.fail(`no acusa el mensaje ${number}`, `ACK ${number} o MESSAGE ${number + 1}`);
  }

  /** A text of 12 bytes that was not there before. */
  word(): string {
    const letters = Array.from({ length: 9 }, () => Math.floor(26 * Math.random()) + 97);
    return `ñ${String.fromCharCode(...letters)}?`;
  }

  /** Asks for a sign of life. */
  async ping(number: number, attempt = 1, cause?: string): Promise<void> {
    this.send(`PING ${number}, intento ${attempt}`);
    await this.take(`PONG ${number}, eco ${attempt}`, cause);
  }

  /** Waits until the peer has read all that was sent, and forgets what came before, but its next message. */
  async settle(cause?: string): Promise<void> {
    await this.ping(++this.#pings, 1, cause);
    this.trial.clear(({ packet }) => packet?.number !== this.next);
  }

  /** Holds if a message is not sent again. */
  async isDone(number: number, cause: string): Promise<void> {
    await this.settle();
    await this.trial.never(`MESSAGE ${number}`, 1_500, cause);
  }

  /** The segments of messages that came and were not taken. */
  segments(): Set<number> {
    const arrivals = this.trial.arrivals.filter(this.packets("message"));
    return new Set(arrivals.map(({ packet }) => packet!.segment));
  }

  /** Goes on for some messages, of either end. */
  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await (this.isOurs ? this.tell() : this.hear());
  }

  /** Says bye, and confirms the peer's. */
  async leave(): Promise<void> {
    for (let attempt = 1; attempt <= 3; attempt++) {
      this.send(`BYE, intento ${attempt}, motivo ${this.bye}`);
      const last = await this.trial.poll(this.packets(/^bye/), 400);
      if (last?.packet?.type === "bye") this.send("BYE-ACK");
      if (last !== undefined) return;
    }
  }
}

type Play<T> = (visit: Visit, start: T, trial: Trial) => Promise<void>;

/** A play in which the tester speaks first, with the number of that message. */
export function speaking(play: Play<number>, options?: VisitOptions) {
  return async (trial: Trial): Promise<void> => {
    const visit = await meet(trial, options);
    await play(visit, await visit.toSpeak(), trial);
  };
}

/** A play that begins with a message of the peer, which is not acknowledged yet. */
export function hearing(length: Length, play: Play<Packet>, options?: VisitOptions) {
  return async (trial: Trial): Promise<void> => {
    const visit = await meet(trial, options);
    await play(visit, await visit.toHear(length), trial);
  };
}

/** Begins a session with the peer: connects to a server, or waits for a client. */
export async function meet(trial: Trial, options: VisitOptions = {}): Promise<Visit> {
  if (trial.bench.role === "client") return admit(trial, (await nextHello(trial)).packet, options);
  const { idle = 75_000, via = 0, isVague } = options;
  const nonce = trial.id();
  let token: Uint8Array = EMPTY;
  for (let attempt = 1; attempt <= 4; attempt++) {
    const payload = encodeHello({ idleTimeout: idle, token, keyShare: EMPTY });
    trial.send({ type: "hello", id: nonce, attempt, payload }, via);
    const { packet } = await trial.poll(({ packet }) => packet?.id === nonce, 2_000) ?? {};
    if (packet?.type === "refuse") trial.fail(`rechaza la conexión: motivo ${packet.payload[0]}`);
    if (packet?.type === "retry") token = packet.payload.slice();
    if (packet?.type !== "welcome") continue;
    const id = new DataView(packet.payload.slice().buffer).getBigUint64(0);
    const visit = new Visit(trial, id, isVague ? 0 : packet.attempt, options);
    visit.send(`ACK 0, eco ${packet.attempt}`);
    return visit;
  }
  trial.fail("no contesta al HELLO", "WELCOME con el número al azar del HELLO");
}

/** The HELLO of the next client. */
export async function nextHello(trial: Trial): Promise<Arrival & { packet: Packet }> {
  const { seen } = trial.bench;
  const isNew: Wanted = ({ packet, from }) =>
    packet?.type === "hello" && !(seen.has(packet.id) && seen.has(`${from.port}`));
  const cause = "no llega ningún HELLO: ¿se repite la orden del cliente?";
  const hello = await trial.sees(isNew, cause, "HELLO", START_MS);
  trial.clear((it) => it === hello);
  seen.add(hello.packet!.id).add(`${hello.from.port}`);
  trial.peer = hello.from;
  return hello as Arrival & { packet: Packet };
}

/** Opens a session for a client. */
export function admit(trial: Trial, hello: Packet, options: VisitOptions = {}): Visit {
  const { idle = 75_000, isVague } = options;
  const id = trial.id();
  const payload = encodeWelcome({ sessionId: id, idleTimeout: idle, keyShare: EMPTY });
  const echo = isVague ? 0 : hello.attempt;
  trial.send({ type: "welcome", id: hello.id, attempt: 1, echo, payload });
  return new Visit(trial, id, 0, options);
}
