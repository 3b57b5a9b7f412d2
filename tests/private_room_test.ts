import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { describeOverload } from "../program/words.ts";
import { connect, type Guesses, RefusedError, serve } from "../transport/mod.ts";
import { isGranted } from "./machine.ts";
import { canRunPrograms, command, Process, startServer } from "./process.ts";
import { canUsePty, Pty } from "./pty.ts";
import { Relay } from "./relay.ts";

const CODE = "42-tigre-luna";
const ANOTHER_CODE = "42-tigre-lunes";
const QUESTION = "¿HTML es un lenguaje de programacion?";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

function testInTerminal(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms || !canUsePty, fn });
}

Deno.test({
  name: "a private room through the door: who has the code, however typed, and who has not",
  ignore: !isGranted("net"),
  async fn() {
    await using server = serve({ port: 0, code: CODE }, (question) => `re: ${question}`);
    const { port } = server.addr;
    await using conversation = await connect({ port, code: "42 Tígre LUNA" });
    assertEquals(await conversation.ask(QUESTION), `re: ${QUESTION}`);
    assertEquals(await conversation.ask("¿Y?"), "re: ¿Y?");
    const wrong = await assertRejects(() => connect({ port, code: ANOTHER_CODE }), RefusedError);
    assertEquals(wrong.refusal, "wrong-code");
    const none = await assertRejects(() => connect({ port }), RefusedError);
    assertEquals(none.refusal, "private");
  },
});

Deno.test({
  name: "an open room wants no code, and none is too short to be one",
  ignore: !isGranted("net"),
  async fn() {
    await using server = serve({ port: 0 }, () => "");
    const { port } = server.addr;
    const error = await assertRejects(() => connect({ port, code: CODE }), RefusedError);
    assertEquals(error.refusal, "open");
    await assertRejects(() => connect({ port, code: "123" }), RangeError);
    assertThrows(() => serve({ port: 0, code: "123" }, () => ""), RangeError);
  },
});

// An eavesdropper on the path reads none of the words.
test("a private room through pipes, and what somebody on the path sees of it", async () => {
  const { server, port } = await startServer("--codigo", CODE);
  await using _server = server;
  const captured: Uint8Array[] = [];
  await using relay = new Relay({
    port,
    conditions: PERFECT,
    seed: 1,
    onDatagram: (datagram) => captured.push(datagram),
  });
  await using client = new Process("cliente", "--puerto", `${relay.port}`, "--codigo", CODE);
  await server.write("NOOOOO\n");
  await client.write(`${QUESTION}\nbye\n`);
  assertEquals(await client.exited(), 0);
  assertEquals(
    client.output,
    `Ingrese una pregunta: ${QUESTION}\nRespuesta: NOOOOO\nIngrese una pregunta: bye\n`,
  );
  const seen = captured.map((datagram) => new TextDecoder("latin1").decode(datagram)).join("\n");
  assert(captured.length >= 8, `Only ${captured.length} datagrams`);
  for (const word of ["HTML", "lenguaje", "programacion", "NOOOOO", "bye", CODE, "tigre", "luna"]) {
    assert(!seen.includes(word), `"${word}" can be read on the way`);
  }
});

// A teacher reads the code aloud. One student types it as heard, one in capitals with Tab, and one
// mistypes.
testInTerminal(
  "a class: the teacher reads the code aloud, and three students type it",
  async () => {
    await using server = new Pty(command("servidor", "--puerto", "0", "--codigo"), {
      columns: 120,
      errorsApart: true,
    });
    await server.until(() => /--codigo\n/.test(server.errors));
    const [, port] = /^ {2}deno task cliente --puerto (\d+) --codigo$/m.exec(server.errors)!;
    const [, code] = /^Sala privada, con el código (\S+)$/m.exec(server.errors)!;
    assertMatch(code!, /^\d\d-[a-z]{3,7}-[a-z]{3,7}$/);
    const [number, first, second] = code!.split("-") as [string, string, string];
    const newStudent = () => {
      return new Pty(command("cliente", "--puerto", port!, "--codigo"), { errorsApart: true });
    };
    await using student = newStudent();
    await student.until("Código de la sala: ");
    const heard = `${number} ${first[0]!.toUpperCase()}${first.slice(1)} ${second}`;
    await student.type(heard);
    await student.until(`Código de la sala: ${heard}`);
    await student.type("\r");
    await student.until("Ingrese una pregunta: ");

    await using quick = newStudent();
    await quick.until("Código de la sala: ");
    await quick.type(`${number}-${first.slice(0, 4).toUpperCase()}\t-${second.slice(0, 4)}\t\r`);
    await quick.until("Ingrese una pregunta: ");

    await using careless = newStudent();
    await careless.until("Código de la sala: ");
    await careless.type(`${number} ${second} ${first}\r`);
    assertEquals(await careless.exited, 6);
    assertMatch(careless.errors, /^Error: el código no es el de la sala de .*$/m);
    await server.until(() => /^Código equivocado desde 127\.0\.0\.1/m.test(server.errors));

    await student.type(`${QUESTION}\r`);
    await server.until("Ingrese una respuesta: ");
    await server.type("NOOOOO\r");
    await student.until("Respuesta: NOOOOO\nIngrese una pregunta: ");
    await student.type("bye\r");
    assertEquals(await student.exited, 0);
    // The code is no part of the transcript.
    assertEquals(
      student.screen.trim(),
      `Ingrese una pregunta: ${QUESTION}\nRespuesta: NOOOOO\nIngrese una pregunta: bye`,
    );
  },
);

