import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type ClientInfo,
  connect,
  ConversationEndedError,
  type ConversationEvent,
  type DatagramSocket,
  type EndReason,
  MessageTooLongError,
  type Monitor,
  readHeader,
  RefusedError,
  serve,
  UnreachableError,
  UnresolvedError,
} from "../transport/mod.ts";
import { MAX_MESSAGE_BYTES, OutOfTurnError } from "../protocol.ts";
import { connectToAny, RunningConversation } from "../transport/client.ts";
import { Driver, RANDOMNESS } from "../transport/driver.ts";
import { Dialer } from "../transport/reliable/dialer.ts";
import { freePort, isGranted } from "./machine.ts";
import { Process } from "./process.ts";

function socketTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !isGranted("net"), fn });
}

socketTest("a question while an answer is due is out of turn, and is not sent", async () => {
  const asked: string[] = [];
  const answer = Promise.withResolvers<string>();
  await using server = serve({ port: 0 }, (question) => {
    asked.push(question);
    return answer.promise;
  });
  await using conversation = await connect({ port: server.addr.port });
  const first = conversation.ask("uno");
  await assertRejects(() => conversation.ask("dos"), OutOfTurnError);
  answer.resolve("sí");
  assertEquals(await first, "sí");
  assertEquals(asked, ["uno"]);
});

socketTest("a message that is too long is refused before anything is sent", async () => {
  await using server = serve({ port: 0 }, (question) => question);
  await using conversation = await connect({ port: server.addr.port });
  const error = await assertRejects(
    () => conversation.ask("ñ".repeat(MAX_MESSAGE_BYTES / 2) + "."),
    MessageTooLongError,
  ) as MessageTooLongError;
  assertEquals(error.size, MAX_MESSAGE_BYTES + 1);
  assertInstanceOf(error, RangeError);
  assertEquals(await conversation.ask("corta"), "corta");
});

for (const code of [undefined, "42-tigre-luna"]) {
  const room = code === undefined ? "an open" : "a private";
  const options = code === undefined ? {} : { code };

  socketTest(`clients of ${room} room have names and numbers`, async () => {
    const clients: ClientInfo[] = [];
    await using server = serve(
      { port: 0, onConnect: (it) => clients.push(it), ...options },
      (_, info) => {
        return `${info.id} ${info.name} ${info.name === info.client.name}`;
      },
    );
    const { port } = server.addr;
    const answers: string[] = [];
    for (const name of ["Ana", "Ana", "", "ñ".repeat(20)]) {
      await using conversation = await connect({ port, name, ...options });
      answers.push(await conversation.ask("¿Quién soy?"));
    }
    const last = "ñ".repeat(20);
    assertEquals(answers, ["1 Ana true", "2 Ana true", "3 undefined true", `4 ${last} true`]);
    assertEquals(clients.map(({ id, name }) => [id, name]), [
      [1, "Ana"],
      [2, "Ana"],
      [3, undefined],
      [4, last],
    ]);
    await assertRejects(
      () => connect({ port, name: "ñ".repeat(20) + ".", ...options }),
      RangeError,
    );
  });

  socketTest(`notices reach the clients of ${room} room, and their ends are told`, async () => {
    const clients: ClientInfo[] = [];
    const arrived = Promise.withResolvers<void>();
    const onConnect = (client: ClientInfo) => {
      clients.push(client);
      if (clients.length === 2) arrived.resolve();
    };
    await using server = serve({ port: 0, onConnect, ...options }, (question) => question);
    const { port } = server.addr;
    const notices: string[] = [];
    const onEvent = (event: ConversationEvent) => {
      if (event.type === "notice") notices.push(event.text);
    };
    await using first = await connect({ port, onEvent, ...options });
    await using second = await connect({ port, onEvent, ...options });
    await arrived.promise;
    assertEquals(await server.notify("Cerramos a las seis"), []);
    assertEquals(notices, ["Cerramos a las seis", "Cerramos a las seis"]);
    // One is under way, one waits, and the newest takes its place.
    const [one] = clients;
    assertEquals(
      await Promise.all(["uno", "dos", "tres"].map((text) => one!.notify(text))),
      [true, false, true],
    );
    await assertRejects(() => one!.notify("ñ".repeat(500) + "."), MessageTooLongError);
    one!.expel();
    assertEquals(await first.ended, "expelled");
    assertEquals(await one!.notify("¿?"), false);
    assertEquals([await second.ask("¿Y yo?"), one!.signal.aborted], ["¿Y yo?", true]);
  });
}

socketTest("several clients at once, each with its own answers", async () => {
  await using server = serve({ port: 0 }, async (question, { remoteAddr }) => {
    await Promise.resolve();
    return `${question} ${remoteAddr.hostname}`;
  });
  await Promise.all(Array.from({ length: 20 }, async (_, client) => {
    await using conversation = await connect({ port: server.addr.port });
    for (let turn = 0; turn < 5; turn++) {
      assertEquals(await conversation.ask(`${client} ${turn}`), `${client} ${turn} 127.0.0.1`);
    }
  }));
});

