/**
 * The conversation that the demonstration shows: who says what, and every datagram that it takes.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type Impairment, isDropped } from "../impairment.ts";
import { type Passage, Repeats } from "../passage.ts";
import { seededBytes, seededRandom } from "../random.ts";
import { ANSWER_TIMEOUT_MS, IDLE_TIMEOUT_MS, readHeader } from "../../transport/mod.ts";
import type { Inspect } from "../../transport/mod.ts";
import type { AskingEndpoint } from "../../transport/client.ts";
import { Dialer } from "../../transport/reliable/dialer.ts";
import { Listener } from "../../transport/reliable/listener.ts";
import type { Endpoint } from "../../transport/endpoint.ts";
import { PlainAnswerer } from "../../transport/plain/plain_answerer.ts";
import { PlainAsker } from "../../transport/plain/plain_asker.ts";
import type { AnsweringEndpoint, Peer } from "../../transport/server.ts";
import { ADDRESSES, type Name, type Sending, World } from "../world.ts";

const QUESTION = "¿HTML es un lenguaje de programacion?";
const ANSWER = "NOOOOO";

/** Time that people take to type, in ms: longer than an acknowledgement is held back. */
const TYPING_MS = 300;

/** Time that the client tries to connect, in ms: enough wherever anything gets through. */
const CONNECT_TIMEOUT_MS = 60_000;

/** A line of the transcript, or a datagram. */
export type Scene = Line | Crossing;

/** A line that an end shows its people. */
export interface Line {
  readonly type: "line";
  /** The virtual time, in ms. */
  readonly at: number;
  /** Which end. */
  readonly by: Name;
  /** What it says. */
  readonly text: string;
}

/** A datagram that an end sends. */
export interface Crossing {
  readonly type: "crossing";
  /** The virtual time, in ms. */
  readonly at: number;
  /** Which end. */
  readonly by: Name;
  /** The datagram, and what becomes of it. */
  readonly passage: Passage;
  /** How often it had been sent before. */
  readonly repeats: number;
  /** The retransmission timeout at that end, in ms, if the datagram belongs to a conversation. */
  readonly rto: number | undefined;
}

/** How it is played. */
export interface PlayOptions {
  /** What the network does. */
  readonly impairment: Impairment;
  /** Whether the conversation is left without protection. */
  readonly isPlain: boolean;
}

/** The conversation, from its beginning to its end. */
export class Play {
  /** What is to be shown, in order. */
  readonly scenes: Scene[] = [];
  /** What got through: the question, the answer, the bye. */
  readonly got = { question: false, answer: false, bye: false };
  readonly #world: World;
  readonly #repeats = new Repeats();
  readonly #inspect: Partial<Record<Name, Inspect>> = {};

  /** Plays it all at once. */
  constructor({ impairment, isPlain }: PlayOptions) {
    this.#world = new World({
      ...impairment,
      isDropped: (order) => isDropped(impairment, order),
      onSend: (sending) => this.#sent(sending),
      onArrival() {},
    });
    // Which datagrams are lost does not depend on it: this is for nonces, tokens and jitter.
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
    const { hostname } = ADDRESSES.server;
    const timeouts = { connectTimeout: CONNECT_TIMEOUT_MS, idleTimeout: IDLE_TIMEOUT_MS };
    const server = ADDRESSES.server;
    this.#ask(
      isPlain
        ? new PlainAsker({ server, sender: hostname, answerTimeout: ANSWER_TIMEOUT_MS })
        : new Dialer({ server, now: 0, ...timeouts, random, randomBytes }),
    );
    this.#world.run();
  }

  #answer<P extends Peer>(endpoint: AnsweringEndpoint<P>): void {
    this.#say("server", "El servidor UDP listo para recibir preguntas del cliente");
    this.#join("server", endpoint, (event) => {
      if (event.type === "ended") this.got.bye ||= event.reason === "bye";
      if (event.type !== "question") return;
      this.got.question = true;
      this.#say("server", `Pregunta: ${event.text}`);
      this.#say("server", `Cliente: ${ADDRESSES.client.hostname}`);
      this.#world.after(TYPING_MS, () => {
        this.#say("server", `Ingrese una respuesta: ${ANSWER}`);
        if (event.session.turn !== "local") return;
        endpoint.answer(event.session, encode(ANSWER), this.#world.now);
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
          this.#world.after(TYPING_MS, () => {
            this.#say("client", `Ingrese una pregunta: ${QUESTION}`);
            endpoint.ask(encode(QUESTION), this.#world.now);
          });
          break;
        case "answer":
          this.got.answer = true;
          this.#say("client", `Respuesta: ${event.text}`);
          this.#world.after(TYPING_MS, bye);
          break;
        case "unanswered":
          this.#say(
            "client",
            `Sin respuesta en ${event.timeout / 1000} s: nadie sabe qué se perdió`,
          );
          this.#world.after(TYPING_MS, bye);
          break;
        case "unreachable":
          this.#say("client", "Ningún servidor respondió");
          break;
        case "ended":
          if (event.reason !== "bye") this.#say("client", "El servidor dejó de responder");
      }
    });
  }

  #say(by: Name, text: string): void {
    this.scenes.push({ type: "line", at: this.#world.now, by, text });
  }

  #join<Event>(
    name: Name,
    endpoint: Endpoint<Event> & { readonly inspect?: Inspect },
    onEvent: (event: Event) => void,
  ): void {
    this.#inspect[name] = (datagram) => endpoint.inspect?.(datagram);
    this.#world.join(name, endpoint, onEvent);
  }

  #sent(sending: Sending): void {
    const { by, datagram, fate } = sending;
    const isLost = fate.arrivals.length === 0;
    const passage = this.#passageOf(sending, isLost ? "lost" : wholeOrDoubled(sending));
    const repeats = this.#repeats.of(passage);
    // What is kept is the number: what the end gives out goes on with the conversation.
    const rto = this.#inspect[by]?.(datagram)?.retransmissionTimeout;
    this.scenes.push({ type: "crossing", at: this.#world.now, by, passage, repeats, rto });
  }

  #passageOf(
    { by, order, datagram, fate: { isHeldBack } }: Sending,
    fate: Passage["fate"],
  ): Passage {
    const peer = ADDRESSES[by === "client" ? "server" : "client"];
    const header = readHeader(datagram);
    const at = this.#world.now;
    return { order, direction: "sent", at, datagram, header, peer, fate, delay: 0, isHeldBack };
  }
}

function wholeOrDoubled({ fate }: Sending): "whole" | "doubled" {
  return fate.arrivals.length === 2 ? "doubled" : "whole";
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
