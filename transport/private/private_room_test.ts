import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import vectors from "../../tests/vectors/cpace_ristretto255_sha512.json" with { type: "json" };
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { CODE, codeRoom, SODIUM } from "../../tests/rooms.ts";
import { cases, testAtLength } from "../../tests/whole.ts";
import { concat } from "../bytes.ts";
import { confirmation, generator, hmac, lvCat, multiply, sessionKey } from "./cpace.ts";
import type { Sodium } from "./cpace.ts";
import {
  encode,
  encodeHello,
  handshakeFields,
  HEADER_BYTES,
  HELLO_BYTES,
  MAX_DATAGRAM_BYTES,
  MAX_HELLO_SHARE_BYTES,
  MAX_SEGMENT_BYTES,
  MAX_TOKEN_BYTES,
  MAX_WELCOME_SHARE_BYTES,
  SEAL_BYTES,
} from "../reliable/packet.ts";
import { COUNTER_LIMIT, privateRoom, privateSeal, REPLAY_WINDOW } from "./private_room.ts";
import { ReplayWindow } from "./private_room.ts";
import { OPEN_ROOM, type Response, type Room, type Seal } from "../reliable/seal.ts";

const HELLO = handshakeFields(0x1122_3344_5566_7788n, 75_000);
const WELCOME = handshakeFields(0x0123_4567_89ab_cdefn, 60_000);
const ID = 0x0123_4567_89ab_cdefn;
const WORDS = new TextEncoder().encode("¿HTML es un lenguaje de programacion?");
const UTF8 = new TextEncoder();
const CI = lvCat(UTF8.encode("preguntas 2: client"), UTF8.encode("preguntas 2: server"));
const ZEROS = new Uint8Array(32);

/** A room, with its seeds, its scalars and every secret that libsodium gave it. */
function watchedRoom(seed: number, over: Partial<Sodium> = {}) {
  const random = seededRandom(seed);
  const [seeds, drawn, scalars]: Uint8Array[][] = [[], [], []];
  const hashes: Uint8Array[] = [];
  const points: Uint8Array[] = [];
  const sodium: Sodium = {
    ...SODIUM,
    crypto_core_ristretto255_scalar_reduce(bytes) {
      const scalar = SODIUM.crypto_core_ristretto255_scalar_reduce(bytes);
      scalars!.push(scalar);
      drawn!.push(scalar.slice());
      return scalar;
    },
    crypto_hash_sha512(message) {
      const hash = SODIUM.crypto_hash_sha512(message);
      hashes.push(hash);
      return hash;
    },
    crypto_scalarmult_ristretto255(scalar, point) {
      const product = SODIUM.crypto_scalarmult_ristretto255(scalar, point);
      points.push(product);
      return product;
    },
    ...over,
  };
  const randomBytes = (length: number) => {
    const bytes = seededBytes(random, length).slice();
    seeds!.push(bytes);
    return bytes;
  };
  const room = privateRoom(CODE, sodium, { randomBytes });
  return { room, seeds: seeds!, drawn: drawn!, scalars: scalars!, hashes, points };
}

interface Meeting {
  readonly hello: Uint8Array;
  readonly welcome: Uint8Array;
  readonly client: Seal;
  readonly server: Seal;
}

/** The answer to a HELLO that has to be let in. */
function answer(room: Room, keyShare: Uint8Array): Response {
  const response = room.respond({ keyShare, fields: HELLO }, WELCOME);
  if (typeof response !== "object") throw new Error(`Refused: "${response}"`);
  return response;
}

/** A handshake that succeeds. */
function meet(room: Room = codeRoom()): Meeting {
  const initiation = room.initiate(HELLO);
  const response = answer(room, initiation.keyShare);
  const client = initiation.complete(response.keyShare, WELCOME);
  if (client === undefined) throw new Error("The answer does not hold");
  return {
    hello: initiation.keyShare,
    welcome: response.keyShare,
    client,
    server: response.seal,
  };
}

