import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { mutate, randomDatagram } from "../../tests/mutation.ts";
import { hmac, liveSessions } from "../../tests/simulation.ts";
import { codeRoom } from "../../tests/rooms.ts";
import { cases } from "../../tests/whole.ts";
import {
  Listener,
  type ListenerEvent,
  type ListenerOptions,
  SHUTDOWN_TIMEOUT_MS,
} from "./listener.ts";
import type { Address } from "../endpoint.ts";
import type { Room, Seal } from "./seal.ts";
import type { Session } from "./session.ts";
import { HALF_OPEN_MS, MAX_HALF_OPEN, MAX_HALF_OPEN_OF_NETWORK } from "../limits.ts";
import { OVERLOAD_REPORT_INTERVAL_MS, UNPROVED_REPLIES_PER_SECOND } from "../limits.ts";
import { OutOfTurnError } from "../../protocol.ts";
import {
  BYE_REASONS,
  decode,
  decodeWelcome,
  encode,
  encodeHello,
  handshakeFields,
  HEADER_BYTES,
  HELLO_BYTES,
  MAX_DATAGRAM_BYTES,
  type Packet,
  type PacketFields,
  REFUSALS,
} from "./packet.ts";

const CLIENT: Address = { hostname: "192.0.2.7", port: 40_001 };
const OTHER: Address = { hostname: "203.0.113.9", port: 7 };
const NONCE = 0x0123_4567_89ab_cdefn;
const NOTHING = new Uint8Array(0);
const IDLE_MS = 75_000;

function newListener(
  { seed = 1, ...options }: Partial<ListenerOptions> & { seed?: number } = {},
): Listener {
  const random = seededRandom(seed);
  return new Listener({
    maxSessions: 1000,
    maxSessionsPerAddress: 1000,
    maxQuestions: 1000,
    maxHalfOpen: 0,
    idleTimeout: IDLE_MS,
    hmac,
    random,
    randomBytes: (length) => seededBytes(random, length),
    ...options,
  });
}

interface HelloFields {
  readonly nonce?: bigint;
  readonly token?: Uint8Array;
  readonly attempt?: number;
  readonly idleTimeout?: number;
  readonly keyShare?: Uint8Array;
}

function hello(
  { nonce = NONCE, token = NOTHING, attempt = 1, idleTimeout = IDLE_MS, keyShare = NOTHING }:
    HelloFields,
) {
  const payload = encodeHello({ idleTimeout, token, keyShare });
  return encode({ type: "hello", id: nonce, attempt, payload });
}

/** Hands a datagram in and gives back the packets that went out for it, all to its sender. */
function exchange(
  listener: Listener,
  datagram: Uint8Array,
  { from = CLIENT, now = 0 }: { from?: Address; now?: number } = {},
): Packet[] {
  listener.receive(datagram, from, now);
  return listener.takeTransmits().map(({ datagram, to }) => {
    assertEquals(to, from);
    return decode(datagram)!;
  });
}

interface Knock extends HelloFields {
  readonly from?: Address;
  readonly now?: number;
}

/** The first half of a handshake: the token. */
function tokenOf(listener: Listener, knock: Knock = {}): Uint8Array {
  const [retry, ...more] = exchange(listener, hello(knock), knock);
  assertEquals([retry?.type, more], ["retry", []]);
  return retry!.payload;
}

/** Both halves of a handshake: what came for the token. */
function knock(listener: Listener, knock: Knock = {}): Packet {
  const token = tokenOf(listener, knock);
  const [reply, ...more] = exchange(listener, hello({ ...knock, token }), knock);
  assertEquals(more, []);
  return reply!;
}

/** A client that has a session: sends packets of it. */
class Guest {
  readonly id: bigint;
  readonly welcome: Packet;
  readonly #listener: Listener;
  readonly #from: Address;

  constructor(listener: Listener, fields: Knock = {}) {
    this.#listener = listener;
    this.#from = fields.from ?? CLIENT;
    this.welcome = knock(listener, fields);
    assertEquals(this.welcome.type, "welcome");
    this.id = decodeWelcome(this.welcome.payload).sessionId;
  }

