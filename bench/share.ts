/**
 * Flows that compete for one link.
 *
 * @module
 */
import { connect } from "../transport/mod.ts";
import { CONNECT_TIMEOUT_MS, DOWNLOAD_PORT, LONG_ANSWER_PORT, QUESTION } from "./protocols.ts";

/** Flows that share one bottleneck: TCP downloads without end, and long answers beside them. */
export interface Share {
  /** Address of the server. */
  readonly hostname: string;
  /** How many downloads compete with the first. */
  readonly downloads: number;
  readonly conversations: number;
  /** How long the flows are there before they are measured, in ms. */
  readonly warmUp: number;
  /** How long they are measured, in ms. */
  readonly duration: number;
}

/** What the flows got. */
export interface Shares {
  /** Bits a second of the first download. */
  readonly download: number;
  /** Bits a second of each other flow: the text of its answers, or the bytes of its download. */
  readonly others: readonly number[];
  /** Conversations that ended, or whose last question had no answer in time. */
  readonly lost: number;
}

/** Wait for the last answers once nothing else is asked, in ms. */
const LAST_ANSWER_MS = 60_000;

/** Lets flows share the link; returns what each got while it was measured. */
export async function share({ hostname, downloads, ...rest }: Share): Promise<Shares> {
  const from = performance.now() + rest.warmUp;
  const window = { from, to: from + rest.duration };
  const observed = download(hostname, window);
  const others = Array.from({ length: downloads }, () => download(hostname, window));
  const conversations = Array.from(
    { length: rest.conversations },
    () => converse(hostname, window),
  );
  const got = await Promise.all([...others, ...conversations]);
  return {
    download: 8000 * (await observed)! / rest.duration,
    others: got.map((bytes) => 8000 * (bytes ?? 0) / rest.duration),
    lost: got.filter((bytes) => bytes === undefined).length,
  };
}

/** When flows are measured, by the clock of the process, in ms. */
interface MeasuringWindow {
  readonly from: number;
  readonly to: number;
}

/** Bytes that a download brought in the window. */
async function download(hostname: string, { from, to }: MeasuringWindow): Promise<number> {
  const stream = await Deno.connect({ hostname, port: DOWNLOAD_PORT });
  const timer = setTimeout(() => stream.close(), to - performance.now());
  let bytes = 0;
  try {
    for await (const chunk of stream.readable) {
      if (performance.now() >= from) bytes += chunk.length;
    }
  } catch {
    // Closed by the timer.
  }
  clearTimeout(timer);
  return bytes;
}

/** Bytes of answers in the window; nothing if the conversation was lost. */
async function converse(
  hostname: string,
  { from, to }: MeasuringWindow,
): Promise<number | undefined> {
  const asking = async () => {
    await using conversation = await connect({
      hostname,
      port: LONG_ANSWER_PORT,
      connectTimeout: CONNECT_TIMEOUT_MS,
    });
    let bytes = 0;
    let askedAt = performance.now();
    while (askedAt < to) {
      const { length } = await conversation.ask(QUESTION);
      const now = performance.now();
      // Of an answer that stands across a border of the window, the part of its time inside.
      const inside = Math.min(now, to) - Math.max(askedAt, from);
      bytes += length * Math.max(0, inside) / (now - askedAt);
      askedAt = now;
    }
    return bytes;
  };
  return await within(to - performance.now() + LAST_ANSWER_MS, asking()).catch(() => undefined);
}

/** What a promise resolves with, or nothing once so many ms have passed. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
