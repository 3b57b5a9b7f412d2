import { assert, assertEquals, assertRejects } from "@std/assert";
import { Fake, PIPES, settled } from "../tests/fake_terminal.ts";
import { Terminal } from "./terminal.ts";

Deno.test("a pipe: the transcript holds each prompt and the line that was read", async () => {
  const fake = new Fake(PIPES);
  await fake.type("¿HTML es un lenguaje de programacion?\r\nbye");
  await fake.end();
  const { terminal } = fake;
  assertEquals(
    await terminal.question("Ingrese una pregunta: "),
    "¿HTML es un lenguaje de programacion?",
  );
  terminal.print("Respuesta: NOOOOO");
  assertEquals(await terminal.question("Ingrese una pregunta: "), "bye");
  terminal.close();
  assertEquals(
    fake.output,
    "Ingrese una pregunta: ¿HTML es un lenguaje de programacion?\n" +
      "Respuesta: NOOOOO\nIngrese una pregunta: bye\n",
  );
});

Deno.test("a keyboard alone, with both outputs redirected: the same echo, and no raw mode", async () => {
  const fake = new Fake({ ...PIPES, input: "terminal" });
  await fake.type("hola\n");
  assertEquals(await fake.terminal.question("> "), "hola");
  await settled();
  assertEquals([fake.output, fake.raw], ["> hola\n", false]);
  fake.terminal.close();
});

Deno.test("a pipe: null at the end, again and again, and one empty prompt for it", async () => {
  const fake = new Fake(PIPES);
  await fake.end();
  assertEquals([await fake.terminal.question("> "), await fake.terminal.question("> ")], [
    null,
    null,
  ]);
  assertEquals(fake.output, "> \n");
  fake.terminal.close();
});

Deno.test("ended waits until the last line was taken", async () => {
  const fake = new Fake(PIPES);
  let ended = false;
  fake.terminal.ended.then(() => ended = true);
  await fake.type("uno\ndos\n");
  await fake.end();
  await fake.terminal.question("> ");
  await settled();
  assert(!ended);
  await fake.terminal.question("> ");
  await settled();
  assert(ended);
  fake.terminal.close();
});

Deno.test("a pipe: a withdrawn prompt leaves the next line to the next prompt", async () => {
  const fake = new Fake(PIPES);
  const withdrawal = new AbortController();
  const { line } = await fake.ask("1> ", withdrawal.signal);
  withdrawal.abort();
  assertEquals(await line, undefined);
  await fake.type("hola\n");
  assertEquals(await fake.terminal.question("2> "), "hola");
  assertEquals(fake.output, "1> \n2> hola\n");
  fake.terminal.close();
});

Deno.test("a pipe: what is printed while a prompt waits stands on a line of its own", async () => {
  const fake = new Fake(PIPES);
  const { line } = await fake.ask("> ");
  fake.terminal.print("Adiós");
  fake.terminal.notice("Aviso");
  await fake.type("hola\n");
  assertEquals(await line, "hola");
  assertEquals([fake.output, fake.errors], ["> \nAdiós\n> hola\n", "Aviso\n"]);
  fake.terminal.close();
});

Deno.test("close gives a waiting question null, and later ones as well", async () => {
  for (const options of [PIPES, {}]) {
    const fake = new Fake(options);
    const { line } = await fake.ask("> ");
    fake.terminal.close();
    assertEquals([await line, await fake.terminal.question("> ")], [null, null]);
  }
});

Deno.test("question refuses to be asked twice at a time", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await assertRejects(() => fake.terminal.question("> "), Error, "still waits");
  fake.terminal.close();
  await line;
});

Deno.test("a stream that fails tells it once and swallows the rest", async () => {
  const fake = new Fake(PIPES);
  const error = fake.failures.output = new Deno.errors.BrokenPipe("Broken pipe");
  fake.terminal.print("uno");
  fake.terminal.print("dos");
  assertEquals(await fake.terminal.broken, { stream: "stdout", error });
  assert(!await fake.terminal.flush(60_000));
  fake.terminal.close();
});

Deno.test("a broken input is the end of input", async () => {
  const error = new Deno.errors.IsADirectory();
  const terminal = new Terminal({
    input: {
      readable: new ReadableStream({ start: (controller) => controller.error(error) }),
      isTerminal: () => false,
      setRaw() {},
    },
    output: { write: (bytes) => Promise.resolve(bytes.length), isTerminal: () => false },
  });
  assertEquals(await terminal.question("> "), null);
  assertEquals(await terminal.broken, { stream: "stdin", error });
  terminal.close();
});

