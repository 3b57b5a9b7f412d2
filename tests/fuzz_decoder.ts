/**
 * Fuzzing of the packet decoder.
 *
 * @module
 */
import { assert } from "@std/assert";
import {
  decode,
  decodeHello,
  decodeWelcome,
  encode,
  encodeWelcome,
} from "../transport/reliable/packet.ts";
import {
  HEADER_BYTES,
  MAX_DATAGRAM_BYTES,
  type Packet,
  packetId,
} from "../transport/reliable/packet.ts";
import { packetType } from "../transport/reliable/packet.ts";
import { DatagramMaker } from "./fuzz_datagrams.ts";
import { Dice } from "./fuzz_dice.ts";
import { recordConversations } from "./fuzz_sessions.ts";

const DATAGRAMS = 2000;

/**
 * The packet decoder. Invariants, for any bytes at any place in a buffer:
 *
 * - it gives a packet or nothing, and never throws or changes the bytes;
 * - a packet has its fields in their bounds and, encoded, is those very bytes again;
 * - type and id that are read ahead are those of the packet;
 * - what a HELLO or a WELCOME holds is read in its bounds, and a WELCOME, encoded, is the same again.
 */
export function fuzzDecoder(seed: number): number {
  const dice = new Dice(seed);
  const maker = new DatagramMaker(dice);
  const sound = recordConversations().map(({ datagram }) => datagram);
  for (let count = 0; count < DATAGRAMS; count++) {
    const kind = dice.below(8);
    const datagram = kind === 0
      ? maker.noise()
      : kind === 1
      ? maker.forged(dice.id())
      : kind === 2
      ? maker.copy(dice.pick(sound))
      : maker.wrong([dice.pick(sound), dice.pick(sound)]);
    const before = datagram.slice();
    const packet = decode(datagram);
    assert(isSame(datagram, before), "Bytes were changed");
    if (packet === undefined) continue;
    checkBounds(packet, datagram);
    assert(isSame(encode(packet), datagram), `Encoded, it is another ${packet.type}`);
  }
  return DATAGRAMS;
}

function checkBounds(packet: Packet, datagram: Uint8Array): void {
  const { type, payload } = packet;
  assert(datagram.length <= MAX_DATAGRAM_BYTES, `${datagram.length} bytes`);
  assert(packetType(datagram) === type && packetId(datagram) === packet.id, "Read ahead otherwise");
  assert(payload.length === datagram.length - HEADER_BYTES, "The payload is not the rest");
  if (type === "message") {
    assert(
      packet.segment <= packet.lastSegment && packet.lastSegment < 60,
      "Segments out of bounds",
    );
  }
  if (type === "hello") {
    const hello = decodeHello(payload);
    if (hello === undefined) return;
    assert(hello.token.length === payload[4] && hello.keyShare.length === payload[5], "HELLO");
  }
  if (type === "welcome") {
    assert(isSame(encodeWelcome(decodeWelcome(payload)), payload), "Another WELCOME");
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return false;
  }
  return true;
}
