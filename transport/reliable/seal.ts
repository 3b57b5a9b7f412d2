/**
 * What stands between packets and the wire: nothing in an open room, keys in a private one.
 *
 * @module
 */
import { EMPTY } from "../bytes.ts";
import type { Refusal } from "./packet.ts";

/** Seals the datagrams that one end of a session sends, and opens those that it receives. */
export interface Seal {
  /** Turns a datagram into what is sent: the header readable, the rest sealed. */
  seal(datagram: Uint8Array): Uint8Array;
  /** Turns what was received back into the datagram, or nothing where the seal does not hold. */
  open(datagram: Uint8Array): Uint8Array | undefined;
}

/** The client's half of a key agreement. */
export interface Initiation {
  /** What the HELLO carries; empty in an open room. */
  readonly keyShare: Uint8Array;
  /**
   * Ends it with what the WELCOME carries.
   *
   * @param fields The readable fields of the WELCOME, which must be what the server wrote.
   * @returns The client's seal, or nothing if this is not the answer of somebody with the code.
   */
  complete(keyShare: Uint8Array, fields: Uint8Array): Seal | undefined;
}

/** The server's half of a key agreement. */
export interface Response {
  /** What the WELCOME carries; empty in an open room. */
  readonly keyShare: Uint8Array;
  /** The server's seal. */
  readonly seal: Seal;
}

/** Who may come in, and with which keys. */
export interface Room {
  /** Opens a key agreement over the readable fields of a HELLO, which it authenticates. */
  initiate(fields: Uint8Array): Initiation;
  /**
   * Answers what a HELLO carries.
   *
   * @param hello Its key share and readable fields.
   * @param fields The readable fields of the WELCOME, which it authenticates.
   * @returns Why the client may not come in, where it may not.
   */
  respond(
    hello: { readonly keyShare: Uint8Array; readonly fields: Uint8Array },
    fields: Uint8Array,
  ): Response | Refusal;
}

/** The seal of an open room: none. */
export const OPEN_SEAL: Seal = {
  seal: (datagram) => datagram,
  open: (datagram) => datagram,
};

/** The room of whoever asks for no code. */
export const OPEN_ROOM: Room = {
  initiate: () => ({
    keyShare: EMPTY,
    complete: (keyShare) => keyShare.length === 0 ? OPEN_SEAL : undefined,
  }),
  respond: ({ keyShare }) => keyShare.length === 0 ? { keyShare: EMPTY, seal: OPEN_SEAL } : "open",
};
