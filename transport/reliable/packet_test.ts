import { assertEquals, assertThrows } from "@std/assert";
import { filled, WIRE_TYPES } from "../../tests/packet_types.ts";
import {
  BYE_REASONS,
  decode,
  decodeHello,
  decodeWelcome,
  encode,
  encodeHello,
  encodeWelcome,
  handshakeFields,
  HEADER_BYTES,
  HELLO_BYTES,
  isOtherVersion,
  isReset,
  MAX_DATAGRAM_BYTES,
  MAX_HELLO_SHARE_BYTES,
  MAX_NAME_BYTES,
  MAX_NOTICE_BYTES,
  MAX_SEGMENT_BYTES,
  MAX_TOKEN_BYTES,
  MAX_WELCOME_SHARE_BYTES,
  type Packet,
  packetId,
  packetType,
  readHeader,
  REFUSALS,
  SEAL_BYTES,
  segmentCount,
} from "./packet.ts";
import { MAX_MESSAGE_BYTES } from "../../protocol.ts";

const LAST_SEGMENT = 59;
const LAST_SEGMENT_BYTES = 400;

function packet(fields: Pick<Packet, "type"> & Partial<Packet>): Packet {
  return {
    id: 1n,
    attempt: 0,
    echo: 0,
    ackDelay: 0,
    number: 0,
    segment: 0,
    lastSegment: 0,
    ahead: 0,
    payload: filled(0),
    ...fields,
  };
}

function assertRoundTrip(packet: Packet): void {
  assertEquals(decode(encode(packet)), packet);
}

Deno.test("packet: the sizes of the wire", () => {
  assertEquals(MAX_DATAGRAM_BYTES, 1152);
  assertEquals(HEADER_BYTES, 24);
  assertEquals(HELLO_BYTES, 160);
  assertEquals(MAX_MESSAGE_BYTES, 65_536);
  assertEquals(HEADER_BYTES + MAX_SEGMENT_BYTES + SEAL_BYTES, MAX_DATAGRAM_BYTES);
  assertEquals([MAX_TOKEN_BYTES, MAX_HELLO_SHARE_BYTES, MAX_WELCOME_SHARE_BYTES], [36, 32, 96]);
  assertEquals([MAX_NAME_BYTES, MAX_NOTICE_BYTES], [40, 1000]);
  assertEquals(
    BYE_REASONS.join(),
    "bye,closing,failed,invalid,busy,expelled,undelivered,full,moved",
  );
  assertEquals(REFUSALS.join(), "full,closing,crowded,wrong-code,private,open,version,wait");
});

Deno.test("packet: the header is laid out as documented", () => {
  const datagram = encode({
    type: "message",
    id: 0x0102030405060708n,
    attempt: 0x11,
    echo: 0x12,
    ackDelay: 0x13,
    number: 0x21222324,
    segment: 2,
    lastSegment: 2,
    ahead: 0x3132,
    payload: Uint8Array.of(0xaa, 0xbb),
  });
  // deno-fmt-ignore
  assertEquals(datagram, Uint8Array.of(
    0x50, 0x79, 0x52, 2,
    5, 0x11, 0x12, 0x13,
    1, 2, 3, 4, 5, 6, 7, 8,
    0x21, 0x22, 0x23, 0x24,
    2, 2, 0x31, 0x32,
    0xaa, 0xbb,
  ));
});

for (const { type, code, minPayload, maxPayload } of WIRE_TYPES) {
  Deno.test(`packet: ${type} comes back as it was, with all fields at their bounds`, () => {
    const least = packet({ type, id: 0n, payload: filled(minPayload) });
    assertRoundTrip(least);
    assertEquals(encode(least)[4], code);
    assertRoundTrip(packet({ type, payload: filled(maxPayload) }));
    const isMessage = type === "message";
    assertRoundTrip(packet({
      type,
      id: 2n ** 64n - 1n,
      attempt: 255,
      echo: 255,
      ackDelay: 255,
      number: 2 ** 32 - 1,
      segment: isMessage ? LAST_SEGMENT : 255,
      lastSegment: isMessage ? LAST_SEGMENT : 255,
      ahead: 65_535,
      payload: filled(isMessage ? LAST_SEGMENT_BYTES : maxPayload),
    }));
  });

  Deno.test(`packet: ${type} with every payload size is a packet only within its bounds`, () => {
    const longest = new Uint8Array(MAX_DATAGRAM_BYTES + 2);
    longest.set(encode(packet({ type, payload: filled(maxPayload) })));
    for (let length = 0; length <= longest.length; length++) {
      const payload = length - HEADER_BYTES;
      const isBetween = payload > minPayload && payload < maxPayload;
      const isPacket = payload >= minPayload && payload <= maxPayload &&
        !(isBetween && (type === "ping" || type === "pong"));
      const decoded = decode(longest.subarray(0, length));
      assertEquals(decoded?.payload.length, isPacket ? payload : undefined, `${length} bytes`);
    }
  });

  Deno.test(`packet: ${type} is foreign under another magic or version`, () => {
    const datagram = encode(packet({ type, payload: filled(minPayload) }));
    for (let at = 0; at < 4; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const foreign = datagram.slice();
        foreign[at]! ^= 1 << bit;
        assertEquals(decode(foreign), undefined);
        assertEquals(packetType(foreign), undefined);
      }
    }
  });
}

