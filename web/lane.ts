/**
 * One conversation of the page: both real ends on a virtual clock, over a network that obeys whoever
 * watches. It knows no browser: the same options hold the same conversation, datagram by datagram.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { causeOf, refusalOf } from "../laboratory/cause.ts";
import { bothWays, type NetworkConditions } from "../laboratory/network.ts";
import { type Observation, Observer } from "../laboratory/observation.ts";
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import { type Flight, World } from "../laboratory/world.ts";
import { isBye, type TurnState } from "../protocol.ts";
import { encodeText } from "../transport/bytes.ts";
import type { AskingEndpoint } from "../transport/client.ts";
import { type Address, Counters, type Endpoint, type Inspection } from "../transport/endpoint.ts";
import { PlainAnswerer } from "../transport/plain/plain_answerer.ts";
import { ANSWER_TIMEOUT_MS, PlainAsker } from "../transport/plain/plain_asker.ts";
import type { Sodium } from "../transport/private/cpace.ts";
import { privateRoom } from "../transport/private/private_room.ts";
import { CONNECT_TIMEOUT_MS, Dialer, type DialerEvent } from "../transport/reliable/dialer.ts";
import { Listener } from "../transport/reliable/listener.ts";
import { readHeader } from "../transport/reliable/packet.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";
import { IDLE_TIMEOUT_MS } from "../transport/reliable/session.ts";
import type { AnsweringEndpoint, Peer } from "../transport/server.ts";

/** An end of the conversation. */
export type End = "client" | "server";

/** How a conversation is carried: with this protocol, with UDP alone, or in a private room. */
export type LaneKind = "protected" | "plain" | "private";

/** What whoever watches does, and when, in whole ms: after everything else of that moment. */
export type Action =
  & { readonly at: number }
  & (
    /** To a datagram in flight: the order in which it was sent, in the lane with that index. */
    | { readonly type: "lose" | "duplicate"; readonly lane: number; readonly order: number }
    | { readonly type: "delay"; readonly lane: number; readonly order: number; readonly by: number }
    /** As the people of every lane. */
    | { readonly type: "ask" | "answer"; readonly text: string }
    | { readonly type: "restart" }
  );

/** A question, and the answer to it. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
}

/** How a {@linkcode Lane} is. */
export interface LaneOptions {
  readonly kind: LaneKind;
  readonly seed: number;
  readonly conditions: NetworkConditions;
  /** What the people say by themselves, and then bye; with `undefined` they wait for actions. */
  readonly script: readonly Exchange[] | undefined;
  /** Time to type a line, in ms. */
  readonly pace: number;
  /** Those of this lane, and of every lane, in order. */
  readonly actions: readonly Action[];
  /** libsodium, for a private room. */
  readonly sodium?: Sodium | undefined;
}

/** A datagram, with what became of it so far. */
export interface Datagram extends Omit<Observation, "delay"> {
  readonly by: End;
  /** Why it was sent, in one sentence. */
  readonly cause: string;
  /** When its copies arrive or have arrived, in ms. */
  arrivals: readonly number[];
  /** When it was lost, in ms, and whether by hand. */
  lostAt: number | undefined;
  isLostByHand: boolean;
  /** Whether somebody delayed or duplicated it. */
  isTouched: boolean;
}

/** A line that an end shows its people: of the transcript, or a notice. Or why it refused a datagram. */
export interface ScreenLine {
  readonly at: number;
  readonly by: End;
  readonly text: string;
  readonly kind: "line" | "notice" | "refusal";
}

/** The time between a datagram and its duplicate, in ms: enough to see both. */
export const DUPLICATE_MS = 120;

const ADDRESSES: Readonly<Record<End, Address>> = {
  client: { hostname: "127.0.0.1", port: 54_321 },
  server: { hostname: "127.0.0.1", port: 12_000 },
};

const CODE = "42-tigre-luna";

/** What the client's end tells besides its transcript. */
const NOTICES: Readonly<Partial<Record<DialerEvent["type"], string>>> = {
  connected: "Conectado con 127.0.0.1:12000",
  reconnecting: "El servidor no recuerda esta conversación: conectando de nuevo",
  reconnected: "Conectado de nuevo: se repite la pregunta",
  unresponsive: "Sin acuse de recibo desde hace 5 s: reenviando",
  responsive: "El servidor responde de nuevo",
  unanswered: `Sin respuesta en ${ANSWER_TIMEOUT_MS / 1000} s: nadie sabe qué se perdió`,
  stale: "La respuesta que sigue llegó antes que su pregunta",
  unreachable: "Ningún servidor respondió",
};

/** One conversation. */
export class Lane {
  /** All datagrams so far, in order. */
  readonly datagrams: Datagram[] = [];
  /** All lines so far, in order. */
  readonly lines: ScreenLine[] = [];
  /** Times at which the server was restarted, in ms. */
  readonly restarts: number[] = [];
  readonly options: LaneOptions;
  readonly #path: ReturnType<typeof bothWays<Flight>>;
  readonly #world: World;
  readonly #observer = new Observer();
  readonly #flights: Flight[] = [];
  readonly #random: () => number;
  readonly #client: AskingEndpoint;
  #server!: Endpoint<unknown>;
  /** Each answers a question that waits, the oldest first. */
  readonly #replies = new Set<(text: string) => void>();
  readonly #counters: Partial<Record<End, Counters>> = {};
  #acted = 0;
  #asked = 0;

