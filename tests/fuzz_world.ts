/**
 * The world that the fuzzer disturbs: one operator and two guests who converse over a bad network, and
 * judges who watch every event of theirs. What they say and when depends on the seed alone, so that
 * the same world with and without disturbances can be compared.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { seededBytes } from "../laboratory/random.ts";
import type { Flight } from "../laboratory/world.ts";
import type { Dialer, DialerEvent } from "../transport/reliable/dialer.ts";
import type { Listener, ListenerEvent } from "../transport/reliable/listener.ts";
import { type Address, formatAddress } from "../transport/endpoint.ts";
import {
  decode,
  decodeWelcome,
  MAX_DATAGRAM_BYTES,
  type Packet,
} from "../transport/reliable/packet.ts";
import type { Session } from "../transport/reliable/session.ts";
import { Dice } from "./fuzz_dice.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";

const SECOND = 1000;
const UTF8 = new TextEncoder();

/** How long a guest is away between its two conversations, in ms. */
const ABSENCE_MS = 2 * SECOND;

/** The addresses of the guests. */
export const GUESTS: readonly Address[] = [
  { hostname: "198.51.100.7", port: 40_001 },
  { hostname: "198.51.100.8", port: 40_002 },
];

/** One datagram that a server or a guest sent. */
export interface Sent extends Flight {
  readonly at: number;
}

/** How a {@linkcode World} differs from others of its seed. */
export interface WorldOptions {
  /** Most sessions of its server. */
  readonly maxSessions?: number;
  /** Most unanswered questions at its server. */
  readonly maxQuestions?: number;
  /** Most half open sessions at its server: by default it asks every address for a token. */
  readonly maxHalfOpen?: number;
  /** Whether all questions must be those of the guests, in their order. */
  readonly isHonest: boolean;
}

/** One server, its operator, and two guests who each converse twice. */
export class World {
  readonly simulation: FuzzedSimulation;
  readonly options: WorldOptions;
  readonly guests: readonly Guest[];
  /** The server, unless it is down. */
  listener: Listener | undefined;
  /** Watches the server. */
  judge: ServerJudge;
  readonly #dice: Dice;
  #isGone = false;