// Type, number, `ahead`, bytes of payload, whether that is a packet.
const NAMED: readonly (readonly [Packet["type"], number, number, number, boolean])[] = [
  ["ack", 0, 40, 40, true],
  ["ack", 0, 41, 41, false],
  ["ack", 0, 3, 4, false],
  ["ack", 2, 3, 3, false],
  ["ping", 1, 40, 40, true],
  ["ping", 1, 41, 41, false],
  ["ping", 1, 3, 4, false],
  ["pong", 1, 3, 3, false],
  ["message", 1, 40, 40, true],
  ["message", 1, 40, 39, false],
  ["message", 1, 41, 41, false],
  ["message", 3, 41, 41, true],
];

for (const [type, number, ahead, bytes, expected] of NAMED) {
  const name = `${type} ${number} with ${ahead} ahead and ${bytes} bytes`;
  Deno.test(`packet: ${name} is ${expected ? "a packet" : "none"}`, () => {
    const named = packet({ type, number, ahead, payload: filled(bytes) });
    assertEquals(decode(encode(named)), expected ? named : undefined);
  });
}

Deno.test("packet: a name makes room for itself in the longest message", () => {
  const last = { type: "message", segment: LAST_SEGMENT, lastSegment: LAST_SEGMENT } as const;
  const payload = filled(LAST_SEGMENT_BYTES + 40);
  assertRoundTrip(packet({ ...last, number: 1, ahead: 40, payload }));
  assertEquals(decode(encode(packet({ ...last, number: 1, ahead: 39, payload }))), undefined);
  assertEquals(decode(encode(packet({ ...last, number: 3, ahead: 40, payload }))), undefined);
});

Deno.test("packet: another version is told from this one and from a text", () => {
  const datagram = encode(packet({ type: "reset", id: 7n }));
  const versions = Array.from({ length: 256 }, (_, version) => {
    datagram[3] = version;
    return isOtherVersion(datagram);
  });
  assertEquals(versions, versions.map((_, version) => version !== 2 && version < 32));
  datagram[3] = 3;
  assertEquals([isReset(datagram), packetId(datagram)], [true, 7n]);
  assertEquals(isOtherVersion(datagram.subarray(0, HEADER_BYTES - 1)), false);
});

Deno.test("packet: unknown types are no packets", () => {
  const known = new Set(WIRE_TYPES.map(({ code }) => code));
  for (let code = 0; code < 256; code++) {
    for (const { type, minPayload } of WIRE_TYPES) {
      const datagram = encode(packet({ type, payload: filled(minPayload) }));
      datagram[4] = code;
      if (!known.has(code)) assertEquals(decode(datagram), undefined, `type ${code}`);
    }
  }
});

Deno.test("packet: fields that are left out are zero, and the payload is empty", () => {
  assertEquals(decode(encode({ type: "ping", id: 7n })), packet({ type: "ping", id: 7n }));
});

Deno.test("packet: the type and the id of a datagram are known before the rest is looked at", () => {
  const datagram = encode(packet({ type: "bye", id: 2n ** 63n + 5n, payload: filled(1) }));
  const inside = new Uint8Array(100);
  inside.set(datagram, 40);
  const view = inside.subarray(40, 40 + datagram.length);
  assertEquals(packetType(view), "bye");
  assertEquals(packetId(view), 2n ** 63n + 5n);
  assertEquals(decode(view), packet({ type: "bye", id: 2n ** 63n + 5n, payload: filled(1) }));
  assertEquals(packetType(datagram.subarray(0, HEADER_BYTES - 1)), undefined);
  assertEquals(packetType(new Uint8Array(0)), undefined);
});

Deno.test("packet: a header is read whatever follows it", () => {
  for (const { type } of WIRE_TYPES) {
    const { payload, ...fields } = packet({ type, id: 7n, attempt: 1, echo: 2, ackDelay: 3 });
    const rest = { number: 4, segment: 5, lastSegment: 6, ahead: 7 };
    const datagram = encode({ ...fields, ...rest, payload });
    const sealed = new Uint8Array([...datagram, ...filled(24)]);
    assertEquals(readHeader(datagram), { ...fields, ...rest, hasToken: false });
    assertEquals(readHeader(sealed), { ...fields, ...rest, hasToken: type === "hello" });
  }
  assertEquals(readHeader(filled(100)), undefined);
});

