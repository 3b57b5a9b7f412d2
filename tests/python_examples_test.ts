import { assert, assertEquals } from "@std/assert";
import type { NetworkConditions } from "../laboratory/network.ts";
import { connect, serve, servePlain } from "../transport/mod.ts";
import { canRunPrograms, Process, startServer } from "./process.ts";
import { Relay } from "./relay.ts";
import { freePort, isGranted, outputOf } from "./machine.ts";
import { testAtLength } from "./whole.ts";

const EXAMPLES = `${import.meta.dirname}/../docs/ejemplos`;
const MAX_LINES = {
  "cliente.py": 150,
  "servidor.py": 150,
  "cliente_simple.py": 15,
  "servidor_simple.py": 15,
};
const HOSTNAME = "127.0.0.1";
const BAD: NetworkConditions = {
  loss: 0.2,
  duplication: 0.1,
  reordering: 0.2,
  delay: 2,
  jitter: 5,
};
const NETWORKS = 10;
const QUESTIONS = ["¿HTML es un lenguaje de programacion?", "¿Y ñandú 🦤?", "", "x".repeat(1000)];

const canRunPython = canRunPrograms && isGranted("read") &&
  (await outputOf("python3", "--version")).startsWith("Python");

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `Python examples: ${name}`, ignore: !canRunPython, fn });
}

test("they are as short as the page of the protocol says", async () => {
  for (const [file, most] of Object.entries(MAX_LINES)) {
    const text = await Deno.readTextFile(`${EXAMPLES}/${file}`);
    assert(text.trimEnd().split("\n").length <= most, file);
  }
});

test("the client asks a server of this project over a bad network", async () => {
  await askServer(1);
});

test("clients of this project ask the server over a bad network", async () => {
  await answerClients(1);
});

test("the client and the programs of this project understand each other", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = python("cliente.py", HOSTNAME, `${port}`, "Ana");
  await client.write("¿HTML es un lenguaje de programacion?\nbye\n");
  await server.until("Ingrese una respuesta: ");
  assert(server.output.startsWith("El servidor UDP listo para recibir preguntas del cliente\n"));
  assert(server.output.includes("Cliente: Ana (127.0.0.1)\n"));
  await server.write("NOOOOO\n");
  assertEquals(await client.exited(), 0);
  assertEquals(
    client.output,
    "Ingrese una pregunta: Respuesta: NOOOOO\nIngrese una pregunta: ",
  );
});

test("the server answers two clients in the order of their questions", async () => {
  const port = freePort();
  await using server = python("servidor.py", `${port}`);
  await server.until("El servidor UDP listo");
  await using first = new Process("cliente", "--puerto", `${port}`, "¿Uno?");
  await server.until("Pregunta: ¿Uno?\nCliente: 127.0.0.1\nIngrese una respuesta: ");
  await using second = new Process("cliente", "--puerto", `${port}`, "¿Dos?");
  await second.until("127.0.0.1");
  await server.write("primera\nsegunda\n");
  assertEquals([await first.exited(), await second.exited()], [0, 0]);
  assertEquals([first.output, second.output], ["primera\n", "segunda\n"]);
  await server.end();
  assertEquals(await server.exited(), 0);
});

test("the plain ones speak with each other and with this project's", async () => {
  const port = freePort();
  {
    await using server = python("servidor_simple.py", `${port}`);
    await server.until("listo");
    await using client = python("cliente_simple.py", `${port}`);
    await client.write("¿HTML?\n");
    await server.until("Pregunta: ¿HTML?\nCliente: 127.0.0.1\nIngrese una respuesta: ");
    await server.write("NOOOOO\n");
    await client.until("Respuesta: NOOOOO\n");
    await client.write("bye\n");
    assertEquals(await client.exited(), 0);
  }
  await using answerer = servePlain({ hostname: HOSTNAME, port: 0 }, (question) => `${question}!`);
  const { port: plainPort } = answerer.addr as Deno.NetAddr;
  await using client = python("cliente_simple.py", `${plainPort}`);
  await client.write("¿HTML?\nbye\n");
  assertEquals(await client.exited(), 0);
  assertEquals(client.output, "Ingrese una pregunta: Respuesta: ¿HTML?!\nIngrese una pregunta: ");
});

testAtLength("Python examples: the client is understood over ten bad networks", async () => {
  await overNetworks(askServer);
});

testAtLength("Python examples: the server is understood over ten bad networks", async () => {
  await overNetworks(answerClients);
});

/** Plays the seeds at once: most of the time is waiting. */
async function overNetworks(play: (seed: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: NETWORKS }, (_, i) => play(i + 1)));
}

/** A client in Python asks: each question is asked once, and its answer is shown once. */
async function askServer(seed: number): Promise<void> {
  const asked: string[] = [];
  const names = new Set<string | undefined>();
  await using server = serve({ hostname: HOSTNAME, port: 0 }, (question, { name }) => {
    asked.push(question);
    names.add(name);
    return `${question}!`;
  });
  await using relay = new Relay({ port: server.addr.port, conditions: BAD, seed });
  await using client = python("cliente.py", HOSTNAME, `${relay.port}`, "Ñu");
  await client.write(QUESTIONS.map((question) => `${question}\n`).join(""));
  await client.end();
  assertEquals(await client.exited(), 0, `Seed ${seed}: ${client.errors}`);
  assertEquals(asked, QUESTIONS, `Seed ${seed}`);
  const answers = QUESTIONS.map((it) => `Ingrese una pregunta: Respuesta: ${it}!\n`);
  assertEquals(client.output, `${answers.join("")}Ingrese una pregunta: `, `Seed ${seed}`);
  assertEquals([...names], ["Ñu"]);
}

/** Three clients ask a server in Python at once: each gets the answers to its own questions. */
async function answerClients(seed: number): Promise<void> {
  const port = freePort();
  await using server = python("servidor.py", `${port}`, "--eco");
  await server.until("listo");
  await using relay = new Relay({ port, conditions: BAD, seed });
  await Promise.all([1, 2, 3].map(async (who) => {
    await using client = await connect({
      hostname: HOSTNAME,
      port: relay.port,
      name: `Ñu ${who}`,
      connectTimeout: 30_000,
    });
    for (const question of QUESTIONS) {
      assertEquals(await client.ask(`${who} ${question}`), `${who} ${question}`, `Seed ${seed}`);
    }
    await client.bye();
    assertEquals(await client.ended, "bye", `Seed ${seed}`);
  }));
}

function python(file: string, ...args: string[]): Process {
  return new Process(["python3", "-X", "utf8", `${EXAMPLES}/${file}`, ...args]);
}