function message(number: number, payload: Uint8Array = WORDS): Uint8Array {
  return encode({ type: "message", id: ID, attempt: 1, number, payload });
}

/** Each copy of the bytes with one bit changed. */
function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield flipped;
  }
}

Deno.test("private room: what one end seals, the other opens, in both directions", () => {
  const { client, server } = meet();
  for (const [from, to] of [[client, server], [server, client]] as const) {
    for (let length = 0; length <= MAX_SEGMENT_BYTES; length += length < 70 ? 1 : 353) {
      const datagram = message(length, new Uint8Array(length).fill(0xa5));
      const sealed = from.seal(datagram);
      assertEquals(sealed.length, datagram.length + SEAL_BYTES);
      assertEquals(to.open(sealed), datagram);
    }
    const longest = message(1, new Uint8Array(MAX_SEGMENT_BYTES));
    assertEquals(from.seal(longest).length, MAX_DATAGRAM_BYTES);
  }
});

Deno.test("private room: the header stays readable, and the counter counts datagrams", () => {
  const { client } = meet();
  for (let counter = 0; counter < 300; counter++) {
    const sealed = client.seal(message(7));
    assertEquals(sealed.subarray(0, HEADER_BYTES), message(7).subarray(0, HEADER_BYTES));
    const view = new DataView(sealed.buffer, sealed.byteOffset);
    assertEquals(view.getBigUint64(HEADER_BYTES), BigInt(counter));
  }
});

Deno.test("private room: sealing and opening leave alone what they are given", () => {
  const { client, server } = meet();
  const datagram = message(1);
  const sealed = client.seal(datagram);
  assertEquals(datagram, message(1));
  // A receiver hands in a view of a buffer that is used again.
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES + 5);
  buffer.set(sealed, 5);
  const opened = server.open(buffer.subarray(5, 5 + sealed.length));
  assertEquals(buffer.subarray(5, 5 + sealed.length), sealed);
  buffer.fill(0);
  assertEquals(opened, message(1));
});

Deno.test("private room: key shares fit, and no two of them are alike", () => {
  const [one, another] = [meet(codeRoom(CODE, 1)), meet(codeRoom(CODE, 2))];
  assertEquals([one.hello.length, one.welcome.length], [32, 96]);
  assertEquals([MAX_HELLO_SHARE_BYTES, MAX_WELCOME_SHARE_BYTES], [32, 96]);
  assertNotEquals(one.hello, another.hello);
  assertNotEquals(one.welcome, another.welcome);
  assertEquals(another.server.open(one.client.seal(message(1))), undefined);
});

// RFC 9000 §8.1: whoever forges an address must not gain by it.
Deno.test("private room: no answer is larger than the HELLO that caused it", () => {
  const { hello, welcome } = meet();
  const token = new Uint8Array(MAX_TOKEN_BYTES);
  const payload = encodeHello({ idleTimeout: 1, token, keyShare: hello });
  assertEquals(HEADER_BYTES + payload.length, HELLO_BYTES);
  assert(HEADER_BYTES + WELCOME.length + welcome.length <= HELLO_BYTES);
});

/** The outcome of an exchange for an end that has the code and this scalar. */
function secretsOf(
  { scalar, point, hello, share }: Record<"scalar" | "point" | "hello" | "share", Uint8Array>,
  code = CODE,
) {
  const sid = HELLO.subarray(0, 8);
  const k = multiply(SODIUM, scalar, point);
  const [a, b] = [{ share: hello, data: HELLO }, { share, data: WELCOME }];
  const isk = sessionKey(SODIUM, { sid, k: k ?? ZEROS, a, b });
  const keys = hmac(SODIUM, isk, UTF8.encode("preguntas 2: keys\x01"));
  return {
    own: multiply(SODIUM, scalar, generator(SODIUM, { prs: UTF8.encode(code), ci: CI, sid })),
    tag: confirmation(SODIUM, { sid, isk, message: b }),
    toServer: keys.slice(0, 32),
    toClient: keys.slice(32),
  };
}

