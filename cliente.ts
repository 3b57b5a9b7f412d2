/**
 * The client's program: asks what is typed, and shows the answers.
 *
 * @module
 */
import {
  connect,
  type Conversation,
  ConversationEndedError,
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  type EndReason,
  formatAddress,
  IDLE_TIMEOUT_MS,
  isBye,
  MAX_MESSAGE_BYTES,
  RefusedError,
  UnreachableError,
  UnresolvedError,
} from "./protocol.ts";
import { type Arguments, UsageError } from "./terminal/arguments.ts";
import { clean } from "./terminal/clean.ts";
import {
  describeRefusal,
  describeTooLong,
  describeUnreachable,
  describeUnresolved,
} from "./terminal/messages.ts";
import { EXIT, printError, run } from "./terminal/program.ts";
import type { Terminal } from "./terminal/terminal.ts";

const HELP = `Cliente de preguntas y respuestas por UDP.

Uso:
  deno task cliente [opciones] [PREGUNTA]

Con PREGUNTA hace esa sola pregunta, escribe la respuesta y termina.

Opciones:
  --host DIRECCIÓN        dirección o nombre del servidor (${DEFAULT_HOSTNAME})
  --puerto N              puerto del servidor, de 1 a 65535 (${DEFAULT_PORT})
  --inactividad SEGUNDOS  silencio tras el cual se da por perdido al servidor (${
  IDLE_TIMEOUT_MS / 1000
})
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

Ejemplos:
  deno task cliente
  deno task cliente --host 192.168.1.20 --puerto 5000
  deno task cliente "¿HTML es un lenguaje de programacion?"
  deno task cliente < preguntas.txt > charla.txt

Escriba cada pregunta y pulse Intro. «bye», Ctrl-D o Ctrl-C terminan la conversación.`;

/** How each end of a conversation is told to the asker, where it is worth a word, and its exit code. */
const ENDS: Readonly<Record<EndReason, { code: number; tell?: (place: string) => string }>> = {
  bye: { code: EXIT.ok },
  closing: { code: EXIT.ok, tell: (place) => `El servidor ${place} cerró la conversación` },
  unconfirmed: {
    code: EXIT.ok,
    tell: (place) => `El servidor ${place} no confirmó el fin de la conversación`,
  },
  silence: {
    code: EXIT.lost,
    tell: (place) =>
      `Error: se perdió la conexión con ${place}: compruebe la red y que el servidor siga en marcha`,
  },
  failed: {
    code: EXIT.lost,
    tell: (place) => `Error: el servidor ${place} no pudo responder: pruebe con otra pregunta`,
  },
  invalid: {
    code: EXIT.defect,
    tell: (place) => `Error: el servidor ${place} envió texto que no es UTF-8: avise a su operador`,
  },
};

async function main(args: Arguments, terminal: Terminal): Promise<number> {
  const interrupt = new AbortController();
  terminal.onInterrupt(() => interrupt.abort());
  const options = {
    hostname: args.text("host", DEFAULT_HOSTNAME),
    port: args.integer("puerto", { otherwise: DEFAULT_PORT, least: 1, most: 65_535 }),
    idleTimeout: args.seconds("inactividad", IDLE_TIMEOUT_MS),
    signal: interrupt.signal,
  };
  const [question] = args.words;
  const problem = question && describeTooLong(question, MAX_MESSAGE_BYTES);
  if (problem) throw new UsageError(problem);

  let conversation: Conversation;
  try {
    conversation = await connect(options);
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    return explain(error, options, terminal);
  }
  const place = formatAddress(conversation.remoteAddr);
  terminal.notice(`Conectado con ${place}`);
  try {
    if (question === undefined) await converse(conversation, terminal);
    else terminal.print(clean(await conversation.ask(question)));
  } catch (error) {
    if (!(error instanceof ConversationEndedError)) throw error;
  }
  await conversation.bye();
  if (interrupt.signal.aborted) return EXIT.interrupted;
  const { code, tell } = ENDS[await conversation.ended];
  if (tell !== undefined) terminal.notice(tell(place));
  return code;
}

async function converse(conversation: Conversation, terminal: Terminal): Promise<void> {
  const over = new AbortController();
  conversation.ended.then(() => over.abort());
  while (true) {
    const line = await terminal.question("Ingrese una pregunta: ", { signal: over.signal });
    if (typeof line !== "string" || isBye(line)) return;
    if (line.trim() === "") continue;
    const problem = describeTooLong(line, MAX_MESSAGE_BYTES);
    if (problem !== undefined) printError(terminal, problem);
    else terminal.print(`Respuesta: ${clean(await conversation.ask(line))}`);
  }
}

function explain(
  error: unknown,
  server: { hostname: string; port: number },
  terminal: Terminal,
): number {
  const place = formatAddress(server);
  if (error instanceof RefusedError) {
    printError(terminal, describeRefusal(error.refusal, place));
    return EXIT.refused;
  }
  if (error instanceof UnresolvedError) {
    printError(terminal, describeUnresolved(server.hostname));
  } else if (error instanceof UnreachableError) {
    printError(terminal, describeUnreachable(place));
  } else {
    throw error;
  }
  return EXIT.noServer;
}

if (import.meta.main) {
  await run({ help: HELP, values: ["host", "puerto", "inactividad"], words: 1, main });
}
