import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { nodePrimitives } from "./crypto.ts";
import {
  checkRoomCode,
  codeStrength,
  type KeyDerivation,
  newRoomCode,
  normaliseRoomCode,
  roomKey,
} from "./code.ts";

const CODE = "7K3M-9QXT-0B4D-HZ6W";

/** The input of the derivation, in place of its result. */
function noted(): KeyDerivation & { password: string; rounds: number } {
  return {
    password: "",
    rounds: 0,
    pbkdf2(password, _salt, rounds, length) {
      this.password = new TextDecoder().decode(password);
      this.rounds = rounds;
      return Promise.resolve(new Uint8Array(length));
    },
  };
}

async function passwordOf(code: string): Promise<string> {
  const derivation = noted();
  await roomKey(code, { pbkdf2: (...args) => derivation.pbkdf2(...args) });
  return derivation.password;
}

Deno.test("room code: 80 random bits in four groups without look-alikes", () => {
  const random = seededRandom(5);
  const seen = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    let asked = 0;
    const code = newRoomCode((length) => seededBytes(random, asked = length));
    assertEquals(asked * 8, 80);
    assertMatch(code, /^[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
    assertEquals(normaliseRoomCode(code), code);
    assertEquals(codeStrength(code), "long");
    seen.add(code);
  }
  assertEquals(seen.size, 2_000);
});

Deno.test("room code: no bit is lost on the way to the symbols", () => {
  const codeOf = (...bytes: number[]) => newRoomCode(() => Uint8Array.from(bytes));
  assertEquals(codeOf(0, 0, 0, 0, 0, 0, 0, 0, 0, 0), "0000-0000-0000-0000");
  assertEquals(codeOf(...Array(10).fill(255)), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
  // 0 to 15 in five bits each, then 16 to 31.
  const low = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf];
  assertEquals(codeOf(...low), "0123-4567-89AB-CDEF");
  const high = [0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf];
  assertEquals(codeOf(...high), "GHJK-MNPQ-RSTV-WXYZ");
  const codes = new Set(Array.from({ length: 80 }, (_, bit) => {
    const bytes = new Uint8Array(10);
    bytes[bit >> 3]! = 1 << (bit & 7);
    return codeOf(...bytes);
  }));
  assertEquals(codes.size, 80);
});

Deno.test("room code: however a code was read out, it is the same one", async () => {
  const readings = [
    "7K3M-9QXT-0B4D-HZ6W",
    "7k3m-9qxt-0b4d-hz6w",
    "7K3M9QXT0B4DHZ6W",
    "7k3m 9qxt 0b4d hz6w",
    "  7K3M - 9QXT - 0B4D - HZ6W\n",
    "7K3M-9QXT-OB4D-HZ6W",
    "7k3m-9qxt-ob4d-hz6w",
    "7 K 3 M 9 Q X T 0 B 4 D H Z 6 W",
    "7K3M\u20139QXT\u20130B4D\u2011HZ6W",
    "7K3M\u00a09QXT\t0B4D--HZ6W",
  ];
  for (const reading of readings) {
    assertEquals(normaliseRoomCode(reading), CODE, reading);
    assertEquals(await passwordOf(reading), CODE, reading);
  }
  for (const reading of ["1111-0000-1111-0000", "iIlL-oOoO-IiLl-OoOo", "IL1i 0Oo0 lLiI OOOO"]) {
    assertEquals(normaliseRoomCode(reading), "1111-0000-1111-0000", reading);
  }
});

Deno.test("room code: a code of one's own counts as it is typed", async () => {
  const kept = [
    "la clave de hoy",
    "La clave de hoy",
    "la-clave-de-hoy",
    "la  clave de hoy",
    "contraseña",
    "日本語のパスワードです",
    "12345678",
    "7K3M-9QXT-0B4D-HZ6",
    "7K3M-9QXT-0B4D-HZ6W-2",
    // U is no symbol of a new code, and a letter that only looks like one is another.
    "7K3M-9QXT-0B4D-HZ6U",
    "7K3M-9QXT-0B4D-HZ6u",
    "7K3M-9QXT-0B4D-HZ6\u0131",
  ];
  for (const code of kept) {
    assertEquals(normaliseRoomCode(code), code);
    assertEquals(await passwordOf(code), code);
  }
  assertEquals(new Set(kept.map(normaliseRoomCode)).size, kept.length);
});

Deno.test("room code: white space around it, the kind of a space, and how accents are typed", () => {
  assertEquals(normaliseRoomCode(" \tla clave de hoy\r\n"), "la clave de hoy");
  assertEquals(normaliseRoomCode("la\u00a0clave\u2003de\u3000hoy"), "la clave de hoy");
  assertEquals(normaliseRoomCode("contrasen\u0303a"), "contrase\u00f1a");
  assertEquals(normaliseRoomCode("an\u0303o nuevo"), normaliseRoomCode("a\u00f1o nuevo"));
  // Compatible is not the same (NFC, not NFKC).
  assertNotEquals(normaliseRoomCode("\ufb01nalmente"), normaliseRoomCode("finalmente"));
});

Deno.test("room code: what is normalised once is normalised for good", () => {
  const random = seededRandom(11);
  const pieces = [..."0aOiLuU -\u2013\u00a0\t\u00f1n\u0303\u0131\u{1f600}Zz9", "7K3M", " "];
  for (let i = 0; i < 20_000; i++) {
    const length = Math.floor(random() * 24);
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join(
      "",
    );
    const once = normaliseRoomCode(text);
    assertEquals(normaliseRoomCode(once), once, JSON.stringify(text));
  }
});

Deno.test("room code: one that is too short is refused, and not repeated", async () => {
  for (
    const code of [
      "",
      "1234567",
      " 1234567 ",
      "ñandú 1",
      "\u{1f600}".repeat(7),
      "n\u0303".repeat(7),
    ]
  ) {
    const error = await assertRejects(() => roomKey(code, noted()), RangeError, "8 characters");
    assertThrows(() => checkRoomCode(code), RangeError, "8 characters");
    assertEquals(codeStrength(code), "too-short");
    assertEquals(code.length > 0 && error.message.includes(code.trim() || "nothing"), false);
  }
  for (const code of ["12345678", "\u{1f600}".repeat(8), "n\u0303".repeat(8)]) {
    await passwordOf(code);
    assertEquals(codeStrength(code), "short");
  }
});

Deno.test("room code: the key is PBKDF2-HMAC-SHA-256 of 600,000 rounds", async () => {
  const utf8 = (text: string) => new TextEncoder().encode(text);
  const salt = utf8("preguntas: key of a private room, version 1");
  const key = await crypto.subtle.importKey("raw", utf8(CODE), "PBKDF2", false, ["deriveBits"]);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 600_000 };
  const bits = await crypto.subtle.deriveBits(derivation, key, 256);
  assertEquals(await roomKey(" 7k3m 9qxt ob4d hz6w", nodePrimitives()), new Uint8Array(bits));
});
