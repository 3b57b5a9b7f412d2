/**
 * Capture files as Wireshark reads them (pcapng, draft-ietf-opsawg-pcapng): each datagram in UDP (RFC 768)
 * and IPv4 (RFC 791) or IPv6 (RFC 8200). Numbers of the file are in the byte order of this machine, which
 * the file tells; those of the network are big-endian.
 *
 * @module
 */
import { concat, EMPTY } from "../../transport/bytes.ts";
import type { Address } from "../../transport/mod.ts";

/** A datagram that passed at an end. */
export interface CapturedDatagram {
  readonly datagram: Uint8Array;
  readonly from: Address;
  readonly to: Address;
  /** When it passed, in ms since 1970. */
  readonly at: number;
  readonly isSent: boolean;
  /** How it was lost on purpose, if it was. */
  readonly loss?: string | undefined;
}

const BLOCKS = { section: 0x0a0d0d0a, interface: 1, packet: 6 };
const BYTE_ORDER = 0x1a2b3c4d;
const UNKNOWN_LENGTH = 0xffffffff;
const LINKTYPE_RAW = 101;
const OPTIONS = { end: 0, comment: 1, interfaceName: 2, packetFlags: 2 };
/** Values of the flags of a packet. */
const [INBOUND, OUTBOUND] = [1, 2];

/** The interfaces of a file, at their numbers: the network, and what was lost on purpose. */
const INTERFACES = ["red", "perdidos a propósito"];

const UDP = 17;
const TIME_TO_LIVE = 64;
const DONT_FRAGMENT = 0x4000;

/** The blocks that a file opens with. */
export function captureHeader(): Uint8Array {
  const version = [u16(1), u16(0)];
  const section = block(BLOCKS.section, [
    u32(BYTE_ORDER),
    ...version,
    u32(UNKNOWN_LENGTH),
    u32(UNKNOWN_LENGTH),
  ]);
  const interfaces = INTERFACES.map((name) =>
    block(BLOCKS.interface, [
      u16(LINKTYPE_RAW),
      u16(0),
      u32(0),
      option(OPTIONS.interfaceName, utf8(name)),
      option(OPTIONS.end),
    ])
  );
  return concat([section, ...interfaces]);
}

/** The block of a datagram. */
export function captureBlock(captured: CapturedDatagram): Uint8Array {
  const { at, isSent, loss } = captured;
  const microseconds = Math.round(1000 * at);
  const packet = packetOf(captured);
  return block(BLOCKS.packet, [
    u32(loss === undefined ? 0 : 1),
    u32(microseconds / 2 ** 32),
    u32(microseconds),
    u32(packet.length),
    u32(packet.length),
    padded(packet),
    loss === undefined ? EMPTY : option(OPTIONS.comment, utf8(loss)),
    option(OPTIONS.packetFlags, u32(isSent ? OUTBOUND : INBOUND)),
    option(OPTIONS.end),
  ]);
}

/** The bytes of an IP address: four, also of an IPv4 address that is mapped to IPv6, or sixteen. */
export function ipBytes(hostname: string): Uint8Array {
  const [address] = hostname.replace(/^::ffff:(?=.*\.)/i, "").split("%") as [string];
  if (address.includes(".")) return Uint8Array.from(address.split("."), Number);
  const [head, tail = []] = address.split("::").map((part) => part.split(":").filter(Boolean));
  const groups = [...head!, ...new Array(8 - head!.length - tail.length).fill("0"), ...tail];
  return concat(groups.map((group) => big(parseInt(group, 16))));
}

function packetOf({ datagram, from, to }: CapturedDatagram): Uint8Array {
  const [source, destination] = [ipBytes(from.hostname), ipBytes(to.hostname)];
  const length = 8 + datagram.length;
  const udp = concat([big(from.port, to.port, length, 0), datagram]);
  // The pseudo-headers of IPv4 and IPv6 (RFC 8200 §8.1) have the same sum. 0 means "no checksum".
  const sum = checksum(concat([source, destination, big(length, UDP), udp])) || 0xffff;
  udp.set(big(sum), 6);
  if (source.length > 4) {
    return concat([big(0x6000, 0, length, UDP << 8 | TIME_TO_LIVE), source, destination, udp]);
  }
  const protocol = TIME_TO_LIVE << 8 | UDP;
  const ip = concat([
    big(0x4500, 20 + length, 0, DONT_FRAGMENT, protocol, 0),
    source,
    destination,
  ]);
  ip.set(big(checksum(ip)), 10);
  return concat([ip, udp]);
}

/** The checksum of the internet (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function block(type: number, body: readonly Uint8Array[]): Uint8Array {
  const length = u32(12 + body.reduce((sum, { length }) => sum + length, 0));
  return concat([u32(type), length, ...body, length]);
}

function option(code: number, value = EMPTY): Uint8Array {
  return concat([u16(code), u16(value.length), padded(value)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return concat([bytes, new Uint8Array(-bytes.length & 3)]);
}

/** Numbers of 16 bits, big-endian. */
function big(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

const u16 = (value: number) => new Uint8Array(Uint16Array.of(value).buffer);
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const utf8 = (text: string) => new TextEncoder().encode(text);
