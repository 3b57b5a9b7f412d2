/**
 * Datagrams of another kind, which tell of a mistake at one of the two ends.
 *
 * @module
 */
import { decodeText } from "../bytes.ts";
import type { Address } from "../endpoint.ts";
import { OVERLOAD_REPORT_INTERVAL_MS } from "../limits.ts";
import { packetType } from "./packet.ts";

/**
 * A kind of datagram that does not belong at an end: a packet where plain UDP is spoken, or of another
 * version; text where packets are spoken; neither of them. Or an answer of plain UDP from another address of
 * the server, which is taken all the same.
 */
export type ForeignKind = "packet" | "version" | "text" | "binary" | "address";

/** Such a datagram came from there, if the address is not forged. */
export type ForeignEvent = {
  readonly type: "foreign";
  readonly kind: ForeignKind;
  readonly from: Address;
};

/** Tells of each kind once in {@linkcode OVERLOAD_REPORT_INTERVAL_MS}. */
export class ForeignLog {
  readonly #toldAt = new Map<ForeignKind, number>();

  /** The event for a datagram of that kind, unless the kind was told lately. */
  take(kind: ForeignKind, from: Address, now: number): ForeignEvent | undefined {
    if (now < (this.#toldAt.get(kind) ?? -Infinity) + OVERLOAD_REPORT_INTERVAL_MS) return undefined;
    this.#toldAt.set(kind, now);
    return { type: "foreign", kind, from };
  }
}

/** The kind of a datagram that was of no use. */
export function kindOf(datagram: Uint8Array): ForeignKind {
  if (packetType(datagram) !== undefined) return "packet";
  const start = datagram.subarray(0, 64);
  if (start.length > 3 && String.fromCharCode(...start.subarray(0, 3)) === "PyR") return "version";
  // Most noise has a control character; to decode it all would cost much in a flood.
  const isNoise = start.some((byte) => byte < 0x09 || byte > 0x0d && byte < 0x20);
  return isNoise || decodeText(datagram) === undefined ? "binary" : "text";
}
