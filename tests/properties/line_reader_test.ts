import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LineReader } from "../../terminal/line_reader.ts";

Deno.test("property: the lines do not depend on where the bytes are cut", async () => {
  const piece = fc.constantFrom("a", "ñ", "漢", "👩‍👧", "\n", "\r\n", "\r", " ");
  const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
  await fc.assert(fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (text, size) => {
    const whole = new TextEncoder().encode(text);
    const cut = Array.from(
      { length: Math.ceil(whole.length / size) },
      (_, index) => whole.subarray(index * size, (index + 1) * size),
    );
    const [first] = /\r\n|\n|\r(?=[^])/.exec(text) ?? [];
    const pieces = text.split(first === "\r" ? /[\r\n]/ : "\n");
    if (pieces.at(-1) === "") pieces.pop();
    const expected = pieces.map((line) => line.replace(/\r$/, ""));
    const reader = new LineReader(ReadableStream.from(cut));
    for (const line of [...expected, null]) assertEquals(await reader.next(), line);
  }));
});
