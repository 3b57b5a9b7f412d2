import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { canRunPrograms, PERMISSIONS, Process, startServer } from "./process.ts";
import { Relay } from "./relay.ts";

const QUESTION = "¿HTML es un lenguaje de programacion?";
const CODE = "42-tigre-luna";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

Deno.test("the tests run the programs as the tasks do", () => {
  for (const [name, permissions] of Object.entries(PERMISSIONS)) {
    const task = config.tasks[name as keyof typeof PERMISSIONS];
    assertEquals(task, `deno run ${permissions.join(" ")} ${name}.ts`);
  }
});

test("the transcript through pipes", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Process("cliente", `--puerto=${port}`);
  await client.write(`${QUESTION}\nbye\n`);
  await server.write("NOOOOO\n");
  assertEquals(await client.exited(), 0);
  await server.end();
  assertEquals(await server.exited(), 0);
  assertEquals(
    server.output,
    "El servidor UDP listo para recibir preguntas del cliente\n" +
      `Pregunta: ${QUESTION}\nCliente: 127.0.0.1\nIngrese una respuesta: NOOOOO\n`,
  );
  assertEquals(
    client.output,
    `Ingrese una pregunta: ${QUESTION}\nRespuesta: NOOOOO\nIngrese una pregunta: bye\n`,
  );
  assert(client.errors.startsWith(`Conectado con 127.0.0.1:${port}\nPregunta enviada\n`));
  assert(server.errors.startsWith(`Escuchando en 127.0.0.1:${port}\n`), server.errors);
});

test("end of input is bye, after the answer that is due", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Process("cliente", "--puerto", `${port}`);
  await client.write(QUESTION);
  await client.end();
  await server.until("Ingrese una respuesta: ");
  await server.write("NOOOOO\n");
  assertEquals(await client.exited(), 0);
  assertStringIncludes(client.output, "Respuesta: NOOOOO\n");
  await server.until("fin de la conversación");
});

test("one question on the command line", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await server.write("NOOOOO\n");
  await using client = new Process("cliente", "--puerto", `${port}`, QUESTION);
  assertEquals(await client.exited(), 0);
  assertEquals(client.output, "NOOOOO\n");
});

test("bye in any case and white space ends it, and bye? does not", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Process("cliente", "--puerto", `${port}`);
  await server.write("bye\n");
  await client.write("bye?\n\n   \n  BYE \n");
  assertEquals(await client.exited(), 0);
  assertEquals(
    client.output,
    "Ingrese una pregunta: bye?\nRespuesta: bye\n" +
      "Ingrese una pregunta: \nIngrese una pregunta:    \nIngrese una pregunta:   BYE \n",
  );
});