  send(packet: Omit<PacketFields, "id">, now = 0): Packet[] {
    return exchange(this.#listener, encode({ ...packet, id: this.id }), { from: this.#from, now });
  }

  ask(number: number, text: string | Uint8Array, now = 0): Packet[] {
    const payload = typeof text === "string" ? new TextEncoder().encode(text) : text;
    return this.send({ type: "message", number, attempt: 1, echo: 1, payload }, now);
  }

  bye(now = 0): Packet[] {
    return this.send({ type: "bye", payload: Uint8Array.of(0) }, now);
  }
}

function sessionOf(events: readonly ListenerEvent[]) {
  return sessionsOf(events)[0]!;
}

function sessionsOf(events: readonly ListenerEvent[]): Session[] {
  return events.flatMap((event) => "session" in event ? [event.session] : []);
}

function typesOf(packets: readonly (Packet | undefined)[]): (string | undefined)[] {
  return packets.map((packet) => packet?.type);
}

function takeTypes(listener: Listener): string[] {
  return listener.takeEvents().map(({ type }) => type);
}

function answer(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A server that trusts, and a way to knock without a token. */
function trusting(options: Parameters<typeof newListener>[0] = {}) {
  const listener = newListener({ maxHalfOpen: MAX_HALF_OPEN, ...options });
  let nonce = 1000n;
  const reply = (knock: Knock = {}) =>
    typesOf(exchange(listener, hello({ nonce: ++nonce, ...knock }), knock)).join();
  return { listener, reply };
}

/** The id in the WELCOME to a HELLO without a token. */
function welcomedTo(listener: Listener, knock: Knock = {}): bigint {
  const [welcome, ...more] = exchange(listener, hello(knock), knock);
  assertEquals([welcome?.type, more], ["welcome", []]);
  return decodeWelcome(welcome!.payload).sessionId;
}

Deno.test("listener: a HELLO is welcomed at once, and takes a seat with the first packet", () => {
  const { listener } = trusting({ maxSessions: 1 });
  const id = welcomedTo(listener, { attempt: 3 });
  assertEquals([listener.size, listener.takeEvents()], [1, []]);
  assertEquals(exchange(listener, encode({ type: "ack", id }), { now: HALF_OPEN_MS - 1 }), []);
  assertEquals(takeTypes(listener), ["connected"]);
  listener.handleTimeout(IDLE_MS);
  assertEquals(listener.size, 1, "it lasts as long as any other from then on");
  assertEquals(knock(listener, { nonce: 2n, now: IDLE_MS }).type, "refuse");
});

Deno.test("listener: half open sessions are bounded, in all and for one network", () => {
  const { listener, reply } = trusting();
  const of = (network: number) => ({ from: { hostname: `2001:db8:0:${network}::1`, port: 9 } });
  const most = MAX_HALF_OPEN / MAX_HALF_OPEN_OF_NETWORK;
  for (let network = 0; network < most; network++) {
    for (let i = 0; i < MAX_HALF_OPEN_OF_NETWORK; i++) assertEquals(reply(of(network)), "welcome");
    assertEquals(reply(of(network)), "retry");
  }
  assertEquals([reply(of(most)), listener.size], ["retry", MAX_HALF_OPEN]);
  assertEquals(knock(listener, of(most)).type, "welcome", "with a token there is room");
});

Deno.test("listener: no more are half open than seats are left", () => {
  const { listener, reply } = trusting({ maxSessions: 3, maxSessionsPerAddress: 2 });
  assertEquals([reply(), reply(), reply()], ["welcome", "welcome", "retry"]);
  assertEquals([reply({ from: OTHER }), reply({ from: OTHER })], ["welcome", "retry"]);
  listener.handleTimeout(HALF_OPEN_MS);
  for (const nonce of [1n, 2n]) {
    const id = welcomedTo(listener, { nonce, now: HALF_OPEN_MS });
    exchange(listener, encode({ type: "ack", id }), { now: HALF_OPEN_MS });
  }
  assertEquals([reply({ now: HALF_OPEN_MS }), listener.size], ["retry", 2]);
  assertEquals(reply({ from: OTHER, now: HALF_OPEN_MS }), "welcome");
});

// A server that had been stopped for a while asked the address whether it was still there.
for (const at of [HALF_OPEN_MS, IDLE_MS, 1e9]) {
  Deno.test(`listener: a half open session is forgotten without a word, at ${at} ms`, () => {
    const { listener, reply } = trusting();
    const id = welcomedTo(listener);
    listener.handleTimeout(HALF_OPEN_MS - 1);
    assertEquals(listener.size, 1);
    listener.handleTimeout(at);
    assertEquals([listener.size, listener.takeTransmits(), takeTypes(listener)], [0, [], []]);
    assertEquals(listener.nextTimeout, Infinity);
    assertEquals(typesOf(exchange(listener, encode({ type: "ack", id }), { now: at })), ["reset"]);
    assertEquals(reply({ now: at }), "welcome");
  });
}

// A server that closed at once left a client that was welcomed a moment ago waiting for 75 s.
Deno.test("listener: a server that closes tells half open sessions with their first packet, in time", () => {
  const { listener, reply } = trusting();
  const [id] = [welcomedTo(listener), welcomedTo(listener, { nonce: 2n })];
  listener.close(0);
  assertEquals([listener.takeTransmits(), takeTypes(listener)], [[], []]);
  assertEquals(reply(), "refuse");
  const [bye] = exchange(listener, encode({ type: "ack", id }), { now: 10 });
  assertEquals([bye?.type, BYE_REASONS[bye!.payload[0]!]], ["bye", "closing"]);
  exchange(listener, encode({ type: "bye-ack", id: id! }), { now: 20 });
  listener.handleTimeout(SHUTDOWN_TIMEOUT_MS);
  assertEquals(listener.takeTransmits(), []);
  assertEquals(takeTypes(listener), ["connected", "ended", "drained"]);
});

Deno.test("listener: a HELLO that comes again from a half open session is welcomed to it again", () => {
  const { listener } = trusting();
  const id = welcomedTo(listener);
  assertEquals(exchange(listener, hello({}), { now: 1 }), [], "a copy");
  assertEquals(welcomedTo(listener, { attempt: 2, now: 2 }), id);
  listener.handleTimeout(HALF_OPEN_MS);
  assertEquals(listener.size, 0, "that makes it last no longer");
});

// The address that a token proves is the session's from then on. The forged one would have been sent the
// whole conversation: the id, which shows that a WELCOME arrived, was told to both.
Deno.test("listener: a nonce that is known from elsewhere needs a token, and moves with it", () => {
  const { listener } = trusting();
  const id = welcomedTo(listener, { from: OTHER });
  const token = tokenOf(listener);
  const [welcome] = exchange(listener, hello({ token, attempt: 2 }));
  assertEquals([decodeWelcome(welcome!.payload).sessionId, listener.size], [id, 1]);
  assertEquals(tokenOf(listener, { from: OTHER }).length, 36);
  const question = encode({ type: "message", id, number: 1, payload: answer("q") });
  assertEquals(exchange(listener, question), []);
  const session = sessionOf(listener.takeEvents());
  assertEquals(session.address, CLIENT);
  listener.answer(session, answer("a"), 0);
  assertEquals(listener.takeTransmits().map(({ to }) => to), [CLIENT]);
});

// Such a client took a seat of the network that it had forged, and none of its own: whoever could forge
// addresses filled the server from one, and shut out the networks that he chose.
Deno.test("listener: a seat is one of the network that was proved, not of a forged one before", () => {
  const { listener, reply } = trusting({ maxSessionsPerAddress: 1 });
  const id = welcomedTo(listener, { from: OTHER });
  exchange(listener, hello({ token: tokenOf(listener), attempt: 2 }));
  exchange(listener, encode({ type: "ack", id }));
  assertEquals(takeTypes(listener), ["connected"]);
  assertEquals(knock(listener, { nonce: 2n }).type, "refuse");
  assertEquals(reply({ from: OTHER }), "welcome");
});

Deno.test("listener: a first packet from another address proves the one that was welcomed", () => {
  const { listener } = trusting();
  const id = welcomedTo(listener);
  const question = encode({ type: "message", id, number: 1, payload: new Uint8Array(2) });
  listener.receive(question, OTHER, 0);
  const [challenge, ...more] = listener.takeTransmits();
  assertEquals([challenge?.to, more], [OTHER, []]);
  const session = sessionOf(listener.takeEvents());
  assertEquals(session.address, CLIENT);
  listener.answer(session, new Uint8Array(60_000), 0);
  let toOther = challenge!.datagram.length;
  for (let now = listener.nextTimeout; listener.size > 0; now = listener.nextTimeout) {
    listener.handleTimeout(now);
    for (const { datagram, to } of listener.takeTransmits()) {
      if (to.hostname === OTHER.hostname) toOther += datagram.length;
    }
  }
  assert(toOther <= 3 * question.length, `${toOther} bytes for ${question.length}`);
});

Deno.test("listener: a client whose seat is taken before its first packet is told so", () => {
  const { listener } = trusting({ maxSessions: 1 });
  const id = welcomedTo(listener);
  assertEquals(knock(listener, { nonce: 2n, from: OTHER }).type, "welcome");
  const [bye] = exchange(listener, encode({ type: "ping", id })).slice(-1);
  assertEquals([bye?.type, BYE_REASONS[bye!.payload[0]!]], ["bye", "full"]);
  assertEquals(takeTypes(listener), []);
});

Deno.test("listener: nobody tells an open room of a wrong code", () => {
  const { listener } = trusting();
  welcomedTo(listener);
  const payload = Uint8Array.of(REFUSALS.indexOf("wrong-code"));
  exchange(listener, encode({ type: "refuse", id: NONCE, payload }));
  assertEquals([listener.counters.ignored, listener.nextTimeout], [1, HALF_OPEN_MS]);
});

// Invariant: before its first packet an address is sent a datagram for each of its own at most, no larger,
// whatever else happens: time, closing, copies, tokens that it saw or made up.
Deno.test("listener: nothing goes to an unproved address but a reply that is no larger", () => {
  for (let seed = 0; seed < cases(1000); seed++) {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(limit * random());
    const { listener } = trusting({ seed, maxSessions: 1 + below(40) });
    const tokens: Uint8Array[] = [NOTHING];
    const retries = new Set<string>();
    for (let step = 0, now = 0; step < 100; step++) {
      now += random() < 0.1 ? below(2 * IDLE_MS) : below(50);
      listener.handleTimeout(now);
      if (random() < 0.005) listener.close(now);
      assertEquals(listener.takeTransmits(), [], `seed ${seed}: out of the blue`);
      const from = { hostname: `192.0.2.${below(4)}`, port: 1 + below(3) };
      const [nonce, attempt] = [BigInt(below(20)), 1 + below(3)];
      const fields = { nonce, attempt, token: tokens[below(tokens.length)]! };
      const key = `${from.hostname} ${from.port} ${nonce} ${fields.token.toHex()}`;
      if (retries.has(key)) continue;
      const datagram = hello(fields);
      const replies = exchange(listener, datagram, { from, now });
      assert(replies.length <= 1, `seed ${seed}`);
      for (const { type, payload } of replies) {
        assert(HEADER_BYTES + payload.length <= datagram.length, `seed ${seed}: ${type}`);
        if (type !== "retry") continue;
        tokens.push(payload);
        retries.add(`${from.hostname} ${from.port} ${nonce} ${payload.toHex()}`);
      }
      assert(listener.size <= 4 * MAX_HALF_OPEN_OF_NETWORK, `seed ${seed}`);
    }
    assert(takeTypes(listener).every((type) => type === "drained" || type === "overload"));
  }
});

Deno.test("listener: a first HELLO beyond the bound gets a token, and leaves nothing behind", () => {
  const listener = newListener();
  const [retry, ...more] = exchange(listener, hello({ attempt: 3 }));
  assertEquals([retry?.type, retry?.id, retry?.echo, more], ["retry", NONCE, 3, []]);
  assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
  assertEquals(listener.takeEvents(), []);
});

Deno.test("listener: no state before the token comes back, whoever asks", () => {
  const listener = newListener();
  for (let i = 0; i < 5000; i++) {
    const from = { hostname: `198.51.100.${i % 256}`, port: i + 1 };
    assertEquals(typesOf(exchange(listener, hello({ nonce: BigInt(i) }), { from })), ["retry"]);
  }
  assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
});

Deno.test("listener: the token that comes back opens a session", () => {
  const listener = newListener();
  const welcome = knock(listener, { attempt: 2 });
  assertEquals([welcome.type, welcome.id, welcome.echo], ["welcome", NONCE, 2]);
  assertEquals(welcome.attempt, 1);
  assertEquals(decodeWelcome(welcome.payload).idleTimeout, IDLE_MS);
  assertNotEquals(decodeWelcome(welcome.payload).sessionId, NONCE);
  assertEquals([listener.size, liveSessions(listener)], [1, 1]);
  assertEquals(listener.takeEvents(), [], "the client does not know of it yet");
});

Deno.test("listener: a token of another address, nonce, server or time opens none", () => {
  const listener = newListener();
  const token = tokenOf(listener);
  const stranger = tokenOf(newListener({ seed: 2 }));
  const tries: readonly (readonly [HelloFields, Address, number])[] = [
    [{ token }, OTHER, 0],
    [{ token }, { ...CLIENT, port: CLIENT.port + 1 }, 0],
    [{ token, nonce: NONCE + 1n }, CLIENT, 0],
    [{ token: stranger }, CLIENT, 0],
    [{ token: token.subarray(1) }, CLIENT, 0],
    [{ token }, CLIENT, 240_000],
  ];
  for (const [fields, from, now] of tries) {
    assertEquals(typesOf(exchange(listener, hello(fields), { from, now })), ["retry"]);
    assertEquals(listener.size, 0);
  }
});

Deno.test("listener: a HELLO of another size or with malformed lengths gets no reply", () => {
  const listener = newListener();
  const sound = hello({});
  const long = new Uint8Array(MAX_DATAGRAM_BYTES);
  long.set(sound);
  for (let length = HEADER_BYTES; length <= MAX_DATAGRAM_BYTES; length++) {
    if (length === HELLO_BYTES) continue;
    assertEquals(exchange(listener, long.subarray(0, length)), []);
  }
  for (const at of [4, 5]) {
    const malformed = sound.slice();
    malformed[HEADER_BYTES + at] = 200;
    assertEquals(exchange(listener, malformed), []);
  }
  assertEquals(listener.counters.malformed, MAX_DATAGRAM_BYTES - HEADER_BYTES + 2);
});

// Invariant: without proof of address, one datagram is answered by one at most, which is not larger,
// goes to where it came from, and leaves nothing behind.
Deno.test("listener: amplification is at most 1 in bytes and in datagrams, for any input", () => {
  const seed = 40_961;
  const random = seededRandom(seed);
  const listener = newListener();
  const payload = new Uint8Array(0);
  const sound = [
    hello({}),
    hello({ token: new Uint8Array(36) }),
    encode({ type: "retry", id: 1n, payload: new Uint8Array(36) }),
    encode({ type: "welcome", id: 1n, payload: new Uint8Array(12) }),
    encode({ type: "refuse", id: 1n, payload: new Uint8Array(1) }),
    encode({ type: "message", id: 1n, number: 1, payload: new Uint8Array(500) }),
    encode({ type: "ack", id: 1n, payload }),
    encode({ type: "ping", id: 1n, payload }),
    encode({ type: "bye", id: 1n, payload: new Uint8Array(1) }),
    encode({ type: "reset", id: 1n, payload }),
  ];
  const any = () => sound[Math.floor(random() * sound.length)]!;
  const answered = new Set<string>();
  for (let i = 0; i < cases(50_000); i++) {
    const choice = i % 3;
    const datagram = choice === 0
      ? randomDatagram(random)
      : choice === 1
      ? any()
      : mutate(any(), any(), random);
    listener.receive(datagram, CLIENT, i * 10);
    const sent = listener.takeTransmits();
    assert(sent.length <= 1, `seed ${seed}: datagram ${i} gets ${sent.length} replies`);
    for (const { datagram: reply, to } of sent) {
      assert(reply.length <= datagram.length, `seed ${seed}: reply ${i} has ${reply.length} bytes`);
      assertEquals(to, CLIENT);
      answered.add(decode(reply)!.type);
    }
  }
  assertEquals([...answered].sort(), ["reset", "retry"]);
  assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
  assert(listener.takeEvents().every(({ type }) => type === "foreign"));
});

Deno.test("listener: a refusal and a WELCOME are no larger than the HELLO either", () => {
  const listener = newListener({ maxSessions: 1 });
  for (const nonce of [1n, 2n]) {
    const token = tokenOf(listener, { nonce });
    listener.receive(hello({ nonce, token }), CLIENT, 0);
    const sent = listener.takeTransmits();
    assertEquals(sent.length, 1);
    assert(sent[0]!.datagram.length <= HELLO_BYTES);
  }
});

Deno.test("listener: a HELLO that comes twice opens one session, and is welcomed to it again", () => {
  const listener = newListener();
  const token = tokenOf(listener);
  const welcomes = [[1, 0], [1, 1000], [2, 1000]].map(([attempt, now]) => {
    const knock = { token, attempt: attempt!, now: now! };
    const [welcome, ...more] = exchange(listener, hello(knock), knock);
    assertEquals(exchange(listener, hello(knock), knock), [], "a copy of it needs no answer");
    assertEquals(more, []);
    return welcome!;
  });
  assertEquals(typesOf(welcomes), ["welcome", "welcome", "welcome"]);
  const ids = welcomes.map(({ payload }) => decodeWelcome(payload).sessionId);
  assertEquals(new Set(ids).size, 1);
  assertEquals(welcomes.map(({ attempt, echo }) => [attempt, echo]), [[1, 1], [2, 1], [3, 2]]);
  assertEquals([listener.size, liveSessions(listener)], [1, 1]);
});

// Two recorded HELLOs, sent again by turns, each drew a WELCOME every time.
Deno.test("listener: the HELLOs of a client, again and again, draw one WELCOME in a timeout", () => {
  const listener = newListener();
  const token = tokenOf(listener);
  let welcomes = 0;
  for (let times = 0; times < 1000; times++) {
    welcomes += exchange(listener, hello({ token, attempt: 1 + times % 2 })).length;
  }
  assertEquals(welcomes, 2);
});

Deno.test("listener: a HELLO that is replayed in mid-conversation is not answered", () => {
  const listener = newListener();
  const token = tokenOf(listener);
  const [welcome] = exchange(listener, hello({ token }));
  const id = decodeWelcome(welcome!.payload).sessionId;
  exchange(listener, encode({ type: "ack", id, echo: 1 }));
  assertEquals(exchange(listener, hello({ token })), []);
  assertEquals(listener.counters.duplicates, 1);
  assertEquals([listener.size, takeTypes(listener)], [1, ["connected"]]);
  assertEquals(typesOf(exchange(listener, hello({ token }), { from: OTHER })), ["retry"]);
  assertEquals(listener.size, 1);
});

Deno.test("listener: a HELLO of an earlier run of the server gets a token like any other", () => {
  const token = tokenOf(newListener({ seed: 1 }));
  const restarted = newListener({ seed: 2 });
  assertEquals(typesOf(exchange(restarted, hello({ token }))), ["retry"]);
  assertEquals(restarted.size, 0);
});

Deno.test("listener: a datagram of another version gets a RESET of this one, but a RESET does not", () => {
  const listener = newListener();
  for (const [type, length, replies] of [["hello", 104, 1], ["reset", 0, 0]] as const) {
    const datagram = encode({ type, id: NONCE, payload: new Uint8Array(length) });
    datagram[3] = 3;
    const sent = exchange(listener, datagram);
    assertEquals(sent.map(({ type, id }) => [type, id]), Array(replies).fill(["reset", NONCE]));
  }
  assertEquals([listener.size, listener.counters.malformed], [0, 2]);
});

for (const type of ["message", "ack", "ping", "pong", "bye-ack"] as const) {
  Deno.test(`listener: a ${type} of an unknown session gets a RESET that echoes its id`, () => {
    const listener = newListener();
    new Guest(listener);
    const id = 2n ** 64n - 2n;
    const replies = exchange(listener, encode({ type, id, number: 9, attempt: 4 }), {
      from: OTHER,
    });
    assertEquals(replies.map(({ type, id, number }) => [type, id, number]), [["reset", id, 0]]);
    assertEquals([listener.counters.unknown, listener.size], [1, 1]);
  });
}

Deno.test("listener: what only a server sends is never answered", () => {
  const listener = newListener();
  const { id } = new Guest(listener);
  for (const known of [id, 5n]) {
    for (const type of ["retry", "welcome", "refuse", "reset"] as const) {
      for (const length of [0, 1, 12, 36]) {
        const datagram = encode({ type, id: known, payload: new Uint8Array(length) });
        assertEquals(exchange(listener, datagram), []);
      }
    }
  }
  assertEquals(listener.counters.ignored, 2 * 4 * 4);
  assertEquals([liveSessions(listener), takeTypes(listener)], [1, []]);
});

Deno.test("listener: resets are bounded in a second, and go on in the next", () => {
  const listener = newListener();
  const count = (now: number) => {
    let resets = 0;
    for (let i = 0; i < 2 * UNPROVED_REPLIES_PER_SECOND; i++) {
      resets += exchange(listener, encode({ type: "ping", id: BigInt(i) }), { now }).length;
    }
    return resets;
  };
  const most = 0.75 * UNPROVED_REPLIES_PER_SECOND;
  assertEquals([0, 500, 10_000].map(count), [most + 2, most / 2 + 2, most + 2]);
});

// Text of another mode, Latin-1, or another version at the other end: both sides saw nothing at all.
Deno.test("listener: datagrams of another kind are told, each kind once in a while", () => {
  const listener = newListener();
  const kinds = [
    ["text", new TextEncoder().encode("¿HTML?\n")],
    ["binary", Uint8Array.from("¿año?", (character) => character.codePointAt(0)!)],
    ["version", encode({ type: "ping", id: 1n }).with(3, 3)],
  ] as const;
  for (const start of [0, OVERLOAD_REPORT_INTERVAL_MS]) {
    for (let now = start; now < start + 5; now++) {
      for (const [, datagram] of kinds) listener.receive(datagram, OTHER, now);
    }
    const told = kinds.map(([kind]) => ({ type: "foreign" as const, kind, from: OTHER }));
    assertEquals(listener.takeEvents(), told);
  }
});

// RETRY and RESET once shared one allowance: packets of 24 bytes of no session kept newcomers out.
Deno.test("listener: no junk keeps RETRY from a client elsewhere, or RESET, or spoils a proof", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  for (let i = 0; i < 2 * UNPROVED_REPLIES_PER_SECOND; i++) {
    exchange(listener, encode({ type: "ping", id: BigInt(i) }), { from: OTHER });
  }
  let retries = 0;
  for (let i = 0; i < 2 * UNPROVED_REPLIES_PER_SECOND; i++) {
    retries += exchange(listener, hello({ nonce: 10n + BigInt(i) }), { from: OTHER }).length;
  }
  assertEquals(retries, 0.75 * UNPROVED_REPLIES_PER_SECOND + 2);
  assertEquals(typesOf(exchange(listener, hello({ nonce: 1n }))), ["retry"]);
  assertEquals(typesOf(exchange(listener, encode({ type: "ping", id: 1n }))), ["reset"]);
  assertEquals(typesOf(guest.send({ type: "ping", number: 1 })), ["pong"]);
});

Deno.test("listener: a client too many at one address is refused, and others are not", () => {
  const listener = newListener({ maxSessionsPerAddress: 2 });
  const at = (hostname: string, nonce: bigint) => ({ nonce, from: { hostname, port: 1 } });
  const first = new Guest(listener, at("192.0.2.7", 1n));
  new Guest(listener, at("::ffff:192.0.2.7", 2n));
  const refused = knock(listener, at("192.0.2.7", 3n));
  assertEquals([refused?.type, REFUSALS[refused!.payload[0]!]], ["refuse", "crowded"]);
  assertEquals(knock(listener, at("192.0.2.8", 4n))?.type, "welcome");
  first.bye();
  // It lingers, and what lingers is kept in memory like any other.
  assertEquals(knock(listener, at("192.0.2.7", 5n))?.type, "refuse");
  listener.handleTimeout(10_000);
  assertEquals(knock(listener, { ...at("192.0.2.7", 5n), now: 10_000 })?.type, "welcome");
});

// One IPv6 /64, which any home has, once took all 1,000 seats: each of its addresses was counted apart.
Deno.test("listener: one IPv6 /64 gets the seats of one address, however it comes and goes", () => {
  const listener = newListener({ maxSessionsPerAddress: 250 });
  let seats = 0;
  for (let i = 1n; i <= 2000n; i++) {
    const from = { hostname: `2001:db8:1:1::${i.toString(16)}`, port: 4000 };
    const reply = knock(listener, { nonce: i, from, now: Number(i) });
    if (reply.type !== "welcome") continue;
    seats++;
    if (i % 2n === 0n) continue;
    const id = decodeWelcome(reply.payload).sessionId;
    exchange(listener, encode({ type: "bye", id, payload: Uint8Array.of(0) }), { from });
  }
  assertEquals([seats, listener.size], [250, 250]);
  const elsewhere = { nonce: 5000n, from: { hostname: "2001:db8:1:2::1", port: 1 }, now: 2000 };
  assertEquals(knock(listener, elsewhere).type, "welcome");
});

Deno.test("listener: a question too many ends that conversation, until one is answered", () => {
  const listener = newListener({ maxQuestions: 1 });
  const guests = [1n, 2n, 3n].map((nonce) => new Guest(listener, { nonce }));
  guests[0]!.ask(1, "q");
  const session = sessionOf(listener.takeEvents());
  const [bye] = guests[1]!.ask(1, "q");
  assertEquals([bye?.type, BYE_REASONS[bye!.payload[0]!]], ["bye", "busy"]);
  assertEquals(takeTypes(listener).includes("question"), false);
  listener.answer(session, answer("a"), 0);
  guests[2]!.ask(1, "q");
  assertEquals(takeTypes(listener).includes("question"), true);
});

Deno.test("listener: a question of a client that is gone makes room", () => {
  const listener = newListener({ maxQuestions: 1 });
  const guests = [1n, 2n].map((nonce) => new Guest(listener, { nonce }));
  guests[0]!.ask(1, "q");
  guests[0]!.bye();
  takeTypes(listener);
  guests[1]!.ask(1, "q");
  assertEquals(takeTypes(listener).includes("question"), true);
});

Deno.test("listener: whoever brings a key to an open room is told so", () => {
  const listener = newListener();
  const refused = knock(listener, { keyShare: new Uint8Array(32) });
  assertEquals([refused.type, REFUSALS[refused.payload[0]!]], ["refuse", "open"]);
  assertEquals(listener.size, 0);
});

Deno.test("listener: overload is reported, every ten seconds at most", () => {
  const listener = newListener({ maxSessions: 1 });
  const reports: unknown[] = [];
  const report = (now: number) => {
    listener.handleTimeout(now);
    for (const event of listener.takeEvents()) {
      if (event.type === "overload") reports.push(event.overload);
    }
  };
  new Guest(listener);
  report(0);
  assertEquals(reports, []);
  const overload = { sessions: 1, sessionsPerAddress: 0, questions: 0, unproved: 0 };
  knock(listener, { nonce: 2n, now: 1 });
  assert(listener.nextTimeout <= 1);
  report(1);
  assertEquals(reports, [overload]);
  knock(listener, { nonce: 3n, now: 2 });
  knock(listener, { nonce: 4n, now: 3 });
  assertEquals(listener.nextTimeout, 1 + OVERLOAD_REPORT_INTERVAL_MS);
  report(OVERLOAD_REPORT_INTERVAL_MS);
  assertEquals(reports.length, 1);
  report(1 + OVERLOAD_REPORT_INTERVAL_MS);
  assertEquals(reports, [overload, { ...overload, sessions: 2 }]);
  assertEquals(listener.nextTimeout > 1 + OVERLOAD_REPORT_INTERVAL_MS, true);
});

Deno.test("listener: a client is connected with its first packet, of any kind, once", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.send({ type: "ping", number: 1 });
  assertEquals(takeTypes(listener), ["connected"]);
  guest.send({ type: "ack", echo: 1 });
  assertEquals(takeTypes(listener), []);
});

