/**
 * The errors that a caller may want to catch.
 *
 * @module
 */
import { type Address, formatAddress } from "./endpoint.ts";
import type { Refusal } from "./reliable/packet.ts";
import type { EndReason } from "./reliable/session.ts";

/** Thrown by `connect` when no server answered in time. */
export class UnreachableError extends Error {
  /** The address of the server. */
  readonly address: Address;

  /** Makes the error for the server's address. */
  constructor(address: Address) {
    super(`No server answered at ${formatAddress(address)}`);
    this.name = "UnreachableError";
    this.address = address;
  }
}

/** Thrown by `connect` when the name of the server does not resolve to an address. */
export class UnresolvedError extends Error {
  /** Makes the error for that name. */
  constructor(hostname: string) {
    super(`Cannot resolve the name: "${hostname}"`);
    this.name = "UnresolvedError";
  }
}

/** Thrown by `connect` when the server refuses the client. */
export class RefusedError extends Error {
  /** Why the server refused. */
  readonly refusal: Refusal;

  /** Makes the error for that refusal. */
  constructor(refusal: Refusal) {
    super(`The server refused the connection: "${refusal}"`);
    this.name = "RefusedError";
    this.refusal = refusal;
  }
}

/** Thrown by `ask` of a plain conversation when no answer came in time. The conversation goes on. */
export class NoAnswerError extends Error {
  /** The address of the server. */
  readonly address: Address;
  /** Time waited, in ms. */
  readonly timeout: number;

  /** Makes the error for a question to a server's address that waited `timeout` ms. */
  constructor(address: Address, timeout: number) {
    super(`No answer from ${formatAddress(address)} for ${timeout} ms`);
    this.name = "NoAnswerError";
    this.address = address;
    this.timeout = timeout;
  }
}

/** Thrown by `ask` when the conversation ends before the answer, or has ended. */
export class ConversationEndedError extends Error {
  /** How it ended. */
  readonly reason: EndReason;

  /** Makes the error for that end. */
  constructor(reason: EndReason) {
    super(`The conversation has ended: "${reason}"`);
    this.name = "ConversationEndedError";
    this.reason = reason;
  }
}
