import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { canRunPrograms, command, Process, startServer } from "./process.ts";
import { canUsePty, Pty } from "./pty.ts";

const QUESTION = "¿HTML es un lenguaje de programacion?";
const UP = "\x1b[A";
const LEFT = "\x1b[D";
const CTRL_C = "\x03";
const CTRL_D = "\x04";
const SIGTERM = 15;

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms || !canUsePty, fn });
}

async function openServer(): Promise<{ server: Pty; port: number }> {
  const server = new Pty(command("servidor", "--puerto", "0"), { errorsApart: true });
  await server.until(() => /Escuchando en .*\n/.test(server.errors));
  return { server, port: Number(/:(\d+)\n/.exec(server.errors)![1]) };
}

function openClient(port: number): Pty {
  return new Pty(command("cliente", "--puerto", `${port}`), { errorsApart: true });
}

test("the transcript in two terminals", async () => {
  const { server, port } = await openServer();
  await using _server = server;
  await using client = openClient(port);
  await client.until("Ingrese una pregunta: ");
  const greeting =
    `Conectado con 127.0.0.1:${port}\nPara terminar escriba bye; /ayuda explica más\n`;
  await client.until(() => client.errors === greeting);
  await client.type(`${QUESTION}\r`);
  await server.until("Ingrese una respuesta: ");
  await server.type("NOOOOO\r");
  await client.until("Respuesta: NOOOOO\nIngrese una pregunta: ");
  await client.type("bye\r");
  assertEquals(await client.exited, 0);
  await server.until(() => server.errors.includes("fin de la conversación"));
  await server.signal(SIGTERM);
  assertEquals(await server.exited, 0);
  assertEquals(
    client.screen.trim(),
    `Ingrese una pregunta: ${QUESTION}\nRespuesta: NOOOOO\nIngrese una pregunta: bye`,
  );
  assertEquals(
    server.screen.trim(),
    "El servidor UDP listo para recibir preguntas del cliente\n" +
      `Pregunta: ${QUESTION}\nCliente: 127.0.0.1\nIngrese una respuesta: NOOOOO`,
  );
});

test("a question is edited in its middle, and comes back from the history", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = openClient(port);
  await client.until("Ingrese una pregunta: ");
  await client.type(`mana${LEFT}${LEFT}\x7fñ\r`);
  await server.until("Pregunta: mñna\n");
  await server.write("sí\n");
  await client.until("Respuesta: sí\nIngrese una pregunta: ");
  await client.type(`${UP}?\r`);
  await server.until("Pregunta: mñna?\n");
});

test("how the question stands is one line that is rewritten, and goes when the answer comes", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Pty(command("cliente", "--puerto", `${port}`));
  await client.until("Ingrese una pregunta: ");
  await client.type("¿Y?\r");
  await client.until("Ingrese una pregunta: ¿Y?\nPregunta recibida: es la que se responde ahora");
  await server.write("sí\n");
  await client.until("Ingrese una pregunta: ¿Y?\nRespuesta: sí\nIngrese una pregunta: ");
});

test("Ctrl-D is bye", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = openClient(port);
  await client.until("Ingrese una pregunta: ");
  await client.type(CTRL_D);
  assertEquals(await client.exited, 0);
  await server.until("fin de la conversación");
});

// The terminal still makes lines of what is typed then, and what it makes of a Ctrl-D was lost.
test("a question and a Ctrl-D typed before the first prompt are a question and a bye", async () => {
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  await using client = openClient(port);
  await silent.receive();
  await client.type(`¿Y?\r${CTRL_D}`);
  silent.close();
  await using server = new Process("servidor", "--puerto", `${port}`);
  await server.until("Pregunta: ¿Y?\n");
  await server.write("sí\n");
  await server.until("fin de la conversación");
  assertEquals(await client.exited, 0);
});

for (const state of ["at the prompt", "while an answer is due"]) {
  test(`Ctrl-C ${state} says bye and exits 130`, async () => {
    const { server, port } = await startServer();
    await using _server = server;
    await using client = openClient(port);
    await client.until("Ingrese una pregunta: ");
    if (state !== "at the prompt") {
      await client.type("¿Y?\r");
      await server.until("Ingrese una respuesta: ");
    }
    await client.type(CTRL_C);
    assertEquals(await client.exited, 130);
    await server.until("fin de la conversación");
  });
}

test("Ctrl-C at the server's prompt tells the client, and gives the terminal back", async () => {
  const { server, port } = await openServer();
  await using _server = server;
  await using client = openClient(port);
  await client.until("Ingrese una pregunta: ");
  await client.type("¿Y?\r");
  await server.until("Ingrese una respuesta: ");
  await server.type(`a medias${CTRL_C}`);
  assertEquals(await server.exited, 0);
  assertEquals(await client.exited, 7);
  assertStringIncludes(client.errors, "cerró la conversación");
});

test("control characters from the other side do not reach the terminal", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = openClient(port);
  await client.until("Ingrese una pregunta: ");
  await client.type("¿Y?\r");
  await server.until("Ingrese una respuesta: ");
  await server.write("\x1b[2J\x07\u202eñ👩‍🏫\n");
  await client.until("Respuesta: ␛[2J␇<U+202E>ñ👩‍🏫");
  assert(!client.raw.includes("\x1b[2J"), "An escape sequence got through");
});
