/**
 * The interface between a protocol without input or output and its driver.
 *
 * @module
 */
import type { TurnRow, TurnState } from "../protocol.ts";

/** The source or destination of a datagram. */
export interface Address {
  /** An IP address. */
  readonly hostname: string;
  /** A UDP port, 1 to 65,535. */
  readonly port: number;
}

/** An address as people write it: `192.0.2.1:12000`, `[2001:db8::1]:12000`. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** A datagram to send. Its bytes do not change any more. */
export type Transmit = Readonly<{ datagram: Uint8Array; to: Address }>;

/** Sources of randomness, handed in. */
export interface Randomness {
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
  /** `length` unpredictable bytes. */
  readonly randomBytes: (length: number) => Uint8Array;
}

/** The state of the conversation that a datagram belongs to. */
export interface Inspection {
  /** Whose move it is at this end; `undefined` during the handshake. */
  readonly turn: TurnState | undefined;
  /** The estimate of the wait for an acknowledgement, in ms. A timer may wait a multiple of it. */
  readonly retransmissionTimeout: number;
  /** The row of the turn table that was taken last, if any was. */
  readonly turnRow?: TurnRow | undefined;
  /** The timer that runs out first, if one is armed. */
  readonly timer?: RetransmissionTimer | undefined;
  /** The timer of a packet that this end sends again until it is acknowledged. */
  timerOf?(packet: SentPacket): RetransmissionTimer | undefined;
  /** Retransmissions of the message under way since its last new acknowledgement. */
  readonly retransmissions?: number;
  /** When the acknowledgement that is held back goes out by itself, in ms; `Infinity` while none is. */
  readonly acknowledgementAt?: number;
  /** Number of the last message that came in whole. */
  readonly heardNumber?: number | undefined;
  /** Why this end sent its latest PING that is no challenge. */
  readonly probeCause?: ProbeCause;
}

/** The key that tells the packets of one end apart: type, number of the message or ping, and segment. */
export type SentPacket = Readonly<{ type: string; number: number; segment: number }>;

/** The retransmission timer of one packet (RFC 6298 §5). */
export interface RetransmissionTimer {
  /** Times sent, modulo 256. */
  readonly attempt: number;
  /** When it was last sent, in ms. */
  readonly sentAt: number;
  /** When it is sent again, in ms; `Infinity` while nothing is awaited. */
  readonly deadline: number;
  /** The wait that was armed when it was last sent, in ms; 0 if that was cut short. */
  readonly wait: number;
  /** The wait that had run out when it was last sent, in ms; `undefined` if it was sent for another reason. */
  readonly expired: number | undefined;
  /** Whether two copies went out together last. */
  readonly isPair: boolean;
}

/** Why an end asks for a PONG: silence, a RESET, time in which it did not run; or to tell a new position. */
export type ProbeCause = "silence" | "reset" | "gap" | "position";

/** Datagrams dropped at one end, by reason. */
export class Counters {
  /** Not a packet of this protocol. */
  malformed = 0;
  /** A seal that does not hold. */
  unopened = 0;
  /** A session that is not known. */
  unknown = 0;
  /** Messages that had been received before. */
  duplicates = 0;
  /** Messages that it was not the peer's turn to send. */
  outOfTurn = 0;
  /** Packets of no use in the state they arrived in. */
  ignored = 0;
  /** Datagrams of this end, for which the socket had no room. */
  unsent = 0;
}

/** Observes one end while datagrams pass. */
export interface Monitor {
  /** Datagrams dropped so far. */
  readonly counters: Readonly<Counters>;
  /** The state of the conversation that a datagram belongs to, if this end holds it. */
  inspect(datagram: Uint8Array): Inspection | undefined;
}

/**
 * One end of a protocol, without clock, socket or timer. After every call into it, its driver sends
 * {@linkcode Endpoint.takeTransmits} in order, handles {@linkcode Endpoint.takeEvents}, and sees
 * to it that {@linkcode Endpoint.handleTimeout} is called at {@linkcode Endpoint.nextTimeout}.
 * `now` is in milliseconds of any clock that never goes back.
 */
export abstract class Endpoint<Event> implements Monitor {
  readonly counters: Counters = new Counters();
  #transmits: Transmit[] = [];
  #events: Event[] = [];

  /** Longest message, in bytes of UTF-8. */
  abstract readonly maxMessageBytes: number;

  /** Largest datagram, in bytes. */
  abstract readonly maxDatagramBytes: number;

  /** When to call {@linkcode Endpoint.handleTimeout}, in ms; `Infinity` for never. */
  abstract readonly nextTimeout: number;

  /** Takes a datagram in. Its bytes are not kept. */
  abstract receive(datagram: Uint8Array, from: Address, now: number): void;

  /** Does what is due at `now`. */
  abstract handleTimeout(now: number): void;

  /** The datagrams to send since the last call, in order. */
  takeTransmits(): Transmit[] {
    const transmits = this.#transmits;
    if (transmits.length > 0) this.#transmits = [];
    return transmits;
  }

  /** Drops the oldest datagrams to send, but for the last `most`: what matters is retransmitted. */
  limitTransmits(most: number): void {
    const excess = this.#transmits.length - most;
    if (excess <= 0) return;
    this.#transmits.splice(0, excess);
    this.counters.unsent += excess;
  }

  /** The events since the last call, in order. */
  takeEvents(): Event[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** @throws {MessageTooLongError} If a text is longer than `limit`, in bytes. */
  checkSize({ length }: Uint8Array, limit: number = this.maxMessageBytes): void {
    if (length > limit) throw new MessageTooLongError(length, limit);
  }

  inspect(_datagram: Uint8Array): Inspection | undefined {
    return undefined;
  }

  /** Counts a datagram as dropped. */
  drop(reason: keyof Counters): void {
    this.counters[reason]++;
  }

  /** Queues a datagram. */
  transmit(datagram: Uint8Array, to: Address): void {
    this.#transmits.push({ datagram, to });
  }

  /** Queues an event, if there is one. */
  protected emit(event: Event | undefined): void {
    if (event !== undefined) this.#events.push(event);
  }
}

/** Thrown when a message is longer than it may be. Nothing was sent. */
export class MessageTooLongError extends RangeError {
  /** Bytes of UTF-8 of the message. */
  readonly size: number;
  /** Bytes that are allowed. */
  readonly limit: number;

  /** Makes the error for a message of `size` bytes of UTF-8, of which `limit` are allowed. */
  constructor(size: number, limit: number) {
    super(`Cannot send the message: ${size} bytes are more than ${limit}`);
    this.name = "MessageTooLongError";
    this.size = size;
    this.limit = limit;
  }
}
