import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { CODE, codeRoom } from "../../tests/rooms.ts";
import { CONNECT_TIMEOUT_MS, Dialer, type DialerEvent } from "./dialer.ts";
import type { Address } from "../endpoint.ts";
import {
  decode,
  decodeHello,
  encode,
  encodeWelcome,
  handshakeFields,
  HELLO_BYTES,
  type Packet,
  type PacketFields,
  type Refusal,
  REFUSALS,
} from "./packet.ts";
import { OPEN_ROOM, type Room } from "./seal.ts";
import { OutOfTurnError } from "../../protocol.ts";

const SERVER: Address = { hostname: "192.0.2.1", port: 12_000 };
const STRANGER: Address = { hostname: "203.0.113.9", port: 7 };
const SESSION_ID = 0x0123_4567_89ab_cdefn;
const IDLE_MS = 75_000;
const NOTHING = new Uint8Array(0);

/** A dialer, and what a server needs to talk to it. */
class Stage {
  isOver = false;
  /** How often it went on from another port, as far as its events were taken. */
  hops = 0;
  readonly dialer: Dialer;
  readonly #room: Room;

  constructor({ chance = 0, room = OPEN_ROOM }: { chance?: number; room?: Room } = {}) {
    this.#room = room;
    const random = seededRandom(1);
    this.dialer = new Dialer({
      server: SERVER,
      now: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      idleTimeout: IDLE_MS,
      room,
      randomBytes: (length) => seededBytes(random, length),
      random: () => chance,
    });
  }

  /** The packets that were sent since the last call, all to the server. */
  sent(): Packet[] {
    return this.dialer.takeTransmits().map(({ datagram, to }) => {
      assertEquals(to, SERVER);
      return decode(datagram)!;
    });
  }

  types(): string[] {
    return this.sent().map(({ type }) => type);
  }

  /** The events since the last call, but for hops and the last of all: see `hops` and `isOver`. */
  events(): DialerEvent[] {
    const all = this.dialer.takeEvents();
    const events = all.filter(({ type }) => type !== "hop");
    this.hops += all.length - events.length;
    assertEquals(this.isOver && events.length > 0, false, "Something happened after the end");
    if (events.at(-1)?.type !== "over") return events;
    this.isOver = true;
    return events.slice(0, -1);
  }

  receive(packet: PacketFields, { now = 0, from = SERVER } = {}): void {
    this.dialer.receive(encode(packet), from, now);
  }

  /** Lets all that is due up to a time happen. */
  pass(until: number): void {
    for (let steps = 0; this.dialer.nextTimeout <= until; steps++) {
      assert(steps < 1000, "it never comes to rest");
      this.dialer.handleTimeout(this.dialer.nextTimeout);
    }
  }

  /**
   * Is told at `now` that its session is not known, and hears nothing that speaks against it. Returns
   * when it begins to connect again.
   */
  reset(now = 0): number {
    this.receive({ type: "reset", id: SESSION_ID }, { now });
    for (let steps = 0; steps < 100; steps++) {
      const { nextTimeout } = this.dialer;
      this.dialer.handleTimeout(nextTimeout);
      if (this.events().at(-1)?.type === "reconnecting") return nextTimeout;
    }
    throw new Error("It never connects again");
  }

  /** Goes through the whole handshake. */
  connect(now = 0, id = SESSION_ID): void {
    const hello = this.sent().find(({ type }) => type === "hello")!;
    this.receive(retry(hello.id, 7), { now });
    const { keyShare } = decodeHello(this.sent()[0]!.payload)!;
    const fields = handshakeFields(id, IDLE_MS);
    const opening = { keyShare, fields: handshakeFields(hello.id, IDLE_MS) };
    const response = this.#room.respond(opening, fields);
    if (typeof response !== "object") throw new Error(response);
    this.receive(welcome(hello.id, id, IDLE_MS, response.keyShare), { now });
    assertEquals(this.events().at(-1), { type: "connected" });
    // Unless it has a question, it acknowledges the WELCOME.
    if (this.dialer.turn === "local") this.sent();
  }
}

function retry(id: bigint, token: number, echo = 1): PacketFields {
  return { type: "retry", id, echo, payload: new Uint8Array(36).fill(token) };
}

function welcome(
  id: bigint,
  sessionId = SESSION_ID,
  idleTimeout = IDLE_MS,
  keyShare: Uint8Array = NOTHING,
): PacketFields {
  const payload = encodeWelcome({ sessionId, idleTimeout, keyShare });
  return { type: "welcome", id, attempt: 1, echo: 2, payload };
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

Deno.test("dialer: begins with a HELLO without a token", () => {
  const stage = new Stage();
  const [transmit, ...more] = stage.dialer.takeTransmits();
  assertEquals([more, transmit?.to, transmit?.datagram.length], [[], SERVER, HELLO_BYTES]);
  const hello = decode(transmit!.datagram)!;
  assertEquals([hello.type, hello.attempt], ["hello", 1]);
  assertEquals(decodeHello(hello.payload), {
    idleTimeout: IDLE_MS,
    token: NOTHING,
    keyShare: NOTHING,
  });
  assertEquals([stage.events(), stage.dialer.turn], [[], "remote"]);
});

/** A datagram of another version. */
function ofVersion(version: number, packet: PacketFields): Uint8Array {
  const datagram = encode(packet);
  datagram[3] = version;
  return datagram;
}

Deno.test("dialer: hears that the server speaks another version, and only from the server", () => {
  const stage = new Stage();
  const [{ id }] = stage.sent() as [Packet];
  stage.dialer.receive(ofVersion(3, { type: "reset", id: id + 1n }), SERVER, 0);
  stage.dialer.receive(ofVersion(3, { type: "bye-ack", id }), SERVER, 0);
  stage.receive({ type: "reset", id });
  assertEquals(stage.events(), [{ type: "foreign", kind: "version", from: SERVER }]);
  stage.dialer.receive(ofVersion(3, { type: "reset", id }), SERVER, 0);
  assertEquals(stage.events(), [{ type: "refused", refusal: "version" }]);
});

Deno.test("dialer: a server that comes back with another version is told apart from a full one", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.receive(ofVersion(3, { type: "reset", id: SESSION_ID }), SERVER, 10);
  stage.pass(10_000);
  assertEquals(stage.events(), [{ type: "reconnecting" }]);
  const hello = stage.sent().find(({ type }) => type === "hello")!;
  stage.dialer.receive(ofVersion(3, { type: "reset", id: hello.id }), SERVER, 10_000);
  stage.pass(10_000 + IDLE_MS);
  assertEquals(stage.events(), [{ type: "ended", reason: "version" }]);
});

