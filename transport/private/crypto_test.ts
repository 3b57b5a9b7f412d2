import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { nodeAead, nodePrimitives } from "./crypto.ts";

const { hash, hkdf, agree, generateKeyPair, pbkdf2, encrypt, decrypt } = nodePrimitives();
const utf8 = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.fromHex(text);
const BASE_POINT = hex("09".padEnd(64, "0"));

Deno.test("crypto: SHA-256 (FIPS 180-4, NIST's examples)", () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  assertEquals(hash(utf8("abc")).toHex(), abc);
  assertEquals(hash(utf8("")).toHex(), nothing);
});

// RFC 5869 §A.3, and Wycheproof's tests 6, 12, 17 and 22 of `hkdf_sha256_test.json`
// (https://github.com/C2SP/wycheproof): those without info that give the longest results.
const HKDFS = [
  {
    salt: "",
    inputKeyMaterial: "0b".repeat(22),
    result: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  },
  {
    salt: "",
    inputKeyMaterial: "d4dcb92a769f57c8bab8a420ee0aa351",
    result: "d875a072bb18fd7717ceaac8829178884b8e51a926849210caf7f42574109f21" +
      "8596e27b92041155d2012917c20e09539bf52016d78aac0b53a51d9cc21e3b15",
  },
  {
    salt: "0c164c443edcdfaedb1ab150f047951f",
    inputKeyMaterial: "08867e76311126089356623ba5381e73",
    result: "ce632c353328d59ec519023d08652a97252f2c8f3f29104237fe35261c82eed7" +
      "e0df52514a157a00fd82d7e46ebf9acc23512e1cda7d5b65b92f692965943e8d",
  },
  {
    salt: "73a34648c152443586236abcb46a090ce55ef6c7f282ffce6342d694650a",
    inputKeyMaterial: "9fe65737574c5c7aa67646adf8230ba8",
    result: "19d4b9e3bf37ca1affeb953ac3a593882b2dd0002409be198718b376253f1e8522af9f276152739e2d5c",
  },
  {
    salt: "d7e3bc6daed343ce77ef793e15a8246e4bfcbaf83d2ac956d0661d1df7262b2e" +
      "7311623dfe4152caddbfda8fa8ed7a82656ec00b72c5adf7c9d388e5b3bc8d24",
    inputKeyMaterial: "a319ff7b5ba9b14ac72b681cecf0f742",
    result: "31e7b971f165eb923b499460c94937477fd61cc4e96c27fa2abb552accceef42aa3a35637bce32d996e9",
  },
];

for (const [i, { salt, inputKeyMaterial, result }] of HKDFS.entries()) {
  Deno.test(`crypto: HKDF-SHA-256 without info, answer ${i + 1}`, () => {
    const { length } = hex(result);
    assertEquals(hkdf(hex(salt), hex(inputKeyMaterial), length).toHex(), result);
  });
}

Deno.test("crypto: PBKDF2-HMAC-SHA-256 (RFC 7914 §11)", async () => {
  assertEquals(
    (await pbkdf2(utf8("passwd"), utf8("salt"), 1, 64)).toHex(),
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" +
      "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
  );
  assertEquals(
    (await pbkdf2(utf8("Password"), utf8("NaCl"), 80_000, 64)).toHex(),
    "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56" +
      "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
  );
});

Deno.test("crypto: X25519 (RFC 7748 §5.2)", () => {
  const first = agree(
    hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
    hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
  );
  assertEquals(
    first?.toHex(),
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  );
  // Its highest bit is set, and has to be ignored.
  const second = agree(
    hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
    hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
  );
  assertEquals(
    second?.toHex(),
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  );
});

