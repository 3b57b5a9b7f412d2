/**
 * A room for those who know its code: `Noise_NNpsk0_25519_ChaChaPoly_SHA256` for the handshake, and
 * WireGuard's ways for what comes after it (https://www.wireguard.com/papers/wireguard.pdf §5.4).
 *
 * A datagram in its seal, every number with its highest byte first:
 *
 * ```
 * +-----------------------+---------+------------+-----+
 * | header                | counter | ciphertext | tag |
 * | 24, readable,         | 8       | as long as | 16  |
 * | authenticated         |         | the payload|     |
 * +-----------------------+---------+------------+-----+
 * ```
 *
 * The counter is the nonce: it counts the datagrams of one direction from 0, under that direction's
 * key. A datagram that is sent again is a new one with a new counter.
 *
 * @module
 */
import { allocate, constantTimeEqual, Views } from "../bytes.ts";
import { type CipherState, Handshake, type Primitives, type Transport } from "./noise.ts";
import { HEADER_BYTES, MAX_DATAGRAM_BYTES, SEAL_BYTES } from "../reliable/packet.ts";
import type { Room, Seal } from "../reliable/seal.ts";

/** How far behind the newest datagram one may arrive, in datagrams. */
export const REPLAY_WINDOW = 2016;

const COUNTER_BYTES = 8;
const written = new Views();
const read = new Views();
// Both ends have to mean the same by what they send: this goes up with the version of the wire.
const PROLOGUE = new TextEncoder().encode("preguntas: private room, protocol version 2");

/**
 * The room of those who share a key.
 *
 * @example
 * ```ts
 * import { nodePrimitives } from "./crypto.ts";
 * import { privateRoom } from "./private_room.ts";
 * import { roomKey } from "./code.ts";
 *
 * const primitives = nodePrimitives();
 * const room = privateRoom(await roomKey("7K3M-9QXT-0B4D-HZ6W", primitives), primitives);
 * const fields = new Uint8Array(4);
 * const { keyShare } = room.initiate(fields);
 * console.log(typeof room.respond({ keyShare, fields }, new Uint8Array(12))); // "object"
 * ```
 *
 * @param psk The room's key, 32 bytes, of `roomKey`.
 * @param primitives The cryptography, with the cipher `ChaChaPoly`.
 * @throws {RangeError} If the key has another length, when the room is first used.
 */
export function privateRoom(psk: Uint8Array, primitives: Primitives): Room {
  const common = { psk, prologue: PROLOGUE, primitives };
  return {
    initiate(fields) {
      const handshake = new Handshake({ role: "initiator", ...common });
      return {
        // Only what an answer brings can fail to agree.
        keyShare: handshake.writeMessage(fields)!,
        complete(keyShare, welcomeFields) {
          if (handshake.isComplete) return undefined;
          const payload = handshake.readMessage(
            keyShare,
            (it) => constantTimeEqual(it, welcomeFields),
          );
          return payload && new PrivateSeal(handshake.split());
        },
      };
    },
    respond(hello, fields) {
      if (hello.keyShare.length === 0) return "private";
      const handshake = new Handshake({ role: "responder", ...common });
      const payload = handshake.readMessage(
        hello.keyShare,
        (it) => constantTimeEqual(it, hello.fields),
      );
      const keyShare = payload && handshake.writeMessage(fields);
      if (keyShare === undefined) return "wrong-code";
      return { keyShare, seal: new PrivateSeal(handshake.split()) };
    },
  };
}

/** The keys of one end of a conversation, and which datagrams it has opened. */
export class PrivateSeal implements Seal {
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  readonly #window = new ReplayWindow();

  /** Takes the keys over: the caller must not use them any more. */
  constructor({ sending, receiving }: Pick<Transport, "sending" | "receiving">) {
    this.#sending = sending;
    this.#receiving = receiving;
  }

  /**
   * The datagram under the next counter.
   *
   * @throws {RangeError} If the counters are used up, after 2^53 - 1 datagrams.
   */
  seal(datagram: Uint8Array): Uint8Array {
    const header = datagram.subarray(0, HEADER_BYTES);
    const counter = this.#sending.nonce;
    const payload = datagram.subarray(HEADER_BYTES);
    const sealed = this.#sending.encryptWithAd(header, payload, HEADER_BYTES + COUNTER_BYTES);
    sealed.set(header);
    const view = written.of(sealed);
    const at = sealed.byteOffset + HEADER_BYTES;
    view.setUint32(at, counter / 2 ** 32);
    view.setUint32(at + 4, counter);
    return sealed;
  }

  /** Opens a datagram that the other end sealed, once. It never throws. */
  open(datagram: Uint8Array): Uint8Array | undefined {
    const { length } = datagram;
    if (length < HEADER_BYTES + SEAL_BYTES || length > MAX_DATAGRAM_BYTES) return undefined;
    const view = read.of(datagram);
    const at = datagram.byteOffset + HEADER_BYTES;
    const counter = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    const header = datagram.subarray(0, HEADER_BYTES);
    this.#receiving.setNonce(counter);
    const ciphertext = datagram.subarray(HEADER_BYTES + COUNTER_BYTES);
    const payload = this.#receiving.decryptWithAd(header, ciphertext);
    // Only what is authentic may move the window (RFC 4303 §3.4.3).
    if (payload === undefined || !this.#window.accept(counter)) return undefined;
    const opened = allocate(HEADER_BYTES + payload.length);
    opened.set(header);
    opened.set(payload, HEADER_BYTES);
    return opened;
  }
}

const BLOCK_BITS = 32;
/** One block more than the window: the newest is only partly filled (RFC 6479 §2). */
const BLOCKS = REPLAY_WINDOW / BLOCK_BITS + 1;

/** Which counters were seen: a ring of bits that is cleared block by block (RFC 6479 §2). */
export class ReplayWindow {
  readonly #blocks = new Uint32Array(BLOCKS);
  #newest = -1;

  /**
   * Takes a counter down.
   *
   * @param counter An integer, 0 or more.
   * @returns Whether it was not seen before, and is less than {@linkcode REPLAY_WINDOW} behind the
   * newest.
   */
  accept(counter: number): boolean {
    if (this.#newest - counter >= REPLAY_WINDOW) return false;
    const block = Math.floor(counter / BLOCK_BITS);
    if (counter > this.#newest) {
      const newestBlock = Math.floor(this.#newest / BLOCK_BITS);
      const passed = Math.min(block - newestBlock, BLOCKS);
      for (let i = 0; i < passed; i++) this.#blocks[(block - i) % BLOCKS] = 0;
      this.#newest = counter;
    }
    const bit = 1 << counter % BLOCK_BITS;
    const seen = this.#blocks[block % BLOCKS]!;
    this.#blocks[block % BLOCKS] = seen | bit;
    return (seen & bit) === 0;
  }
}
