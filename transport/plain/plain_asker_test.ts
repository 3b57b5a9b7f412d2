import { assertEquals, assertThrows } from "@std/assert";
import type { DialerEvent } from "../reliable/dialer.ts";
import { MAX_STALE_ANSWERS, PlainAsker } from "./plain_asker.ts";
import { MAX_PLAIN_MESSAGE_BYTES, OutOfTurnError } from "../../protocol.ts";

const SERVER = { hostname: "192.0.2.1", port: 12000 };
const UTF8 = new TextEncoder();

function newAsker(): PlainAsker {
  const asker = new PlainAsker({ server: SERVER, sender: SERVER.hostname, answerTimeout: 3000 });
  assertEquals(asker.takeEvents(), [{ type: "connected" }]);
  return asker;
}

/** The datagrams that it sent, as text. */
function sent(asker: PlainAsker): string[] {
  return asker.takeTransmits().map(({ datagram, to }) => {
    assertEquals(to, SERVER);
    return new TextDecoder().decode(datagram);
  });
}

function types(asker: PlainAsker): DialerEvent["type"][] {
  return asker.takeEvents().map(({ type }) => type);
}

Deno.test("plain asker: a question is one datagram, and the next that comes is its answer", () => {
  const asker = newAsker();
  assertEquals([sent(asker), asker.turn, asker.nextTimeout], [[], "local", Infinity]);
  asker.ask(UTF8.encode("¿Y?"), 100);
  assertEquals([sent(asker), asker.turn, asker.nextTimeout], [["¿Y?"], "remote", 3100]);
  assertEquals(asker.inspect(), { turn: "remote", retransmissionTimeout: Infinity });
  asker.receive(UTF8.encode("Sí\n"), SERVER, 200);
  assertEquals(asker.takeEvents(), [{ type: "answer", text: "Sí" }]);
  assertEquals([sent(asker), asker.turn, asker.nextTimeout], [[], "local", Infinity]);
});

Deno.test("plain asker: without an answer it says so in time, sends nothing again, and may ask", () => {
  const asker = newAsker();
  asker.ask(UTF8.encode("a"), 0);
  asker.handleTimeout(2999);
  assertEquals(types(asker), []);
  asker.handleTimeout(3000);
  assertEquals(asker.takeEvents(), [{ type: "unanswered", timeout: 3000 }]);
  assertEquals([sent(asker), asker.nextTimeout], [["a"], Infinity]);
  asker.ask(UTF8.encode("b"), 3000);
  assertEquals([sent(asker), asker.nextTimeout], [["b"], 6000]);
});

Deno.test("plain asker: a late answer is taken for the next question's", () => {
  const asker = newAsker();
  asker.ask(UTF8.encode("a"), 0);
  asker.handleTimeout(3000);
  asker.ask(UTF8.encode("b"), 3000);
  asker.takeEvents();
  asker.receive(UTF8.encode("of a"), SERVER, 4000);
  assertEquals(asker.takeEvents(), [{ type: "answer", text: "of a" }]);
});

Deno.test("plain asker: one that is there before the question is, too, and that is told", () => {
  const asker = newAsker();
  asker.ask(UTF8.encode("a"), 0);
  for (const answer of ["first", "second", "third"]) {
    asker.receive(UTF8.encode(answer), SERVER, 10);
  }
  assertEquals(asker.takeEvents(), [{ type: "answer", text: "first" }]);
  asker.ask(UTF8.encode("b"), 20);
  assertEquals(asker.takeEvents(), [{ type: "stale" }, { type: "answer", text: "second" }]);
  assertEquals([sent(asker), asker.nextTimeout], [["a", "b"], Infinity]);
  asker.ask(UTF8.encode("c"), 30);
  assertEquals(asker.takeEvents(), [{ type: "stale" }, { type: "answer", text: "third" }]);
  asker.ask(UTF8.encode("d"), 40);
  assertEquals([types(asker), asker.turn], [[], "remote"]);
});

Deno.test("plain asker: so many answers that nobody waits for are kept, and no more", () => {
  const asker = newAsker();
  for (let i = 0; i < MAX_STALE_ANSWERS + 5; i++) asker.receive(UTF8.encode(`${i}`), SERVER, 0);
  assertEquals(asker.counters.ignored, 5);
  for (let i = 0; i < MAX_STALE_ANSWERS; i++) asker.ask(UTF8.encode("?"), 0);
  assertEquals(asker.takeEvents().at(-1), { type: "answer", text: `${MAX_STALE_ANSWERS - 1}` });
  asker.ask(UTF8.encode("?"), 0);
  assertEquals(types(asker), []);
});

Deno.test("plain asker: what is no UTF-8, or from another port, is no answer, and counted", () => {
  const asker = newAsker();
  asker.takeEvents();
  asker.ask(UTF8.encode("a"), 0);
  asker.receive(Uint8Array.of(0xff), SERVER, 1);
  asker.receive(Uint8Array.of(0xff), SERVER, 2);
  asker.receive(UTF8.encode("x"), { ...SERVER, port: 12001 }, 1);
  assertEquals(asker.takeEvents(), [{ type: "foreign", kind: "binary", from: SERVER }]);
  assertEquals([asker.turn, asker.counters.malformed, asker.counters.unknown], ["remote", 2, 1]);
});

// A server on all addresses of a machine answers from the one nearest: that was dropped unsaid.
Deno.test("plain asker: an answer from another address of the server is taken, and told", () => {
  const asker = newAsker();
  asker.takeEvents();
  asker.ask(UTF8.encode("a"), 0);
  const from = { ...SERVER, hostname: "192.0.2.2" };
  asker.receive(UTF8.encode("x"), from, 1);
  const told = { type: "foreign", kind: "address", from } as const;
  assertEquals(asker.takeEvents(), [told, { type: "answer", text: "x" }]);
  asker.receive(UTF8.encode("late"), from, 2);
  asker.ask(UTF8.encode("b"), 3);
  assertEquals(types(asker), ["stale", "answer"]);
});

Deno.test("plain asker: bye is sent once, and nothing is asked or heard after it", () => {
  const asker = newAsker();
  asker.ask(UTF8.encode("a"), 0);
  asker.bye("bye", 1);
  asker.bye("bye", 2);
  assertEquals([sent(asker), asker.turn, asker.nextTimeout], [["a", "bye"], "closed", Infinity]);
  assertEquals(asker.takeEvents(), [{ type: "ended", reason: "bye" }, { type: "over" }]);
  asker.receive(UTF8.encode("late"), SERVER, 3);
  asker.handleTimeout(9999);
  assertEquals([types(asker), asker.counters.ignored], [[], 1]);
  assertThrows(() => asker.ask(UTF8.encode("b"), 4), OutOfTurnError);
});

Deno.test("plain asker: nothing is sent out of turn, or that is too long", () => {
  const asker = newAsker();
  assertThrows(() => asker.ask(new Uint8Array(MAX_PLAIN_MESSAGE_BYTES + 1), 0), RangeError);
  assertEquals([sent(asker), asker.turn], [[], "local"]);
  asker.ask(new Uint8Array(MAX_PLAIN_MESSAGE_BYTES), 0);
  assertEquals(asker.takeTransmits().length, 1);
  assertThrows(() => asker.ask(UTF8.encode("b"), 0), OutOfTurnError);
  assertEquals(sent(asker), []);
});
