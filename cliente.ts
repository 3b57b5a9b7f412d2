/**
 * The client's program: asks what is typed, and shows the answers.
 *
 * @module
 */
import { UsageError } from "./program/arguments.ts";
import { ConsoleAsker, endOf, type HeardEvent, Interview } from "./program/asker.ts";
import { JsonAsker } from "./program/json.ts";
import { clientMode } from "./program/mode.ts";
import { type Run, run } from "./program/program.ts";
import { describeTooLong } from "./program/words.ts";
import { LABORATORY_HELP } from "./laboratory/laboratory.ts";
import { ANSWER_TIMEOUT_MS, ConversationEndedError, IDLE_TIMEOUT_MS } from "./transport/mod.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT, isBye } from "./protocol.ts";

const HELP = `Cliente de preguntas y respuestas por UDP.

Uso: deno task cliente [opciones] [PREGUNTA]

Con PREGUNTA hace esa sola pregunta, escribe la respuesta y termina.

Opciones:
  --host DIRECCIÓN        dirección o nombre del servidor (${DEFAULT_HOSTNAME})
  --puerto N              puerto del servidor, de 1 a 65535 (${DEFAULT_PORT})
  --nombre NOMBRE         quién pregunta, para quien responde: hasta 40 bytes
  --tiempo-maximo S       termina a los S segundos, con el código de salida 7
  --inactividad SEGUNDOS  silencio hasta dar por perdido al servidor (${IDLE_TIMEOUT_MS / 1000})
  --codigo [TEXTO]        código de una sala privada; sin TEXTO, lo pide
  --sin-fiabilidad        UDP tal cual, también con otros programas: lo que se pierde no se reenvía
  --espera SEGUNDOS       con --sin-fiabilidad, lo que espera cada respuesta (${
  ANSWER_TIMEOUT_MS / 1000
})
  --json                  para programas: un objeto JSON por línea en la salida
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

${LABORATORY_HELP}

Ejemplos:
  deno task cliente --host 192.168.1.20 --puerto 5000 --nombre Ana
  deno task cliente "¿HTML es un lenguaje de programacion?"
  deno task cliente < preguntas.txt > charla.txt
  deno task cliente --perdida 25%

Escriba cada pregunta y pulse Intro. «bye», Ctrl-D o Ctrl-C terminan la conversación.`;

async function main({ args, terminal, json, signal, laboratory }: Run): Promise<number> {
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

  const asker = json === undefined
    ? new ConsoleAsker(terminal, single === undefined ? "Respuesta: " : "")
    : new JsonAsker(json);
  const interview = new Interview(asker, terminal, options, mode);
  const onEvent = (event: HeardEvent) => interview.heard(event);
  const connection = mode.connect({ ...options, ...laboratory, signal, onEvent });
  const conversation = await interview.begin(connection);
  const over = AbortSignal.any([signal, endOf(conversation)]);
  try {
    if (single !== undefined) await interview.ask(single);
    while (single === undefined) {
      const line = await asker.next(over);
      if (typeof line !== "string" || isBye(line)) break;
      if (line.trim() !== "") await interview.ask(line);
    }
  } catch (error) {
    if (!(error instanceof ConversationEndedError)) throw error;
  }
  return await interview.sayBye(signal);
}

if (import.meta.main) {
  await run({
    help: HELP,
    role: "client",
    values: ["host", "puerto", "nombre", "tiempo-maximo", "inactividad", "espera"],
    optionals: ["codigo"],
    flags: ["json", "sin-fiabilidad"],
    words: 1,
    main,
  });
}
