import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../transport/mod.ts";
import { PERFECT } from "../laboratory/network.ts";
import { freePort } from "./machine.ts";
import { canRunPrograms, command, Process, startServer } from "./process.ts";
import { canUsePty, Pty } from "./pty.ts";
import { Relay } from "./relay.ts";
import { testAtLength } from "./whole.ts";

const CODE = "42-tigre-luna";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

const testWhole = canRunPrograms ? testAtLength : test;

async function startClient(port: number, ...args: string[]): Promise<Process> {
  const client = new Process("cliente", "--puerto", `${port}`, ...args);
  await client.until("Conectado con");
  return client;
}

async function startFiveClients(
  stack: AsyncDisposableStack,
  port: number,
  ...args: string[]
): Promise<Process[]> {
  const starting = Array.from({ length: 5 }, () => startClient(port, ...args));
  return (await Promise.all(starting)).map((client) => stack.use(client));
}

Deno.test({
  name: "what the operator types stays whole while questions arrive and leave",
  ignore: !canRunPrograms || !canUsePty,
  async fn() {
    await using server = new Pty(command("servidor", "--puerto", "0"), { columns: 60 });
    await server.until(/Escuchando en .*:\d+/);
    const port = Number(/Escuchando en .*:(\d+)/.exec(server.screen)![1]);
    await using first = await startClient(port);
    await using second = await startClient(port);
    await using third = await startClient(port);
    await using fourth = await startClient(port);
    await first.write("uno\n");
    await server.until("Ingrese una respuesta: ");
    await server.type("media ");
    await second.write("dos\n");
    await server.until("4 conectados; espera 1: 2 127.0.0.1\nIngrese una respuesta: media");
    await third.write("tres\n");
    await server.until("esperan 2: 2 127.0.0.1, 3 127.0.0.1");
    await fourth.write("cuatro\n");
    await server.until(
      "4 conectados; esperan 3: 2 127.0.0.1, 3 127.0.0.1, 4 127.0.…\nIngrese una respuesta: media",
    );
    await server.type("respuesta\r");
    await first.until("Respuesta: media respuesta\n");
    await server.until(
      /Pregunta: dos\nCliente: 127\.0\.0\.1 \(puerto \d+\)\n.*\nIngrese una respuesta:/,
    );
  },
});

test("each asker sees its place, and its moves", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using first = await startClient(port);
  await using second = await startClient(port);
  await using third = await startClient(port);
  await first.write("uno\n");
  await first.until("Pregunta recibida: es la que se responde ahora");
  await second.write("dos\n");
  await second.until("Pregunta recibida: hay 1 pregunta antes que la suya");
  await third.write("tres\n");
  await third.until("Pregunta recibida: hay 2 preguntas antes que la suya");
  await server.write("1\n");
  await first.until("Pregunta respondida\n");
  await second.until("Pregunta recibida: es la que se responde ahora");
  await third.until("Pregunta recibida: hay 1 pregunta antes que la suya");
  second.kill("SIGINT");
  await third.until("Pregunta recibida: es la que se responde ahora");
  await server.write("3\n");
  await third.until("Respuesta: 3\n");
});

test("a question that is not acknowledged is told to be sent again", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = await startClient(port);
  server.kill("SIGSTOP");
  await client.write("¿Y?\n");
  await client.until("Sin acuse de recibo desde hace 3 s: reenviando");
  await client.until("El servidor no responde desde hace 5 s; se sigue intentando");
  server.kill("SIGCONT");
  await client.until("El servidor responde de nuevo");
  await server.write("sí\n");
  await client.until("Respuesta: sí\n");
});

Deno.test({
  name: "an asker that dies takes its question back, and what was typed for it goes to nobody",
  ignore: !canRunPrograms || !canUsePty,
  async fn() {
    await using server = new Pty(command("servidor", "--puerto", "0", "--inactividad", "2"));
    await server.until(/Escuchando en .*:\d+/);
    const port = Number(/Escuchando en .*:(\d+)/.exec(server.screen)![1]);
    await using answered = await startClient(port);
    await using queued = await startClient(port);
    await using last = await startClient(port);
    await answered.write("uno\n");
    await server.until("Ingrese una respuesta: ");
    await queued.write("dos\n");
    await server.until("espera 1: 2 ");
    await last.write("tres\n");
    await server.until("esperan 2: 2 ");
    await server.type("para uno");
    queued.kill("SIGKILL");
    await server.until("espera 1: 3 ");
    answered.kill("SIGKILL");
    await server.until(/Se retiró la pregunta de 127\.0\.0\.1:\d+: inactividad/);
    await server.until("Lo que había escrito no se ha enviado a nadie");
    await server.until(/Pregunta: tres\nCliente: .*\n.*\nIngrese una respuesta: $/);
    assert(!server.screen.includes("Pregunta: dos"), server.screen);
    await server.type("para tres\r");
    await last.until("Respuesta: para tres\n");
    assertStringIncludes(last.output, "Respuesta: para tres\n");
  },
});

