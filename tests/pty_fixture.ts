/**
 * A program for the tests of the terminal: it asks for lines and says what it read, and a few of them
 * are orders.
 *
 * @module
 */

import { Terminal } from "../terminal/terminal.ts";

const terminal = new Terminal();
terminal.onInterrupt(() => exit("Interrumpido", 130));
terminal.broken.then(({ stream, error }) => exit(`Error: ${stream}: ${error.name}`, 7));
// Its own end, and not that of the signal, which comes too.
Deno.addSignalListener("SIGHUP", () => {});
terminal.hangup.then(() => exit("Colgado", 9));
terminal.onSuspend = () => terminal.notice("Ctrl-Z");
terminal.onInvalidLine = (number) => terminal.notice(`Error: línea ${number}`);
if (Deno.args.includes("--ended")) {
  terminal.ended.then(() => terminal.notice("Fin de la entrada"));
}
const [prompt = "> "] = Deno.args;
let signal: AbortSignal | undefined;

while (true) {
  const line = await terminal.question(prompt, { signal });
  signal = undefined;
  if (line === undefined) terminal.notice("Retirada");
  else if (line === null) break;
  else await obey(line);
}
terminal.print("Adiós");
terminal.close();
if (await terminal.flush(2_000)) Deno.exit(0);

async function exit(notice: string, code: number): Promise<never> {
  terminal.close();
  terminal.notice(notice);
  await terminal.flush(2_000);
  Deno.exit(code);
}

async function obey(line: string): Promise<void> {
  terminal.print(`Leído: ${line}`);
  if (line === "avisos") {
    for (const number of [1, 2, 3]) {
      setTimeout(() => terminal.notice(`Aviso ${number}`), 300 * number);
    }
  } else if (line === "aviso") {
    terminal.notice("Aviso");
  } else if (line === "inundar") {
    for (let number = 0; number < 20_000; number++) terminal.notice(`Aviso ${"-".repeat(60)}`);
  } else if (line === "fila") {
    setTimeout(() => terminal.status("Esperan 3: 4 Ana, 5 漢字 y 7 Luis 👍"), 300);
  } else if (line === "retirar") {
    signal = AbortSignal.timeout(600);
  } else if (line === "estado") {
    terminal.status("Enviada");
    await pause(200);
    terminal.status("Recibida: hay 2 preguntas antes que la suya " + "-".repeat(100));
    await pause(200);
    terminal.status("Recibida: hay 1 pregunta antes que la suya");
    await pause(200);
    terminal.print("Respuesta: NOOOOO");
  } else if (line === "espera") {
    await pause(1000);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
