/**
 * The limits of a server, and reports of what it turned away, each of them rare.
 *
 * @module
 */
import type { Address } from "./endpoint.ts";

/** Sessions that a server holds at once, unless an option says otherwise. */
export const MAX_SESSIONS = 1_000;

/** Sessions that a server holds at once for one IPv4 address or IPv6 /64, unless an option says otherwise. */
export const MAX_SESSIONS_PER_ADDRESS = 250;

/** Questions that may be unanswered at once, unless an option says otherwise. */
export const MAX_QUESTIONS = 1_000;

/** RETRYs a second, and as many RESETs: replies to unproved addresses. No network gets all. */
export const UNPROVED_REPLIES_PER_SECOND = 20_000;

/** Sessions whose addresses are unproved, at once in all. Beyond that, a HELLO needs a retry token. */
export const MAX_HALF_OPEN = 128;

/** The same for one IPv4 address or IPv6 /64. */
export const MAX_HALF_OPEN_OF_NETWORK = 8;

/** How long such a session awaits its first packet, in ms: three times as long as a client tries to connect. */
export const HALF_OPEN_MS = 15_000;

/** Limits of a server of either protocol. */
export interface ServerLimits {
  /** Most clients at once: 1 or more. */
  readonly maxSessions: number;
  /** Most questions that are unanswered at once, of all clients together: 1 or more. */
  readonly maxQuestions: number;
  /** Silence after which a client that waits for no answer is gone, in ms. */
  readonly idleTimeout: number;
}

/** Pause between two overload reports, in ms. */
export const OVERLOAD_REPORT_INTERVAL_MS = 10_000;

/** Refusals by each limit since the last report. */
export interface Overload {
  /** Clients refused because the server was full. */
  sessions: number;
  /** Clients refused because there were too many at their address. */
  sessionsPerAddress: number;
  /** Questions turned away because too many were unanswered. */
  questions: number;
  /** Datagrams of unproved addresses left without a reply. */
  unproved: number;
  /** Guesses at the code of a private room, if there were any. */
  guesses?: Guesses;
}

/** Exchanges of a private room that came to nothing since the last report. */
export interface Guesses {
  /** Clients that found that their code is not the room's. */
  wrong: number;
  /** Exchanges in which nobody showed to have the code. */
  unconfirmed: number;
  /** Clients told to wait, because there were too many of these. */
  waits: number;
  /** The address of the latest. */
  hostname: string;
  /** Wrong and unconfirmed ones since the server started. */
  total: number;
}

/** Counts refusals. A report is due at once, but not before the interval since the last is over. */
export class OverloadLog {
  #overload: Overload | undefined;
  #nextReportAt = -Infinity;
  #guesses = 0;

  /** When the next report is due, in ms; `Infinity` while there is nothing to tell. */
  get nextTimeout(): number {
    return this.#overload === undefined ? Infinity : this.#nextReportAt;
  }

  /** Counts one refusal. */
  count(limit: keyof Omit<Overload, "guesses">): void {
    this.#counts[limit]++;
  }

  /** Counts one exchange of a private room that came to nothing. */
  countGuess(kind: "wrong" | "unconfirmed" | "waits", from: string): void {
    if (kind !== "waits") this.#guesses++;
    const hostname = from.includes(".") ? networkOf(from) : from;
    const none = { wrong: 0, unconfirmed: 0, waits: 0 };
    const counts = this.#counts;
    counts.guesses = { ...none, ...counts.guesses, hostname, total: this.#guesses };
    counts.guesses[kind]++;
  }

  get #counts(): Overload {
    return this.#overload ??= { sessions: 0, sessionsPerAddress: 0, questions: 0, unproved: 0 };
  }

  /** The report, if it is due at `now`. */
  takeDue(now: number): Readonly<Overload> | undefined {
    if (this.nextTimeout > now) return undefined;
    const overload = this.#overload;
    this.#overload = undefined;
    this.#nextReportAt = now + OVERLOAD_REPORT_INTERVAL_MS;
    return overload;
  }
}

/**
 * A kind of datagram that does not belong at an end: a packet where plain UDP is spoken, or of another
 * version; text; other bytes. An answer of plain UDP from another `address` is taken all the same.
 */
export type ForeignKind = "packet" | "version" | "text" | "binary" | "address";

/** Such a datagram came from there, if the address is not forged. */
export type ForeignEvent = {
  readonly type: "foreign";
  readonly kind: ForeignKind;
  readonly from: Address;
};

/** Tells of each kind once in {@linkcode OVERLOAD_REPORT_INTERVAL_MS}. */
export class ForeignLog {
  readonly #toldAt = new Map<ForeignKind, number>();

  /** The event for a datagram of that kind, unless the kind was told lately. */
  take(kind: ForeignKind, from: Address, now: number): ForeignEvent | undefined {
    if (now < (this.#toldAt.get(kind) ?? -Infinity) + OVERLOAD_REPORT_INTERVAL_MS) return undefined;
    this.#toldAt.set(kind, now);
    return { type: "foreign", kind, from };
  }
}

/** Time for which a {@linkcode FairLimit} remembers who acted, in ms, and how often each is sure to. */
const WINDOW_MS = 100;
const SHARE = 2;

/** A token bucket, full at first, which fills again with time or by hand. */
export class TokenBucket {
  #tokens: number;
  #filledAt = 0;

  readonly size: number;
  readonly pause: number;

  /** @param pause Time in which a token comes back, in ms. */
  constructor(size: number, pause: number) {
    this.size = size;
    this.pause = pause;
    this.#tokens = size;
  }

  /** The tokens in it at `now` (ms). */
  left(now: number): number {
    this.add((now - this.#filledAt) / this.pause);
    this.#filledAt = now;
    return this.#tokens;
  }

  add(tokens: number): void {
    this.#tokens = Math.min(this.size, this.#tokens + tokens);
  }
}

/** A bucket of one second's tokens, and a third more in shares for networks that took little. */
export class FairLimit {
  readonly #taken = new Map<string, number>();
  readonly #open: TokenBucket;
  #kept = 0;
  #windowEnd = -Infinity;

  readonly perSecond: number;

  /** @param perSecond Actions a second in all; 20 or more. */
  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.#open = new TokenBucket(0.75 * perSecond, 1000 / (0.75 * perSecond));
  }

  /** Whether one more action is allowed for a network at `now` (ms). */
  allow(network: string, now: number): boolean {
    if (this.#windowEnd <= now) {
      this.#windowEnd = now + WINDOW_MS;
      this.#kept = 0.25 * this.perSecond * WINDOW_MS / 1000;
      this.#taken.clear();
    }
    const taken = this.#taken.get(network) ?? 0;
    if (taken < SHARE && this.#kept >= 1) {
      this.#taken.set(network, taken + 1);
      this.#kept--;
      return true;
    }
    if (this.#open.left(now) < 1) return false;
    this.#open.add(-1);
    return true;
  }
}

/** The network that is held to account for an address: IPv4 itself, also mapped, or an IPv6 /64. */
export function networkOf(hostname: string): string {
  if (!hostname.includes(":")) return hostname;
  if (hostname.includes(".")) return hostname.slice(hostname.lastIndexOf(":") + 1);
  const [head, tail] = hostname.split("::").map((part) => part.split(":"));
  const zeros = new Array(tail === undefined ? 0 : 8 - head!.length - tail.length).fill("0");
  return [...head!, ...zeros].slice(0, 4).join(":");
}
