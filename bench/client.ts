/**
 * The one client that is measured: it asks, waits, and asks again, through the door or raw.
 *
 * @module
 */
import { connect, type Conversation, RefusedError } from "../transport/mod.ts";
import { obey } from "./orders.ts";

/** A client to start. */
export interface ClientStart {
  readonly port: number;
  /** The code of the server's room, if that is a private one. */
  readonly code?: string;
}

/** Figures of a client. */
export interface Measured {
  /** Turns a second. */
  readonly rate: number;
  /** Time of a turn, in µs: half of them took less. */
  readonly p50: number;
  /** Time of a turn, in µs: 99 of 100 took less. */
  readonly p99: number;
}

const HOSTNAME = "127.0.0.1";
const QUESTION = "¿" + "x".repeat(61) + "?";

/** One turn, from the question to its answer. */
type TakeTurn = () => Promise<unknown>;

let takeTurn: TakeTurn;

/** Gets through to the server; returns whether that is possible. */
async function start(kind: string, { port, ...room }: ClientStart): Promise<boolean> {
  if (kind === "raw") {
    takeTurn = startRaw(port);
    return true;
  }
  // A door that knows no codes takes no notice of one.
  if (room.code !== undefined && !await isPrivate(port)) return false;
  const conversation = await connect({ hostname: HOSTNAME, port, ...room });
  takeTurn = () => conversation.ask(QUESTION);
  return true;
}

// Whether the server refuses clients without a code.
async function isPrivate(port: number): Promise<boolean> {
  let conversation: Conversation;
  try {
    conversation = await connect({ hostname: HOSTNAME, port });
  } catch (error) {
    if (error instanceof RefusedError) return true;
    throw error;
  }
  await conversation.bye();
  return false;
}

function startRaw(port: number): TakeTurn {
  const server = { transport: "udp", hostname: HOSTNAME, port } as const;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: HOSTNAME, port: 0 });
  const question = new TextEncoder().encode(QUESTION);
  const buffer = new Uint8Array(2048);
  return async () => {
    await socket.send(question, server);
    await socket.receive(buffer);
  };
}

async function run(turns: number): Promise<Measured> {
  const times = new Float64Array(turns);
  const start = performance.now();
  let last = start;
  for (let turn = 0; turn < turns; turn++) {
    await takeTurn();
    const now = performance.now();
    times[turn] = now - last;
    last = now;
  }
  times.sort();
  return {
    rate: 1000 * turns / (last - start),
    p50: 1000 * times[Math.floor(0.5 * turns)]!,
    p99: 1000 * times[Math.floor(0.99 * turns)]!,
  };
}

if (import.meta.main) {
  await obey({ start: (place: ClientStart) => start(Deno.args[0]!, place), run });
}
