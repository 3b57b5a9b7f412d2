/**
 * A command in a real pseudo-terminal: keys go in, a screen comes out. Needs `python3` and the
 * permission to run it; tests that use it set `ignore: !canUsePty`.
 *
 * @module
 */

import { Changes } from "./changes.ts";
import { outputOf } from "./machine.ts";
import { Screen } from "./pty_screen.ts";

/** Whether this machine and these permissions allow {@linkcode Pty}. */
export const canUsePty: boolean = Deno.build.os !== "windows" &&
  (await outputOf("python3", "-c", "import pty; print(pty.__name__)")).startsWith("pty");

/** How {@linkcode Pty} sets the terminal up. */
export interface PtyOptions {
  /** Default 24. */
  rows?: number;
  /** Default 80. */
  columns?: number;
  /** Gives standard error a pipe of its own, read by {@linkcode Pty.errors}; default false. */
  errorsApart?: boolean;
}

/** One command and the terminal that it runs in. */
export class Pty implements AsyncDisposable {
  /** Exit code of the command, 128 and the signal if one ended it. */
  readonly exited: Promise<number>;
  /** Process id of the command. */
  pid = 0;
  /** Everything that was written to the terminal, sequences included. */
  raw = "";
  /** Everything that was written to standard error, if it is apart. */
  errors = "";
  #screen: Screen;
  #helper: Deno.ChildProcess;
  #orders: WritableStreamDefaultWriter<Uint8Array>;
  #reading: Promise<void>;
  #exit = Promise.withResolvers<number>();
  readonly #changes = new Changes();

  /** Starts `command` in a terminal of its own. */
  constructor(
    command: string[],
    { rows = 24, columns = 80, errorsApart = false }: PtyOptions = {},
  ) {
    const script = `${import.meta.dirname}/pty_helper.py`;
    this.#helper = new Deno.Command("python3", {
      args: [script, `${rows}`, `${columns}`, errorsApart ? "apart" : "together", ...command],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.exited = this.#exit.promise;
    this.#screen = new Screen(rows, columns);
    this.#orders = this.#helper.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** The text of the screen, with that which has scrolled off it above. */
  get screen(): string {
    return this.#screen.text;
  }

  /** Place of the cursor. */
  get cursor(): { row: number; column: number } {
    return this.#screen.cursor;
  }

  /** Presses keys, all at once. */
  async type(keys: string): Promise<void> {
    await this.#order({ keys });
  }

  /** Changes the size of the terminal. */
  async resize(rows: number, columns: number): Promise<void> {
    this.#screen.resize(rows, columns);
    await this.#order({ rows, columns });
  }

  /** Reads what is written to the screen, or leaves it unread, as a terminal that is stopped. */
  async reads(reads: boolean): Promise<void> {
    await this.#order({ reads });
  }

  /** Closes the window. */
  async hangUp(): Promise<void> {
    await this.#order({ hangup: true });
  }

  /** Sends the command a signal by its number. */
  async signal(signal: number): Promise<void> {
    await this.#order({ signal });
  }

  /**
   * Waits until `condition` holds of the screen; a text or a pattern must be contained in it.
   *
   * @throws {Error} If that has not come in a minute, or the command has ended without it
   */
  async until(condition: string | RegExp | ((screen: string) => boolean)): Promise<void> {
    const holds = (screen: string) => {
      if (typeof condition === "string") return screen.includes(condition);
      return condition instanceof RegExp ? condition.test(screen) : condition(screen);
    };
    if (await this.#changes.until(() => holds(this.screen) || undefined)) return;
    throw new Error(`Not seen: "${condition}"; the screen:\n${this.screen}\n${this.errors}`);
  }

  /** Ends the command if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orders.close().catch(() => {});
    await this.#reading;
    await this.#helper.status;
  }

  async #order(order: Record<string, unknown>): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
  }

  async #read(): Promise<void> {
    const decoders = { screen: new TextDecoder(), errors: new TextDecoder() };
    let rest = "";
    for await (const chunk of this.#helper.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { pid, screen, errors, exit } = JSON.parse(line);
        if (pid !== undefined) this.pid = pid;
        if (screen !== undefined) this.#show(decode(decoders.screen, screen));
        if (errors !== undefined) this.errors += decode(decoders.errors, errors);
        if (exit !== undefined) this.#exit.resolve(exit);
      }
      this.#changes.tell();
    }
    this.#changes.end();
  }

  #show(text: string): void {
    this.raw += text;
    this.#screen.write(text);
  }
}

function decode(decoder: TextDecoder, base64: string): string {
  return decoder.decode(Uint8Array.fromBase64(base64), { stream: true });
}
