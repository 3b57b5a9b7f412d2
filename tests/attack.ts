/**
 * Datagrams of every kind, as an attacker sends them.
 *
 * @module
 */
import { seededBytes } from "../laboratory/random.ts";
import {
  encode,
  encodeHello,
  encodeWelcome,
  type PacketType,
} from "../transport/reliable/packet.ts";

/** Every type of packet that there is. */
export const PACKET_TYPES: readonly PacketType[] = [
  ...["hello", "retry", "welcome", "refuse", "message", "ack"] as const,
  ...["ping", "pong", "bye", "bye-ack", "reset", "notice", "notice-ack"] as const,
];

/** Bytes of a retry token that looks right: an epoch and a MAC. */
export const TOKEN_BYTES = 36;

const UTF8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** A HELLO with that token. */
export function hello(nonce: bigint, token: Uint8Array = NOTHING): Uint8Array {
  const payload = encodeHello({ idleTimeout: 75_000, token, keyShare: NOTHING });
  return encode({ type: "hello", id: nonce, attempt: 1, payload });
}

/** A token that opens like one of the server's, and goes on by guess. */
export function guessedToken(random: () => number, epoch: number): Uint8Array {
  const token = seededBytes(random, TOKEN_BYTES);
  new DataView(token.buffer).setUint32(0, epoch);
  return token;
}

/** 64 bits by guess. */
export function guessedId(random: () => number): bigint {
  return new DataView(seededBytes(random, 8).buffer).getBigUint64(0);
}

/** A datagram of that type and id, as sound as it can be for somebody who knows nothing else. */
export function forge(type: PacketType, id: bigint, random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const attempt = 1 + below(3);
  const echo = below(4);
  switch (type) {
    case "hello":
      return hello(id, random() < 0.5 ? NOTHING : guessedToken(random, 0));
    case "retry":
      return encode({ type, id, echo, payload: guessedToken(random, 0) });
    case "welcome": {
      const welcome = { sessionId: guessedId(random), idleTimeout: 1, keyShare: NOTHING };
      return encode({ type, id, attempt, echo, payload: encodeWelcome(welcome) });
    }
    case "refuse":
      return encode({ type, id, echo, payload: Uint8Array.of(below(2)) });
    case "message": {
      const payload = UTF8.encode("forged");
      return encode({ type, id, number: below(8), attempt, echo, payload });
    }
    case "ack":
      return encode({ type, id, number: below(8), echo, ahead: below(9) });
    case "ping":
    case "pong":
      return encode({ type, id, number: below(8), attempt, echo, ahead: below(9) });
    case "bye":
      return encode({ type, id, attempt, payload: Uint8Array.of(below(4)) });
    case "notice":
      return encode({ type, id, number: below(8), attempt, payload: UTF8.encode("forged") });
    case "notice-ack":
      return encode({ type, id, number: below(8), echo });
    case "bye-ack":
    case "reset":
      return encode({ type, id });
  }
}

/** Picks one. */
export function oneOf<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

/** In an order that chance decides. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Runs a test for each seed; one that fails names itself and how to play it again alone. */
export function forSeeds(count: number, test: (seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    try {
      test(seed);
    } catch (error) {
      throw new Error(`Seed ${seed} failed; replay it alone with ${test.name}(${seed})`, {
        cause: error,
      });
    }
  }
}