Deno.test("crypto: X25519 over and over (RFC 7748 §5.2)", () => {
  const answers = new Map([
    [1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"],
    [1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"],
  ]);
  let [k, u]: [Uint8Array, Uint8Array] = [BASE_POINT, BASE_POINT];
  for (let i = 1; i <= 1000; i++) {
    [k, u] = [agree(k, u)!, k];
    if (answers.has(i)) assertEquals(k.toHex(), answers.get(i));
  }
});

Deno.test("crypto: X25519 between two (RFC 7748 §6.1)", () => {
  const alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const alicePublic = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
  const bobPublic = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
  const secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  assertEquals(agree(alice, BASE_POINT)?.toHex(), alicePublic);
  assertEquals(agree(bob, BASE_POINT)?.toHex(), bobPublic);
  assertEquals(agree(alice, hex(bobPublic))?.toHex(), secret);
  assertEquals(agree(bob, hex(alicePublic))?.toHex(), secret);
});

Deno.test("crypto: key pairs are new each time, belong together, and agree", () => {
  const [alice, bob] = [generateKeyPair(), generateKeyPair()];
  assertNotEquals(alice, bob);
  for (const { privateKey, publicKey } of [alice, bob]) {
    assertEquals([privateKey.length, publicKey.length], [32, 32]);
    assertEquals(agree(privateKey, BASE_POINT), publicKey);
  }
  assertEquals(
    agree(alice.privateKey, bob.publicKey),
    agree(bob.privateKey, alice.publicKey),
  );
});

// The points of small order (https://cr.yp.to/ecdh.html#validate), in every form below 2^255.
const LOW_ORDER = [
  "00".repeat(32),
  "01".padEnd(64, "0"),
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ec" + "ff".repeat(30) + "7f",
  "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f",
];

// The handshake erased its own array, and DER with the same key in it was left behind twice.
Deno.test("crypto: no copy of a private key is left in DER", () => {
  const platform = process.getBuiltinModule("node:crypto");
  const { createPrivateKey, generateKeyPairSync } = platform;
  const copies: Uint8Array[] = [];
  platform.createPrivateKey = ((options: { key: Uint8Array }) => {
    copies.push(options.key);
    return createPrivateKey(options as never);
  }) as typeof createPrivateKey;
  platform.generateKeyPairSync = ((type: "x25519") => {
    const { privateKey, publicKey } = generateKeyPairSync(type);
    const exported = privateKey.export({ format: "der", type: "pkcs8" });
    copies.push(exported);
    return { privateKey: { export: () => exported }, publicKey };
  }) as unknown as typeof generateKeyPairSync;
  try {
    const { privateKey } = generateKeyPair();
    agree(privateKey, BASE_POINT);
    assert(privateKey.some((byte) => byte !== 0));
  } finally {
    Object.assign(platform, { createPrivateKey, generateKeyPairSync });
  }
  assertEquals(copies.map((copy) => [...copy].some((byte) => byte !== 0)), [false, false]);
});

Deno.test("crypto: public keys of low order agree on nothing (RFC 7748 §6.1)", () => {
  for (const point of LOW_ORDER) {
    const withHighBit = hex(point);
    withHighBit[31]! |= 0x80;
    for (let i = 0; i < 4; i++) {
      assertEquals(agree(generateKeyPair().privateKey, hex(point)), undefined, point);
      assertEquals(agree(generateKeyPair().privateKey, withHighBit), undefined, point);
    }
  }
});

Deno.test("crypto: a key of another length is the caller's mistake", () => {
  const { privateKey, publicKey } = generateKeyPair();
  assertThrows(() => agree(privateKey.subarray(1), publicKey), RangeError, "31");
  assertThrows(() => agree(privateKey, new Uint8Array(33)), RangeError, "33");
});

const SUNSCREEN = utf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
    "sunscreen would be it.",
);

Deno.test("crypto: ChaCha20-Poly1305 (RFC 8439 §2.8.2)", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const iv = hex("070000004041424344454647");
  const ad = hex("50515253c0c1c2c3c4c5c6c7");
  const sealed = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";
  const aead = nodeAead("ChaChaPoly");
  assertEquals(aead.encrypt(key, iv, ad, SUNSCREEN).toHex(), sealed);
  assertEquals(aead.decrypt(key, iv, ad, hex(sealed)), SUNSCREEN);
});

