/**
 * Makes `ejecutar.png`, the picture of the README: the real programs hold its conversation in two
 * real terminals, and what these show is drawn. It needs `python3`, as the tests of the terminal do,
 * and the programs' usual port free.
 *
 * @module
 */

import { command, type ProgramName } from "../tests/process.ts";
import { canUsePty, Pty } from "../tests/pty.ts";
import { toPng } from "./png.ts";
import { drawTerminals, type TerminalWindow } from "./terminal_picture.ts";

/** As wide as the longest line needs, so that the letters are large on the page. */
const COLUMNS = 82;
const SHELL_PROMPT = "\x1b[92m$\x1b[39m ";

if (!canUsePty) throw new Error("There is no python3 to run the programs in terminals");
const svg = drawTerminals(await converse(), COLUMNS);
await Deno.writeFile(new URL("ejecutar.png", import.meta.url), await toPng(svg));

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
  // Its last line is there once the cursor stands below it.
  await server.until((screen) => screen.endsWith(")") && server.cursor.column === 0);

  const { row, column } = server.cursor;
  const asked = linesOf("cliente", client);
  return [
    {
      title: "Servidor",
      lines: linesOf("servidor", server),
      cursor: { row: row + 1, column },
    },
    // The client is over, and its terminal is the shell's again.
    {
      title: "Cliente",
      lines: [...asked, SHELL_PROMPT],
      cursor: { row: asked.length, column: 2 },
    },
  ];
}

function start(name: ProgramName): Pty {
  return new Pty(command(name), { columns: COLUMNS });
}

/** The lines of its terminal, below the command as one types it. */
function linesOf(name: ProgramName, pty: Pty): string[] {
  return [`${SHELL_PROMPT}\x1b[1mdeno task ${name}\x1b[22m`, ...pty.screen.split("\n")];
}