Deno.test("status: plain lines in a pipe, one for each change", async () => {
  const fake = new Fake(PIPES);
  for (const status of ["Enviada", "Enviada", "Recibida", undefined]) fake.terminal.status(status);
  await settled();
  assertEquals(fake.errors, "Enviada\nRecibida\n");
  fake.terminal.close();
});

Deno.test("status: one row that is rewritten, cut at the edge, and erased by what comes next", async () => {
  const fake = new Fake();
  fake.terminal.status("Enviada");
  fake.terminal.status("Recibida " + "-".repeat(100));
  await settled();
  assertEquals(fake.screen.text, "Recibida " + "-".repeat(30) + "…");
  fake.terminal.print("Respuesta: NOOOOO");
  await settled();
  assertEquals(fake.screen.text, "Respuesta: NOOOOO");
  fake.terminal.status("Enviada");
  fake.terminal.status(undefined);
  fake.terminal.notice("Aviso");
  await settled();
  assertEquals(fake.screen.text, "Respuesta: NOOOOO\nAviso");
  fake.terminal.close();
});

Deno.test("status: one row above the prompt, which is not in the transcript", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("hol");
  for (const status of ["Ana espera", `Ana y Luis ${"y otros ".repeat(9)}`]) {
    fake.terminal.status(status);
    await settled();
  }
  assertEquals(fake.screen.text, "Ana y Luis y otros y otros y otros y ot…\n> hol");
  fake.terminal.notice("Aviso");
  await settled();
  assertEquals(fake.screen.text, "Aviso\nAna y Luis y otros y otros y otros y ot…\n> hol");
  await fake.type("a\r");
  assertEquals(await line, "hola");
  assertEquals(fake.screen.text, "Aviso\n> hola");
  fake.terminal.close();
});

Deno.test("colour only in a terminal", () => {
  const fake = new Fake({ errors: "pipe" });
  assertEquals(
    [fake.terminal.colour("stdout"), fake.terminal.colour("stderr")],
    [!Deno.noColor, false],
  );
});

Deno.test("keys typed before the prompt, even several lines, wait for theirs unseen", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("1> ");
  await fake.type("uno\rdos\r\ntr");
  assertEquals(await line, "uno");
  assertEquals(fake.screen.text, "1> uno");
  assertEquals(await fake.terminal.question("2> "), "dos");
  const { line: last } = await fake.ask("3> ");
  assertEquals(fake.screen.text, "1> uno\n2> dos\n3> tr");
  await fake.type("es\r");
  assertEquals(await last, "tres");
  fake.terminal.close();
  await settled();
  assert(!fake.raw);
});

Deno.test("an escape sequence cut in two is still one key", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  for (const keys of ["ac", "\x1b", "[", "Db", "\r"]) await fake.type(keys);
  assertEquals(await line, "abc");
  fake.terminal.close();
});

Deno.test("the Escape key, alone or before an arrow, takes nothing away", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  for (const keys of ["\x1b", "hla", "\x1b", "\x1b[D", "\x1b\x1b[D", "o\r"]) await fake.type(keys);
  assertEquals(await line, "hola");
  fake.terminal.close();
});

Deno.test("Ctrl-C and Ctrl-Z are keys that are told, with and without a prompt, and do nothing else", async () => {
  const fake = new Fake();
  const told: string[] = [];
  fake.terminal.onInterrupt(() => told.push("Ctrl-C"));
  fake.terminal.onSuspend = () => told.push("Ctrl-Z");
  const { line } = await fake.ask("> ");
  await fake.type("ho\x03l\x1aa\r");
  assertEquals([await line, told], ["hola", ["Ctrl-C", "Ctrl-Z"]]);
  await fake.type("\x03");
  await fake.type("\x1a");
  assertEquals(told, ["Ctrl-C", "Ctrl-Z", "Ctrl-C", "Ctrl-Z"]);
  fake.terminal.close();
});

Deno.test("a character cut in two is still one character", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  for (const byte of new TextEncoder().encode("ñ👍\r")) await fake.type(Uint8Array.of(byte));
  assertEquals(await line, "ñ👍");
  fake.terminal.close();
});

Deno.test("separators that end a line elsewhere do no harm", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("ab\u2028c\r");
  assertEquals(await line, "ab");
  assertEquals(await fake.terminal.question("> "), "c");
  fake.terminal.close();
});

