/**
 * Proof of address (RFC 9000 §8.1.2): a client that returns a token receives at the address that the token
 * was sent to. The server keeps two secrets and no state for each client.
 *
 * @module
 */
import { constantTimeEqual, EMPTY, encodeText } from "../bytes.ts";
import type { Address, Randomness } from "../endpoint.ts";

/** How long one secret makes tokens, in ms. It is accepted for as long again. */
export const TOKEN_EPOCH_MS = 120_000;

const EPOCH_BYTES = 4;
const MAC_BYTES = 32;
const TOKEN_BYTES = EPOCH_BYTES + MAC_BYTES;
const SECRET_BYTES = 32;

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
  #epoch = -1;
  #secret: Uint8Array = EMPTY;
  #previousSecret: Uint8Array | undefined;

  /** Starts without a secret: the first is drawn when the first token is minted. */
  constructor(options: RetryTokenOptions) {
    this.#options = options;
  }

  /** The token for a client at that address with that nonce: the same one throughout an epoch. */
  mint(address: Address, nonce: bigint, now: number): Uint8Array {
    this.#rotate(now);
    const token = new Uint8Array(TOKEN_BYTES);
    new DataView(token.buffer).setUint32(0, this.#epoch);
    token.set(this.#mac(this.#secret, this.#epoch, address, nonce), EPOCH_BYTES);
    return token;
  }

  /** Whether this server minted the token for that address and nonce, and not too long ago. */
  check(token: Uint8Array, address: Address, nonce: bigint, now: number): boolean {
    if (token.length !== TOKEN_BYTES) return false;
    this.#rotate(now);
    const epoch = new DataView(token.buffer, token.byteOffset).getUint32(0);
    const secret = this.#secretOf(epoch);
    if (secret === undefined) return false;
    return constantTimeEqual(token.subarray(EPOCH_BYTES), this.#mac(secret, epoch, address, nonce));
  }

  #secretOf(epoch: number): Uint8Array | undefined {
    if (epoch === this.#epoch) return this.#secret;
    return epoch === this.#epoch - 1 ? this.#previousSecret : undefined;
  }

  #rotate(now: number): void {
    const epoch = Math.floor(now / TOKEN_EPOCH_MS);
    if (epoch === this.#epoch) return;
    this.#previousSecret = epoch === this.#epoch + 1 && this.#epoch >= 0 ? this.#secret : undefined;
    this.#secret = this.#options.randomBytes(SECRET_BYTES);
    this.#epoch = epoch;
  }

  #mac(secret: Uint8Array, epoch: number, { hostname, port }: Address, nonce: bigint): Uint8Array {
    // No number has a space in it: no two inputs encode to the same bytes.
    return this.#options.hmac(secret, encodeText(`${epoch} ${nonce} ${port} ${hostname}`));
  }
}
