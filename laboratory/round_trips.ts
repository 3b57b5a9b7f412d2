/**
 * Round trips, measured from the datagrams that pass at one end.
 *
 * @module
 */
import type { Header } from "../transport/mod.ts";
import type { Observation } from "./observation.ts";

/** Sendings whose acknowledgement may still come: of more, the oldest are forgotten. */
const MAX_AWAITED = 10_000;

/** Round trips that the median is of: the latest ones. */
const MAX_KEPT = 10_000;

/** A `Header.ackDelay` that says nothing: it means "255 ms or more". */
const UNKNOWN_DELAY = 255;

interface Sending {
  readonly at: number;
  /** Of a message of several segments, the reply does not say which one it echoes. */
  readonly isPart: boolean;
}

/** The time from a sending to the acknowledgement that echoes it, less the other end's own delay. */
export class RoundTrips {
  /** The least of them, in ms; `Infinity` before the first. */
  least = Infinity;
  /** The most of them, in ms. */
  most = 0;
  readonly #awaited = new Map<string, Sending>();
  #kept: number[] = [];

  /** Takes a datagram into account. */
  add({ header, direction, at, fate }: Observation): void {
    if (header === undefined || fate === "lost") return;
    if (direction === "received") return this.#measure(header, at);
    const sending = sendingOf(header);
    if (sending === undefined) return;
    this.#awaited.set(sending, { at, isPart: header.lastSegment > 0 });
    if (this.#awaited.size <= MAX_AWAITED) return;
    const [oldest] = this.#awaited.keys();
    this.#awaited.delete(oldest!);
  }

  /** The one in the middle of the latest ones, in ms, or `undefined` before the first. */
  get median(): number | undefined {
    return this.#kept.toSorted((a, b) => a - b)[this.#kept.length >> 1];
  }

  #measure(header: Header, at: number): void {
    const echoed = echoedBy(header) ?? "";
    const sending = this.#awaited.get(echoed);
    if (sending === undefined || header.ackDelay === UNKNOWN_DELAY) return;
    if (header.type === "message" && sending.isPart) return;
    // What is acknowledged twice took as long as the first time.
    this.#awaited.delete(echoed);
    const roundTrip = Math.max(0, at - sending.at - header.ackDelay);
    this.least = Math.min(this.least, roundTrip);
    this.most = Math.max(this.most, roundTrip);
    this.#kept.push(roundTrip);
    if (this.#kept.length > MAX_KEPT) this.#kept = this.#kept.slice(MAX_KEPT / 2);
  }
}

/** The name of a sending that may be echoed. */
function sendingOf({ type, id, number, segment, attempt }: Header): string | undefined {
  switch (type) {
    case "hello":
      return `${id} hello ${attempt}`;
    case "message":
      return `${id} message ${number} ${segment} ${attempt}`;
    case "ping":
      return `${id} ping ${number} ${attempt}`;
    default:
      return undefined;
  }
}

/** The name of the sending that a received packet echoes. */
function echoedBy({ type, id, number, segment, echo }: Header): string | undefined {
  switch (type) {
    case "retry":
    case "welcome":
      return `${id} hello ${echo}`;
    case "message":
      return `${id} message ${number - 1} 0 ${echo}`;
    case "ack":
      return `${id} message ${number} ${segment} ${echo}`;
    case "pong":
      return `${id} ping ${number} ${echo}`;
    default:
      return undefined;
  }
}
