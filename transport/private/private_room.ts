/**
 * A room for those who know its code: CPace agrees on the keys, ChaCha20-Poly1305 seals what comes after,
 * and WireGuard's way of counting tells a replay (https://www.wireguard.com/papers/wireguard.pdf §5.4).
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
 * The counter is the nonce: it counts the datagrams of one direction from 0. One that is sent again is new.
 *
 * @module
 */
import { allocate, concat, constantTimeEqual, Views } from "../bytes.ts";
import { attempt, confirmation, generator, hmac, lvCat, type Message, multiply } from "./cpace.ts";
import { SCALAR_SEED_BYTES, sessionKey, SHARE_BYTES, type Sodium } from "./cpace.ts";
import { HEADER_BYTES, MAX_DATAGRAM_BYTES, SEAL_BYTES } from "../reliable/packet.ts";
import type { Randomness } from "../endpoint.ts";
import type { Room, Seal } from "../reliable/seal.ts";

/** How far behind the newest datagram one may arrive, in datagrams. */
export const REPLAY_WINDOW = 2016;

/** The counter at which a key is used up: beyond 2^53 a number is not exact. */
export const COUNTER_LIMIT: number = Number.MAX_SAFE_INTEGER;

const COUNTER_BYTES = 8;
// CPace's `sid` is the nonce of the HELLO, the first of its readable fields; its CI are the two roles.
const SID_BYTES = 8;
const UTF8 = new TextEncoder();
const CI = lvCat(UTF8.encode("preguntas 2: client"), UTF8.encode("preguntas 2: server"));
// The info of HKDF-Expand (RFC 5869 §2.3), and the number of its only block.
const KEYS_INFO = UTF8.encode("preguntas 2: keys\x01");

/**
 * The room of those who know a code. The readable fields of HELLO and WELCOME are the associated data: nonce,
 * session id and both idle timeouts have to be what their senders wrote.
 *
 * @param code The code, as `normaliseRoomCode` writes it.
 */
export function privateRoom(
  code: string,
  sodium: Sodium,
  { randomBytes }: Pick<Randomness, "randomBytes">,
): Room {
  const prs = UTF8.encode(code);
  const generate = (hello: Uint8Array) =>
    generator(sodium, { prs, ci: CI, sid: hello.subarray(0, SID_BYTES) });
  const drawScalar = () => {
    const seed = randomBytes(SCALAR_SEED_BYTES);
    const scalar = sodium.crypto_core_ristretto255_scalar_reduce(seed);
    sodium.memzero(seed);
    return scalar;
  };
  // The server's tag and the two keys, client to server first.
  const agree = (k: Uint8Array, a: Message, b: Message) => {
    const sid = a.data.subarray(0, SID_BYTES);
    const isk = sessionKey(sodium, { sid, k, a, b });
    const tag = confirmation(sodium, { sid, isk, message: b });
    const keys = hmac(sodium, isk, KEYS_INFO);
    sodium.memzero(k);
    sodium.memzero(isk);
    return [tag, keys.subarray(0, 32), keys.subarray(32)] as const;
  };
  return {
    isPrivate: true,
    initiate(fields) {
      const scalar = drawScalar();
      const a = { share: multiply(sodium, scalar, generate(fields))!, data: fields };
      return {
        keyShare: a.share,
        complete(keyShare, welcomeFields) {
          const b = { share: keyShare.subarray(0, SHARE_BYTES), data: welcomeFields };
          const k = multiply(sodium, scalar, b.share);
          // From now on it comes to nothing: zero times a point is the neutral one.
          sodium.memzero(scalar);
          if (k === undefined) return undefined;
          const [tag, sending, receiving] = agree(k, a, b);
          const isConfirmed = constantTimeEqual(tag, keyShare.subarray(SHARE_BYTES));
          return isConfirmed ? privateSeal(sodium, { sending, receiving }) : undefined;
        },
      };
    },
    respond(hello, fields) {
      if (hello.keyShare.length === 0) return "private";
      const scalar = drawScalar();
      const k = multiply(sodium, scalar, hello.keyShare);
      const share = k && multiply(sodium, scalar, generate(hello.fields))!;
      sodium.memzero(scalar);
      if (k === undefined || share === undefined) return undefined;
      const a = { share: hello.keyShare, data: hello.fields };
      const [tag, receiving, sending] = agree(k, a, { share, data: fields });
      return { keyShare: concat([share, tag]), seal: privateSeal(sodium, { sending, receiving }) };
    },
  };
}

const written = new Views();
const read = new Views();
// Nonce of RFC 8439 §2.8: 32 zero bits, then the counter with its lowest byte first. libsodium copies it.
const nonce = new Uint8Array(12);
const nonceView = new DataView(nonce.buffer);

/** The seal of one end, with a key of 32 bytes for each direction. It counts from `first`. */
export function privateSeal(
  sodium: Sodium,
  { sending, receiving }: Record<"sending" | "receiving", Uint8Array>,
  first = 0,
): Seal {
  const window = new ReplayWindow();
  let next = first;
  return {
    seal(datagram) {
      if (!(next < COUNTER_LIMIT)) throw new RangeError("The counters of a key are used up");
      const counter = next++;
      const header = datagram.subarray(0, HEADER_BYTES);
      const payload = datagram.subarray(HEADER_BYTES);
      const sealing = [payload, header, null, nonceOf(counter), sending] as const;
      const ciphertext = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(...sealing);
      const sealed = allocate(HEADER_BYTES + COUNTER_BYTES + ciphertext.length);
      sealed.set(header);
      sealed.set(ciphertext, HEADER_BYTES + COUNTER_BYTES);
      const view = written.of(sealed);
      const at = sealed.byteOffset + HEADER_BYTES;
      view.setUint32(at, counter / 2 ** 32);
      view.setUint32(at + 4, counter);
      return sealed;
    },
    open(datagram) {
      const { length } = datagram;
      if (length < HEADER_BYTES + SEAL_BYTES || length > MAX_DATAGRAM_BYTES) return undefined;
      const view = read.of(datagram);
      const at = datagram.byteOffset + HEADER_BYTES;
      const counter = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
      if (!(counter < COUNTER_LIMIT)) return undefined;
      const header = datagram.subarray(0, HEADER_BYTES);
      const ciphertext = datagram.subarray(HEADER_BYTES + COUNTER_BYTES);
      const opening = [null, ciphertext, header, nonceOf(counter), receiving] as const;
      const payload = attempt(() => sodium.crypto_aead_chacha20poly1305_ietf_decrypt(...opening));
      // Only what is authentic may move the window (RFC 4303 §3.4.3).
      if (payload === undefined || !window.accept(counter)) return undefined;
      const opened = allocate(HEADER_BYTES + payload.length);
      opened.set(header);
      opened.set(payload, HEADER_BYTES);
      return opened;
    },
  };
}

function nonceOf(counter: number): Uint8Array {
  nonceView.setUint32(4, counter, true);
  nonceView.setUint32(8, counter / 2 ** 32, true);
  return nonce;
}

const BLOCK_BITS = 32;
/** One block more than the window: the newest is only partly filled (RFC 6479 §2). */
const BLOCKS = REPLAY_WINDOW / BLOCK_BITS + 1;

/** Which counters were seen: a ring of bits that is cleared block by block (RFC 6479 §2). */
export class ReplayWindow {
  readonly #blocks = new Uint32Array(BLOCKS);
  #newest = -1;

  /** Takes a counter down: whether it is new, and less than {@linkcode REPLAY_WINDOW} behind the newest. */
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