Deno.test("private room: it is CPace, with the nonce as sid and the fields as associated data", () => {
  const { room, drawn } = watchedRoom(4);
  const { hello, welcome, client, server } = meet(room);
  const share = welcome.subarray(0, 32);
  const asClient = secretsOf({ scalar: drawn[0]!, point: share, hello, share });
  const asServer = secretsOf({ scalar: drawn[1]!, point: hello, hello, share });
  assertEquals([asClient.own, asServer.own], [hello, share]);
  assertEquals(asClient.tag, welcome.subarray(32));
  const { toServer, toClient } = asServer;
  const ends = { sending: toClient, receiving: toServer };
  assertEquals(privateSeal(SODIUM, ends).open(client.seal(message(1))), message(1));
  const others = { sending: toServer, receiving: toClient };
  assertEquals(privateSeal(SODIUM, others).open(server.seal(message(2))), message(2));
});

Deno.test("private room: who has no code is told so, also by an open room to who has one", () => {
  const room = codeRoom();
  assertEquals(room.respond({ keyShare: new Uint8Array(0), fields: HELLO }, WELCOME), "private");
  const { keyShare } = room.initiate(HELLO);
  assertEquals(OPEN_ROOM.respond({ keyShare, fields: HELLO }, WELCOME), "open");
  assertEquals(room.initiate(HELLO).complete(new Uint8Array(0), WELCOME), undefined);
  assertEquals([room.isPrivate, OPEN_ROOM.isPrivate], [true, false]);
});

Deno.test("private room: the server answers every code alike, and works as long for each", () => {
  const paths = new Set<string>();
  for (const code of [CODE, "42-tigre-lunes", "43-tigre-luna", "x".repeat(300)]) {
    const { keyShare } = codeRoom(code).initiate(HELLO);
    const path: string[] = [];
    const watched = Object.entries(SODIUM).flatMap(([name, f]) => {
      if (typeof f !== "function") return [];
      return [[name, (...args: unknown[]) => {
        path.push(`${name} ${args.map((it) => it instanceof Uint8Array ? it.length : "")}`);
        return f(...args);
      }]];
    });
    const random = seededRandom(1);
    const room = privateRoom(CODE, Object.fromEntries(watched), {
      randomBytes: (length) => seededBytes(random, length),
    });
    const response = room.respond({ keyShare, fields: HELLO }, WELCOME) as Response;
    assertEquals(response.keyShare.length, 96);
    paths.add(path.join("\n"));
  }
  assertEquals(paths.size, 1);
  assertEquals([...paths][0]!.match(/^crypto_scalarmult_ristretto255 /gm)!.length, 2);
});