Deno.test("packet: a header tells whether a HELLO brings its token back", () => {
  for (const length of [0, 1, MAX_TOKEN_BYTES]) {
    const payload = encodeHello({ idleTimeout: 1, token: filled(length), keyShare: filled(9) });
    const datagram = encode({ type: "hello", id: 7n, payload });
    assertEquals(readHeader(datagram)?.hasToken, length > 0);
  }
});

Deno.test("packet: a datagram longer than 1,152 bytes has no type", () => {
  const long = new Uint8Array(MAX_DATAGRAM_BYTES + 1);
  long.set(encode({ type: "message", id: 1n }));
  assertEquals(packetType(long.subarray(0, MAX_DATAGRAM_BYTES)), "message");
  assertEquals(packetType(long), undefined);
});

// Segment, last segment, bytes of payload, whether that is a segment of a message.
const SEGMENTS: readonly (readonly [number, number, number, boolean])[] = [
  [0, 0, 0, true],
  [0, 0, 1, true],
  [0, 0, 1104, true],
  [0, 1, 1104, true],
  [0, 1, 1103, false],
  [0, 1, 0, false],
  [1, 1, 1, true],
  [1, 1, 0, false],
  [1, 1, 1104, true],
  [1, 0, 1, false],
  [1, 0, 1104, false],
  [2, 1, 1104, false],
  [58, 59, 1104, true],
  [58, 59, 1103, false],
  [59, 59, 400, true],
  [59, 59, 401, false],
  [0, 60, 1104, false],
  [59, 60, 1104, false],
  [60, 60, 1, false],
  [0, 255, 1104, false],
  [255, 255, 1, false],
];

for (const [segment, lastSegment, bytes, expected] of SEGMENTS) {
  const name = `segment ${segment} of 0 to ${lastSegment} with ${bytes} bytes`;
  Deno.test(`packet: ${name} is ${expected ? "a packet" : "none"}`, () => {
    const message = packet({ type: "message", segment, lastSegment, payload: filled(bytes) });
    assertEquals(decode(encode(message)) !== undefined, expected);
  });
}

Deno.test("packet: a message is cut into as many segments as it needs, and one at least", () => {
  const counts = [0, 1, 1104, 1105, 2208, 2209, 65_136, 65_137, 65_536].map(segmentCount);
  assertEquals(counts, [1, 1, 1, 2, 2, 3, 59, 60, 60]);
});

Deno.test("hello: comes back as it was and always has the same size", () => {
  for (const token of [0, 1, 36, MAX_TOKEN_BYTES]) {
    for (const keyShare of [0, 1, MAX_HELLO_SHARE_BYTES]) {
      for (const idleTimeout of [0, 75_000, 2 ** 32 - 1]) {
        const hello = { idleTimeout, token: filled(token), keyShare: filled(keyShare).reverse() };
        const payload = encodeHello(hello);
        assertEquals(encode({ type: "hello", id: 1n, payload }).length, HELLO_BYTES);
        assertEquals(decodeHello(payload), hello);
      }
    }
  }
});

Deno.test("hello: its payload is read where it lies in a larger buffer", () => {
  const hello = { idleTimeout: 75_000, token: filled(36), keyShare: filled(0) };
  const datagram = encode({ type: "hello", id: 1n, payload: encodeHello(hello) });
  assertEquals(decodeHello(decode(datagram)!.payload), hello);
});

Deno.test("hello: a token or key share that is too long cannot be built", () => {
  const idleTimeout = 1000;
  const [token, keyShare] = [filled(MAX_TOKEN_BYTES + 1), filled(MAX_HELLO_SHARE_BYTES + 1)];
  assertThrows(() => encodeHello({ idleTimeout, token, keyShare: filled(0) }), RangeError);
  assertThrows(() => encodeHello({ idleTimeout, token: filled(0), keyShare }), RangeError);
});

Deno.test("hello: malformed token length, malformed key share length", () => {
  for (let length = 0; length < 256; length++) {
    const payload = encodeHello({ idleTimeout: 0, token: filled(0), keyShare: filled(0) });
    payload[4] = length;
    assertEquals(
      decodeHello(payload)?.token.length,
      length <= MAX_TOKEN_BYTES ? length : undefined,
    );
    payload[4] = 0;
    payload[5] = length;
    assertEquals(
      decodeHello(payload)?.keyShare.length,
      length <= MAX_HELLO_SHARE_BYTES ? length : undefined,
    );
  }
});

Deno.test("welcome: comes back as it was", () => {
  for (const sessionId of [0n, 0x0123456789abcdefn, 2n ** 64n - 1n]) {
    for (const keyShare of [0, 1, MAX_WELCOME_SHARE_BYTES]) {
      const welcome = { sessionId, idleTimeout: 2 ** 32 - 1, keyShare: filled(keyShare) };
      const datagram = encode({ type: "welcome", id: 5n, payload: encodeWelcome(welcome) });
      assertEquals(decodeWelcome(decode(datagram)!.payload), {
        ...welcome,
        fields: handshakeFields(welcome.sessionId, welcome.idleTimeout),
      });
    }
  }
});