Deno.test("listener: tells how the session of a datagram stands", () => {
  const listener = newListener();
  const inspect = (id: bigint) => listener.inspect(encode({ type: "ack", id }));
  tokenOf(listener);
  assertEquals(inspect(NONCE), undefined, "nothing is kept before the token comes back");
  const guest = new Guest(listener);
  for (const id of [NONCE, guest.id]) {
    assertEquals(inspect(id)?.turn, "remote");
    assertEquals(inspect(id)?.retransmissionTimeout, 1000);
  }
  guest.ask(1, "¿?");
  assertEquals(inspect(guest.id)?.turn, "local");
  assertEquals(inspect(7n), undefined);
  assertEquals(listener.inspect(NOTHING), undefined);
});

Deno.test("listener: a question, its answer, and its delivery", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  assertEquals(guest.ask(1, "¿qué?"), []);
  const events = listener.takeEvents();
  const session = sessionOf(events);
  assertEquals(events, [
    { type: "connected", session },
    { type: "question", session, text: "¿qué?" },
  ]);
  assertEquals([session.id, session.address], [guest.id, CLIENT]);

  listener.answer(session, answer("sí"), 10);
  const [transmit, ...more] = listener.takeTransmits();
  assertEquals([more, transmit?.to], [[], CLIENT]);
  assertEquals(new TextDecoder().decode(decode(transmit!.datagram)!.payload), "sí");
  assert(listener.nextTimeout < Infinity);
  guest.ask(3, "¿y?", 20);
  assertEquals(takeTypes(listener), ["delivered", "question"]);
});

