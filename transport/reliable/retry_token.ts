/**
 * Proof of address (RFC 9000 §8.1.2): a client that returns a token receives at the address that the token
 * was sent to. The server keeps two secrets and no state for each client.
 *
 * @module
 */
import { constantTimeEqual, encodeText } from "../bytes.ts";
import type { Address, Randomness } from "../endpoint.ts";

/** How long one secret makes tokens, in ms. It is accepted for as long again. */
export const TOKEN_EPOCH_MS = 120_000;

const [EPOCH_BYTES, MAC_BYTES, SECRET_BYTES] = [4, 32, 32];

/** HMAC-SHA-256 (RFC 2104) of `data` under `key`: 32 bytes. */
export type Hmac = (key: Uint8Array, data: Uint8Array) => Uint8Array;

/** Primitives for {@linkcode RetryTokens}. */
export interface RetryTokenOptions extends Pick<Randomness, "randomBytes"> {
  /** HMAC-SHA-256. */
  readonly hmac: Hmac;
}

/** Mints tokens, and checks those that come back. Only the server's own clock judges their age. */
export class RetryTokens {
  readonly #options: RetryTokenOptions;
  /** The secrets of this epoch and of the one before. */
  readonly #secrets = new Map<number, Uint8Array>();

  /** Starts without a secret: the first is drawn when the first token is minted. */
  constructor(options: RetryTokenOptions) {
    this.#options = options;
  }

  /** The token for a client at that address with that nonce: the same one throughout an epoch. */
  mint(address: Address, nonce: bigint, now: number): Uint8Array {
    const epoch = this.#rotate(now);
    return this.#token(this.#secrets.get(epoch)!, epoch, address, nonce);
  }

  /** Whether this server minted the token for that address and nonce, and not too long ago. */
  check(token: Uint8Array, address: Address, nonce: bigint, now: number): boolean {
    if (token.length !== EPOCH_BYTES + MAC_BYTES) return false;
    this.#rotate(now);
    const epoch = new DataView(token.buffer, token.byteOffset).getUint32(0);
    const secret = this.#secrets.get(epoch);
    if (secret === undefined) return false;
    return constantTimeEqual(token, this.#token(secret, epoch, address, nonce));
  }

  /** The present epoch, which has a secret now. */
  #rotate(now: number): number {
    const present = Math.floor(now / TOKEN_EPOCH_MS);
    if (this.#secrets.has(present)) return present;
    for (const epoch of this.#secrets.keys()) {
      if (epoch < present - 1) this.#secrets.delete(epoch);
    }
    this.#secrets.set(present, this.#options.randomBytes(SECRET_BYTES));
    return present;
  }

  #token(secret: Uint8Array, epoch: number, address: Address, nonce: bigint): Uint8Array {
    const { hostname, port } = address;
    const token = new Uint8Array(EPOCH_BYTES + MAC_BYTES);
    new DataView(token.buffer).setUint32(0, epoch);
    // No number has a space in it: no two inputs encode to the same bytes.
    const text = encodeText(`${epoch} ${nonce} ${port} ${hostname}`);
    token.set(this.#options.hmac(secret, text), EPOCH_BYTES);
    return token;
  }
}
