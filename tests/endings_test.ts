import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect, type ConversationEvent, serve } from "../transport/mod.ts";
import { PERFECT } from "../laboratory/network.ts";
import { packetType } from "../transport/reliable/packet.ts";
import { Relay } from "./relay.ts";
import { isWhole } from "./whole.ts";
import { canRunPrograms, command, Process, type ProgramName, startServer } from "./process.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

/** A program with its streams redirected as a shell does it. */
function redirected(redirection: string, program: ProgramName, ...args: string[]): Process {
  const words = command(program, ...args);
  return new Process(["bash", "-c", `"$@" ${redirection}`, "bash", ...words]);
}

// Whoever had read the answer looked for five seconds at a program that did nothing.
test("a question alone ends soon after its answer, though nobody confirms the bye", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await server.write("NOOOOO\n");
  const byes: number[] = [];
  await using relay = new Relay({
    port,
    conditions: PERFECT,
    seed: 1,
    onDatagram(datagram) {
      if (packetType(datagram) === "bye") byes.push(performance.now());
    },
    isLost: (datagram) => packetType(datagram) === "bye-ack",
  });
  await using client = new Process("cliente", `--puerto=${relay.port}`, "¿HTML?");
  assertEquals(await client.exited(), 0, client.errors);
  assertEquals(client.output, "NOOOOO\n");
  await server.until("fin de la conversación");
  // 200 ms, with room for a machine that is busy.
  const length = byes.at(-1)! - byes[0]!;
  assert(byes.length >= 3 && length < 2_000, `${byes.length} byes in ${length} ms`);
});

test("the client's reader goes away", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await server.write("1\n2\n3\n4\n");
  const redirection = '| head -n 1; echo "código ${PIPESTATUS[0]}" >&2';
  await using client = redirected(redirection, "cliente", "--puerto", `${port}`);
  await client.write("a\nb\nc\nd\n");
  await client.until("código 1");
  assertEquals(client.output, "Ingrese una pregunta: a\n");
  assertMatch(client.errors, /^Error: nadie lee ya la salida del programa: .*$/m);
  assert(!client.errors.includes("    at "), client.errors);
  await server.until("fin de la conversación");
});

for (const program of ["servidor", "cliente"] as const) {
  test(`the disk of the ${program} is full`, async () => {
    const { server, port } = await startServer();
    await using _server = server;
    await server.write("1\n");
    const at = program === "servidor" ? "0" : `${port}`;
    await using process = redirected("> /dev/full", program, "--puerto", at);
    await process.write("a\n");
    assertEquals(await process.exited(), 1);
    assertMatch(process.errors, /^Error: no se puede usar la salida del programa: .*$/m);
    assert(!process.errors.includes("    at "), process.errors);
  });

  test(`${program} without a standard input`, async () => {
    const { server, port } = await startServer();
    await using _server = server;
    const at = program === "servidor" ? "0" : `${port}`;
    await using process = redirected("< /dev/null", program, "--puerto", at);
    assertEquals(await process.exited(), 0);
    assert(!process.errors.includes("Error"), process.errors);
  });
}

test("limits of the server, each with its word to the client and one line to the operator", async () => {
  const { server, port } = await startServer("--max-por-direccion", "2", "--max-preguntas", "1");
  await using _server = server;
  await using first = new Process("cliente", "--puerto", `${port}`);
  await first.write("uno\n");
  await server.until("Ingrese una respuesta: ");
  await using second = new Process("cliente", "--puerto", `${port}`);
  await second.until("Conectado con");
  await using third = new Process("cliente", "--puerto", `${port}`);
  assertEquals(await third.exited(), 5);
  assertStringIncludes(third.errors, "no admite más clientes desde esta dirección");
  await second.write("dos\n");
  assertEquals(await second.exited(), 5);
  assertStringIncludes(second.errors, "demasiadas preguntas en espera");
  await server.until(
    "Límites alcanzados: 1 cliente rechazado por ser ya demasiados en su dirección",
  );
  await server.write("1\n");
  await first.until("Respuesta: 1\n");
});

test("listeners that throw harm nobody", async () => {
  const errors: unknown[] = [];
  const uncaught: unknown[] = [];
  const onUncaught = (event: ErrorEvent) => {
    event.preventDefault();
    uncaught.push(event.error.message);
  };
  const fail = (what: string) => () => {
    throw new Error(what);
  };
  addEventListener("error", onUncaught);
  try {
    await using server = serve({
      port: 0,
      onConnect: fail("onConnect"),
      onDisconnect: fail("onDisconnect"),
      onError: (error) => errors.push((error as Error).message),
    }, async (question) => {
      // Longer than an acknowledgement waits, so that the client hears of it.
      await new Promise((resolve) => setTimeout(resolve, 100));
      return question;
    });
    const { port } = server.addr;
    const onEvent = (event: ConversationEvent) => fail(event.type)();
    const conversation = await connect({ port, onEvent });
    assertEquals(await conversation.ask("¿?"), "¿?");
    assertEquals(await conversation.ask("¿?"), "¿?");
    await conversation.bye();
    assertEquals(errors, ["onConnect", "onDisconnect"]);
    assertEquals(uncaught, ["delivered", "position", "delivered", "position"]);
  } finally {
    removeEventListener("error", onUncaught);
  }
});

test("a handler that never returns, or returns no text, keeps nobody else waiting", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  await using server = serve({ port: 0, onError }, (question) => {
    if (question === "never") return new Promise(() => {});
    if (question === "nothing") return undefined as unknown as string;
    return question;
  });
  const { port } = server.addr;
  await using stuck = await connect({ port });
  const never = stuck.ask("never").catch((error) => error.reason);
  await using empty = await connect({ port });
  assertEquals(await empty.ask("nothing").catch((error) => error.reason), "failed");
  assert(errors[0] instanceof TypeError);
  await using other = await connect({ port });
  assertEquals(await other.ask("¿?"), "¿?");
  await server.shutdown();
  assertEquals(await never, "closing");
});

// It closed after two seconds with an answer on its way, and said nothing of it.
Deno.test({
  name: "a server that has to leave an answer unconfirmed says so",
  ignore: !isWhole || !canRunPrograms,
  async fn() {
    const { server, port } = await startServer();
    await using _server = server;
    await using client = new Process("cliente", "--puerto", `${port}`);
    await client.write("a\n");
    await server.until("Ingrese una respuesta: ");
    client.kill("SIGKILL");
    await server.write("b\n");
    await server.end();
    assertEquals(await server.exited(), 1);
    assertMatch(server.errors, /^Error: se cerró sin confirmar que llegara una respuesta: .*\n$/m);
  },
});
