/**
 * What one end of a conversation sees of a datagram that passes.
 *
 * @module
 */
import type { Address, Header } from "../transport/mod.ts";

/** A datagram that was sent or received, and what became of it. */
export interface Passage {
  /** Which one it is of those sent and received together, counted from 1. */
  readonly order: number;
  /** Which way it goes. */
  readonly direction: "sent" | "received";
  /** When it was sent, received or lost here, in ms. */
  readonly at: number;
  /** The whole of it. The bytes are valid until the call ends that tells of it. */
  readonly datagram: Uint8Array;
  /** Its header, if it is of this protocol. */
  readonly header: Header | undefined;
  /** The other end. */
  readonly peer: Address;
  /**
   * What the network did to it: it went through, it was lost, or it was doubled. A doubled one that was
   * received passes twice, the second time as a copy.
   */
  readonly fate: "whole" | "lost" | "doubled" | "copy";
  /** How long the network kept it, in ms. */
  readonly delay: number;
  /** Whether the network held it back for others to overtake it. */
  readonly isHeldBack: boolean;
}

/** Handshakes whose HELLOs are told apart: with more of them at once, some may not be. */
const MAX_HANDSHAKES = 1_000;

/** Tells which datagrams were sent again, as far as the headers show it. */
export class Repeats {
  readonly #firstWithToken = new Map<bigint, number>();

  /** How often the packet of this datagram had been sent before. */
  of({ header }: Passage): number {
    if (header === undefined || header.attempt === 0) return 0;
    return header.attempt - (header.hasToken ? this.#firstAttempt(header) : 1);
  }

  // The HELLO that brings the token back is another packet, but its attempts are counted on.
  #firstAttempt({ id, attempt }: Header): number {
    if (this.#firstWithToken.size > MAX_HANDSHAKES) this.#firstWithToken.clear();
    const first = Math.min(attempt, this.#firstWithToken.get(id) ?? attempt);
    this.#firstWithToken.set(id, first);
    return first;
  }
}