Deno.test("dialer: sends the token back at once, under the same nonce", () => {
  const stage = new Stage();
  const [first] = stage.sent();
  stage.receive(retry(first!.id, 7), { now: 30 });
  const [second, ...more] = stage.sent();
  assertEquals([more, second?.id, second?.attempt], [[], first!.id, 2]);
  assertEquals(decodeHello(second!.payload)?.token, new Uint8Array(36).fill(7));
  assertEquals(stage.events(), []);
});

Deno.test("dialer: the token it keeps is a copy", () => {
  const stage = new Stage();
  const [first] = stage.sent();
  const datagram = encode(retry(first!.id, 7));
  stage.dialer.receive(datagram, SERVER, 0);
  datagram.fill(0);
  stage.sent();
  stage.dialer.handleTimeout(stage.dialer.nextTimeout);
  assertEquals(decodeHello(stage.sent()[0]!.payload)?.token, new Uint8Array(36).fill(7));
});

Deno.test("dialer: a duplicate RETRY causes no HELLO, a newer token does", () => {
  const stage = new Stage();
  const [first] = stage.sent();
  stage.receive(retry(first!.id, 7));
  stage.sent();
  stage.receive(retry(first!.id, 7));
  assertEquals([stage.sent(), stage.dialer.counters.duplicates], [[], 1]);
  stage.receive(retry(first!.id, 8));
  assertEquals(decodeHello(stage.sent()[0]!.payload)?.token, new Uint8Array(36).fill(8));
});

Deno.test("dialer: a WELCOME opens the conversation, and the client may ask", () => {
  const stage = new Stage();
  stage.connect();
  assertEquals([stage.dialer.turn, stage.sent()], ["local", []]);
  stage.dialer.ask(text("q"), 5);
  const [question] = stage.sent();
  assertEquals([question?.type, question?.number, question?.id], ["message", 1, SESSION_ID]);
  assertEquals([question?.echo, question?.ackDelay], [1, 5], "it acknowledges the WELCOME");
});

Deno.test("dialer: the handshake measures the path", () => {
  const stage = new Stage();
  const [hello] = stage.sent();
  stage.receive(retry(hello!.id, 7), { now: 100 });
  stage.receive(welcome(hello!.id), { now: 200 });
  stage.dialer.ask(text("q"), 200);
  // Two samples of 100 ms: RTTVAR 37.5. Of the 25 ms for an acknowledgement they tell nothing: on a fast
  // path, what was taken off that for them made the first question go out twice.
  assertEquals(stage.dialer.nextTimeout, 200 + 100 + 4 * 37.5 + 25);
});

Deno.test("dialer: a HELLO is answered under its nonce or not at all", () => {
  const stage = new Stage();
  const [hello] = stage.sent();
  const wrong = hello!.id ^ 1n;
  stage.receive(retry(wrong, 7));
  stage.receive(welcome(wrong));
  stage.receive({ type: "refuse", id: wrong, payload: Uint8Array.of(0) });
  assertEquals([stage.sent(), stage.events(), stage.dialer.counters.unknown], [[], [], 3]);
  assertEquals(stage.dialer.turn, "remote");
});

Deno.test("dialer: other packets and other bytes are no answer to a HELLO", () => {
  const stage = new Stage();
  const [{ id }] = stage.sent() as [Packet];
  for (const type of ["message", "ack", "ping", "pong", "bye-ack", "reset"] as const) {
    stage.receive({ type, id });
  }
  assertEquals(stage.dialer.counters.ignored, 6);
  stage.dialer.receive(encode(welcome(id)).subarray(0, 30), SERVER, 0);
  stage.dialer.receive(new Uint8Array(3), SERVER, 0);
  assertEquals(stage.dialer.counters.malformed, 2);
  assertEquals(stage.events(), [{ type: "foreign", kind: "binary", from: SERVER }]);
  assertEquals(stage.sent(), []);
});

Deno.test("dialer: each dialer knocks under a nonce of its own", () => {
  const nonces = [1, 2].map((seed) => {
    const random = seededRandom(seed);
    const dialer = new Dialer({
      server: SERVER,
      now: 0,
      connectTimeout: 1000,
      idleTimeout: 1000,
      randomBytes: (length) => seededBytes(random, length),
      random,
    });
    return decode(dialer.takeTransmits()[0]!.datagram)!.id;
  });
  assertNotEquals(nonces[0], nonces[1]);
});