// One test of a code is all that an exchange is good for: what else the right share would have made is
// erased with the scalar.
for (
  const [what, change] of [
    ["a bit of the share", (b: Uint8Array, i: number) => flip(b, i % 256)],
    ["a bit of the confirmation", (b: Uint8Array, i: number) => flip(b, 256 + i)],
    ["its length", (b: Uint8Array, i: number) => b.subarray(0, i % 96)],
    ["a byte more", (b: Uint8Array) => Uint8Array.of(...b, 0)],
  ] as const
) {
  Deno.test(`private room: a WELCOME that is wrong by ${what} ends the exchange`, () => {
    for (let i = 0; i < 512; i += what.startsWith("a bit") ? 1 : 5) {
      const room = codeRoom();
      const initiation = room.initiate(HELLO);
      const { keyShare } = answer(room, initiation.keyShare);
      assertEquals(initiation.complete(change(keyShare, i), WELCOME), undefined, `${i}`);
      assertEquals(initiation.complete(keyShare, WELCOME), undefined, `${i}`);
    }
  });
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

Deno.test("private room: every readable field of HELLO and WELCOME counts", () => {
  for (const fields of [...flips(WELCOME), WELCOME.subarray(1), new Uint8Array(0)]) {
    const room = codeRoom();
    const initiation = room.initiate(HELLO);
    const response = answer(room, initiation.keyShare);
    assertEquals(initiation.complete(response.keyShare, fields), undefined);
  }
  for (const fields of [...flips(HELLO), HELLO.subarray(1), new Uint8Array(5)]) {
    const room = codeRoom();
    const initiation = room.initiate(HELLO);
    const response = room.respond({ keyShare: initiation.keyShare, fields }, WELCOME) as Response;
    assertEquals(initiation.complete(response.keyShare, WELCOME), undefined);
  }
});

Deno.test("private room: a server that got another HELLO share has other keys", () => {
  for (const forged of [...flips(codeRoom().initiate(HELLO).keyShare)]) {
    const room = codeRoom();
    const initiation = room.initiate(HELLO);
    const response = room.respond({ keyShare: forged, fields: HELLO }, WELCOME);
    // Half of all encodings are no points.
    if (response === undefined) continue;
    const { keyShare, seal } = response as Response;
    assertEquals(initiation.complete(keyShare, WELCOME), undefined);
    assertEquals(seal.open(meet().client.seal(message(1))), undefined);
  }
});

Deno.test("private room: the answer of another room, or to another HELLO, does not hold", () => {
  const room = codeRoom();
  const [one, another] = [room.initiate(HELLO), room.initiate(HELLO)];
  const response = answer(room, one.keyShare);
  assertEquals(another.complete(response.keyShare, WELCOME), undefined);
  const stranger = codeRoom("42-tigre-lunes").initiate(HELLO);
  const forStranger = answer(room, stranger.keyShare);
  assertEquals(stranger.complete(forStranger.keyShare, WELCOME), undefined);
  const reflected = Uint8Array.of(...one.keyShare, ...response.keyShare.subarray(32));
  assertEquals(one.complete(reflected, WELCOME), undefined, "its own HELLO, reflected");
});

for (const point of [vectors.points["Invalid Y1"], vectors.points["Invalid Y2"], "ff".repeat(32)]) {
  Deno.test(`private room: nobody agrees with ${point.slice(0, 8)}…, and nothing is left of it`, () => {
    const { room, scalars } = watchedRoom(1);
    const keyShare = Uint8Array.fromHex(point);
    assertEquals(room.respond({ keyShare, fields: HELLO }, WELCOME), undefined);
    const initiation = room.initiate(HELLO);
    const forged = Uint8Array.of(...keyShare, ...new Uint8Array(64));
    assertEquals(initiation.complete(forged, WELCOME), undefined);
    const right = answer(room, initiation.keyShare);
    assertEquals(initiation.complete(right.keyShare, WELCOME), undefined, "it is over");
    assertEquals(scalars, [ZEROS, ZEROS, ZEROS]);
  });
}

for (const length of [1, 31, 33, 60, 96]) {
  Deno.test(`private room: ${length} bytes are no share`, () => {
    const response = codeRoom().respond(
      { keyShare: new Uint8Array(length), fields: HELLO },
      WELCOME,
    );
    assertEquals(response, undefined);
  });
}

Deno.test("private room: the same seed makes the same exchange, another seed another", () => {
  const bytesOf = ({ hello, welcome, client }: Meeting) =>
    concat([hello, welcome, client.seal(message(1))]).toHex();
  assertEquals(bytesOf(meet(codeRoom(CODE, 3))), bytesOf(meet(codeRoom(CODE, 3))));
  assertNotEquals(bytesOf(meet(codeRoom(CODE, 3))), bytesOf(meet(codeRoom(CODE, 4))));
});

Deno.test("private room: every single bit of a sealed datagram counts", () => {
  const { client, server } = meet();
  for (const datagram of [message(1), encode({ type: "ack", id: ID })]) {
    const sealed = client.seal(datagram);
    for (const forged of flips(sealed)) assertEquals(server.open(forged), undefined);
    for (let length = 0; length < sealed.length; length++) {
      assertEquals(server.open(sealed.subarray(0, length)), undefined);
    }
    const longer = new Uint8Array(sealed.length + 1);
    longer.set(sealed);
    assertEquals(server.open(longer), undefined);
    // The forgery has not used the counter up.
    assertEquals(server.open(sealed), datagram);
  }
});

Deno.test("private room: what is longer than a datagram is not opened", () => {
  const { client, server } = meet();
  const datagram = new Uint8Array(MAX_DATAGRAM_BYTES - SEAL_BYTES);
  assertEquals(server.open(client.seal(datagram)), datagram);
  assertEquals(server.open(client.seal(new Uint8Array(datagram.length + 1))), undefined);
});

Deno.test("private room: a datagram is opened once, and never by who sealed it", () => {
  const { client, server } = meet();
  const sealed = Array.from({ length: 50 }, (_, i) => client.seal(message(i)));
  for (const [i, datagram] of sealed.entries()) {
    assertEquals(client.open(datagram), undefined, "reflected");
    assertEquals(server.open(datagram), message(i));
    for (const earlier of sealed.slice(0, i + 1)) assertEquals(server.open(earlier), undefined);
  }
});

Deno.test("private room: late within the window is in time, later is too late", () => {
  const { client, server } = meet();
  const sealed = Array.from({ length: REPLAY_WINDOW + 1 }, (_, i) => client.seal(message(i)));
  assertEquals(server.open(sealed[REPLAY_WINDOW]!), message(REPLAY_WINDOW));
  assertEquals(server.open(sealed[0]!), undefined);
  for (let i = REPLAY_WINDOW - 1; i > 0; i--) {
    assertEquals(server.open(sealed[i]!), message(i), `${i}`);
  }
  for (const datagram of sealed) assertEquals(server.open(datagram), undefined);
});

Deno.test("private room: a forged counter moves nothing", () => {
  const { client, server } = meet();
  const [first, second] = [client.seal(message(1)), client.seal(message(2))];
  for (const counter of [2n ** 20n, 2n ** 52n, 2n ** 53n, 2n ** 60n, 2n ** 64n - 1n]) {
    const forged = first.slice();
    new DataView(forged.buffer).setBigUint64(HEADER_BYTES, counter);
    assertEquals(server.open(forged), undefined, `${counter}`);
  }
  assertEquals(server.open(second), message(2));
  assertEquals(server.open(first), message(1));
});

Deno.test("private room: counters end cleanly, and are whole up to their end", () => {
  const key = new Uint8Array(32).fill(1);
  const to = privateSeal(SODIUM, { sending: ZEROS, receiving: key });
  for (const counter of [2 ** 32 - 1, 2 ** 32, 2 ** 40 + 1, COUNTER_LIMIT - 1]) {
    const from = privateSeal(SODIUM, { sending: key, receiving: ZEROS }, counter);
    const sealed = from.seal(message(1));
    assertEquals(
      new DataView(sealed.buffer, sealed.byteOffset).getBigUint64(HEADER_BYTES),
      BigInt(counter),
    );
    assertEquals(to.open(sealed), message(1), `${counter}`);
    assertEquals(to.open(sealed), undefined, `${counter}`);
    if (counter === COUNTER_LIMIT - 1) assertThrows(() => from.seal(message(1)), RangeError);
  }
  // Beyond the end a number has no exact value: there even what is authentic stays closed.
  const header = message(1).subarray(0, HEADER_BYTES);
  const nonce = Uint8Array.fromHex("00000000ffffffffffff1f00");
  const beyond = Uint8Array.of(
    ...header,
    ...Uint8Array.fromHex("001fffffffffffff"),
    ...SODIUM.crypto_aead_chacha20poly1305_ietf_encrypt(WORDS, header, null, nonce, key),
  );
  assertEquals(to.open(beyond), undefined);
});

// The nonce is 32 zero bits and the counter with its lowest byte first; the header is additional data.
Deno.test("private room: a seal is ChaCha20-Poly1305 as RFC 8439 §2.8 has it", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const counter = 0x0102_0304_0506;
  const seal = privateSeal(SODIUM, { sending: key, receiving: ZEROS }, counter);
  const header = message(1).subarray(0, HEADER_BYTES);
  const nonce = Uint8Array.fromHex("000000000605040302010000");
  assertEquals(
    seal.seal(message(1)).subarray(HEADER_BYTES + 8),
    SODIUM.crypto_aead_chacha20poly1305_ietf_encrypt(WORDS, header, null, nonce, key),
  );
});

