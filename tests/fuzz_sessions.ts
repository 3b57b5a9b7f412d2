/**
 * Fuzzing of a server and of clients in mid-conversation.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Dialer } from "../transport/reliable/dialer.ts";
import { type Address, formatAddress } from "../transport/endpoint.ts";
import {
  decode,
  decodeWelcome,
  encode,
  encodeHello,
  packetId,
} from "../transport/reliable/packet.ts";
import { type PacketType, packetType } from "../transport/reliable/packet.ts";
import { INITIAL_WINDOW } from "../transport/reliable/window.ts";
import { withId } from "./mutation.ts";
import { liveSessions, SERVER } from "./simulation.ts";
import { DatagramMaker } from "./fuzz_datagrams.ts";
import { Dice } from "./fuzz_dice.ts";
import { type Guest, GUESTS, type Sent, World, type WorldOptions } from "./fuzz_world.ts";

/** Datagrams that one case feeds at most. */
const INPUTS = 400;

/** Most steps of one case: it ends although the conversation may not. */
const MAX_STEPS = 20 * INPUTS;

/** Address of the attacker. */
const ATTACKER: Address = { hostname: "203.0.113.17", port: 9 };

/** Addresses without a guest: each has something in common with one. */
const STRANGERS: readonly Address[] = [
  ATTACKER,
  { ...GUESTS[0]!, hostname: ATTACKER.hostname },
  { ...GUESTS[0]!, port: ATTACKER.port },
];

/** Packets that a server never answers: two of them could go on for ever. */
const ONLY_FROM_SERVERS: ReadonlySet<PacketType | undefined> = new Set(
  ["retry", "welcome", "refuse", "reset"],
);

const NOTHING = new Uint8Array(0);
const NOBODY: ReadonlySet<bigint> = new Set();

/**
 * Knowledge of an attacker:
 * - `blind`: every conversation that is over, and of this one all but its 64-bit ids;
 * - `repeater`: every datagram of this conversation, but only to send it again as it was;
 * - `knowing`: everything, as on the path.
 */
type Attacker = "blind" | "repeater" | "knowing";

/** The end that the attacker sends to. */
type Side = "server" | "client";

/**
 * Feeds one case of datagrams to a server that two clients converse with. Invariants:
 *
 * - nothing throws, no timeout stays due after it was handled, and the tables keep to their bounds;
 * - a datagram of no known session is answered by one at most, not larger, to where it came from; any
 *   other by one at most, and by a bye besides while the server closes; what only servers send by none;
 * - a WELCOME goes only to where a token for it was sent;
 * - every event is legal: connected, then question and answer in turn, then the end, all once;
 * - a `blind` attacker, who may have sessions of its own, changes nothing: afterwards both
 *   conversations are, datagram by datagram and to the millisecond, what they are without it;
 * - a `repeater` has no question asked twice and keeps no client from the right end;
 * - after a `knowing` one the sessions end by silence, and nothing is left of them.
 *
 * @returns Number of datagrams fed.
 */
export function fuzzServer(seed: number): number {
  return fuzz(seed, "server");
}

/**
 * Feeds one case of datagrams to two clients that converse with a server. Invariants:
 *
 * - nothing throws, and no timeout stays due after it was handled;
 * - a datagram is answered by one at most, and that goes to the server;
 * - every event is legal: each answer follows its question, and the end is the end;
 * - a `blind` attacker is never answered and changes nothing: both conversations are, datagram by
 *   datagram and to the millisecond, what they are without it;
 * - a `repeater` has no answer shown twice and keeps no client from the right end;
 * - after a `knowing` one, and without a server, the clients give up.
 *
 * @returns How many datagrams were fed.
 */
export function fuzzClient(seed: number): number {
  return fuzz(seed, "client");
}

