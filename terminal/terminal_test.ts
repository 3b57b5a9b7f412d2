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

Deno.test("Ctrl-C as a key, which it is on Windows, is told with and without a prompt", async () => {
  const fake = new Fake();
  let interrupts = 0;
  fake.terminal.onInterrupt(() => interrupts++);
  const { line } = await fake.ask("> ");
  await fake.type("ho\x03la\r");
  assertEquals([await line, interrupts], ["hola", 1]);
  await fake.type("\x03");
  assertEquals(interrupts, 2);
  fake.terminal.close();
});

Deno.test("a character cut in two is still one character", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  for (const byte of new TextEncoder().encode("ñ👍\r")) await fake.type(Uint8Array.of(byte));
  assertEquals(await line, "ñ👍");
  fake.terminal.close();
});

Deno.test("Ctrl-Z, literally, and separators that end a line elsewhere do no harm", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("a\x1ab\u2028c\r");
  assertEquals(await line, "ab");
  assertEquals(await fake.terminal.question("> "), "c");
  fake.terminal.close();
});

Deno.test("Ctrl-D: the end, on a fresh row; at once even if no prompt shows", async () => {
  const fake = new Fake();
  const { line } = await fake.ask("> ");
  await fake.type("\x04");
  assertEquals(await line, null);
  await fake.terminal.print("Adiós");
  await settled();
  assertEquals(fake.screen.text, "> \nAdiós");

  const idle = new Fake();
  const { ended } = idle.terminal;
  await settled();
  await idle.type("\x04");
  await ended;
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

Deno.test("a keyboard that runs ahead has to wait", async () => {
  const fake = new Fake();
  const { ended } = fake.terminal;
  for (let chunk = 0; chunk < 4; chunk++) await fake.type("x".repeat(65_535) + "\r");
  for (let line = 0; line < 4; line++) {
    assertEquals((await fake.terminal.question(""))?.length, 65_535);
  }
  fake.terminal.close();
  await ended;
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
