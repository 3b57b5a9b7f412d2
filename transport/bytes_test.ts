import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { allocate, constantTimeEqual, decodeText, encodeText, Views } from "./bytes.ts";

// Pieces of one slab are never shared.
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

Deno.test("bytes: what is not UTF-8 is no text, and U+FFFD that was sent is", () => {
  for (const text of ["\ufffd", "\ufeffa", "", "a\ufeff", "👩‍🏫", "\u0000"]) {
    assertEquals(decodeText(new TextEncoder().encode(text)), text);
  }
  for (
    const bytes of [[0xff], [0xc3], [0x61, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]
  ) {
    assertEquals(decodeText(Uint8Array.from(bytes)), undefined);
  }
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

Deno.test("bytes: a view is of the buffer that was asked for", () => {
  const views = new Views();
  const [a, b] = [new Uint8Array(4), new Uint8Array(8).subarray(2)];
  for (const bytes of [a, b, b, a]) assertEquals(views.of(bytes).buffer, bytes.buffer);
  assertNotEquals(views.of(a).byteLength, views.of(b).byteLength);
});

Deno.test("bytes: equal are those of one length that differ nowhere", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assert(constantTimeEqual(bytes, Uint8Array.of(1, 2, 3)));
  const others = [[], [1, 2], [1, 2, 3, 0], [1, 2, 2], [0, 2, 3]];
  for (const other of others) {
    assert(!constantTimeEqual(bytes, Uint8Array.from(other)));
    assert(!constantTimeEqual(Uint8Array.from(other), bytes));
  }
});
