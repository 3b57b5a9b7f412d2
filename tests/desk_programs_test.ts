import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { canRunPrograms, command, Process, startServer } from "./process.ts";
import { canUsePty, Pty } from "./pty.ts";

const IDLE = "Sin preguntas (órdenes con /ayuda): ";
const ANSWER = "Ingrese una respuesta: ";
const ASIDE = "Lo que había escrito no se ha enviado a nadie";
const CTRL_D = "\x04";
const CTRL_Z = "\x1a";

function test(name: string, fn: () => Promise<void>, usesPty = true): void {
  const ignore = !canRunPrograms || usesPty && !canUsePty;
  Deno.test({ name: `the desk: ${name}`, ignore, fn });
}

async function openDesk(...args: string[]): Promise<{ desk: Pty; port: string }> {
  const desk = new Pty(command("servidor", "--puerto", "0", ...args));
  await desk.until(/Escuchando en .*:\d+[^]*Sin preguntas/);
  return { desk, port: /Escuchando en .*:(\d+)/.exec(desk.screen)![1]! };
}

async function enter(port: string, ...args: string[]): Promise<Process> {
  const client = new Process("cliente", "--puerto", port, ...args);
  await client.until("Conectado con");
  return client;
}

test("the prompt without a question takes commands only, and says so", async () => {
  const { desk } = await openDesk();
  await using _desk = desk;
  await desk.type("hola\r");
  await desk.until("Error: no hay ninguna pregunta que responder");
  await desk.type("/nada\r");
  await desk.until("Error: no existe la orden /nada, y no se ha enviado a nadie");
  await desk.type("/to\tEmpezamos\r");
  await desk.until(`${IDLE}/todos Empezamos`);
  await desk.until("No hay nadie conectado");
});

test("what is typed for one question never goes to another", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await desk.type("para nadie");
  await using ana = await enter(port, "--nombre", "Ana");
  await using luis = await enter(port, "--nombre", "Luis");
  await ana.write("¿de Ana?\n");
  await desk.until(ASIDE);
  await desk.until(
    /Pregunta: ¿de Ana\?\nCliente: Ana \(127\.0\.0\.1\)\n.*\nIngrese una respuesta: $/,
  );
  await luis.write("¿de Luis?\n");
  await desk.until("2 conectados; espera 1: 2 Luis");
  await desk.type("una\rotra\rmás");
  await desk.until(
    /Pregunta: ¿de Luis\?\nCliente: Luis \(127\.0\.0\.1\)\n.*\nIngrese una respuesta: $/,
  );
  await desk.type("para Luis\r");
  await luis.until("Respuesta: para Luis\n");
  await ana.until("Respuesta: una\n");
});

test("pasted lines are one answer", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using ana = await enter(port);
  await ana.write("¿?\n");
  await desk.until(ANSWER);
  await desk.type("\x1b[200~uno\rRespuesta: dos\rtres\r\x1b[201~\r");
  await ana.until("Respuesta: uno\n    Respuesta: dos\n    tres\n");
});

test("another is attended first, and two of one name are told apart", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using first = await enter(port, "--nombre", "Ana");
  await using second = await enter(port, "--nombre", "Ana");
  await using third = await enter(port);
  await first.write("uno\n");
  await desk.until("Pregunta: uno\n");
  await second.write("dos\n");
  await desk.until("espera 1: 2 Ana");
  await third.write("tres\n");
  await desk.until("esperan 2: 2 Ana, 3 127.0.0.1");
  await desk.type("/atender 3\r");
  await desk.until(/Pregunta: tres\nCliente: 127\.0\.0\.1 \(puerto \d+\)\n/);
  await desk.type("/siguiente\r");
  await desk.until(/tres[^]*Pregunta: uno\nCliente: Ana \(127\.0\.0\.1, puerto \d+\)\n/);
  await desk.type("/cola\r");
  await desk.until(
    /\n {4}1 Ana \(.*\), hace \d+ s: uno\n {4}2 Ana \(.*: dos\n {4}3 127.*: tres\n/,
  );
  await desk.type("/atender 9\r");
  await desk.until('el cliente "9" no espera');
  await desk.type("//uno\r");
  await first.until("Respuesta: /uno\n");
});

