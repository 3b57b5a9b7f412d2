/**
 * The server's program: shows each question to its operator, and sends the answer that is typed.
 *
 * @module
 */
import { clientCommands } from "./program/addresses.ts";
import { JsonOperator } from "./program/json.ts";
import { serverMode } from "./program/mode.ts";
import { ConsoleOperator } from "./program/operator.ts";
import { type Run, run } from "./program/program.ts";
import { openRecord } from "./program/record.ts";
import { bindFailure, describeForeign, describeOverload } from "./program/words.ts";
import { describeUnconfirmed, EXIT, Failure } from "./program/words.ts";
import { LABORATORY_HELP } from "./laboratory/laboratory.ts";
import { formatAddress, IDLE_TIMEOUT_MS, MAX_QUESTIONS, type Server } from "./transport/mod.ts";
import { MAX_SESSIONS, MAX_SESSIONS_PER_ADDRESS } from "./transport/mod.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "./protocol.ts";

const HELP = `Servidor de preguntas y respuestas por UDP.

Uso: deno task servidor [opciones]

Opciones:
  --host DIRECCIÓN        dirección en la que escucha (${DEFAULT_HOSTNAME}); 0.0.0.0 o ::, en todas
  --puerto N              puerto, de 0 a 65535; 0 toma uno libre (${DEFAULT_PORT})
  --max-clientes N        clientes a la vez (${MAX_SESSIONS})
  --max-por-direccion N   clientes a la vez desde una misma dirección (${MAX_SESSIONS_PER_ADDRESS})
  --max-preguntas N       preguntas sin responder a la vez (${MAX_QUESTIONS})
  --id-servidor N         uno de varios tras un balanceador, de 0 a 255 (vea docs/escala.md)
  --inactividad SEGUNDOS  silencio hasta dar por perdido a un cliente (${IDLE_TIMEOUT_MS / 1000})
  --registro [NOMBRE]     escribe cada pregunta y su respuesta en registros/NOMBRE.md
  --codigo [TEXTO]        sala privada: solo entra y lee quien tenga el código; sin TEXTO, crea uno
  --sin-fiabilidad        UDP tal cual, también para netcat: lo que se pierde no se reenvía
  --json                  para programas: un objeto JSON por línea, en la salida y en la entrada
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

${LABORATORY_HELP}

Ejemplos:
  deno task servidor --host 0.0.0.0 --puerto 5000 --codigo
  deno task servidor < respuestas.txt

Escriba cada respuesta y pulse Intro, o /ayuda. Ctrl-C cierra el servidor y avisa a los clientes.`;

async function main({ args, terminal, json, signal, replaced, laboratory }: Run): Promise<number> {
  const mode = serverMode(args);
  const options = {
    hostname: args.host(DEFAULT_HOSTNAME),
    port: args.integer("puerto", { otherwise: DEFAULT_PORT, least: 0, most: 65_535 }),
    maxSessions: args.limit("max-clientes", MAX_SESSIONS),
    maxSessionsPerAddress: args.limit("max-por-direccion", MAX_SESSIONS_PER_ADDRESS),
    maxQuestions: args.limit("max-preguntas", MAX_QUESTIONS),
    idleTimeout: args.seconds("inactividad", IDLE_TIMEOUT_MS),
  };
  const record = await openRecord(args, terminal);
  const operator = json === undefined
    ? new ConsoleOperator(terminal, mode.maxBytes, record)
    : new JsonOperator(json, mode.maxBytes, record);
  let server: Server;
  try {
    server = mode.serve({
      ...options,
      ...laboratory,
      signal,
      onConnect: (client) => operator.connected(client),
      onDisconnect: (client, reason) => operator.disconnected(client, reason),
      onOverload: (overload) => describeOverload(overload).forEach((it) => terminal.notice(it)),
      onForeign: (kind, from) => terminal.notice(describeForeign(kind, from)),
      onError: (error) => terminal.error(String(error)),
    }, (question, info) => operator.answer(question, info));
  } catch (error) {
    throw bindFailure(error, formatAddress(options));
  }
  operator.listening(server);
  terminal.notice(mode.notice);
  for (const command of clientCommands(server.addr, mode.clientOption)) terminal.notice(command);
  operator.finished.then(() => server.shutdown());
  replaced.then(() => server.shutdown({ handOver: true }));
  await server.finished;
  await operator.close();
  const { unconfirmed } = await server.shutdown();
  if (unconfirmed > 0) throw new Failure(describeUnconfirmed(unconfirmed), EXIT.defect);
  return signal.aborted ? signal.reason : EXIT.ok;
}

if (import.meta.main) {
  await run({
    help: HELP,
    role: "server",
    values: ["host", "puerto", "max-clientes", "max-por-direccion", "max-preguntas", "inactividad"],
    optionals: ["codigo", "id-servidor", "registro"],
    flags: ["json", "sin-fiabilidad"],
    words: 0,
    main,
  });
}