Deno.test("listener: an answer is sent again until it is acknowledged", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.ask(1, "q");
  listener.handleTimeout(25);
  listener.answer(sessionOf(listener.takeEvents()), answer("a"), 100);
  listener.takeTransmits();
  const timeout = listener.nextTimeout;
  assert(timeout < 2000, `${timeout}`);
  listener.handleTimeout(timeout - 0.1);
  assertEquals(listener.takeTransmits(), []);
  listener.handleTimeout(timeout);
  assertEquals(listener.takeTransmits().length, 1);
  guest.send({ type: "ack", number: 2, echo: 2 }, timeout + 1);
  for (let now = timeout; now < IDLE_MS; now += 100) listener.handleTimeout(now);
  assertEquals(listener.takeTransmits(), []);
});

Deno.test("listener: an answer that nobody waits for throws and sends nothing", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.send({ type: "ack", echo: 1 });
  const session = sessionOf(listener.takeEvents());
  assertThrows(() => listener.answer(session, answer("a"), 0), OutOfTurnError);
  guest.ask(1, "q");
  assertThrows(() => listener.answer(session, new Uint8Array(65_537), 0), RangeError);
  assertEquals(listener.takeTransmits(), []);
  listener.answer(session, answer("a"), 0);
  assertThrows(() => listener.answer(session, answer("a"), 0), OutOfTurnError);
});