test("a notice reaches everybody, and a client that is expelled is told, and stays away", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using ana = await enter(port);
  await desk.until("Cliente conectado: 127.0.0.1");
  await desk.type("/todos Cinco minutos\r");
  await ana.until("Aviso del servidor: Cinco minutos\n");
  await desk.until("El aviso llegó a todos");
  await ana.write("¿?\n");
  await desk.until(ANSWER);
  await desk.type("/expulsar 1\r");
  await desk.until("Se retiró la pregunta de");
  assertEquals(await ana.exited(), 5);
  assertMatch(ana.errors, /^Error: .*le expulsó/m);
  await desk.until(IDLE);
});

test("nobody else is let in, and it ends with the last question", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using ana = await enter(port);
  await ana.write("¿?\n");
  await desk.until(ANSWER);
  await desk.type("/cerrar\r");
  await desk.until("No entra nadie más");
  await using late = new Process("cliente", "--puerto", port);
  assertEquals(await late.exited(), 5);
  assertStringIncludes(late.errors, "se está cerrando");
  await desk.type("sí\r");
  await ana.until("Respuesta: sí\n");
  assertEquals(await desk.exited, 0);
  assertEquals(await ana.exited(), 0);
});

test("the end of input asks first if questions wait", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using ana = await enter(port);
  await ana.write("¿?\n");
  await desk.until(ANSWER);
  await desk.type(CTRL_D);
  await desk.until("Queda 1 pregunta sin responder. ¿Cierra el servidor? (s/n): ");
  await desk.type("n\r");
  await desk.until(/\(s\/n\): n\n.*\nIngrese una respuesta: $/);
  await desk.type(CTRL_D);
  await desk.until(/\(s\/n\): n[^]*\(s\/n\): $/);
  await desk.type("s\r");
  assertEquals(await desk.exited, 0);
  assertEquals(await ana.exited(), 7);
});

test("Ctrl-Z is answered with a notice, at both ends", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using client = new Pty(command("cliente", "--puerto", port));
  await client.until("Ingrese una pregunta: ");
  for (const terminal of [desk, client]) {
    await terminal.type(CTRL_Z);
    await terminal.until("Ctrl-Z no detiene este programa");
  }
  await client.type("/ayuda\r");
  await client.until("Para terminar escriba bye, o pulse Ctrl-D o Ctrl-C");
  await client.type("bye\r");
  assertEquals(await client.exited, 0);
});

test("with the output in a file, the screen keeps the prompt and the file gets the transcript", async () => {
  const server = command("servidor", "--puerto", "0");
  const script = 'f=$(mktemp); "$@" > $f; echo; echo "archivo:"; cat $f; rm $f';
  await using desk = new Pty(["bash", "-c", script, "bash", ...server]);
  await desk.until(/Escuchando en .*:\d+[^]*Sin preguntas/);
  await using ana = await enter(/Escuchando en .*:(\d+)/.exec(desk.screen)![1]!);
  await desk.type("/cola\r");
  await ana.write("¿HTML?\n");
  await desk.until(ANSWER);
  await desk.type("/cola\rNO\x7fNOOOOO\r");
  await ana.until("Respuesta: NNOOOOO\n");
  await ana.write("bye\n");
  await ana.exited();
  await desk.until(/\n0 conectados\nSin preguntas/);
  await desk.type(CTRL_D);
  await desk.exited;
  const [, transcript] = /archivo:\n([^]*)$/.exec(desk.screen)!;
  assertEquals(
    transcript!.trimEnd(),
    "El servidor UDP listo para recibir preguntas del cliente\n" +
      "Pregunta: ¿HTML?\nCliente: 127.0.0.1\nIngrese una respuesta: NNOOOOO",
  );
});

