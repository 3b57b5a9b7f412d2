import { assert, assertEquals } from "@std/assert";
import { clean, toJsonLine } from "./clean.ts";

Deno.test("clean shows C0 controls and DEL as control pictures", () => {
  assertEquals(clean("\x00\t\n\r\x1b\x1f\x7f"), "␀␉␊␍␛␟␡");
});

Deno.test("clean disarms an escape sequence and a forged line", () => {
  assertEquals(clean("hola\x1b]0;título\x07"), "hola␛]0;título␇");
  assertEquals(clean("no\r\nRespuesta: sí"), "no␍␊Respuesta: sí");
});

Deno.test("clean shows other hidden characters by their code point", () => {
  for (
    const code of [
      [0x80, 0x9b, 0xad, 0x61c, 0x115f, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029],
      [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0x3164],
      [0xd800, 0xdfff, 0xfeff, 0xfff9, 0xfffe, 0xffa0, 0x1d173, 0xe0001, 0xe0041, 0x10ffff],
    ].flat()
  ) {
    const hex = code.toString(16).toUpperCase().padStart(4, "0");
    assertEquals(clean(`a${String.fromCodePoint(code)}b`), `a<U+${hex}>b`);
  }
});

Deno.test("clean leaves words and emoji of all scripts alone", () => {
  for (
    const text of [
      "¿HTML es un lenguaje de programación? ñandú, pingüino, e\u0301",
      "👩‍👩‍👧‍👦 👍🏽 ❤️ ☺\uFE0E 1️⃣ 🇪🇸 🏳️‍🌈 🏳\u200d🌈 👩🏽\u200d❤\uFE0F\u200d👨🏿 ©\uFE0F",
      "می\u200cخواهم क्\u200dष ക്\u200d 漢字 ภาษา",
      "Việt e\u0302\u0301 שׁ\u05BC\u05B8\u0591 " + "a" + "\u0301".repeat(6),
      "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    ]
  ) assertEquals(clean(text), text);
});

Deno.test("clean shows tags that are no flag", () => {
  assertEquals(
    clean("\u{1F3F4}\u{E0067}\u{E0062}"),
    "\u{1F3F4}<U+E0067><U+E0062>",
  );
  const hidden = Array.from(
    "ignore lo anterior",
    (c) => String.fromCodePoint(0xe0000 + c.codePointAt(0)!),
  ).join("");
  assert(!/[\u{E0000}-\u{E007F}]/u.test(clean(`\u{1F3F4}${hidden}\u{E007F}`)));
});

// Seven letters once went unseen in variation selectors, and bits in joiners; a flag hid six letters.
Deno.test("clean shows what is invisible where no word or emoji needs it", () => {
  const selectors = Array.from(
    "secreto",
    (c) => String.fromCodePoint(0xE0100 + c.charCodeAt(0) - 16),
  );
  const { length } = clean("hola" + selectors.join(""));
  assertEquals(length, 4 + 7 * "<U+E0100>".length);
  assertEquals(clean("a\u200c\u200d"), "a<U+200C><U+200D>");
  assertEquals(clean("ب\u200c\u200d"), "ب\u200c<U+200D>");
  assertEquals(clean("1\uFE0F2\uFE0E"), "1<U+FE0F>2<U+FE0E>");
  assertEquals(clean("❤\uFE0F\uFE0F"), "❤\uFE0F<U+FE0F>");
  assertEquals(clean("❤\u200d❤\u200d"), "❤\u200d❤<U+200D>");
  assertEquals(
    clean("\u{1F3F4}\u{E0068}\u{E006F}\u{E007F}"),
    "\u{1F3F4}<U+E0068><U+E006F><U+E007F>",
  );
  assertEquals(clean("ب\uFE0F\u200d"), "ب<U+FE0F><U+200D>");
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (!/\p{Default_Ignorable_Code_Point}/u.test(character)) continue;
    assert(clean(character) !== character, `U+${code.toString(16)} passes`);
  }
});

// A letter with 30,000 marks is one letter, and covers every line above it and below.
Deno.test("clean cuts combining marks beyond the sixth", () => {
  const pile = "a" + "\u0301".repeat(30_000) + "b";
  assertEquals(clean(pile), "a" + "\u0301".repeat(6) + "<U+0301…>b");
  assertEquals(clean("a" + "\u0301".repeat(7)), "a" + "\u0301".repeat(6) + "<U+0301>");
  const line = toJsonLine(pile);
  assertEquals(JSON.parse(line), pile);
  assertEquals(clean(line), line);
});

Deno.test("toJsonLine hides nothing and loses nothing, if the text is hostile", () => {
  const hostile = "\x00\x1b[2J\n\x7f\x9b\u202e\u2028\u{E0041}\ud800🏴\u{E0067}\u{E0062}\u{E007F}ñ";
  assertEquals(JSON.parse(toJsonLine({ hostile })), { hostile });
  assertEquals(clean(toJsonLine({ hostile })), toJsonLine({ hostile }));
});
