import { assertEquals, assertThrows } from "@std/assert";
import type { ListenerEvent } from "../reliable/listener.ts";
import type { Address } from "../endpoint.ts";
import type { ServerLimits } from "../limits.ts";
import { PlainAnswerer, type PlainClient } from "./plain_answerer.ts";
import { MAX_PLAIN_MESSAGE_BYTES, OutOfTurnError } from "../../protocol.ts";
import { encode, HEADER_BYTES, HELLO_BYTES } from "../reliable/packet.ts";

const CLIENT: Address = { hostname: "192.0.2.7", port: 40_001 };
const OTHER: Address = { hostname: "192.0.2.7", port: 40_002 };
const UTF8 = new TextEncoder();

function newAnswerer(options: Partial<ServerLimits> = {}): PlainAnswerer {
  return new PlainAnswerer({
    maxSessions: 10,
    maxQuestions: 10,
    idleTimeout: 75_000,
    ...options,
  });
}

function address(number: number): Address {
  return { hostname: `198.51.100.${number}`, port: 40_000 };
}

/** Its events, each as one word or two. */
function told(answerer: PlainAnswerer): string[] {
  return answerer.takeEvents().map((event) => {
    if (event.type === "question") return `question ${event.text}`;
    if (event.type === "foreign") return `foreign ${event.kind}`;
    return event.type === "ended" ? `ended ${event.reason}` : event.type;
  });
}

function asks(
  answerer: PlainAnswerer,
  question: string,
  from: Address = CLIENT,
  now = 0,
): PlainClient {
  answerer.receive(UTF8.encode(question), from, now);
  const asked = answerer.takeEvents().find(isQuestion);
  assertEquals(asked?.session.address, from, `"${question}" is no question`);
  return asked!.session;
}

function isQuestion(event: ListenerEvent<PlainClient>) {
  return event.type === "question";
}

function sent(answerer: PlainAnswerer): [text: string, port: number][] {
  return answerer.takeTransmits()
    .map(({ datagram, to }) => [new TextDecoder().decode(datagram), to.port]);
}

Deno.test("plain answerer: every datagram is a question, and who sent it hears the answer", () => {
  const answerer = newAnswerer();
  answerer.receive(UTF8.encode("¿Y?"), CLIENT, 0);
  assertEquals(told(answerer), ["connected", "question ¿Y?"]);
  const client = asks(answerer, "¿Y?");
  const other = asks(answerer, "¿Y?", OTHER);
  for (const [to, text] of [[other, "x"], [client, "a"], [client, "b"]] as const) {
    answerer.answer(to, UTF8.encode(text), 0);
  }
  assertEquals(sent(answerer), [["x", OTHER.port], ["a", CLIENT.port], ["b", CLIENT.port]]);
  assertThrows(() => answerer.answer(client, UTF8.encode("c"), 0), OutOfTurnError);
  assertEquals(sent(answerer), []);
});

Deno.test("plain answerer: what comes twice is asked twice", () => {
  const answerer = newAnswerer();
  answerer.receive(UTF8.encode("a"), CLIENT, 0);
  answerer.receive(UTF8.encode("a"), CLIENT, 0);
  assertEquals(told(answerer), ["connected", "question a", "question a"]);
});

Deno.test("plain answerer: who sends lines gets lines", () => {
  const answerer = newAnswerer();
  answerer.answer(asks(answerer, "a\n"), UTF8.encode("x"), 0);
  answerer.answer(asks(answerer, "b\r\n"), UTF8.encode("y"), 0);
  answerer.answer(asks(answerer, "c"), UTF8.encode("z"), 0);
  assertEquals(sent(answerer).map(([text]) => text), ["x\n", "y\r\n", "z"]);
});

Deno.test("plain answerer: bye ends it, is no question, and withdraws those of that client", () => {
  const answerer = newAnswerer({ maxQuestions: 2 });
  const client = asks(answerer, "a");
  asks(answerer, "b", OTHER);
  answerer.receive(UTF8.encode(" BYE \n"), CLIENT, 0);
  assertEquals([told(answerer), client.turn, answerer.size], [["ended bye"], "closed", 1]);
  assertThrows(() => answerer.answer(client, UTF8.encode("x"), 0), OutOfTurnError);
  assertEquals([sent(answerer), answerer.nextTimeout], [[], Infinity]);
  // Its question is no longer one of the two that may wait, and it comes back as a new client.
  answerer.receive(UTF8.encode("c"), CLIENT, 0);
  assertEquals(told(answerer), ["connected", "question c"]);
});

Deno.test("plain answerer: bye of somebody unknown is nothing", () => {
  const answerer = newAnswerer();
  answerer.receive(UTF8.encode("bye"), CLIENT, 0);
  assertEquals([told(answerer), answerer.size, answerer.counters.ignored], [[], 0, 1]);
});

