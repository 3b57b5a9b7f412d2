/**
 * Links between two network namespaces, each with a delay, a chance of loss and a bottleneck of its own.
 *
 * @module
 */
import { Process } from "../tests/process.ts";

/** A link to make. Both directions are alike. */
export interface Link {
  /** Time from one end to the other, in seconds. */
  readonly delay: number;
  /** Chance of each frame to be lost, 0 to 1. */
  readonly loss: number;
  /** Which frames are lost: the nth of a direction is, or is not, on every link with this seed. */
  readonly seed: number;
  /** Bytes a second that pass, by default without limit. */
  readonly rate?: number;
  /** Frames that wait for the bottleneck at most, by default without limit. A further one is lost. */
  readonly queue?: number;
}

/** Ways to get a network namespace, the first as root. */
const UNSHARE = [["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]] as const;

const MAKE_DEVICE = "ip tuntap add mode tun";

/** The namespaces and their links. They end with this process, if not before. */
export class Links implements AsyncDisposable {
  /** What runs a command inside the server's namespace, and inside the client's. */
  readonly ends: readonly [server: string[], client: string[]];
  readonly #process: Process;

  private constructor(process: Process, ends: Links["ends"]) {
    this.#process = process;
    this.ends = ends;
  }

  /**
   * Makes links.
   *
   * @throws {Error} If something is missing for it.
   */
  static async make(links: readonly Link[]): Promise<Links> {
    const unshare = await findUnshare();
    if (unshare === undefined) throw new Error("No network namespaces");
    const script = `${import.meta.dirname}/link.py`;
    const process = new Process([...unshare, "python3", script, JSON.stringify(links)]);
    const { value, done } = await process.lines().next();
    if (done) {
      await process.exited();
      throw new Error(`The links failed: ${process.errors}`);
    }
    const { pid, descriptors } = JSON.parse(value);
    const user = unshare === UNSHARE[0]
      ? []
      : [`--user=/proc/${pid}/ns/user`, "--preserve-credentials"];
    const [server, client] = descriptors.map((descriptor: number) => [
      ...["nsenter", ...user, `--net=/proc/${pid}/fd/${descriptor}`, "--"],
    ]);
    return new Links(process, [server, client]);
  }

  /** Address of the server at one of the links, by their order. */
  static serverAt(link: number): string {
    return `10.0.${link}.1`;
  }

  /** Ends the links, and the namespaces once nothing runs inside them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

/** What this machine lacks for links, in Spanish; empty if nothing is missing. */
export async function missingForLinks(): Promise<string> {
  for (const [command, flag] of [["unshare", "-V"], ["python3", "-V"], ["ip", "-V"]] as const) {
    if (!await succeeds([command, flag])) return `falta la orden ${command}`;
  }
  const unshare = await findUnshare();
  if (unshare === undefined) {
    return "hace falta ser root, o poder crear espacios de nombres de usuario";
  }
  return await succeeds([...unshare, ...MAKE_DEVICE.split(" ")]) ? "" : "falta /dev/net/tun";
}

async function findUnshare(): Promise<readonly string[] | undefined> {
  for (const unshare of UNSHARE) if (await succeeds([...unshare, "true"])) return unshare;
  return undefined;
}

async function succeeds([command, ...args]: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command!, { args }).output();
    return success;
  } catch {
    return false;
  }
}
