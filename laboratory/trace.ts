/**
 * A table of the datagrams that pass, one line each, to watch the protocol at work.
 *
 * @module
 */
import { cyan, gray, magenta, red, yellow } from "@std/fmt/colors";
import type { Inspection } from "../transport/mod.ts";
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
    const { write, isColoured, startedAt } = this.options;
    if (!this.#isBegun) {
      const headings = this.#row(({ heading }) => heading);
      write(isColoured ? gray(headings) : headings);
      this.#isBegun = true;
    }
    const counted = { ...observation, at: observation.at - startedAt };
    const line = this.#row(({ cell }) => cell(counted, inspection));
    write(isColoured ? colour(line, observation) : line);
  }

  #row(textOf: (column: Column) => string): string {
    return COLUMNS.filter(({ heading }) => this.options.hasPeers || heading !== "puerto")
      .map((column) => textOf(column)[column.isNumber ? "padStart" : "padEnd"](column.width))
      .join(" ").trimEnd();
  }
}

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly isNumber?: boolean;
  readonly cell: (observation: Observation, inspection: Inspection | undefined) => string;
}

const COLUMNS: readonly Column[] = [
  { heading: "ms", width: 7, isNumber: true, cell: ({ at }) => at.toFixed(1).replace(".", ",") },
  { heading: "n.º", width: 3, isNumber: true, cell: ({ order }) => order === 0 ? "" : `${order}` },
  { heading: "puerto", width: 6, isNumber: true, cell: ({ peer }) => `${peer.port}` },
  { heading: " ", width: 1, cell: ({ direction }) => direction === "sent" ? "→" : "←" },
  { heading: "tipo", width: 7, cell: ({ header }) => header?.type.toUpperCase() ?? "TEXTO" },
  { heading: "número", width: 8, cell: ({ header }) => header ? describeNumber(header) : "" },
  { heading: "bytes", width: 5, isNumber: true, cell: ({ datagram }) => `${datagram.length}` },
  { heading: "RTO", width: 5, isNumber: true, cell: describeTimeout },
  { heading: "turno", width: 14, cell: describeTurn },
  { heading: "qué le pasó", width: 0, cell: describeEvents },
];

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

function describeTimeout({ direction, header }: Observation, inspection?: Inspection): string {
  // A datagram that is sent waits as long as its timer says: a multiple of the estimate, after losses.
  const armed = direction === "sent" && header && inspection?.timerOf?.(header)?.wait;
  const rto = armed || (inspection?.retransmissionTimeout ?? Infinity);
  return rto === Infinity ? "" : rto.toFixed(0);
}

function describeTurn({ header }: Observation, inspection?: Inspection): string {
  const type = header?.type;
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