Deno.test("crypto: AES-256-GCM (McGrew and Viega, test cases 13 and 14)", () => {
  const zeros = (length: number) => new Uint8Array(length);
  const aead = nodeAead("AESGCM");
  const sealed = (length: number) =>
    aead.encrypt(zeros(32), zeros(12), zeros(0), zeros(length)).toHex();
  assertEquals(sealed(0), "530f8afbc74536b9a963b4f1c4cb738b");
  assertEquals(sealed(16), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
});

Deno.test("crypto: a nonce is 64 bits in each cipher's own order (Noise §12.3, §12.4)", () => {
  const key = new Uint8Array(32).fill(7);
  const ad = utf8("header");
  const layouts = [
    ["ChaChaPoly", 0, "000000000000000000000000"],
    ["ChaChaPoly", 1, "000000000100000000000000"],
    ["ChaChaPoly", 0x1_0203_0405_0607, "000000000706050403020100"],
    ["ChaChaPoly", 0xffff_ffff, "00000000ffffffff00000000"],
    ["ChaChaPoly", Number.MAX_SAFE_INTEGER, "00000000ffffffffffff1f00"],
    ["AESGCM", 1, "000000000000000000000001"],
    ["AESGCM", 0x1_0203_0405_0607, "000000000001020304050607"],
    ["AESGCM", Number.MAX_SAFE_INTEGER, "00000000001fffffffffffff"],
  ] as const;
  for (const [cipher, nonce, iv] of layouts) {
    const { encrypt, decrypt } = nodePrimitives(cipher);
    const sealed = encrypt(key, nonce, ad, SUNSCREEN);
    assertEquals(nodeAead(cipher).encrypt(key, hex(iv), ad, SUNSCREEN), sealed, `${nonce}`);
    assertEquals(decrypt(key, nonce, ad, sealed), SUNSCREEN);
  }
});

Deno.test("crypto: what is not authentic is nothing, and never an error", () => {
  const key = new Uint8Array(32).fill(7);
  const ad = utf8("header");
  for (const cipher of ["ChaChaPoly", "AESGCM"] as const) {
    const { encrypt, decrypt } = nodePrimitives(cipher);
    const sealed = encrypt(key, 5, ad, utf8("words"));
    for (let length = 0; length < sealed.length; length++) {
      assertEquals(decrypt(key, 5, ad, sealed.subarray(0, length)), undefined);
    }
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const forged = sealed.slice();
      forged[bit >> 3]! ^= 1 << (bit & 7);
      assertEquals(decrypt(key, 5, ad, forged), undefined, `bit ${bit}`);
    }
    assertEquals(decrypt(key, 6, ad, sealed), undefined);
    assertEquals(decrypt(key, 5, utf8("Header"), sealed), undefined);
    assertEquals(decrypt(key, 5, utf8(""), sealed), undefined);
    assertEquals(decrypt(new Uint8Array(32), 5, ad, sealed), undefined);
    assertEquals(decrypt(key, 5, ad, sealed), utf8("words"));
  }
});

Deno.test("crypto: an empty plaintext, and one as long as a datagram", () => {
  const key = new Uint8Array(32).fill(7);
  for (const length of [0, 1, 1_152]) {
    const plaintext = new Uint8Array(length).fill(9);
    const sealed = encrypt(key, 0, new Uint8Array(0), plaintext);
    assertEquals(sealed.length, length + 16);
    const behindSpace = encrypt(key, 0, new Uint8Array(0), plaintext, 32);
    assertEquals(behindSpace, Uint8Array.of(...new Uint8Array(32), ...sealed));
    assertEquals(decrypt(key, 0, new Uint8Array(0), sealed), plaintext);
  }
});

Deno.test("crypto: every result is an array whose slice is a copy", async () => {
  const key = new Uint8Array(32).fill(7);
  const { privateKey, publicKey } = generateKeyPair();
  const sealed = encrypt(key, 0, key, key);
  const results = [
    hash(key),
    hkdf(key, key, 32),
    await pbkdf2(key, key, 1, 32),
    privateKey,
    publicKey,
    agree(privateKey, publicKey)!,
    sealed,
    decrypt(key, 0, key, sealed)!,
  ];
  for (const result of results) assert(result.constructor === Uint8Array);
});