Deno.test("Ctrl-D: the end, on a fresh row; of the next prompt if none shows", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("\x04");
  assertEquals(await line, null);
  await fake.terminal.print("Adiós");
  await settled();
  assertEquals(fake.screen.text, "> \nAdiós");
  fake.terminal.close();

  const idle = new Fake();
  const { line: first } = await idle.ask("1> ");
  await idle.type("uno\r\x04");
  assertEquals([await first, await idle.terminal.question("2> ")], ["uno", null]);
  idle.terminal.close();
  await settled();
  assertEquals([await idle.terminal.question("> "), idle.raw], [null, false]);
});

Deno.test("a long paste is one step, not one for each key", async () => {
  const fake = new Fake({ columns: 80 });
  const { line } = await fake.ask("> ");
  const pasted = "x".repeat(65_536);
  await fake.type(pasted);
  await fake.type("\r");
  assertEquals(await line, pasted);
  fake.terminal.close();
});

// It had to wait for a prompt, and Ctrl-C with it.
Deno.test("a keyboard that runs far ahead is still heard", async () => {
  const fake = new Fake();
  let isInterrupted = false;
  fake.terminal.onInterrupt(() => isInterrupted = true);
  const { line } = await fake.ask("> ");
  await fake.type("\r");
  await line;
  for (let chunk = 0; chunk < 6; chunk++) await fake.type("x".repeat(65_535) + "\r");
  await fake.type("\x03");
  assert(isInterrupted);
  for (let line = 0; line < 4; line++) {
    assertEquals((await fake.terminal.question(""))?.length, 65_535);
  }
  fake.terminal.close();
});

const PASTED = "\x1b[200~uno\r\ndos\tx\x1b[31m\r\n\r\n    tres\n\x1b[201~";

Deno.test("pasted lines are one line of input, indented on the screen, editable, and in the history", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("[]\x1b[D");
  for (const piece of [PASTED.slice(0, 3), PASTED.slice(3, -4), PASTED.slice(-4)]) {
    await fake.type(piece);
  }
  assertEquals(fake.screen.text, "> [uno\n    dos x[31m\n    \n        tres]");
  await fake.type("\x1b[D\x7fz");
  fake.terminal.notice("Aviso");
  await settled();
  assertEquals(fake.screen.text, "Aviso\n> [uno\n    dos x[31m\n    \n        trzs]");
  assertEquals(fake.screen.cursor, { row: 4, column: 11 });
  await fake.type("\x7f\r");
  assertEquals(await line, "[uno\ndos\tx[31m\n\n    trs]");
  const again = fake.terminal.question("> ");
  await fake.type("\x1b[A\r");
  assertEquals(await again, await line);
  fake.terminal.close();
});

Deno.test("a paste whose end comes late or that is too long does not spill into lines", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("\x1b[200~");
  for (let chunk = 0; chunk < 6; chunk++) await fake.type("x".repeat(65_535) + "\r");
  await fake.type("uno\rdos\x1b[20");
  await fake.type("1~");
  await fake.type("\r");
  const pasted = await line;
  assert(pasted!.length > 250_000 && pasted!.includes("\nxx"));
  const next = fake.terminal.question("> ");
  await fake.type("hola\r");
  assertEquals(await next, "hola");
  fake.terminal.close();
});

// Text that was typed for one question went to the next.
Deno.test("setAside moves the prompt's text and what was typed ahead to the history, whole", async () => {
  const fake = new Fake();
  const withdrawal = new AbortController();
  const { line } = await fake.ask("1> ", withdrawal.signal);
  await fake.type("a medias");
  withdrawal.abort();
  assertEquals(await line, undefined);
  await fake.type("h\x7f y\rotra\r\rt\x1b[D");
  assert(fake.terminal.setAside());
  assert(!fake.terminal.setAside());
  await settled();
  assertEquals(fake.screen.text, "");
  const next = fake.terminal.question("2> ");
  await settled();
  assertEquals(fake.screen.text, "2> ");
  await fake.type("\x1b[A\x1b[A\x1b[A");
  assertEquals(fake.screen.text, "2> a medias y");
  await fake.type("\x1b[B\r");
  assertEquals(await next, "otra");
  fake.terminal.close();
});

Deno.test("setAside in the middle of a paste, at a prompt: all of the paste goes to the history", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("antes\x1b[200~uno\rd");
  assert(fake.terminal.setAside());
  await fake.type("os\r\x1b[201~hola");
  assertEquals(fake.screen.text, "> hola");
  await fake.type("\x15\x1b[A");
  assertEquals(fake.screen.text, "> uno\n    dos");
  await fake.type("\r");
  assertEquals(await line, "uno\ndos");
  fake.terminal.close();
});

