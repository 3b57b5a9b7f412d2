import { assertEquals, assertNotEquals } from "@std/assert";
import { decodeText, Views } from "./bytes.ts";

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
