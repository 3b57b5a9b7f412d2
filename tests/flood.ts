/**
 * A program that sends as many hostile datagrams to a port of this machine as it can, for a bounded
 * time, and then prints how many those were.
 *
 * @module
 */
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import { HEADER_BYTES, MAX_DATAGRAM_BYTES } from "../transport/reliable/packet.ts";
import { forge, guessedId, hello, oneOf, PACKET_TYPES } from "./attack.ts";

/** Report of a flood that is over. */
export interface FloodReport {
  /** Datagrams sent. */
  readonly sent: number;
  /** Length, in s. */
  readonly seconds: number;
}

/** Bounds of its length, in s, and of its datagrams. */
const MAX_SECONDS = 60;
const MAX_DATAGRAMS = 20_000_000;

/** Different datagrams; each gets a new id whenever it is sent. */
const POOL = 4096;

/** Datagrams that are handed to the system together. */
const BATCH = 32;

const ID_START = 8;

/** The command that runs this program. */
export function floodCommand(port: number, seconds: number): string[] {
  return [
    Deno.execPath(),
    ...[
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      import.meta.filename!,
      `${port}`,
      `${seconds}`,
    ],
  ];
}

async function flood(port: number, seconds: number): Promise<FloodReport> {
  const random = seededRandom(port);
  const pool = Array.from({ length: POOL }, () => hostileDatagram(random));
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to: Deno.Addr = { transport: "udp", hostname: "127.0.0.1", port };
  const start = performance.now();
  const end = start + 1000 * Math.min(seconds, MAX_SECONDS);
  let sent = 0;
  while (performance.now() < end && sent < MAX_DATAGRAMS) {
    const sending: Promise<number>[] = [];
    for (let i = 0; i < BATCH; i++) {
      const datagram = pool[sent++ % POOL]!;
      if (datagram.length >= HEADER_BYTES) renew(datagram, random);
      sending.push(socket.send(datagram, to));
    }
    await Promise.all(sending);
  }
  socket.close();
  return { sent, seconds: (performance.now() - start) / 1000 };
}

/** HELLOs for the most part, without a token or with a guess; else guesses of an id, or noise. */
function hostileDatagram(random: () => number): Uint8Array {
  const choice = random();
  if (choice < 0.4) return hello(guessedId(random));
  if (choice < 0.6) return forge("hello", guessedId(random), random);
  if (choice < 0.8) return forge(oneOf(PACKET_TYPES, random), guessedId(random), random);
  return seededBytes(random, Math.floor(random() * (MAX_DATAGRAM_BYTES + 8)));
}

function renew(datagram: Uint8Array, random: () => number): void {
  const view = new DataView(datagram.buffer);
  view.setUint32(ID_START, random() * 2 ** 32);
  view.setUint32(ID_START + 4, random() * 2 ** 32);
}

if (import.meta.main) {
  const report = await flood(Number(Deno.args[0]), Number(Deno.args[1]));
  // deno-lint-ignore no-console -- the report is what this program prints
  console.log(JSON.stringify(report));
}