Deno.test("listener: a place in the queue is told, and told again when nobody confirms it", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.ask(1, "q");
  const session = sessionOf(listener.takeEvents());
  listener.handleTimeout(25);
  listener.takeTransmits();
  listener.setAhead(session, 4, 100);
  const [ping] = listener.takeTransmits().map(({ datagram }) => decode(datagram)!);
  assertEquals([ping?.type, ping?.ahead], ["ping", 4]);
  const timeout = listener.nextTimeout;
  assert(timeout < 2000, `${timeout}`);
  listener.handleTimeout(timeout);
  assertEquals(listener.takeTransmits().length, 1);
});

Deno.test("listener: a client goes on from another address, and no other client is touched", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  const other = new Guest(listener, { nonce: 2n, from: { hostname: "192.0.2.8", port: 1 } });
  guest.ask(1, "q");
  const session = sessionOf(listener.takeEvents());
  const again = encode({ type: "ping", id: guest.id, number: 1 });
  listener.receive(again, OTHER, 0);
  const [challenge, pong, ...more] = listener.takeTransmits();
  assertEquals([challenge?.to, pong?.to, more], [OTHER, CLIENT, []]);
  assertEquals(session.address, CLIENT);
  const { payload } = decode(challenge!.datagram)!;
  assertEquals(guest.send({ type: "pong", payload }), []);
  assertEquals(session.address, OTHER);
  other.ask(1, "q");
  const [, asker] = sessionsOf(listener.takeEvents());
  assertEquals(asker?.address, { hostname: "192.0.2.8", port: 1 });
});

Deno.test("listener: when it is full it refuses, until somebody leaves", () => {
  const listener = newListener({ maxSessions: 2 });
  const first = new Guest(listener, { nonce: 1n });
  new Guest(listener, { nonce: 2n });
  const refusal = knock(listener, { nonce: 3n, attempt: 6 });
  assertEquals([refusal.type, refusal.id, refusal.echo], ["refuse", 3n, 6]);
  assertEquals(refusal.payload, Uint8Array.of(0));
  assertEquals([liveSessions(listener), listener.size], [2, 2]);
  assertEquals(typesOf(first.bye()), ["bye-ack"]);
  assertEquals([liveSessions(listener), listener.size], [1, 2]);
  assertEquals(knock(listener, { nonce: 3n }).type, "welcome");
});

Deno.test("listener: a client that is in is welcomed again even when it is full", () => {
  const listener = newListener({ maxSessions: 1 });
  const token = tokenOf(listener);
  exchange(listener, hello({ token }));
  assertEquals(typesOf(exchange(listener, hello({ token, attempt: 2 }))), ["welcome"]);
});

Deno.test("listener: sessions that come and go within a moment are bounded too", () => {
  const listener = newListener({ maxSessions: 2 });
  const replies: string[] = [];
  for (let nonce = 1n; nonce <= 6n; nonce++) {
    const reply = knock(listener, { nonce });
    replies.push(reply.type);
    if (reply.type !== "welcome") continue;
    const id = decodeWelcome(reply.payload).sessionId;
    exchange(listener, encode({ type: "bye", id, payload: Uint8Array.of(0) }));
  }
  assertEquals(replies, ["welcome", "welcome", "welcome", "welcome", "refuse", "refuse"]);
  assertEquals([liveSessions(listener), listener.size], [0, 4]);
  listener.handleTimeout(10_000);
  assertEquals(listener.size, 0);
  assertEquals(knock(listener, { nonce: 7n, now: 10_000 }).type, "welcome");
});

Deno.test("listener: sessions that are over are forgotten and leave no entry", () => {
  const listener = newListener();
  const guests = Array.from({ length: 50 }, (_, i) => new Guest(listener, { nonce: BigInt(i) }));
  for (const [i, guest] of guests.entries()) if (i % 3 > 0) guest.ask(1, "q");
  for (const [i, guest] of guests.entries()) if (i % 3 > 1) guest.bye(i);
  assertEquals(liveSessions(listener), 34);
  for (let steps = 0; listener.nextTimeout < Infinity; steps++) {
    assert(steps < 1000, "it never comes to rest");
    listener.handleTimeout(listener.nextTimeout);
  }
  assertEquals(listener.size, 0);
  const ended = listener.takeEvents().flatMap((event) =>
    event.type === "ended" ? [event.reason] : []
  );
  assertEquals(ended.sort(), [
    ...new Array<string>(16).fill("bye"),
    ...new Array<string>(17).fill("silence"),
  ]);
  listener.takeTransmits();
  assertEquals(typesOf(guests[0]!.send({ type: "ping" }, 1e6)), ["reset"]);
  assertEquals(knock(listener, { nonce: 0n, now: 1e6 }).type, "welcome");
  assertEquals([liveSessions(listener), listener.size], [1, 1], "nor was its nonce known");
});

Deno.test("listener: whoever never spoke is not missed", () => {
  const listener = newListener();
  new Guest(listener);
  listener.handleTimeout(IDLE_MS - 1);
  assertEquals(liveSessions(listener), 1);
  listener.handleTimeout(IDLE_MS);
  assertEquals([listener.size, listener.takeEvents()], [0, []]);
});

