import { assertEquals } from "@std/assert";
import vectors from "../../tests/vectors/cpace_ristretto255_sha512.json" with { type: "json" };
import { SODIUM } from "../../tests/rooms.ts";
import { concat } from "../bytes.ts";
import { confirmation, generator, hmac, lvCat, multiply, sessionKey } from "./cpace.ts";

const { points } = vectors;
const V = Object.fromEntries(
  Object.entries(vectors.vectors).map(([name, value]) => [name, hex(value)]),
) as Record<keyof typeof vectors.vectors, Uint8Array>;
const NAMES = { prs: V.PRS, ci: V.CI, sid: V.sid };
const A = { share: V.Ya, data: V.ADa };
const B = { share: V.Yb, data: V.ADb };

function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("cpace: the draft's vectors, from the password to the session key", () => {
  const g = generator(SODIUM, NAMES);
  assertEquals(g, V.g);
  assertEquals(multiply(SODIUM, V.ya, g), V.Ya);
  assertEquals(multiply(SODIUM, V.yb, g), V.Yb);
  const k = multiply(SODIUM, V.ya, V.Yb)!;
  assertEquals(k, V.K);
  assertEquals(multiply(SODIUM, V.yb, V.Ya), k);
  assertEquals(sessionKey(SODIUM, { sid: V.sid, k, a: A, b: B }), V.ISK_IR);
});

Deno.test("cpace: the draft's vectors of points, valid and invalid", () => {
  const { s, X, ...results } = points.Valid;
  for (const result of Object.values(results)) {
    assertEquals(multiply(SODIUM, hex(s), hex(X)), hex(result));
  }
  assertEquals(multiply(SODIUM, hex(s), hex(points["Invalid Y1"])), undefined);
  assertEquals(multiply(SODIUM, hex(s), hex(points["Invalid Y2"])), undefined);
});

// Beside the two of the draft: the encodings that RFC 9496 §A.2 says must be rejected, of each kind one.
for (
  const [kind, encoding] of [
    ["not below the modulus", "00" + "ff".repeat(31)],
    ["all ones", "ff".repeat(32)],
    ["the modulus itself", "ed" + "ff".repeat(30) + "7f"],
    ["negative", "01" + "00".repeat(31)],
    ["no square", "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"],
    ["negative product", "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e"],
    ["y is zero", "ec" + "ff".repeat(30) + "7f"],
    ["a byte short", points.Valid.X.slice(2)],
    ["a byte long", points.Valid.X + "00"],
    ["nothing", ""],
  ] as const
) {
  Deno.test(`cpace: what is no point has no product: ${kind}`, () => {
    assertEquals(multiply(SODIUM, V.ya, hex(encoding)), undefined);
  });
}

Deno.test("cpace: a scalar that makes the neutral point makes nothing", () => {
  const order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  assertEquals(multiply(SODIUM, order, V.Ya), undefined);
  assertEquals(multiply(SODIUM, new Uint8Array(32), V.Ya), undefined);
});

Deno.test("cpace: lengths stand before the pieces, also beyond 127", () => {
  assertEquals(
    lvCat(utf8("1234"), utf8("5"), utf8(""), utf8("678")).toHex(),
    "043132333401350003363738",
  );
  assertEquals(lvCat(new Uint8Array(127)).subarray(0, 2), Uint8Array.of(127, 0));
  assertEquals(lvCat(new Uint8Array(128)).subarray(0, 3), Uint8Array.of(0x80, 1, 0));
  assertEquals(lvCat(new Uint8Array(300)).subarray(0, 3), Uint8Array.of(0xac, 2, 0));
  assertEquals(lvCat().length, 0);
});

Deno.test("cpace: password, roles and session each make another generator", () => {
  const seen = new Set([generator(SODIUM, NAMES).toHex()]);
  for (const name of ["prs", "ci", "sid"] as const) {
    for (const value of ["", "x", "x".repeat(120), "x".repeat(130), "x".repeat(300)]) {
      seen.add(generator(SODIUM, { ...NAMES, [name]: utf8(value) }).toHex());
    }
  }
  assertEquals(seen.size, 16);
});

Deno.test("cpace: whatever is said differently makes another key and another tag", () => {
  const common = { sid: V.sid, k: V.K, a: A, b: B };
  const x = utf8("x");
  const variants = [
    common,
    { ...common, sid: x },
    { ...common, k: V.g },
    { ...common, a: { ...A, share: V.g } },
    { ...common, a: { ...A, data: x } },
    { ...common, b: { ...B, share: V.g } },
    { ...common, b: { ...B, data: x } },
    { ...common, a: B, b: A },
  ];
  const keys = variants.map((variant) => sessionKey(SODIUM, variant));
  assertEquals(new Set(keys.map((key) => key.toHex())).size, variants.length);
  const tags = keys.map((isk) => confirmation(SODIUM, { sid: V.sid, isk, message: B }));
  const [isk] = keys as [Uint8Array];
  tags.push(confirmation(SODIUM, { sid: V.sid, isk, message: A }));
  tags.push(confirmation(SODIUM, { sid: x, isk, message: B }));
  tags.push(confirmation(SODIUM, { sid: V.sid, isk, message: { ...B, data: x } }));
  assertEquals(new Set(tags.map((tag) => tag.toHex())).size, tags.length);
});

// The draft gives no vectors for it: the same by the platform's own HMAC.
Deno.test("cpace: the tag is HMAC-SHA-512 under the draft's key", async () => {
  const tag = confirmation(SODIUM, { sid: V.sid, isk: V.ISK_IR, message: B });
  const { subtle } = crypto;
  const material = concat([utf8("CPaceMac"), V.sid, V.ISK_IR]) as Uint8Array<ArrayBuffer>;
  const raw = await subtle.digest("SHA-512", material);
  const key = await subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-512" }, false, [
    "sign",
  ]);
  const text = lvCat(V.Yb, V.ADb) as Uint8Array<ArrayBuffer>;
  assertEquals(tag, new Uint8Array(await subtle.sign("HMAC", key, text)));
});

Deno.test("cpace: HMAC-SHA-512 (RFC 4231 §4.2, §4.3, §4.7)", () => {
  assertEquals(
    hmac(SODIUM, new Uint8Array(20).fill(0x0b), utf8("Hi There")).toHex(),
    "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde" +
      "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
  );
  assertEquals(
    hmac(SODIUM, utf8("Jefe"), utf8("what do ya want for nothing?")).toHex(),
    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
      "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
  );
  const long = utf8("Test Using Larger Than Block-Size Key - Hash Key First");
  assertEquals(
    hmac(SODIUM, new Uint8Array(131).fill(0xaa), long).toHex(),
    "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352" +
      "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
  );
});

Deno.test("cpace: what is secret in between is erased", () => {
  const hashed: Uint8Array[] = [];
  const sodium = {
    ...SODIUM,
    crypto_hash_sha512(message: Uint8Array) {
      const hash = SODIUM.crypto_hash_sha512(message);
      hashed.push(message, hash);
      return hash;
    },
  };
  const isk = sessionKey(sodium, { sid: V.sid, k: V.K, a: A, b: B });
  const isErased = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);
  assertEquals(hashed.map(isErased), [true, false]);
  hashed.length = 0;
  confirmation(sodium, { sid: V.sid, isk, message: B });
  assertEquals(hashed.map(isErased), [true, true]);
  assertEquals(isk, V.ISK_IR);
});