testWhole("a server that dies is told, and given up when the silence is over", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = await startClient(port, "--inactividad", "8");
  await client.write("¿Y?\n");
  await server.until("Ingrese una respuesta: ");
  server.kill("SIGKILL");
  await client.until("El servidor no responde desde hace 5 s; se sigue intentando");
  assertEquals(await client.exited(), 4);
  assertStringIncludes(
    client.errors,
    `Error: se perdió la conexión con el servidor 127.0.0.1:${port}`,
  );
});

for (const room of [[], ["--codigo", CODE]]) {
  test(`a server that comes back with "${room}" is asked the same question again`, async () => {
    const { server: before, port } = await startServer(...room);
    await using _before = before;
    await using waiting = await startClient(port, "--inactividad", "20", ...room);
    await using idle = await startClient(port, "--inactividad", "20", ...room);
    await waiting.write("¿Sigue ahí?\n");
    await before.until("Ingrese una respuesta: ");
    before.kill("SIGKILL");
    await before.exited();

    await using after = new Process("servidor", "--puerto", `${port}`, ...room);
    await after.write("aquí sigo\nsí\n");
    await waiting.until("El servidor ya no tiene esta conversación: conectando de nuevo");
    await waiting.until("Conectado de nuevo");
    await waiting.until("Respuesta: aquí sigo\n");
    await idle.write("¿Y yo?\n");
    await idle.until("Respuesta: sí\n");
    assertStringIncludes(after.output, "Pregunta: ¿Sigue ahí?\n");
  });
}

test("a client whose address changes goes on as if nothing had happened", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using relay = new Relay({ port, conditions: PERFECT, seed: 1 });
  await using client = await startClient(relay.port, "--inactividad", "4");
  await client.write("uno\n");
  await server.until("Ingrese una respuesta: ");
  relay.forgetPorts();
  await server.write("1\n");
  await client.until("Respuesta: 1\n");
  relay.forgetPorts();
  await client.write("dos\n");
  await server.write("2\n");
  await client.until("Respuesta: 2\n");
  assert(!client.errors.includes("reinició"), client.errors);
  assertEquals(server.errors.match(/Cliente conectado/g)?.length, 1);
});

test("one client too many is refused at once", async () => {
  const { server, port } = await startServer("--max-clientes", "1");
  await using _server = server;
  await using _first = await startClient(port);
  await using second = new Process("cliente", "--puerto", `${port}`);
  assertEquals(await second.exited(), 5);
  assertEquals(
    second.errors,
    `Error: el servidor 127.0.0.1:${port} está completo: pruebe de nuevo dentro de un rato\n`,
  );
});

for (const how of ["SIGTERM", "end of input"] as const) {
  test(`a server that stops by ${how} tells every client although a fifth is lost`, async () => {
    const { server, port } = await startServer();
    await using _server = server;
    const conditions = { ...PERFECT, loss: 0.2 };
    await using relay = new Relay({ port, conditions, seed: 5 });
    await using stack = new AsyncDisposableStack();
    const clients = await startFiveClients(stack, relay.port, "--inactividad", "60");
    if (how === "SIGTERM") server.kill("SIGTERM");
    else await server.end();
    assertEquals(await server.exited(), 0);
    for (const client of clients) {
      assertEquals(await client.exited(), 0);
      assertStringIncludes(client.errors, "cerró la conversación");
    }
  });
}

test("a server on all addresses shows the commands to type elsewhere", async () => {
  for (const host of ["0.0.0.0", "::"]) {
    const { server, port } = await startServer("--host", host);
    await using _server = server;
    const others = Deno.networkInterfaces().filter(({ address, family }) =>
      !/^(127|169\.254)\.|^::1$|^fe80/.test(address) && (family === "IPv4" || host === "::")
    );
    if (others.length === 0) await server.until("Este equipo no tiene ninguna dirección de red");
    for (const { address } of others) {
      await server.until(`  deno task cliente --host ${address} --puerto ${port}\n`);
    }
    assert(!server.errors.includes(`cliente --host ${host}`), server.errors);
  }
});