/** All datagrams of a few whole conversations, of every type that there is. */
export function recordConversations(): readonly Sent[] {
  return recording ??= [1, 2, 3, 4, 5, 6, 7, 8].flatMap((seed) => {
    const world = new World(seed, { isHonest: true });
    world.finish();
    return world.simulation.sent;
  }).concat(recordRefusals());
}

let recording: readonly Sent[] | undefined;

// A server that is full, then closes, and is knocked at.
function recordRefusals(): readonly Sent[] {
  const world = new World(9, { isHonest: false, maxSessions: 1 });
  const { simulation } = world;
  simulation.at(5000, () => {
    world.listener!.close(simulation.now);
    world.simulation.settle(SERVER);
    simulation.addClient(GUESTS[0]!, () => {});
  });
  simulation.drive();
  return simulation.sent;
}

function fuzz(seed: number, side: Side): number {
  const dice = new Dice(seed);
  const attacker = dice.pick<Attacker>(["blind", "blind", "repeater", "knowing"]);
  const isFromTheStart = dice.chance(0.2);
  const isHonest = attacker !== "knowing";
  const limits = () => ({
    maxSessions: dice.pick([2, 3, 1000]),
    maxQuestions: dice.pick([1, 2, 1000]),
    maxHalfOpen: dice.pick([0, 2, 128]),
  });
  // What is half open would be left of a blind attacker's HELLOs.
  const options: WorldOptions = { isHonest, ...isHonest ? {} : limits() };
  const world = new World(seed, options);
  if (!isFromTheStart) {
    world.simulation.drive(() => world.isOver || world.guests.every(({ isBack }) => isBack));
  }
  const attack = new Attack(world, side, attacker, dice);
  let fed = 0;
  for (let step = 0; step < MAX_STEPS && fed < INPUTS && !world.isOver; step++) {
    if (step % 16 === 0) attack.pass();
    fed += attack.feed();
  }
  if (attacker === "knowing") {
    attack.abandon();
    return fed;
  }
  world.finish();
  if (attacker === "blind") {
    const undisturbed = new World(seed, options);
    undisturbed.finish();
    compare(world.simulation.sent, undisturbed.simulation.sent);
  }
  return fed;
}

// An acknowledgement makes room for itself and, in slow start, for one more; of what is overdue by then
// two copies may go out. Every segment is acknowledged once, so that this does not go on. And a
// client that gets through again asks its open question, as far as the first window goes.
function mostReplies(type: PacketType | undefined): number {
  if (type === "ack") return 4;
  return type === "welcome" ? INITIAL_WINDOW : 1;
}

class Attack {
  readonly #world: World;
  readonly #side: Side;
  readonly #attacker: Attacker;
  readonly #dice: Dice;
  readonly #maker: DatagramMaker;
  #ownSession: { readonly id: bigint; readonly of: unknown } | undefined;
  #seenLoot = 0;
  #isClosing = false;

  constructor(world: World, side: Side, attacker: Attacker, dice: Dice) {
    this.#world = world;
    this.#side = side;
    this.#attacker = attacker;
    this.#dice = dice;
    this.#maker = new DatagramMaker(dice);
  }

  /** Lets some time pass, and looks for timeouts when there is none. */
  pass(): void {
    const dice = this.#dice;
    const world = this.#world;
    if (this.#attacker === "knowing" && dice.chance(0.02)) {
      // A machine that slept.
      world.simulation.now += dice.between(0, 200_000);
    }
    world.pass(dice.chance(0.5) ? dice.between(0, 200) : dice.between(0, 8000));
    if (dice.chance(0.3)) {
      world.listener?.handleTimeout(world.now);
      world.simulation.settle(SERVER);
      for (const guest of world.guests) {
        guest.dialer?.handleTimeout(world.now);
        world.simulation.settle(guest.address);
      }
    }
  }

  /** Feeds one datagram to an end that is there. Returns how many were fed. */
  feed(): number {
    return this.#side === "server" ? this.#feedServer() : this.#feedClient();
  }

