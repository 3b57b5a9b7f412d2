/**
 * HMAC-SHA-256 for the retry tokens, on this platform. `node:crypto` would take longer to load, and
 * leaves native memory behind for each of the many that a flood of HELLOs wants.
 *
 * @module
 */
import type { Hmac } from "./retry_token.ts";

/** The function, which nobody may call before it is ready. */
export class TokenHmac {
  /** Settles when it is loaded, which who only asks or waits for a first prompt need not wait for. */
  readonly ready: Promise<void> = this.#load();
  #hmac: Hmac | undefined;

  /** HMAC-SHA-256 (RFC 2104). */
  readonly compute: Hmac = (key, data) => this.#hmac!(key, data);

  async #load(): Promise<void> {
    const [{ hmac }, { sha256 }] = await Promise.all([
      import("@noble/hashes/hmac.js"),
      import("@noble/hashes/sha2.js"),
    ]);
    this.#hmac = (key, data) => hmac(sha256, key, data);
  }
}