// The process ended where it was, and left a terminal without an echo.
testInTerminal(
  "Ctrl-C at the question for the code exits 130, and gives the terminal back",
  async () => {
    const client = command("cliente", "--puerto", "9", "--codigo");
    const script = 'trap : INT; "$@"; echo "código de salida: $?"; stty -a';
    await using shell = new Pty(["sh", "-c", script, "sh", ...client], { columns: 120 });
    await shell.until("Código de la sala: ");
    await shell.type("a medias\x03");
    assertEquals(await shell.exited, 0);
    assertMatch(shell.screen, /código de salida: 130$/m);
    assertMatch(shell.screen, / icanon .* echo /s);
  },
);

// The shell gives a stopped program another terminal back, in which keys came one line at a time.
testInTerminal(
  "a program that was stopped at the question for the code shows again what was typed",
  async () => {
    const script = 'exec 3<&0; "$@" <&3 & client=$!\n' +
      'trap "kill -STOP $client; stty sane; kill -CONT $client" HUP; wait $client; wait $client';
    const client = command("cliente", "--puerto", "9", "--codigo");
    await using shell = new Pty(["sh", "-c", script, "sh", ...client]);
    await shell.until("Código de la sala: ");
    await shell.type("c");
    await shell.until("Código de la sala: c");
    const SIGHUP = 1;
    await shell.signal(SIGHUP);
    await shell.until(() => shell.raw.split("Código de la sala: c").length === 3);
    await shell.type("or\r");
    await shell.until("Error: el código debe tener 4 caracteres o más");
  },
);

testInTerminal("the code is asked for when all the rest is right", async () => {
  await using client = new Pty(command("cliente", "--codigo", "--puerto", "70000"));
  await client.until("Error: el valor de --puerto");
  assertEquals(await client.exited, 2);
});

for (const args of [[], ["--json"]]) {
  testInTerminal(`a code that is corrected while it is typed, with "${args}"`, async () => {
    const { server, port } = await startServer("--codigo", "la contraseña de hoy");
    await using _server = server;
    const ofClient = ["--puerto", `${port}`, "--codigo", ...args];
    await using client = new Pty(command("cliente", ...ofClient));
    await client.until("Código de la sala: ");
    await client.type("nada\x15La coñ\x7fntraeña\x1b[D\x1b[D\x1b[Ds\x1b[F de hoy\r");
    await client.until(/Ingrese una pregunta: |"connected"/);
    await client.type("¿Y?\r");
    await server.until("Pregunta: ¿Y?\n");
  });
}

test("a server on every address shows the command of a client for each, without the code", async () => {
  const { server, port } = await startServer("--host", "0.0.0.0", "--codigo");
  await using _server = server;
  await server.until(/^Sala privada, con el código \S+$/m);
  await server.end();
  assertEquals(await server.exited(), 0);
  const commands = server.errors.match(/^ {2}deno .*$/gm);
  if (commands === null) assertMatch(server.errors, /no tiene ninguna dirección de red/);
  const exact = new RegExp(
    `^ {2}deno task cliente --host (?!0\\.0\\.0\\.0)\\S+ --puerto ${port} --codigo$`,
  );
  for (const command of commands ?? []) assertMatch(command, exact);
});

// Arguments of the server, arguments of the client, and the line that the client then shows.
const OUTCOMES: readonly (readonly [string[], string[], RegExp])[] = [
  [["--codigo", CODE], ["--codigo", ANOTHER_CODE], /^Error: el código no es el de la sala de .*$/m],
  [["--codigo", CODE], [], /^Error: la sala de .* es privada: añada --codigo .*$/m],
  // An attacker on the path can say this, and would read along if it were simply believed.
  [
    [],
    ["--codigo", CODE],
    /^Error: la sala de .* es abierta y no usa código: confírmelo con quien atiende .*--codigo$/m,
  ],
];

for (const [ofServer, ofClient, expected] of OUTCOMES) {
  test(`a server with "${ofServer}" and a client with "${ofClient}": exit code 6`, async () => {
    const { server, port } = await startServer(...ofServer);
    await using _server = server;
    await using client = new Process("cliente", "--puerto", `${port}`, ...ofClient, "¿Y?");
    assertEquals(await client.exited(), 6);
    assertMatch(client.errors, expected);
    // Three exchanges with the server take two seconds.
    const lines = client.errors.trim().split("\n").filter((it) =>
      !it.startsWith("Conectando con ")
    );
    assertEquals([client.output, lines.length], ["", 1]);
    assert(!client.errors.includes("tigre"), "The code was shown");
  });
}

