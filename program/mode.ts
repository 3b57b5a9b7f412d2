/**
 * The three rooms of the programs, and their differences: open, private with a code, plain UDP.
 *
 * @module
 */
import { connect, connectPlain, serve, servePlain } from "../transport/mod.ts";
import { codeStrength, completeRoomCode, MAX_NAME_BYTES } from "../transport/mod.ts";
import { MIN_CODE_CHARACTERS, newRoomCode } from "../transport/mod.ts";
import type { ConnectOptions, ConnectPlainOptions, Conversation } from "../transport/mod.ts";
import type { Handler, ServeOptions, Server } from "../transport/mod.ts";
import { RANDOMNESS } from "../transport/driver.ts";
import { MAX_MESSAGE_BYTES, MAX_PLAIN_MESSAGE_BYTES } from "../protocol.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type Arguments, UsageError } from "./arguments.ts";

/** A room, as the two programs see it. */
export interface Mode {
  readonly serve: (options: ServeOptions, handler: Handler) => Server;
  readonly connect: (options: EntryOptions) => Promise<Conversation>;
  /** Longest message, in bytes of UTF-8. */
  readonly maxBytes: number;
  /** Whether it takes a code. */
  readonly isPrivate: boolean;
  /** The event that tells the asker where the questions go. */
  readonly greeting: "connected" | "unprotected";
  /** A warning or a code, for the operator. */
  readonly notice: string;
  /** How the client's command ends, led by a space, or nothing. */
  readonly clientOption: string;
}

export type EntryOptions = ConnectOptions & ConnectPlainOptions & { readonly signal: AbortSignal };

const OPEN: Mode = {
  serve,
  connect,
  maxBytes: MAX_MESSAGE_BYTES,
  isPrivate: false,
  greeting: "connected",
  notice: "Sala abierta: quien capture el tráfico puede leer la conversación (vea --codigo)",
  clientOption: "",
};

const PLAIN: Mode = {
  ...OPEN,
  serve: servePlain,
  connect: connectPlain,
  maxBytes: MAX_PLAIN_MESSAGE_BYTES,
  greeting: "unprotected",
  notice:
    "Sin fiabilidad: nada se reenvía, y se responde a cualquier remitente, aunque sea falso; " +
    "no abra este servidor a una red que no sea la suya",
  clientOption: " --sin-fiabilidad",
};

const SHORT_CODE =
  "Sala privada; aviso: su código es corto. Cada intento de adivinarlo exige conectarse, y el servidor " +
  "los cuenta y los frena, pero cuatro cifras caen en unas horas; --codigo, sin texto, crea uno mejor";

/**
 * The room that a server opens. `--codigo` alone makes a new code. No code is part of the client's
 * command, which others on that machine could see.
 *
 * @throws {UsageError} If the operator's code is too short, or an option makes no sense.
 */
export function serverMode(args: Arguments): Mode {
  if (isPlain(args, [], ["codigo", "id-servidor", "max-por-direccion"])) return PLAIN;
  const own: { serverId?: number; code?: string } = {};
  if (args.optional("id-servidor") !== undefined) {
    own.serverId = args.integer("id-servidor", { otherwise: 0, least: 0, most: 255 });
  }
  const mode: Mode = {
    ...OPEN,
    serve: (options, handler) => serve({ ...options, ...own }, handler),
  };
  const given = args.optional("codigo");
  if (given === undefined) return mode;
  own.code = given === "" ? newRoomCode(RANDOMNESS.randomBytes) : checked(given);
  const ofOperator = codeStrength(own.code) === "long" ? "Sala privada, con su código" : SHORT_CODE;
  const notice = given === "" ? `Sala privada, con el código ${own.code}` : ofOperator;
  return { ...mode, notice, clientOption: " --codigo" };
}

/**
 * The room that a client enters. `--codigo` alone asks for the code, once the other options are
 * known to be right.
 *
 * @throws {UsageError} If the code is too short, the name too long, or an option makes no sense.
 */
export function clientMode(args: Arguments, terminal: Terminal): Mode {
  if (isPlain(args, ["espera"], ["codigo", "inactividad", "nombre"])) return PLAIN;
  const name = args.text("nombre", "");
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw new UsageError(`el valor de --nombre tiene más de ${MAX_NAME_BYTES} bytes: "${name}"`);
  }
  const given = args.optional("codigo");
  if (given === undefined) return { ...OPEN, connect: (entry) => connect({ ...entry, name }) };
  const typed = given === "" ? undefined : checked(given);
  return {
    ...OPEN,
    isPrivate: true,
    async connect(options) {
      const code = typed ?? await typedCode(terminal, options.signal);
      return await connect({ ...options, name, code });
    },
  };
}

/** Whether `--sin-fiabilidad` was given. The options `alone` require it; `senseless` exclude it. */
function isPlain(args: Arguments, alone: string[], senseless: string[]): boolean {
  const plain = args.has("sin-fiabilidad");
  const given = (plain ? senseless : alone).find((name) => args.optional(name) !== undefined);
  if (given === undefined) return plain;
  const only = plain ? "no" : "solo";
  throw new UsageError(`la opción --${given} ${only} tiene sentido con --sin-fiabilidad`);
}

async function typedCode(terminal: Terminal, signal: AbortSignal): Promise<string> {
  if (!terminal.interactive) {
    throw new UsageError("no hay terminal en la que pedir el código: use --codigo TEXTO");
  }
  const options = { signal, complete: completeRoomCode, isFleeting: true };
  const code = await terminal.question("Código de la sala: ", options);
  signal.throwIfAborted();
  return checked(code ?? "");
}

function checked(code: string): string {
  if (codeStrength(code) !== "too-short") return code;
  throw new UsageError(`el código debe tener ${MIN_CODE_CHARACTERS} caracteres o más`);
}
