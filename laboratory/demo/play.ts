/**
 * A conversation from its beginning on, on a virtual clock: both real ends, the people at them, and a
 * network that obeys whoever watches. It is played for the demonstration and for the page in a browser.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { causeOf, refusalOf } from "../cause.ts";
import { bothWays, type NetworkConditions } from "../network.ts";
import { isKeepalive, type Observation, Observer } from "../observation.ts";
import { seededBytes, seededRandom } from "../random.ts";
import { type Flight, type SimulatedHost, World } from "../world.ts";
import { isBye, type TurnState } from "../../protocol.ts";
import { encodeText } from "../../transport/bytes.ts";
import type { AskingEndpoint } from "../../transport/client.ts";
import {
  type Address,
  Counters,
  type Endpoint,
  type Inspection,
} from "../../transport/endpoint.ts";
import { PlainAnswerer } from "../../transport/plain/plain_answerer.ts";
import { ANSWER_TIMEOUT_MS, PlainAsker } from "../../transport/plain/plain_asker.ts";
import type { Sodium } from "../../transport/private/cpace.ts";
import { privateRoom } from "../../transport/private/private_room.ts";
import { CONNECT_TIMEOUT_MS, Dialer, type DialerEvent } from "../../transport/reliable/dialer.ts";
import { Listener, type ListenerEvent } from "../../transport/reliable/listener.ts";
import { readHeader } from "../../transport/reliable/packet.ts";
import { OPEN_ROOM, type Room } from "../../transport/reliable/seal.ts";
import { IDLE_TIMEOUT_MS } from "../../transport/reliable/session.ts";
import type { AnsweringEndpoint, Peer } from "../../transport/server.ts";

/** An end of the conversation. */
export type Side = "client" | "server";

/** The carrier of a conversation: this protocol, UDP alone, or a private room. */
export type PlayKind = "protected" | "plain" | "private";

/** An act of the watcher, and its time, in whole ms: after everything else of that moment. */
export type Action =
  & { readonly at: number }
  & (
    /** To a datagram in flight, by its index, in the conversation with that lane. */
    | { readonly type: "lose" | "duplicate"; readonly lane: number; readonly index: number }
    | { readonly type: "delay"; readonly lane: number; readonly index: number; readonly by: number }
    /** As the people of every lane. */
    | { readonly type: "ask" | "answer"; readonly text: string }
    | { readonly type: "restart" }
  );

/** A question, and the answer to it. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
}

/** The original conversation. */
export const ORIGINAL: readonly Exchange[] = [
  { question: "¿HTML es un lenguaje de programacion?", answer: "NOOOOO" },
];

/** How a {@linkcode Play} is. */
export interface PlayOptions {
  readonly kind: PlayKind;
  readonly seed: number;
  readonly conditions: NetworkConditions;
  /** The lines that the people say by themselves, and then bye; with `undefined` they wait for actions. */
  readonly script: readonly Exchange[] | undefined;
  /** Time to type a line, in ms. */
  readonly pace: number;
  /** Those for this conversation, in order; by default none. */
  readonly actions?: readonly Action[];
  /** Whether the datagram at a place, counted from 1 without keepalives, is lost in any case. */
  readonly isDropped?: (order: number) => boolean;
  /** libsodium, for a private room. */
  readonly sodium?: Sodium | undefined;
}

/** The events, in order: a line of the transcript, a datagram, or what else an end tells. */
export type Scene = Told | Crossing;

/** A line that an end shows its people, or why it refused a datagram. */
export interface Told {
  readonly type: "line" | "notice" | "refusal";
  readonly at: number;
  readonly by: Side;
  readonly text: string;
}

/** A datagram that an end sends, with what became of it so far. */
export interface Crossing extends Observation {
  readonly type: "crossing";
  readonly by: Side;
  /** Its place among all datagrams, counted from 1. */
  readonly index: number;
  /** Why that end sent it; of plain UDP nothing is told. */
  readonly cause: string | undefined;
  /** The retransmission timeout that ran out before, in ms, if one did. */
  readonly expired: number | undefined;
  /** When its copies arrive or have arrived, in ms. */
  arrivals: readonly number[];
  /** When it was lost, in ms, and whether by hand. */
  lostAt: number | undefined;
  isLostByHand: boolean;
}

/** The time between a datagram and its duplicate, in ms: enough to see both. */
export const DUPLICATE_MS = 120;

const ADDRESSES: Readonly<Record<Side, Address>> = {
  client: { hostname: "127.0.0.1", port: 54_321 },
  server: { hostname: "127.0.0.1", port: 12_000 },
};

const CODE = "42-tigre-luna";

/** Notices of the client's end besides its transcript. */
const NOTICES: Readonly<Partial<Record<DialerEvent["type"], string>>> = {
  connected: "Conectado con 127.0.0.1:12000",
  hop: "Sigue desde otro puerto, por si al anterior ya no le llega nada",
  reconnecting: "El servidor no recuerda esta conversación: conectando de nuevo",
  unresponsive: "Sin acuse de recibo desde hace 5 s: reenviando",
  responsive: "El servidor responde de nuevo",
  stale: "La respuesta que sigue llegó antes que su pregunta",
};

