/**
 * The types of packets, for the tests of the wire.
 *
 * @module
 */

import type { PacketType } from "../transport/reliable/packet.ts";

/** A type of packet, its code, and how long its payload may be without a name, in bytes. */
export interface TypeCase {
  readonly type: PacketType;
  readonly code: number;
  readonly minPayload: number;
  readonly maxPayload: number;
}

/** The numbers of the wire, written down once more: a change of one breaks every other version. */
export const WIRE_TYPES: readonly TypeCase[] = [
  { type: "hello", code: 1, minPayload: 136, maxPayload: 136 },
  { type: "retry", code: 2, minPayload: 1, maxPayload: 36 },
  { type: "welcome", code: 3, minPayload: 12, maxPayload: 108 },
  { type: "refuse", code: 4, minPayload: 1, maxPayload: 1 },
  { type: "message", code: 5, minPayload: 0, maxPayload: 1104 },
  { type: "ack", code: 6, minPayload: 0, maxPayload: 0 },
  { type: "ping", code: 7, minPayload: 0, maxPayload: 8 },
  { type: "pong", code: 8, minPayload: 0, maxPayload: 8 },
  { type: "bye", code: 9, minPayload: 1, maxPayload: 1 },
  { type: "bye-ack", code: 10, minPayload: 0, maxPayload: 0 },
  { type: "reset", code: 11, minPayload: 0, maxPayload: 0 },
  { type: "notice", code: 12, minPayload: 0, maxPayload: 1000 },
  { type: "notice-ack", code: 13, minPayload: 0, maxPayload: 0 },
];

/** Bytes of which no two neighbours are the same. */
export function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 + 1);
}
