/**
 * One datagram, one packet: the only place where the bytes of the wire are built or read.
 * The layout is drawn in the module documentation of `mod.ts`.
 *
 * @module
 */
import { MAX_MESSAGE_BYTES } from "../../protocol.ts";
import { allocate, concat, decodeText, EMPTY, Views } from "../bytes.ts";
import type { ForeignKind } from "../limits.ts";

/** Largest datagram sent or accepted, in bytes: fits every path without fragments (RFC 7252 §4.6). */
export const MAX_DATAGRAM_BYTES = 1152;

/** Bytes of the fixed header that opens every datagram. */
export const HEADER_BYTES = 24;

/** Bytes left free in each datagram for a seal: a 64-bit counter and a 128-bit tag (RFC 8439 §2.8). */
export const SEAL_BYTES = 24;

/** Most bytes of a message that one packet carries. */
export const MAX_SEGMENT_BYTES = MAX_DATAGRAM_BYTES - HEADER_BYTES - SEAL_BYTES;

/** Exact bytes of a HELLO, padded: no reply is larger, even to a forged address (RFC 9000 §8.1). */
export const HELLO_BYTES = 160;

/** Most bytes of a retry token that a HELLO has room for. */
export const MAX_TOKEN_BYTES = 36;

/** Most bytes of a key share in a HELLO. */
export const MAX_HELLO_SHARE_BYTES = 32;

/** Most bytes of a key share in a WELCOME, which confirms as well. */
export const MAX_WELCOME_SHARE_BYTES = 96;

/** Bytes that a ping may carry for the pong to repeat, to prove an address (RFC 9000 §8.2). */
export const CHALLENGE_BYTES = 8;

/** Longest name of a client, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 40;

/** Longest notice of a server, in bytes of UTF-8. */
export const MAX_NOTICE_BYTES = 1_000;

const MAGIC = 0x507952; // "PyR"
const VERSION = 2;

/** The least version byte that is a text of another protocol: versions are control characters. */
const VERSION_END = 0x20;

const HELLO_PAYLOAD = HELLO_BYTES - HEADER_BYTES;
const HANDSHAKE_FIELDS = 12;

/** The code of each type on the wire, and the bounds of its payload in bytes. */
export const PACKET_RULES = {
  hello: { code: 1, min: HELLO_PAYLOAD, max: HELLO_PAYLOAD },
  retry: { code: 2, min: 1, max: MAX_TOKEN_BYTES },
  welcome: { code: 3, min: HANDSHAKE_FIELDS, max: HANDSHAKE_FIELDS + MAX_WELCOME_SHARE_BYTES },
  refuse: { code: 4, min: 1, max: 1 },
  message: { code: 5, min: 0, max: MAX_SEGMENT_BYTES },
  ack: { code: 6, min: 0, max: MAX_NAME_BYTES },
  ping: { code: 7, min: 0, max: MAX_NAME_BYTES },
  pong: { code: 8, min: 0, max: CHALLENGE_BYTES },
  bye: { code: 9, min: 1, max: 1 },
  "bye-ack": { code: 10, min: 0, max: 0 },
  reset: { code: 11, min: 0, max: 0 },
  notice: { code: 12, min: 0, max: MAX_NOTICE_BYTES },
  "notice-ack": { code: 13, min: 0, max: 0 },
} as const;

/** The type of a packet: a key of {@linkcode PACKET_RULES}. */
export type PacketType = keyof typeof PACKET_RULES;

/** Why one end says bye, each reason at its code on the wire. */
export const BYE_REASONS = [
  "bye", // the asker has no more questions
  "closing", // the server stops
  "failed", // the answerer failed over the question
  "invalid", // a message was not UTF-8
  "busy", // the server has as many unanswered questions as it allows
  "expelled", // the operator sends the client away
  "undelivered", // a message did not get through, though the other end is there
  "full", // the seats of a private room were taken while the client showed that it has the code
  "moved", // the server hands its clients over to another: they are to connect again
] as const;

/** Why one end says bye: one of {@linkcode BYE_REASONS}. */
export type ByeReason = typeof BYE_REASONS[number];