/** Its lines that nobody wishes for. */
const FAILURES: Readonly<Partial<Record<DialerEvent["type"], string>>> = {
  unanswered: `Sin respuesta en ${ANSWER_TIMEOUT_MS / 1000} s: nadie sabe qué se perdió`,
  unreachable: "Ningún servidor respondió",
};

/** One conversation. */
export class Play {
  /** All scenes so far, in order. */
  readonly scenes: Scene[] = [];
  /** Those of them that are datagrams, and the others. */
  readonly crossings: Crossing[] = [];
  readonly told: Told[] = [];
  /** Whether the question, the answer and the bye got through. */
  readonly got = { question: false, answer: false, bye: false };
  readonly options: PlayOptions;
  readonly #path: ReturnType<typeof bothWays<Flight>>;
  readonly #world: World;
  readonly #observer = new Observer();
  readonly #flights: Flight[] = [];
  readonly #random: () => number;
  readonly #client: AskingEndpoint;
  readonly #host: SimulatedHost<DialerEvent>;
  #server!: Endpoint<unknown>;
  /** Each answers a question that waits, the oldest first. */
  readonly #replies = new Map<unknown, (text: string) => void>();
  readonly #counters: Partial<Record<Side, Counters>> = {};
  #acted = 0;
  #asked = 0;
  #passed = 0;

