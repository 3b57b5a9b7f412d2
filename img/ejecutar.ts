/**
 * Makes `ejecutar.png` and `cola.png`, pictures of the real programs in real terminals: the
 * conversation of the README, and the operator's desk with a queue. It needs `python3`, as the tests of
 * the terminal do, and the programs' usual port free.
 *
 * @module
 */

import { command, type ProgramName } from "../tests/process.ts";
import { canUsePty, Pty } from "../tests/pty.ts";
import { connect } from "../transport/mod.ts";
import { toPng } from "./png.ts";
import { drawTerminals, type TerminalWindow } from "./terminal_picture.ts";

/** As wide as the longest line needs, so that the letters are large on the page. */
const COLUMNS = 82;
const SHELL_PROMPT = "\x1b[92m$\x1b[39m ";

const QUESTIONS = [
  ["Ana", "¿HTML es un lenguaje de programacion?"],
  ["Luis", "¿Qué es un puerto?"],
  ["Eva", "¿Por qué UDP no confirma nada?"],
  [undefined, "¿Se puede perder un acuse de recibo?"],
  ["Ana", "¿Y CSS?"],
] as const;

if (!canUsePty) throw new Error("There is no python3 to run the programs in terminals");
await draw("ejecutar.png", await converse());
await draw("cola.png", await queue());

async function draw(name: string, windows: readonly TerminalWindow[]): Promise<void> {
  const picture = await toPng(drawTerminals(windows, COLUMNS));
  await Deno.writeFile(new URL(name, import.meta.url), picture);
}

/** Holds the conversation; returns what both terminals show at its end. */
async function converse(): Promise<TerminalWindow[]> {
  await using server = start("servidor");
  await server.until("Escuchando en");
  await using client = start("cliente");
  await client.until("Ingrese una pregunta: ");
  await client.type("¿HTML es un lenguaje de programacion?\r");
  await server.until("Ingrese una respuesta: ");
  await server.type("NOOOOO\r");
  await client.until("Respuesta: NOOOOO\nIngrese una pregunta: ");
  await client.type("bye\r");
  const code = await client.exited;
  if (code !== 0) throw new Error(`The client failed:\n${client.screen}`);
  await server.until((screen) => /desconectado: .*\)[^]*\/ayuda\): $/.test(screen));
  const asked = linesOf("cliente", client);
  return [
    window("Servidor", "servidor", server),
    // The client is over, and its terminal is the shell's again.
    {
      title: "Cliente",
      lines: [...asked, SHELL_PROMPT],
      cursor: { row: asked.length, column: 2 },
    },
  ];
}

/** Lets several people ask at once; returns the operator's terminal. */
async function queue(): Promise<TerminalWindow[]> {
  await using server = start("servidor");
  await server.until("Escuchando en");
  await using clients = new AsyncDisposableStack();
  for (const [name, question] of QUESTIONS) {
    const conversation = clients.use(await connect(name === undefined ? {} : { name }));
    conversation.ask(question).catch(() => {});
  }
  await server.until("esperan 4");
  await server.type("/cola\r");
  await server.until("¿Y CSS?");
  return [window("Servidor", "servidor", server)];
}

function start(name: ProgramName): Pty {
  return new Pty(command(name), { columns: COLUMNS });
}

function window(title: string, name: ProgramName, pty: Pty): TerminalWindow {
  const { row, column } = pty.cursor;
  return { title, lines: linesOf(name, pty), cursor: { row: row + 1, column } };
}

/** The lines of its terminal, below the command as one types it. */
function linesOf(name: ProgramName, pty: Pty): string[] {
  return [`${SHELL_PROMPT}\x1b[1mdeno task ${name}\x1b[22m`, ...pty.screen.split("\n")];
}