  /** Starts both ends. */
  constructor(options: LaneOptions) {
    this.options = options;
    const { seed, conditions, kind } = options;
    this.#path = bothWays(conditions, seed);
    const { outward, inward } = this.#path;
    this.#world = new World(({ from }) => from === ADDRESSES.client ? outward : inward);
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
    this.#join("client", this.#client, (event) => this.#heard(event));
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
  maySpeak(end: End): boolean {
    return end === "client" ? this.#client.turn === "local" : this.#replies.size > 0;
  }

  /** Lets time pass. A lane never goes back: make another one. */
  advance(to: number): void {
    const { actions } = this.options;
    for (let action = actions[this.#acted]; action !== undefined && action.at <= to;) {
      this.#world.drive(undefined, action.at);
      this.#do(action);
      this.#world.settle(ADDRESSES.client);
      this.#world.settle(ADDRESSES.server);
      action = actions[++this.#acted];
    }
    this.#world.drive(undefined, to);
  }

  /** How the conversation stands at an end, if it holds one. */
  inspect(end: End): Inspection | undefined {
    const endpoint = end === "client" ? this.#client : this.#server;
    return this.#flights.length === 0 ? undefined : endpoint.inspect(this.#latest);
  }

  /** Whose move it is at an end; `undefined` where it keeps no conversation. */
  turn(end: End): TurnState | undefined {
    return end === "client" ? this.#client.turn : this.inspect(end)?.turn;
  }

  get #latest(): Uint8Array {
    return this.#flights.at(-1)!.datagram;
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
    const limits = { maxSessions: 1, maxQuestions: 10, idleTimeout: IDLE_TIMEOUT_MS };
    const hmacSha256 = (key: Uint8Array, data: Uint8Array) => hmac(sha256, key, data);
    const ids = { hmac: hmacSha256, ...this.#randomness, room: this.#room() };
    if (this.options.kind === "plain") this.#serve(new PlainAnswerer(limits));
    else this.#serve(new Listener({ ...limits, ...ids, maxSessionsPerAddress: 1 }));
  }

  #serve<P extends Peer>(endpoint: AnsweringEndpoint<P>): void {
    this.#server = endpoint;
    this.#join("server", endpoint, (event) => {
      if (event.type === "ended" && event.reason === "bye") {
        this.#say("server", "El cliente terminó la conversación", "notice");
      }
      if (event.type === "ended") this.#replies.clear();
      if (event.type !== "question") return;
      this.#say("server", `Pregunta: ${event.text}`);
      this.#say("server", `Cliente: ${ADDRESSES.client.hostname}`);
      const reply = (text: string) => {
        if (!this.#replies.delete(reply)) return;
        this.#say("server", `Ingrese una respuesta: ${text}`);
        endpoint.answer(event.session, encodeText(text), this.now);
      };
      this.#replies.add(reply);
      const answer = this.options.script?.find(({ question }) => question === event.text)?.answer;
      if (answer !== undefined) this.#later(() => reply(answer));
    });
  }

  #heard(event: DialerEvent): void {
    const notice = NOTICES[event.type];
    if (notice !== undefined) this.#say("client", notice, "notice");
    if (event.type === "answer") this.#say("client", `Respuesta: ${event.text}`);
    if (event.type === "ended" && event.reason !== "bye") {
      this.#say("client", "El servidor dejó de responder", "notice");
    }
    const { script } = this.options;
    if (script === undefined || !["connected", "answer", "unanswered"].includes(event.type)) return;
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
        this.restarts.push(this.now);
        return this.#startServer();
      default:
        this.#disturb(action);
    }
  }

  #disturb(action: Extract<Action, { order: number }>): void {
    const datagram = this.datagrams[action.order - 1];
    const coming = datagram?.arrivals.filter((at) => at > this.now) ?? [];
    if (datagram === undefined || coming.length === 0) return;
    const arrived = datagram.arrivals.filter((at) => at <= this.now);
    const changed = {
      lose: () => [],
      duplicate: () => [...coming, coming[0]! + DUPLICATE_MS],
      delay: () => coming.map((at) => at + (action.type === "delay" ? action.by : 0)),
    }[action.type]();
    this.#networkOf(datagram).reschedule(this.#flights[action.order - 1]!, changed);
    datagram.arrivals = [...arrived, ...changed];
    datagram.isTouched = true;
    if (datagram.arrivals.length > 0) return;
    datagram.lostAt = this.now;
    datagram.isLostByHand = true;
  }

  #networkOf({ by }: Datagram) {
    return by === "client" ? this.#path.outward : this.#path.inward;
  }

  #say(by: End, text: string, kind: ScreenLine["kind"] = "line"): void {
    this.lines.push({ at: this.now, by, text, kind });
  }

  #join<Event>(end: End, endpoint: Endpoint<Event>, onEvent: (event: Event) => void): void {
    this.#world.add({ address: ADDRESSES[end], endpoint, onEvent });
  }

  #send(flight: Flight): void {
    const { datagram, from, to: peer } = flight;
    const { datagrams: order, now: at } = this.#world;
    const fate = this.#world.carry(flight);
    const { arrivals } = fate;
    this.#flights.push(flight);
    const by = from === ADDRESSES.client ? "client" : "server";
    const observation = this.#observer.observe("sent", { order, at, datagram, peer, fate });
    const { header } = observation;
    this.datagrams.push({
      ...observation,
      by,
      cause: header === undefined ? "" : causeOf(header, this.inspect(by)),
      arrivals,
      lostAt: arrivals.length === 0 ? at : undefined,
      isLostByHand: false,
      isTouched: false,
    });
  }

  #arrived({ to, datagram }: Flight): void {
    const end = to.port === ADDRESSES.client.port ? "client" : "server";
    const { counters } = end === "client" ? this.#client : this.#server;
    const before = this.#counters[end] ?? new Counters();
    const refusal = refusalOf(readHeader(datagram), before, counters);
    if (refusal !== undefined) this.#say(end, refusal, "refusal");
    this.#counters[end] = { ...counters };
  }
}
