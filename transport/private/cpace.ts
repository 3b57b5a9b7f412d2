/**
 * CPace (draft-irtf-cfrg-cpace-21), ciphersuite CPACE-RISTR255-SHA512, initiator-responder: two ends that
 * share a short secret agree on a key. A recording of the exchange gives nothing to test a guess on; a guess
 * costs an exchange of one's own.
 *
 * ```text
 * client (initiator, A)                        server (responder, B)
 *          g = a point drawn from the code, the roles and sid
 * ya at random, Ya = ya·g  ------ Ya, ADa ----->
 *                          <--- Yb, ADb, Tb ---  yb at random, Yb = yb·g
 * K = ya·Yb                                    K = yb·Ya
 *          ISK = hash of sid, K and all that was said
 * ```
 *
 * @module
 */
import { concat } from "../bytes.ts";

type Bytes = Uint8Array;

/** The part of libsodium that a private room uses; `libsodium-wrappers-sumo` fits once it is loaded. */
export interface Sodium {
  /** SHA-512 (FIPS 180-4). */
  crypto_hash_sha512(message: Bytes): Bytes;
  /** HMAC-SHA-512 (RFC 2104) of the pieces that follow, under a key of any length. */
  crypto_auth_hmacsha512_init(key: Bytes): unknown;
  crypto_auth_hmacsha512_update(state: unknown, piece: Bytes): void;
  crypto_auth_hmacsha512_final(state: unknown): Bytes;
  /** The one-way map of 64 uniform bytes to a point (RFC 9496 §4.3.4). */
  crypto_core_ristretto255_from_hash(hash: Bytes): Bytes;
  /** 64 bytes as a scalar modulo the order of the group. */
  crypto_core_ristretto255_scalar_reduce(bytes: Bytes): Bytes;
  /** Scalar times point. Throws for bytes that are no point, and for the neutral result. */
  crypto_scalarmult_ristretto255(scalar: Bytes, point: Bytes): Bytes;
  /** ChaCha20-Poly1305 (RFC 8439 §2.8): text, additional data, nothing, nonce and key. */
  crypto_aead_chacha20poly1305_ietf_encrypt(...text: [Bytes, Bytes, null, Bytes, Bytes]): Bytes;
  /** Its inverse: nothing, ciphertext, additional data, nonce and key. Throws for another tag. */
  crypto_aead_chacha20poly1305_ietf_decrypt(...sealed: [null, Bytes, Bytes, Bytes, Bytes]): Bytes;
  /** Overwrites with zeros. */
  memzero(bytes: Bytes): void;
}

/** Bytes of a share, which is an encoded point, and random bytes that make a scalar. */
export const [SHARE_BYTES, SCALAR_SEED_BYTES] = [32, 64] as const;

const SHA512_BLOCK_BYTES = 128;
const UTF8 = new TextEncoder();
const DSI = UTF8.encode("CPaceRistretto255");
const DSI_ISK = UTF8.encode("CPaceRistretto255_ISK");
const MAC_LABEL = UTF8.encode("CPaceMac");

/** One end's message: its share Ya or Yb, and the associated data ADa or ADb. */
export type Message = Readonly<Record<"share" | "data", Bytes>>;

/** The draft's `lv_cat`: each piece behind its length in LEB128, so that no two lists come out alike. */
export function lvCat(...pieces: readonly Bytes[]): Bytes {
  return concat(pieces.flatMap(prepended));
}

/** The generator that password PRS, channel identifier CI and session identifier `sid` yield. */
export function generator(
  sodium: Sodium,
  { prs, ci, sid }: Record<"prs" | "ci" | "sid", Bytes>,
): Bytes {
  // The password fills the first block of the hash, whatever its length.
  const padding = SHA512_BLOCK_BYTES - 1 - lvCat(prs).length - lvCat(DSI).length;
  const text = lvCat(DSI, prs, new Uint8Array(Math.max(0, padding)), ci, sid);
  return sodium.crypto_core_ristretto255_from_hash(sodium.crypto_hash_sha512(text));
}

/** The draft's `scalar_mult_vfy`: nothing for what is no point or comes to the neutral one. */
export function multiply(sodium: Sodium, scalar: Bytes, point: Bytes): Bytes | undefined {
  return attempt(() => sodium.crypto_scalarmult_ristretto255(scalar, point));
}

/** The result of a call to libsodium, or nothing where it throws. */
export function attempt(call: () => Bytes): Bytes | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** The intermediate session key ISK: 64 bytes. */
export function sessionKey(
  sodium: Sodium,
  { sid, k, a, b }: { sid: Bytes; k: Bytes; a: Message; b: Message },
): Bytes {
  const text = lvCat(DSI_ISK, sid, k, a.share, a.data, b.share, b.data);
  const isk = sodium.crypto_hash_sha512(text);
  sodium.memzero(text);
  return isk;
}

/** The tag with which the end that sent `message` shows that it has the ISK ("Key confirmation"). */
export function confirmation(
  sodium: Sodium,
  { sid, isk, message }: { sid: Bytes; isk: Bytes; message: Message },
): Bytes {
  const text = concat([MAC_LABEL, sid, isk]);
  const key = sodium.crypto_hash_sha512(text);
  const tag = hmac(sodium, key, lvCat(message.share, message.data));
  sodium.memzero(text);
  sodium.memzero(key);
  return tag;
}

/** HMAC-SHA-512. */
export function hmac(sodium: Sodium, key: Bytes, data: Bytes): Bytes {
  const state = sodium.crypto_auth_hmacsha512_init(key);
  sodium.crypto_auth_hmacsha512_update(state, data);
  return sodium.crypto_auth_hmacsha512_final(state);
}

function prepended(piece: Bytes): Bytes[] {
  const digits: number[] = [];
  let { length } = piece;
  for (; length > 127; length >>= 7) digits.push(length & 127 | 128);
  return [Uint8Array.of(...digits, length), piece];
}