// A control in the clipboard ended the program.
Deno.test("Ctrl-C and Ctrl-Z in a paste are neither, unless they come alone", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  let count = 0;
  fake.terminal.onInterrupt(() => count++);
  fake.terminal.onSuspend = () => count++;
  await fake.type("\x1b[200~a\x03b\x1a");
  await fake.type("c\x03d\x1b[201~");
  assertEquals([count, fake.screen.text], [0, "> abcd"]);
  await fake.type("\x1b[200~e");
  await fake.type("\x03");
  assertEquals(count, 1);
  await fake.type("\x1b[201~\x03\x1a\r");
  assertEquals([count, await line], [3, "abcde"]);
  fake.terminal.close();
});

Deno.test("setAside leaves a Ctrl-D that was typed ahead", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("uno\r");
  await line;
  await fake.type("dos\r\x04\x04");
  assert(fake.terminal.setAside());
  assertEquals(await fake.terminal.question("> "), null);
  fake.terminal.close();
});

Deno.test("quiet waits for the last key", async () => {
  const fake = new Fake();
  await fake.terminal.quiet(1_000_000);
  const { line } = await fake.ask("> ");
  await fake.type("a");
  let isQuiet = false;
  const waiting = fake.terminal.quiet(1_000_000).then(() => isQuiet = true);
  await settled();
  assert(!isQuiet);
  await fake.terminal.quiet(1);
  fake.terminal.close();
  await Promise.all([line, waiting]);
});

Deno.test("Tab completes as far as there is one way, and then shows the ways", async () => {
  const fake = new Fake();
  const complete = (line: string) =>
    ["/cola", "/cerrar", "/ayuda"].filter((command) => command.startsWith(line));
  const line = fake.terminal.question("> ", { complete });
  for (const keys of ["/", "\t", "a\t", "\t"]) await fake.type(keys);
  assertEquals(fake.screen.text, "/cola  /cerrar  /ayuda\n> /ayuda");
  await fake.type("\x15/c\t\t!\t\r");
  assertEquals(await line, "/c!");
  fake.terminal.close();
});

// The line was made of bytes and of every key: to delete an "ñ" or to move the cursor changed it unseen.
for (
  const { keys, line } of [
    { keys: "la clave\r", line: "la clave" },
    { keys: "la clave\n", line: "la clave" },
    { keys: "contraseña 日本語\r", line: "contraseña 日本語" },
    { keys: "cañ\x7f\x7flave\r", line: "clave" },
    { keys: "c👩\blave\r", line: "clave" },
    { keys: "\x7f\x7fclave\r", line: "clave" },
    { keys: "otra\x15clave\r", line: "clave" },
    { keys: "\x1b[Dc\x1b[1;5Cl\x1bOAa\x1b[3~\x00\x07ve\r", line: "clave" },
    { keys: "tor\t\r", line: "tortuga" },
    { keys: "ti\t\r", line: "tig" },
    { keys: "ti\tr\t\r", line: "tigre" },
    { keys: "x\t\r", line: "x" },
    { keys: "\r", line: "" },
    { keys: "\x04", line: null },
  ]
) {
  Deno.test(`a fleeting prompt: ${JSON.stringify(keys)} is ${JSON.stringify(line)}`, async () => {
    for (const output of ["terminal", "pipe"] as const) {
      const fake = new Fake({ output });
      const words = ["tigre", "tigana", "tortuga"];
      const complete = (line: string) => words.filter((word) => word.startsWith(line));
      const answer = fake.terminal.question("Clave: ", { isFleeting: true, complete });
      await fake.type("");
      assertEquals([fake.screen.text, fake.raw], ["Clave: ", true]);
      await fake.type(keys.slice(0, -1));
      if (line !== null) assertEquals(fake.screen.text.trimEnd(), `Clave: ${line}`.trimEnd());
      await fake.type(keys.slice(-1));
      assertEquals(await answer, line);
      await settled();
      assertEquals(fake.screen.text, "");
      if (output === "pipe") assertEquals(fake.output, "");
      const next = fake.terminal.question("> ");
      await fake.type("\x1b[Aotra\r");
      assertEquals(await next, "otra");
      assertEquals(fake.screen.text, "> otra");
      fake.terminal.close();
    }
  });
}