for (const [code, refusal] of [[0, "full"], [1, "closing"], [99, "full"]] as const) {
  Deno.test(`dialer: refusal ${code} ends the attempt as "${refusal}"`, () => {
    const stage = new Stage();
    const [hello] = stage.sent();
    stage.receive({ type: "refuse", id: hello!.id, payload: Uint8Array.of(code) });
    assertEquals(stage.events(), [{ type: "refused", refusal }]);
    assertEquals([stage.dialer.turn, stage.dialer.nextTimeout], ["closed", Infinity]);
    stage.receive(welcome(hello!.id));
    assertEquals([stage.events(), stage.sent(), stage.dialer.counters.ignored], [[], [], 1]);
  });
}

// With a steady pace of 1 s and two copies at each timeout: 1 + 2 + 2 + 2 + 2 within 5 s; with the
// longest jitter, 1.5 s, it is 1 + 2 + 2 + 2.
for (const [chance, hellos] of [[0, 9], [0.9999, 7]] as const) {
  Deno.test(`dialer: nobody there, after 5 s and ${hellos} HELLOs`, () => {
    const stage = new Stage({ chance });
    stage.pass(CONNECT_TIMEOUT_MS - 1);
    assertEquals(stage.types(), new Array<string>(hellos).fill("hello"));
    assertEquals(stage.events(), []);
    stage.pass(CONNECT_TIMEOUT_MS);
    assertEquals(stage.events(), [{ type: "unreachable" }]);
    assertEquals([stage.sent(), stage.dialer.nextTimeout], [[], Infinity]);
    assertEquals(stage.dialer.turn, "closed");
  });
}

Deno.test("dialer: many clients that start together do not knock in step", () => {
  const due = new Set(
    Array.from({ length: 30 }, (_, i) => new Stage({ chance: i / 30 }).dialer.nextTimeout),
  );
  assertEquals(due.size, 30);
  assertEquals([Math.min(...due), Math.max(...due) < 1500], [1000, true]);
});

Deno.test("dialer: the shorter of both idle timeouts counts", () => {
  for (const granted of [10_000, 200_000]) {
    const stage = new Stage();
    const [hello] = stage.sent();
    stage.receive(welcome(hello!.id, SESSION_ID, granted));
    stage.events();
    const idle = Math.min(granted, IDLE_MS);
    stage.pass(idle - 1);
    assertEquals(stage.events(), [{ type: "unresponsive" }]);
    stage.pass(idle);
    assertEquals(stage.events(), [{ type: "ended", reason: "silence" }]);
    assertEquals([stage.dialer.turn, stage.dialer.nextTimeout], ["closed", Infinity]);
  }
});

Deno.test("dialer: a question, its delivery, its place, its answer", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  assertThrows(() => stage.dialer.ask(text("q"), 0), OutOfTurnError);
  stage.receive({ type: "ack", id: SESSION_ID, number: 1, echo: 1, ahead: 2 });
  const payload = text("a");
  stage.receive({ type: "message", id: SESSION_ID, number: 2, attempt: 1, payload });
  assertEquals(stage.events(), [
    { type: "delivered" },
    { type: "position", ahead: 2 },
    { type: "answer", text: "a" },
  ]);
  assertEquals(stage.dialer.turn, "local");
});

Deno.test("dialer: asking before it is connected or after the end is out of turn", () => {
  const stage = new Stage();
  assertThrows(() => stage.dialer.ask(text("q"), 0), OutOfTurnError);
  stage.connect();
  assertThrows(() => stage.dialer.ask(new Uint8Array(65_537), 0), RangeError, "65536");
  assertEquals(stage.dialer.turn, "local");
  stage.dialer.bye("bye", 0);
  assertThrows(() => stage.dialer.ask(text("q"), 0), OutOfTurnError);
  stage.receive({ type: "bye-ack", id: SESSION_ID });
  assertThrows(() => stage.dialer.ask(text("q"), 0), OutOfTurnError);
  assertEquals(stage.types(), ["bye"]);
});

Deno.test("dialer: bye is confirmed, and then nothing is answered any more", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.bye("bye", 0);
  assertEquals(stage.types(), ["bye"]);
  stage.receive({ type: "bye-ack", id: SESSION_ID });
  assertEquals(stage.events(), [{ type: "ended", reason: "bye" }]);
  assertEquals([stage.dialer.turn, stage.dialer.nextTimeout], ["closed", Infinity]);
  stage.receive({ type: "ping", id: SESSION_ID });
  assertEquals([stage.sent(), stage.dialer.counters.ignored], [[], 1]);
});

Deno.test("dialer: bye before it is connected just stops", () => {
  const stage = new Stage();
  stage.sent();
  stage.dialer.bye("bye", 0);
  assertEquals([stage.sent(), stage.events()], [[], [{ type: "ended", reason: "bye" }]]);
  assertEquals([stage.dialer.turn, stage.dialer.nextTimeout], ["closed", Infinity]);
  stage.dialer.bye("bye", 0);
  assertEquals(stage.events(), []);
});

// Behind a balancer that spread datagrams over servers, each with a token of its own, one client sent
// 49,007 HELLOs in 5 s.
Deno.test("dialer: three RETRYs of a HELLO are answered at once, the others when its timer comes", () => {
  const stage = new Stage();
  const [{ id }] = stage.sent() as [Packet];
  for (let token = 1; token <= 100; token++) stage.receive(retry(id, token), { now: 20 });
  assertEquals(stage.types(), ["hello", "hello", "hello"]);
  stage.pass(600);
  const again = stage.sent();
  assert(again.length > 0 && again.length <= 6, `${again.length} HELLOs`);
  assertEquals(decodeHello(again[0]!.payload)!.token[0], 100);
});

