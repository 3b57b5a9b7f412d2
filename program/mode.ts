/**
 * The code of a private room at the two programs: where it comes from, and how it is told.
 *
 * @module
 */
import { codeStrength, MIN_CODE_CHARACTERS, newRoomCode } from "../transport/mod.ts";
import { askSecret } from "../terminal/secret.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type Arguments, UsageError } from "./arguments.ts";

/** What a server's operator chose with `--codigo`. */
export interface OperatorCode {
  /** The code; none in an open room. */
  readonly code: string | undefined;
  /** What the client's command has to end with. A code of one's own is better not shown: it is asked. */
  readonly clientOption: string;
  /** What the operator should know of it. */
  readonly notice: string;
}

/**
 * The code of the room that a server opens: a new one where `--codigo` stands alone.
 *
 * @throws {UsageError} If the operator's own is too short.
 */
export function operatorCode(args: Arguments): OperatorCode {
  const given = args.optional("codigo");
  if (given === undefined) {
    const notice = "Sala abierta: quien lea la red lee la conversación (vea --codigo)";
    return { code: undefined, clientOption: "", notice };
  }
  if (given === "") {
    const code = newRoomCode((length) => crypto.getRandomValues(new Uint8Array(length)));
    const notice = `Sala privada, con el código ${code}`;
    return { code, clientOption: ` --codigo ${code}`, notice };
  }
  const notice = codeStrength(given) === "long"
    ? "Sala privada, con su código"
    : "Sala privada; aviso: quien haya grabado la red puede adivinar después un código corto, y " +
      "--codigo sin texto crea uno que no";
  return { code: checked(given), clientOption: " --codigo", notice };
}

/**
 * The code of the room that a client enters: asked for without an echo where `--codigo` stands alone.
 *
 * @param signal Ends the question when it aborts; then there is no code either.
 * @throws {UsageError} If it is too short, or there is nobody to ask for it.
 */
export async function askerCode(
  args: Arguments,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<string | undefined> {
  const given = args.optional("codigo");
  if (given === undefined) return undefined;
  if (given !== "") return checked(given);
  if (!terminal.interactive) {
    throw new UsageError("no hay terminal en la que pedir el código: use --codigo TEXTO");
  }
  const streams = { input: Deno.stdin, output: Deno.stdout };
  const typed = await askSecret("Código de la sala: ", { ...streams, signal });
  return typed === undefined ? undefined : checked(typed ?? "");
}

function checked(code: string): string {
  if (codeStrength(code) !== "too-short") return code;
  throw new UsageError(`el código debe tener ${MIN_CODE_CHARACTERS} caracteres o más`);
}

/** What the operator of a plain server and its clients have to know. */
export const PLAIN_ROOM: OperatorCode = {
  code: undefined,
  clientOption: " --sin-fiabilidad",
  notice: "Sin fiabilidad: nada se reenvía, y se responde a cualquier remite, aunque sea falso; " +
    "no abra este servidor a una red que no sea la suya",
};

/**
 * Whether `--sin-fiabilidad` was given.
 *
 * @param alone Options that mean something only with it.
 * @param senseless Options that mean nothing with it.
 * @throws {UsageError} If one was given that means nothing.
 */
export function isPlain(
  args: Arguments,
  { alone, senseless }: Record<"alone" | "senseless", readonly string[]>,
): boolean {
  const plain = args.has("sin-fiabilidad");
  const given = (plain ? senseless : alone).find((name) => args.optional(name) !== undefined);
  if (given === undefined) return plain;
  throw new UsageError(
    `la opción --${given} ${plain ? "no" : "solo"} tiene sentido con --sin-fiabilidad`,
  );
}
