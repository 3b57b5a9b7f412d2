import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { cases, testAtLength } from "../../tests/whole.ts";
import { nodePrimitives } from "./crypto.ts";
import {
  CipherState,
  Handshake,
  type HandshakeOptions,
  type KeyPair,
  NONCE_LIMIT,
  type Primitives,
} from "./noise.ts";
import {
  encode,
  handshakeFields,
  HEADER_BYTES,
  MAX_DATAGRAM_BYTES,
  MAX_KEY_SHARE_BYTES,
  MAX_SEGMENT_BYTES,
  SEAL_BYTES,
} from "../reliable/packet.ts";
import { privateRoom, PrivateSeal, REPLAY_WINDOW, ReplayWindow } from "./private_room.ts";
import { OPEN_ROOM, type Response, type Room, type Seal } from "../reliable/seal.ts";

const PLATFORM = nodePrimitives();
const BASE_POINT = Uint8Array.fromHex("09".padEnd(64, "0"));
const PSK = new Uint8Array(32).fill(0x5a);
const HELLO = handshakeFields(0x1122_3344_5566_7788n, 75_000);
const WELCOME = handshakeFields(0x0123_4567_89ab_cdefn, 60_000);
const ID = 0x0123_4567_89ab_cdefn;
const WORDS = new TextEncoder().encode("¿HTML es un lenguaje de programacion?");
const PROLOGUE = new TextEncoder().encode("preguntas: private room, protocol version 2");

/** Primitives whose keys are the same in each run, with a note of every key pair made. */
function seededPrimitives(seed: number): Primitives & { readonly keyPairs: KeyPair[] } {
  const random = seededRandom(seed);
  const keyPairs: KeyPair[] = [];
  const generateKeyPair = () => {
    const privateKey = seededBytes(random, 32);
    const pair = { privateKey, publicKey: PLATFORM.agree(privateKey, BASE_POINT)! };
    // The handshake erases its own.
    keyPairs.push({ ...pair, privateKey: privateKey.slice() });
    return pair;
  };
  return { ...PLATFORM, generateKeyPair, keyPairs };
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
  if (typeof response === "string") throw new Error(`Refused: "${response}"`);
  return response;
}

/** A handshake that succeeds. */
function meet(room: Room = privateRoom(PSK, PLATFORM)): Meeting {
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
  const [one, another] = [meet(), meet()];
  assertEquals([one.hello.length, one.welcome.length], [60, 60]);
  assert(one.hello.length <= MAX_KEY_SHARE_BYTES && one.welcome.length <= MAX_KEY_SHARE_BYTES);
  assertNotEquals(one.hello, another.hello);
  assertNotEquals(one.welcome, another.welcome);
  assertEquals(another.server.open(one.client.seal(message(1))), undefined);
});

Deno.test("private room: it is the handshake that its name says", () => {
  const common = { psk: PSK, prologue: PROLOGUE, primitives: PLATFORM };
  const alice = new Handshake({ role: "initiator", ...common });
  const keyShare = alice.writeMessage(HELLO)!;
  const response = answer(privateRoom(PSK, PLATFORM), keyShare);
  assertEquals(alice.readMessage(response.keyShare), WELCOME);
  assertEquals(response.seal.open(new PrivateSeal(alice.split()).seal(message(1))), message(1));
});

Deno.test("private room: who has no code is told so, also by an open room to who has one", () => {
  const room = privateRoom(PSK, PLATFORM);
  assertEquals(room.respond({ keyShare: new Uint8Array(0), fields: HELLO }, WELCOME), "private");
  const { keyShare } = room.initiate(HELLO);
  assertEquals(OPEN_ROOM.respond({ keyShare, fields: HELLO }, WELCOME), "open");
  assertEquals(room.initiate(HELLO).complete(new Uint8Array(0), WELCOME), undefined);
});