Deno.test("dialer: a doubt lasts four timeouts, between 1 and 5 s, longer where RESETs were refuted", () => {
  const stage = new Stage();
  stage.connect();
  stage.sent();
  assertEquals(stage.reset(100), 100 + 1000);
  const pings = stage.types().filter((type) => type === "ping").length;
  assert(pings >= 16 && pings <= 20, `${pings} pings`);
  const forged = new Stage();
  forged.connect();
  for (const doubt of [1000, 2000, 4000, 5000, 5000]) {
    const now = 10_000 * doubt;
    forged.receive({ type: "pong", id: SESSION_ID, number: 1 }, { now });
    forged.receive({ type: "reset", id: SESSION_ID }, { now });
    forged.receive({ type: "bye-ack", id: SESSION_ID }, { now: now + 1 });
    forged.pass(now + doubt);
    assertEquals(forged.events(), []);
  }
  const now = 100_000_000;
  forged.receive({ type: "pong", id: SESSION_ID, number: 1 }, { now });
  assertEquals(forged.reset(now), now + 5000);
});

Deno.test("dialer: after a gap in its time it asks the server before it gives it up", () => {
  const stage = new Stage();
  stage.sent();
  stage.dialer.handleTimeout(3_600_000);
  assertEquals([stage.types(), stage.events()], [["hello", "hello"], []]);
  stage.pass(3_600_000 + CONNECT_TIMEOUT_MS);
  assertEquals(stage.events(), [{ type: "unreachable" }]);
});

// With a timeout of 5 s one ping was sent in a doubt of 5 s: where it was lost, a forged RESET had the
// question asked twice.
Deno.test("dialer: a doubt asks many times, however long the timeout is", () => {
  const stage = new Stage();
  stage.connect(4_000);
  stage.sent();
  assertEquals(stage.reset(5_000), 10_000);
  const pings = stage.types().filter((type) => type === "ping").length;
  assert(pings >= 16 && pings <= 20, `${pings} pings`);
});

// The machine was suspended after a RESET: the time that it slept passed for a sign of life.
Deno.test("dialer: a gap does not refute a RESET, only the server does", () => {
  const stage = new Stage();
  stage.connect();
  stage.receive({ type: "reset", id: SESSION_ID }, { now: 100 });
  stage.dialer.handleTimeout(60_000);
  stage.pass(65_000);
  assertEquals(stage.events().at(-1), { type: "reconnecting" });
});

Deno.test("dialer: the server's bye is confirmed, for as long as it may be repeated", () => {
  const stage = new Stage();
  stage.connect();
  const bye: PacketFields = { type: "bye", id: SESSION_ID, payload: Uint8Array.of(1) };
  for (const attempt of [1, 1, 2, 2]) stage.receive({ ...bye, attempt });
  assertEquals(stage.types(), ["bye-ack", "bye-ack"]);
  assertEquals(stage.events(), [{ type: "ended", reason: "closing" }]);
  stage.pass(10_000);
  assertEquals([stage.dialer.nextTimeout, stage.sent()], [Infinity, []]);
});

Deno.test("dialer: only packets with its session's id are its session's", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  stage.sent();
  const id = SESSION_ID ^ 1n;
  stage.receive({ type: "message", id, number: 2, attempt: 1, payload: text("!") });
  stage.receive({ type: "bye", id, payload: Uint8Array.of(0) });
  stage.receive({ type: "reset", id });
  stage.receive({ type: "ping", id });
  assertEquals([stage.sent(), stage.events()], [[], []]);
  assertEquals([stage.dialer.counters.unknown, stage.dialer.turn], [4, "remote"]);
});

Deno.test("dialer: it sends to the server alone, wherever packets say to be from", () => {
  const stage = new Stage();
  stage.connect();
  stage.receive({ type: "ping", id: SESSION_ID, number: 1 }, { from: STRANGER });
  stage.dialer.ask(text("q"), 0);
  assertEquals(stage.types(), ["pong", "message"]);
});

Deno.test("dialer: tells how the conversation of a datagram stands", () => {
  const stage = new Stage();
  const nonce = stage.sent()[0]!.id;
  const inspect = (id: bigint) => stage.dialer.inspect(encode({ type: "ack", id }));
  const { turn, retransmissionTimeout, timer } = inspect(nonce)!;
  assertEquals([turn, retransmissionTimeout], [undefined, 1000]);
  assertEquals([timer?.attempt, timer?.deadline, timer?.expired], [1, 1000, undefined]);
  assertEquals(inspect(SESSION_ID), undefined);
  stage.receive(retry(nonce, 7), { now: 8 });
  const timeout = inspect(nonce)?.retransmissionTimeout;
  assertEquals(timeout, 8 + 4 * 4 + 25);
  stage.receive(welcome(nonce), { now: 16 });
  // Also for the WELCOME itself.
  for (const id of [nonce, SESSION_ID]) {
    assertEquals(inspect(id)?.turn, "local");
    assert(inspect(id)!.retransmissionTimeout < timeout!);
  }
  assertEquals(inspect(7n), undefined);
  assertEquals(stage.dialer.inspect(text("no datagram of this protocol")), undefined);
  stage.dialer.ask(text("¿?"), 8);
  assertEquals(inspect(SESSION_ID)?.turn, "remote");
  assertEquals(inspect(SESSION_ID)?.turnRow, ["local", "send", "remote"]);
});