Deno.test("a fleeting prompt: what is typed behind the line is left for the next prompt", async () => {
  const fake = new Fake();
  const answer = fake.terminal.question("Clave: ", { isFleeting: true });
  await fake.type("clave\r¿Qué?\r");
  assertEquals([await answer, await fake.terminal.question("> ")], ["clave", "¿Qué?"]);
  fake.terminal.close();
});

Deno.test("a fleeting prompt: aborted or without an end it goes away, and the terminal is as it was", async () => {
  for (const isAborted of [true, false]) {
    const fake = new Fake();
    const stop = new AbortController();
    const answer = fake.terminal.question("Clave: ", { isFleeting: true, signal: stop.signal });
    await fake.type("a medias");
    if (isAborted) stop.abort();
    else await fake.end();
    assertEquals(await answer, isAborted ? undefined : null);
    fake.terminal.close();
    await settled();
    assertEquals(fake.raw, false);
    if (isAborted) assertEquals(fake.screen.text, "");
  }
});

Deno.test("a question that has scrolled off is shown again, in a third of the rows at most", async () => {
  const fake = new Fake({ rows: 9, columns: 20 });
  const context = [
    "Pregunta: ¿uno dos tres cuatro cinco seis siete ocho nueve diez?",
    "Cliente: Ana",
  ];
  for (const text of context) fake.terminal.print(text);
  const line = fake.terminal.question("> ", { context });
  await fake.type("hol");
  const before = fake.screen.text;
  for (const number of [1, 2, 3]) fake.terminal.notice(`Aviso ${number}`);
  await settled();
  assertEquals(fake.screen.text, before.replace("> hol", "Aviso 1\nAviso 2\nAviso 3\n> hol"));
  fake.terminal.notice("Aviso 4");
  await settled();
  const again = "Pregunta: ¿uno dos \n    tres cuatro \n    cinco seis sie…\n> hol";
  assert(fake.screen.text.endsWith(`\nAviso 3\nAviso 4\n${again}`), fake.screen.text);
  for (let number = 5; number < 10; number++) fake.terminal.notice(`Aviso ${number}`);
  await settled();
  assert(fake.screen.text.endsWith("\nAviso 9\n> hol"), fake.screen.text);
  fake.terminal.notice("Aviso 10");
  await settled();
  assert(fake.screen.text.endsWith(`\nAviso 10\n${again}`), fake.screen.text);
  await fake.type("a\r");
  assertEquals(await line, "hola");
  fake.terminal.close();
});

// Spaces up to the edge of the screen made a line of the program out of a question.
Deno.test("a text of several lines or rows is indented, so that it looks like no line of the program", async () => {
  const fake = new Fake({ columns: 20 });
  const text = "Pregunta: ¿Qué?" + " ".repeat(5) + "Cliente: 192.0.2.20" +
    " 漢字漢字漢字漢字漢字漢字\nCliente: x";
  fake.terminal.print(text);
  fake.terminal.notice("❤️".repeat(12));
  await settled();
  assertEquals(
    fake.screen.text,
    "Pregunta: ¿Qué?     \n    Cliente: \n    192.0.2.20 漢字\n    漢字漢字漢字漢字\n    漢字\n    Cliente: x\n" +
      "❤️".repeat(10) + "\n    " + "❤️".repeat(2),
  );
  const piped = new Fake(PIPES);
  piped.terminal.print(text);
  await settled();
  assertEquals(piped.output, text.replace("\n", "\n    ") + "\n");
});

Deno.test("stdout in a file: the screen is stderr, and the file gets the transcript alone", async () => {
  const fake = new Fake({ output: "pipe" });
  const { line } = await fake.ask("> ");
  fake.terminal.status("1 espera");
  fake.terminal.notice("Aviso");
  await fake.type("hla\x1b[D\x1b[Do\x1b[200~1\r2\x1b[201~\r");
  assertEquals(await line, "ho1\n2la");
  await fake.terminal.print("Respuesta: NOOOOO");
  await settled();
  assertEquals(fake.output, "> ho1\n    2la\nRespuesta: NOOOOO\n");
  assertEquals(fake.screen.text, "Aviso\n> ho1\n    2la\nRespuesta: NOOOOO");
  fake.terminal.close();
});

