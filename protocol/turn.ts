/**
 * Who may speak. Two rules: every transition of a conversation is in the table below, and the table
 * does not care which role this end plays: `local` is this end, `remote` the other, and only the
 * state that a conversation starts in differs (the asker starts in `local`, the answerer in `remote`).
 *
 * @module
 */

/**
 * - `local`: this end may speak;
 * - `remote`: the other end may;
 * - `leaving`: this end said bye, and the other has not confirmed it yet;
 * - `closed`: it is over.
 */
export type TurnState = "local" | "remote" | "leaving" | "closed";

/** What happens to a turn: this end or the other speaks or says bye, or the other end is gone. */
export type TurnEvent =
  | "send"
  | "receive"
  | "send-bye"
  | "receive-bye"
  | "bye-confirmed"
  | "lose";

/** Where each event leads from each state. What is not in it is against the rules. */
export const TURNS: Readonly<
  Record<TurnState, Partial<Record<TurnEvent, TurnState>>>
> = {
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
  leaving: {
    "bye-confirmed": "closed",
    "receive-bye": "closed",
    "lose": "closed",
  },
  closed: {},
};

/** Thrown to whoever speaks while it is the other end's turn, or after the end. Nothing was sent. */
export class OutOfTurnError extends Error {
  /** Always "OutOfTurnError". */
  override readonly name = "OutOfTurnError";

  /** The state of the conversation at that moment. */
  readonly state: TurnState;

  /** Makes the error for an attempt to speak in that state. */
  constructor(state: TurnState) {
    super(
      state === "remote"
        ? "Cannot speak out of turn: the other end has not spoken yet"
        : "Cannot speak: the conversation is over",
    );
    this.state = state;
  }
}

/**
 * The turn of one conversation, seen from one end.
 *
 * @example
 * ```ts
 * import { Turn } from "./turn.ts";
 *
 * const asker = new Turn("local");
 * asker.local("send");
 * console.log(asker.state, asker.remote("receive"), asker.state); // remote true local
 * ```
 */
export class Turn {
  #state: TurnState;

  /** Starts in `local` for the end that speaks first, in `remote` for the other. */
  constructor(first: "local" | "remote") {
    this.#state = first;
  }

  /** Whose move it is. */
  get state(): TurnState {
    return this.#state;
  }

  /**
   * This end acts.
   *
   * @throws {OutOfTurnError} If the table does not allow it. The state stays as it was.
   */
  local(event: "send" | "send-bye"): void {
    const next = TURNS[this.#state][event];
    if (next === undefined) throw new OutOfTurnError(this.#state);
    this.#state = next;
  }

  /**
   * The other end acts, or is gone.
   *
   * @returns Whether the table allows it. If not, the state stays as it was.
   */
  remote(event: "receive" | "receive-bye" | "bye-confirmed" | "lose"): boolean {
    const next = TURNS[this.#state][event];
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }
}

/**
 * Whether a line that somebody typed as a question ends the conversation.
 *
 * @example
 * ```ts
 * import { isBye } from "./turn.ts";
 *
 * console.log(isBye("  Bye "), isBye("bye?")); // true false
 * ```
 *
 * @param line What was typed. White space around it and upper case do not matter.
 */
export function isBye(line: string): boolean {
  return line.trim().toLowerCase() === "bye";
}