Deno.test("dialer: a RESET of its own session makes it connect again, and ask again", () => {
  const stage = new Stage();
  const nonces: bigint[] = [];
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  stage.sent();
  stage.reset(1000);
  assertEquals(stage.dialer.turn, "remote");
  const hello = stage.sent().at(-1);
  assertEquals(hello?.type, "hello");
  assertEquals(decodeHello(hello!.payload)?.token, NOTHING);
  nonces.push(hello!.id);
  stage.receive(retry(hello!.id, 9), { now: 1010 });
  stage.sent();
  stage.receive(welcome(hello!.id, 99n), { now: 1020 });
  assertEquals(stage.events(), [{ type: "connected" }]);
  const [question, ...others] = stage.sent();
  assertEquals(others, []);
  assertEquals([question?.type, question?.id, question?.number], ["message", 99n, 1]);
  assertEquals(question?.payload, text("q"));
  stage.receive({ type: "message", id: 99n, number: 2, attempt: 1, payload: text("a") });
  assertEquals(stage.events(), [{ type: "delivered" }, { type: "answer", text: "a" }]);
});

Deno.test("dialer: a question that was answered is not asked again", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  stage.receive({ type: "message", id: SESSION_ID, number: 2, attempt: 1, payload: text("a") });
  stage.sent();
  stage.reset();
  stage.connect();
  assertEquals(stage.types(), []);
  assertEquals(stage.dialer.turn, "local");
});

Deno.test("dialer: while it connects again a question may be asked, once", () => {
  const stage = new Stage();
  stage.connect();
  stage.reset();
  assertEquals(stage.dialer.turn, "local");
  stage.dialer.ask(text("q"), 0);
  assertEquals(stage.dialer.turn, "remote");
  assertThrows(() => stage.dialer.ask(text("q"), 0), OutOfTurnError);
  assertEquals(stage.types().at(-1), "hello");
});

// A RESET can be forged on the path. If the session is known, the server will show it.
Deno.test("dialer: a RESET is not believed once the server is heard again", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  stage.receive({ type: "reset", id: SESSION_ID });
  assertEquals(stage.types().includes("ping"), true);
  stage.receive({ type: "pong", id: SESSION_ID, number: 1, echo: 1 }, { now: 10 });
  stage.pass(20_000);
  assertEquals(stage.events().some(({ type }) => type === "reconnecting"), false);
  stage.receive({ type: "message", id: SESSION_ID, number: 2, attempt: 1, payload: text("a") });
  assertEquals(stage.events().at(-1), { type: "answer", text: "a" });
});

Deno.test("dialer: an attempt to connect again ends in silence after the idle timeout", () => {
  const stage = new Stage();
  stage.connect();
  const since = stage.reset(1000);
  stage.sent();
  stage.pass(since - 1000 + IDLE_MS);
  assertEquals(stage.events(), []);
  const hellos = stage.types();
  assert(hellos.length >= 16 && hellos.length < 60, `${hellos.length} HELLOs`);
  stage.pass(since + IDLE_MS);
  assertEquals(stage.events(), [{ type: "ended", reason: "silence" }]);
  assertEquals(stage.dialer.nextTimeout, Infinity);
});

// No key agreement may be computed for an address that is not proved.
// An open room that answered before it saw a key share would look like one of another code.
Deno.test("dialer: whoever has a code says so in its first HELLO, with the key share of the second", () => {
  const stage = new Stage({ room: codeRoom() });
  const [hello] = stage.sent();
  const { keyShare } = decodeHello(hello!.payload)!;
  assertEquals(keyShare.length, 32);
  stage.receive(retry(hello!.id, 7));
  assertEquals(decodeHello(stage.sent()[0]!.payload)?.keyShare, keyShare);
});

Deno.test("dialer: a WELCOME with a key is no answer to a HELLO without one", () => {
  const stage = new Stage();
  const hello = stage.sent()[0]!;
  stage.receive(retry(hello.id, 7));
  const payload = encodeWelcome({
    sessionId: 1n,
    idleTimeout: IDLE_MS,
    keyShare: Uint8Array.of(1),
  });
  stage.sent();
  stage.receive({ type: "welcome", id: hello.id, attempt: 1, payload });
  assertEquals([stage.events(), stage.sent(), stage.dialer.counters.unopened], [[], [], 1]);
});

// A RESET was believed at once: a forged one took care that a bye which the network had lost was
// not sent again, and the server held the conversation open until it was idle for too long.
Deno.test("dialer: after a RESET a bye is sent again, and what confirms it ends it", () => {
  const stage = new Stage();
  stage.connect();
  stage.sent();
  stage.dialer.bye("bye", 0);
  stage.receive({ type: "reset", id: SESSION_ID });
  stage.pass(30);
  assertEquals([stage.events(), stage.types()], [[], ["bye", "bye", "bye"]]);
  stage.receive({ type: "bye-ack", id: SESSION_ID }, { now: 30 });
  assertEquals(stage.events(), [{ type: "ended", reason: "bye" }]);
});

Deno.test("dialer: a RESET confirms no bye, be it from before it or after", () => {
  const stage = new Stage();
  stage.connect();
  stage.sent();
  stage.receive({ type: "reset", id: SESSION_ID });
  stage.dialer.bye("bye", 1);
  stage.receive({ type: "reset", id: SESSION_ID }, { now: 2 });
  stage.pass(1000);
  assertEquals(stage.events().filter(({ type }) => type === "ended"), [
    { type: "ended", reason: "unconfirmed" },
  ]);
});

Deno.test("dialer: a RESET after the server's bye changes nothing", () => {
  const stage = new Stage();
  stage.connect();
  stage.receive({ type: "bye", id: SESSION_ID, payload: Uint8Array.of(1) });
  stage.events();
  stage.receive({ type: "reset", id: SESSION_ID });
  assertEquals([stage.events(), stage.types()], [[], ["bye-ack"]]);
});