// A client with a code finds out by itself that the code is another now; a client without one is told, by
// nobody who could prove it, and goes on trying until the idle timeout.
for (const code of [["--codigo", CODE], []]) {
  test(`a server that comes back with another code, to a client with "${code}"`, async () => {
    const { server, port } = await startServer(...code);
    await using _server = server;
    const { server: another, port: anotherPort } = await startServer("--codigo", ANOTHER_CODE);
    await using _another = another;
    await using relay = new Relay({ port, conditions: PERFECT, seed: 1 });
    const common = ["--puerto", `${relay.port}`, "--inactividad", "8"];
    await using client = new Process("cliente", ...common, ...code, "¿Y?");
    await server.until("Ingrese una respuesta: ");
    relay.redirect(anotherPort);
    assertEquals(await client.exited(), 6);
    assertMatch(
      client.errors,
      /^Error: el servidor .* se reinició (?:con otro código|como sala privada)/m,
    );
  });
}

test("codes that cannot be one, and a code that nobody can be asked for", async () => {
  for (const program of ["servidor", "cliente"] as const) {
    await using process = new Process(program, "--codigo", "cor");
    assertEquals(await process.exited(), 2);
    assertMatch(process.errors, /^Error: el código debe tener 4 caracteres o más; .*$/m);
    assert(!process.errors.includes("cor;"), process.errors);
  }
  await using client = new Process("cliente", "--codigo", "--puerto", "9");
  assertEquals(await client.exited(), 2);
  assertMatch(client.errors, /^Error: no hay terminal en la que pedir el código: .*$/m);
});

// Both were repeated as an unknown option, which is no help, and may end in a log.
for (
  const { typed, expected } of [
    { typed: ["--codigo", "-secreto123"], expected: /^Error: .* --codigo .* únalo con "="; .*\n$/ },
    {
      typed: ["--código=secreto123"],
      expected: /^Error: no se conoce la opción "--código=…": ¿quiso decir --codigo\?; .*\n$/,
    },
  ]
) {
  test(`the code in "${typed.join(" ")}" is not repeated`, async () => {
    await using client = new Process("cliente", ...typed);
    assertEquals(await client.exited(), 2);
    assertMatch(client.errors, expected);
    assert(!client.errors.includes("secreto"), client.errors);
  });
}

test("what the operator hears of the room: open, private with a short code, private", async () => {
  const heard = async (...args: string[]) => {
    const { server } = await startServer(...args);
    await using _server = server;
    await server.until(/^Sala .*$/m);
    await server.end();
    assertEquals(await server.exited(), 0);
    return server.errors;
  };
  assertMatch(await heard(), /^Sala abierta: .*--codigo.*$/m);
  assertMatch(
    await heard("--codigo", "1234"),
    /^Sala privada; aviso: su código es corto.*cuatro cifras.*$/m,
  );
  const ofOnesOwn = await heard("--codigo", CODE);
  assertMatch(ofOnesOwn, /^Sala privada, con su código$/m);
  // It is not shown to bystanders: the client asks for it.
  assertMatch(ofOnesOwn, /^ {2}deno task cliente --puerto \d+ --codigo$/m);
  assert(!ofOnesOwn.includes(CODE), ofOnesOwn);
});

Deno.test("what the operator hears of guesses, and after fifty of them", () => {
  const none = { sessions: 0, sessionsPerAddress: 0, questions: 0, unproved: 0 };
  const told = (guesses: Partial<Guesses>) =>
    describeOverload({
      ...none,
      guesses: { wrong: 0, unconfirmed: 0, waits: 0, hostname: "192.0.2.7", total: 1, ...guesses },
    }).join("\n");
  for (
    const [guesses, expected] of [
      [{ wrong: 1 }, /^Código equivocado desde 192\.0\.2\.7$/],
      [{ unconfirmed: 1 }, /^Código sin confirmar desde 192\.0\.2\.7$/],
      [
        { wrong: 2, unconfirmed: 3 },
        /^Código equivocado desde .*: 2 equivocados y 3 sin confirmar$/,
      ],
      [{ waits: 2 }, /^Límites alcanzados: 2 intentos aplazados por los códigos sin confirmar$/],
      [{ waits: 1, wrong: 1 }, /^Límites alcanzados: 1 intento .*\nCódigo equivocado desde .*$/],
      [{ wrong: 1, total: 49 }, /7$/],
      [{ wrong: 1, total: 50 }, /\. Van 50: conviene reiniciar el servidor con un código nuevo$/],
    ] as const
  ) {
    assertMatch(told(guesses), expected);
  }
});
