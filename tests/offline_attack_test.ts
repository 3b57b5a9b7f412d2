import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { assert, assertEquals } from "@std/assert";
import sodium from "libsodium-wrappers-sumo";
import old from "./vectors/recording_noise_nnpsk0.json" with { type: "json" };
import { PERFECT } from "../laboratory/network.ts";
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import { concat } from "../transport/bytes.ts";
import { confirmation, generator, hmac, lvCat, sessionKey } from "../transport/private/cpace.ts";
import { privateRoom, privateSeal } from "../transport/private/private_room.ts";
import {
  decode,
  decodeHello,
  decodeWelcome,
  handshakeFields,
} from "../transport/reliable/packet.ts";
import { packetType } from "../transport/reliable/packet.ts";
import { Simulation } from "./simulation.ts";
import { CODE, SODIUM } from "./rooms.ts";

const UTF8 = new TextEncoder();

// A code was the key of the handshake once, stretched by PBKDF2 (Noise_NNpsk0_25519_ChaChaPoly_SHA256):
// whoever recorded one HELLO could try codes on it at home, as many as he had time for. The recording is
// of a room with a code of eight digits.
Deno.test("offline attack: on the old design's recording, it finds the code", async () => {
  const candidates = ["48151622", "48151623", "48151624", "31415926"];
  const found: string[] = [];
  for (const code of candidates) if (await fitsOldRecording(code)) found.push(code);
  assertEquals(found, ["48151623"]);
});

async function fitsOldRecording(code: string): Promise<boolean> {
  const salt = UTF8.encode("preguntas: key of a private room, version 1");
  const material = await crypto.subtle.importKey("raw", UTF8.encode(code), "PBKDF2", false, [
    "deriveBits",
  ]);
  const stretching = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 600_000 };
  const psk = new Uint8Array(await crypto.subtle.deriveBits(stretching, material, 256));
  // The HELLO with a token, of version 1: its fields, the token, and the message of Noise.
  const hello = Uint8Array.fromHex(old[2]!.datagram);
  const share = hello.subarray(24 + 6 + hello[28]!).subarray(0, hello[29]!);
  const [ephemeral, ciphertext] = [share.subarray(0, 32), share.subarray(32)];
  let hash = sha256(UTF8.encode("Noise_NNpsk0_25519_ChaChaPoly_SHA256"));
  let chainingKey = hash;
  const mixHash = (data: Uint8Array) => hash = sha256(concat([hash, data]));
  const mix = (input: Uint8Array) => {
    const secret = nobleHmac(sha256, chainingKey, input);
    const one = nobleHmac(sha256, secret, Uint8Array.of(1));
    const two = nobleHmac(sha256, secret, Uint8Array.of(...one, 2));
    chainingKey = one;
    return two;
  };
  mixHash(UTF8.encode("preguntas: private room, protocol version 1"));
  mixHash(mix(psk));
  mixHash(ephemeral);
  const key = mix(ephemeral);
  try {
    const nonce = new Uint8Array(12);
    SODIUM.crypto_aead_chacha20poly1305_ietf_decrypt(null, ciphertext, hash, nonce, key);
    return true;
  } catch {
    return false;
  }
}

/** A conversation as somebody on the path recorded it, and the scalars, which nobody recorded. */
function record(): { sent: Uint8Array[]; scalars: Uint8Array[] } {
  const scalars: Uint8Array[] = [];
  const random = seededRandom(1);
  const room = privateRoom(CODE, {
    ...SODIUM,
    crypto_core_ristretto255_scalar_reduce(bytes) {
      const scalar = SODIUM.crypto_core_ristretto255_scalar_reduce(bytes);
      scalars.push(scalar.slice());
      return scalar;
    },
  }, { randomBytes: (length) => seededBytes(random, length) });
  const simulation = new Simulation(7, { ...PERFECT, delay: 20 }, room);
  const sent: Uint8Array[] = [];
  simulation.onSend = (flight) => {
    sent.push(flight.datagram);
    simulation.carry(flight);
  };
  simulation.addServer((event, listener) => {
    if (event.type !== "question") return;
    listener.answer(event.session, UTF8.encode("NOOOOO"), simulation.now);
  });
  const client = { hostname: "198.51.100.7", port: 40_000 };
  simulation.addClient(client, (event, dialer) => {
    if (event.type === "connected") dialer.ask(UTF8.encode("¿HTML?"), simulation.now);
    if (event.type === "answer") dialer.bye("bye", simulation.now);
  });
  simulation.drive();
  assert(sent.length >= 8);
  return { sent, scalars };
}

