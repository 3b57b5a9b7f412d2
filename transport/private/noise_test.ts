import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { nodePrimitives } from "./crypto.ts";
import { CipherState, Handshake, type HandshakeOptions, NONCE_LIMIT } from "./noise.ts";

const hex = (text: string) => Uint8Array.fromHex(text);
const utf8 = (text: string) => new TextEncoder().encode(text);
const NOTHING = new Uint8Array(0);
const BASE_POINT = hex("09".padEnd(64, "0"));

// Of cacophony (https://github.com/haskell-cryptography/cacophony), `vectors/cacophony.txt`.
const COMMON = {
  prologue: "4a6f686e2047616c74",
  psk: "54686973206973206d7920417573747269616e20706572737065637469766521",
  initiator: "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
  responder: "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
  payloads: [
    "4c756477696720766f6e204d69736573",
    "4d757272617920526f746862617264",
    "462e20412e20486179656b",
    "4361726c204d656e676572",
    "4a65616e2d426170746973746520536179",
    "457567656e2042f6686d20766f6e2042617765726b",
  ],
};
const VECTORS = [
  {
    cipher: "AESGCM",
    handshakeHash: "9f3b1f9afd7767767b5b9d1069844a6154fdbdcc36dfb3e31c0fffc5c973d530",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944" +
      "7c37a89fc17813788d30df2d59501d6066f5f8aecc3406bbd9829f2d24a531b1",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843" +
      "2f29d79368ef9de4e1ae7a362fb05bf0ad668e026bf5714554497b3a720461",
      "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6",
      "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0",
      "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd",
      "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9",
    ],
  },
  {
    cipher: "ChaChaPoly",
    handshakeHash: "f4d03dc34495c95729ea6de9e1b59004b59733102488b3e24bc441e0be208eaf",
    messages: [
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944" +
      "79b962b8aff8485742ac32f905ba45369e2465fb59e138a93d67a0d1266b6a54",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843" +
      "d6062704d5a9c422a8e834423f8c1feada7e8d0d910a1a2cd030fb584221e3",
      "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f",
      "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e",
      "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8",
      "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebdef8b8ca111",
    ],
  },
] as const;

type Role = HandshakeOptions["role"];

function vectorEnd(role: Role, cipher: "AESGCM" | "ChaChaPoly"): Handshake {
  const primitives = nodePrimitives(cipher);
  const privateKey = hex(COMMON[role]);
  return new Handshake({
    role,
    psk: hex(COMMON.psk),
    prologue: hex(COMMON.prologue),
    primitives: {
      ...primitives,
      generateKeyPair: () => ({
        privateKey,
        publicKey: primitives.agree(privateKey, BASE_POINT)!,
      }),
    },
  });
}

// Each role alone: what it writes is compared, what it reads comes from the vector.
for (const { cipher, handshakeHash, messages } of VECTORS) {
  for (const role of ["initiator", "responder"] as const) {
    Deno.test(`noise: cacophony's vector for ${cipher}, the ${role}`, () => {
      const end = vectorEnd(role, cipher);
      const isOwn = (i: number) => (i % 2 === 0) === (role === "initiator");
      const steps = COMMON.payloads.map((payload, i) => ({ payload, message: messages[i]!, i }));
      for (const { payload, message, i } of steps.slice(0, 2)) {
        assertEquals(end.isComplete, false);
        if (isOwn(i)) assertEquals(end.writeMessage(hex(payload))?.toHex(), message, `${i}`);
        else assertEquals(end.readMessage(hex(message))?.toHex(), payload, `${i}`);
      }
      assertEquals(end.isComplete, true);
      const transport = end.split();
      assertEquals(transport.handshakeHash.toHex(), handshakeHash);
      for (const { payload, message, i } of steps.slice(2)) {
        const result = isOwn(i)
          ? transport.sending.encryptWithAd(NOTHING, hex(payload)).toHex()
          : transport.receiving.decryptWithAd(NOTHING, hex(message))?.toHex();
        assertEquals(result, isOwn(i) ? message : payload, `${i}`);
      }
    });
  }
}

interface EndOptions {
  readonly psk?: Uint8Array;
  readonly prologue?: Uint8Array;
  readonly cipher?: "AESGCM" | "ChaChaPoly";
}

function newEnd(role: Role, options: EndOptions = {}): Handshake {
  const { psk = new Uint8Array(32).fill(1), prologue = utf8("test"), cipher } = options;
  return new Handshake({ role, psk, prologue, primitives: nodePrimitives(cipher) });
}

Deno.test("noise: both ends come to the same hash, and to one key for each direction", () => {
  const [alice, bob] = [newEnd("initiator"), newEnd("responder")];
  assertEquals(bob.readMessage(alice.writeMessage(utf8("one"))!), utf8("one"));
  assertEquals(alice.readMessage(bob.writeMessage(utf8("two"))!), utf8("two"));
  const [a, b] = [alice.split(), bob.split()];
  assertEquals(a.handshakeHash, b.handshakeHash);
  const sealed = a.sending.encryptWithAd(NOTHING, utf8("hola"));
  assertEquals(a.receiving.decryptWithAd(NOTHING, sealed), undefined);
  assertEquals(b.receiving.decryptWithAd(NOTHING, sealed), utf8("hola"));
  assertNotEquals(b.sending.encryptWithAd(NOTHING, utf8("hola")), sealed);
});

Deno.test("noise: no two handshakes have a message in common", () => {
  const [one, another] = [newEnd("initiator"), newEnd("initiator")];
  const [a, b] = [one.writeMessage(utf8("same"))!, another.writeMessage(utf8("same"))!];
  assertNotEquals(a.subarray(0, 32), b.subarray(0, 32));
  assertNotEquals(a.subarray(32), b.subarray(32));
});

