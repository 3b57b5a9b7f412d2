/**
 * Rate limits of a server, and counts of what its limits turned away.
 *
 * @module
 */

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
}

/** Counts refusals. A report is due at once, but not before the interval since the last is over. */
export class OverloadLog {
  #overload: Overload | undefined;
  #nextReportAt = -Infinity;

  /** When the next report is due, in ms; `Infinity` while there is nothing to tell. */
  get nextTimeout(): number {
    return this.#overload === undefined ? Infinity : this.#nextReportAt;
  }

  /** Counts one refusal. */
  count(limit: keyof Overload): void {
    this.#overload ??= { sessions: 0, sessionsPerAddress: 0, questions: 0, unproved: 0 };
    this.#overload[limit]++;
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

/** Slots that networks share by chance in a {@linkcode FairLimit}. */
const SLOTS = 1024;

/**
 * A limit on actions a second, half of which is kept in equal parts for the networks that took least: no
 * flood from one of them takes the share of another, unless chance puts both into one slot, and each second
 * throws the dice anew.
 */
export class FairLimit {
  readonly #common: number;
  readonly #share: number;
  readonly #random: () => number;
  readonly #taken = new Uint16Array(SLOTS);
  #left = 0;
  #basis = 0;
  #second = -1;

  /**
   * @param perSecond Actions a second: 2,048 or more.
   * @param random A number from 0 up to 1.
   */
  constructor(perSecond: number, random: () => number) {
    this.#share = Math.ceil(perSecond / 2 / SLOTS);
    this.#common = perSecond - this.#share * SLOTS;
    this.#random = random;
  }

  /** Whether one more action is allowed for a network at `now` (ms). */
  allow(network: string, now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#left = this.#common;
      this.#basis = this.#random() * 2 ** 32;
      this.#taken.fill(0);
    }
    // FNV-1a, whose upper bits hang on all others.
    let hash = this.#basis;
    for (let i = 0; i < network.length; i++) {
      hash = Math.imul(hash ^ network.charCodeAt(i), 0x01000193);
    }
    const slot = (hash >>> 16) % SLOTS;
    if (this.#taken[slot]! < this.#share) {
      this.#taken[slot]!++;
      return true;
    }
    if (this.#left === 0) return false;
    this.#left--;
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