Deno.test("private room: the AEAD of libsodium is that of RFC 8439 (§2.8.2, §A.5)", () => {
  const hex = (text: string) => Uint8Array.fromHex(text);
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const [nonce, ad] = [hex("070000004041424344454647"), hex("50515253c0c1c2c3c4c5c6c7")];
  const sunscreen = UTF8.encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      "sunscreen would be it.",
  );
  const sealed = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";
  const aead = {
    encrypt: SODIUM.crypto_aead_chacha20poly1305_ietf_encrypt,
    decrypt: SODIUM.crypto_aead_chacha20poly1305_ietf_decrypt,
  };
  assertEquals(aead.encrypt(sunscreen, ad, null, nonce, key).toHex(), sealed);
  assertEquals(aead.decrypt(null, hex(sealed), ad, nonce, key), sunscreen);
  for (const forged of flips(hex(sealed))) {
    assertThrows(() => aead.decrypt(null, forged, ad, nonce, key));
  }
  const draft = aead.decrypt(
    null,
    hex(
      "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0" +
        "bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a0" +
        "6ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433" +
        "225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955" +
        "ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f" +
        "2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38",
    ),
    hex("f33388860000000000004e91"),
    hex("000000000102030405060708"),
    hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
  );
  assert(new TextDecoder().decode(draft).startsWith("Internet-Drafts are draft documents valid"));
});