socketTest("a handler hears when its asker goes", async () => {
  const gone = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const left: EndReason[] = [];
  const clients: ClientInfo[] = [];
  await using server = serve({
    port: 0,
    onConnect: (client) => clients.push(client),
    onDisconnect: (_, reason) => left.push(reason),
  }, async (_, { signal }) => {
    arrived.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    gone.resolve();
    return "tarde";
  });
  const conversation = await connect({ port: server.addr.port });
  const answer = assertRejects(() => conversation.ask("¿?"), ConversationEndedError);
  await arrived.promise;
  await conversation.bye();
  await answer;
  await gone.promise;
  assertEquals(left, ["bye"]);
  assert(clients[0]!.signal.aborted);
});

socketTest("a handler that throws ends that conversation, and no other", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  await using server = serve({ port: 0, onError }, (question) => {
    if (question === "mal") throw new TypeError("no");
    return question;
  });
  await using other = await connect({ port: server.addr.port });
  await using conversation = await connect({ port: server.addr.port });
  const error = await assertRejects(() => conversation.ask("mal"), ConversationEndedError);
  assertEquals((error as ConversationEndedError).reason, "failed");
  assertInstanceOf(errors[0], TypeError);
  assertEquals(await other.ask("bien"), "bien");
});

socketTest("an answer that is too long is the handler's error", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  await using server = serve({ port: 0, onError }, () => "a".repeat(MAX_MESSAGE_BYTES + 1));
  await using conversation = await connect({ port: server.addr.port });
  await assertRejects(() => conversation.ask("¿?"), ConversationEndedError);
  assertInstanceOf(errors[0], MessageTooLongError);
});

socketTest(
  "a server that shuts down tells its clients, and sends the last answers first",
  async () => {
    const answer = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const server = serve({ port: 0 }, () => {
      asked.resolve();
      return answer.promise;
    });
    const idle = await connect({ port: server.addr.port });
    const waiting = await connect({ port: server.addr.port });
    const last = waiting.ask("¿?");
    await asked.promise;
    answer.resolve("la última");
    await server.shutdown();
    assertEquals(await last, "la última");
    assertEquals(await Promise.all([idle.ended, waiting.ended]), ["closing", "closing"]);
    await Promise.all([idle.bye(), waiting.bye()]);
    await server.finished;
    await server.shutdown();
  },
);

socketTest("a server that is full refuses, and has room again after a bye", async () => {
  await using server = serve({ port: 0, maxSessions: 1 }, (question) => question);
  const { port } = server.addr;
  const first = await connect({ port });
  const error = await assertRejects(() => connect({ port }), RefusedError) as RefusedError;
  assertEquals(error.refusal, "full");
  await first.bye();
  await using second = await connect({ port });
  assertEquals(await second.ask("¿?"), "¿?");
});

socketTest("signals end a server and an attempt to connect", async () => {
  const stop = new AbortController();
  const server = serve({ port: 0, signal: stop.signal }, (question) => question);
  const conversation = await connect({ port: server.addr.port });
  stop.abort();
  await server.finished;
  assertEquals(await conversation.ended, "closing");
  await conversation.bye();

  const giveUp = new AbortController();
  const attempt = connect({ port: server.addr.port, signal: giveUp.signal });
  giveUp.abort(new Error("Changed my mind"));
  await assertRejects(() => attempt, Error, "Changed my mind");
});

socketTest("nobody there, or nobody of that name", async () => {
  // Nothing listens on the port of a socket that was closed.
  const port = freePort();
  await assertRejects(() => connect({ port, connectTimeout: 1000 }), UnreachableError);
  await assertRejects(() => connect({ hostname: "no-existe.invalid" }), UnresolvedError);
});

socketTest("options out of bounds, and a port that is taken", async () => {
  const answer = (question: string) => question;
  assertThrows(() => serve({ port: 70_000 }, answer), RangeError);
  assertThrows(() => serve({ port: 0, maxSessions: 0 }, answer), RangeError);
  assertThrows(() => serve({ port: 0, idleTimeout: 0.5 }, answer), RangeError);
  assertThrows(() => serve({ port: 0, serverId: 256 }, answer), RangeError);
  await assertRejects(() => connect({ port: 0 }), RangeError);
  await using server = serve({ port: 0 }, answer);
  assertThrows(() => serve({ port: server.addr.port }, answer), Deno.errors.AddrInUse);
});

socketTest("a wrapped socket carries everything, and can look up whose it is", async () => {
  const seen: string[] = [];
  const watch = (end: string) => (socket: DatagramSocket, monitor: Monitor): DatagramSocket => ({
    ...socket,
    send: (datagram, to) => {
      seen.push(`${end} ${readHeader(datagram)?.type} ${monitor.inspect(datagram)?.turn}`);
      return socket.send(datagram, to);
    },
  });
  await using server = serve({ port: 0, transport: watch("server") }, (question) => question);
  await using conversation = await connect({
    port: server.addr.port,
    transport: watch("client"),
  });
  assertEquals(await conversation.ask("¿?"), "¿?");
  await conversation.bye();
  assertEquals(seen, [
    "client hello undefined",
    "server welcome remote",
    "client ack local",
    "client message remote",
    "server message remote",
    "client bye leaving",
    "server bye-ack closed",
  ]);
});

