/**
 * Plain UDP at the two programs: what `--sin-fiabilidad` goes with, and what is said of it.
 *
 * @module
 */
import { type Arguments, UsageError } from "./arguments.ts";
import type { OperatorCode } from "./room_code.ts";

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