// The socket was closed with the server's bye: a confirmation that was lost was never repeated, and
// the server waited for it as long as it could.
Deno.test("dialer: a bye of the server is confirmed again as long as it may be repeated", () => {
  const stage = new Stage();
  stage.connect();
  const bye = { type: "bye", id: SESSION_ID, payload: Uint8Array.of(1) } as const;
  stage.receive(bye);
  assertEquals([stage.events(), stage.isOver], [[{ type: "ended", reason: "closing" }], false]);
  stage.receive({ ...bye, attempt: 2 }, { now: 1 });
  assertEquals(stage.types(), ["bye-ack", "bye-ack"]);
  stage.pass(10_000);
  assertEquals([stage.events(), stage.isOver], [[], true]);
});

for (const { code, reason } of [{ code: 0, reason: "refused" }, { code: 1, reason: "closing" }]) {
  // A client that was refused when it came back was told that the server had closed in order.
  Deno.test(`dialer: a restarted server's refusal ${code} ends the conversation as "${reason}"`, () => {
    const stage = new Stage();
    stage.connect();
    stage.dialer.ask(text("q"), 0);
    const since = stage.reset();
    const hello = stage.sent().at(-1);
    stage.receive({ type: "refuse", id: hello!.id, payload: Uint8Array.of(code) });
    assertEquals(stage.events(), []);
    stage.pass(since + IDLE_MS);
    assertEquals(stage.events().slice(-1), [{ type: "ended", reason } as DialerEvent]);
    assertEquals(stage.isOver, true);
  });
}

// An attacker on the path of a private room could forge a RESET and then a refusal, and the client told
// its user in the end that the server had closed in order.
for (const [code, refusal] of REFUSALS.entries()) {
  Deno.test(`dialer: in a private room "${refusal}" ends no conversation, and does not say how it ended`, () => {
    const stage = new Stage({ room: codeRoom() });
    stage.connect();
    stage.dialer.ask(text("q"), 0);
    const since = stage.reset();
    const hello = stage.sent().at(-1);
    stage.receive({ type: "refuse", id: hello!.id, payload: Uint8Array.of(code) });
    assertEquals(stage.events(), []);
    stage.pass(since + IDLE_MS);
    assertEquals(stage.events().slice(-1), [{ type: "ended", reason: "silence" }]);
  });
}

// A RESET was believed before it was decoded: with bytes after its end, or cut short.
Deno.test("dialer: a malformed RESET is dropped", () => {
  const stage = new Stage();
  stage.connect();
  const reset = encode({ type: "reset", id: SESSION_ID });
  stage.dialer.receive(Uint8Array.of(...reset, 0), SERVER, 0);
  assertEquals([stage.events(), stage.dialer.turn], [[], "local"]);
  assertEquals(stage.dialer.counters.malformed, 1);
});

/** Answers the HELLO that was sent last, as a server with that code; gives back the HELLO and its share. */
function answerAs(
  stage: Stage,
  code: string,
  { now = 0, sent = stage.sent() }: { now?: number; sent?: Packet[] } = {},
): { nonce: bigint; share: string; welcome: PacketFields } {
  const first = sent.findLast(({ type }) => type === "hello")!;
  stage.receive(retry(first.id, 8 + now % 200), { now });
  const { keyShare } = decodeHello(stage.sent()[0]!.payload)!;
  const opening = { keyShare, fields: handshakeFields(first.id, IDLE_MS) };
  const response = codeRoom(code).respond(opening, handshakeFields(SESSION_ID, IDLE_MS));
  if (typeof response !== "object") throw new Error(response);
  const answer = welcome(first.id, SESSION_ID, IDLE_MS, response.keyShare);
  stage.receive(answer, { now });
  return { nonce: first.id, share: keyShare.toHex(), welcome: answer };
}

function refuse(id: bigint, refusal: Refusal): PacketFields {
  return { type: "refuse", id, payload: Uint8Array.of(REFUSALS.indexOf(refusal)) };
}

// Each WELCOME is a guess of whoever sent it: to judge a second one would be another guess for nothing.
Deno.test("dialer: after a WELCOME with another code, nothing is sent under that share but that", () => {
  const stage = new Stage({ room: codeRoom() });
  const { nonce, share } = answerAs(stage, "otro");
  const [told, ...more] = stage.sent();
  assertEquals([told?.type, told?.id, REFUSALS[told!.payload[0]!]], [
    "refuse",
    nonce,
    "wrong-code",
  ]);
  assertEquals([more, stage.events(), stage.dialer.counters.unopened], [[], [], 1]);
  stage.pass(999);
  assertEquals(stage.sent(), []);
  stage.pass(1000);
  const fresh = stage.sent();
  assertEquals(fresh.map(({ type, attempt }) => [type, attempt]), [["hello", 1]]);
  assertNotEquals(fresh[0]!.id, nonce);
  stage.receive(retry(fresh[0]!.id, 8), { now: 1000 });
  assertNotEquals(decodeHello(stage.sent()[0]!.payload)!.keyShare.toHex(), share);
});

Deno.test("dialer: the right WELCOME after a forged one is not looked at any more", () => {
  const stage = new Stage({ room: codeRoom() });
  const sent = stage.sent();
  const { nonce } = answerAs(stage, "otro", { sent });
  const right = answerTo(nonce);
  stage.receive(right);
  assertEquals([stage.events(), stage.dialer.counters.unknown], [[], 1]);
});