/** Why a server refuses a connection, each reason at its code on the wire. */
export const REFUSALS = [
  "full", // it has as many sessions as it allows
  "closing", // it stops
  "crowded", // it has as many sessions at that address as it allows
  "wrong-code", // it is a private room, and the client's code is another: the client tells the server
  "private", // it is a private room, and the client has no code
  "open", // it is an open room, and the client has a code
  "version", // it speaks another version of this protocol
  "wait", // it is a private room, and too many codes were not confirmed of late
] as const;

/** Why a server refuses a connection: one of {@linkcode REFUSALS}. */
export type Refusal = typeof REFUSALS[number];

/** A decoded datagram. Every number is an unsigned integer of the width that is named. */
export interface Packet {
  /** The type (8 bits on the wire). */
  readonly type: PacketType;
  /** Session id; during the handshake, the client's nonce (64 bits). */
  readonly id: bigint;
  /** Transmission of this packet, counted from 1, modulo 256; 0 where it is not counted. */
  readonly attempt: number;
  /** The attempt of the packet that this one answers; 0 where it answers none (8 bits). */
  readonly echo: number;
  /** Milliseconds from the arrival of the acknowledged packet to this one; 255 means "or more". */
  readonly ackDelay: number;
  /** Sequence number of the message; of the ping, in ping and pong (32 bits). */
  readonly number: number;
  /** Which segment of the message, counted from 0 (8 bits). */
  readonly segment: number;
  /** The last segment of the message (8 bits). */
  readonly lastSegment: number;
  /** From a server, questions answered before this one; from a client, bytes of its name (16 bits). */
  readonly ahead: number;
  /** The rest of the datagram. */
  readonly payload: Uint8Array;
}

/** The readable fields of a datagram, the rest of which may be sealed. */
export interface Header extends Omit<Packet, "payload"> {
  /** Whether it is a HELLO with a retry token. */
  readonly hasToken: boolean;
}

/** The fields of a {@linkcode Packet} that are not zero or empty. */
export type PacketFields = Pick<Packet, "type" | "id"> & Partial<Packet>;

const written = new Views();
const read = new Views();

const TYPES: (PacketType | undefined)[] = [];
for (const [type, { code }] of Object.entries(PACKET_RULES)) TYPES[code] = type as PacketType;

/**
 * Builds the datagram of a packet.
 *
 * @param packet The fields that are not zero; a payload of at most {@linkcode MAX_SEGMENT_BYTES}.
 * @returns Bytes that the caller owns, as those of `allocate`.
 */
export function encode(packet: PacketFields): Uint8Array {
  return encodeFor(idHigh(packet.id), idLow(packet.id), packet);
}

/** The upper half of an id, as a signed integer. */
export function idHigh(id: bigint): number {
  return Number(BigInt.asIntN(32, id >> 32n));
}

/** The lower half of an id, as a signed integer. */
export function idLow(id: bigint): number {
  return Number(BigInt.asIntN(32, id));
}

/** {@linkcode encode} for an id in halves, as a session keeps it. */
export function encodeFor(high: number, low: number, packet: Omit<PacketFields, "id">): Uint8Array {
  const payload = packet.payload ?? EMPTY;
  const datagram = allocate(HEADER_BYTES + payload.length);
  const view = written.of(datagram);
  const at = datagram.byteOffset;
  view.setUint32(at, MAGIC << 8 | VERSION);
  view.setUint8(at + 4, PACKET_RULES[packet.type].code);
  view.setUint8(at + 5, packet.attempt ?? 0);
  view.setUint8(at + 6, packet.echo ?? 0);
  view.setUint8(at + 7, packet.ackDelay ?? 0);
  view.setInt32(at + 8, high);
  view.setInt32(at + 12, low);
  view.setUint32(at + 16, packet.number ?? 0);
  view.setUint8(at + 20, packet.segment ?? 0);
  view.setUint8(at + 21, packet.lastSegment ?? 0);
  view.setUint16(at + 22, packet.ahead ?? 0);
  if (payload.length > 0) datagram.set(payload, HEADER_BYTES);
  return datagram;
}

/**
 * Reads a datagram: a packet with every field in its bounds, or nothing. It never throws.
 *
 * @param datagram Untrusted bytes. The payload of the packet is a view of them, not a copy.
 * @returns The packet, or `undefined` for a datagram that is foreign, cut, too long or out of bounds.
 */