// A client that grants no time at all would be pinged without a pause: a second is the least.
Deno.test("listener: the shorter of both idle timeouts counts, from a second up", () => {
  for (const [asked, kept] of [[10_000, 10_000], [200_000, IDLE_MS], [0, 1000]] as const) {
    const listener = newListener();
    knock(listener, { idleTimeout: asked });
    listener.handleTimeout(kept - 1);
    assertEquals(liveSessions(listener), 1);
    listener.handleTimeout(kept);
    assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
  }
});

Deno.test("listener: no two sessions get the same id", () => {
  const drawn = [7, 7, 7, 8];
  const listener = newListener({
    randomBytes: (length) => new Uint8Array(length).fill(length === 8 ? drawn.shift()! : 1),
  });
  const ids = [new Guest(listener, { nonce: 1n }).id, new Guest(listener, { nonce: 2n }).id];
  assertEquals(ids, [0x0707070707070707n, 0x0808080808080808n]);
});

Deno.test("listener: bye to one client, which is confirmed, and not said twice", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.ask(1, "q");
  const session = sessionOf(listener.takeEvents());
  listener.handleTimeout(25);
  listener.takeTransmits();
  listener.bye(session, "failed", 100);
  listener.bye(session, "closing", 100);
  const byes = listener.takeTransmits().map(({ datagram }) => decode(datagram)!);
  assertEquals(byes.map(({ type, payload }) => [type, payload[0]]), [["bye", 2]]);
  assert(listener.nextTimeout < 2000);
  assertEquals(guest.send({ type: "bye-ack" }), []);
  assertEquals(takeTypes(listener), ["ended"]);
  assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
  listener.bye(session, "failed", 0);
  assertEquals(listener.takeTransmits(), []);
});

Deno.test("listener: closing says bye to everybody, and refuses whoever comes", () => {
  const listener = newListener();
  const [idle, waiting] = [1n, 2n].map((nonce) => new Guest(listener, { nonce }));
  waiting!.ask(1, "q");
  listener.takeEvents();
  listener.close(0);
  const byes = listener.takeTransmits().map(({ datagram }) => decode(datagram)!);
  assertEquals(byes.map(({ type, id, payload }) => [type, id, payload[0]]), [
    ["bye", idle!.id, 1],
    ["bye", waiting!.id, 1],
  ]);
  const refusal = knock(listener, { nonce: 3n });
  assertEquals([refusal.type, refusal.payload], ["refuse", Uint8Array.of(1)]);
  idle!.send({ type: "bye-ack" });
  waiting!.send({ type: "bye-ack" });
  assertEquals(listener.size, 0);
});

Deno.test("listener: closing waits until an answer under way is delivered", () => {
  for (const how of ["ack", "question"] as const) {
    const listener = newListener();
    const guest = new Guest(listener);
    guest.ask(1, "q");
    listener.answer(sessionOf(listener.takeEvents()), answer("a"), 0);
    listener.takeTransmits();
    listener.close(1);
    assertEquals(listener.takeTransmits(), []);
    assertEquals(typesOf(guest.send({ type: "ping", number: 1 }, 1)), ["pong"], "still no bye");
    const replies = how === "ack"
      ? guest.send({ type: "ack", number: 2, echo: 1 }, 2)
      : guest.ask(3, "another", 2);
    assertEquals(typesOf(replies), ["bye"]);
    assertEquals(replies[0]?.payload[0], 1);
    assertEquals(takeTypes(listener)[0], "delivered");
  }
});

// An answer under way was once cut after two seconds, and the server said nothing of it.
Deno.test("listener: closing waits for an answer as long as acknowledgements come", () => {
  const close = ({ acks, everyMs }: { acks: number; everyMs: number }) => {
    const listener = newListener();
    const guest = new Guest(listener);
    guest.ask(1, "q");
    listener.answer(sessionOf(listener.takeEvents()), new Uint8Array(59 * 1104 + 1), 0);
    listener.close(0);
    let unconfirmed: number | undefined;
    let now = 0;
    for (let segment = 0; unconfirmed === undefined; now += 10) {
      if (now % 100 === 0) guest.send({ type: "ping", number: now }, now);
      if (now > 0 && now % everyMs === 0 && segment < acks) {
        guest.send({ type: "ack", number: 2, segment: segment++, echo: 1 }, now);
      }
      if (segment === 60) guest.send({ type: "bye-ack" }, now);
      if (listener.nextTimeout <= now) listener.handleTimeout(now);
      listener.takeTransmits();
      for (const event of listener.takeEvents()) {
        if (event.type === "drained") unconfirmed = event.unconfirmed;
      }
    }
    return [unconfirmed, Math.round(now / 1000)];
  };
  assertEquals(close({ acks: 60, everyMs: 3000 }), [0, 180]);
  assertEquals(close({ acks: 59, everyMs: 300 }), [1, 28]);
  // Pings are no acknowledgements.
  assertEquals(close({ acks: 0, everyMs: 1000 }), [1, 10]);
});

// The machine was suspended while its server closed, which then left the answer at once.
Deno.test("listener: closing does not count the time that it did not live", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.ask(1, "q");
  listener.answer(sessionOf(listener.takeEvents()), answer("a"), 0);
  listener.close(0);
  listener.handleTimeout(60_000);
  assertEquals(takeTypes(listener), []);
  guest.send({ type: "ack", number: 2, echo: 1 }, 60_100);
  guest.send({ type: "bye-ack" }, 60_200);
  assertEquals(listener.takeEvents().at(-1), { type: "drained", unconfirmed: 0 });
});

// A path lost what was long: the answer was given up while its server closed, and not counted.
Deno.test("listener: an answer that is given up while the server closes is one without confirmation", () => {
  const listener = newListener({ idleTimeout: 10_000 });
  const guest = new Guest(listener);
  guest.ask(1, "q");
  listener.answer(sessionOf(listener.takeEvents()), answer("a"), 0);
  let drained: ListenerEvent | undefined;
  for (let now = 0; drained === undefined; now += 10) {
    if (now === 5_000) listener.close(now);
    if (now % 1000 === 0) guest.send({ type: "ping", number: now, attempt: 1 }, now);
    if (liveSessions(listener) === 1 && now > 10_500) guest.send({ type: "bye-ack" }, now);
    if (listener.nextTimeout <= now) listener.handleTimeout(now);
    listener.takeTransmits();
    drained = listener.takeEvents().find(({ type }) => type === "drained");
  }
  assertEquals(drained, { type: "drained", unconfirmed: 1 });
});

// The answer was acknowledged by the next question, whereupon the closing server said bye. The
// question was then taken in nevertheless: it reached the handler after the bye.
Deno.test("listener: a question that comes with the last acknowledgement of a closing server is not asked", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.ask(1, "q");
  listener.answer(sessionOf(listener.takeEvents()), answer("a"), 0);
  listener.close(1);
  guest.ask(3, "too late", 2);
  assertEquals(takeTypes(listener), ["delivered"]);
});

// As above, and the question was not UTF-8: the second bye was thrown as an OutOfTurnError out of
// `receive`, that is out of the receive loop of the server. Any client could stop a closing server.
Deno.test("listener: an invalid question to a closing server does not throw", () => {
  const listener = newListener();
  const guest = new Guest(listener);
  guest.ask(1, "q");
  listener.answer(sessionOf(listener.takeEvents()), answer("a"), 0);
  listener.takeTransmits();
  listener.close(1);
  assertEquals(typesOf(guest.ask(3, Uint8Array.of(0xff), 2)), ["bye"]);
});

Deno.test("listener: timeouts of many clients are all kept", () => {
  const listener = newListener();
  const random = seededRandom(3);
  const due: number[] = [];
  for (let i = 0; i < 200; i++) {
    const idleTimeout = 1000 + Math.floor(random() * 50_000);
    knock(listener, { nonce: BigInt(i), idleTimeout });
    due.push(idleTimeout);
  }
  for (const time of [5_000, 20_000, 33_333, 51_000]) {
    while (listener.nextTimeout <= time) listener.handleTimeout(listener.nextTimeout);
    assertEquals(liveSessions(listener), due.filter((at) => at > time).length);
  }
});

