import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { allocate, decodeText, encodeText } from "../../transport/bytes.ts";

Deno.test("bytes: no two pieces share a byte, and each is all zero", () => {
  fc.assert(fc.property(fc.array(fc.nat(3000), { maxLength: 60 }), (lengths) => {
    const pieces = lengths.map((length, i) => {
      const piece = allocate(length);
      assertEquals(piece.length, length);
      assert(piece.every((byte) => byte === 0));
      const text = encodeText("ñ".repeat(i));
      return [piece.fill(i % 255 + 1), i, text] as const;
    });
    for (const [piece, i, text] of pieces) {
      assert(piece.every((byte) => byte === i % 255 + 1));
      assertEquals(new TextDecoder().decode(text), "ñ".repeat(i));
    }
  }));
});

Deno.test("bytes: text to UTF-8 and back, as the platform does it", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
    const bytes = encodeText(text);
    assertEquals(bytes, new TextEncoder().encode(text));
    assertEquals(decodeText(bytes), text.toWellFormed());
  }));
});

Deno.test("bytes: what is not UTF-8 is no text, as the platform has it", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    let expected: string | undefined;
    try {
      expected = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      expected = undefined;
    }
    assertEquals(decodeText(bytes), expected);
  }));
});
