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

const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 6 };
const OPTION = { end: 0, comment: 1, interfaceName: 2, packetFlags: 2 };
const BYTE_ORDER = 0x1a2b3c4d;
const UNKNOWN_LENGTH = 0xffffffff;
const LINKTYPE_RAW = 101;

/** The interfaces of a file, at their numbers: the network, and what was lost on purpose. */
const INTERFACES = ["red", "perdidos a propósito"];

const UDP = 17;
const TIME_TO_LIVE = 64;
const DONT_FRAGMENT = 0x4000;

/** The blocks that a file opens with. */
export function captureHeader(): Uint8Array {
  const lengths = u32(UNKNOWN_LENGTH, UNKNOWN_LENGTH);
  const interfaces = INTERFACES.map((name) => {
    const options = [option(OPTION.interfaceName, utf8(name)), option(OPTION.end)];
    return block(BLOCK.interface, u16(LINKTYPE_RAW, 0), u32(0), ...options);
  });
  return concat([block(BLOCK.section, u32(BYTE_ORDER), u16(1, 0), lengths), ...interfaces]);
}

export function captureBlock(captured: CapturedDatagram): Uint8Array {
  const { at, isSent, loss } = captured;
  const packet = packetOf(captured);
  const microseconds = Math.round(1000 * at);
  const time = u32(microseconds / 2 ** 32, microseconds);
  return block(
    BLOCK.packet,
    u32(loss === undefined ? 0 : 1),
    time,
    u32(packet.length, packet.length),
    padded(packet),
    loss === undefined ? EMPTY : option(OPTION.comment, utf8(loss)),
    option(OPTION.packetFlags, u32(isSent ? 2 : 1)),
    option(OPTION.end),
  );
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
  const addresses = concat([source, destination]);
  if (source.length > 4) {
    return concat([big(0x6000, 0, length, UDP << 8 | TIME_TO_LIVE), addresses, udp]);
  }
  const rest = [20 + length, 0, DONT_FRAGMENT, TIME_TO_LIVE << 8 | UDP, 0];
  const ip = concat([big(0x4500, ...rest), addresses]);
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

function block(type: number, ...body: Uint8Array[]): Uint8Array {
  const length = u32(12 + body.reduce((sum, { length }) => sum + length, 0));
  return concat([u32(type), length, ...body, length]);
}

function option(code: number, value = EMPTY): Uint8Array {
  return concat([u16(code, value.length), padded(value)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return concat([bytes, new Uint8Array(-bytes.length & 3)]);
}

/** Numbers of 16 bits, big-endian. */
function big(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

const u16 = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const utf8 = (text: string) => new TextEncoder().encode(text);