// The key share was good for every nonce. An attacker with one recorded HELLO and without the code
// made himself a token for each of as many nonces as he liked, filled the room with the sessions, and
// took the nonce of a client that was just connecting, which then got a WELCOME that it could not open.
Deno.test("listener: a recorded key share takes no seat, and no nonce but its own holds", () => {
  const room = codeRoom();
  const listener = newListener({ room, maxSessions: 1 });
  const initiation = room.initiate(handshakeFields(NONCE, IDLE_MS));
  const { keyShare } = initiation;
  for (let nonce = NONCE + 1n; nonce < NONCE + 9n; nonce++) {
    assertEquals(knock(listener, { nonce, keyShare, from: OTHER }).type, "welcome");
  }
  for (const from of [OTHER, CLIENT]) {
    const welcome = decodeWelcome(knock(listener, { keyShare, from }).payload);
    assertEquals(listener.size, 9);
    if (from === OTHER) continue;
    assertEquals(typeof initiation.complete(welcome.keyShare, welcome.fields), "object");
  }
});

/** A client of a private room with its whole exchange. */
class Knocker {
  readonly #listener: Listener;
  readonly #room: Room;
  readonly #fields: Knock;
  #id = 0n;
  #seal: Seal | undefined;

  constructor(listener: Listener, fields: Knock & { code?: string } = {}) {
    this.#listener = listener;
    this.#room = codeRoom(fields.code);
    this.#fields = { nonce: NONCE, ...fields };
  }

