/**
 * What stands between a packet and the wire.
 *
 * @module
 */

/** Seals the datagrams that one end of a session sends, and opens those that it receives. */
export interface Seal {
  /** Turns a datagram into what is sent: the header readable, the rest sealed. */
  seal(datagram: Uint8Array): Uint8Array;
  /** Turns what was received back into the datagram, or nothing where the seal does not hold. */
  open(datagram: Uint8Array): Uint8Array | undefined;
}

/** The seal of an open room: none. */
export const OPEN_SEAL: Seal = {
  seal: (datagram) => datagram,
  open: (datagram) => datagram,
};