  #feedServer(): number {
    const world = this.#world;
    const { listener, now } = world;
    if (listener === undefined) return 0;
    if (this.#attacker === "knowing" && this.#dice.chance(0.001)) this.#close();
    const { datagram, from } = this.#forServer();
    const before = this.#serverState();
    const { size } = listener;
    const live = liveSessions(listener);
    const length = datagram.length;
    const isUnproved = this.#isUnproved(datagram);
    const type = packetType(datagram);
    const addresses = isUnproved ? [] : Array.from(listener.sessions, ({ address }) => address);
    listener.receive(datagram, from, now);
    const replies = listener.takeTransmits();

    // A session that moves sends a challenge beside its reply, and one that closes a bye.
    const beside = this.#isClosing ? 2 : 1;
    const most = ONLY_FROM_SERVERS.has(type) ? 0 : isUnproved ? 1 : beside + mostReplies(type);
    assert(replies.length <= most, `${replies.length} replies to one ${type}`);
    for (const { datagram: reply, to } of replies) {
      if (isUnproved) assert(reply.length <= length, `${reply.length} bytes for ${length}`);
      // A session replies to its last proved address.
      const isBack = [from, ...addresses].some((it) => formatAddress(it) === formatAddress(to));
      assert(isBack, "A reply goes elsewhere");
    }
    const { maxSessions = 1000, maxHalfOpen = 0 } = world.options;
    assert(
      liveSessions(listener) <= maxSessions + maxHalfOpen &&
        listener.size <= 2 * maxSessions + maxHalfOpen,
      "too many sessions",
    );
    assert(listener.size <= size + 1, "One datagram opens two sessions");
    if (listener.size > size || liveSessions(listener) > live) assertEquals(type, "hello");
    if (this.#attacker === "blind") assertSame(this.#serverState(), before);
    this.#forward(replies.map(({ datagram, to }) => ({ at: now, datagram, from: SERVER, to })));
    world.simulation.settle(SERVER);
    return 1;
  }

  #feedClient(): number {
    const world = this.#world;
    const guest = this.#dice.pick(world.guests);
    if (guest.dialer === undefined) return 0;
    this.#feedGuest(guest, guest.dialer, this.#forGuest(guest));
    return 1;
  }

  /** Leaves the ends alone, and asserts that nothing is left of them. */
  abandon(): void {
    const { simulation, guests } = this.#world;
    if (this.#side === "server") {
      for (const { address } of guests) simulation.remove(address);
      simulation.drive();
      this.#world.checkEmpty();
      return;
    }
    this.#world.stopServer({ forGood: true });
    simulation.drive();
    for (const { dialer } of guests) {
      if (dialer !== undefined) assertSame(clientState(dialer), "closed Infinity");
    }
  }

  #feedGuest(guest: Guest, dialer: Dialer, datagram: Uint8Array): void {
    const from = this.#dice.chance(0.7) ? SERVER : this.#anywhere();
    const before = clientState(dialer);
    const type = packetType(datagram);
    dialer.receive(datagram, from, this.#world.now);
    const replies = dialer.takeTransmits();
    assert(replies.length <= mostReplies(type), `${replies.length} replies to one ${type}`);
    for (const { to } of replies) assert(to === SERVER, "A client sends elsewhere");
    if (this.#attacker === "blind") {
      assertSame(clientState(dialer), before);
      const types = dialer.takeEvents().map(({ type }) => type).filter((it) => it !== "foreign");
      assertSame(`${replies.length} replies, ${types}`, "0 replies, ");
    }
    const { simulation } = this.#world;
    for (const reply of replies) simulation.send(reply.datagram, guest.address, reply.to);
    simulation.settle(guest.address);
  }

