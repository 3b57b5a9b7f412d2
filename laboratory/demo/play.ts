/**
 * The conversation of the demonstration: every line that is said, and every datagram that it takes.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { causeOf, refusalOf } from "../cause.ts";
import { type Impairment, isDropped } from "../impairment.ts";
import { bothWays } from "../network.ts";
import { isKeepalive, type Observation, Observer } from "../observation.ts";
import { seededBytes, seededRandom } from "../random.ts";
import { ANSWER_TIMEOUT_MS, CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS } from "../../transport/mod.ts";
import { type Monitor, readHeader } from "../../transport/mod.ts";
import { encodeText } from "../../transport/bytes.ts";
import type { AskingEndpoint } from "../../transport/client.ts";
import { Dialer } from "../../transport/reliable/dialer.ts";
import { Listener } from "../../transport/reliable/listener.ts";
import type { Address, Counters, Endpoint } from "../../transport/endpoint.ts";
import { PlainAnswerer } from "../../transport/plain/plain_answerer.ts";
import { PlainAsker } from "../../transport/plain/plain_asker.ts";
import type { AnsweringEndpoint, Peer } from "../../transport/server.ts";
import { type Flight, World } from "../world.ts";

/** An end of the conversation. */
export type Side = "client" | "server";

const ADDRESSES: Readonly<Record<Side, Address>> = {
  client: { hostname: "127.0.0.1", port: 54_321 },
  server: { hostname: "127.0.0.1", port: 12_000 },
};

const QUESTION = "¿HTML es un lenguaje de programacion?";
const ANSWER = "NOOOOO";

/** Time to type a line, in ms: longer than an acknowledgement is held back. */
const TYPING_MS = 300;

/** A line of the transcript, a datagram, or why one was refused. */
export type Scene = ShownLine | Crossing | RefusedArrival;

interface Moment {
  /** The virtual time, in ms. */
  readonly at: number;
  /** The end that shows the line, or sends or refuses the datagram. */
  readonly by: Side;
}

export interface ShownLine extends Moment {
  readonly type: "line";
  readonly text: string;
}

/** A datagram that an end sends. */
export interface Crossing extends Moment {
  readonly type: "crossing";
  /** The datagram and its fate. */
  readonly observation: Observation;
  /** Why that end sent it; of plain UDP nothing is told. */
  readonly cause: string | undefined;
  /** The retransmission timeout that ran out before, in ms, if one did. */
  readonly expired: number | undefined;
}

/** A datagram that arrived for nothing. */
export interface RefusedArrival extends Moment {
  readonly type: "refusal";
  readonly cause: string;
}

export interface PlayOptions {
  readonly impairment: Impairment;
  /** Whether it goes over plain UDP. */
  readonly isPlain: boolean;
}

/** The conversation, from its beginning to its end. */
export class Play {
  /** All scenes, in order. */
  readonly scenes: Scene[] = [];
  /** Whether the question, the answer and the bye got through. */
  readonly got = { question: false, answer: false, bye: false };
  readonly #world: World;
  readonly #observer = new Observer();
  #passed = 0;
  readonly #ends: Partial<Record<Side, { endpoint: Monitor; counters: Counters }>> = {};