Deno.test("private room: no run of the plaintext is in a sealed datagram", () => {
  const { client, server } = meet(codeRoom(CODE, 3));
  const runs = (bytes: Uint8Array) =>
    bytes.length < 4 ? [] : Array.from(
      { length: bytes.length - 3 },
      (_, i) => bytes.subarray(i, i + 4).toHex(),
    );
  const random = seededRandom(4);
  for (const seal of [client, server]) {
    for (let i = 0; i < 50; i++) {
      const payload = i < 25 ? WORDS : seededBytes(random, MAX_SEGMENT_BYTES);
      const sealed = new Set(runs(seal.seal(message(i, payload)).subarray(HEADER_BYTES)));
      assertEquals(runs(payload).filter((run) => sealed.has(run)), []);
    }
  }
});

Deno.test("private room: the same words are never sealed to the same bytes", () => {
  const { client, server } = meet();
  const seen = new Set<string>();
  for (const seal of [client, server]) {
    for (let i = 0; i < 500; i++) {
      seen.add(seal.seal(message(1)).subarray(HEADER_BYTES + 8).toHex());
    }
  }
  assertEquals(seen.size, 1000);
});

const STRANGE_INPUTS = cases(20_000);

// Invariant: on any input nothing is thrown, nothing is opened, nobody is let in, and what is
// genuine still holds afterwards.
Deno.test(`private room: ${STRANGE_INPUTS} inputs of a stranger`, () => {
  const room = codeRoom();
  const { hello, client, server } = meet(room);
  const sealed = client.seal(message(1));
  const random = seededRandom(20_000);
  const below = (limit: number) => Math.floor(random() * limit);
  const stranger = (genuine: Uint8Array, longest: number): Uint8Array => {
    switch (below(4)) {
      case 0:
        return seededBytes(random, below(longest + 1));
      case 1:
        return genuine.slice(0, below(genuine.length));
      case 2:
        return Uint8Array.of(...genuine, ...seededBytes(random, 1 + below(9)));
      default: {
        const changed = genuine.slice();
        changed[below(changed.length)]! ^= 1 + below(255);
        return changed;
      }
    }
  };
  for (let i = 0; i < STRANGE_INPUTS; i++) {
    assertEquals(server.open(stranger(sealed, 2 * MAX_DATAGRAM_BYTES)), undefined);
    if (i % 16 !== 0) continue;
    const keyShare = stranger(hello, 2 * MAX_WELCOME_SHARE_BYTES);
    const response = room.respond({ keyShare, fields: HELLO }, WELCOME);
    if (keyShare.length === 0) assertEquals(response, "private");
    else if (keyShare.length !== 32) assertEquals(response, undefined);
    const initiation = room.initiate(HELLO);
    const { keyShare: right } = answer(room, initiation.keyShare);
    assertEquals(initiation.complete(stranger(right, 200), WELCOME), undefined);
  }
  assertEquals(server.open(sealed), message(1));
});

