import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { constantTimeEqual, decodeText, Views } from "./bytes.ts";

Deno.test("bytes: what is not UTF-8 is no text, and U+FFFD that was sent is", () => {
  for (const text of ["\ufffd", "\ufeffa", "", "a\ufeff", "👩‍🏫", "\u0000"]) {
    assertEquals(decodeText(new TextEncoder().encode(text)), text);
  }
  for (
    const bytes of [[0xff], [0xc3], [0x61, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]
  ) {
    assertEquals(decodeText(Uint8Array.from(bytes)), undefined);
  }
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
