/**
 * Processes that the benchmarks measure, each held on one core.
 *
 * @module
 */
import { Process } from "../tests/process.ts";

/** A program of this folder that runs as a worker. */
export type WorkerName = "server" | "client" | "crowd" | "contenders";

/** Which core a worker is held on. */
export type Core = 0 | 1;

/** Far more than most orders take, in ms: reached only by a defect. */
const PATIENCE_MS = 120_000;

/** Cores that a process can be held on here: none where there is no `taskset`. */
const cores = await countCores();

/** How the workers are placed, in Spanish. */
export const placement: string = [
  "sin taskset: procesos donde el sistema quiera",
  "todos los procesos en un solo núcleo",
  "servidor en el núcleo 0; cliente en el mismo, y multitud de clientes en el 1",
][cores]!;

/** A worker process. It ends when it is disposed of, or when this process ends. */
export class Worker implements AsyncDisposable {
  /** Folder for a CPU profile of each worker, written when it ends; none by default. */
  static profileFolder: string | undefined;
  readonly #process: Process;
  readonly #replies: AsyncGenerator<string>;

  /** Starts a worker of that kind on a core, inside of whatever the command `within` leads to. */
  constructor(name: WorkerName, kind: string, core: Core, within: readonly string[] = []) {
    const script = `${import.meta.dirname}/${name}.ts`;
    const pin = cores === 0 ? [] : ["taskset", "-c", `${Math.min(core, cores - 1)}`];
    const profile = Worker.profileFolder === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${Worker.profileFolder}`];
    const run = [Deno.execPath(), "run", "--no-check", "--no-prompt", "--allow-net", ...profile];
    this.#process = new Process([...within, ...pin, ...run, script, kind]);
    this.#replies = this.#process.lines();
  }

  /**
   * Gives an order, and waits for the reply, for `patience` ms at most.
   *
   * @throws {Error} If the worker ends without one, or it does not come in time.
   */
  async order<Reply>(
    name: string,
    argument: unknown = null,
    patience: number = PATIENCE_MS,
  ): Promise<Reply> {
    await this.#process.write(`${JSON.stringify([name, argument])}\n`);
    let timer;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No reply in time: "${name}"`)), patience);
    });
    const reply = await Promise.race([this.#replies.next(), timeout]);
    clearTimeout(timer);
    if (reply.done) throw new Error(`A worker failed: "${name}"\n${this.#process.errors}`);
    return JSON.parse(reply.value);
  }

  /** Ends it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (Worker.profileFolder !== undefined) {
      await this.#process.end();
      await this.#process.exited();
    }
    await this.#process[Symbol.asyncDispose]();
  }
}

async function countCores(): Promise<0 | 1 | 2> {
  for (const core of [1, 0] as const) {
    try {
      const command = new Deno.Command("taskset", { args: ["-c", `${core}`, "true"] });
      if ((await command.output()).success) return core === 1 ? 2 : 1;
    } catch {
      return 0;
    }
  }
  return 0;
}