// Forward secrecy: an attacker recorded everything and learns the code a year later. What is missing
// then is one scalar of the two, which neither end keeps.
Deno.test("private room: the code and the whole recording open nothing", () => {
  const { room, drawn } = watchedRoom(9);
  const meeting = meet(room);
  const recording = [
    ...Array.from({ length: 5 }, (_, i) => meeting.client.seal(message(i))),
    ...Array.from({ length: 5 }, (_, i) => meeting.server.seal(message(i))),
  ];
  const { hello } = meeting;
  const [share, tag] = [meeting.welcome.subarray(0, 32), meeting.welcome.subarray(32)];
  const opened = ({ toServer, toClient }: ReturnType<typeof secretsOf>) => {
    const seals = [toServer, toClient].map((receiving) =>
      privateSeal(SODIUM, { sending: ZEROS, receiving })
    );
    return recording.filter((it) => seals.some((seal) => seal.open(it) !== undefined)).length;
  };

  // Every scalar that is a guess or can be read, on every point that can be read or computed.
  const g = generator(SODIUM, { prs: UTF8.encode(CODE), ci: CI, sid: HELLO.subarray(0, 8) });
  const one = Uint8Array.of(1, ...new Uint8Array(31));
  const scalars = [one, Uint8Array.of(2, ...new Uint8Array(31)), hello, share, g, tag.slice(0, 32)]
    .map((it) => SODIUM.crypto_core_ristretto255_scalar_reduce(Uint8Array.of(...it, ...ZEROS)));
  for (const scalar of scalars) {
    for (const point of [hello, share, g]) {
      const secrets = secretsOf({ scalar, point, hello, share });
      assertNotEquals(secrets.tag, tag);
      assertEquals(opened(secrets), 0);
    }
  }

  // The one thing that was missing: either of the scalars opens all of it.
  for (const [scalar, point] of [[drawn[0]!, share], [drawn[1]!, hello]] as const) {
    const secrets = secretsOf({ scalar, point, hello, share });
    assertEquals(secrets.tag, tag);
    assertEquals(opened(secrets), recording.length);
  }
});

Deno.test("private room: no scalar outlives its exchange, nor anything that was made of it", () => {
  const { room, seeds, scalars, hashes, points } = watchedRoom(1);
  const initiation = room.initiate(HELLO);
  assertNotEquals(scalars[0], ZEROS);
  const response = answer(room, initiation.keyShare);
  assertEquals(scalars[1], ZEROS);
  initiation.complete(response.keyShare, WELCOME);
  assertEquals(scalars, [ZEROS, ZEROS]);
  assertEquals(seeds.map((seed) => seed.every((byte) => byte === 0)), [true, true]);
  // A generator each; a session key and a confirmation key each, erased.
  assertEquals(hashes.filter((hash) => hash.some((byte) => byte !== 0)).length, 2);
  assertEquals(hashes.length, 6);
  // The two shares, and the secret point, which either end made.
  const shares = [initiation.keyShare, response.keyShare.subarray(0, 32)];
  const kept = points.filter((point) => point.some((byte) => byte !== 0));
  assertEquals(kept.map((point) => point.toHex()).sort(), shares.map((it) => it.toHex()).sort());
  assertEquals(points.length, 4);
});