socketTest("a monitor counts the datagrams that are dropped", async () => {
  const monitors: Monitor[] = [];
  const transport = (socket: DatagramSocket, monitor: Monitor): DatagramSocket => {
    monitors.push(monitor);
    return socket;
  };
  await using server = serve({ port: 0, transport }, (question) => question);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await socket.send(Uint8Array.of(1, 2, 3), server.addr);
  socket.close();
  await using conversation = await connect({ port: server.addr.port });
  assertEquals(await conversation.ask("¿?"), "¿?");
  assertEquals(monitors[0]?.counters.malformed, 1);
});

socketTest("an asker hears that its question arrived, and of its place", async () => {
  const events: ConversationEvent[] = [];
  await using server = serve({ port: 0 }, async (_, info) => {
    info.setAhead(3);
    // Longer than an acknowledgement is held back, so that it goes out on its own.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return "sí";
  });
  await using conversation = await connect({
    port: server.addr.port,
    onEvent: (event) => events.push(event),
  });
  await conversation.ask("¿?");
  assertEquals(events, [{ type: "delivered" }, { type: "position", ahead: 3 }]);
});

/** Tries the ports of this machine as the addresses of one name. */
function tryAll(
  ports: readonly number[],
  signal = new AbortController().signal,
): Promise<RunningConversation> {
  const servers = ports.map((port) => ({ transport: "udp" as const, hostname: "127.0.0.1", port }));
  const giveUpAt = Driver.now() + 1000;
  return connectToAny(servers, (server) => {
    const now = Driver.now();
    const options = { server, now, connectTimeout: giveUpAt - now, idleTimeout: 75_000 };
    return new RunningConversation({ signal }, server, new Dialer({ ...options, ...RANDOMNESS }));
  });
}

// Of a name with two addresses only the first was tried, though a server waited at the second.
socketTest("the addresses of a name are tried in turn until one answers", async () => {
  await using server = serve({ port: 0 }, (question) => `re: ${question}`);
  await using full = serve({ port: 0, maxSessions: 1 }, () => "");
  await using _guest = await connect({ port: full.addr.port });
  const { port } = server.addr;
  const dead = freePort();
  for (const ports of [[port], [dead, port], [port, dead], [dead, dead, port]]) {
    await using conversation = await tryAll(ports);
    assertEquals([conversation.remoteAddr.port, await conversation.ask("x")], [port, "re: x"]);
  }
  await assertRejects(() => tryAll([dead, dead]), UnreachableError);
  await assertRejects(() => tryAll([dead, full.addr.port, port]), RefusedError);
  const stop = new AbortController();
  const tried = tryAll([dead, dead, port], stop.signal);
  stop.abort(new RangeError("enough"));
  await assertRejects(() => tried, RangeError);
});

socketTest(
  "a server that hands over ends no conversation: the next on its port answers what was open",
  async () => {
    const isAsked = Promise.withResolvers<void>();
    const before = serve({ port: 0 }, () => {
      isAsked.resolve();
      return new Promise(() => {});
    });
    const { port } = before.addr;
    const events: string[] = [];
    const onEvent = ({ type }: ConversationEvent) => events.push(type);
    await using conversation = await connect({ port, onEvent });
    const answer = conversation.ask("¿Y?");
    await isAsked.promise;
    assertEquals(await before.shutdown({ handOver: true }), { unconfirmed: 0 });
    await using _after = serve({ port }, (question) => `${question} sí`);
    assertEquals(await answer, "¿Y? sí");
    assertEquals(events.filter((type) => type.startsWith("reconnect")), [
      "reconnecting",
      "reconnected",
    ]);
  },
);

// A timer that was no longer needed held a process for up to 10 s after its last conversation, and another one
// that had changed its port for up to 20 s: a script that asked one question seemed to hang.
Deno.test({
  name: "a process whose conversations are over ends at once",
  ignore: !isGranted("net", "run", "read"),
  async fn() {
    const door = new URL("../transport/mod.ts", import.meta.url);
    const config = new URL("../deno.json", import.meta.url).pathname;
    await using script = new Process([
      ...[Deno.execPath(), "run", "--no-prompt", "--quiet", "--allow-net"],
      ...[`--config=${decodeURIComponent(config)}`, "-"],
    ]);
    await script.write(`
      import { connect, serve } from "${door}";
      const server = serve({ port: 0 }, (question) => question);
      const conversation = await connect({ port: server.addr.port });
      await conversation.ask("¿Y?");
      await conversation.bye();
      await server.shutdown();
      console.log("over");
    `);
    await script.end();
    await script.until("over");
    const over = performance.now();
    assertEquals(await script.exited(), 0);
    assert(performance.now() - over < 8_000);
  },
});
