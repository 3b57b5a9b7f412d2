/**
 * The operator: a person, or a file in its place, who answers one question at a time.
 *
 * @module
 */
import { clean } from "./clean.ts";
import type { Terminal } from "./terminal.ts";

/** A question, and who asked it. */
export interface Query {
  /** The text as it came. */
  readonly question: string;
  /** How the asker is called on the screen, at the moment when it is shown. */
  readonly asker: () => string;
  /** Fires when the asker is gone. */
  readonly signal: AbortSignal;
}

/** What {@linkcode Operator} needs. */
export interface OperatorOptions {
  /** Where questions are shown and answers typed. */
  readonly terminal: Terminal;
  /** Why an answer cannot be sent, or `undefined` if it can. */
  readonly objection: (answer: string) => string | undefined;
  /** Tells that something cannot be done. */
  readonly complain: (message: string) => void;
}

interface Waiting extends Query {
  readonly resolve: (answer: string) => void;
}

/** Shows questions in the order in which they came, and takes the answers. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #queue: Waiting[] = [];
  #isBusy = false;

  /** Starts with an empty queue. */
  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /**
   * Puts a question in the queue.
   *
   * @returns The answer, never empty; it does not settle if the asker goes or nobody answers any more.
   */
  answer(query: Query): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#queue.push({ ...query, resolve });
    if (!this.#isBusy) this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.signal.aborted) continue;
      const answer = await this.#ask(next);
      // At the end of input nobody answers any more: the program closes, and with it the queue.
      if (answer === null) return;
      if (answer !== undefined) next.resolve(answer);
    }
    this.#isBusy = false;
  }

  async #ask({ question, asker, signal }: Waiting): Promise<string | null | undefined> {
    const { terminal, objection, complain } = this.#options;
    terminal.print(`Pregunta: ${clean(question)}`);
    terminal.print(`Cliente: ${asker()}`);
    while (true) {
      const answer = await terminal.question("Ingrese una respuesta: ", { signal });
      if (typeof answer !== "string") return answer;
      const problem = answer === "" ? undefined : objection(answer);
      if (problem !== undefined) complain(problem);
      else if (answer !== "") return answer;
    }
  }
}