  /** The whole HELLO: the type of what came, or the refusal. */
  knock(now = 0): string {
    const fields = { ...this.#fields, now };
    const initiation = this.#room.initiate(handshakeFields(fields.nonce!, IDLE_MS));
    const reply = knock(this.#listener, { ...fields, keyShare: initiation.keyShare });
    if (reply.type === "refuse") return REFUSALS[reply.payload[0]!]!;
    const welcome = decodeWelcome(reply.payload);
    this.#id = welcome.sessionId;
    this.#seal = initiation.complete(welcome.keyShare, welcome.fields);
    return reply.type;
  }

  /** The first sealed packet, and what came for it. */
  confirm(now = 0, packet: Omit<PacketFields, "id"> = { type: "ack", echo: 1 }): string[] {
    const datagram = this.#seal!.seal(encode({ ...packet, id: this.#id }));
    this.#listener.receive(datagram, this.#fields.from ?? CLIENT, now);
    return this.#listener.takeTransmits().map(({ datagram }) =>
      decode(this.#seal!.open(datagram)!)!
    ).map(({ type, payload }) => type === "bye" ? `bye ${BYE_REASONS[payload[0]!]}` : type);
  }

  /** Tells that the code is another. */
  complain(from: Address = this.#fields.from ?? CLIENT): void {
    const payload = Uint8Array.of(REFUSALS.indexOf("wrong-code"));
    const refuse = encode({ type: "refuse", id: this.#fields.nonce!, payload });
    assertEquals(exchange(this.#listener, refuse, { from }), []);
  }
}

function hosts(count: number): Address[] {
  return Array.from({ length: count }, (_, i) => ({ hostname: `198.51.100.${i}`, port: 40_000 }));
}

/** The guesses of the report that is due. */
function guessesAt(listener: Listener, now: number): unknown {
  listener.handleTimeout(now);
  const events = listener.takeEvents();
  return events.find((event) => event.type === "overload")?.overload.guesses;
}

Deno.test("listener: a client of a private room is there once it has shown that it has the code", () => {
  const listener = newListener({ room: codeRoom() });
  const knocker = new Knocker(listener);
  assertEquals([knocker.knock(), takeTypes(listener)], ["welcome", []]);
  assertEquals([knocker.confirm(), takeTypes(listener)], [[], ["connected"]]);
});

Deno.test("listener: the first packet of a client may be its question already", () => {
  const listener = newListener({ room: codeRoom() });
  const knocker = new Knocker(listener);
  knocker.knock();
  knocker.confirm(0, { type: "message", number: 1, attempt: 1, payload: Uint8Array.of(65) });
  assertEquals(takeTypes(listener), ["connected", "question"]);
});

Deno.test("listener: a private room asks every client for its token first", () => {
  const { listener } = trusting({ room: codeRoom() });
  const { keyShare } = codeRoom().initiate(handshakeFields(NONCE, IDLE_MS));
  for (const token of [NOTHING, new Uint8Array(36)]) {
    const [reply, ...more] = exchange(listener, hello({ keyShare, token }));
    assertEquals([reply!.type, more, listener.size], ["retry", [], 0]);
  }
});

Deno.test("listener: what is no share ends the exchange without a word, and is a guess", () => {
  const listener = newListener({ room: codeRoom() });
  for (let i = 0; i < 10; i++) {
    const nonce = BigInt(i);
    const token = tokenOf(listener, { nonce });
    const keyShare = new Uint8Array(i % 2 === 0 ? 32 : 31);
    assertEquals(exchange(listener, hello({ nonce, token, keyShare })), []);
  }
  assertEquals([listener.counters.malformed, listener.size], [10, 0]);
  assertEquals(new Knocker(listener, { nonce: 99n }).knock(), "wait");
});

Deno.test("listener: an address that sent what is no share is suspect, and waits before others do", () => {
  const listener = newListener({ room: codeRoom() });
  const token = tokenOf(listener);
  exchange(listener, hello({ token, keyShare: new Uint8Array(32) }));
  const guesses = hosts(5).flatMap((from, i) =>
    Array.from({ length: 10 }, (_, j) => new Knocker(listener, { from, nonce: BigInt(10 * i + j) }))
  );
  for (const guess of guesses) assertEquals(guess.knock(), "welcome");
  assertEquals(new Knocker(listener, { nonce: 98n }).knock(), "wait");
  assertEquals(new Knocker(listener, { nonce: 99n, from: OTHER }).knock(), "welcome");
});

Deno.test("listener: whoever has no code at all makes no guess, and is told each time", () => {
  const listener = newListener({ room: codeRoom() });
  for (let nonce = 0n; nonce < 200n; nonce++) {
    const reply = knock(listener, { nonce });
    assertEquals([reply.type, REFUSALS[reply.payload[0]!]], ["refuse", "private"]);
  }
});

Deno.test("listener: guesses take no seat, not even very many", () => {
  const listener = newListener({ room: codeRoom(), maxSessions: 2, maxSessionsPerAddress: 1 });
  const outcomes = hosts(12).flatMap((from, i) =>
    Array.from(
      { length: 8 },
      (_, j) => new Knocker(listener, { from, nonce: BigInt(100 * i + j), code: "otro" }).knock(),
    )
  );
  assertEquals(new Set(outcomes), new Set(["welcome"]));
  assertEquals(listener.size, 96);
  for (const nonce of [9000n, 9001n]) {
    const from = { ...CLIENT, hostname: `203.0.113.${nonce - 9000n}` };
    const knocker = new Knocker(listener, { nonce, from });
    assertEquals([knocker.knock(), knocker.confirm()], ["welcome", []]);
  }
  assertEquals(takeTypes(listener), ["connected", "connected"]);
  assertEquals(new Knocker(listener, { nonce: 9002n }).knock(), "full");
});

Deno.test("listener: whoever confirms when the seats are taken is told so, and asks nothing", () => {
  const listener = newListener({ room: codeRoom(), maxSessions: 1 });
  const [one, another] = [1n, 2n].map((nonce) => new Knocker(listener, { nonce }));
  assertEquals([one!.knock(), another!.knock()], ["welcome", "welcome"]);
  assertEquals(one!.confirm(), []);
  const question = { type: "message", number: 1, attempt: 1, payload: Uint8Array.of(65) } as const;
  assertEquals(another!.confirm(0, question).at(-1), "bye full");
  assertEquals(takeTypes(listener), ["connected"]);
  another!.confirm(1, { type: "bye-ack" });
  assertEquals([listener.size, takeTypes(listener)], [1, []]);
});

Deno.test("listener: thirty behind one address come in together", () => {
  const listener = newListener({ room: codeRoom() });
  let waiting = Array.from({ length: 30 }, (_, i) => new Knocker(listener, { nonce: BigInt(i) }));
  let rounds = 0;
  for (; waiting.length > 0; rounds++) {
    const outcomes = waiting.map((knocker) => knocker.knock());
    waiting.forEach((knocker, i) => outcomes[i] === "welcome" && knocker.confirm());
    waiting = waiting.filter((_, i) => outcomes[i] === "wait");
  }
  assertEquals([rounds, takeTypes(listener)], [3, Array(30).fill("connected")]);
});

Deno.test("listener: the eleventh guess of an address waits, and one more may every five seconds", () => {
  const listener = newListener({ room: codeRoom() });
  let nonce = 0n;
  const guess = (now: number) => new Knocker(listener, { nonce: nonce++, code: "otro" }).knock(now);
  const outcomes = (now: number) => Array.from({ length: 12 }, () => guess(now));
  assertEquals(outcomes(0), [...Array(10).fill("welcome"), "wait", "wait"]);
  assertEquals(outcomes(4999).filter((it) => it === "welcome").length, 0);
  assertEquals(outcomes(5000).filter((it) => it === "welcome").length, 1);
  const elsewhere = new Knocker(listener, { nonce: nonce++, from: OTHER });
  assertEquals([elsewhere.knock(5000), elsewhere.confirm(5000)], ["welcome", []]);
});

Deno.test("listener: a HELLO that comes again is the same exchange, and no other guess", () => {
  const listener = newListener({ room: codeRoom() });
  const { keyShare } = codeRoom().initiate(handshakeFields(NONCE, IDLE_MS));
  const payloads = Array.from({ length: 20 }, (_, i) => {
    return knock(listener, { keyShare, attempt: i + 1 }).payload.toHex();
  });
  assertEquals([new Set(payloads).size, listener.size], [1, 1]);
});

Deno.test("listener: whoever never confirms is suspect from then on, and no longer in memory", () => {
  const listener = newListener({ room: codeRoom(), maxSessions: 1 });
  for (let nonce = 0n; nonce < 3n; nonce++) new Knocker(listener, { nonce, code: "otro" }).knock();
  const later = IDLE_MS + 1;
  listener.handleTimeout(later);
  assertEquals(listener.size, 0);
  const guesses = hosts(5).flatMap((from, i) =>
    Array.from(
      { length: 10 },
      (_, j) => new Knocker(listener, { from, nonce: BigInt(100 + 10 * i + j) }),
    )
  );
  for (const guess of guesses) assertEquals(guess.knock(later), "welcome");
  assertEquals(new Knocker(listener, { nonce: 98n }).knock(later), "wait");
  assertEquals(new Knocker(listener, { nonce: 99n, from: OTHER }).knock(later), "welcome");
});

// Segments of a first message that never begins kept an exchange unconfirmed for ever, and it took no seat.
Deno.test("listener: an exchange that is not confirmed ends with the idle timeout, whatever comes of it", () => {
  const listener = newListener({ room: codeRoom() });
  const knocker = new Knocker(listener);
  knocker.knock();
  for (let now = 1000; now <= IDLE_MS; now += 1000) {
    const payload = new Uint8Array(1104);
    const segment = now / 1000 % 59 + 1;
    const place = { number: 1, segment: Math.min(segment, 58), lastSegment: 59, ahead: 1 };
    knocker.confirm(now, { type: "message", attempt: 1, ...place, payload });
    listener.handleTimeout(now);
  }
  assertEquals([listener.size, takeTypes(listener).includes("connected")], [0, false]);
});

Deno.test("listener: guesses that are over make no room for sessions that linger", () => {
  const listener = newListener({ room: codeRoom(), maxSessions: 1 });
  for (let nonce = 0n; nonce < 3n; nonce++) new Knocker(listener, { nonce, code: "otro" }).knock();
  const later = IDLE_MS + 1;
  listener.handleTimeout(later);
  for (const nonce of [10n, 11n]) {
    const knocker = new Knocker(listener, { nonce });
    assertEquals(knocker.knock(later), "welcome");
    knocker.confirm(later, { type: "bye", payload: Uint8Array.of(0) });
  }
  assertEquals([listener.size, liveSessions(listener)], [2, 0]);
  assertEquals(new Knocker(listener, { nonce: 12n }).knock(later), "full");
});

Deno.test("listener: wrong codes are told, and those that nobody confirms, and each once", () => {
  const listener = newListener({ room: codeRoom() });
  const wrong = new Knocker(listener, { nonce: 1n, code: "otro" });
  const silent = new Knocker(listener, { nonce: 2n, code: "otro" });
  wrong.knock();
  silent.knock();
  for (let i = 0; i < 3; i++) wrong.complain();
  const { hostname } = CLIENT;
  const told = { wrong: 1, unconfirmed: 0, waits: 0, hostname, total: 1 };
  assertEquals(guessesAt(listener, 0), told);
  assertEquals(guessesAt(listener, IDLE_MS), undefined);
  assertEquals(listener.size, 0);
  assertEquals(guessesAt(listener, IDLE_MS), { ...told, wrong: 0, unconfirmed: 1, total: 2 });
});

Deno.test("listener: nobody tells of a wrong code from elsewhere, nor after the code was right", () => {
  const listener = newListener({ room: codeRoom() });
  const knocker = new Knocker(listener);
  knocker.complain();
  knocker.knock();
  knocker.complain(OTHER);
  assertEquals(guessesAt(listener, 0), undefined);
  knocker.confirm();
  knocker.complain();
  assertEquals(guessesAt(listener, 0), undefined);
  assertEquals(listener.counters.ignored, 3);
});

Deno.test("listener: other refusals are for clients", () => {
  const listener = newListener({ room: codeRoom() });
  new Knocker(listener).knock();
  for (const [code, refusal] of REFUSALS.entries()) {
    if (refusal === "wrong-code") continue;
    exchange(listener, encode({ type: "refuse", id: NONCE, payload: Uint8Array.of(code) }));
  }
  assertEquals(listener.counters.ignored, REFUSALS.length - 1);
  assertEquals(guessesAt(listener, 0), undefined);
});

// A server that was stopped waited five seconds for guesses that were under way.
Deno.test("listener: a server that closes waits for no guess", () => {
  const listener = newListener({ room: codeRoom() });
  new Knocker(listener, { nonce: 1n, code: "otro" }).knock();
  const guest = new Knocker(listener, { nonce: 2n });
  guest.knock();
  guest.confirm();
  assertEquals(takeTypes(listener), ["connected"]);
  listener.close(1);
  assertEquals([listener.size, listener.takeTransmits().length], [1, 1]);
  guest.confirm(2, { type: "bye-ack" });
  assertEquals(takeTypes(listener), ["ended", "drained"]);
});

Deno.test("listener: its number is the first byte of every session id, and of all that clients send", () => {
  for (const serverId of [0, 7, 255]) {
    const listener = newListener({ serverId });
    const ids = Array.from({ length: 100 }, (_, i) => new Guest(listener, { nonce: BigInt(i) }).id);
    assertEquals(new Set(ids.map((id) => Number(id >> 56n))), new Set([serverId]));
    assertEquals(new Set(ids.map((id) => id & 0xff_ffff_ffff_ffffn)).size, 100);
    assertEquals(encode({ type: "ping", id: ids[0]! })[8], serverId);
  }
});

Deno.test("listener: handing over, it delivers the answer under way first, and leaves new clients to others", () => {
  const listener = newListener();
  const [waiting, idle] = [new Guest(listener), new Guest(listener, { nonce: 2n })];
  idle.send({ type: "ack", number: 0 });
  waiting.ask(1, "q");
  const events = listener.takeEvents();
  const { session } = events.find(({ type }) => type === "question") as { session: Session };
  listener.answer(session, answer("a"), 0);
  listener.takeTransmits();
  listener.close(0, "moved");
  const byes = listener.takeTransmits().map(({ datagram }) => decode(datagram)!);
  assertEquals(byes.map(({ id, type, payload }) => [id, type, ...payload]), [[idle.id, "bye", 8]]);
  assertEquals(exchange(listener, hello({ nonce: 3n })), []);
  const [bye] = waiting.send({ type: "ack", number: 2, echo: 1 }, 10);
  assertEquals([bye?.type, ...bye!.payload], ["bye", 8]);
  waiting.send({ type: "bye-ack" }, 20);
  idle.send({ type: "bye-ack" }, 20);
  const ends = listener.takeEvents().filter(({ type }) => type === "ended" || type === "drained");
  assertEquals(ends.map((it) => "reason" in it ? it.reason : it.type), [
    "moved",
    "moved",
    "drained",
  ]);
});