// A terminal without editing took a command for an answer.
test("a dumb terminal takes commands too", async () => {
  const server = command("servidor", "--puerto", "0");
  await using desk = new Pty(["env", "TERM=dumb", ...server]);
  await desk.until(/Escuchando en .*:\d+[^]*Sin preguntas/);
  await desk.type("hola\r");
  await desk.until("Error: no hay ninguna pregunta que responder");
  await using ana = await enter(/Escuchando en .*:(\d+)/.exec(desk.screen)![1]!);
  await ana.write("¿?\n");
  await desk.until("Hay una pregunta; pulse Intro para verla: ");
  await desk.type("\n");
  await desk.until(/Cliente: 127\.0\.0\.1\n[^]*Ingrese una respuesta: $/);
  await desk.type("/nada\r");
  await desk.until("no existe la orden /nada");
  await desk.type("sí\r");
  await ana.until("Respuesta: sí\n");
  // Deno itself may have had something to say before.
  assert(!desk.raw.slice(desk.raw.indexOf("El servidor")).includes("\x1b"), desk.raw);
});

// The system kept what was typed, and gave it to the question that came next.
test("in a dumb terminal, too, what is typed for one question never goes to another", async () => {
  const server = command("servidor", "--puerto", "0");
  await using desk = new Pty(["env", "TERM=dumb", ...server]);
  await desk.until(/Escuchando en .*:\d+[^]*Sin preguntas/);
  const port = /Escuchando en .*:(\d+)/.exec(desk.screen)![1]!;
  await using ana = await enter(port, "--nombre", "Ana");
  await ana.write("¿de Ana?\n");
  await desk.until("pulse Intro para verla: ");
  await desk.type("\n");
  await desk.until(/Pregunta: ¿de Ana\?\n[^]*Ingrese una respuesta: $/);
  await using luis = await enter(port, "--nombre", "Luis");
  await luis.write("¿de Luis?\n");
  await desk.until("espera 1: 2 Luis");
  await using eva = await enter(port, "--nombre", "Eva");
  await eva.write("¿de Eva?\n");
  await desk.until("esperan 2: 2 Luis, 3 Eva");
  await desk.type("una\notra\n");
  await desk.until(/Pregunta: ¿de Luis\?\n[^]*Ingrese una respuesta: $/);
  await ana.until("Respuesta: una\n");
  await desk.type("para Luis");
  luis.kill("SIGTERM");
  await desk.until(/Se retiró la pregunta de Luis[^]*verla: $/);
  await desk.type(", sí\n");
  await desk.until(/¿de Luis\?[^]*no se ha enviado a nadie[^]*¿de Eva\?\n[^]*respuesta: $/);
  await desk.type("para Eva\n");
  await eva.until("Respuesta: para Eva\n");
});

// Keys that came while the next question waited for the screen answered it unseen.
test("what is typed before a question is on the screen does not answer it", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using ana = await enter(port, "--nombre", "Ana");
  await using luis = await enter(port, "--nombre", "Luis");
  await ana.write("¿de Ana?\n");
  await desk.until(ANSWER);
  await luis.write(`${"¿de Luis? ".repeat(4000)}\n`);
  await desk.until("espera 1: 2 Luis");
  await desk.reads(false);
  await desk.type("una\r");
  await ana.until("Respuesta: una\n");
  await desk.type("otra\r");
  await ana.write("¿más?\n");
  await ana.until("1 pregunta antes que la suya");
  await desk.reads(true);
  await desk.until(/Cliente: Luis[^]*Ingrese una respuesta: $/);
  await desk.type("para Luis\r");
  await luis.until("Respuesta: para Luis\n");
});

test("the time is limited, whether or not a server is there", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  const limit = ["--tiempo-maximo", "1", "--puerto"];
  await using waiting = new Process("cliente", ...limit, `${port}`, "¿?");
  await using knocking = new Process("cliente", ...limit, "9", "¿?");
  for (const client of [waiting, knocking]) {
    assertEquals(await client.exited(), 7);
    assertMatch(client.errors, /^Error: pasaron los 1 s de --tiempo-maximo/m);
  }
  await server.until("Se retiró la pregunta");
}, false);