  /** Plays it all at once. */
  constructor({ impairment, isPlain }: PlayOptions) {
    const { outward, inward } = bothWays<Flight>(impairment.conditions, impairment.seed);
    this.#world = new World(({ from }) => from === ADDRESSES.client ? outward : inward);
    this.#world.onSend = (flight) => this.#send(flight, impairment);
    this.#world.onArrival = (flight) => this.#arrived(flight);
    // For nonces, tokens and jitter. Losses have chances of their own.
    const random = seededRandom(impairment.seed);
    const randomBytes = (length: number) => seededBytes(random, length);
    const limits = { maxSessions: 1, maxQuestions: 10, idleTimeout: IDLE_TIMEOUT_MS };
    if (isPlain) {
      this.#answer(new PlainAnswerer(limits));
    } else {
      const hmacSha256 = (key: Uint8Array, data: Uint8Array) => hmac(sha256, key, data);
      const ids = { hmac: hmacSha256, random, randomBytes };
      this.#answer(new Listener({ ...limits, ...ids, maxSessionsPerAddress: 1 }));
    }
    const timeouts = { connectTimeout: CONNECT_TIMEOUT_MS, idleTimeout: IDLE_TIMEOUT_MS };
    const { server } = ADDRESSES;
    this.#ask(
      isPlain
        ? new PlainAsker({ server, sender: server.hostname, answerTimeout: ANSWER_TIMEOUT_MS })
        : new Dialer({ server, now: 0, ...timeouts, random, randomBytes }),
    );
    this.#world.drive();
  }

  #answer<P extends Peer>(endpoint: AnsweringEndpoint<P>): void {
    this.#say("server", "El servidor UDP listo para recibir preguntas del cliente");
    this.#join("server", endpoint, (event) => {
      if (event.type === "ended") this.got.bye ||= event.reason === "bye";
      if (event.type !== "question") return;
      this.got.question = true;
      this.#say("server", `Pregunta: ${event.text}`);
      this.#say("server", `Cliente: ${ADDRESSES.client.hostname}`);
      this.#later(() => {
        this.#say("server", `Ingrese una respuesta: ${ANSWER}`);
        if (event.session.turn !== "local") return;
        endpoint.answer(event.session, encodeText(ANSWER), this.#world.now);
      });
    });
  }

  #ask(endpoint: AskingEndpoint): void {
    const bye = () => {
      this.#say("client", "Ingrese una pregunta: bye");
      if (endpoint.turn === "local") endpoint.bye("bye", this.#world.now);
    };
    this.#join("client", endpoint, (event) => {
      switch (event.type) {
        case "connected":
          this.#later(() => {
            this.#say("client", `Ingrese una pregunta: ${QUESTION}`);
            endpoint.ask(encodeText(QUESTION), this.#world.now);
          });
          break;
        case "answer":
          this.got.answer = true;
          this.#say("client", `Respuesta: ${event.text}`);
          this.#later(bye);
          break;
        case "unanswered":
          this.#say(
            "client",
            `Sin respuesta en ${event.timeout / 1000} s: nadie sabe qué se perdió`,
          );
          this.#later(bye);
          break;
        case "unreachable":
          this.#say("client", "Ningún servidor respondió");
          break;
        case "ended":
          if (event.reason !== "bye") this.#say("client", "El servidor dejó de responder");
      }
    });
  }

  #say(by: Side, text: string): void {
    this.scenes.push({ type: "line", at: this.#world.now, by, text });
  }

  /** Does something after the time to type. */
  #later(act: () => void): void {
    this.#world.at(this.#world.now + TYPING_MS, act);
  }

  #join<Event>(side: Side, endpoint: Endpoint<Event>, onEvent: (event: Event) => void): void {
    this.#ends[side] = { endpoint, counters: { ...endpoint.counters } };
    this.#world.add({ address: ADDRESSES[side], endpoint, onEvent });
  }

  #send(flight: Flight, impairment: Impairment): void {
    const { datagram, from, to: peer } = flight;
    const { now: at } = this.#world;
    const by = sideOf(from);
    const isExtra = isKeepalive(datagram);
    const order = isExtra ? 0 : ++this.#passed;
    const fate = this.#world.carry(flight, isDropped(impairment, order), isExtra);
    const observation = this.#observer.observe("sent", { order, at, datagram, peer, fate });
    const { header, repeats } = observation;
    // Its end changes with the conversation, so all that is kept is told now.
    const inspection = this.#ends[by]?.endpoint.inspect(datagram);
    const cause = header && causeOf(header, inspection);
    const expired = repeats > 0 && header && inspection?.timerOf?.(header)?.expired || undefined;
    this.scenes.push({ type: "crossing", at, by, observation, cause, expired });
  }

  #arrived({ datagram, to }: Flight): void {
    const by = sideOf(to);
    const end = this.#ends[by]!;
    const cause = refusalOf(readHeader(datagram), end.counters, end.endpoint.counters);
    end.counters = { ...end.endpoint.counters };
    if (cause !== undefined) this.scenes.push({ type: "refusal", at: this.#world.now, by, cause });
  }
}

function sideOf(address: Address): Side {
  return address.port === ADDRESSES.client.port ? "client" : "server";
}
