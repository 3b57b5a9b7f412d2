/**
 * How many guesses at the code of a private room a server lets anybody make. An exchange that a client does
 * not confirm is a guess: only the client learns from it, and it learns about one code.
 *
 * @module
 */
import { TokenBucket } from "../limits.ts";

/** Unconfirmed exchanges at once with one network: an IPv4 address, or an IPv6 prefix of 64 bits. */
export const MAX_GUESSES_OF_NETWORK = 10;

/** Pause after which a network may make one more, in ms. */
export const GUESS_PAUSE_OF_NETWORK_MS = 5_000;

/** Unconfirmed exchanges at once with all. Half of them are for networks that are not suspect. */
export const MAX_GUESSES = 100;

/** Pause after which all may make one more, in ms. */
export const GUESS_PAUSE_MS = 1_000;

/** How long a network, with those of its owner, is suspect after an exchange that it did not confirm, in ms. */
export const SUSPICION_MS = 3_600_000;

class GuessingNetwork {
  readonly bucket = new TokenBucket(MAX_GUESSES_OF_NETWORK, GUESS_PAUSE_OF_NETWORK_MS);
  /** Exchanges that are neither confirmed nor given up. */
  pending = 0;
  suspectUntil = -Infinity;
}

/** Counts the exchanges of each network, and of all. What it keeps is bounded by what it allows. */
export class GuessLimit {
  readonly #all = new TokenBucket(MAX_GUESSES, GUESS_PAUSE_MS);
  // Suspects in the order in which that ends.
  readonly #networks = new Map<string, GuessingNetwork>();
  // Until when the owner of a network is suspect, whichever of its networks it comes from.
  readonly #suspects = new Map<string, number>();

  /** Networks in memory. */
  get size(): number {
    return this.#networks.size;
  }

  /** Counts one more exchange with a network, by its name, unless it has to wait. */
  begin(name: string, now: number): boolean {
    const network = this.#networks.get(name) ?? new GuessingNetwork();
    const isSuspect = (this.#suspects.get(ownerOf(name)) ?? -Infinity) > now;
    const reserved = isSuspect ? MAX_GUESSES / 2 : 0;
    if (this.#all.left(now) < reserved + 1 || network.bucket.left(now) < 1) return false;
    this.#all.add(-1);
    network.bucket.add(-1);
    network.pending++;
    this.#networks.set(name, network);
    return true;
  }

  /** The client confirmed: it has the code, and the exchange was no guess. */
  confirm(name: string): void {
    const network = this.#networks.get(name)!;
    this.#all.add(1);
    network.bucket.add(1);
    if (--network.pending === 0 && network.suspectUntil === -Infinity) this.#networks.delete(name);
  }

  /** The exchange is given up: it was a guess. */
  giveUp(name: string, now: number): void {
    const network = this.#networks.get(name)!;
    network.pending--;
    network.suspectUntil = now + SUSPICION_MS;
    this.#networks.delete(name);
    this.#networks.set(name, network);
    this.#suspects.set(ownerOf(name), network.suspectUntil);
    for (const [oldest, { pending, suspectUntil }] of this.#networks) {
      if (pending > 0 || suspectUntil > now) break;
      this.#networks.delete(oldest);
      if (this.#suspects.get(ownerOf(oldest))! <= now) this.#suspects.delete(ownerOf(oldest));
    }
  }
}

/** An IPv4 address, or the IPv6 prefix of 48 bits: one site gets no more, as a rule (RFC 6177 §2). */
function ownerOf(network: string): string {
  return network.split(":", 3).join(":");
}