test("bots send notices, expel, and are told what is refused", async () => {
  const { server, port } = await startServer("--json");
  await using _server = server;
  await using bot = new Process("cliente", "--json", "--nombre", "Ana", "--puerto", `${port}`);
  await bot.until('"connected"');
  await server.until(/"event":"connected","client":1,"name":"Ana"/);
  await server.write('{"notice":"hola"}\n');
  await bot.until('{"event":"notice","text":"hola"}\n');
  await server.until('{"event":"noticed","notice":"hola","missed":[]}\n');
  await bot.write('{"question":"dos\\nlíneas"}\n');
  await server.until(
    '{"event":"question","id":1,"client":1,"name":"Ana","question":"dos\\nlíneas"}\n',
  );
  await server.write('{"id":1,"answer":"a\\ud800b"}\n');
  await server.until(/{"event":"refused","id":1,"message":".*sustituto/);
  await server.write('{"id":1,"answer":"sí"}\n');
  await bot.until('{"event":"answer","id":1,"answer":"sí"}\n');
  await bot.write('{"question":"a\\udfffb"}\n{"pregunta":"x"}\n');
  await bot.until(/{"event":"refused","id":2,.*\n{"event":"refused","id":3,/);
  await server.write('{"expel":7}\n{"expel":1}\n');
  await server.until(/{"event":"refused","message":"no hay ningún cliente 7/);
  await bot.until('{"event":"ended","reason":"expelled"}\n');
  assertEquals(await bot.exited(), 5);
  assert(/{"event":"error","message":".*le expulsó/.test(bot.output), bot.output);
  for (const line of bot.output.trimEnd().split("\n")) JSON.parse(line);
}, false);

// A blank before the brace made the object itself the question, and an empty notice reached everybody.
test("an object may be indented, and an empty notice is refused", async () => {
  const { server, port } = await startServer("--json");
  await using _server = server;
  await using bot = new Process("cliente", "--json", "--puerto", `${port}`);
  await bot.write('  {"question": "¿?"}\n');
  await server.until('"question":"¿?"}\n');
  await server.write('{"notice": " "}\n');
  await server.until('{"event":"refused","message":"falta el texto del aviso: ');
}, false);

// The number of a client without a question was nowhere to be seen.
test("the queue tells the numbers of those who ask nothing, too", async () => {
  const { desk, port } = await openDesk();
  await using _desk = desk;
  await using ana = await enter(port, "--nombre", "Ana");
  await using _luis = await enter(port, "--nombre", "Luis");
  await ana.write("¿?\n");
  await desk.until("2 conectados; no espera nadie más");
  await desk.type("/cola\r");
  await desk.until(/: ¿\?\n {4}Sin pregunta: 2 Luis \(127\.0\.0\.1\)\n/);
});

// Nobody connected was "everybody", and a queue without questions an empty list.
test("an empty desk is told as such", async () => {
  const { desk } = await openDesk();
  await using _desk = desk;
  await desk.type("/todos hola\r");
  await desk.until("No hay nadie conectado");
  await desk.type("/cola\r");
  await desk.until(/\/cola\nNo hay ninguna pregunta\n/);
  await desk.type("/pregunta\r");
  await desk.until(/\/pregunta\nNo hay ninguna pregunta\n/);
});

test("help that cannot be written is an error", async () => {
  for (const name of ["servidor", "cliente"] as const) {
    const words = command(name, "--ayuda");
    await using program = new Process(["bash", "-c", '"$@" > /dev/full', "bash", ...words]);
    assertEquals(await program.exited(), 1);
    assertMatch(program.errors, /^Error: no se puede usar la salida/);
  }
}, false);

test("the code is in no command that is shown", async () => {
  const { server } = await startServer("--codigo");
  await using _server = server;
  const [, code] = await server.until(/con el código (\S+)\n/);
  await server.until("  deno task cliente --puerto");
  assertEquals(server.errors.split(code!).length, 2);
}, false);
