/**
 * Datagrams for fuzzing: sound ones that went wrong on the way, and those that never were sound.
 *
 * @module
 */
import { encode, encodeHello, encodeWelcome, HEADER_BYTES } from "../transport/reliable/packet.ts";
import {
  MAX_DATAGRAM_BYTES,
  MAX_SEGMENT_BYTES,
  MAX_TOKEN_BYTES,
} from "../transport/reliable/packet.ts";
import type { PacketType } from "../transport/reliable/packet.ts";
import type { Dice } from "./fuzz_dice.ts";

/** Somewhat more than any datagram may have, so that too long ones are made too. */
const MOST_BYTES = MAX_DATAGRAM_BYTES + 16;

/** Offsets of the fields of the header. */
const TYPE_AT = 4;
const ID_AT = 8;
const ID_END = 16;

const NOTHING = new Uint8Array(0);

const TYPES: readonly PacketType[] = [
  ...["hello", "retry", "welcome", "refuse", "message", "ack"] as const,
  ...["ping", "pong", "bye", "bye-ack", "reset", "notice", "notice-ack"] as const,
];

/** The id in a datagram, if it is long enough to have one. */
function idOf(datagram: Uint8Array): bigint | undefined {
  if (datagram.length < ID_END) return undefined;
  return new DataView(datagram.buffer, datagram.byteOffset).getBigUint64(ID_AT);
}

/**
 * Makes datagrams, all in one buffer and at any place in it: each is overwritten by the next, as in a
 * driver that reuses the buffer it receives in. A view of one that is kept will change.
 */
export class DatagramMaker {
  readonly #buffer = new Uint8Array(MOST_BYTES + 8);
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** The same bytes. */
  copy(datagram: Uint8Array): Uint8Array {
    const place = this.#place(datagram.length);
    place.set(datagram);
    return place;
  }

  /** Random bytes; half of the time behind a header that is sound. */
  noise(): Uint8Array {
    const dice = this.#dice;
    const length = dice.below(dice.chance(0.8) ? 3 * HEADER_BYTES : MOST_BYTES);
    const place = this.#place(length);
    this.#fill(place);
    if (dice.chance(0.5) || length < HEADER_BYTES) return place;
    place.set([0x50, 0x79, 0x52, 1, 1 + dice.below(TYPES.length)]);
    return place;
  }

  /** One of these datagrams in which something is wrong, or a piece of one and a piece of another. */
  wrong(sound: readonly Uint8Array[]): Uint8Array {
    const dice = this.#dice;
    const one = dice.pick(sound);
    switch (dice.below(8)) {
      case 0:
        return this.copy(one.subarray(0, dice.below(one.length + 1)));
      case 1:
        return this.#splice(one, NOTHING);
      case 2:
        return this.#splice(one, dice.pick(sound));
      case 3:
        return this.#join(one, dice.pick(sound), dice.below(one.length + 1));
      default:
        return this.#mutate(this.copy(one));
    }
  }

  /** A packet of that id that obeys the layout, with fields that are likely to be taken. */
  forged(id: bigint): Uint8Array {
    const dice = this.#dice;
    const type = dice.pick(TYPES);
    const lastSegment = dice.chance(0.7) ? 0 : dice.below(61);
    const segment = dice.chance(0.8) ? Math.min(dice.below(3), lastSegment) : lastSegment;
    const packet = encode({
      type,
      id,
      attempt: dice.chance(0.8) ? 1 + dice.below(3) : dice.byte(),
      echo: dice.chance(0.8) ? dice.below(4) : dice.byte(),
      ackDelay: dice.byte(),
      number: dice.chance(0.9) ? dice.below(8) : dice.word(),
      segment: type === "message" || dice.chance(0.1) ? segment : 0,
      lastSegment: type === "message" || dice.chance(0.1) ? lastSegment : 0,
      ahead: dice.chance(0.5) ? 0 : dice.below(65_536),
      payload: this.#payload(type, segment < lastSegment),
    });
    return this.copy(packet);
  }

