/**
 * The terminal as a real process: in a pseudo-terminal, and behind pipes and full disks.
 */

import { assert, assertEquals } from "@std/assert";
import { canUsePty, Pty, type PtyOptions } from "./pty.ts";

const FIXTURE = `${import.meta.dirname}/pty_fixture.ts`;
/** Without a single permission, and without a question for one. */
const COMMAND = ["deno", "run", "--no-prompt", FIXTURE];

function test(name: string, fn: () => Promise<void>, canRun = canUsePty): void {
  Deno.test({ name, ignore: !canRun, fn });
}

/** Starts the fixture and waits for its prompt. */
async function start(
  { prompt = "> ", shown = prompt, ...pty }: StartOptions = {},
): Promise<Pty> {
  const terminal = new Pty([...COMMAND, prompt], pty);
  await terminal.until(shown);
  return terminal;
}

interface StartOptions extends PtyOptions {
  prompt?: string;
  /** The part of the prompt that shows last, if it wraps. */
  shown?: string;
}

/** Runs a shell command, which may run the fixture as {@linkcode PROGRAM}, without a terminal. */
async function shell(
  script: string,
  input?: Uint8Array<ArrayBuffer> | "left open",
): Promise<Outcome> {
  const child = new Deno.Command("python3", {
    args: ["-c", "import os, sys; os.execvp('sh', ['sh', '-c', sys.argv[1]])", script],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const feeding = input === "left open" ? undefined : feed(writer, input);
  const { stdout, stderr, code } = await child.output();
  await (feeding ?? feed(writer));
  return { output: decode(stdout), errors: decode(stderr), code };
}

/** A program need not read all that it is given. */
async function feed(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  input: Uint8Array<ArrayBuffer> = new Uint8Array(),
): Promise<void> {
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}

interface Outcome {
  output: string;
  errors: string;
  code: number;
}

const PROGRAM = `deno run --no-prompt '${FIXTURE}' '> '`;

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

test("in a terminal: a line is edited with arrows, backspace, Home and End, across ñ and emoji", async () => {
  await using pty = await start();
  // "caña 👍" becomes "¡caza 👍👍!".
  await pty.type("caña 👍");
  await pty.type("\x1b[D\x1b[D\x1b[D\x7fz");
  await pty.type("\x1b[H¡\x1b[F👍!\r");
  await pty.until("Leído: ¡caza 👍👍!");
  assertEquals(pty.screen.split("\n")[0], "> ¡caza 👍👍!");
});

test("in a terminal: the arrows bring earlier lines back, an empty one not", async () => {
  await using pty = await start();
  for (const line of ["uno", "dos", ""]) {
    await pty.type(`${line}\r`);
    await pty.until((screen) => screen.endsWith(`> ${line}\nLeído: ${line}\n> `));
  }
  await pty.type("\x1b[A\x1b[A!\r");
  await pty.until("Leído: uno!");
});

test("in a terminal: Ctrl-D ends the input on a fresh row", async () => {
  await using pty = await start();
  await pty.type("\x04");
  assertEquals(await pty.exited, 0);
  assertEquals(pty.screen, "> \nAdiós");
});

test("in a terminal: Ctrl-C reaches the program, at the prompt and between prompts", async () => {
  for (const [line, shown] of [["hol", "> hol"], ["espera\r", "> espera\nLeído: espera"]]) {
    await using pty = await start();
    await pty.type(line!);
    await pty.until(shown!);
    await pty.type("\x03");
    assertEquals(await pty.exited, 130);
    assert(pty.screen.includes("Interrumpido"));
  }
});

test("in a terminal: Ctrl-Z and Ctrl-S are keys, and stop nothing", async () => {
  await using pty = await start();
  await pty.type("ho\x1a\x13");
  await pty.until("Ctrl-Z\n> ho");
  await pty.type("la\r");
  await pty.until("Leído: hola");
});

test("in a terminal: pasted lines are one line, shown on several rows", async () => {
  await using pty = await start({ columns: 20 });
  await pty.until(() => pty.raw.includes("\x1b[?2004h"));
  await pty.type("\x1b[200~uno y 漢字\rdos, que no cabe en la fila 👍\r\x1b[201~");
  await pty.until("> uno y 漢字\n    dos, que no cabe\n en la fila 👍");
  await pty.type("!\x1b[D\x1b[D\x7f\r");
  await pty.until("\nLeído: uno y 漢字\n    dos, que no cabe\n    en la fila👍!\n> ");
  await pty.type("\x04");
  await pty.exited;
  assert(pty.raw.includes("\x1b[?2004l"));
});

test("in a terminal of 20 columns that was wider: the status is one row above the prompt", async () => {
  await using pty = await start();
  await pty.type("fila\r");
  await pty.until("Leído: fila\nEsperan 3: 4 Ana, 5 漢字 y 7 Luis 👍\n> ");
  await pty.resize(24, 20);
  await pty.until("Esperan 3: 4 Ana, 5…\n> ");
  await pty.type("hola\r");
  await pty.until("> hola\nLeído: hola\n> ");
  assert(!pty.screen.includes("5…"), pty.screen);
});

// The loop stopped with the terminal, and so did everything else.
test("in a terminal that nobody reads: Ctrl-C ends the program", async () => {
  await using pty = await start();
  await pty.reads(false);
  await pty.type("inundar\r");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await pty.type("\x03");
  assertEquals(await pty.exited, 130);
});

test("in a terminal that nobody reads for a while: what was dropped is counted", async () => {
  await using pty = await start();
  await pty.reads(false);
  await pty.type("inundar\rhola\r");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await pty.reads(true);
  await pty.until(/Leído: hola\n(Aviso -+\n)*Se perdieron \d+ avisos: no cabían\n> $/);
});

test("in a terminal whose window is closed: a hangup, apart from its SIGHUP", async () => {
  await using pty = await start();
  await pty.until(() => pty.raw.includes("\x1b[?2004h"));
  await pty.hangUp();
  assertEquals(await pty.exited, 9);
});

test("in a dumb terminal: not one escape sequence", async () => {
  const program = PROGRAM.replace("run", "run --quiet --allow-env=TERM");
  await using pty = new Pty(["sh", "-c", `TERM=dumb exec ${program}`]);
  await pty.until("> ");
  await pty.type("avisos\r");
  await pty.until("> avisos\nLeído: avisos\n> \nAviso 1\n> \nAviso 2\n> \nAviso 3\n> ");
  await pty.type("fila\rhola\r\x04");
  await pty.until("Adiós");
  assert(!pty.raw.includes("\x1b"), pty.raw);
});

test("in a terminal: half a line, three notices, the other half", async () => {
  await using pty = await start();
  await pty.type("avisos\r");
  await pty.until((screen) => screen.endsWith("\n> "));
  await pty.type("media lín");
  await pty.until("Aviso 3\n> media lín");
  await pty.type("ea\r");
  await pty.until("Leído: media línea");
  assert(pty.screen.includes("Aviso 1\nAviso 2\nAviso 3\n> media línea\n"));
});

test("in a terminal of 40 columns: a notice above text that wraps", async () => {
  const prompt = "Ingrese una pregunta bien larga, por favor: ";
  await using pty = await start({ prompt, shown: "\nor: ", columns: 40, rows: 12 });
  await pty.type("avisos\r");
  await pty.until((screen) =>
    screen.endsWith("Leído: avisos\nIngrese una pregunta bien larga, por fav\nor: ")
  );
  await pty.type("¿漢字 y 👍 y eñes en una línea que no cabe en una fila?\x1b[H");
  await pty.until("Aviso 3");
  const rows = [
    "Ingrese una pregunta bien larga, por fav",
    "or: ¿漢字 y 👍 y eñes en una línea que n",
    "o cabe en una fila?",
  ].join("\n");
  await pty.until(`Leído: avisos\nAviso 1\nAviso 2\nAviso 3\n${rows}`);
  // The cursor follows in a write of its own.
  await pty.until(() => pty.cursor.column === 4);
  await pty.type("\x05\r");
  await pty.until("Leído: ¿漢字 y 👍 y eñes en una línea \n    que no cabe en una fila?");
});

test("in a terminal: a withdrawn prompt goes, and what was typed comes back with the next one", async () => {
  await using pty = await start();
  await pty.type("retirar\r");
  await pty.until((screen) => screen.endsWith("\n> "));
  await pty.type("mi resp");
  await pty.until("Leído: retirar\nRetirada\n> mi resp");
  await pty.type("uesta\r");
  await pty.until("Leído: mi respuesta");
});

test("in a terminal: the status is one row, and what is printed next takes its place", async () => {
  await using pty = await start({ columns: 40 });
  await pty.type("estado\r");
  await pty.until((screen) => screen === "> estado\nLeído: estado\nRespuesta: NOOOOO\n> ");
  for (const status of ["Enviada", "Recibida: hay 2", "Recibida: hay 1"]) {
    assert(pty.raw.includes(status));
  }
});

test("in a terminal: what is typed between prompts is kept unseen for the next ones", async () => {
  await using pty = await start();
  await pty.type("espera\runo\rdos\rtr");
  await pty.until("> espera\nLeído: espera\n> uno\nLeído: uno\n> dos\nLeído: dos\n> tr");
});

test("in a terminal: a program that was stopped comes back with its prompt and its keys", async () => {
  await using pty = await start();
  await pty.type("uno");
  await pty.until("> uno");
  const SIGCONT = 18;
  const SIGSTOP = 19;
  await pty.signal(SIGSTOP);
  await pty.signal(SIGCONT);
  await pty.until(() => pty.raw.includes("> uno"));
  await pty.type(" y dos\r");
  await pty.until("Leído: uno y dos");
});

test("in a terminal that is resized: the prompt follows", async () => {
  await using pty = await start({ columns: 80 });
  await pty.type("x".repeat(30));
  await pty.until("x".repeat(30));
  await pty.resize(24, 20);
  await pty.until("> " + "x".repeat(18) + "\n" + "x".repeat(12));
  await pty.type("y\r");
  await pty.until("Leído: " + "x".repeat(13));
});

test("in a terminal: it is left as it was found", async () => {
  const script = `stty -g; ${PROGRAM}; stty -g; echo listo`;
  await using pty = new Pty(["sh", "-c", script], { columns: 200 });
  await pty.until("> ");
  await pty.type("hola\r");
  await pty.until("Leído: hola\n> ");
  await pty.type("\x04");
  await pty.until("listo");
  const [before, ...rest] = pty.screen.split("\n");
  assertEquals(rest.at(-2), before);
});

test("in a terminal with stderr apart: notices do not touch the screen", async () => {
  await using pty = await start({ errorsApart: true });
  await pty.type("avisos\r");
  await pty.until((screen) => screen.endsWith("\n> "));
  await pty.type("hola");
  await pty.until("> hola");
  await pty.type("\r");
  await pty.until("Leído: hola\n> ");
  await pty.type("espera\r");
  await pty.until("Leído: espera\n> ");
  await pty.type("\x04");
  await pty.exited;
  assertEquals(pty.errors, "Aviso 1\nAviso 2\nAviso 3\n");
  assert(!pty.screen.includes("Aviso"));
});

test("through pipes: the end of input is known although nothing was asked", async () => {
  const input = new TextEncoder().encode("espera\n");
  const { errors, code } = await shell(`${PROGRAM} --ended`, input);
  assertEquals([errors, code], ["Fin de la entrada\n", 0]);
});

test("through pipes: CRLF, no last newline, a byte order mark, bytes that are not UTF-8", async () => {
  const input = new TextEncoder().encode("\uFEFFuno\r\n\nseñal: ?\nfin");
  input[input.indexOf(0x3f)] = 0xff;
  const { output, errors, code } = await shell(PROGRAM, input);
  const lines = ["uno", "", "fin"];
  const said = lines.map((line) => `> ${line}\nLeído: ${line}\n`).join("");
  assertEquals({ output, errors, code }, {
    output: `${said}> \nAdiós\n`,
    errors: "Error: línea 3\n",
    code: 0,
  });
});

test("through pipes: characters cut in two by the pipe", async () => {
  const { output } = await shell(
    `{ printf 'a\\303'; sleep 0.2; printf '\\261o\\360\\237'; sleep 0.2; printf '\\221\\215\\n'; } | ${PROGRAM}`,
  );
  assert(output.includes("Leído: año👍\n"));
});

test("through pipes: 10,000 lines", async () => {
  const lines = Array.from({ length: 10_000 }, (_, number) => `línea ${number}`);
  const input = new TextEncoder().encode(lines.join("\n"));
  const { output } = await shell(PROGRAM, input);
  assertEquals(
    output,
    lines.map((line) => `> ${line}\nLeído: ${line}\n`).join("") + "> \nAdiós\n",
  );
});

test("stdin and stderr in a terminal, stdout in a pipe: the screen as ever, and a transcript", async () => {
  await using pty = new Pty(["sh", "-c", `${PROGRAM} | (cat > /dev/null; sleep 1)`]);
  await pty.until("> ");
  await pty.type("hlo\x1b[D\x1b[Do\x1b[C\x1b[Ca\r");
  await pty.until("> holoa\nLeído: holoa\n> ");
  await pty.type("\x04");
  await pty.until("> holoa\nLeído: holoa\n> \nAdiós");
  await pty.exited;

  await using copied = new Pty(["sh", "-c", `${PROGRAM} | tac`]);
  await copied.until("> ");
  await copied.type("hola\r");
  await copied.until("Leído: hola\n> ");
  await copied.type("\x04");
  await copied.until("> \nAdiós\nAdiós\n> \nLeído: hola\n> hola");
});

test("stdin from a pipe, stdout and stderr in a terminal: notices above the prompt as well", async () => {
  await using pty = new Pty(["sh", "-c", `stty -echo; cat | ${PROGRAM}`]);
  await pty.until("> ");
  await pty.type("avisos\n");
  await pty.until("> avisos\nLeído: avisos\nAviso 1\nAviso 2\nAviso 3\n> ");
  await pty.type("hola\n\x04");
  await pty.until("Aviso 3\n> hola\nLeído: hola\n> \nAdiós");
});

test("stdout closed by its reader: told once, no stack", async () => {
  const input = new TextEncoder().encode("x\n".repeat(100_000));
  const { output, errors } = await shell(`${PROGRAM} | head -1`, input);
  assertEquals([output, errors], ["> x\n", "Error: stdout: BrokenPipe\n"]);
});

// The conversation is on stdout: a stderr that takes nothing ended it.
test("stdout on a full disk: told once, no stack, a code of its own; stderr: nothing", async () => {
  const input = new TextEncoder().encode("aviso\n");
  const full = await shell(`${PROGRAM} > /dev/full`, input.subarray(1));
  assertEquals([full.errors, full.code], ["Error: stdout: Error\n", 7]);
  const { code } = await shell(`${PROGRAM} 2> /dev/full`, input);
  assertEquals(code, 0);
}, canUsePty && Deno.build.os === "linux");

// Notices filled the pipe of stderr, and the program stood still.
test("stderr in a pipe that nobody reads: the conversation goes on, and ends", async () => {
  const input = new TextEncoder().encode("inundar\nhola\n");
  const { output } = await shell(`exec 4>&1; ${PROGRAM} 2>&1 >&4 | sleep 4`, input);
  assert(output.endsWith("Leído: hola\n> \nAdiós\n"), output);
});

// It ended the program: "Resource temporarily unavailable".
test("stdout in a pipe that does not block, with a slow reader: nothing is lost", async () => {
  const line = "x".repeat(200_000);
  const input = new TextEncoder().encode(`${line}\n${line}\n`);
  const unblock = `python3 -c 'import os, sys; os.set_blocking(1, False)
os.execvp(sys.argv[1], sys.argv[1:])'`;
  const { output, errors } = await shell(`${unblock} ${PROGRAM} | (sleep 0.5; cat)`, input);
  assertEquals([output, errors], [`> ${line}\nLeído: ${line}\n`.repeat(2) + "> \nAdiós\n", ""]);
});

test("stdin that is closed, or no file to read: the end of input", async () => {
  const closed = await shell(`${PROGRAM} <&-`);
  assertEquals([closed.output, closed.errors, closed.code], ["> \nAdiós\n", "", 0]);
  const directory = await shell(`${PROGRAM} < /`);
  assertEquals([directory.errors, directory.code], ["Error: stdin: IsADirectory\n", 7]);
});

test("close lets the process end although the input stays open", async () => {
  const url = new URL("../terminal/terminal.ts", import.meta.url);
  const program = `import { Terminal } from "${url}"; const terminal = new Terminal();` +
    `setTimeout(() => terminal.close(), 100); const line = await terminal.question("> ");` +
    `await terminal.flush(1000); console.log(line);`;
  await using pty = new Pty(["deno", "eval", program]);
  assertEquals(await pty.exited, 0);
  const { output } = await shell(`deno eval '${program}'`, "left open");
  assertEquals(output, "> \nnull\n");
});
