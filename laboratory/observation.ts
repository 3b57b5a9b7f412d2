/**
 * Datagrams as one end of a conversation observes them.
 *
 * @module
 */
import type { Address } from "../transport/endpoint.ts";
import { type Header, readHeader } from "../transport/reliable/packet.ts";
import type { Fate } from "./network.ts";
import { RecentMap } from "./recent_map.ts";

/** A datagram that was sent or received at one end, with its fate. */
export interface Observation {
  /** Its place among all that were sent and received there, counted from 1; 0 for a keepalive, which has none. */
  readonly order: number;
  /** Its way, as seen from this end. */
  readonly direction: "sent" | "received";
  /** Time at which it was sent, received or lost there, in ms. */
  readonly at: number;
  /** All its bytes, valid only during the call that reports it. */
  readonly datagram: Uint8Array;
  /** Its header, if it is of this protocol. */
  readonly header: Header | undefined;
  /** This end's socket, if it has one. */
  readonly local?: Address | undefined;
  /** The other end. */
  readonly peer: Address;
  /**
   * Whether it got through, was lost or was duplicated. A duplicated one that was received is seen
   * twice, the second time as a copy.
   */
  readonly fate: "whole" | "lost" | "duplicated" | "copy";
  /** Time in the network, in ms. */
  readonly delay: number;
  /** Whether the network held it back for others to overtake it, unless it is lost. */
  readonly isHeldBack: boolean;
  /** Times that its packet had been sent before, by its header. */
  readonly repeats: number;
}

/** A datagram as it enters the network. */
export interface Entry extends Pick<Observation, "order" | "at" | "datagram" | "local" | "peer"> {
  readonly fate: Fate;
}

/** Whether a datagram is a PING or a PONG: how many there are hangs on how fast people type. */
export function isKeepalive(datagram: Uint8Array): boolean {
  const type = readHeader(datagram)?.type;
  return type === "ping" || type === "pong";
}

/** Describes the datagrams of one end. */
export class Observer {
  readonly #firstWithToken = new RecentMap<bigint, number>();

  /** Describes a datagram, or one of its copies, counted from 0 in the order of arrival. */
  observe(direction: Observation["direction"], entry: Entry, copy: number = 0): Observation {
    const { order, at, datagram, local, peer, fate: { arrivals, isHeldBack } } = entry;
    const header = readHeader(datagram);
    const fate = copy > 0 ? "copy" : (["lost", "whole", "duplicated"] as const)[arrivals.length]!;
    const delay = (arrivals.toSorted((a, b) => a - b)[copy] ?? at) - at;
    const repeats = this.#repeatsOf(header);
    const passage = { order, direction, at, datagram, local, peer, delay, isHeldBack };
    return { ...passage, header, fate, repeats };
  }

  #repeatsOf(header: Header | undefined): number {
    if (header === undefined || header.attempt === 0) return 0;
    return header.attempt - (header.hasToken ? this.#firstAttempt(header) : 1);
  }

  // The HELLO that brings the token back is another packet, but its attempts are counted on.
  #firstAttempt({ id, attempt }: Header): number {
    const first = Math.min(attempt, this.#firstWithToken.get(id) ?? attempt);
    this.#firstWithToken.set(id, first);
    return first;
  }
}

/** The number of the message that a packet is of or is about, and of its segment if it has several. */
export function describeNumber(header: Header): string {
  const { type, number, segment, lastSegment, hasToken } = header;
  switch (type) {
    case "hello":
      return hasToken ? "ficha" : "";
    case "retry":
      return "ficha";
    case "welcome":
      return "sesión";
    case "message":
      return lastSegment === 0 ? `${number}` : `${number} ${segment + 1}/${lastSegment + 1}`;
    case "ack":
      // The client's first acknowledgement is that of the WELCOME.
      if (number === 0) return "sesión";
      return segment === 0 ? `${number}` : `${number} ${segment + 1}`;
    case "ping":
    case "pong":
      return `${number}`;
    default:
      return "";
  }
}
