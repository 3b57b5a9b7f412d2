/**
 * The client's program: asks what is typed, and shows the answers.
 *
 * @module
 */
import { type Arguments, UsageError } from "./program/arguments.ts";
import { type Asker, ConsoleAsker } from "./program/asker.ts";
import { JsonAsker } from "./program/json.ts";
import { LABORATORY_HELP } from "./laboratory/laboratory.ts";
import { connectFailure, describeTooLong, ENDS } from "./program/words.ts";
import { isPlain } from "./program/mode.ts";
import { EXIT, run, type Surroundings } from "./program/program.ts";
import { askerCode } from "./program/mode.ts";
import {
  connect,
  connectPlain,
  type Conversation,
  ConversationEndedError,
} from "./transport/mod.ts";
import { ANSWER_TIMEOUT_MS, IDLE_TIMEOUT_MS } from "./transport/mod.ts";
import { NoAnswerError } from "./transport/mod.ts";
import { LineReader } from "./terminal/line_reader.ts";
import type { Terminal } from "./terminal/terminal.ts";
import {
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  isBye,
  MAX_MESSAGE_BYTES,
  MAX_PLAIN_MESSAGE_BYTES,
} from "./protocol.ts";

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
  --codigo [TEXTO]        código de una sala privada; sin TEXTO, lo pide sin mostrarlo
  --sin-fiabilidad        UDP tal cual, también hacia otros programas: lo que se pierde, perdido queda
  --espera SEGUNDOS       con --sin-fiabilidad: cuánto se espera cada respuesta (${
  ANSWER_TIMEOUT_MS / 1000
})
  --json                  para programas: un objeto JSON por línea en la salida
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

${LABORATORY_HELP}

Ejemplos:
  deno task cliente
  deno task cliente --host 192.168.1.20 --puerto 5000
  deno task cliente "¿HTML es un lenguaje de programacion?"
  deno task cliente < preguntas.txt > charla.txt
  deno task cliente --host 192.168.1.20 --codigo
  deno task cliente --perdida 25%

Escriba cada pregunta y pulse Intro. «bye», Ctrl-D o Ctrl-C terminan la conversación.`;

async function main(
  args: Arguments,
  terminal: Terminal,
  { signal, laboratory }: Surroundings,
): Promise<number> {
  const plain = isPlain(args, { alone: ["espera"], senseless: ["codigo", "inactividad"] });
  const maxBytes = plain ? MAX_PLAIN_MESSAGE_BYTES : MAX_MESSAGE_BYTES;
  const options = {
    hostname: args.host(DEFAULT_HOSTNAME),
    port: args.integer("puerto", { otherwise: DEFAULT_PORT, least: 1, most: 65_535 }),
    idleTimeout: args.seconds("inactividad", IDLE_TIMEOUT_MS),
    answerTimeout: args.seconds("espera", ANSWER_TIMEOUT_MS),
    ...laboratory,
    signal,
  };
  const [question] = args.words;
  if (question?.trim() === "") throw new UsageError("la pregunta está vacía");
  const problem = question && describeTooLong(question, maxBytes);
  if (problem) throw new UsageError(problem);
  // Whoever is asked for the code has typed all the rest well.
  const code = await askerCode(args, terminal, signal);
  if (signal.aborted) return signal.reason;
  const asker = args.has("json")
    ? new JsonAsker({ terminal, lines: new LineReader(Deno.stdin.readable) })
    : new ConsoleAsker(terminal, question === undefined ? "Respuesta: " : "");

  let conversation: Conversation;
  try {
    const open = plain ? connectPlain : connect;
    conversation = await open({
      ...options,
      ...(code !== undefined && { code }),
      onEvent: (event) => asker.heard(event),
    });
  } catch (error) {
    throw connectFailure(error, options);
  }
  if (plain) asker.unprotected(conversation.remoteAddr);
  else asker.connected(conversation.remoteAddr);
  let isAnswered = true;
  try {
    if (question !== undefined) isAnswered = await ask(question, conversation, asker);
    else await converse(conversation, asker, { maxBytes, stopped: signal });
  } catch (error) {
    if (!(error instanceof ConversationEndedError)) throw error;
  }
  const closed = conversation.bye();
  const reason = await conversation.ended;
  if (!signal.aborted) asker.ended(reason, conversation.remoteAddr);
  await closed;
  if (signal.aborted) return signal.reason;
  return isAnswered ? ENDS[reason].code : EXIT.noServer;
}

async function converse(
  conversation: Conversation,
  asker: Asker,
  { maxBytes, stopped }: { maxBytes: number; stopped: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  conversation.ended.then(() => over.abort());
  const signal = AbortSignal.any([over.signal, stopped]);
  while (true) {
    const line = await asker.next(signal);
    if (typeof line !== "string" || isBye(line)) return;
    if (line.trim() === "") continue;
    const problem = describeTooLong(line, maxBytes);
    if (problem === undefined) await ask(line, conversation, asker);
    else asker.refused(problem);
  }
}

/** Returns whether there was an answer: a protected conversation has one, or is over. */
async function ask(question: string, conversation: Conversation, asker: Asker): Promise<boolean> {
  const answer = conversation.ask(question);
  asker.sent();
  try {
    asker.answered(await answer);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    asker.unanswered(error);
    return false;
  }
  return true;
}

if (import.meta.main) {
  await run({
    help: HELP,
    role: "client",
    values: ["host", "puerto", "inactividad", "espera"],
    optionals: ["codigo"],
    flags: ["json", "sin-fiabilidad"],
    words: 1,
    main,
  });
}
