/**
 * The client's program: asks what is typed, and shows the answers.
 *
 * @module
 */
import { type Arguments, UsageError } from "./app/arguments.ts";
import { type Asker, ConsoleAsker } from "./app/asker.ts";
import { JsonAsker } from "./app/json.ts";
import { describeBroken, describeRefusal, describeTooLong } from "./app/messages.ts";
import { describeUnreachable, describeUnresolved } from "./app/messages.ts";
import { askerCode } from "./app/room_code.ts";
import { EXIT, printError, run } from "./app/program.ts";
import { connect, type Conversation, ConversationEndedError, type EndReason } from "./protocol.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT, IDLE_TIMEOUT_MS, MAX_MESSAGE_BYTES } from "./protocol.ts";
import {
  formatAddress,
  isBye,
  type Refusal,
  RefusedError,
  UnreachableError,
  UnresolvedError,
} from "./protocol.ts";
import { LineReader } from "./terminal/line_reader.ts";
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
  --codigo [TEXTO]        código de una sala privada; sin TEXTO, lo pide sin mostrarlo
  --json                  para programas: un objeto JSON por línea en la salida
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

Ejemplos:
  deno task cliente
  deno task cliente --host 192.168.1.20 --puerto 5000
  deno task cliente "¿HTML es un lenguaje de programacion?"
  deno task cliente < preguntas.txt > charla.txt
  deno task cliente --host 192.168.1.20 --codigo

Escriba cada pregunta y pulse Intro. «bye», Ctrl-D o Ctrl-C terminan la conversación.`;

const EXIT_CODES: Readonly<Record<EndReason, number>> = {
  bye: EXIT.ok,
  closing: EXIT.ok,
  unconfirmed: EXIT.ok,
  silence: EXIT.lost,
  busy: EXIT.refused,
  refused: EXIT.refused,
  private: EXIT.code,
  failed: EXIT.lost,
  invalid: EXIT.lost,
};

const REFUSAL_EXIT_CODES: Readonly<Record<Refusal, number>> = {
  full: EXIT.refused,
  crowded: EXIT.refused,
  closing: EXIT.refused,
  "wrong-code": EXIT.code,
  private: EXIT.code,
  open: EXIT.code,
};

async function main(args: Arguments, terminal: Terminal): Promise<number> {
  const code = await askerCode(args, terminal);
  // Whatever stops the conversation before its end does so with an exit code.
  const stop = new AbortController();
  terminal.onInterrupt(() => {
    // Who asks twice does not want to wait for the server to confirm the bye.
    if (stop.signal.aborted) Deno.exit(EXIT.interrupted);
    stop.abort(EXIT.interrupted);
  });
  terminal.broken.then((stream) => {
    printError(terminal, describeBroken(stream));
    stop.abort(EXIT.defect);
  });
  const options = {
    hostname: args.host(DEFAULT_HOSTNAME),
    port: args.integer("puerto", { otherwise: DEFAULT_PORT, least: 1, most: 65_535 }),
    idleTimeout: args.seconds("inactividad", IDLE_TIMEOUT_MS),
    ...(code !== undefined && { code }),
    signal: stop.signal,
  };
  const [question] = args.words;
  if (question?.trim() === "") throw new UsageError("la pregunta está vacía");
  const problem = question && describeTooLong(question, MAX_MESSAGE_BYTES);
  if (problem) throw new UsageError(problem);
  const asker = args.has("json")
    ? new JsonAsker({ terminal, lines: new LineReader(Deno.stdin.readable) })
    : new ConsoleAsker(terminal, question === undefined ? "Respuesta: " : "");

  let conversation: Conversation;
  try {
    conversation = await connect({ ...options, onEvent: (event) => asker.heard(event) });
  } catch (error) {
    return stop.signal.aborted ? stop.signal.reason : explain(error, options, terminal);
  }
  asker.connected(conversation.remoteAddr);
  try {
    if (question === undefined) await converse(conversation, asker, stop.signal);
    else await ask(question, conversation, asker);
  } catch (error) {
    if (!(error instanceof ConversationEndedError)) throw error;
  }
  const closed = conversation.bye();
  const reason = await conversation.ended;
  if (!stop.signal.aborted) asker.ended(reason, conversation.remoteAddr);
  await closed;
  return stop.signal.aborted ? stop.signal.reason : EXIT_CODES[reason];
}

async function converse(
  conversation: Conversation,
  asker: Asker,
  stopped: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  conversation.ended.then(() => over.abort());
  const signal = AbortSignal.any([over.signal, stopped]);
  while (true) {
    const line = await asker.next(signal);
    if (typeof line !== "string" || isBye(line)) return;
    if (line.trim() === "") continue;
    const problem = describeTooLong(line, MAX_MESSAGE_BYTES);
    if (problem === undefined) await ask(line, conversation, asker);
    else asker.refused(problem);
  }
}

async function ask(question: string, conversation: Conversation, asker: Asker): Promise<void> {
  const answer = conversation.ask(question);
  asker.sent();
  asker.answered(await answer);
}

function explain(
  error: unknown,
  server: { hostname: string; port: number },
  terminal: Terminal,
): number {
  const place = formatAddress(server);
  if (error instanceof RefusedError) {
    printError(terminal, describeRefusal(error.refusal, place));
    return REFUSAL_EXIT_CODES[error.refusal];
  }
  if (error instanceof UnresolvedError) {
    printError(terminal, describeUnresolved(server.hostname));
  } else if (error instanceof UnreachableError) {
    printError(terminal, describeUnreachable(formatAddress(error.address)));
  } else {
    throw error;
  }
  return EXIT.noServer;
}

if (import.meta.main) {
  await run({
    help: HELP,
    values: ["host", "puerto", "inactividad"],
    optionals: ["codigo"],
    flags: ["json"],
    words: 1,
    main,
  });
}
