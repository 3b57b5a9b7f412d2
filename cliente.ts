/**
 * The client's program: asks what is typed, and shows the answers.
 *
 * @module
 */
import { UsageError } from "./program/arguments.ts";
import { ask, ConsoleAsker, endOf, type HeardEvent, sayBye } from "./program/asker.ts";
import { JsonAsker } from "./program/json.ts";
import { clientMode } from "./program/mode.ts";
import { EXIT, type Run, run } from "./program/program.ts";
import { connectFailure, describeTooLong } from "./program/words.ts";
import { LABORATORY_HELP } from "./laboratory/laboratory.ts";
import { ANSWER_TIMEOUT_MS, ConversationEndedError, IDLE_TIMEOUT_MS } from "./transport/mod.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT, isBye } from "./protocol.ts";

const HELP = `Cliente de preguntas y respuestas por UDP.

Uso: deno task cliente [opciones] [PREGUNTA]

Con PREGUNTA hace esa sola pregunta, escribe la respuesta y termina.

Opciones:
  --host DIRECCIÓN        dirección o nombre del servidor (${DEFAULT_HOSTNAME})
  --puerto N              puerto del servidor, de 1 a 65535 (${DEFAULT_PORT})
  --inactividad SEGUNDOS  silencio hasta dar por perdido al servidor (${IDLE_TIMEOUT_MS / 1000})
  --codigo [TEXTO]        código de una sala privada; sin TEXTO, lo pide sin mostrarlo
  --sin-fiabilidad        UDP tal cual, también con otros programas: lo que se pierde no se reenvía
  --espera SEGUNDOS       con --sin-fiabilidad, lo que espera cada respuesta (${
  ANSWER_TIMEOUT_MS / 1000
})
  --json                  para programas: un objeto JSON por línea en la salida
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

${LABORATORY_HELP}

Ejemplos:
  deno task cliente --host 192.168.1.20 --puerto 5000
  deno task cliente "¿HTML es un lenguaje de programacion?"
  deno task cliente < preguntas.txt > charla.txt
  deno task cliente --perdida 25%

Escriba cada pregunta y pulse Intro. «bye», Ctrl-D o Ctrl-C terminan la conversación.`;

async function main({ args, terminal, signal, laboratory }: Run): Promise<number> {
  const mode = clientMode(args, terminal);
  const options = {
    hostname: args.host(DEFAULT_HOSTNAME),
    port: args.integer("puerto", { otherwise: DEFAULT_PORT, least: 1, most: 65_535 }),
    idleTimeout: args.seconds("inactividad", IDLE_TIMEOUT_MS),
    answerTimeout: args.seconds("espera", ANSWER_TIMEOUT_MS),
  };
  const [single] = args.words;
  if (single?.trim() === "") throw new UsageError("la pregunta está vacía");
  const problem = describeTooLong(single ?? "", mode.maxBytes);
  if (problem !== undefined) throw new UsageError(problem);

  const asker = args.has("json")
    ? new JsonAsker(terminal)
    : new ConsoleAsker(terminal, single === undefined ? "Respuesta: " : "");
  const onEvent = (event: HeardEvent) => asker.heard(event);
  const conversation = await mode.connect({ ...options, ...laboratory, signal, onEvent })
    .catch((error) => Promise.reject(connectFailure(error, options)));
  const { hostname, port } = conversation.remoteAddr;
  asker.heard({ type: mode.greeting, hostname, port });

  const interview = { asker, conversation, terminal, maxBytes: mode.maxBytes };
  const over = AbortSignal.any([signal, endOf(conversation)]);
  let isAnswered = true;
  try {
    if (single !== undefined) isAnswered = await ask(single, interview);
    while (single === undefined) {
      const line = await asker.next(over);
      if (typeof line !== "string" || isBye(line)) break;
      if (line.trim() !== "") await ask(line, interview);
    }
  } catch (error) {
    if (!(error instanceof ConversationEndedError)) throw error;
  }
  const code = await sayBye(interview, signal);
  return code === EXIT.ok && !isAnswered ? EXIT.noServer : code;
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