/** The readable parts of a recording, and the candidates that fit it. */
class Recording {
  readonly #sent: readonly Uint8Array[];
  readonly hello: { share: Uint8Array; data: Uint8Array };
  readonly welcome: { share: Uint8Array; data: Uint8Array };
  readonly #tag: Uint8Array;

  constructor(sent: readonly Uint8Array[]) {
    this.#sent = sent;
    const packets = sent.slice(0, 4).map((datagram) => decode(datagram)!);
    const hello = packets.findLast(({ type }) => type === "hello")!;
    const { idleTimeout, keyShare } = decodeHello(hello.payload)!;
    this.hello = { share: keyShare, data: handshakeFields(hello.id, idleTimeout) };
    const welcome = decodeWelcome(packets.find(({ type }) => type === "welcome")!.payload);
    this.welcome = { share: welcome.keyShare.subarray(0, 32), data: welcome.fields };
    this.#tag = welcome.keyShare.subarray(32);
  }

  /** The generator that a code yields. */
  generator(code: string): Uint8Array {
    const ci = lvCat(UTF8.encode("preguntas 2: client"), UTF8.encode("preguntas 2: server"));
    const sid = this.hello.data.subarray(0, 8);
    return generator(SODIUM, { prs: UTF8.encode(code), ci, sid });
  }

  /** Whether a point is the one that the two ends agreed on: it confirms, or it opens anything. */
  fits(k: Uint8Array): boolean {
    const [sid, a, b] = [this.hello.data.subarray(0, 8), this.hello, this.welcome];
    const isk = sessionKey(SODIUM, { sid, k, a, b });
    if (confirmation(SODIUM, { sid, isk, message: b }).toHex() === this.#tag.toHex()) return true;
    const keys = hmac(SODIUM, isk, UTF8.encode("preguntas 2: keys\x01"));
    const seals = [keys.subarray(0, 32), keys.subarray(32)].map((receiving) =>
      privateSeal(SODIUM, { sending: receiving, receiving })
    );
    const sealed = this.#sent.filter((datagram) => packetType(datagram) === "message");
    return sealed.some((datagram) => seals.some((seal) => seal.open(datagram) !== undefined));
  }
}

/** Every point that a code and what was said make, by sums, differences and small multiples. */
function pointsOf(recording: Recording, code: string): Uint8Array[] {
  const g = recording.generator(code);
  const said = [g, recording.hello.share, recording.welcome.share];
  const sums = said.flatMap((one) =>
    said.flatMap((another) => [
      sodium.crypto_core_ristretto255_add(one, another),
      sodium.crypto_core_ristretto255_sub(one, another),
    ])
  );
  const small = Array.from({ length: 16 }, (_, i) => Uint8Array.of(i + 2, ...new Uint8Array(31)));
  // The numbers that can be read, as if one of them had been the scalar.
  const read = [g, ...said, recording.hello.data, recording.welcome.data].map((bytes) =>
    SODIUM.crypto_core_ristretto255_scalar_reduce(concat([bytes, new Uint8Array(64)]).slice(0, 64))
  );
  const products = [...small, ...read].flatMap((scalar) =>
    said.map((point) => SODIUM.crypto_scalarmult_ristretto255(scalar, point))
  );
  return [...said, ...sums, ...products, new Uint8Array(32)];
}

// Which code is the right one makes no difference to what can be computed without a scalar: with the right
// one in hand, nothing that it and the recording yield opens or confirms anything.
Deno.test("offline attack: on a recording of the new design, it finds nothing", () => {
  const { sent, scalars } = record();
  const recording = new Recording(sent);
  for (const code of [CODE, "42-tigre-lunes", "00000000", "48151623"]) {
    const fitting = pointsOf(recording, code).filter((point) => recording.fits(point));
    assertEquals(fitting, [], code);
  }
  // That the looking is right: what only the two ends had finds it, and even without the code.
  const [ofClient, ofServer] = scalars as [Uint8Array, Uint8Array];
  const { hello, welcome } = recording;
  for (const [scalar, share] of [[ofClient, welcome.share], [ofServer, hello.share]] as const) {
    assert(recording.fits(SODIUM.crypto_scalarmult_ristretto255(scalar, share)));
  }
});