/** A WELCOME of the right code for that nonce, whatever its share. */
function answerTo(nonce: bigint): PacketFields {
  const fields = handshakeFields(nonce, IDLE_MS);
  const { keyShare } = codeRoom().initiate(fields);
  const response = codeRoom().respond({ keyShare, fields }, handshakeFields(SESSION_ID, IDLE_MS));
  if (typeof response !== "object") throw new Error(response);
  return welcome(nonce, SESSION_ID, IDLE_MS, response.keyShare);
}

Deno.test("dialer: a forged WELCOME, or two, do not keep anybody out", () => {
  for (const forged of [1, 2]) {
    const stage = new Stage({ room: codeRoom() });
    for (let i = 0; i < forged; i++) {
      answerAs(stage, "otro", { now: 1000 * i });
      stage.pass(1000 * (i + 1));
    }
    answerAs(stage, CODE, { now: 1000 * forged });
    assertEquals(stage.events(), [{ type: "connected" }]);
  }
});

Deno.test("dialer: the third exchange with another code is the last", () => {
  const stage = new Stage({ room: codeRoom() });
  const shares = new Set<string>();
  for (let i = 0; i < 3; i++) {
    assertEquals(stage.events(), []);
    shares.add(answerAs(stage, "otro", { now: 1000 * i }).share);
    if (i < 2) stage.pass(1000 * (i + 1));
  }
  assertEquals(stage.events(), [{ type: "refused", refusal: "wrong-code" }]);
  assertEquals([shares.size, stage.isOver, stage.types()], [3, true, ["refuse"]]);
});

Deno.test("dialer: if there is no time for another exchange, the code was wrong all the same", () => {
  const stage = new Stage({ room: codeRoom() });
  answerAs(stage, "otro", { now: CONNECT_TIMEOUT_MS - 500 });
  stage.pass(CONNECT_TIMEOUT_MS);
  assertEquals(stage.events(), [{ type: "refused", refusal: "wrong-code" }]);
});

Deno.test("dialer: nobody else can say that the code is wrong", () => {
  const stage = new Stage({ room: codeRoom() });
  const [hello] = stage.sent();
  stage.receive(refuse(hello!.id, "wrong-code"));
  assertEquals([stage.events(), stage.dialer.counters.ignored], [[], 1]);
  stage.pass(1000);
  answerAs(stage, CODE, { now: 1000 });
  assertEquals(stage.events(), [{ type: "connected" }]);
});

Deno.test("dialer: told to wait, it tries on a second or so later, as long as it has time", () => {
  for (const [chance, pause] of [[0, 1000], [0.5, 1250]] as const) {
    const stage = new Stage({ chance, room: codeRoom() });
    const [hello] = stage.sent();
    stage.receive(retry(hello!.id, 7));
    stage.receive(refuse(hello!.id, "wait"));
    stage.sent();
    stage.pass(pause - 1);
    assertEquals([stage.types(), stage.events()], [[], []]);
    stage.pass(pause);
    const again = stage.sent();
    assert(again.length > 0 && again.every(({ id }) => id === hello!.id));
    answerAs(stage, CODE, { now: pause, sent: again });
    assertEquals(stage.events(), [{ type: "connected" }]);
  }
});

Deno.test("dialer: whoever had to wait to the end is told that, and not that nobody is there", () => {
  const stage = new Stage({ room: codeRoom() });
  const [hello] = stage.sent();
  stage.receive(refuse(hello!.id, "wait"));
  stage.pass(CONNECT_TIMEOUT_MS);
  assertEquals(stage.events(), [{ type: "refused", refusal: "wait" }]);
});

Deno.test("dialer: a server that comes back with another code ends the conversation as that", () => {
  const stage = new Stage({ room: codeRoom() });
  stage.connect();
  const since = stage.reset();
  for (let i = 0; i < 3; i++) {
    answerAs(stage, "otro", { now: since + 1000 * i });
    stage.pass(since + 1000 * (i + 1));
  }
  assertEquals(stage.events().at(-1), { type: "ended", reason: "wrong-code" });
  assertEquals(stage.isOver, true);
});

Deno.test("dialer: a bye between two exchanges is the end", () => {
  const stage = new Stage({ room: codeRoom() });
  answerAs(stage, "otro");
  stage.sent();
  stage.dialer.bye("bye", 10);
  assertEquals([stage.events(), stage.isOver], [[{ type: "ended", reason: "bye" }], true]);
  stage.pass(10_000);
  assertEquals(stage.sent(), []);
});

/** The nonces of the HELLOs that were sent since the last call. */
function nonces(stage: Stage): Set<bigint> {
  return new Set(stage.sent().filter(({ type }) => type === "hello").map(({ id }) => id));
}

/** Connected, with a question that nobody acknowledges, up to that time. */
function unanswered(until: number): Stage {
  const stage = new Stage();
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  stage.pass(until);
  return stage;
}

Deno.test("dialer: what nobody acknowledges for 5 s goes on from another port, and 5 s later a HELLO too", () => {
  const stage = unanswered(4_999);
  assertEquals([stage.events(), stage.hops], [[], 0]);
  stage.sent();
  stage.pass(5_000);
  assertEquals([stage.events(), stage.hops], [[{ type: "unresponsive" }], 1]);
  stage.pass(9_999);
  assertEquals([stage.events(), stage.hops, nonces(stage).size], [[], 1, 0]);
  stage.pass(10_000);
  assertEquals([stage.events(), stage.hops, nonces(stage).size], [[], 2, 1]);
  // Each of the next HELLOs hops, with a nonce of its own: then time must pass between them.
  stage.pass(20_000);
  stage.events();
  assertEquals([stage.hops, nonces(stage).size], [8, 6]);
  stage.pass(70_000);
  stage.events();
  assert(stage.hops > 12 && stage.hops < 20, `${stage.hops} hops`);
});