Deno.test("private room: every wrong code takes the same path to the same refusal", () => {
  const { keyShare } = privateRoom(PSK, PLATFORM).initiate(HELLO);
  const paths = new Set<string>();
  const pathOf = (psk: Uint8Array) => {
    const path: string[] = [];
    const note = <Args extends unknown[], Result>(name: string, f: (...args: Args) => Result) => {
      return (...args: Args): Result => {
        path.push(`${name} ${args.map((it) => it instanceof Uint8Array ? it.length : it)}`);
        return f(...args);
      };
    };
    const primitives: Primitives = {
      cipher: "ChaChaPoly",
      hash: note("hash", PLATFORM.hash),
      hkdf: note("hkdf", PLATFORM.hkdf),
      generateKeyPair: note("generateKeyPair", PLATFORM.generateKeyPair),
      agree: note("agree", PLATFORM.agree),
      encrypt: note("encrypt", PLATFORM.encrypt),
      decrypt: note("decrypt", PLATFORM.decrypt),
    };
    const response = privateRoom(psk, primitives).respond({ keyShare, fields: HELLO }, WELCOME);
    return { response, path: path.join("\n") };
  };
  for (const psk of [...flips(PSK), new Uint8Array(32), new Uint8Array(32).fill(1)]) {
    const { response, path } = pathOf(psk);
    assertEquals(response, "wrong-code");
    paths.add(path);
  }
  assertEquals(paths.size, 1);
  // Nothing is agreed on with who does not have the code: that is what costs most.
  assert(!/agree|generateKeyPair|encrypt/.test([...paths][0]!));
  assert(/^agree/m.test(pathOf(PSK).path));
});

Deno.test("private room: every single bit of a HELLO counts", () => {
  const room = privateRoom(PSK, PLATFORM);
  const { keyShare } = room.initiate(HELLO);
  for (const forged of flips(keyShare)) {
    assertEquals(room.respond({ keyShare: forged, fields: HELLO }, WELCOME), "wrong-code");
  }
  for (const fields of [...flips(HELLO), HELLO.subarray(1), new Uint8Array(0), new Uint8Array(5)]) {
    assertEquals(room.respond({ keyShare, fields }, WELCOME), "wrong-code");
  }
  for (let length = 1; length <= MAX_KEY_SHARE_BYTES; length++) {
    const cut = new Uint8Array(length);
    cut.set(keyShare.subarray(0, length));
    const isWhole = length === keyShare.length;
    const response = room.respond({ keyShare: cut, fields: HELLO }, WELCOME);
    assertEquals(typeof response === "object" ? "in" : response, isWhole ? "in" : "wrong-code");
  }
});

Deno.test("private room: every single bit of a WELCOME counts, and the right one still holds", () => {
  const room = privateRoom(PSK, PLATFORM);
  const initiation = room.initiate(HELLO);
  const response = answer(room, initiation.keyShare);
  for (const forged of flips(response.keyShare)) {
    assertEquals(initiation.complete(forged, WELCOME), undefined);
  }
  for (const fields of [...flips(WELCOME), WELCOME.subarray(1), new Uint8Array(0)]) {
    assertEquals(initiation.complete(response.keyShare, fields), undefined);
  }
  for (let length = 0; length < response.keyShare.length; length++) {
    assertEquals(initiation.complete(response.keyShare.subarray(0, length), WELCOME), undefined);
  }
  const seal = initiation.complete(response.keyShare, WELCOME);
  assertEquals(response.seal.open(seal!.seal(message(1))), message(1));
  // Once only: two seals with one key would use its counters twice.
  assertEquals(initiation.complete(response.keyShare, WELCOME), undefined);
});

Deno.test("private room: the answer of another room, or to another HELLO, does not hold", () => {
  const room = privateRoom(PSK, PLATFORM);
  const [one, another] = [room.initiate(HELLO), room.initiate(HELLO)];
  const response = answer(room, one.keyShare);
  assertEquals(another.complete(response.keyShare, WELCOME), undefined);
  const otherRoom = privateRoom(new Uint8Array(32).fill(1), PLATFORM);
  const stranger = otherRoom.initiate(HELLO);
  assertEquals(room.respond({ keyShare: stranger.keyShare, fields: HELLO }, WELCOME), "wrong-code");
  assertEquals(stranger.complete(response.keyShare, WELCOME), undefined);
  assertEquals(one.complete(one.keyShare, WELCOME), undefined, "its own HELLO, reflected");
});

Deno.test("private room: another version of the protocol is another room", () => {
  const alice = new Handshake({
    role: "initiator",
    psk: PSK,
    prologue: new TextEncoder().encode("preguntas: private room, protocol version 3"),
    primitives: PLATFORM,
  });
  const keyShare = alice.writeMessage(HELLO)!;
  const response = privateRoom(PSK, PLATFORM).respond({ keyShare, fields: HELLO }, WELCOME);
  assertEquals(response, "wrong-code");
});

