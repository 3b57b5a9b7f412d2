import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type ClientInfo,
  connect,
  connectPlain,
  type ConnectPlainOptions,
  ConversationEndedError,
  type EndReason,
  MessageTooLongError,
  NoAnswerError,
  servePlain,
  type ServePlainOptions,
  UnreachableError,
  UnresolvedError,
} from "./mod.ts";
import { MAX_PLAIN_MESSAGE_BYTES, OutOfTurnError } from "../protocol.ts";

const canUseSockets = Deno.permissions.querySync({ name: "net" }).state === "granted";
const UTF8 = new TextEncoder();

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `plain: ${name}`, ignore: !canUseSockets, fn });
}

function bind(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
}

function portOf(socket: Deno.DatagramConn): number {
  return (socket.addr as Deno.NetAddr).port;
}

async function receive(socket: Deno.DatagramConn): Promise<[text: string, from: Deno.Addr]> {
  const [datagram, from] = await socket.receive();
  return [new TextDecoder().decode(datagram), from];
}

test("a conversation", async () => {
  const ends = Promise.withResolvers<EndReason>();
  const onDisconnect = (_: ClientInfo, reason: EndReason) => ends.resolve(reason);
  await using server = servePlain({ port: 0, onDisconnect }, (question) => question.toUpperCase());
  const conversation = await connectPlain({ port: server.addr.port });
  assertEquals(conversation.remoteAddr, server.addr);
  for (const question of ["¿html?", "", "a".repeat(MAX_PLAIN_MESSAGE_BYTES)]) {
    assertEquals(await conversation.ask(question), question.toUpperCase());
  }
  await conversation.bye();
  assertEquals([await conversation.ended, await ends.promise], ["bye", "bye"]);
  await assertRejects(() => conversation.ask("¿?"), ConversationEndedError);
});

test("no datagram but the question, its answer and the bye", async () => {
  const socket = bind();
  const conversation = await connectPlain({ port: portOf(socket) });
  const answer = conversation.ask("a");
  await assertRejects(() => conversation.ask("b"), OutOfTurnError);
  const [question, from] = await receive(socket);
  assertEquals(question, "a");
  await socket.send(UTF8.encode("x\n"), from);
  assertEquals(await answer, "x");
  await conversation.bye();
  assertEquals(await receive(socket), ["bye", from]);
  socket.close();
});

test("without an answer `ask` rejects, and the conversation goes on", async () => {
  const socket = bind();
  const events: string[] = [];
  await using conversation = await connectPlain({
    port: portOf(socket),
    answerTimeout: 1000,
    onEvent: ({ type }) => events.push(type),
  });
  const error = await assertRejects(() => conversation.ask("a"), NoAnswerError);
  assertEquals([error.address, error.timeout], [conversation.remoteAddr, 1000]);
  const second = conversation.ask("b");
  assertEquals((await receive(socket))[0], "a");
  const [question, from] = await receive(socket);
  assertEquals(question, "b");
  await socket.send(UTF8.encode("x"), from);
  assertEquals(await second, "x");
  assertEquals(events, []);
  socket.close();
});

test("an answer that was there before its question is taken for it, and that is told", async () => {
  const socket = bind();
  const events: string[] = [];
  await using conversation = await connectPlain({
    port: portOf(socket),
    onEvent: ({ type }) => events.push(type),
  });
  const first = conversation.ask("a");
  const [, from] = await receive(socket);
  for (const answer of ["x", "y"]) await socket.send(UTF8.encode(answer), from);
  assertEquals(await first, "x");
  // While others converse, what waits in the socket is taken out of it.
  await using server = servePlain({ port: 0 }, (question) => question);
  await using other = await connectPlain({ port: server.addr.port });
  for (let turn = 0; turn < 20; turn++) await other.ask("z");
  assertEquals(events, []);
  assertEquals([await conversation.ask("b"), events], ["y", ["stale"]]);
  socket.close();
});