Deno.test("private room: a wrong code leaves no scalar behind either", () => {
  const { room, scalars } = watchedRoom(1);
  const initiation = room.initiate(HELLO);
  const response = codeRoom("otro").respond(
    { keyShare: initiation.keyShare, fields: HELLO },
    WELCOME,
  );
  assertEquals(initiation.complete((response as Response).keyShare, WELCOME), undefined);
  assertEquals(scalars, [ZEROS]);
});

Deno.test("private room: each exchange draws one scalar at either end, and a new one", () => {
  const { room, seeds, drawn } = watchedRoom(1);
  for (let i = 1; i <= 20; i++) {
    meet(room);
    assertEquals(drawn.length, 2 * i);
  }
  assertEquals(seeds.map(({ length }) => length), Array(40).fill(64));
  assertEquals(new Set(drawn.map((scalar) => scalar.toHex())).size, 40);
});

/** The window as it is defined, and slow. */
class NaiveWindow {
  readonly #seen = new Set<number>();
  #newest = -1;

  accept(counter: number): boolean {
    if (this.#seen.has(counter) || counter <= this.#newest - REPLAY_WINDOW) return false;
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    return true;
  }
}

Deno.test("replay window: at least 1,024 datagrams", () => {
  assert(REPLAY_WINDOW >= 1024);
});

// After every other counter up to some place comes a leap of every length that makes a difference;
// then every counter from there down to 0, twice.
testAtLength("replay window: every leap, and all that lies behind it", () => {
  for (const start of [0, 1, 31, 32, 2015, 2016, 2047, 2048, 2100]) {
    for (let leap = 1; leap <= 2 * REPLAY_WINDOW + 70; leap += leap < 100 ? 1 : 13) {
      const [window, naive] = [new ReplayWindow(), new NaiveWindow()];
      const both = (counter: number) => {
        const expected = naive.accept(counter);
        if (window.accept(counter) !== expected) {
          throw new Error(`start ${start}, leap ${leap}: ${counter} is ${expected}`);
        }
      };
      for (let counter = start % 2; counter <= start; counter += 2) both(counter);
      const newest = start + leap;
      both(newest);
      const lowest = Math.max(0, newest - REPLAY_WINDOW - 40);
      for (let counter = newest; counter >= lowest; counter--) both(counter);
      for (let counter = lowest; counter <= newest; counter++) both(counter);
    }
  }
});

Deno.test("replay window: every order of seven counters around the edges of blocks and window", () => {
  const counters = [0, 31, 32, REPLAY_WINDOW - 1, REPLAY_WINDOW, REPLAY_WINDOW + 32, 4095];
  const orders = (rest: readonly number[]): number[][] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((first) =>
        orders(rest.filter((it) => it !== first)).map((order) => [first, ...order])
      );
  const all = orders(counters);
  assertEquals(all.length, 5040);
  for (const order of all) {
    const [window, naive] = [new ReplayWindow(), new NaiveWindow()];
    const twice = [...order, ...order];
    assertEquals(twice.map((it) => window.accept(it)), twice.map((it) => naive.accept(it)));
  }
});

Deno.test("replay window: long walks, also where numbers are large", () => {
  for (const base of [0, 2 ** 31 - 3000, 2 ** 32 - 3000, 2 ** 40, COUNTER_LIMIT - 60_000]) {
    for (let seed = 1; seed <= 10; seed++) {
      const random = seededRandom(seed);
      const [window, naive] = [new ReplayWindow(), new NaiveWindow()];
      let at = base;
      for (let step = 0; step < 4000; step++) {
        const kind = random();
        if (kind < 0.6) at += 1;
        else if (kind < 0.62) at += Math.floor(random() * 500);
        else if (kind < 0.621) at += Math.floor(random() * 2 * REPLAY_WINDOW);
        const back = kind < 0.62 ? 0 : Math.floor(random() * (REPLAY_WINDOW + 100));
        const counter = Math.max(base, at - back);
        const expected = naive.accept(counter);
        if (window.accept(counter) !== expected) {
          throw new Error(`base ${base}, seed ${seed}, step ${step}: ${counter} is ${expected}`);
        }
      }
      assert(at < COUNTER_LIMIT);
    }
  }
});
