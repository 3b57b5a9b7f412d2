/**
 * Datagrams as Wireshark shows them with the dissector of this project. Needs `tshark` and the
 * permission to run it; tests that use it set `ignore: !canDissect`.
 *
 * @module
 */
import type { Flight } from "../laboratory/world.ts";
import { isGranted, outputOf } from "./machine.ts";

/** The dissector. */
export const DISSECTOR = `${import.meta.dirname}/../docs/pyr.lua`;

/** Whether this machine and these permissions allow {@linkcode dissect} and to read the dissector. */
export const canDissect: boolean = isGranted("read") &&
  (await outputOf("tshark", "--version")).includes("Wireshark");

/** A datagram on its way at a time, in ms. */
export interface Captured extends Flight {
  readonly at: number;
}

/** Values of each field in one packet, as text; fields that it does not have are left out. */
export type Layers = Readonly<Record<string, readonly string[]>>;

const MAGIC = 0xa1b2c3d4;
const LINKTYPE_RAW = 101;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const UDP = 17;
const TIME_TO_LIVE = 64;
const MAX_KEPT_BYTES = 65_507;
const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;

/**
 * A capture file of these datagrams (https://www.tcpdump.org/manpages/pcap-savefile.5.html), each in
 * UDP and IPv4 without checksums.
 *
 * @param keptBytes Most bytes of each that are in the file.
 */
export function pcapOf(
  capture: readonly Captured[],
  keptBytes = MAX_KEPT_BYTES,
): Uint8Array<ArrayBuffer> {
  const snapLength = IP_BYTES + UDP_BYTES + keptBytes;
  const packets = capture.map((captured) => ipv4Of(captured));
  const file = new Uint8Array(packets.reduce(
    (sum, { length }) => sum + PACKET_HEADER_BYTES + Math.min(length, snapLength),
    FILE_HEADER_BYTES,
  ));
  const view = new DataView(file.buffer);
  [MAGIC, 2 << 16 | 4, 0, 0, snapLength, LINKTYPE_RAW].forEach((it, i) =>
    view.setUint32(4 * i, it)
  );
  let at = FILE_HEADER_BYTES;
  packets.forEach((packet, i) => {
    const microseconds = Math.round(capture[i]!.at * 1000);
    const kept = packet.subarray(0, snapLength);
    const header = [Math.floor(microseconds / 1e6), microseconds % 1e6, kept.length, packet.length];
    header.forEach((it, i) => view.setUint32(at + 4 * i, it));
    file.set(kept, at + PACKET_HEADER_BYTES);
    at += PACKET_HEADER_BYTES + kept.length;
  });
  return file;
}

/**
 * Reads a capture file with `tshark`; returns the fields of those names of each packet.
 *
 * @param passes With two, a packet is read again when all are known, as in Wireshark's window.
 */
export async function dissect(
  pcap: Uint8Array<ArrayBuffer>,
  fields: readonly string[],
  passes: 1 | 2 = 1,
): Promise<Layers[]> {
  const args = ["-T", "json", ...fields.flatMap((field) => ["-e", field])];
  const output = await tshark(pcap, args, passes);
  const packets = JSON.parse(output) as { _source: { layers: Layers } }[];
  return packets.map(({ _source }) => _source.layers);
}

/** The packet list of a capture file: the columns of the protocol and of the information. */
export async function packetList(pcap: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const output = await tshark(pcap, ["-o", 'gui.column.format:"Protocol","%p","Info","%i"']);
  return output.split("\n").slice(0, -1).map((line) => line.trim());
}

// Two passes take a file: the shell may write one, where the tests may not.
const TWO_PASSES =
  `file=$(mktemp) && trap 'rm -f "$file"' EXIT && cat > "$file" && tshark -2 -r "$file" "$@"`;

async function tshark(
  pcap: Uint8Array<ArrayBuffer>,
  args: readonly string[],
  passes: 1 | 2 = 1,
): Promise<string> {
  const words = ["-n", "-X", `lua_script:${DISSECTOR}`, ...args];
  const child = new Deno.Command(passes === 1 ? "tshark" : "sh", {
    args: passes === 1 ? ["-r", "-", ...words] : ["-c", TWO_PASSES, "tshark", ...words],
    // The user may have the dissector among the plugins already, or other settings.
    env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", LC_ALL: "C.UTF-8" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // One that fails closes its input early, and says why.
  const feeding = new Response(pcap).body!.pipeTo(child.stdin).catch(() => {});
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), feeding]);
  const errors = new TextDecoder().decode(stderr);
  if (!success || errors.includes("Lua")) throw new Error(`tshark failed:\n${errors}`);
  return new TextDecoder().decode(stdout);
}

function ipv4Of({ datagram, from, to }: Captured): Uint8Array {
  const packet = new Uint8Array(IP_BYTES + UDP_BYTES + datagram.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 4 << 4 | IP_BYTES / 4);
  view.setUint16(2, packet.length);
  view.setUint8(8, TIME_TO_LIVE);
  view.setUint8(9, UDP);
  packet.set(from.hostname.split(".").map(Number), 12);
  packet.set(to.hostname.split(".").map(Number), 16);
  view.setUint16(IP_BYTES, from.port);
  view.setUint16(IP_BYTES + 2, to.port);
  view.setUint16(IP_BYTES + 4, UDP_BYTES + datagram.length);
  packet.set(datagram, IP_BYTES + UDP_BYTES);
  return packet;
}
