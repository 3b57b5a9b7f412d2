/**
 * Datagrams that went wrong on the way, or never were right.
 *
 * @module
 */
import { seededBytes } from "../laboratory/random.ts";
import { HEADER_BYTES, MAX_DATAGRAM_BYTES } from "../transport/reliable/packet.ts";

/** Offsets of the session id in a datagram. */
const ID_START = 8;
const ID_END = 16;

/** Random bytes of any length up to somewhat more than a datagram may have. */
export function randomDatagram(random: () => number): Uint8Array {
  const most = random() < 0.5 ? HEADER_BYTES * 2 : MAX_DATAGRAM_BYTES + 8;
  return seededBytes(random, Math.floor(random() * most));
}

/** A copy of a datagram in which one thing is wrong: bytes, length, or a piece of another one. */
export function mutate(
  datagram: Uint8Array,
  splice: Uint8Array,
  random: () => number,
): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  switch (below(4)) {
    case 0: {
      const mutant = datagram.slice();
      for (let bytes = 1 + below(3); bytes > 0; bytes--) {
        mutant[below(mutant.length)]! ^= 1 << below(8);
      }
      return mutant;
    }
    case 1: {
      const mutant = datagram.slice();
      mutant[below(Math.min(HEADER_BYTES, mutant.length))] = below(256);
      return mutant;
    }
    case 2:
      return datagram.slice(0, below(datagram.length + 1));
    default: {
      const cut = below(datagram.length + 1);
      return Uint8Array.of(...datagram.subarray(0, cut), ...splice.subarray(below(splice.length)));
    }
  }
}

/** The same bytes under another session id, as far as they are long enough to have one. */
export function withId(datagram: Uint8Array, id: bigint): Uint8Array {
  const changed = datagram.slice();
  if (changed.length >= ID_END) new DataView(changed.buffer).setBigUint64(ID_START, id);
  return changed;
}