  #forServer(): { datagram: Uint8Array; from: Address } {
    const dice = this.#dice;
    const maker = this.#maker;
    const { sent } = this.#world.simulation;
    if (this.#attacker === "repeater") {
      const repeated = pickSent(dice, sent, ({ to }) => to === SERVER);
      const from = dice.chance(0.7) ? repeated.from : this.#anywhere();
      return { datagram: maker.copy(repeated.datagram), from };
    }
    const from = this.#anywhere();
    if (dice.chance(0.1)) {
      const own = this.#own();
      // The owner of a session may say that it is anywhere.
      if (own !== undefined) return { datagram: own, from: dice.chance(0.9) ? ATTACKER : from };
    }
    const secrets = this.#attacker === "blind" ? this.#secrets(this.#world.guests) : NOBODY;
    return { datagram: this.#any(secrets), from };
  }

  #forGuest(guest: Guest): Uint8Array {
    const dice = this.#dice;
    if (this.#attacker !== "repeater") {
      return this.#any(this.#attacker === "blind" ? this.#secrets([guest]) : NOBODY);
    }
    const { port } = guest.address;
    const { sent } = this.#world.simulation;
    return this.#maker.copy(pickSent(dice, sent, ({ to }) => to.port === port).datagram);
  }

  // Anything, but without those ids.
  #any(secrets: ReadonlySet<bigint>): Uint8Array {
    const dice = this.#dice;
    const maker = this.#maker;
    const { sent } = this.#world.simulation;
    // Of this world, the earlier conversation and this one; and of others.
    const known = dice.chance(0.7) && sent.length > 0 ? sent : recordConversations();
    const sound = [dice.pick(known).datagram, dice.pick(known).datagram];
    const kind = dice.below(10);
    if (kind === 0) return maker.without(secrets, maker.noise());
    if (kind <= 2) return maker.without(secrets, maker.copy(sound[0]!));
    if (kind <= 4) return maker.without(secrets, maker.forged(this.#id()));
    const datagram = maker.wrong(sound);
    if (kind > 7) return maker.without(secrets, maker.copy(withId(datagram, this.#id())));
    return maker.without(secrets, datagram);
  }

  // The id of somebody; where it is a secret, the nearest that an attacker comes is one bit off.
  #id(): bigint {
    const { guests } = this.#world;
    const guest = this.#dice.pick(guests);
    const id = this.#dice.chance(0.8) ? guest.sessionId : guest.nonce;
    return id === undefined || this.#dice.chance(0.1) ? this.#dice.id() : id;
  }

  // Known to the two ends alone while it matters.
  #secrets(guests: readonly Guest[]): ReadonlySet<bigint> {
    const secrets = new Set<bigint>();
    for (const { nonce, sessionId } of guests) {
      if (sessionId !== undefined) secrets.add(sessionId);
      const isConnected = sessionId !== undefined && this.#world.judge.connected.has(sessionId);
      if (nonce !== undefined && !isConnected) secrets.add(nonce);
    }
    return secrets;
  }

  // A packet of the attacker's own session, or the next step towards one.
  #own(): Uint8Array | undefined {
    const dice = this.#dice;
    const { listener, simulation } = this.#world;
    if (this.#ownSession?.of === listener && dice.chance(0.99)) {
      const id = this.#ownSession!.id;
      const known = dice.chance(0.5) ? simulation.sent : recordConversations();
      if (dice.chance(0.5) || known.length === 0) return this.#maker.forged(id);
      return this.#maker.copy(withId(dice.pick(known).datagram, id));
    }
    for (; this.#seenLoot < simulation.loot.length; this.#seenLoot++) {
      const { datagram, at, to } = simulation.loot[this.#seenLoot]!;
      if (to !== ATTACKER) continue;
      const packet = decode(datagram);
      if (packet?.type === "retry" && at === simulation.now) {
        this.#seenLoot++;
        return this.#maker.copy(hello(packet.id, packet.payload));
      }
      if (packet?.type !== "welcome") continue;
      const id = decodeWelcome(packet.payload).sessionId;
      this.#ownSession = { id, of: listener };
    }
    return this.#maker.copy(hello(dice.id(), NOTHING));
  }

  #anywhere(): Address {
    return this.#dice.pick(this.#dice.chance(0.5) ? GUESTS : STRANGERS);
  }

  #isUnproved(datagram: Uint8Array): boolean {
    const type = packetType(datagram);
    return type === undefined || type === "hello" || !this.#isKnown(packetId(datagram));
  }

  #isKnown(id: bigint): boolean {
    const { simulation } = this.#world;
    return simulation.foreignIds.has(id) || [...simulation.sessionIds.values()].includes(id);
  }

  // A reply to a datagram that says to be from a guest goes to that guest, past the network: it was
  // not there without the attacker.
  #forward(replies: readonly Sent[]): void {
    const { simulation, guests } = this.#world;
    for (const reply of replies) {
      const packet = decode(reply.datagram)!;
      simulation.checkProof(packet, reply.to);
      if (packet.type === "welcome" && packet.id !== this.#nonceAt(reply.to)) {
        simulation.foreignIds.add(decodeWelcome(packet.payload).sessionId);
      }
      const guest = guests.find(({ address }) => address === reply.to);
      if (guest === undefined) simulation.loot.push(reply);
      else if (guest.dialer !== undefined) {
        if (this.#attacker === "blind") this.#feedGuest(guest, guest.dialer, reply.datagram);
        else simulation.send(reply.datagram, SERVER, reply.to);
      }
    }
  }

  #nonceAt({ port }: Address): bigint | undefined {
    return this.#world.simulation.nonces.get(port);
  }

  #serverState(): string {
    const ids = this.#world.guests.map(({ sessionId }) => sessionId);
    let state = "";
    for (const session of this.#world.judge.sessions.keys()) {
      if (!ids.includes(session.id)) continue;
      const { turn, delivery: { isSending }, heardAt, address, nextTimeout } = session;
      const { hostname, port } = address;
      state += `${turn} ${isSending} ${heardAt} ${hostname} ${port} ${nextTimeout}\n`;
    }
    return state;
  }

  #close(): void {
    this.#isClosing = true;
    this.#world.listener!.close(this.#world.now);
    this.#world.simulation.settle(SERVER);
  }
}