// The points of small order (https://cr.yp.to/ecdh.html#validate).
const LOW_ORDER = [
  "00".repeat(32),
  "01".padEnd(64, "0"),
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ec" + "ff".repeat(30) + "7f",
  "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f",
];

for (const point of LOW_ORDER) {
  Deno.test(`private room: nobody agrees with the public key ${point.slice(0, 8)}…`, () => {
    const publicKey = Uint8Array.fromHex(point);
    // A peer with the code that sends a key of which every agreement is zero.
    const primitives: Primitives = {
      ...PLATFORM,
      generateKeyPair: () => ({ privateKey: new Uint8Array(32), publicKey }),
      agree: () => new Uint8Array(32),
    };
    const [honest, evil] = [privateRoom(PSK, PLATFORM), privateRoom(PSK, primitives)];
    const { keyShare } = evil.initiate(HELLO);
    assertEquals(honest.respond({ keyShare, fields: HELLO }, WELCOME), "wrong-code");
    const initiation = honest.initiate(HELLO);
    const response = answer(evil, initiation.keyShare);
    assertEquals(initiation.complete(response.keyShare, WELCOME), undefined);
  });
}

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
  const [sending, receiving] = [new CipherState(PLATFORM, key), new CipherState(PLATFORM, key)];
  const unused = new CipherState(PLATFORM, new Uint8Array(32));
  const from = new PrivateSeal({ sending, receiving: unused });
  const to = new PrivateSeal({ sending: unused, receiving });
  for (const counter of [2 ** 32 - 1, 2 ** 32, 2 ** 40 + 1, NONCE_LIMIT - 1]) {
    sending.setNonce(counter);
    const sealed = from.seal(message(1));
    assertEquals(
      new DataView(sealed.buffer, sealed.byteOffset).getBigUint64(HEADER_BYTES),
      BigInt(counter),
    );
    assertEquals(to.open(sealed), message(1), `${counter}`);
    assertEquals(to.open(sealed), undefined, `${counter}`);
  }
  assertThrows(() => from.seal(message(1)), RangeError);
  // Beyond the end a number has no exact value: there even what is authentic stays closed.
  const header = message(1).subarray(0, HEADER_BYTES);
  const beyond = Uint8Array.of(
    ...header,
    ...Uint8Array.fromHex("001fffffffffffff"),
    ...PLATFORM.encrypt(key, NONCE_LIMIT, header, WORDS),
  );
  assertEquals(to.open(beyond), undefined);
});

Deno.test("private room: no run of the plaintext is in a sealed datagram", () => {
  const { client, server } = meet(privateRoom(PSK, seededPrimitives(3)));
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
  const room = privateRoom(PSK, PLATFORM);
  const { hello, welcome, client, server } = meet(room);
  const initiation = room.initiate(HELLO);
  const response = answer(room, initiation.keyShare);
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
    if (i % 4 !== 0) continue;
    const keyShare = stranger(hello, 2 * MAX_KEY_SHARE_BYTES);
    const refusal = room.respond({ keyShare, fields: HELLO }, WELCOME);
    assertEquals(refusal, keyShare.length === 0 ? "private" : "wrong-code");
    assertEquals(initiation.complete(stranger(welcome, 120), WELCOME), undefined);
    assertEquals(initiation.complete(stranger(response.keyShare, 120), WELCOME), undefined);
  }
  assertEquals(server.open(sealed), message(1));
  const seal = initiation.complete(response.keyShare, WELCOME);
  assertEquals(response.seal.open(seal!.seal(message(1))), message(1));
});

