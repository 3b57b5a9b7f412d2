import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type NetworkConditions, PERFECT } from "../laboratory/network.ts";
import { freePort, outputOf } from "./machine.ts";
import { canRunPrograms, Process, startServer } from "./process.ts";
import { Relay } from "./relay.ts";

const QUESTION = "¿HTML es un lenguaje de programacion?";

/** A client as the textbooks have it. */
const PYTHON_CLIENT = `
import socket, sys
servidor = ("127.0.0.1", int(sys.argv[1]))
cliente = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
pregunta = ""
while pregunta != "bye":
    pregunta = input()
    cliente.sendto(pregunta.encode(), servidor)
    if pregunta != "bye":
        print("Respuesta:", cliente.recvfrom(1024)[0].decode(), flush=True)
`;

/** A server as the textbooks have it. */
const PYTHON_SERVER = `
import socket
servidor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
servidor.bind(("127.0.0.1", 0))
print("puerto", servidor.getsockname()[1], flush=True)
pregunta = ""
while pregunta != "bye":
    datos, cliente = servidor.recvfrom(1024)
    pregunta = datos.decode()
    servidor.sendto(("sobre " + pregunta).encode(), cliente)
`;

const hasPython = /^Python 3/.test(await outputOf("python3", "--version"));
const netcatName = await findNetcat();

/** The netcat of OpenBSD, whatever answers to `nc`: the others take other options. */
async function findNetcat(): Promise<string | undefined> {
  for (const name of ["nc.openbsd", "nc"]) {
    if (/^OpenBSD/.test(await outputOf(name, "-h"))) return name;
  }
  return undefined;
}

function test(name: string, fn: () => Promise<void>, canRun = canRunPrograms): void {
  Deno.test({ name: `plain UDP: ${name}`, ignore: !canRun, fn });
}

function python(script: string, ...args: string[]): Process {
  return new Process(["python3", "-X", "utf8", "-c", script, ...args]);
}

async function startPlainServer(...args: string[]) {
  const { server, port } = await startServer("--sin-fiabilidad", ...args);
  const client = (...more: string[]) =>
    new Process("cliente", "--sin-fiabilidad", "--puerto", `${port}`, ...more);
  return { server, port, client };
}

function startRelay(port: number, conditions: Partial<NetworkConditions>, seed = 1) {
  const byes = Promise.withResolvers<void>();
  const relay = new Relay({
    port,
    conditions: { ...PERFECT, ...conditions },
    seed,
    onDatagram(datagram) {
      if (new TextDecoder().decode(datagram) === "bye") byes.resolve();
    },
  });
  return { relay, saidBye: byes.promise };
}

test("netcat asks our server", async () => {
  const { server, port } = await startPlainServer();
  await using _server = server;
  await using netcat = new Process([netcatName!, "-u", "127.0.0.1", `${port}`]);
  for (const [question, answer] of [[QUESTION, "NOOOOO"], ["¿Y CSS?", "Tampoco"]] as const) {
    await netcat.write(`${question}\n`);
    await server.until(`Pregunta: ${question}\nCliente: 127.0.0.1\nIngrese una respuesta: `);
    await server.write(`${answer}\n`);
    await netcat.until(`${answer}\n`);
  }
  await netcat.write("bye\n");
  await server.until(/Cliente desconectado: .* \(fin de la conversación\)/);
  assertEquals(netcat.output, "NOOOOO\nTampoco\n");
  assertEquals(server.output.match(/^Pregunta: .*$/gm)?.length, 2);
}, netcatName !== undefined);

test("our client asks netcat", async () => {
  // Netcat does not tell which port it took: it is given one that was free a moment ago.
  const port = freePort();
  await using netcat = new Process([netcatName!, "-v", "-u", "-l", "127.0.0.1", `${port}`]);
  await netcat.until("Bound on");
  await using client = new Process("cliente", "--sin-fiabilidad", "--puerto", `${port}`);
  await client.write(`${QUESTION}\n`);
  await netcat.until(QUESTION);
  await netcat.write("NOOOOO\n");
  await client.until("Respuesta: NOOOOO\n");
  await client.write("bye\n");
  assertEquals(await client.exited(), 0);
  await netcat.until(`${QUESTION}bye`);
}, netcatName !== undefined);

test("a Python client of ten lines asks our server", async () => {
  const { server, port } = await startPlainServer();
  await using _server = server;
  await using client = python(PYTHON_CLIENT, `${port}`);
  await client.write(`${QUESTION}\n¿Y CSS?\nbye\n`);
  await server.write("NOOOOO\nTampoco\n");
  assertEquals(await client.exited(), 0, client.errors);
  assertEquals(client.output, "Respuesta: NOOOOO\nRespuesta: Tampoco\n");
  await server.until(/Cliente desconectado: .* \(fin de la conversación\)/);
  assertEquals(
    server.output,
    "El servidor UDP listo para recibir preguntas del cliente\n" +
      `Pregunta: ${QUESTION}\nCliente: 127.0.0.1\nIngrese una respuesta: NOOOOO\n` +
      "Pregunta: ¿Y CSS?\nCliente: 127.0.0.1\nIngrese una respuesta: Tampoco\n",
  );
}, hasPython);

