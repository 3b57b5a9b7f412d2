import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { clean, toJsonLine } from "../../terminal/clean.ts";

/** Any UTF-16 at all, unpaired surrogates included, rich in what has to be replaced. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 50 })
    .map((units) => String.fromCharCode(...units)),
  fc.array(
    fc.constantFrom(
      ...["a", "\x1b", "\n", "\u202e", "\u{1F3F4}", "\u{E0067}", "\u{E007F}", "\ud83d"],
      ...["ب", "❤", "\u200d", "\ufe0f", "\u0301\u0301\u0301", "\u20e3", "1"],
    ),
    { maxLength: 50 },
  ).map((pieces) => pieces.join("")),
);

Deno.test("property: nothing that clean returns is a control or a bidirectional control", () => {
  fc.assert(fc.property(anyText, (text) => {
    assert(!/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u.test(clean(text)));
  }));
});

Deno.test("property: cleaning twice is cleaning once", () => {
  fc.assert(fc.property(anyText, (text) => {
    assertEquals(clean(clean(text)), clean(text));
  }));
});

Deno.test("property: text of letters, marks, numbers, punctuation, symbols and spaces is not changed", () => {
  const visible = fc.string({ unit: "grapheme" })
    .filter((text) => /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]*$/u.test(text))
    .filter((text) => !/\p{Default_Ignorable_Code_Point}|\p{M}{7}/u.test(text));
  fc.assert(fc.property(visible, (text) => {
    assertEquals(clean(text), text);
  }));
});

Deno.test("property: every code point is either passed or named, and its neighbours stay", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0x10ffff }), (code) => {
    const shown = clean(`<${String.fromCodePoint(code)}>`).slice(1, -1);
    const named = `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    const picture = String.fromCodePoint(code === 0x7f ? 0x2421 : 0x2400 + code % 0x20);
    assert([String.fromCodePoint(code), named, picture].includes(shown));
  }));
});

// The JSON of any text is one line without anything that clean() would change, and a parser
// gets the text back. (An unpaired surrogate is escaped by JSON.stringify itself.)
Deno.test("toJsonLine hides nothing and loses nothing", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const line = toJsonLine({ text });
    assertEquals(clean(line), line);
    assertEquals(JSON.parse(line), { text });
  }));
});
