/**
 * The real programs as processes, through pipes.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { Changes } from "./changes.ts";
import { isGranted } from "./machine.ts";

/** Whether the permissions allow to run the programs over a real network. */
export const canRunPrograms: boolean = isGranted("run", "net");

/** A program of this project. */
export type ProgramName = "servidor" | "cliente";

/** The command that `deno task` runs for a program. */
export function command(name: ProgramName, ...args: string[]): string[] {
  const script = `${import.meta.dirname}/../${name}.ts`;
  return [Deno.execPath(), "run", "--no-prompt", ...PERMISSIONS[name], script, ...args];
}

/** The command of a task that runs one script of this project, for any folder. */
export function taskCommand(name: keyof typeof config.tasks, ...args: string[]): string[] {
  const root = `${import.meta.dirname}/..`;
  const words = config.tasks[name].split(" ").slice(1).map((word) => {
    if (word.endsWith(".ts")) return `${root}/${word}`;
    return word.replace(/(?<=^--allow-read=).+/, (paths) => paths.replace(/[^,]+/g, `${root}/$&`));
  });
  return [Deno.execPath(), ...words.toSpliced(1, 0, "--no-prompt"), ...args];
}

/** Permissions of each program: those of the tasks in `deno.json`, as a test asserts. */
export const PERMISSIONS: Readonly<Record<ProgramName, readonly string[]>> = {
  servidor: [
    "--allow-net",
    "--allow-sys=networkInterfaces",
    "--allow-env=TERM",
    "--allow-write=registros",
  ],
  cliente: [
    "--allow-net",
    "--allow-sys=networkInterfaces",
    "--allow-env=TERM",
    "--allow-write=registros",
  ],
};

/** A program that runs, or has ended. */
export class Process implements AsyncDisposable {
  /** Everything that it has written to standard output so far. */
  output = "";
  /** Everything that it has written to standard error so far. */
  errors = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #changes = new Changes();

  /** Starts a program of this project, or any command. */
  constructor(program: ProgramName | readonly string[], ...args: string[]) {
    const words = typeof program === "string" ? command(program, ...args) : program;
    const [executable, ...rest] = words;
    this.#child = new Deno.Command(executable!, {
      args: rest,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = Promise.all([
      this.#read(this.#child.stdout, (text) => this.output += text),
      this.#read(this.#child.stderr, (text) => this.errors += text),
    ]).then(() => this.#changes.end());
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Writes to its standard input. */
  async write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async end(): Promise<void> {
    await this.#input.close();
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /**
   * Waits until standard output or standard error contains a text or a pattern.
   *
   * @returns What was found, and the groups of the pattern.
   * @throws {Error} If that does not come within a minute, or the program has ended without it.
   */
  async until(wanted: string | RegExp): Promise<readonly string[]> {
    const find = () => match(this.output, wanted) ?? match(this.errors, wanted);
    const found = await this.#changes.until(find);
    if (found !== undefined) return found;
    throw new Error(`Not seen: "${wanted}"\n${this.output}\n${this.errors}`);
  }

  /** The lines of its standard output, from the first on, as they come. */
  async *lines(): AsyncGenerator<string> {
    for (let at = 0; true;) {
      const end = this.output.indexOf("\n", at);
      if (end >= 0) {
        yield this.output.slice(at, end);
        at = end + 1;
      } else if (this.#changes.isOver) {
        return;
      } else {
        await this.#changes.next;
      }
    }
  }

  /** Waits for its end; returns its exit code, or the name of the signal that ended it. */
  async exited(): Promise<number | Deno.Signal> {
    await this.#reading;
    const { code, signal } = await this.#child.status;
    return signal ?? code;
  }

  /** Ends it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.exited();
  }

  async #read(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      add(decoder.decode(bytes, { stream: true }));
      this.#changes.tell();
    }
  }
}

/** Runs a script of the shell in a folder of its own; the command is `"$@"`. */
export function inFolder(script: string, ...command: string[]): Process {
  const run = `cd "$(mktemp -d)" && trap 'rm -r "$PWD"' EXIT; ${script}`;
  return new Process(["bash", "-c", run, "bash", ...command]);
}

/** Starts a server on a free port, and waits until it listens. */
export async function startServer(...args: string[]): Promise<{ server: Process; port: number }> {
  const server = new Process("servidor", "--puerto", "0", ...args);
  const [, port] = await server.until(/(?:Escuchando en .*:|"port":)(\d+)\b/);
  return { server, port: Number(port) };
}

function match(text: string, wanted: string | RegExp): readonly string[] | undefined {
  if (typeof wanted === "string") return text.includes(wanted) ? [wanted] : undefined;
  return wanted.exec(text) ?? undefined;
}
