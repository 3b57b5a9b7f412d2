/**
 * Many clients in one process and behind one socket, with as little code as will do, so that the
 * server is what is measured: the one of the door (`ours`), or a raw echo (`raw`).
 *
 * In a closed loop a client asks again as soon as it is answered. A server's socket keeps about 256
 * small datagrams, so most of what a large crowd asks at once would be lost: no more than
 * {@linkcode MAX_IN_FLIGHT} questions are under way, and the others wait in line here, as they would
 * wait in a network with room for them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  decode,
  decodeWelcome,
  encode,
  encodeFor,
  encodeHello,
} from "../transport/reliable/packet.ts";
import { HEADER_BYTES, idHigh, idLow } from "../transport/reliable/packet.ts";
import type { Packet, PacketFields } from "../transport/reliable/packet.ts";
import { obey } from "./orders.ts";

/** Questions that are under way at once: half of what an unread socket keeps. */
export const MAX_IN_FLIGHT = 128;

/** Part of them down to which they may fall before more are sent. */
const REFILL_PART = 3 / 4;

/** Figures of a closed loop. */
export interface Loop {
  /** Turns a second. */
  readonly rate: number;
  /** Datagrams that were sent again, because nothing came back. */
  readonly resent: number;
  /** Datagrams that came and were not awaited. */
  readonly stray: number;
}

/** Clients that send in turn: how often, and for how long. */
export interface Pace {
  readonly clients: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** One exchange of the whole crowd, and how its replies are told apart. */
interface Exchange {
  /** Writes what a client sends, for the first time or again, and gives it back. */
  request(client: number, out: Uint8Array): Uint8Array;
  /** The client that waits for it; a negative number if there is none. */
  reply(datagram: Uint8Array): number;
}

/** A crowd that can be told what to do. */
interface Crowd {
  /** Gets more clients through to the server, and has each ask once. */
  connect(clients: number): Promise<Loop>;
  /** Takes turns in a closed loop. */
  ask(turns: number): Promise<Loop>;
  /** Acknowledges the answers of the loop, which does not go on at once. */
  acknowledge(): Promise<void>;
  /** Keeps the clients alive; returns how many replies came. */
  ping(pace: Pace): Promise<number>;
}

const MAX_CLIENTS = 100_000;
const QUESTION_BYTES = 64;
const IDLE_TIMEOUT_MS = 86_400_000;

/** A pause after which a datagram is taken for lost, in ms: far longer than any queue here. */
const LOST_AFTER_MS = 250;

/** Far more than any loop takes, in ms: reached only by a defect. */
const PATIENCE_MS = 100_000;

/** Acknowledgements for which a socket surely has room. */
const ACK_BATCH = 64;

/** Offsets of the fields that change from turn to turn; the door draws them all. */
const AT = { type: 4, attempt: 5, echo: 6, idHigh: 8, idLow: 12, number: 16 } as const;

const PAYLOAD = new Uint8Array(QUESTION_BYTES).fill("x".charCodeAt(0));
const QUESTION = encode({ type: "message", id: 0n, payload: PAYLOAD });

/** Clients that wait for their turn. */
class Line {
  readonly #ring: Uint32Array;
  #first = 0;
  length = 0;

  constructor(room: number) {
    this.#ring = new Uint32Array(room);
  }

  push(client: number): void {
    this.#ring[(this.#first + this.length++) % this.#ring.length] = client;
  }

  shift(): number {
    const client = this.#ring[this.#first]!;
    this.#first = (this.#first + 1) % this.#ring.length;
    this.length--;
    return client;
  }

  *[Symbol.iterator](): Generator<number> {
    const { length } = this.#ring;
    for (let i = 0; i < this.length; i++) yield this.#ring[(this.#first + i) % length]!;
  }
}

/** The socket of a crowd. */
class CrowdSocket {
  readonly #server: Deno.NetAddr;
  readonly #socket: Deno.DatagramConn;
  readonly #in = new Uint8Array(2048);
  readonly #out = new Uint8Array(2048);
  readonly #outAgain = new Uint8Array(2048);