  /** Starts both ends. */
  constructor(options: PlayOptions) {
    this.options = options;
    const { seed, conditions, kind } = options;
    this.#path = bothWays(conditions, seed);
    const { outward, inward } = this.#path;
    this.#world = new World(({ from }) => sideOf(from) === "client" ? outward : inward);
    this.#world.onSend = (flight) => this.#send(flight);
    this.#world.onArrival = (flight) => this.#arrived(flight);
    // For nonces, tokens and jitter. Losses have chances of their own.
    this.#random = seededRandom(seed);
    this.#startServer();
    const { server } = ADDRESSES;
    const timeouts = { connectTimeout: CONNECT_TIMEOUT_MS, idleTimeout: IDLE_TIMEOUT_MS };
    this.#client = kind === "plain"
      ? new PlainAsker({ server, sender: server.hostname, answerTimeout: ANSWER_TIMEOUT_MS })
      : new Dialer({ server, now: 0, ...timeouts, ...this.#randomness, room: this.#room() });
    const onEvent = (event: DialerEvent) => this.#heard(event);
    this.#host = { address: ADDRESSES.client, endpoint: this.#client, onEvent };
    this.#world.add(this.#host);
    this.advance(0);
  }

  /** The virtual time, in ms. */
  get now(): number {
    return this.#world.now;
  }

  /** When something happens next, in ms; `Infinity` for never. */
  get nextTime(): number {
    return this.#world.nextTime;
  }

  /** Whether the people of an end may speak. */
  maySpeak(end: Side): boolean {
    return end === "client" ? this.#client.turn === "local" : this.#replies.size > 0;
  }

  /** Lets time pass. It never goes back: make another play. */
  advance(to: number): void {
    const { actions = [] } = this.options;
    for (let action = actions[this.#acted]; action !== undefined && action.at <= to;) {
      this.#world.drive(undefined, action.at);
      this.#do(action);
      this.#world.settle(this.#host.address);
      this.#world.settle(ADDRESSES.server);
      action = actions[++this.#acted];
    }
    this.#world.drive(undefined, to);
  }

  /** How the conversation stands at an end, if it holds one. */
  inspect(end: Side): Inspection | undefined {
    const latest = this.#flights.at(-1)?.datagram;
    return latest && (end === "client" ? this.#client : this.#server).inspect(latest);
  }

  /** Whose move it is at an end; `undefined` where it keeps no conversation. */
  turn(end: Side): TurnState | undefined {
    return end === "client" ? this.#client.turn : this.inspect(end)?.turn;
  }

  get #randomness() {
    const randomBytes = (length: number) => seededBytes(this.#random, length);
    return { random: this.#random, randomBytes };
  }

  #room(): Room {
    const { kind, sodium } = this.options;
    if (kind !== "private") return OPEN_ROOM;
    return privateRoom(CODE, sodium!, this.#randomness);
  }

  #startServer(): void {
    this.#say("server", "El servidor UDP listo para recibir preguntas del cliente");
    this.#replies.clear();
    delete this.#counters.server;
    const limits = { maxSessions: 10, maxQuestions: 10, idleTimeout: IDLE_TIMEOUT_MS };
    const hmacSha256 = (key: Uint8Array, data: Uint8Array) => hmac(sha256, key, data);
    const ids = { hmac: hmacSha256, ...this.#randomness, room: this.#room() };
    if (this.options.kind === "plain") this.#serve(new PlainAnswerer(limits));
    else this.#serve(new Listener({ ...limits, ...ids, maxSessionsPerAddress: 10 }));
  }

  #serve(endpoint: AnsweringEndpoint): void {
    this.#server = endpoint;
    const onEvent = (event: ListenerEvent<Peer>) => {
      if (event.type === "ended") {
        this.#replies.delete(event.session);
        if (event.reason !== "bye") return;
        this.got.bye = true;
        this.#say("server", "El cliente terminó la conversación", "notice");
      }
      if (event.type !== "question") return;
      this.got.question = true;
      this.#say("server", `Pregunta: ${event.text}`);
      this.#say("server", `Cliente: ${ADDRESSES.client.hostname}`);
      const reply = (text: string) => {
        if (!this.#replies.delete(event.session)) return;
        this.#say("server", `Ingrese una respuesta: ${text}`);
        endpoint.answer(event.session, encodeText(text), this.now);
      };
      this.#replies.set(event.session, reply);
      const answer = this.options.script?.find(({ question }) => question === event.text)?.answer;
      if (answer !== undefined) this.#later(() => reply(answer));
    };
    this.#world.add({ address: ADDRESSES.server, endpoint, onEvent });
  }

  #heard(event: DialerEvent): void {
    const { type } = event;
    // As the program does, which keeps its last ports for what is under way to them.
    if (type === "hop") {
      const { hostname, port } = this.#host.address;
      this.#host.address = { hostname, port: port + 1 };
      this.#world.add(this.#host);
    }
    const notice = NOTICES[type];
    if (notice !== undefined) this.#say("client", notice, "notice");
    const failure = FAILURES[type];
    if (failure !== undefined) this.#say("client", failure);
    if (type === "ended" && event.reason === "silence") {
      this.#say("client", "El servidor dejó de responder");
    }
    if (type === "answer") {
      this.got.answer = true;
      this.#say("client", `Respuesta: ${event.text}`);
    }
    const { script } = this.options;
    const isFirst = type === "connected" && this.#asked === 0;
    if (script === undefined || !isFirst && type !== "answer" && type !== "unanswered") return;
    this.#later(() => this.#ask(script[this.#asked]?.question ?? "bye"));
  }

  #later(act: () => void): void {
    this.#world.at(this.now + this.options.pace, act);
  }

  #ask(text: string): void {
    if (!this.maySpeak("client")) return;
    this.#asked++;
    this.#say("client", `Ingrese una pregunta: ${text}`);
    if (isBye(text)) this.#client.bye("bye", this.now);
    else this.#client.ask(encodeText(text), this.now);
  }

  #do(action: Action): void {
    switch (action.type) {
      case "ask":
        return this.#ask(action.text);
      case "answer":
        return this.#replies.values().next().value?.(action.text);
      case "restart":
        return this.#startServer();
      default:
        this.#disturb(action);
    }
  }

  #disturb(action: Extract<Action, { index: number }>): void {
    const crossing = this.crossings[action.index - 1];
    const coming = crossing?.arrivals.filter((at) => at > this.now) ?? [];
    if (crossing === undefined || coming.length === 0) return;
    const by = action.type === "delay" ? action.by : 0;
    const changed = {
      lose: [],
      duplicate: [...coming, coming[0]! + DUPLICATE_MS],
      delay: coming.map((at) => at + by),
    }[action.type];
    const way = crossing.by === "client" ? this.#path.outward : this.#path.inward;
    way.reschedule(this.#flights[action.index - 1]!, changed);
    crossing.arrivals = [...crossing.arrivals.filter((at) => at <= this.now), ...changed];
    crossing.isLostByHand = crossing.arrivals.length === 0;
    if (crossing.isLostByHand) crossing.lostAt = this.now;
  }

  #say(by: Side, text: string, type: Told["type"] = "line"): void {
    const told = { type, at: this.now, by, text };
    this.scenes.push(told);
    this.told.push(told);
  }

  #send(flight: Flight): void {
    const { datagram, from, to: peer } = flight;
    const { now: at } = this;
    const isExtra = isKeepalive(datagram);
    const order = isExtra ? 0 : ++this.#passed;
    const fate = this.#world.carry(flight, this.options.isDropped?.(order), isExtra);
    const index = this.#flights.push(flight);
    const by = sideOf(from);
    const observation = this.#observer.observe("sent", { order, at, datagram, peer, fate });
    const { header, repeats } = observation;
    // Its end changes with the conversation, so all that is kept is told now.
    const inspection = this.inspect(by);
    const cause = header && causeOf(header, inspection);
    const expired = repeats > 0 && header && inspection?.timerOf?.(header)?.expired || undefined;
    const { arrivals } = fate;
    const lostAt = arrivals.length === 0 ? at : undefined;
    const told = { type: "crossing", by, index, cause, expired } as const;
    const crossing = { ...observation, ...told, arrivals, lostAt, isLostByHand: false };
    this.scenes.push(crossing);
    this.crossings.push(crossing);
  }

  #arrived({ to, datagram }: Flight): void {
    const end = sideOf(to);
    const { counters } = end === "client" ? this.#client : this.#server;
    const before = this.#counters[end] ?? new Counters();
    const refusal = refusalOf(readHeader(datagram), before, counters);
    if (refusal !== undefined) this.#say(end, refusal, "refusal");
    this.#counters[end] = { ...counters };
  }
}

function sideOf({ port }: Address): Side {
  return port === ADDRESSES.server.port ? "server" : "client";
}
