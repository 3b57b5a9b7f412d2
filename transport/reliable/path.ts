/**
 * The addresses of a client, which may move: a session follows its id (RFC 9000 §9).
 *
 * @module
 */
import { constantTimeEqual } from "../bytes.ts";
import type { Address } from "../endpoint.ts";

/** Addresses that need no new proof when the client comes back to them. */
const MAX_PROVED = 4;

/** Challenges that an address gets before it is forgotten. */
const MAX_CHALLENGES = 3;

/** Bytes that may be sent to an unproved address for each byte received from it (RFC 9000 §8). */
const UNPROVED_FACTOR = 3;

/** An address that has yet to prove that the client receives there. */
interface Candidate {
  readonly address: Address;
  /** Bytes that the client has to echo (RFC 9000 §8.2). */
  readonly challenge: Uint8Array;
  /** Challenges sent to it. */
  attempt: number;
  /** Bytes that may still be sent to it. */
  allowance: number;
  /** When the next challenge is due, in ms. */
  deadline: number;
}

/** The proved addresses of a client that has been heard from several, and one to be proved. */
export class Paths {
  /** The latest first. */
  readonly #proved: Address[];
  #candidate: Candidate | undefined;

  /** Starts with the address that opened the session. */
  constructor(proved: Address) {
    this.#proved = [proved];
  }

  /** When a challenge is due, in ms. */
  get nextTimeout(): number {
    return this.#candidate?.deadline ?? Infinity;
  }

  /** The client was heard from an address: that, if it is proved. `draw` makes the challenge for a new one. */
  heard(from: Address, bytes: number, now: number, draw: () => Uint8Array): Address | undefined {
    const known = this.#proved.find((it) => isSame(it, from));
    if (known !== undefined) return known;
    const allowance = UNPROVED_FACTOR * bytes;
    const candidate = this.#candidate;
    if (candidate !== undefined && isSame(candidate.address, from)) {
      candidate.allowance += allowance;
    } else if (candidate === undefined || now >= candidate.deadline) {
      // One that was asked a moment ago has its time to answer.
      this.#candidate = { address: from, challenge: draw(), attempt: 0, allowance, deadline: now };
    }
    return undefined;
  }

  /** The candidate to send a challenge to now, or none. It is forgotten after its last. */
  due(now: number, timeout: number): Candidate | undefined {
    const candidate = this.#candidate;
    if (candidate === undefined || candidate.deadline > now) return undefined;
    candidate.deadline = now + timeout;
    if (++candidate.attempt <= MAX_CHALLENGES) return candidate;
    this.#candidate = undefined;
    return undefined;
  }

  /** The address that is proved by an echo, wherever that came from; none if there was no such challenge. */
  prove(echo: Uint8Array): Address | undefined {
    const candidate = this.#candidate;
    if (candidate === undefined || !constantTimeEqual(candidate.challenge, echo)) return undefined;
    this.#candidate = undefined;
    this.#proved.unshift(candidate.address);
    this.#proved.splice(MAX_PROVED);
    return candidate.address;
  }
}

/** Whether two addresses are the same. */
export function isSame(a: Address, b: Address): boolean {
  return a.port === b.port && a.hostname === b.hostname;
}