test("answers that were read before the end of input still answer, then the server closes", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await server.write("uno\ndos\n");
  await server.end();
  await using client = new Process("cliente", "--puerto", `${port}`);
  await client.write("a\nb\n");
  assertEquals(await client.exited(), 0);
  assertStringIncludes(client.output, "Respuesta: uno\n");
  assertStringIncludes(client.output, "Respuesta: dos\n");
  assertStringIncludes(client.errors, `El servidor 127.0.0.1:${port} cerró la conversación`);
  assertEquals(await server.exited(), 0);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal} at the server tells the clients, idle or waiting`, async () => {
    const { server, port } = await startServer();
    await using _server = server;
    await using idle = new Process("cliente", "--puerto", `${port}`);
    await using waiting = new Process("cliente", "--puerto", `${port}`);
    await idle.until("Conectado con");
    await waiting.write("¿Y?\n");
    await server.until("Ingrese una respuesta: ");
    server.kill(signal);
    assertEquals(await server.exited(), 0);
    for (const [client, code] of [[idle, 0], [waiting, 7]] as const) {
      assertEquals(await client.exited(), code);
      assertStringIncludes(client.errors, `El servidor 127.0.0.1:${port} cerró la conversación`);
    }
  });
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  test(`${signal} at the client says bye`, async () => {
    const { server, port } = await startServer();
    await using _server = server;
    await using client = new Process("cliente", "--puerto", `${port}`);
    await client.until("Conectado con");
    client.kill(signal);
    assertEquals(await client.exited(), code);
    await server.until("fin de la conversación");
  });
}

test("Ctrl-C while the client knocks", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  await using client = new Process("cliente", "--puerto", `${port}`);
  await socket.receive();
  socket.close();
  client.kill("SIGINT");
  assertEquals(await client.exited(), 130);
  assertEquals(client.errors, "");
});

test("a question that is too long is refused, and the conversation goes on", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Process("cliente", "--puerto", `${port}`);
  await client.write("ñ".repeat(40_000) + "\ncorta\n");
  await client.until("Error: el mensaje tiene 80000 bytes y el límite es 65536");
  await server.until("Pregunta: corta\n");
  await server.write("ñ".repeat(40_000) + "\nbreve\n");
  await server.until("Error: el mensaje tiene 80000 bytes y el límite es 65536");
  await client.until("Respuesta: breve\n");
});

for (const room of [[], ["--codigo", CODE]]) {
  test(`a message of 65,536 bytes each way with "${room}"`, async () => {
    const { server, port } = await startServer(...room);
    await using _server = server;
    await using client = new Process("cliente", "--puerto", `${port}`, ...room);
    await client.write("ñ".repeat(32_768) + "\nbye\n");
    await server.write("é".repeat(32_768) + "\n");
    assertEquals(await client.exited(), 0);
    await server.until(`Pregunta: ${"ñ".repeat(32_768)}\n`);
    assertStringIncludes(client.output, `Respuesta: ${"é".repeat(32_768)}\n`);
  });
}

for (
  const { listen, ask } of [{ listen: "::1", ask: "::1" }, { listen: "::", ask: "127.0.0.1" }, {
    listen: "localhost",
    ask: "localhost",
  }]
) {
  test(`a server at ${listen}, asked at ${ask}`, async () => {
    const { server, port } = await startServer("--host", listen);
    await using _server = server;
    await using client = new Process("cliente", "--host", ask, "--puerto", `${port}`);
    await client.write(`${QUESTION}\nbye\n`);
    await server.write("NOOOOO\n");
    assertEquals(await client.exited(), 0);
    assertStringIncludes(client.output, "Respuesta: NOOOOO\n");
    assertStringIncludes(server.output, `Cliente: ${ask === "::1" ? "::1" : "127.0.0.1"}\n`);
  });
}

for (
  const { title, program, args, code, error } of [
    {
      title: "unknown option",
      args: ["--nada"],
      code: 2,
      error: /no se conoce la opción "--nada"; vea/,
    },
    {
      title: "mistyped option",
      args: ["--puero", "7"],
      code: 2,
      error: /no se conoce la opción "--puero": ¿quiso decir --puerto\?/,
    },
    {
      title: "name that is too long",
      args: ["--nombre", "ñ".repeat(21)],
      code: 2,
      error: /--nombre tiene más de 40 bytes/,
    },
    {
      title: "record outside its folder",
      program: "servidor" as const,
      args: ["--registro", "../clase"],
      code: 2,
      error: /--registro .* nombre de un archivo, sin carpetas/,
    },
    { title: "stray argument", args: ["a", "b"], code: 2, error: /sobra el argumento "b"/ },
    {
      title: "port out of range",
      args: ["--puerto=70000"],
      code: 2,
      error: /de 1 a 65535: "70000"/,
    },
    { title: "port 0", args: ["--puerto", "0"], code: 2, error: /de 1 a 65535: "0"/ },
    { title: "no number", args: ["--puerto", "x"], code: 2, error: /número entero.*"x"/ },
    { title: "no value", args: ["--host"], code: 2, error: /--host le falta su valor/ },
    {
      title: "name that does not resolve",
      args: ["--host", "no-existe.invalid"],
      code: 3,
      error: /no se encuentra el servidor "no-existe.invalid"/,
    },
    {
      title: "no server there",
      args: ["--puerto", "9"],
      code: 3,
      error: /ningún servidor respondió en 127\.0\.0\.1:9: .*en marcha.*cortafuegos.*Wi-Fi/,
    },
    {
      title: "server at an address of another machine",
      program: "servidor" as const,
      args: ["--host", "192.0.2.1"],
      code: 3,
      error: /192\.0\.2\.1:12000 no es una dirección de este equipo/,
    },
    {
      title: "server with a port out of range",
      program: "servidor" as const,
      args: ["--puerto", "65536"],
      code: 2,
      error: /de 0 a 65535: "65536"/,
    },
  ]
) {
  test(`bad input: ${title}`, async () => {
    await using process = new Process(program ?? "cliente", ...args);
    await process.end();
    assertEquals(await process.exited(), code, process.errors);
    assertMatch(process.errors, /^(Conectando con 127\.0\.0\.1:9\n)?Error: .*\n$/);
    assertMatch(process.errors, error);
    assertEquals(process.output, "");
  });
}

test("a port in use", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using second = new Process("servidor", "--puerto", `${port}`);
  assertEquals(await second.exited(), 3);
  assertMatch(second.errors, new RegExp(`^Error: el puerto de 127.0.0.1:${port} ya está en uso`));
});

for (const name of ["servidor", "cliente"] as const) {
  test(`--ayuda and --version of ${name}`, async () => {
    for (const option of ["--ayuda", "-h", "--help"]) {
      await using help = new Process(name, option);
      assertEquals(await help.exited(), 0);
      assertStringIncludes(help.output, `deno task ${name}`);
      assertStringIncludes(help.output, "Ejemplos:");
    }
    await using version = new Process(name, "--version");
    assertEquals(await version.exited(), 0);
    assertEquals(version.output, `${config.version}\n`);
  });
}

for (const room of [[], ["--codigo", CODE]]) {
  test(`60 turns with "${room}" through a relay that loses 20 %, doubles and reorders 10 %`, async () => {
    const { server, port } = await startServer(...room);
    await using _server = server;
    const conditions = { loss: 0.2, duplication: 0.1, reordering: 0.1, delay: 1, jitter: 2 };
    await using relay = new Relay({ port, conditions, seed: 4 });
    await using client = new Process("cliente", "--puerto", `${relay.port}`, ...room);
    const numbers = Array.from({ length: 60 }, (_, i) => i + 1);
    await server.write(numbers.map((n) => `respuesta ${n}\n`).join(""));
    await client.write(numbers.map((n) => `pregunta ${n}\n`).join("") + "bye\n");
    assertEquals(await client.exited(), 0, client.errors);
    assertEquals(
      client.output,
      numbers.map((n) => `Ingrese una pregunta: pregunta ${n}\nRespuesta: respuesta ${n}\n`).join(
        "",
      ) +
        "Ingrese una pregunta: bye\n",
    );
    const asked = [...server.output.matchAll(/^Pregunta: (.*)$/gm)].map(([, text]) => text);
    assertEquals(asked, numbers.map((n) => `pregunta ${n}`));
    assert(relay.lost > relay.datagrams / 10, `${relay.lost} of ${relay.datagrams} were lost`);
  });
}
