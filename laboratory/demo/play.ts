/**
 * The conversation of the demonstration: every line that is said, and every datagram that it takes.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type Impairment, isDropped } from "../impairment.ts";
import { bothWays } from "../network.ts";
import { type Observation, Observer } from "../observation.ts";
import { seededBytes, seededRandom } from "../random.ts";
import { ANSWER_TIMEOUT_MS, IDLE_TIMEOUT_MS, type Monitor } from "../../transport/mod.ts";
import { encodeText } from "../../transport/bytes.ts";
import type { AskingEndpoint } from "../../transport/client.ts";
import { Dialer } from "../../transport/reliable/dialer.ts";
import { Listener } from "../../transport/reliable/listener.ts";
import type { Address, Endpoint } from "../../transport/endpoint.ts";
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

/** Connect timeout, in ms: enough on any network that lets something through. */
const CONNECT_TIMEOUT_MS = 60_000;

/** A line of the transcript, or a datagram. */
export type Scene = ShownLine | Crossing;

interface Moment {
  /** The virtual time, in ms. */
  readonly at: number;
  /** The end that shows the line, or sends the datagram. */
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
  /** The retransmission timeout at that end, in ms, if the datagram belongs to a conversation. */
  readonly rto: number | undefined;
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
  readonly #ends: Partial<Record<Side, Monitor>> = {};

  /** Plays it all at once. */
  constructor({ impairment, isPlain }: PlayOptions) {
    const { outward, inward } = bothWays<Flight>(impairment.conditions, impairment.seed);
    this.#world = new World(({ from }) => from === ADDRESSES.client ? outward : inward);
    this.#world.onSend = (flight) => this.#send(flight, impairment);
    // For nonces, tokens and jitter. Losses have chances of their own.
    const random = seededRandom(impairment.seed);
    const randomBytes = (length: number) => seededBytes(random, length);
    const limits = { maxSessions: 10, maxQuestions: 10, idleTimeout: IDLE_TIMEOUT_MS };
    if (isPlain) {
      this.#answer(new PlainAnswerer(limits));
    } else {
      const hmacSha256 = (key: Uint8Array, data: Uint8Array) => hmac(sha256, key, data);
      const ids = { hmac: hmacSha256, random, randomBytes };
      this.#answer(new Listener({ ...limits, ...ids, maxSessionsPerAddress: 10 }));
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
            // Connected again, it has asked again by itself.
            if (endpoint.turn !== "local") return;
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
          if (event.reason === "silence") this.#say("client", "El servidor dejó de responder");
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
    this.#ends[side] = endpoint;
    this.#world.add({ address: ADDRESSES[side], endpoint, onEvent });
  }

  #send(flight: Flight, impairment: Impairment): void {
    const { datagram, from, to: peer } = flight;
    const { datagrams: order, now: at } = this.#world;
    const by = from === ADDRESSES.client ? "client" : "server";
    const fate = this.#world.carry(flight, isDropped(impairment, order));
    const observation = this.#observer.observe("sent", { order, at, datagram, peer, fate });
    // Only the number is kept: the inspection changes with the conversation.
    const rto = this.#ends[by]?.inspect?.(datagram)?.retransmissionTimeout;
    this.scenes.push({ type: "crossing", at, by, observation, rto });
  }
}