test("what is too long is refused with its size and the limit, and not sent", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const sizes = ({ size, limit }: MessageTooLongError) => [size, limit];
  const tooLong = "a".repeat(MAX_PLAIN_MESSAGE_BYTES + 1);
  await using server = servePlain({ port: 0, onError }, () => tooLong);
  await using conversation = await connectPlain({ port: server.addr.port, answerTimeout: 1000 });
  const refused = await assertRejects(() => conversation.ask(tooLong), MessageTooLongError);
  assertEquals(sizes(refused), [65_508, 65_507]);
  assertEquals(errors, []);
  await assertRejects(() => conversation.ask("a"), NoAnswerError);
  assertInstanceOf(errors[0], MessageTooLongError);
  assertEquals(sizes(errors[0] as MessageTooLongError), [65_508, 65_507]);
});

test("several questions of one client may wait, and its signal fires when it says bye", async () => {
  const socket = bind();
  const waiting: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  const all = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using server = servePlain({ port: 0 }, (question, info) => {
    info.setAhead(signals.length);
    signals.push(info.signal);
    info.signal.addEventListener("abort", () => gone.resolve());
    if (signals.length === 3) all.resolve();
    return new Promise((resolve) => waiting.push(() => resolve(`to ${question}`)));
  });
  const send = (text: string) => socket.send(UTF8.encode(text), server.addr);
  for (const question of ["a", "b\n", "c\n"]) await send(question);
  await all.promise;
  waiting[1]!();
  waiting[0]!();
  assertEquals((await receive(socket))[0], "to b\n");
  assertEquals((await receive(socket))[0], "to a\n");
  await send("bye\n");
  await gone.promise;
  assertEquals(signals.map(({ aborted }) => aborted), [true, true, true]);
  waiting[2]!();
  socket.close();
});

test("a client that wants protection finds no server, and its packets are no questions", async () => {
  const questions: string[] = [];
  await using server = servePlain({ port: 0 }, (question) => {
    questions.push(question);
    return "x";
  });
  const options = { port: server.addr.port, connectTimeout: 1000 };
  await assertRejects(() => connect(options), UnreachableError);
  assertEquals(questions, []);
});

test("an abort says bye", async () => {
  const socket = bind();
  const stop = new AbortController();
  const conversation = await connectPlain({ port: portOf(socket), signal: stop.signal });
  stop.abort();
  assertEquals(await conversation.ended, "bye");
  assertEquals((await receive(socket))[0], "bye");
  await conversation.bye();
  await assertRejects(() => connectPlain({ signal: stop.signal }));
  socket.close();
});

for (const hostname of ["0.0.0.0", "::ffff:127.0.0.1", "::FFFF:127.0.0.1"]) {
  test(`an answer from a server that was called ${hostname}`, async () => {
    await using server = servePlain({ port: 0 }, () => "x");
    await using conversation = await connectPlain({ hostname, port: server.addr.port });
    assertEquals(await conversation.ask("a"), "x");
  });
}

test("an answer from a server at a name", async () => {
  await using server = servePlain({ hostname: "localhost", port: 0 }, () => "x");
  await using conversation = await connectPlain({ hostname: "localhost", port: server.addr.port });
  assertEquals(await conversation.ask("a"), "x");
});

for (const hostname of ["::1", "[::1]", "0:0:0:0:0:0:0:1", "::"]) {
  test(`an answer from a server that was called ${hostname}`, async () => {
    await using server = servePlain({ hostname: "::1", port: 0 }, () => "x");
    await using conversation = await connectPlain({ hostname, port: server.addr.port });
    assertEquals(await conversation.ask("a"), "x");
  });
}

test("an address that names its interface", async () => {
  const conversation = await connectPlain({ hostname: "fe80::1%lo" });
  await conversation.bye();
});

test("options that make no sense", async () => {
  const answer = () => "x";
  assertThrows(() => servePlain({ port: 70_000 }, answer), RangeError);
  assertThrows(() => servePlain({ port: 0, maxSessions: 0 }, answer), RangeError);
  await assertRejects(() => connectPlain({ port: 0 }), RangeError);
  await assertRejects(() => connectPlain({ answerTimeout: 999 }), RangeError);
  await assertRejects(() => connectPlain({ hostname: "no-existe.invalid" }), UnresolvedError);
  // A private conversation is not sent in the open.
  const secret: object = { port: 0, code: "12345678" };
  assertThrows(() => servePlain(secret as ServePlainOptions, answer), TypeError);
  await assertRejects(() => connectPlain(secret as ConnectPlainOptions), TypeError);
});
