import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { seededRandom } from "../../laboratory/random.ts";
import { MAX_MESSAGE_BYTES } from "../../protocol.ts";
import {
  decode,
  decodeHello,
  decodeWelcome,
  encode,
  MAX_DATAGRAM_BYTES,
  MAX_SEGMENT_BYTES,
  type Packet,
  packetType,
  segmentCount,
} from "../../transport/reliable/packet.ts";
import { mutate, randomDatagram } from "../mutation.ts";
import { filled, WIRE_TYPES } from "../packet_types.ts";

const bytesOf = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });

const MESSAGE = fc.integer({ min: 0, max: MAX_MESSAGE_BYTES }).chain((bytes) =>
  fc.nat({ max: segmentCount(bytes) - 1 }).map((segment) => {
    const lastSegment = segmentCount(bytes) - 1;
    const rest = bytes - segment * MAX_SEGMENT_BYTES;
    return { segment, lastSegment, payload: filled(Math.min(rest, MAX_SEGMENT_BYTES)) };
  })
);

const PACKET: fc.Arbitrary<Packet> = fc.constantFrom(...WIRE_TYPES).chain((rule) =>
  fc.record({
    type: fc.constant(rule.type),
    id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    attempt: fc.nat({ max: 255 }),
    echo: fc.nat({ max: 255 }),
    ackDelay: fc.nat({ max: 255 }),
    // The first packets of a client, with the numbers 0 and 1, may have a name: see the unit tests.
    number: fc.integer({ min: 2, max: 2 ** 32 - 1 }),
    ahead: fc.nat({ max: 65_535 }),
    rest: rule.type === "message" ? MESSAGE : fc.record({
      segment: fc.nat({ max: 255 }),
      lastSegment: fc.nat({ max: 255 }),
      payload: rule.type === "ping" || rule.type === "pong"
        ? fc.constantFrom(filled(0), filled(rule.maxPayload))
        : bytesOf(rule.minPayload, rule.maxPayload),
    }),
  }).map(({ rest, ...fields }) => ({ ...fields, ...rest }))
);

// Invariant: the packet that is built is the packet that is read.
Deno.test("packet: every packet comes back as it was", () => {
  const property = fc.property(PACKET, (packet) => {
    assertEquals(decode(encode(packet)), packet);
  });
  fc.assert(property, { numRuns: 1000 });
});

// Invariant: any bytes at all are a packet or nothing; no bytes make `decode` throw.
Deno.test("packet: any bytes are a packet or nothing", () => {
  const property = fc.property(bytesOf(0, MAX_DATAGRAM_BYTES + 2), (datagram) => {
    assertIsPacketOrNothing(datagram);
  });
  fc.assert(property, { numRuns: 1000 });
});

// Invariant: a packet that was read and is built again is the same bytes: nothing of a datagram is
// overlooked.
Deno.test("packet: a packet whose bytes changed is read as what it is now, or as nothing", () => {
  const changes = fc.array(fc.tuple(fc.nat(MAX_DATAGRAM_BYTES), fc.nat(255)), { maxLength: 4 });
  const property = fc.property(PACKET, changes, (packet, changes) => {
    const datagram = encode(packet);
    for (const [at, byte] of changes) datagram[at % datagram.length] = byte;
    assertIsPacketOrNothing(datagram);
  });
  fc.assert(property, { numRuns: 1000 });
});

// Invariant: as above, over 100,000 datagrams, most of them close to packets.
Deno.test("packet: 100,000 random and mutated datagrams are packets or nothing", () => {
  const seed = 20_240_607;
  const random = seededRandom(seed);
  const sound = fc.sample(PACKET, { numRuns: 200, seed }).map((packet) => encode(packet));
  const any = () => sound[Math.floor(random() * sound.length)]!;
  let packets = 0;
  for (let i = 0; i < 100_000; i++) {
    const datagram = i % 4 === 0 ? randomDatagram(random) : mutate(any(), any(), random);
    try {
      if (assertIsPacketOrNothing(datagram)) packets++;
    } catch (error) {
      throw new Error(`Datagram ${i} of seed ${seed}`, { cause: error });
    }
  }
  assert(packets > 10_000, `only ${packets} mutants were packets: the test tests little`);
});

/** Whether the bytes are a packet. */
function assertIsPacketOrNothing(datagram: Uint8Array): boolean {
  const decoded = decode(datagram);
  if (decoded === undefined) return false;
  const again = encode(decoded);
  // Compared by hand: 100,000 calls of `assertEquals` would take most of the suite's time.
  const isSame = again.length === datagram.length && again.every((byte, i) => byte === datagram[i]);
  if (!isSame) assertEquals(again, datagram);
  assertEquals(packetType(datagram), decoded.type);
  if (decoded.type === "hello") decodeHello(decoded.payload);
  if (decoded.type === "welcome") decodeWelcome(decoded.payload);
  return true;
}