export function decode(datagram: Uint8Array): Packet | undefined {
  const type = packetType(datagram);
  if (type === undefined) return undefined;
  const { min, max } = PACKET_RULES[type];
  const length = datagram.length - HEADER_BYTES;
  if (length < min || length > max) return undefined;
  const payload = length === 0 ? EMPTY : datagram.subarray(HEADER_BYTES);
  const packet = readFields(datagram, type, payload);
  return isSound(packet) ? packet : undefined;
}

/**
 * Reads only the header of a datagram, for an observer: the payload may be out of bounds or sealed.
 *
 * @returns `undefined` for a datagram of another protocol or version.
 */
export function readHeader(datagram: Uint8Array): Header | undefined {
  const type = packetType(datagram);
  if (type === undefined) return undefined;
  const { payload: _, ...fields } = readFields(datagram, type, EMPTY);
  // The length of the token follows the idle timeout.
  const hasToken = type === "hello" && (datagram[HEADER_BYTES + 4] ?? 0) > 0;
  return { ...fields, hasToken };
}

/** The type that a datagram announces; `undefined` for one of another protocol or version. */
export function packetType(datagram: Uint8Array): PacketType | undefined {
  return hasHeader(datagram) && datagram[3] === VERSION ? TYPES[datagram[4]!] : undefined;
}

/** Whether a datagram is of another version of this protocol. */
export function isOtherVersion(datagram: Uint8Array): boolean {
  return hasHeader(datagram) && datagram[3] !== VERSION && datagram[3]! < VERSION_END;
}

/** Whether a datagram of any version is a RESET, whose code never changes: its sender speaks that version. */
export function isReset(datagram: Uint8Array): boolean {
  return datagram[4] === PACKET_RULES.reset.code;
}

/** The kind of a datagram that was of no use. */
export function kindOf(datagram: Uint8Array): ForeignKind {
  if (packetType(datagram) !== undefined) return "packet";
  const start = datagram.subarray(0, 64);
  if (start.length > 3 && String.fromCharCode(...start.subarray(0, 3)) === "PyR") return "version";
  // Most noise has a control character; to decode it all would cost much in a flood.
  const isNoise = start.some((byte) => byte < 0x09 || byte > 0x0d && byte < 0x20);
  return isNoise || decodeText(datagram) === undefined ? "binary" : "text";
}

/** The id in a datagram for which {@linkcode packetType} knew a type, or of another version. */
export function packetId(datagram: Uint8Array): bigint {
  return read.of(datagram).getBigUint64(datagram.byteOffset + 8);
}

/** The lower half of {@linkcode packetId}, as a signed integer: a `Map` finds it several times as fast. */
export function packetIdLow(datagram: Uint8Array): number {
  return read.of(datagram).getInt32(datagram.byteOffset + 12);
}

/** The upper half of that id, as a signed integer. */
export function packetIdHigh(datagram: Uint8Array): number {
  return read.of(datagram).getInt32(datagram.byteOffset + 8);
}

/** Number of segments of a message: 1 or more. */
export function segmentCount(messageBytes: number): number {
  return Math.max(1, Math.ceil(messageBytes / MAX_SEGMENT_BYTES));
}

/** The payload of a HELLO. */
export interface Hello {
  /** Silence after which the client gives the server up, in ms (32 bits). */
  readonly idleTimeout: number;
  /** The retry token that came back, at most {@linkcode MAX_TOKEN_BYTES}; empty in the first HELLO. */
  readonly token: Uint8Array;
  /** Opening of a key agreement, at most {@linkcode MAX_HELLO_SHARE_BYTES}; empty in an open room. */
  readonly keyShare: Uint8Array;
}

/**
 * The fields of a HELLO or WELCOME that a key agreement authenticates. The id is that of the session, or
 * the nonce of the HELLO, so that a recorded key share opens no session under another.
 */
export function handshakeFields(id: bigint, idleTimeout: number): Uint8Array {
  const fields = new Uint8Array(HANDSHAKE_FIELDS);
  const view = new DataView(fields.buffer);
  view.setBigUint64(0, id);
  view.setUint32(8, idleTimeout);
  return fields;
}

