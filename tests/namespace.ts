/**
 * Machines and networks that exist only for a test: network namespaces of Linux.
 *
 * @module
 */
import { Process } from "./process.ts";

/**
 * Puts a command into namespaces of its own: its network has no way out, what it mounts nobody else sees,
 * and every process that it starts ends with it.
 */
export function apart(...command: readonly string[]): string[] {
  const flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return ["unshare", "--user", "--map-root-user", ...flags, ...command];
}

/** What such namespaces, a packet filter and nginx need and this machine does not have; empty if it has all. */
export async function findObstacle(): Promise<string> {
  const files = ["/usr/lib/nginx/modules/ngx_stream_module.so"];
  const needs = ["unshare", "nsenter", "ip", "nft", "nginx"].map((it) => `command -v ${it}`);
  try {
    for (const need of [...needs, ...files.map((it) => `test -e ${it}`)]) {
      await run(["sh", "-c", `${need} || { echo "failed: ${need}" >&2; exit 1; }`]);
    }
    await run(apart("sh", "-c", "ip link add end0 type veth peer name end1 && nft add table ip t"));
    return "";
  } catch (error) {
    return String(error).split("\n").slice(1).join(" ").trim();
  }
}

/**
 * Runs a command to its end.
 *
 * @throws {Error} If it fails.
 */
export async function run(command: readonly string[], input: string = ""): Promise<string> {
  await using process = new Process(command);
  await process.write(input);
  await process.end();
  const code = await process.exited();
  if (code !== 0) throw new Error(`${command.join(" ")}: ${code}\n${process.errors}`);
  return process.output;
}

/** A machine: a network namespace, held by a process. */
export class Machine implements AsyncDisposable {
  readonly #holder: Process;
  readonly #pid: string;

  private constructor(holder: Process, pid: string) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Starts a machine, whose network is not connected yet. */
  static async start(): Promise<Machine> {
    const holder = new Process(["unshare", "--net", "sh", "-c", "echo $$; exec cat"]);
    const [pid] = await holder.until(/\d+(?=\n)/);
    const machine = new Machine(holder, pid!);
    await run(machine.at("ip", "link", "set", "lo", "up"));
    return machine;
  }

  /** The command that runs a command on this machine. */
  at(...command: readonly string[]): string[] {
    return ["nsenter", "--target", this.#pid, "--net", ...command];
  }

  /** Lays a cable from an interface of the network of this process, or of another machine, to one of this. */
  async plug(mine: string, theirs: string, other?: Machine): Promise<void> {
    const make = ["ip", "link", "add", theirs, "type", "veth", "peer", "name", mine];
    const command = [...make, "netns", this.#pid];
    await run(other ? other.at(...command) : command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }
}
