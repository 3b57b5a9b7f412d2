/**
 * The server's program: shows each question to its operator, and sends the answer that is typed.
 *
 * @module
 */
import {
  type ClientInfo,
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  type EndReason,
  formatAddress,
  IDLE_TIMEOUT_MS,
  MAX_MESSAGE_BYTES,
  MAX_SESSIONS,
  serve,
  type ServeOptions,
  type Server,
} from "./protocol.ts";
import type { Arguments } from "./terminal/arguments.ts";
import { describeBindError, describeTooLong } from "./terminal/messages.ts";
import { Operator } from "./terminal/operator.ts";
import { EXIT, printError, run } from "./terminal/program.ts";
import type { Terminal } from "./terminal/terminal.ts";

const HELP = `Servidor de preguntas y respuestas por UDP.

Uso:
  deno task servidor [opciones]

Opciones:
  --host DIRECCIÓN        dirección en la que escucha (${DEFAULT_HOSTNAME})
  --puerto N              puerto, de 0 a 65535; 0 toma uno libre (${DEFAULT_PORT})
  --max-clientes N        clientes a la vez (${MAX_SESSIONS})
  --inactividad SEGUNDOS  silencio tras el cual se da por ido a un cliente (${
  IDLE_TIMEOUT_MS / 1000
})
  -h, --ayuda             muestra esta ayuda
  --version               muestra la versión

Ejemplos:
  deno task servidor
  deno task servidor --host 0.0.0.0 --puerto 5000
  deno task servidor < respuestas.txt

Escriba cada respuesta y pulse Intro. Ctrl-C cierra el servidor y avisa a los clientes.`;

/** How each end of a conversation is told to the operator. */
const ENDS: Readonly<Record<EndReason, string>> = {
  bye: "fin de la conversación",
  closing: "el servidor se cierra",
  failed: "no se le pudo responder",
  invalid: "envió un mensaje que no es UTF-8",
  silence: "inactividad",
  unconfirmed: "no confirmó el fin de la conversación",
};

async function main(args: Arguments, terminal: Terminal): Promise<number> {
  const hostname = args.text("host", DEFAULT_HOSTNAME);
  const port = args.integer("puerto", { otherwise: DEFAULT_PORT, least: 0, most: 65_535 });
  const clients = new Set<ClientInfo>();
  const operator = new Operator({
    terminal,
    objection: (answer) => describeTooLong(answer, MAX_MESSAGE_BYTES),
    complain: (message) => printError(terminal, message),
  });

  function name({ remoteAddr }: ClientInfo): string {
    const { hostname, port } = remoteAddr;
    const neighbours = [...clients].filter((other) => other.remoteAddr.hostname === hostname);
    return neighbours.length > 1 ? `${hostname} (puerto ${port})` : hostname;
  }

  const options: ServeOptions = {
    hostname,
    port,
    maxSessions: args.integer("max-clientes", {
      otherwise: MAX_SESSIONS,
      least: 1,
      most: 1_000_000,
    }),
    idleTimeout: args.seconds("inactividad", IDLE_TIMEOUT_MS),
    onConnect(client) {
      clients.add(client);
      terminal.notice(`Cliente conectado: ${formatAddress(client.remoteAddr)}`);
    },
    onDisconnect(client, reason) {
      clients.delete(client);
      const place = formatAddress(client.remoteAddr);
      terminal.notice(`Cliente desconectado: ${place} (${ENDS[reason]})`);
    },
    onError: (error) => printError(terminal, String(error)),
  };
  let server: Server;
  try {
    server = serve(options, (question, info) => {
      return operator.answer({ question, asker: () => name(info), signal: info.signal });
    });
  } catch (error) {
    printError(terminal, describeBindError(error, formatAddress({ hostname, port })));
    return EXIT.noServer;
  }
  terminal.print("El servidor UDP listo para recibir preguntas del cliente");
  terminal.notice(`Escuchando en ${formatAddress(server.addr)}`);

  const stopped = Promise.withResolvers<void>();
  terminal.onInterrupt(stopped.resolve);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stopped.resolve);
  await Promise.race([stopped.promise, terminal.ended, terminal.broken]);
  await server.shutdown();
  return EXIT.ok;
}

if (import.meta.main) {
  await run({
    help: HELP,
    values: ["host", "puerto", "max-clientes", "inactividad"],
    words: 0,
    main,
  });
}
