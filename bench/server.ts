/**
 * The server that is measured: it answers every question with the question, through the door
 * (`ours`) or as the rawest of echoes (`raw`).
 *
 * @module
 */
import { serve } from "../transport/mod.ts";
import { cpuTime, obey } from "./orders.ts";

/** How a server starts. */
export interface ServerStart {
  /** Silence after which a client is gone, in ms. */
  readonly idleTimeout: number;
  /** The code of its room, if that is a private one. */
  readonly code?: string;
  /** CPU time that each answer takes, in µs, default 0. */
  readonly busy?: number;
}

/** CPU time of a server at an instant. */
export interface Usage {
  /** CPU time so far, in µs. */
  readonly cpu: number;
  /** The time, in µs. */
  readonly now: number;
}

/** Memory of a server at an instant, in bytes. */
export interface Memory {
  /** Resident, by the system's account. */
  readonly resident: number;
  /** In use on the heap. */
  readonly heap: number;
}

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

function start(kind: string, { busy = 0, ...options }: ServerStart): number {
  if (kind === "raw") return startRaw();
  const limits = { maxSessions: 1_000_000, maxSessionsPerAddress: 1_000_000 };
  return serve({ ...LOOPBACK, ...limits, ...options }, (question) => {
    if (busy > 0) spin(busy);
    return question;
  }).addr.port;
}

// In CPU time: time in which another process has the core is no work.
function spin(microseconds: number): void {
  const end = cpuTime() + microseconds;
  while (cpuTime() < end);
}

function startRaw(): number {
  const socket = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  echo(socket);
  return (socket.addr as Deno.NetAddr).port;
}

async function echo(socket: Deno.DatagramConn): Promise<void> {
  const buffer = new Uint8Array(2048);
  while (true) {
    const [datagram, from] = await socket.receive(buffer);
    await socket.send(datagram, from);
  }
}

async function weigh(): Promise<Memory> {
  // Only this process is to run with the flags that this sets.
  const { heapInUse } = await import("../tests/memory.ts");
  return { heap: heapInUse(), resident: Deno.memoryUsage().rss };
}

if (import.meta.main) {
  await obey({
    start: (options: ServerStart) => start(Deno.args[0]!, options),
    usage: (): Usage => ({ cpu: cpuTime(), now: 1000 * performance.now() }),
    memory: weigh,
  });
}