Deno.test("dialer: a sign of life of its server ends the greeting of another", () => {
  const stage = unanswered(11_000);
  const nonce = [...nonces(stage)].at(-1);
  stage.receive({ type: "ack", id: SESSION_ID, number: 1, echo: 1 }, { now: 11_000 });
  assertEquals(stage.events().map(({ type }) => type), [
    "unresponsive",
    "responsive",
    "delivered",
    "position",
  ]);
  stage.receive(welcome(nonce!, 77n), { now: 11_001 });
  stage.pass(15_000);
  assertEquals([stage.events(), nonces(stage).size], [[], 0]);
});

Deno.test("dialer: another server that answers first gets the question, unless its own is heard", () => {
  for (const isHeard of [false, true]) {
    const stage = unanswered(11_000);
    const nonce = [...nonces(stage)].at(-1);
    stage.events();
    stage.receive(welcome(nonce!, 77n), { now: 11_000 });
    stage.pass(11_500);
    if (isHeard) {
      stage.receive({ type: "pong", id: SESSION_ID, number: 1, echo: 1 }, { now: 11_500 });
    }
    stage.sent();
    stage.pass(12_000);
    const first = isHeard ? "responsive" : "reconnecting";
    assertEquals(stage.events(), [{ type: first }]);
    assertEquals(nonces(stage), new Set(isHeard ? [] : [nonce!]));
    stage.receive(welcome(nonce!, 77n), { now: 12_000 });
    assertEquals(stage.sent().map(({ id, type }) => [id, type]), isHeard ? [] : [[77n, "message"]]);
  }
});

Deno.test("dialer: a HELLO that nobody answers hops, and a reply to one before is still taken", () => {
  const stage = new Stage();
  stage.pass(3_999);
  stage.events();
  const tried = [...nonces(stage)];
  assertEquals([stage.hops, tried.length], [2, 3]);
  stage.receive(retry(tried[0]!, 7), { now: 3_999 });
  // The server with that token lives: it is asked on.
  assertEquals(nonces(stage), new Set([tried[0]!]));
  stage.receive(welcome(tried[0]!), { now: 4_000 });
  assertEquals(stage.events(), [{ type: "connected" }]);
});

Deno.test("dialer: time in which it did not run is no silence to hop for", () => {
  const stage = unanswered(4_000);
  stage.dialer.handleTimeout(3_600_000);
  stage.pass(3_604_999);
  assertEquals([stage.events(), stage.hops], [[], 0]);
  stage.pass(3_605_000);
  assertEquals([stage.events(), stage.hops], [[{ type: "unresponsive" }], 1]);
  stage.dialer.handleTimeout(7_200_000);
  stage.sent();
  stage.pass(7_204_999);
  stage.events();
  assertEquals([stage.hops, nonces(stage).size], [1, 0]);
});

const MOVED: PacketFields = { type: "bye", id: SESSION_ID, payload: Uint8Array.of(8) };

Deno.test("dialer: handed over, it connects again from another port within half a second, and asks again", () => {
  const stage = new Stage();
  stage.connect();
  stage.dialer.ask(text("q"), 0);
  stage.sent();
  stage.receive(MOVED, { now: 100 });
  // The confirmation goes out by the port that the server knows.
  assertEquals([stage.types(), stage.events(), stage.hops], [["bye-ack"], [{
    type: "reconnecting",
  }], 0]);
  assertEquals(stage.dialer.turn, "remote");
  stage.pass(349);
  stage.receive({ ...MOVED, attempt: 2 }, { now: 349 });
  assertEquals(stage.types(), ["bye-ack"]);
  stage.pass(350);
  assertEquals([stage.events(), stage.hops], [[], 1]);
  const [hello] = stage.sent();
  stage.receive(welcome(hello!.id, 77n), { now: 360 });
  assertEquals(stage.events(), [{ type: "connected" }]);
  assertEquals(stage.sent().map(({ id, type }) => [id, type]), [[77n, "message"]]);
});

Deno.test("dialer: handed over between two questions, it may ask at once, or say bye", () => {
  const stage = new Stage();
  stage.connect();
  stage.receive(MOVED, { now: 100 });
  assertEquals(stage.dialer.turn, "local");
  stage.dialer.ask(text("q"), 200);
  stage.pass(350);
  const hello = stage.sent().at(-1);
  stage.receive(welcome(hello!.id, 77n), { now: 360 });
  assertEquals(stage.sent().map(({ id, type }) => [id, type]), [[77n, "message"]]);
  const other = new Stage();
  other.connect();
  other.receive(MOVED, { now: 100 });
  other.dialer.bye("bye", 200);
  assertEquals(other.events(), [{ type: "reconnecting" }, { type: "ended", reason: "bye" }]);
  assertEquals([other.dialer.turn, other.dialer.nextTimeout], ["closed", Infinity]);
});

Deno.test("dialer: handed over to nobody, it ends in silence after the idle timeout; after its bye, as that", () => {
  const stage = new Stage();
  stage.connect();
  stage.receive(MOVED, { now: 100 });
  stage.pass(350 + IDLE_MS);
  assertEquals(stage.events(), [{ type: "reconnecting" }, { type: "ended", reason: "silence" }]);
  const other = new Stage();
  other.connect();
  other.dialer.bye("bye", 100);
  other.receive(MOVED, { now: 110 });
  assertEquals(other.events(), [{ type: "ended", reason: "bye" }]);
  other.pass(60_000);
  other.events();
  assertEquals([other.isOver, nonces(other).size], [true, 0]);
});
