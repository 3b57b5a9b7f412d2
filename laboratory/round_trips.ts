/**
 * Round trips, measured from the datagrams that pass at one end.
 *
 * @module
 */
import type { Header, PacketType } from "../transport/mod.ts";
import type { Observation } from "./observation.ts";
import { RecentMap } from "./recent_map.ts";

/** Most round trips that the median is taken of, the latest ones. */
const MAX_KEPT = 10_000;

/** The `Header.ackDelay` of an unknown delay: 255 ms or more. */
const UNKNOWN_DELAY = 255;

/** Measures from a packet to the acknowledgement that echoes it, less the delay of the other end. */
export class RoundTrips {
  /** The shortest, in ms; `Infinity` before the first. */
  least = Infinity;
  /** The longest, in ms. */
  most = 0;
  /** Times of packets. Of one of several segments, the reply does not say which one it echoes. */
  readonly #awaited = new RecentMap<string, { readonly at: number; readonly isPart: boolean }>();
  #kept: number[] = [];

  add({ header, direction, at, fate }: Observation): void {
    if (header === undefined || fate === "lost") return;
    if (direction === "received") return this.#measure(header, at);
    if (!SENT.has(header.type)) return;
    this.#awaited.set(keyOf(header), { at, isPart: header.lastSegment > 0 });
  }

  /** The median of the latest ones, in ms; `undefined` before the first. */
  get median(): number | undefined {
    return this.#kept.toSorted((a, b) => a - b)[this.#kept.length >> 1];
  }

  #measure(header: Header, at: number): void {
    const type = ECHOED[header.type];
    if (type === undefined || header.ackDelay === UNKNOWN_DELAY) return;
    const key = echoedKey(header, type);
    const sending = this.#awaited.get(key);
    if (sending === undefined || header.type === "message" && sending.isPart) return;
    // A second acknowledgement of the same packet measures nothing.
    this.#awaited.delete(key);
    const roundTrip = Math.max(0, at - sending.at - header.ackDelay);
    this.least = Math.min(this.least, roundTrip);
    this.most = Math.max(this.most, roundTrip);
    this.#kept.push(roundTrip);
    if (this.#kept.length > MAX_KEPT) this.#kept = this.#kept.slice(MAX_KEPT / 2);
  }
}

/** The packets that are echoed, by those that echo them. */
const ECHOED: Partial<Record<PacketType, PacketType>> = {
  retry: "hello",
  welcome: "hello",
  message: "message",
  ack: "message",
  pong: "ping",
};
const SENT = new Set(Object.values(ECHOED));

function keyOf({ type, id, number, segment, attempt }: Header): string {
  return `${id} ${type} ${number} ${segment} ${attempt}`;
}

/** The key of the sent packet that a received one echoes. */
function echoedKey(header: Header, type: PacketType): string {
  // A message echoes the one before it, of which it names no segment.
  const { number } = header;
  const echoed = header.type === "message" ? { number: number - 1, segment: 0 } : {};
  return keyOf({ ...header, ...echoed, type, attempt: header.echo });
}
