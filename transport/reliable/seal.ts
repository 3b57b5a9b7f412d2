/**
 * The layer between packets and the wire: the identity in an open room, encryption in a private one.
 *
 * @module
 */
import { EMPTY } from "../bytes.ts";
import type { Refusal } from "./packet.ts";

/** Seals the datagrams that one end of a session sends, and opens those that it receives. */
export interface Seal {
  /** Seals a datagram; its header stays readable. */
  seal(datagram: Uint8Array): Uint8Array;
  /** Opens a received datagram, or returns nothing if the seal does not hold. */
  open(datagram: Uint8Array): Uint8Array | undefined;
}

/** The client's half of a key agreement. */
export interface Initiation {
  /** The key share of the HELLO; empty in an open room. */
  readonly keyShare: Uint8Array;
  /**
   * Completes the agreement with the key share of the WELCOME, once: in a private room each attempt is a
   * guess of its sender.
   *
   * @param fields The readable fields of the WELCOME, which must be what the server wrote.
   * @returns The client's seal, or nothing if the server does not have the code, or it is not the first call.
   */
  complete(keyShare: Uint8Array, fields: Uint8Array): Seal | undefined;
}

/** The server's half of a key agreement: the key share of the WELCOME, empty in an open room, and the seal. */
export type Response = Readonly<{ keyShare: Uint8Array; seal: Seal }>;

/** Admits clients, and agrees on keys with them. */
export interface Room {
  /** Whether it has a code, so that each exchange with a client is a guess until it is confirmed. */
  readonly isPrivate: boolean;
  /** Opens a key agreement over the readable fields of a HELLO, which it authenticates. */
  initiate(fields: Uint8Array): Initiation;
  /**
   * Answers a HELLO of that key share and those readable fields.
   *
   * @param fields The readable fields of the WELCOME, which it authenticates.
   * @returns The server's half, the reason to refuse the client, or nothing for a share that is none.
   */
  respond(
    hello: Readonly<Record<"keyShare" | "fields", Uint8Array>>,
    fields: Uint8Array,
  ): Response | Refusal | undefined;
}

/** The seal of an open room: none. */
export const OPEN_SEAL: Seal = { seal: (datagram) => datagram, open: (datagram) => datagram };

/** The room without a code. */
export const OPEN_ROOM: Room = {
  isPrivate: false,
  initiate: () => ({
    keyShare: EMPTY,
    complete: (keyShare) => keyShare.length === 0 ? OPEN_SEAL : undefined,
  }),
  respond: ({ keyShare }) => keyShare.length === 0 ? { keyShare: EMPTY, seal: OPEN_SEAL } : "open",
};
