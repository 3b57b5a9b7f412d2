import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { checkRoomCode, codeStrength, completeRoomCode } from "./code.ts";
import { newRoomCode, normaliseRoomCode } from "./code.ts";
import { CODE_WORDS } from "./code_words.ts";

const CODE = "42-tigre-luna";

/** The sound of a word to Spanish ears on either side of the ocean, as letters. */
function soundOf(word: string): string {
  return word
    .replaceAll("ch", "C").replaceAll("ll", "y").replaceAll("qu", "k").replace(/gu(?=[ei])/g, "G")
    .replaceAll("h", "").replaceAll("v", "b").replace(/[zx]|c(?=[ei])/g, "s").replaceAll("c", "k")
    .replace(/g(?=[ei])/g, "j").replaceAll("G", "g").replaceAll("rr", "r").replace(/y$/, "i");
}

/** The same, with the consonants in one letter that a bad loudspeaker makes alike. */
function blurred(word: string): string {
  const alike = ["pb", "td", "kg", "mn", "lr", "sC", "yj"];
  return [...soundOf(word)].map((sound) => alike.find((it) => it.includes(sound))?.[0] ?? sound)
    .join("");
}

Deno.test("code words: 1,024 of three to seven plain letters, in order", () => {
  assertEquals(CODE_WORDS.length, 1024);
  for (const word of CODE_WORDS) assertMatch(word, /^[a-z]{3,7}$/);
  assertEquals(CODE_WORDS, [...new Set(CODE_WORDS)].sort());
});

Deno.test("code words: four letters tell any two apart, and none begins another", () => {
  assertEquals(new Set(CODE_WORDS.map((word) => word.slice(0, 4))).size, 1024);
  CODE_WORDS.forEach((word, i) => assert(!CODE_WORDS[i + 1]?.startsWith(word), word));
});

Deno.test("code words: no two sound alike, not even over a bad loudspeaker", () => {
  for (const sound of [soundOf, blurred]) {
    const heard = Map.groupBy(CODE_WORDS, sound);
    assertEquals([...heard.values()].filter(({ length }) => length > 1), []);
  }
  // The measure itself: these would be heard as one.
  const pairs = [["vaca", "baca"], ["hola", "ola"], ["casa", "caza"], ["pollo", "poyo"]] as const;
  for (const [one, another] of pairs) assertEquals(soundOf(one), soundOf(another));
  assertEquals(blurred("peso"), blurred("beso"));
});

Deno.test("room code: a number and two words, 26 random bits and more", () => {
  const random = seededRandom(5);
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) {
    const code = newRoomCode((length) => seededBytes(random, length));
    const [, number, one, another] = /^([1-9]\d)-([a-z]+)-([a-z]+)$/.exec(code)!;
    assert(number && CODE_WORDS.includes(one!) && CODE_WORDS.includes(another!), code);
    assertEquals([normaliseRoomCode(code), codeStrength(code)], [code, "long"]);
    seen.add(code);
  }
  assertEquals(seen.size, 5_000);
  assert(Math.log2(90 * CODE_WORDS.length ** 2) >= 26);
});

Deno.test("room code: every number and every word is as likely as any other", () => {
  const counts = new Map<string, number>();
  for (let number = 0; number < 256; number++) {
    const drawn = [[number, 0, 0, 0], [0, 0, 0, 0]];
    const code = newRoomCode(() => Uint8Array.from(drawn.shift()!));
    const again = number >= 180;
    const [said] = code.split("-");
    assertEquals(drawn.length, again ? 0 : 1);
    if (!again) counts.set(said!, (counts.get(said!) ?? 0) + 1);
  }
  assertEquals([counts.size, new Set(counts.values())], [90, new Set([2])]);
  for (const place of [1, 2]) {
    const words = new Set<string>();
    for (let byte = 0; byte < 256; byte++) {
      for (let rest = 0; rest < 4; rest++) {
        const bytes = [0, 0, 0, rest << (place === 1 ? 0 : 2)];
        bytes[place] = byte;
        words.add(newRoomCode(() => Uint8Array.from(bytes)).split("-")[place]!);
      }
    }
    assertEquals(words.size, 1024);
  }
});

Deno.test("room code: however it was said and typed, it is the same one", () => {
  const readings = [
    "42-tigre-luna",
    "42 Tigre luna",
    "42 TIGRE LUNA",
    "  42  tigre   luna\n",
    "42 - tigre - luna",
    "42\u2013tigre\u2014luna",
    "42\u00a0tigre\tluna",
    "42 tígre lúna",
    "42 ti\u0301gre luna",
    "-42-tigre-luna-",
  ];
  for (const reading of readings) assertEquals(normaliseRoomCode(reading), CODE, reading);
  for (const other of ["42-tigre-lunas", "43-tigre-luna", "42-luna-tigre", "4-2-tigre-luna"]) {
    assert(normaliseRoomCode(other) !== CODE, other);
  }
});

Deno.test("room code: a code of one's own is treated alike, whatever its letters", () => {
  const readings = [
    ["La clave de Hoy", "la-clave-de-hoy"],
    ["CONTRASEÑA", "contrasena"],
    ["日本語のパスワード", "日本語のパスワード"],
    ["한국어", "한국어"],
    ["İstanbul", "istanbul"],
    ["7K3M-9QXT", "7k3m-9qxt"],
    ["¡hola!", "¡hola!"],
    ["----", ""],
  ] as const;
  for (const [typed, expected] of readings) {
    const code = normaliseRoomCode(typed);
    assertEquals(code, expected);
    assertEquals(normaliseRoomCode(code), code);
  }
});

Deno.test("room code: four characters at least, and eight not to be warned of", () => {
  for (const code of ["", "123", "a-b", " -1-2- ", "日本語", "----", "🙂🙂🙂"]) {
    assertEquals(codeStrength(code), "too-short", code);
    const error = assertThrows(() => checkRoomCode(code), RangeError);
    assert(code.length < 3 || !error.message.includes(code), "the code is not for messages");
  }
  for (const code of ["1234", "hola", "🙂🙂🙂🙂", "1234567"]) {
    assertEquals(codeStrength(code), "short");
  }
  for (const code of ["12345678", CODE, "la clave"]) assertEquals(codeStrength(code), "long", code);
  assertEquals(checkRoomCode("42 Tigre luna"), CODE);
});

Deno.test("room code: the last word is completed, in whatever way the rest was typed", () => {
  assertEquals(completeRoomCode("42 tigr"), ["42 tigre"]);
  assertEquals(completeRoomCode("42-Tigre-lunE"), ["42-Tigre-lunes"]);
  assertEquals(completeRoomCode("tíg"), ["tigre"]);
  assertEquals(completeRoomCode("42 tigre-lun"), ["42 tigre-luna", "42 tigre-lunes"]);
  for (const nothing of ["", "42", "42 ", "42 zzz", "42-tigre-"]) {
    assertEquals(completeRoomCode(nothing), [], nothing);
  }
  for (const word of CODE_WORDS) assertEquals(completeRoomCode(`1 ${word.slice(0, 4)}`).length, 1);
});
