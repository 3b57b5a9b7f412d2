/**
 * The rules that a client and a server share: whose turn it is, what ends a conversation, and the
 * numbers that both ends have to agree on. Read this file first; it imports nothing.
 *
 * 1. The client asks and the server answers, one message at a time: neither speaks twice in a row.
 * 2. The client's question comes first.
 * 3. Either end may say bye at any time. It is over when the other end confirms, or is lost.
 *
 * Each end keeps the state of its own {@linkcode Turn}:
 *
 * ```text
 *                        send
 *  client starts   ┌─────────────────────┐
 *        │         │                     ▼
 *        │     ┌───┴───┐             ┌────────┐       server starts
 *        └────►│ local │◄────────────│ remote │◄────────────┘
 *              └─┬───┬─┘   receive   └─┬────┬─┘
 *     receive-bye│   │send-bye send-bye│    │receive-bye
 *            lose│   ▼                 ▼    │lose
 *                │  ┌──────────────────┐    │
 *                │  │     leaving      │    │
 *                │  └────────┬─────────┘    │
 *                │           │bye-confirmed │
 *                │           │receive-bye   │
 *                │           ▼lose          │
 *                │     ┌──────────┐         │
 *                └────►│  closed  │◄────────┘
 *                      └──────────┘
 * ```
 *
 * The table {@linkcode TURNS} holds every transition. It is the same for both roles: `local` is this end,
 * `remote` the other, and only the first state differs.
 *
 * @module
 */

/** Address at which a server listens, and to which a client connects, by default. */
export const DEFAULT_HOSTNAME = "127.0.0.1";

/** UDP port of the server, by default. */
export const DEFAULT_PORT = 12_000;

/** Longest message, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 65_536;

/** Longest message without the protection of this protocol: one datagram over IPv4 (RFC 768). */
export const MAX_PLAIN_MESSAGE_BYTES = 65_507;

/**
 * - `local`: this end may speak;
 * - `remote`: the other end may;
 * - `leaving`: this end said bye, and the other has not confirmed it yet;
 * - `closed`: the conversation is over.
 */
export type TurnState = "local" | "remote" | "leaving" | "closed";

/** An event of a turn: this end or the other speaks or says bye, or the other end is gone. */
export type TurnEvent = "send" | "receive" | "send-bye" | "receive-bye" | "bye-confirmed" | "lose";

/** A row of the table that was taken. */
export type TurnRow = readonly [state: TurnState, event: TurnEvent, next: TurnState];

/** The next state for each event in each state. Any other event is against the rules. */
export const TURNS: Readonly<Record<TurnState, Partial<Record<TurnEvent, TurnState>>>> = {
  local: {
    "send": "remote",
    "send-bye": "leaving",
    "receive-bye": "closed",
    "lose": "closed",
  },
  remote: {
    "receive": "local",
    "send-bye": "leaving",
    "receive-bye": "closed",
    "lose": "closed",
  },
  leaving: { "bye-confirmed": "closed", "receive-bye": "closed", "lose": "closed" },
  closed: {},
};

/** Thrown when this end speaks during the other's turn, or after the end. Nothing was sent. */
export class OutOfTurnError extends Error {
  /** The state of the conversation at that moment. */
  readonly state: TurnState;

  /** Makes the error for an attempt to speak in that state. */
  constructor(state: TurnState) {
    super(
      state === "remote"
        ? "Cannot speak out of turn: the other end has not spoken yet"
        : "Cannot speak: the conversation is over",
    );
    this.name = "OutOfTurnError";
    this.state = state;
  }
}

/**
 * The turn of one conversation, seen from one end.
 *
 * @example
 * ```ts
 * import { Turn } from "./protocol.ts";
 *
 * const asker = new Turn("local");
 * asker.local("send");
 * console.log(asker.state, asker.remote("receive"), asker.state); // remote true local
 * ```
 */
export class Turn {
  #state: TurnState;
  #before: TurnState | undefined;
  #event: TurnEvent | undefined;

  /** Starts in `local` for the end that speaks first, in `remote` for the other. */
  constructor(first: "local" | "remote") {
    this.#state = first;
  }

  /** Whose move it is. */
  get state(): TurnState {
    return this.#state;
  }

  /** The row that was taken last, if any was. */
  get row(): TurnRow | undefined {
    return this.#event && [this.#before!, this.#event, this.#state];
  }

  /**
   * This end acts.
   *
   * @throws {OutOfTurnError} If the table does not allow it. The state stays as it was.
   */
  local(event: "send" | "send-bye"): void {
    if (!this.#take(event)) throw new OutOfTurnError(this.#state);
  }

  /** The other end acts, or is gone. Returns whether the table allows it. If not, the state stays. */
  remote(event: "receive" | "receive-bye" | "bye-confirmed" | "lose"): boolean {
    return this.#take(event);
  }

  #take(event: TurnEvent): boolean {
    const next = TURNS[this.#state][event];
    if (next === undefined) return false;
    this.#before = this.#state;
    this.#event = event;
    this.#state = next;
    return true;
  }
}

/**
 * Whether a line typed as a question ends the conversation.
 *
 * @example
 * ```ts
 * import { isBye } from "./protocol.ts";
 *
 * console.log(isBye("  Bye "), isBye("bye?")); // true false
 * ```
 *
 * @param line The line. White space around it and upper case do not matter.
 */
export function isBye(line: string): boolean {
  return line.trim().toLowerCase() === "bye";
}