  constructor(seed: number, options: WorldOptions) {
    const dice = this.#dice = new Dice(seed);
    this.options = options;
    this.simulation = new FuzzedSimulation(seed, {
      loss: dice.chance(0.5) ? 0 : dice.between(0, 0.15),
      duplication: dice.between(0, 0.1),
      reordering: dice.between(0, 0.1),
      delay: dice.between(0.1, 100),
      jitter: dice.between(0, 20),
    });
    this.judge = new ServerJudge(this);
    this.#startServer();
    this.guests = GUESTS.map((_, index) => new Guest(this, index, new Dice(seed + 7 + index)));
    if (dice.chance(0.2)) {
      this.simulation.at(dice.between(10 * SECOND, 60 * SECOND), () => this.#restartServer());
    }
  }

  get now(): number {
    return this.simulation.now;
  }

  /** Whether both guests have had their conversations. */
  get isOver(): boolean {
    return this.guests.every(({ end }) => end !== undefined);
  }

  /** Lets that many ms pass, or fewer if the conversations end before. */
  pass(milliseconds: number): void {
    this.simulation.drive(() => this.isOver, this.now + milliseconds);
  }

  /** Plays to the end, and sees to it that it is the right one. */
  finish(): void {
    this.simulation.drive();
    for (const guest of this.guests) guest.check();
    this.checkEmpty();
  }

  /** Nothing is left of anybody. */
  checkEmpty(): void {
    if (this.listener === undefined) return;
    const { size, nextTimeout } = this.listener;
    assertEquals([size, nextTimeout], [0, Infinity], "something is left of a session");
  }

  /** The server is gone. */
  stopServer({ forGood = false } = {}): void {
    this.simulation.remove(SERVER);
    this.listener = undefined;
    this.#isGone ||= forGood;
  }

  #startServer(): void {
    if (this.#isGone) return;
    this.simulation.forgetProofs();
    const { maxSessions = 1000, maxQuestions = 1000, maxHalfOpen = 0 } = this.options;
    this.simulation.isTrusting = maxHalfOpen > 0;
    const judge = this.judge = new ServerJudge(this);
    // Its own chance: an attacker who makes it draw numbers must not change anybody else's.
    const { random } = new Dice(this.#dice.word());
    this.listener = bounded(this.simulation.addServer((event, listener) => {
      if (listener === this.listener) judge.hear(event, listener);
    }, {
      maxSessions,
      maxQuestions,
      maxHalfOpen,
      random,
      randomBytes: (length) => seededBytes(random, length),
    }));
  }

  #restartServer(): void {
    if (this.listener === undefined) return;
    this.stopServer();
    this.simulation.at(this.now + this.#dice.between(0, 10 * SECOND), () => this.#startServer());
  }
}

/** A simulation in which every datagram is seen, and those to nobody are set aside. */
export class FuzzedSimulation extends Simulation {
  /** Datagrams between the server and the guests. */
  readonly sent: Sent[] = [];
  /** Datagrams from the server to others. */
  readonly loot: Sent[] = [];
  /** Session ids that are not those of guests. What is sent under them takes part in nothing. */
  readonly foreignIds = new Set<bigint>();
  /** The nonce with which each guest knocked last. */
  readonly nonces = new Map<number, bigint>();
  /** Which session each nonce led to. */
  readonly sessionIds = new Map<bigint, bigint>();

  /** Addresses to which tokens were sent, each with the nonce that it was for. */
  readonly #tokens = new Set<string>();

  /** Whether the server welcomes some before they prove their addresses. */
  isTrusting = false;

  /** A WELCOME of any other server goes only to an address that a token was sent to. */
  checkProof({ type, id }: Packet, to: Address): void {
    const key = `${id} ${formatAddress(to)}`;
    if (type === "retry") this.#tokens.add(key);
    const isProved = this.isTrusting || this.#tokens.has(key);
    if (type === "welcome") assert(isProved, "A WELCOME without a proof of address");
  }

  /** The server has forgotten its tokens. */
  forgetProofs(): void {
    this.#tokens.clear();
  }

  override onSend = (flight: Flight): void => {
    const { datagram, from, to } = flight;
    assert(datagram.length <= MAX_DATAGRAM_BYTES, `${datagram.length} bytes are sent`);
    const packet = decode(datagram);
    if (packet === undefined) throw new Error("What is sent is no packet");
    const sent = { at: this.now, ...flight };
    if (from === SERVER) this.checkProof(packet, to);
    const isToGuest = GUESTS.some((guest) => formatAddress(guest) === formatAddress(to));
    if (from === SERVER && (!isToGuest || this.foreignIds.has(packet.id))) {
      this.loot.push(sent);
      return;
    }
    if (packet.type === "hello") this.nonces.set(from.port, packet.id);
    if (packet.type === "welcome") {
      this.sessionIds.set(packet.id, decodeWelcome(packet.payload).sessionId);
    }
    this.sent.push(sent);
    this.carry(flight);
  };
}

/** Watches that the events of a server are legal, answers the questions, and knows its sessions. */
export class ServerJudge {
  /** The sessions that are connected and not over. */
  readonly sessions = new Map<Session, Seen>();
  /** The ids of all sessions that ever connected. */
  readonly connected = new Set<bigint>();
  readonly #world: World;
  readonly #gone = new Set<Session>();
  readonly #asked = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  hear(event: ListenerEvent, listener: Listener): void {
    if (!("session" in event)) return;
    const { session } = event;
    assert(!this.#gone.has(session), `${event.type} after the end of the session`);
    if (event.type === "connected") {
      assert(!this.sessions.has(session), "A session is connected twice");
      assert(!this.connected.has(session.id), "Two sessions have one id");
      this.sessions.set(session, { owes: false, isDelivering: false });
      this.connected.add(session.id);
      bounded(session);
      return;
    }
    const seen = this.sessions.get(session);
    if (seen === undefined) throw new Error(`${event.type} before the session is connected`);
    switch (event.type) {
      case "question":
        assert(!seen.owes, "A question comes before the answer to the last");
        assertEquals(session.turn, "local", "the turn upon a question");
        seen.owes = true;
        // The next question acknowledges the answer before, whether or not an ACK was seen.
        assert(!seen.isDelivering, "A question comes before the last answer is delivered");
        this.#checkText(event.text, session);
        this.#answer(session, event.text, listener);
        break;
      case "delivered":
        assert(seen.isDelivering, "An answer is delivered that was not under way");
        seen.isDelivering = false;
        break;
      case "ended":
        this.sessions.delete(session);
        this.#gone.add(session);
        assert(session.turn === "closed", `A session ended in turn ${session.turn}`);
    }
  }

  #checkText(text: string, session: Session): void {
    assert(UTF8.encode(text).length <= MAX_MESSAGE_BYTES, "A question is too long");
    if (!this.#world.options.isHonest) return;
    const guest = this.#world.guests.find(({ sessionId }) => sessionId === session.id);
    if (guest === undefined) return;
    assertEquals(text, guest.question, "somebody else's words");
    assert(!this.#asked.has(text), `Asked twice: ${text.slice(0, 40)}`);
    this.#asked.add(text);
  }

  #answer(session: Session, question: string, listener: Listener): void {
    const world = this.#world;
    // A question is thought about for as long in every world of the seed.
    const dice = new Dice(hash(question));
    if (dice.chance(0.5)) listener.setAhead(session, dice.below(4), world.now);
    const thinking = dice.chance(0.5) ? 0 : dice.between(0, 30 * SECOND);
    world.simulation.at(world.now + thinking, () => {
      const seen = this.sessions.get(session);
      if (seen === undefined || session.turn !== "local") return;
      seen.owes = false;
      seen.isDelivering = true;
      listener.answer(session, UTF8.encode(answerTo(question)), world.now);
    });
  }
}

interface Seen {
  owes: boolean;
  isDelivering: boolean;
}

/** A client that converses, leaves, comes back and converses again. */
export class Guest {
  readonly address: Address;
  /** Its client, once it was there. */
  dialer: Dialer | undefined;
  /** How its last conversation ended. */
  end: string | undefined;
  /** The question that awaits its answer. */
  question = "";
  readonly #world: World;
  readonly #index: number;
  readonly #dice: Dice;
  #life = 0;
  #questions = 1;
  #answered = 0;
  #judge = new ClientJudge();

  constructor(world: World, index: number, dice: Dice) {
    this.#world = world;
    this.#index = index;
    this.#dice = dice;
    this.address = GUESTS[index]!;
    const { simulation } = world;
    simulation.at(dice.between(0, SECOND), () => this.#connect());
  }

  /** The secret of its handshake. */
  get nonce(): bigint | undefined {
    return this.#world.simulation.nonces.get(this.address.port);
  }

  /** The secret of its session. */
  get sessionId(): bigint | undefined {
    const { nonce } = this;
    return nonce === undefined ? undefined : this.#world.simulation.sessionIds.get(nonce);
  }

  /** Whether it has come back after its first conversation, and is connected. */
  get isBack(): boolean {
    return this.#life > 1 && this.#judge.isTalking;
  }

  /** It had all its answers, and ended in order. */
  check(): void {
    assertEquals(this.#answered, this.#questions, `answers of guest ${this.#index}`);
    // A confirmation may be lost, and nobody confirms a bye that is said while the server is down.
    const isOrderly = this.end === "bye" || this.end === "unconfirmed";
    assert(isOrderly, `Guest ${this.#index} did not end in order: ${this.end}`);
  }

  #connect(): void {
    const { simulation } = this.#world;
    this.#life++;
    this.#answered = 0;
    this.#questions = this.#life === 1 ? 1 : 1 + this.#dice.below(5);
    const judge = this.#judge = new ClientJudge();
    this.dialer = bounded(simulation.addClient(this.address, (event, dialer) => {
      if (judge === this.#judge) this.#hear(event, dialer);
    }));
  }

  #hear(event: DialerEvent, dialer: Dialer): void {
    const isFirst = !this.#judge.wasConnected;
    this.#judge.hear(event);
    switch (event.type) {
      case "connected":
        if (isFirst) this.#pauseAndGoOn(dialer);
        break;
      case "answer":
        if (this.#world.options.isHonest) assertEquals(event.text, answerTo(this.question));
        assert(UTF8.encode(event.text).length <= MAX_MESSAGE_BYTES, "An answer is too long");
        this.#answered++;
        this.#pauseAndGoOn(dialer);
        break;
      case "ended":
        this.#leave(event.reason);
        break;
      case "refused":
      case "unreachable":
        this.#leave(event.type);
    }
  }

  #pauseAndGoOn(dialer: Dialer): void {
    const pause = this.#dice.chance(0.5) ? 0 : this.#dice.between(0, 30 * SECOND);
    const { simulation } = this.#world;
    simulation.at(simulation.now + pause, () => {
      if (dialer !== this.dialer || dialer.turn === "closed" || dialer.turn === "leaving") return;
      if (this.#answered >= this.#questions) return dialer.bye("bye", simulation.now);
      if (dialer.turn !== "local") return;
      this.question = `guest ${this.#index}, life ${this.#life}, question ${this.#answered} ` +
        "ñ".repeat(filler(this.#dice));
      this.#judge.ask();
      dialer.ask(UTF8.encode(this.question), simulation.now);
    });
  }

  #leave(reason: string): void {
    if (this.#life > 1 || reason !== "bye") {
      this.end = reason;
      return;
    }
    const { simulation } = this.#world;
    simulation.at(simulation.now + ABSENCE_MS, () => this.#connect());
  }
}

/** Watches that the events of a client are legal. */
export class ClientJudge {
  /** Whether it ever got through. */
  wasConnected = false;
  #state: "greeting" | "talking" | "ended" | "over" = "greeting";
  #isOwed = false;
  #isDelivered = false;
  #isUnresponsive = false;

  /** Whether it has a session. */
  get isTalking(): boolean {
    return this.#state === "talking";
  }

  /** It asks a question. */
  ask(): void {
    assert(!this.#isOwed, "A client may ask before its answer is there");
    this.#isOwed = true;
    this.#isDelivered = false;
  }

  hear(event: DialerEvent): void {
    assert(this.#state !== "over", `${event.type} when all is over`);
    switch (event.type) {
      case "connected":
        this.#move("greeting", "talking", event.type);
        this.wasConnected = true;
        this.#isDelivered = false;
        this.#isUnresponsive = false;
        break;
      case "reconnecting":
        this.#move("talking", "greeting", event.type);
        break;
      case "delivered":
        assert(this.isTalking && this.#isOwed && !this.#isDelivered, "delivered out of place");
        this.#isDelivered = true;
        break;
      case "position":
        assert(this.isTalking && this.#isOwed, "a position out of place");
        assert(event.ahead >= 0 && event.ahead <= 65_535, `position ${event.ahead}`);
        break;
      case "answer":
        assert(this.isTalking && this.#isOwed && this.#isDelivered, "an answer out of place");
        this.#isOwed = false;
        break;
      case "unresponsive":
      case "responsive":
        assert(this.isTalking, `${event.type} out of place`);
        assertEquals(this.#isUnresponsive, event.type === "responsive", event.type);
        this.#isUnresponsive = !this.#isUnresponsive;
        break;
      case "unreachable":
      case "refused":
        assert(!this.wasConnected, `${event.type} after it was connected`);
        this.#move("greeting", "ended", event.type);
        break;
      case "ended":
        assert(this.#state !== "ended", "It ends twice");
        this.#state = "ended";
        break;
      case "over":
        this.#move("ended", "over", event.type);
    }
  }

  #move(
    from: "greeting" | "talking" | "ended",
    to: "greeting" | "talking" | "ended" | "over",
    why: string,
  ) {
    assertEquals(this.#state, from, `the state before "${why}"`);
    this.#state = to;
  }
}

/** The answer of the operator. */
function answerTo(question: string): string {
  return `re: ${question.slice(0, 40)} ${"ñ".repeat(filler(new Dice(hash(question) + 1)))}`;
}

// As many short messages as long ones, and the longest now and then.
function filler(dice: Dice): number {
  const most = dice.chance(0.01) ? MAX_MESSAGE_BYTES / 2 - 100 : 2000;
  return Math.floor(most ** dice.random());
}

function hash(text: string): number {
  let hash = text.length;
  for (let at = 0; at < Math.min(60, text.length); at++) {
    hash = Math.imul(hash, 31) + text.charCodeAt(at) | 0;
  }
  return hash;
}

/** Something with timeouts, which must not come back to one that it has handled: a livelock throws. */
function bounded<T extends { nextTimeout: number; handleTimeout(now: number): void }>(end: T): T {
  const handle = end.handleTimeout;
  end.handleTimeout = (now: number) => {
    handle.call(end, now);
    assert(end.nextTimeout > now, `At ${now} the next timeout is at ${end.nextTimeout}`);
  };
  return end;
}
