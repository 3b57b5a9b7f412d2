/**
 * A table of the datagrams that pass, one line each, to watch the protocol at work.
 *
 * @module
 */
import { cyan, gray, magenta, red, yellow } from "@std/fmt/colors";
import type { Inspection, PacketType } from "../transport/mod.ts";
import { describeNumber, type Observation } from "./observation.ts";
import type { TurnState } from "../protocol.ts";

export interface TraceOptions {
  readonly write: (line: string) => void;
  readonly isColoured: boolean;
  /** Whether a column tells several peers apart by their ports. */
  readonly hasPeers: boolean;
  /** The time that the lines count from, in ms. */
  readonly startedAt: number;
}

/** Writes the table, below its headings. */
export class Trace {
  #isBegun = false;

  readonly options: TraceOptions;

  constructor(options: TraceOptions) {
    this.options = options;
  }

  /** Writes the line of a datagram. The inspection is of the conversation after it. */
  add(observation: Observation, inspection: Inspection | undefined): void {
    const { write, isColoured } = this.options;
    if (!this.#isBegun) write(isColoured ? gray(this.#row(HEADINGS)) : this.#row(HEADINGS));
    this.#isBegun = true;
    const line = this.#row(this.#cells(observation, inspection));
    write(isColoured ? colour(line, observation) : line);
  }

  #cells(observation: Observation, inspection: Inspection | undefined): string[] {
    const { order, direction, at, datagram, header, peer } = observation;
    // What is sent waits as long as its timer says: a multiple of the estimate, after losses.
    const armed = direction === "sent" && header && inspection?.timerOf?.(header)?.wait;
    const rto = armed || (inspection?.retransmissionTimeout ?? Infinity);
    return [
      (at - this.options.startedAt).toFixed(1).replace(".", ","),
      order === 0 ? "" : String(order),
      String(peer.port),
      direction === "sent" ? "→" : "←",
      header?.type.toUpperCase() ?? "TEXTO",
      header === undefined ? "" : describeNumber(header),
      String(datagram.length),
      rto === Infinity ? "" : rto.toFixed(0),
      describeTurn(header?.type, inspection),
      describeEvents(observation),
    ];
  }

  #row(cells: readonly string[]): string {
    return COLUMNS.map(({ width, isNumber }, index) => {
      const cell = cells[index]!;
      return isNumber ? cell.padStart(width) : cell.padEnd(width);
    }).filter((_, index) => index !== PORT || this.options.hasPeers).join(" ").trimEnd();
  }
}

const COLUMNS = [
  { heading: "ms", width: 7, isNumber: true },
  { heading: "n.º", width: 3, isNumber: true },
  { heading: "puerto", width: 6, isNumber: true },
  { heading: " ", width: 1, isNumber: false },
  { heading: "tipo", width: 7, isNumber: false },
  { heading: "número", width: 8, isNumber: false },
  { heading: "bytes", width: 5, isNumber: true },
  { heading: "RTO", width: 5, isNumber: true },
  { heading: "turno", width: 14, isNumber: false },
  { heading: "qué le pasó", width: 0, isNumber: false },
];
const HEADINGS = COLUMNS.map(({ heading }) => heading);

/** The column that is left out if there is one peer only. */
const PORT = HEADINGS.indexOf("puerto");

const TURNS: Readonly<Record<TurnState | "connecting", string>> = {
  connecting: "conectando",
  local: "habla usted",
  remote: "habla el otro",
  leaving: "se despide",
  closed: "terminada",
};

/** The events of a datagram, if any. */
export function describeEvents({ fate, delay, isHeldBack, repeats }: Observation): string {
  const milliseconds = Math.round(delay);
  return [
    repeats > 0 && `reenvío ${repeats}`,
    fate === "duplicated" && "duplicado",
    fate === "copy" && "copia",
    isHeldBack && fate !== "lost" && "tarde",
    milliseconds > 0 && `+${milliseconds} ms`,
    fate === "lost" && "perdido aquí",
  ].filter((part) => part !== false).join(", ");
}

function describeTurn(type: PacketType | undefined, inspection: Inspection | undefined): string {
  if (type === "hello" || type === "retry" || type === "refuse") return TURNS.connecting;
  if (inspection !== undefined) return TURNS[inspection.turn ?? "connecting"];
  // An end whose bye is confirmed forgets the conversation.
  return type === "bye-ack" ? TURNS.closed : "";
}

function colour(line: string, { direction, fate, isHeldBack }: Observation): string {
  if (fate === "lost") return red(line);
  if (fate !== "whole" || isHeldBack) return yellow(line);
  return direction === "sent" ? cyan(line) : magenta(line);
}