// Forward secrecy: an attacker recorded everything and learns the code a year later. What is missing
// then is one private key of the two ephemeral ones, which neither end keeps.
Deno.test("private room: the code and the whole recording open nothing", () => {
  const primitives = seededPrimitives(9);
  const meeting = meet(privateRoom(PSK, primitives));
  const recording = [
    ...Array.from({ length: 5 }, (_, i) => meeting.client.seal(message(i))),
    ...Array.from({ length: 5 }, (_, i) => meeting.server.seal(message(i))),
  ];
  const end = (role: HandshakeOptions["role"], over: Partial<Primitives> = {}) =>
    new Handshake({ role, psk: PSK, prologue: PROLOGUE, primitives: { ...PLATFORM, ...over } });
  const openedBy = (handshake: Handshake) => {
    const { sending, receiving } = handshake.split();
    const seals = [
      new PrivateSeal({ sending, receiving }),
      new PrivateSeal({ sending: receiving, receiving: sending }),
    ];
    return recording.filter((it) => seals.some((seal) => seal.open(it) !== undefined)).length;
  };

  // With the code the first message opens: its payload is what stands readable beside it anyway.
  const asServer = end("responder");
  assertEquals(asServer.readMessage(meeting.hello), HELLO);
  asServer.writeMessage(WELCOME);
  assertEquals(openedBy(asServer), 0, "an own key in place of the server's");

  // The client's message again, but without its private key; and every secret that is a guess.
  const guesses = [
    ...[...primitives.keyPairs].map(({ publicKey }) => publicKey),
    ...[PSK, new Uint8Array(32), meeting.hello.slice(20, 52), meeting.welcome.slice(28, 60)],
  ];
  for (const guess of guesses) {
    const publicKey = meeting.hello.slice(0, 32);
    const asClient = end("initiator", {
      generateKeyPair: () => ({ privateKey: new Uint8Array(32), publicKey }),
      agree: () => guess,
    });
    assertEquals(asClient.writeMessage(HELLO), meeting.hello);
    assertEquals(asClient.readMessage(meeting.welcome), undefined);
    const asEither = end("responder", {
      generateKeyPair: () => ({
        privateKey: new Uint8Array(32),
        publicKey: meeting.welcome.slice(0, 32),
      }),
      agree: () => guess,
    });
    asEither.readMessage(meeting.hello);
    assertNotEquals(asEither.writeMessage(WELCOME), meeting.welcome);
    assertEquals(openedBy(asEither), 0);
  }

  // The one thing that was missing: either of the private keys opens all of it.
  const [clientKeys, serverKeys] = primitives.keyPairs;
  const client = end("initiator", { generateKeyPair: () => clientKeys! });
  client.writeMessage(HELLO);
  assertEquals(client.readMessage(meeting.welcome), WELCOME);
  assertEquals(openedBy(client), recording.length);
  const server = end("responder", { generateKeyPair: () => serverKeys! });
  server.readMessage(meeting.hello);
  assertEquals(server.writeMessage(WELCOME), meeting.welcome);
  assertEquals(openedBy(server), recording.length);
});

Deno.test("private room: no ephemeral private key outlives its handshake", () => {
  const keyPairs: KeyPair[] = [];
  const generateKeyPair = () => {
    const pair = PLATFORM.generateKeyPair();
    keyPairs.push(pair);
    return pair;
  };
  const room = privateRoom(PSK, { ...PLATFORM, generateKeyPair });
  const initiation = room.initiate(HELLO);
  const response = answer(room, initiation.keyShare);
  const zeros = new Uint8Array(32);
  assertNotEquals(keyPairs[0]!.privateKey, zeros);
  assertEquals(keyPairs[1]!.privateKey, zeros);
  // An answer that does not hold is not the end yet.
  initiation.complete(response.keyShare, HELLO);
  assertNotEquals(keyPairs[0]!.privateKey, zeros);
  initiation.complete(response.keyShare, WELCOME);
  assertEquals(keyPairs.map(({ privateKey }) => privateKey), [zeros, zeros]);
});

Deno.test("private room: each handshake draws one key pair at either end, and a new one", () => {
  const primitives = seededPrimitives(1);
  const room = privateRoom(PSK, primitives);
  for (let i = 1; i <= 20; i++) {
    meet(room);
    assertEquals(primitives.keyPairs.length, 2 * i);
  }
  const drawn = new Set(primitives.keyPairs.map(({ privateKey }) => privateKey.toHex()));
  assertEquals(drawn.size, 40);
});

Deno.test("private room: a key of another length is the caller's mistake", () => {
  const room = privateRoom(new Uint8Array(31), PLATFORM);
  assertThrows(() => room.initiate(HELLO), RangeError);
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
  for (const base of [0, 2 ** 31 - 3000, 2 ** 32 - 3000, 2 ** 40, NONCE_LIMIT - 60_000]) {
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
      assert(at < NONCE_LIMIT);
    }
  }
});