Deno.test("plain answerer: what is no UTF-8 is dropped and counted", () => {
  const answerer = newAnswerer();
  answerer.receive(Uint8Array.of(0xff), CLIENT, 0);
  answerer.receive(Uint8Array.of(0xff), CLIENT, 9_999);
  assertEquals(told(answerer), ["foreign binary"]);
  assertEquals([answerer.size, answerer.counters.malformed], [0, 2]);
  const hello = encode({
    type: "hello",
    id: 1n,
    payload: new Uint8Array(HELLO_BYTES - HEADER_BYTES),
  });
  answerer.receive(hello, CLIENT, 9_999);
  answerer.receive(Uint8Array.of(0xff), CLIENT, 10_000);
  assertEquals(told(answerer), ["foreign packet", "foreign binary"]);
});

Deno.test("plain answerer: a client is forgotten when it is idle, and not while it waits", () => {
  const answerer = newAnswerer({ idleTimeout: 1000 });
  const client = asks(answerer, "a", CLIENT, 0);
  const other = asks(answerer, "b", OTHER, 0);
  asks(answerer, "a", CLIENT, 0);
  answerer.answer(client, UTF8.encode("x"), 100);
  assertEquals(answerer.nextTimeout, Infinity);
  answerer.answer(other, UTF8.encode("x"), 500);
  answerer.answer(client, UTF8.encode("x"), 800);
  assertEquals(answerer.nextTimeout, 1500);
  asks(answerer, "c", OTHER, 900);
  assertEquals(answerer.nextTimeout, 1800);
  answerer.handleTimeout(1799);
  assertEquals(told(answerer), []);
  answerer.handleTimeout(1800);
  assertEquals([told(answerer), answerer.size, client.turn], [["ended silence"], 1, "closed"]);
  answerer.handleTimeout(1_000_000);
  assertEquals([told(answerer), other.turn], [[], "local"]);
});

Deno.test("plain answerer: the one longest idle makes room, and who waits keeps its place", () => {
  const answerer = newAnswerer({ maxSessions: 3 });
  const [first, second, third] = [1, 2, 3].map((n) => asks(answerer, "a", address(n)));
  answerer.answer(third!, UTF8.encode("x"), 10);
  answerer.answer(first!, UTF8.encode("x"), 20);
  asks(answerer, "b", address(4));
  assertEquals([first, second, third].map((it) => it!.turn), ["remote", "local", "closed"]);
  asks(answerer, "b", address(5));
  assertEquals([answerer.size, first!.turn], [3, "closed"]);
  // Now all three wait.
  answerer.receive(UTF8.encode("b"), address(6), 30);
  assertEquals(answerer.size, 3);
  answerer.handleTimeout(30);
  const overload = { sessions: 1, sessionsPerAddress: 0, questions: 0, unproved: 0 };
  assertEquals(answerer.takeEvents(), [{ type: "overload", overload }]);
});

Deno.test("plain answerer: a question too many is dropped, and told now and then", () => {
  const answerer = newAnswerer({ maxQuestions: 2 });
  const client = asks(answerer, "a");
  asks(answerer, "b");
  answerer.receive(UTF8.encode("c"), CLIENT, 0);
  answerer.receive(UTF8.encode("c"), OTHER, 0);
  assertEquals([told(answerer), answerer.size, answerer.nextTimeout], [[], 1, -Infinity]);
  answerer.handleTimeout(0);
  const overload = { sessions: 0, sessionsPerAddress: 0, questions: 2, unproved: 0 };
  assertEquals(answerer.takeEvents(), [{ type: "overload", overload }]);
  answerer.answer(client, UTF8.encode("x"), 0);
  asks(answerer, "d");
});

Deno.test("plain answerer: a client whose handler fails is forgotten, once, and hears nothing", () => {
  const answerer = newAnswerer();
  const client = asks(answerer, "a");
  answerer.bye(client, "failed");
  answerer.bye(client, "failed");
  assertEquals([told(answerer), sent(answerer), answerer.size], [["ended failed"], [], 0]);
});

Deno.test("plain answerer: a server that closes forgets everybody, and hears nobody", () => {
  const answerer = newAnswerer();
  answerer.answer(asks(answerer, "a"), UTF8.encode("x"), 0);
  asks(answerer, "b", OTHER);
  answerer.close();
  assertEquals([told(answerer), answerer.size], [["ended closing", "ended closing"], 0]);
  answerer.receive(UTF8.encode("c"), CLIENT, 1);
  assertEquals([told(answerer), answerer.nextTimeout], [[], Infinity]);
  assertEquals(sent(answerer), [["x", CLIENT.port]]);
});

Deno.test("plain answerer: no answer that is too long is sent", () => {
  const answerer = newAnswerer();
  const client = asks(answerer, "a\n");
  const tooLong = new Uint8Array(MAX_PLAIN_MESSAGE_BYTES + 1);
  assertThrows(() => answerer.answer(client, tooLong, 0), RangeError);
  assertEquals([sent(answerer), client.turn], [[], "local"]);
  answerer.answer(client, tooLong.subarray(1), 0);
  assertEquals(answerer.takeTransmits()[0]!.datagram.length, MAX_PLAIN_MESSAGE_BYTES);
});