test("our client asks a Python server of ten lines", async () => {
  await using server = python(PYTHON_SERVER);
  const [, port] = await server.until(/puerto (\d+)/);
  await using client = new Process("cliente", "--sin-fiabilidad", `--puerto=${port}`);
  await client.write(`${QUESTION}\n¿Y CSS?\nbye\n`);
  assertEquals(await client.exited(), 0, client.errors);
  assertEquals(
    client.output,
    `Ingrese una pregunta: ${QUESTION}\nRespuesta: sobre ${QUESTION}\n` +
      "Ingrese una pregunta: ¿Y CSS?\nRespuesta: sobre ¿Y CSS?\nIngrese una pregunta: bye\n",
  );
  assertEquals(await server.exited(), 0, server.errors);
}, hasPython);

test("our client asks our server: the transcript", async () => {
  const { server, port, client } = await startPlainServer();
  await using _server = server;
  await using asker = client();
  await asker.write(`${QUESTION}\nbye\n`);
  await server.write("NOOOOO\n");
  assertEquals(await asker.exited(), 0);
  await server.end();
  assertEquals(await server.exited(), 0);
  assertEquals(
    server.output,
    "El servidor UDP listo para recibir preguntas del cliente\n" +
      `Pregunta: ${QUESTION}\nCliente: 127.0.0.1\nIngrese una respuesta: NOOOOO\n`,
  );
  assertEquals(
    asker.output,
    `Ingrese una pregunta: ${QUESTION}\nRespuesta: NOOOOO\nIngrese una pregunta: bye\n`,
  );
  assertMatch(server.errors, /^Escuchando en .*\nSin fiabilidad: .*una red que no sea la suya\n/);
  assertStringIncludes(server.errors, `  deno task cliente --puerto ${port} --sin-fiabilidad\n`);
  assertMatch(asker.errors, new RegExp(`^Sin fiabilidad: se pregunta a 127\\.0\\.0\\.1:${port} `));
  assert(!asker.errors.includes("Conectado con"), asker.errors);
});

// A datagram for each question, one for each question that arrived, and the bye: nothing is sent again.
test("what is lost stays lost, and the client says so", async () => {
  const { server, port } = await startPlainServer();
  await using _server = server;
  const { relay, saidBye } = startRelay(port, { loss: 0.3 }, 4);
  await using _relay = relay;
  const options = ["--sin-fiabilidad", "--espera", "1", "--puerto", `${relay.port}`];
  await using client = new Process("cliente", ...options);
  const numbers = [1, 2, 3, 4, 5, 6];
  await server.write(numbers.map((n) => `respuesta ${n}\n`).join(""));
  await client.write(numbers.map((n) => `pregunta ${n}\n`).join("") + "bye\n");
  assertEquals(await client.exited(), 7, client.errors);
  await saidBye;
  const asked = server.output.match(/^Pregunta: .*$/gm)!.length;
  const answered = client.output.match(/^Respuesta: .*$/gm)!.length;
  const told = client.errors.match(/^Error: sin respuesta de .* en 1 s: .*$/gm)!.length;
  assert(answered < asked && asked < 6, `${asked} questions arrived, and ${answered} answers`);
  assertEquals([answered + told, relay.datagrams], [6, 6 + asked + 1]);
  assertEquals(client.output.match(/^Ingrese una pregunta: pregunta \d$/gm)!.length, 6);
  assertEquals(client.errors.match(/^Pregunta enviada$/gm)!.length, 6);
});

test("a duplicate is shown twice, and its answer is taken for the next one", async () => {
  const { server, port } = await startPlainServer();
  await using _server = server;
  const { relay } = startRelay(port, { duplication: 1 });
  await using _relay = relay;
  await using client = new Process("cliente", "--sin-fiabilidad", "--puerto", `${relay.port}`);
  await client.write("uno\n");
  await server.write("respuesta a uno\notra vez\n");
  await client.until("Respuesta: respuesta a uno\n");
  await server.until("Ingrese una respuesta: otra vez\n");
  await client.write("dos\n");
  await client.until(/dos\nRespuesta: respuesta a uno\n/);
  assertEquals(server.output.match(/^Pregunta: uno$/gm)?.length, 2);
});