  constructor(port: number) {
    const place = { transport: "udp", hostname: "127.0.0.1" } as const;
    this.#server = { ...place, port };
    this.#socket = Deno.listenDatagram({ ...place, port: 0 });
  }

  async send(datagram: Uint8Array): Promise<void> {
    await this.#socket.send(datagram, this.#server);
  }

  /** Exchanges until `count` replies are there; a client that has one goes to the end of the line. */
  async loop(exchange: Exchange, line: Line, turns: number): Promise<Loop> {
    const sentAt = new Map<number, number>();
    const count = { resent: 0, stray: 0 };
    const start = performance.now();
    const timer = setInterval(async () => {
      const now = performance.now();
      if (now - start > PATIENCE_MS) this.#socket.close();
      // In order of time, because what is sent again goes to the end.
      for (const [client, at] of sentAt) {
        if (at + LOST_AFTER_MS > now) break;
        sentAt.delete(client);
        sentAt.set(client, now);
        count.resent++;
        await this.send(exchange.request(client, this.#outAgain));
      }
    }, LOST_AFTER_MS / 2);
    // A few at a time: a server that sleeps between any two would have to be woken for each.
    const few = Math.min(MAX_IN_FLIGHT, line.length) * REFILL_PART;
    for (let begun = 0, done = 0; done < turns;) {
      const most = sentAt.size <= few ? MAX_IN_FLIGHT : 0;
      while (begun < turns && line.length > 0 && sentAt.size < most) {
        const client = line.shift();
        begun++;
        sentAt.set(client, performance.now());
        await this.send(exchange.request(client, this.#out));
      }
      const client = await this.#reply(exchange);
      if (sentAt.delete(client)) {
        done++;
        line.push(client);
      } else {
        count.stray++;
      }
    }
    clearInterval(timer);
    return { rate: 1000 * turns / (performance.now() - start), ...count };
  }

  /** Sends at a steady pace; returns how many replies came. */
  async pace(exchange: Exchange, { clients, perSecond, seconds }: Pace): Promise<number> {
    const total = Math.round(perSecond * seconds);
    let replies = 0;
    let isOver = false;
    const receiving = (async () => {
      while (!isOver) if (await this.#reply(exchange) >= 0) replies++;
    })();
    const start = performance.now();
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, perSecond * (performance.now() - start) / 1000);
      for (; sent < due; sent++) await this.send(exchange.request(sent % clients, this.#out));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The reply to one more ends the receiving.
    isOver = true;
    await this.send(exchange.request(0, this.#out));
    await receiving;
    return replies;
  }

  async #reply(exchange: Exchange): Promise<number> {
    const [datagram] = await this.#socket.receive(this.#in);
    return exchange.reply(datagram);
  }
}

class RawCrowd implements Crowd {
  readonly #socket: CrowdSocket;
  readonly #line = new Line(MAX_CLIENTS);

  constructor(port: number) {
    this.#socket = new CrowdSocket(port);
  }

  connect(clients: number): Promise<Loop> {
    for (let client = 0; client < clients; client++) this.#line.push(client);
    return this.ask(clients);
  }

  ask(turns: number): Promise<Loop> {
    return this.#socket.loop(echo(QUESTION_BYTES), this.#line, turns);
  }

  acknowledge(): Promise<void> {
    return Promise.resolve();
  }

  ping(pace: Pace): Promise<number> {
    return this.#socket.pace(echo(HEADER_BYTES), pace);
  }
}

function echo(bytes: number): Exchange {
  return {
    request(client, out) {
      writeClient(out, 0, client);
      return out.subarray(0, bytes);
    },
    reply: (datagram) => datagram.length === bytes ? readClient(datagram, 0) : -1,
  };
}

class OurCrowd implements Crowd {
  readonly #socket: CrowdSocket;
  // A handshake's nonce is its client's number under some bits of chance.
  readonly #nonces = crypto.getRandomValues(new BigUint64Array(1))[0]! >> 32n << 32n;
  readonly #line = new Line(MAX_CLIENTS);
  // In halves, of which no number has to be made for each turn.
  readonly #idHighs = new Uint32Array(MAX_CLIENTS);
  readonly #idLows = new Uint32Array(MAX_CLIENTS);
  /** Of the last message: odd for a question. */
  readonly #numbers = new Uint32Array(MAX_CLIENTS);
  readonly #attempts = new Uint8Array(MAX_CLIENTS);
  readonly #pings = new Uint16Array(MAX_CLIENTS);
  /** The attempt of the packet that was heard last, for the next to echo. */
  readonly #heard = new Uint8Array(MAX_CLIENTS);
  readonly #owesAck = new Uint8Array(MAX_CLIENTS);

  constructor(port: number) {
    this.#socket = new CrowdSocket(port);
  }

  async connect(clients: number): Promise<Loop> {
    const added = new Line(clients);
    const tokens: Uint8Array[] = [];
    const end = this.#line.length + clients;
    for (let client = this.#line.length; client < end; client++) added.push(client);
    const retry = this.#greeting("retry", tokens, (client, { payload }) => {
      tokens[client] = payload.slice();
    });
    const welcome = this.#greeting("welcome", tokens, (client, { payload, attempt }) => {
      const { sessionId } = decodeWelcome(payload);
      this.#idHighs[client] = idHigh(sessionId);
      this.#idLows[client] = idLow(sessionId);
      this.#heard[client] = attempt;
    });
    await this.#socket.loop(retry, added, clients);
    // No client asks before all are welcome: so the server measures round trips as long as those of a
    // crowd of this size will be, and does not take for lost what only waits in line.
    await this.#socket.loop(welcome, added, clients);
    const first = await this.#socket.loop(this.#asking(), added, clients);
    for (const client of added) this.#line.push(client);
    await this.acknowledge();
    return first;
  }

  ask(turns: number): Promise<Loop> {
    return this.#socket.loop(this.#asking(), this.#line, turns);
  }

  ping(pace: Pace): Promise<number> {
    return this.#socket.pace(this.#pinging(), pace);
  }

  #encode(client: number, packet: Omit<PacketFields, "id">): Uint8Array {
    return encodeFor(this.#idHighs[client]!, this.#idLows[client]!, packet);
  }

  async acknowledge(): Promise<void> {
    let acks = 0;
    for (const client of this.#line) {
      if (this.#owesAck[client] === 0) continue;
      this.#owesAck[client] = 0;
      const [number, echo] = [this.#numbers[client]!, this.#heard[client]!];
      await this.#socket.send(this.#encode(client, { type: "ack", number, echo }));
      if (++acks % ACK_BATCH !== 0) continue;
      const one = new Line(1);
      one.push(client);
      await this.#socket.loop(this.#pinging(), one, 1);
    }
  }

  #greeting(
    type: "retry" | "welcome",
    tokens: readonly Uint8Array[],
    take: (client: number, packet: Packet) => void,
  ): Exchange {
    const nothing = new Uint8Array(0);
    return {
      request: (client) => {
        const id = this.#nonces + BigInt(client);
        const token = tokens[client] ?? nothing;
        const payload = encodeHello({ idleTimeout: IDLE_TIMEOUT_MS, token, keyShare: nothing });
        return encode({ type: "hello", id, attempt: 1, payload });
      },
      reply: (datagram) => {
        const packet = decode(datagram);
        if (packet?.type !== type) return -1;
        const client = Number(packet.id - this.#nonces);
        take(client, packet);
        return client;
      },
    };
  }

  #asking(): Exchange {
    return {
      request: (client, out) => {
        if (this.#numbers[client]! % 2 === 0) {
          this.#numbers[client]!++;
          this.#attempts[client] = 0;
        }
        this.#owesAck[client] = 0;
        const datagram = writeQuestion(out, {
          idHigh: this.#idHighs[client]!,
          idLow: this.#idLows[client]!,
          number: this.#numbers[client]!,
          attempt: ++this.#attempts[client]!,
          echo: this.#heard[client]!,
        });
        writeClient(datagram, HEADER_BYTES, client);
        return datagram;
      },
      reply: (datagram) => {
        if (datagram.length !== QUESTION.length) return -1;
        const view = new DataView(datagram.buffer);
        const client = readClient(datagram, HEADER_BYTES);
        const isAwaited = client < MAX_CLIENTS && view.getUint8(AT.type) === QUESTION[AT.type] &&
          view.getUint32(AT.idHigh) === this.#idHighs[client] &&
          view.getUint32(AT.idLow) === this.#idLows[client] &&
          view.getUint32(AT.number) === this.#numbers[client]! + 1;
        if (!isAwaited) return -1;
        this.#numbers[client]!++;
        this.#heard[client] = view.getUint8(AT.attempt);
        this.#owesAck[client] = 1;
        return client;
      },
    };
  }

  #pinging(): Exchange {
    return {
      request: (client) => {
        // A ping with the number of an earlier one is a repeat, which draws few replies.
        const number = ++this.#pings[client]! * MAX_CLIENTS + client;
        return this.#encode(client, { type: "ping", number, attempt: 1 });
      },
      reply: (datagram) => {
        const packet = decode(datagram);
        return packet?.type === "pong" ? packet.number % MAX_CLIENTS : -1;
      },
    };
  }
}

interface QuestionFields extends Pick<Packet, "number" | "attempt" | "echo"> {
  readonly idHigh: number;
  readonly idLow: number;
}

// Building each question anew, as `encode` does, would make the crowd slower than some servers.
function writeQuestion(out: Uint8Array, fields: QuestionFields): Uint8Array {
  out.set(QUESTION);
  const view = new DataView(out.buffer);
  view.setUint8(AT.attempt, fields.attempt);
  view.setUint8(AT.echo, fields.echo);
  view.setUint32(AT.idHigh, fields.idHigh);
  view.setUint32(AT.idLow, fields.idLow);
  view.setUint32(AT.number, fields.number);
  return out.subarray(0, QUESTION.length);
}

function checkLayout(): void {
  const fields = { number: 2, attempt: 3, echo: 4 };
  const id = { idHigh: 5, idLow: 6 };
  const written = writeQuestion(new Uint8Array(QUESTION.length), { ...fields, ...id });
  const encoded = encode({ type: "message", id: 0x5_0000_0006n, payload: PAYLOAD, ...fields });
  assertEquals(written, encoded);
}

const CLIENT_DIGITS = 4;
const DIGIT_BITS = 6;
const FIRST_DIGIT = "0".charCodeAt(0);

// In characters, because the server takes messages for text.
function writeClient(out: Uint8Array, at: number, client: number): void {
  for (let i = 0; i < CLIENT_DIGITS; i++) {
    out[at + i] = FIRST_DIGIT + (client >> (DIGIT_BITS * i) & (1 << DIGIT_BITS) - 1);
  }
}

function readClient(datagram: Uint8Array, at: number): number {
  let client = 0;
  for (let i = 0; i < CLIENT_DIGITS; i++) {
    client += (datagram[at + i]! - FIRST_DIGIT) << (DIGIT_BITS * i);
  }
  return client;
}

if (import.meta.main) {
  checkLayout();
  let crowd: Crowd;
  await obey({
    start: (port: number) => {
      crowd = Deno.args[0] === "raw" ? new RawCrowd(port) : new OurCrowd(port);
    },
    connect: (clients: number) => crowd.connect(clients),
    ask: (turns: number) => crowd.ask(turns),
    acknowledge: () => crowd.acknowledge(),
    ping: (pace: Pace) => crowd.ping(pace),
  });
}