  /** Flips one bit of the id of a datagram if it is one of those. */
  without(ids: ReadonlySet<bigint>, datagram: Uint8Array): Uint8Array {
    for (let id = idOf(datagram); id !== undefined && ids.has(id); id = idOf(datagram)) {
      datagram[ID_AT + this.#dice.below(ID_END - ID_AT)]! ^= 1 << this.#dice.below(8);
    }
    return datagram;
  }

  #payload(type: PacketType, isFull: boolean): Uint8Array {
    const dice = this.#dice;
    switch (type) {
      case "hello": {
        const token = this.#bytes(dice.chance(0.5) ? 36 : dice.below(MAX_TOKEN_BYTES + 1));
        return encodeHello({ idleTimeout: this.#time(), token, keyShare: NOTHING });
      }
      case "retry":
        return this.#bytes(1 + dice.below(MAX_TOKEN_BYTES));
      case "welcome": {
        const sessionId = dice.id();
        return encodeWelcome({ sessionId, idleTimeout: this.#time(), keyShare: NOTHING });
      }
      case "refuse":
      case "bye":
        return Uint8Array.of(dice.byte());
      case "message":
        return this.#text(isFull ? MAX_SEGMENT_BYTES : dice.below(100));
      default:
        return NOTHING;
    }
  }

  #mutate(datagram: Uint8Array): Uint8Array {
    const dice = this.#dice;
    if (datagram.length === 0) return datagram;
    const header = Math.min(HEADER_BYTES, datagram.length);
    for (let changes = 1 + dice.below(3); changes > 0; changes--) {
      const at = dice.below(dice.chance(0.7) ? header : datagram.length);
      switch (dice.below(4)) {
        case 0:
          datagram[at]! ^= 1 << dice.below(8);
          break;
        case 1:
          datagram[at] = dice.byte();
          break;
        case 2:
          datagram[at]! += dice.chance(0.5) ? 1 : -1;
          break;
        default:
          if (datagram.length > TYPE_AT) datagram[TYPE_AT] = dice.below(TYPES.length + 2);
      }
    }
    return datagram;
  }

  // The header of one and, in place of the rest or behind it, anything.
  #splice(one: Uint8Array, other: Uint8Array): Uint8Array {
    const tail = other.length > 0 ? other : this.#bytes(1 + this.#dice.below(40));
    const at = this.#dice.chance(0.5) ? one.length : Math.min(HEADER_BYTES, one.length);
    return this.#join(one, tail, at);
  }

  #join(one: Uint8Array, other: Uint8Array, at: number): Uint8Array {
    // Like ends on like as often as not: a packet with the payload of another.
    const from = this.#dice.chance(0.5)
      ? Math.min(at, other.length)
      : this.#dice.below(other.length);
    const length = Math.min(MOST_BYTES, at + other.length - from);
    const place = this.#place(length);
    place.set(one.subarray(0, Math.min(at, length)));
    place.set(other.subarray(from, from + length - Math.min(at, length)), Math.min(at, length));
    return place;
  }

  #time(): number {
    return this.#dice.chance(0.5) ? 75_000 : this.#dice.pick([0, 1, 1000, this.#dice.word()]);
  }

  // A little of it is not UTF-8.
  #text(length: number): Uint8Array {
    const text = new Uint8Array(length).fill(0x61);
    if (length > 0 && this.#dice.chance(0.2)) text[this.#dice.below(length)] = this.#dice.byte();
    return text;
  }

  #bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#fill(bytes);
    return bytes;
  }

  #fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 4) {
      const word = this.#dice.word();
      bytes[at] = word;
      bytes[at + 1] = word >>> 8;
      bytes[at + 2] = word >>> 16;
      bytes[at + 3] = word >>> 24;
    }
  }

  #place(length: number): Uint8Array {
    const start = this.#dice.below(8);
    return this.#buffer.subarray(start, start + length);
  }
}