test("a class without a person: answers and questions from files", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using stack = new AsyncDisposableStack();
  const clients = await startFiveClients(stack, port);
  await server.write(Array.from({ length: 15 }, (_, i) => `respuesta ${i}\n`).join(""));
  await server.end();
  for (const client of clients) {
    await client.write("a\nb\nc\n");
    await client.end();
  }
  const answers: string[] = [];
  for (const client of clients) {
    assertEquals(await client.exited(), 0, client.errors);
    answers.push(...[...client.output.matchAll(/^Respuesta: (.*)$/gm)].map(([, text]) => text!));
  }
  assertEquals(await server.exited(), 0);
  assertEquals(
    new Set(answers),
    new Set(Array.from({ length: 15 }, (_, i) => `respuesta ${i}`)),
  );
});

testWhole("200 askers of the library and 5 programs at one server, a tenth lost", async () => {
  const { server, port } = await startServer("--json");
  await using _server = server;
  await using relay = new Relay({ port, conditions: { ...PERFECT, loss: 0.1 }, seed: 2 });
  const order: string[] = [];
  const bot = answerInOrder(server, order);
  await using stack = new AsyncDisposableStack();
  const programs = await startFiveClients(stack, relay.port, "--inactividad", "60");
  const asking = Array.from({ length: 200 }, async (_, asker) => {
    await using conversation = await connect({ port: relay.port, connectTimeout: 60_000 });
    for (const turn of [1, 2, 3]) {
      assertEquals(await conversation.ask(`${asker} ${turn}`), `eco ${asker} ${turn}`);
    }
  });
  for (const [index, program] of programs.entries()) {
    await program.write(`programa ${index}\nbye\n`);
  }
  await Promise.all(asking);
  for (const [index, program] of programs.entries()) {
    assertEquals(await program.exited(), 0);
    assertStringIncludes(program.output, `Respuesta: eco programa ${index}\n`);
  }
  server.kill("SIGTERM");
  await bot;
  assertEquals(order.length, 605);
  assertEquals(new Set(order).size, 605);
});

test("a bot that asks", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using bot = new Process("cliente", "--json", "--puerto", `${port}`);
  await server.write("\x1b[31mñ\n");
  await bot.write("¿Y?\n\nbye\n");
  assertEquals(await bot.exited(), 0);
  const events = bot.output.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.filter(({ event }) => event !== "delivered" && event !== "position"), [
    { event: "connected", hostname: "127.0.0.1", port },
    { event: "sent", id: 1 },
    { event: "answer", id: 1, answer: "\x1b[31mñ" },
    { event: "ended", reason: "bye" },
  ]);
  assertEquals(bot.errors, "");
});

test("a bot that answers in any order, and is told what it does wrong", async () => {
  const { server, port } = await startServer("--json");
  await using _server = server;
  await using first = await startClient(port);
  await using second = await startClient(port);
  await using third = await startClient(port);
  await first.write("uno\n");
  await server.until('"id":1,');
  await second.write("dos\n");
  await server.until('"id":2,');
  await third.write("tres\n");
  await server.until('"id":3,');
  await server.write("nada\n[]\n" + '{"id":9,"answer":"x"}\n{"id":1}\n');
  await server.until(/(Error: .*\n){4}/);
  await server.write('{"id":2,"answer":"a dos"}\n');
  await second.until("Respuesta: a dos\n");
  third.kill("SIGINT");
  await server.until('{"event":"withdrawn","id":3}');
  await server.until('"reason":"bye"');
  await server.write('{"id":1,"answer":"a uno"}\n');
  await first.until("Respuesta: a uno\n");
  await server.end();
  assertEquals(await server.exited(), 0);
  for (const line of server.output.trimEnd().split("\n")) JSON.parse(line);
});

Deno.test({
  name: "the bot of the page of the programs, in Python",
  ignore: !canRunPrograms || !canUsePty,
  async fn() {
    const page = await Deno.readTextFile(new URL("../docs/programas.md", import.meta.url));
    const port = freePort();
    const source = /```python\n([^]*?)```/.exec(page)![1]!
      .replace('"--json"]', `"--json", "--puerto", "${port}"]`);
    const bin = Deno.execPath().replace(/[^/]*$/, "");
    const run = 'PATH="$1:$PATH" exec python3 -c "$2"';
    await using _python = new Process(["sh", "-c", run, "sh", bin, source]);
    await using conversation = await connect({ port, connectTimeout: 60_000 });
    assertEquals(await conversation.ask("¿Hay alguien?"), "Usted preguntó: ¿Hay alguien?");
  },
});

/** Answers each question of a server with `--json` as it comes, and notes it in `order`. */
async function answerInOrder(server: Process, order: string[]): Promise<void> {
  for await (const line of server.lines()) {
    const { event, id, question } = JSON.parse(line);
    if (event !== "question") continue;
    order.push(question);
    await server.write(JSON.stringify({ id, answer: `eco ${question}` }) + "\n");
  }
}
