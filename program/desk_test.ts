import { assert, assertEquals } from "@std/assert";
import type { ClientInfo, QuestionInfo } from "../transport/mod.ts";
import { Desk, shownName } from "./desk.ts";

function visitor(id: number, name?: string, hostname = "192.0.2.1"): ClientInfo {
  const remoteAddr = { transport: "udp", hostname, port: 1000 + id };
  return { id, name, remoteAddr } as unknown as ClientInfo;
}

function from(client: ClientInfo): QuestionInfo {
  return { client, setAhead() {} } as unknown as QuestionInfo;
}

function deskOf(...visitors: readonly ClientInfo[]) {
  const record: string[] = [];
  const desk = new Desk((texts) => Promise.resolve(void record.push(texts.join("\n"))));
  visitors.forEach((visitor) => desk.visitors.set(visitor.id, visitor));
  const answers = visitors.map((client) => desk.add(`¿${client.id}?`, from(client), 0));
  return { desk, requests: [...desk.requests], answers, record };
}

/** The numbers of those whose questions are there, the current one first. */
function order(desk: Desk): number[] {
  return desk.requests.map(({ client }) => client.id);
}

Deno.test("desk: questions are taken in the order in which they came", async () => {
  const { desk, requests, answers, record } = deskOf(visitor(1), visitor(2), visitor(3));
  assertEquals(desk.next(), requests[0]);
  assertEquals(desk.next(), requests[0]);
  assert(desk.answer(requests[0]!, "sí"));
  assert(!desk.answer(requests[0]!, "no"));
  assertEquals(await answers[0], "sí");
  assertEquals(desk.withdraw(visitor(3), "otro"), []);
  assertEquals(desk.withdraw(requests[2]!.client, "inactividad"), [requests[2]]);
  assertEquals([desk.current, desk.next(), order(desk)], [undefined, requests[1], [2]]);
  assertEquals(record, [
    "Cliente: 192.0.2.1 (puerto 1001)\nPregunta: ¿1?\nRespuesta: sí",
    "Cliente: 192.0.2.1 (puerto 1003)\nPregunta: ¿3?\nSin respuesta: inactividad",
  ]);
});

Deno.test("desk: a client without protection may have several questions, and takes them all along", () => {
  const { desk, requests } = deskOf(visitor(1), visitor(2));
  const { client } = requests[0]!;
  desk.add("¿Y?", from(client), 0);
  desk.next();
  assertEquals(desk.withdraw(client, "inactividad").map(({ id }) => id), [1, 3]);
  assertEquals([desk.current, desk.next(), order(desk)], [undefined, requests[1], [2]]);
});

Deno.test("desk: the current question goes behind all others", () => {
  const { desk } = deskOf(visitor(1), visitor(2), visitor(3));
  assert(!desk.postpone());
  desk.next();
  assert(desk.postpone());
  assertEquals([desk.next()?.client.id, order(desk)], [2, [2, 3, 1]]);
});

Deno.test("desk: nobody waits behind the current question, so it stays", () => {
  const { desk } = deskOf(visitor(1));
  desk.next();
  assert(!desk.postpone());
  assertEquals(order(desk), [1]);
});

Deno.test("desk: one is attended before the others, and the one before comes right after", () => {
  const { desk } = deskOf(visitor(1), visitor(2), visitor(3));
  desk.next();
  assert(desk.attend(3));
  assert(desk.attend(3));
  assert(!desk.attend(4));
  assertEquals([desk.current?.client.id, order(desk)], [3, [3, 1, 2]]);
});

Deno.test("desk: the line of a client says what it takes to tell it from the others", () => {
  const ana = visitor(1, "Ana");
  const { desk } = deskOf(ana);
  assertEquals(desk.label(ana), "Ana (192.0.2.1)");
  const nameless = visitor(2, undefined, "192.0.2.2");
  desk.visitors.set(2, nameless);
  assertEquals(desk.label(nameless), "192.0.2.2");
  const neighbour = visitor(3, "Luis", "192.0.2.2");
  desk.visitors.set(3, neighbour);
  assertEquals(desk.label(nameless), "192.0.2.2 (puerto 1002)");
  assertEquals(desk.label(neighbour), "Luis (192.0.2.2)");
  const other = visitor(4, "Ana");
  desk.visitors.set(4, other);
  assertEquals(desk.label(ana), "Ana (192.0.2.1, puerto 1001)");
  assertEquals(desk.label(other), "Ana (192.0.2.1, puerto 1004)");
  desk.visitors.delete(4);
  assertEquals(desk.label(ana), "Ana (192.0.2.1)");
});

Deno.test("desk: the line of those who wait", () => {
  const { desk } = deskOf(visitor(1), visitor(2, "Ana"), visitor(3));
  desk.next();
  assertEquals(desk.waiting, "esperan 2: 2 Ana, 3 192.0.2.1");
  desk.answer(desk.current!, "sí");
  desk.next();
  assertEquals([desk.waiting, desk.connected], ["espera 1: 3 192.0.2.1", "3 conectados"]);
});

Deno.test("desk: the list says since when each waits, and how the question begins", () => {
  const { desk } = deskOf();
  const [ana, luis, eva] = [visitor(1, "Ana"), visitor(2, "Luis"), visitor(3, "Eva")];
  desk.add(`a\n${"b".repeat(60)}`, from(ana), 0);
  desk.add("¿\x1b[2J?", from(luis), 3_500_000);
  desk.add("e", from(eva), 7_264_000);
  assertEquals(desk.list(7_265_000), [
    `1 Ana (192.0.2.1), hace 2 h 1 min: a ${"b".repeat(27)}…`,
    "2 Luis (192.0.2.1), hace 1 h 2 min: ¿␛[2J?",
    "3 Eva (192.0.2.1), hace 1 s: e",
  ]);
});

Deno.test("desk: a name is shown without what could make it look like something else", () => {
  assertEquals(shownName(" Ana\n(127.0.0.1)\x1b[2J "), "Ana127.0.0.1[2J");
  assertEquals(shownName("A\u202ena"), "A<U+202E>na");
  assertEquals([shownName(undefined), shownName("()\n ")], [undefined, undefined]);
});
