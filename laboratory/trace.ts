/**
 * Each datagram that passes as one line of a table, for people who watch a protocol at work.
 *
 * @module
 */
import { cyan, gray, magenta, red, yellow } from "@std/fmt/colors";
import type { Header, Inspection, PacketType } from "../transport/mod.ts";
import { type Observation, Retransmissions } from "./observation.ts";
import type { TurnState } from "../protocol.ts";

/** How a {@linkcode Trace} looks. */
export interface TraceOptions {
  /** Writes a line. */
  readonly write: (line: string) => void;
  /** Whether the lines have colours. */
  readonly isColoured: boolean;
  /** Whether there are several other ends, told apart by their ports. */
  readonly hasPeers: boolean;
  /** The time from which the lines count, in ms. */
  readonly startedAt: number;
}

/** Writes a table of what passes, below its headings. */
export class Trace {
  readonly #options: TraceOptions;
  readonly #retransmissions = new Retransmissions();
  #isBegun = false;

  /** Writes nothing yet. */
  constructor(options: TraceOptions) {
    this.#options = options;
  }

  /** Writes the line of a datagram. How the conversation stands is how it stands after that. */
  add(observation: Observation, inspection: Inspection | undefined): void {
    const { write, isColoured } = this.#options;
    if (!this.#isBegun) write(isColoured ? gray(this.#row(HEADINGS)) : this.#row(HEADINGS));
    this.#isBegun = true;
    const line = this.#row(this.#cells(observation, inspection));
    write(isColoured ? colour(line, observation) : line);
  }

  #cells(observation: Observation, inspection: Inspection | undefined): Cells {
    const { order, direction, at, datagram, header, peer } = observation;
    const rto = inspection?.retransmissionTimeout ?? Infinity;
    return {
      time: (at - this.#options.startedAt).toFixed(1).replace(".", ","),
      order: String(order),
      port: String(peer.port),
      arrow: direction === "sent" ? "→" : "←",
      type: header?.type.toUpperCase() ?? "TEXTO",
      number: header === undefined ? "" : describeNumber(header),
      bytes: String(datagram.length),
      rto: rto === Infinity ? "" : rto.toFixed(0),
      turn: describeTurn(header?.type, inspection),
      event: describeEvents(observation, this.#retransmissions.of(observation)),
    };
  }

  #row({ port, ...cells }: Cells): string {
    const { time, order, arrow, type, number, bytes, rto, turn, event } = cells;
    return [
      time.padStart(7),
      order.padStart(3),
      ...this.#options.hasPeers ? [port.padStart(6)] : [],
      arrow,
      type.padEnd(7),
      number.padEnd(8),
      bytes.padStart(5),
      rto.padStart(5),
      turn.padEnd(14),
      event,
    ].join(" ").trimEnd();
  }
}

/** What stands in the columns of a line. */
interface Cells {
  readonly time: string;
  readonly order: string;
  readonly port: string;
  readonly arrow: string;
  readonly type: string;
  readonly number: string;
  readonly bytes: string;
  readonly rto: string;
  readonly turn: string;
  readonly event: string;
}

const HEADINGS: Cells = {
  time: "ms",
  order: "n.º",
  port: "puerto",
  arrow: " ",
  type: "tipo",
  number: "número",
  bytes: "bytes",
  rto: "RTO",
  turn: "turno",
  event: "qué le pasó",
};

const TURNS: Readonly<Record<TurnState, string>> = {
  local: "habla usted",
  remote: "habla el otro",
  leaving: "se despide",
  closed: "terminada",
};

const CONNECTING = "conectando";

/** Which message of the conversation it is or is about, and which piece of a long one. */
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
    case "refuse":
    case "bye":
    case "bye-ack":
    case "reset":
      return "";
  }
}

/** What happened to a datagram that had been sent so often before, or nothing. */
export function describeEvents({ fate, delay, isHeldBack }: Observation, repeats: number): string {
  const milliseconds = Math.round(delay);
  return [
    repeats > 0 && `reenvío ${repeats}`,
    fate === "doubled" && "duplicado",
    fate === "copy" && "copia",
    isHeldBack && fate !== "lost" && "tarde",
    milliseconds > 0 && `+${milliseconds} ms`,
    fate === "lost" && "perdido aquí",
  ].filter((part) => part !== false).join(", ");
}

function describeTurn(type: PacketType | undefined, inspection: Inspection | undefined): string {
  if (type === "hello" || type === "retry" || type === "refuse") return CONNECTING;
  if (inspection !== undefined) {
    return inspection.turn === undefined ? CONNECTING : TURNS[inspection.turn];
  }
  // The end that hears its bye confirmed keeps nothing of the conversation.
  return type === "bye-ack" ? TURNS.closed : "";
}

function colour(line: string, { direction, fate, isHeldBack }: Observation): string {
  if (fate === "lost") return red(line);
  if (fate !== "whole" || isHeldBack) return yellow(line);
  return direction === "sent" ? cyan(line) : magenta(line);
}