test("a message of 65,507 bytes each way, and a longer one is refused", async () => {
  const { server, client } = await startPlainServer();
  await using _server = server;
  await using asker = client();
  await asker.write("a".repeat(65_508) + "\n" + "a".repeat(65_507) + "\nbye\n");
  await server.write("b".repeat(65_508) + "\n" + "b".repeat(65_507) + "\n");
  assertEquals(await asker.exited(), 7);
  assertStringIncludes(asker.output, `\nRespuesta: ${"b".repeat(65_507)}\n`);
  assertStringIncludes(server.output, `\nPregunta: ${"a".repeat(65_507)}\n`);
  for (const { errors } of [asker, server]) {
    assertStringIncludes(errors, "Error: el mensaje tiene 65508 bytes y el límite es 65507");
  }
});

test("one question: its answer, or exit code 3 if nothing ever came", async () => {
  const { server, client } = await startPlainServer();
  await using _server = server;
  await server.write("NOOOOO\n");
  await using answered = client(QUESTION);
  assertEquals([await answered.exited(), answered.output], [0, "NOOOOO\n"]);
  await server.until("fin de la conversación");
  await using unanswered = client("--espera", "4", "¿Y CSS?");
  assertEquals([await unanswered.exited(), unanswered.output], [3, ""]);
  assertMatch(unanswered.errors, /^Error: sin respuesta de 127\.0\.0\.1:\d+ en 4 s: .*$/m);
  assert(!unanswered.errors.includes("acuse"), unanswered.errors);
});

const LATIN1 = Uint8Array.from("¿año?", (character) => character.codePointAt(0)!);

// The people at both ends saw nothing at all, and looked for the fault in the network.
test("who speaks otherwise is told at the other end, once", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  const { server: plain, port: plainPort } = await startPlainServer();
  await using _plain = plain;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port: ownPort } = socket.addr as Deno.NetAddr;
  const to = (port: number) => ({ transport: "udp", hostname: "127.0.0.1", port }) as const;
  for (let i = 0; i < 3; i++) {
    await socket.send(new TextEncoder().encode("¿HTML?\n"), to(port));
    await socket.send(LATIN1, to(plainPort));
  }
  await server.until(`127.0.0.1:${ownPort} envió texto sin el protocolo fiable: `);
  await plain.until(`127.0.0.1:${ownPort} envió algo que no es UTF-8 `);
  await using client = new Process("cliente", "--puerto", `${plainPort}`);
  await plain.until(/ usa el protocolo fiable y aquí se pidió --sin-fiabilidad: /);
  await using asker = new Process("cliente", "--sin-fiabilidad", "--puerto", `${ownPort}`);
  await asker.write("a\n");
  await socket.send(LATIN1, (await socket.receive())[1]);
  await asker.until(`127.0.0.1:${ownPort} envió algo que no es UTF-8 `);
  socket.close();
  assertEquals(server.errors.match(/envió/g)?.length, 1);
  assertEquals(plain.errors.match(/envió/g)?.length, 1);
  client.kill("SIGKILL");
});

test("--json on both sides", async () => {
  const { server, client } = await startPlainServer("--json");
  await using _server = server;
  await using asker = client("--json", "--espera", "1");
  await asker.write("a\n");
  const [, id] = await server.until(/"event":"question","id":(\d+),"client":1,"question":"a"/);
  await server.write(`{"id": ${id}, "answer": "${"b".repeat(65_508)}"}\n`);
  await server.until("Error: el mensaje tiene 65508 bytes y el límite es 65507");
  await server.write(`{"id": ${id}, "answer": "x"}\n`);
  await asker.until(`{"event":"answer","id":1,"answer":"x"}\n`);
  await asker.write("b\n");
  await asker.until(`{"event":"unanswered","id":2}\n`);
  await asker.write("bye\n");
  assertEquals(await asker.exited(), 7);
  assertEquals(
    asker.output.match(/(?<="event":")[a-z]+/g),
    ["unprotected", "sent", "answer", "sent", "unanswered", "error", "ended"],
  );
  await server.until(/"event":"withdrawn"/);
  await server.until(/"event":"disconnected","client":1,"reason":"bye"/);
});

for (
  const [program, ...args] of [
    ["servidor", "--sin-fiabilidad", "--codigo"],
    ["servidor", "--sin-fiabilidad", "--max-por-direccion", "5"],
    ["servidor", "--sin-fiabilidad", "--id-servidor", "5"],
    ["servidor", "--id-servidor", "256"],
    ["servidor", "--espera", "5"],
    ["cliente", "--sin-fiabilidad", "--codigo", "12345678"],
    ["cliente", "--sin-fiabilidad", "--inactividad=5"],
    ["cliente", "--espera", "5"],
    ["cliente", "--sin-fiabilidad", "--espera", "0"],
  ] as const
) {
  test(`${program} does not take ${args.join(" ")}`, async () => {
    await using process = new Process(program, ...args);
    await process.end();
    assertEquals([await process.exited(), process.output], [2, ""]);
    assertMatch(
      process.errors,
      /^Error: .*--(codigo|id-servidor|max-por-direccion|espera|inactividad).*\n$/,
    );
  });
}
