/**
 * What comes of a conversation, for whoever started the client: an exit code, and a line if it failed.
 *
 * @module
 */
import { type EndReason, formatAddress, type Refusal } from "../protocol.ts";
import { RefusedError, UnreachableError, UnresolvedError } from "../protocol.ts";
import { describeRefusal, describeUnreachable, describeUnresolved } from "./messages.ts";
import { EXIT } from "./program.ts";

/** The exit code of each end of a conversation. */
export const END_CODES: Readonly<Record<EndReason, number>> = {
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

const REFUSAL_CODES: Readonly<Record<Refusal, number>> = {
  full: EXIT.refused,
  crowded: EXIT.refused,
  closing: EXIT.refused,
  "wrong-code": EXIT.code,
  private: EXIT.code,
  open: EXIT.code,
};

/** Why no conversation came about, and the exit code for it. */
export interface Failure {
  readonly message: string;
  readonly code: number;
}

/**
 * What to say of an attempt to connect to a server that failed.
 *
 * @throws What is no failure that the network or the server may cause.
 */
export function describeFailure(
  error: unknown,
  server: { readonly hostname: string; readonly port: number },
): Failure {
  if (error instanceof RefusedError) {
    const message = describeRefusal(error.refusal, formatAddress(server));
    return { message, code: REFUSAL_CODES[error.refusal] };
  }
  if (error instanceof UnresolvedError) {
    return { message: describeUnresolved(server.hostname), code: EXIT.noServer };
  }
  if (error instanceof UnreachableError) {
    return { message: describeUnreachable(formatAddress(error.address)), code: EXIT.noServer };
  }
  throw error;
}