Deno.test("noise: another secret, prologue or cipher opens nothing", () => {
  const message = newEnd("initiator").writeMessage(utf8("hola"))!;
  const psk = new Uint8Array(32).fill(1);
  psk[31]! ^= 0x80;
  assertEquals(newEnd("responder", { psk }).readMessage(message), undefined);
  assertEquals(newEnd("responder", { prologue: utf8("tesT") }).readMessage(message), undefined);
  assertEquals(newEnd("responder", { cipher: "AESGCM" }).readMessage(message), undefined);
  assertEquals(newEnd("responder").readMessage(message), utf8("hola"));
});

Deno.test("noise: a message that does not hold leaves the handshake as it was", () => {
  const [alice, bob] = [newEnd("initiator"), newEnd("responder")];
  const first = alice.writeMessage(utf8("one"))!;
  for (const message of [NOTHING, first.subarray(0, 47), first.slice(1), new Uint8Array(64)]) {
    assertEquals(bob.readMessage(message), undefined);
  }
  assertEquals(bob.readMessage(first, () => false), undefined);
  assertEquals(bob.readMessage(first), utf8("one"));
  const second = bob.writeMessage(utf8("two"))!;
  const stranger = newEnd("responder");
  stranger.readMessage(newEnd("initiator").writeMessage(utf8("one"))!);
  assertEquals(alice.readMessage(stranger.writeMessage(utf8("two"))!), undefined);
  assertEquals(alice.readMessage(new Uint8Array(64)), undefined, "a key of low order");
  assertEquals(alice.readMessage(second, () => false), undefined);
  assertEquals(alice.readMessage(second), utf8("two"));
  assertEquals(alice.split().handshakeHash, bob.split().handshakeHash);
});

Deno.test("noise: a responder has no answer to a key of low order", () => {
  const lowOrder = new Uint8Array(32);
  const primitives = nodePrimitives();
  const generateKeyPair = () => ({ privateKey: lowOrder, publicKey: lowOrder });
  const alice = new Handshake({
    role: "initiator",
    psk: new Uint8Array(32).fill(1),
    prologue: utf8("test"),
    primitives: { ...primitives, generateKeyPair },
  });
  const bob = newEnd("responder");
  assertEquals(bob.readMessage(alice.writeMessage(utf8("one"))!), utf8("one"));
  assertEquals(bob.writeMessage(utf8("two")), undefined);
  assertEquals(bob.isComplete, false);
});

Deno.test("noise: who acts out of turn is told", () => {
  const [alice, bob] = [newEnd("initiator"), newEnd("responder")];
  assertThrows(() => alice.readMessage(NOTHING), TypeError, "reader");
  assertThrows(() => bob.writeMessage(NOTHING), TypeError, "writer");
  assertThrows(() => alice.split(), TypeError);
  bob.readMessage(alice.writeMessage(NOTHING)!);
  assertThrows(() => alice.writeMessage(NOTHING), TypeError, "writer");
  assertThrows(() => bob.readMessage(NOTHING), TypeError, "reader");
  assertThrows(() => bob.split(), TypeError);
  alice.readMessage(bob.writeMessage(NOTHING)!);
  for (const end of [alice, bob]) {
    assertThrows(() => end.writeMessage(NOTHING), TypeError);
    assertThrows(() => end.readMessage(NOTHING), TypeError);
    end.split();
    assertThrows(() => end.split(), TypeError, "split before");
    assertThrows(() => end.writeMessage(NOTHING), TypeError);
  }
});

Deno.test("noise: a pre-shared key of another length is the caller's mistake", () => {
  for (const length of [0, 31, 33]) {
    assertThrows(
      () => newEnd("initiator", { psk: new Uint8Array(length) }),
      RangeError,
      `"${length}"`,
    );
  }
});

Deno.test("noise: a nonce counts what was encrypted, and what was authentic", () => {
  const primitives = nodePrimitives();
  const key = new Uint8Array(32).fill(3);
  const [sending, receiving] = [new CipherState(primitives, key), new CipherState(primitives, key)];
  const one = sending.encryptWithAd(NOTHING, utf8("one"));
  const two = sending.encryptWithAd(NOTHING, utf8("two"));
  assertEquals(sending.nonce, 2);
  assertEquals(receiving.decryptWithAd(NOTHING, two), undefined);
  assertEquals(receiving.nonce, 0);
  assertEquals(receiving.decryptWithAd(NOTHING, one), utf8("one"));
  assertEquals(receiving.nonce, 1);
  receiving.setNonce(0);
  assertEquals(receiving.decryptWithAd(NOTHING, one), utf8("one"));
  assertEquals(receiving.decryptWithAd(NOTHING, two), utf8("two"));
  assertEquals(receiving.decryptWithAd(NOTHING, one.subarray(0, 15)), undefined);
});

Deno.test("noise: a key whose nonces are used up encrypts and decrypts no more (§5.1)", () => {
  const primitives = nodePrimitives();
  const cipher = new CipherState(primitives, new Uint8Array(32));
  cipher.setNonce(NONCE_LIMIT - 1);
  const last = cipher.encryptWithAd(NOTHING, utf8("last"));
  assertEquals(cipher.nonce, NONCE_LIMIT);
  assertThrows(() => cipher.encryptWithAd(NOTHING, utf8("more")), RangeError);
  const beyond = primitives.encrypt(new Uint8Array(32), NONCE_LIMIT, NOTHING, utf8("more"));
  assertEquals(cipher.decryptWithAd(NOTHING, beyond), undefined);
  cipher.setNonce(NONCE_LIMIT - 1);
  assertEquals(cipher.decryptWithAd(NOTHING, last), utf8("last"));
});