function clientState({ turn, nextTimeout }: Dialer): string {
  return `${turn} ${nextTimeout}`;
}

// For each of millions: the difference is only made out where there is one.
function assertSame(is: string, was: string): void {
  if (is !== was) assertEquals(is, was);
}

function hello(nonce: bigint, token: Uint8Array): Uint8Array {
  const payload = encodeHello({ idleTimeout: 75_000, token, keyShare: NOTHING });
  return encode({ type: "hello", id: nonce, attempt: 1, payload });
}

function pickSent(dice: Dice, sent: readonly Sent[], fits: (sent: Sent) => boolean): Sent {
  for (let tries = 0; tries < 20 && sent.length > 0; tries++) {
    const one = dice.pick(sent);
    if (fits(one)) return one;
  }
  return sent.find(fits) ?? recordConversations().find(fits)!;
}

// Ids and tokens are drawn by the server, from whom an attacker draws too.
function compare(disturbed: readonly Sent[], undisturbed: readonly Sent[]): void {
  for (let at = 0; at < undisturbed.length; at++) {
    const [is, was] = [describe(disturbed[at]), describe(undisturbed[at])];
    if (is !== was) assertEquals(is, was, `datagram ${at} of the conversations`);
  }
  assertEquals(disturbed.length, undisturbed.length);
}

function describe(sent: Sent | undefined): string {
  if (sent === undefined) return "nothing";
  const packet = decode(sent.datagram)!;
  const { type, attempt, echo, ackDelay, number, segment, lastSegment, ahead, payload } = packet;
  const fields = [type, attempt, echo, ackDelay, number, segment, lastSegment, ahead];
  const { at, from, to } = sent;
  return [at, from.port, to.port, ...fields, payload.length].join(" ");
}