Deno.test("a dumb terminal gets no escape sequence, and edits and echoes by itself", async () => {
  const fake = new Fake({ isDumb: true });
  const withdrawal = new AbortController();
  const { line } = await fake.ask("> ", withdrawal.signal);
  fake.terminal.status("1 espera");
  fake.terminal.error("no");
  withdrawal.abort();
  assertEquals(await line, undefined);
  const next = fake.terminal.question("> ");
  await fake.type("hola\n");
  assertEquals(await next, "hola");
  fake.terminal.print("Adiós");
  fake.terminal.close();
  await fake.terminal.flush(1000);
  assertEquals([fake.output, fake.errors], ["> \n> \n> \n> Adiós\n", "1 espera\nError: no\n"]);
  assert(!fake.raw);
});

// A stderr that nobody read stopped the server.
Deno.test("a stream that takes nothing stops nobody: notices are dropped and counted, lines wait", async () => {
  const fake = new Fake(PIPES);
  fake.stalled.add("errors").add("output");
  for (let number = 0; number < 1000; number++) fake.terminal.notice("x".repeat(1000));
  let isPrinted = false;
  let printing = fake.terminal.print("y".repeat(200_000));
  await printing;
  printing = fake.terminal.print("y".repeat(200_000)).then(() => {
    isPrinted = true;
  });
  await settled();
  assert(!isPrinted);
  assert(!await fake.terminal.flush(1));
  fake.stalled.clear();
  await printing;
  assert(await fake.terminal.flush(60_000));
  assertEquals(fake.output.length, 400_002);
  const lines = fake.errors.split("\n");
  assertEquals(lines.slice(-2), [
    `Se perdieron ${1000 - (lines.length - 2)} avisos: no cabían`,
    "",
  ]);
  assert(lines.length > 250 && lines.length < 270);
});

// It ended the program.
Deno.test("a stream that would block is written to again", async () => {
  const fake = new Fake(PIPES);
  fake.failures.output = new Deno.errors.WouldBlock();
  fake.terminal.print("uno");
  fake.terminal.print("dos");
  await settled();
  fake.failures = {};
  await fake.terminal.flush(60_000);
  assertEquals(fake.output, "uno\ndos\n");
});

Deno.test("a broken stderr is not told: the conversation goes on", async () => {
  const fake = new Fake(PIPES);
  fake.failures.errors = new Error("No space left on device");
  fake.terminal.notice("uno");
  fake.terminal.print("dos");
  const broken = fake.terminal.broken.then(() => "broken");
  assertEquals(await Promise.race([broken, settled()]), undefined);
  assertEquals(fake.output, "dos\n");
});

Deno.test("a terminal that is gone is a hangup, whichever stream says so first", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.end();
  await fake.terminal.hangup;
  assertEquals(await line, null);
  const other = new Fake();
  other.failures.output = new Error("Input/output error");
  other.terminal.print("uno");
  await other.terminal.hangup;
});

Deno.test("after the close, the screen ends with a line end", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  fake.terminal.status("1 espera");
  await fake.type("hola\x1b[D");
  fake.terminal.close();
  fake.terminal.notice("Interrumpido");
  fake.terminal.status("Sin acuse");
  await fake.terminal.flush(1000);
  assertEquals([await line, fake.screen.text], [null, "1 espera\n> hola\nInterrumpido"]);
  assertEquals([fake.screen.cursor.column, fake.raw], [0, false]);
});

// The stream of the standard input took longer to load than everything else before the first prompt.
Deno.test("terminal: in a pipe, the first prompt shows before the input is opened", async () => {
  const order: string[] = [];
  const terminal = new Terminal({
    input: {
      get readable() {
        order.push("input");
        return new Blob(["uno\n"]).stream();
      },
      isTerminal: () => false,
      setRaw() {},
    },
    output: {
      isTerminal: () => false,
      write(bytes) {
        order.push(new TextDecoder().decode(bytes));
        return Promise.resolve(bytes.length);
      },
    },
  });
  assertEquals(await terminal.question("> "), "uno");
  assertEquals(order, ["> ", "input", "uno\n"]);
  terminal.close();
});

// It was opened after the close, and kept the process from its end.
Deno.test("terminal: in a pipe, an input that was not opened before the close is not opened after it", async () => {
  const input = {
    get readable(): ReadableStream<Uint8Array> {
      throw new Error("It is opened");
    },
    isTerminal: () => false,
    setRaw() {},
  };
  const terminal = new Terminal({ input });
  const { ended } = terminal;
  terminal.close();
  await ended;
  await terminal.ended;
  const broken = terminal.broken.then(() => "broken");
  assertEquals(await Promise.race([broken, settled()]), undefined);
});