/** Builds the payload of a HELLO, padded to the size that every HELLO has. */
export function encodeHello({ idleTimeout, token, keyShare }: Hello): Uint8Array {
  if (token.length > MAX_TOKEN_BYTES || keyShare.length > MAX_HELLO_SHARE_BYTES) {
    throw new RangeError("Cannot build a HELLO: its token or key share is too long");
  }
  const payload = new Uint8Array(HELLO_PAYLOAD);
  new DataView(payload.buffer).setUint32(0, idleTimeout);
  payload[4] = token.length;
  payload[5] = keyShare.length;
  payload.set(token, 6);
  payload.set(keyShare, 6 + token.length);
  return payload;
}

/** Reads the payload of a HELLO, or nothing where its lengths are out of bounds. */
export function decodeHello(payload: Uint8Array): Hello | undefined {
  const tokenEnd = 6 + payload[4]!;
  const keyShareEnd = tokenEnd + payload[5]!;
  if (payload[4]! > MAX_TOKEN_BYTES || payload[5]! > MAX_HELLO_SHARE_BYTES) return undefined;
  return {
    idleTimeout: new DataView(payload.buffer, payload.byteOffset).getUint32(0),
    token: payload.subarray(6, tokenEnd),
    keyShare: payload.subarray(tokenEnd, keyShareEnd),
  };
}

/** The payload of a WELCOME. */
export interface Welcome {
  /** The id of the new session (64 bits). */
  readonly sessionId: bigint;
  /** Silence after which the server gives the client up, in ms (32 bits). */
  readonly idleTimeout: number;
  /** The bytes of the fields above, for a key agreement to authenticate. */
  readonly fields: Uint8Array;
  /** Answer to the key agreement, at most {@linkcode MAX_WELCOME_SHARE_BYTES}; empty in an open room. */
  readonly keyShare: Uint8Array;
}

/** Builds the payload of a WELCOME. */
export function encodeWelcome(welcome: Omit<Welcome, "fields">): Uint8Array {
  return concat([handshakeFields(welcome.sessionId, welcome.idleTimeout), welcome.keyShare]);
}

/** Reads the payload of a WELCOME. */
export function decodeWelcome(payload: Uint8Array): Welcome {
  const view = new DataView(payload.buffer, payload.byteOffset);
  return {
    sessionId: view.getBigUint64(0),
    idleTimeout: view.getUint32(8),
    fields: payload.subarray(0, HANDSHAKE_FIELDS),
    keyShare: payload.subarray(HANDSHAKE_FIELDS),
  };
}

function readFields(datagram: Uint8Array, type: PacketType, payload: Uint8Array): Packet {
  const view = read.of(datagram);
  const at = datagram.byteOffset;
  return {
    type,
    id: view.getBigUint64(at + 8),
    attempt: view.getUint8(at + 5),
    echo: view.getUint8(at + 6),
    ackDelay: view.getUint8(at + 7),
    number: view.getUint32(at + 16),
    segment: view.getUint8(at + 20),
    lastSegment: view.getUint8(at + 21),
    ahead: view.getUint16(at + 22),
    payload,
  };
}

function hasHeader(datagram: Uint8Array): boolean {
  if (datagram.length < HEADER_BYTES || datagram.length > MAX_DATAGRAM_BYTES) return false;
  return (datagram[0]! << 16 | datagram[1]! << 8 | datagram[2]!) === MAGIC;
}

function isSound(packet: Packet): boolean {
  const { type, number, ahead, payload: { length } } = packet;
  if (type === "message") return isSegment(packet);
  if (length === 0) return true;
  if (type === "ack") return number === 0 && length === ahead;
  if (type === "ping") return length === CHALLENGE_BYTES || length === ahead;
  return type !== "pong" || length === CHALLENGE_BYTES;
}

/** Bytes of the client's name that open a message. */
export function nameLength({ number, ahead }: Packet): number {
  return number === 1 ? ahead : 0;
}

// Only the last segment may be short, and only a message of one segment may be empty: so a message
// has one way to be cut, and its size is bounded before anything is kept.
function isSegment(packet: Packet): boolean {
  const { segment, lastSegment, payload: { length } } = packet;
  const name = nameLength(packet);
  if (segment > lastSegment || name > MAX_NAME_BYTES) return false;
  const mostOfLast = MAX_MESSAGE_BYTES + name - lastSegment * MAX_SEGMENT_BYTES;
  if (segment < lastSegment) return length === MAX_SEGMENT_BYTES && mostOfLast > 0;
  if (lastSegment > 0) return length > 0 && length <= mostOfLast;
  return length >= name;
}
