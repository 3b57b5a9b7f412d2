import { assertEquals, assertRejects } from "@std/assert";
import { LineReader, MAX_LINE_LENGTH } from "./line_reader.ts";

async function linesOf(
  chunks: Iterable<Uint8Array>,
  onInvalid?: (line: number) => void,
): Promise<string[]> {
  const reader = new LineReader(ReadableStream.from(chunks), onInvalid);
  const lines: string[] = [];
  for (let line; (line = await reader.next()) !== null;) lines.push(line);
  return lines;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("LineReader takes LF and CRLF, empty lines, and a last line without an end", async () => {
  assertEquals(await linesOf([bytes("uno\r\n\ndos\ntres")]), ["uno", "", "dos", "tres"]);
  assertEquals(await linesOf([bytes("uno\n")]), ["uno"]);
  assertEquals(await linesOf([]), []);
});

// Enter alone, as the first key, waited for a second byte.
Deno.test("LineReader gives a first line that is empty at once", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const lines = new LineReader(readable);
  writable.getWriter().write(bytes("\n"));
  assertEquals(await lines.next(), "");
  await lines.close();
});

Deno.test("LineReader drops a byte order mark at the start only", async () => {
  assertEquals(await linesOf([bytes("\uFEFFuno\n\uFEFFdos")]), ["uno", "\uFEFFdos"]);
});

Deno.test("LineReader leaves out what is not UTF-8, and tells its line", async () => {
  const whole = [bytes("uno\n"), Uint8Array.of(0x61, 0xff, 0x62, 0x0a, 0xc3), bytes("\n�\0\n")];
  for (
    const chunks of [
      whole,
      whole.map((chunk) => [...chunk].map((byte) => Uint8Array.of(byte))).flat(),
    ]
  ) {
    const invalid: number[] = [];
    assertEquals(await linesOf([...chunks, Uint8Array.of(0xf0)], (line) => invalid.push(line)), [
      "uno",
      "�\0",
    ]);
    assertEquals(invalid, [2, 3, 5]);
  }
});

Deno.test("LineReader decodes UTF-16 that has its mark, both ways round", async () => {
  for (const isLittle of [true, false]) {
    const units = "\uFEFF¿Qué?\r\n👍 \u0a0d\ud800\nsí\n".split("").map((unit) =>
      unit.charCodeAt(0)
    );
    const both = units.map((unit) => isLittle ? [unit & 255, unit >> 8] : [unit >> 8, unit & 255]);
    const chunks = both.flat().map((byte) => Uint8Array.of(byte));
    const invalid: number[] = [];
    assertEquals(await linesOf(chunks, (line) => invalid.push(line)), ["¿Qué?", "sí"]);
    assertEquals(invalid, [2]);
  }
});

Deno.test("LineReader takes the CR of old Macs for a line end if the first line ends so", async () => {
  assertEquals(await linesOf([bytes("uno\rdos\r"), bytes("tres\r")]), ["uno", "dos", "tres"]);
  assertEquals(await linesOf([bytes("uno\r"), bytes("\nd\ros\ntres\r")]), ["uno", "d\ros", "tres"]);
  assertEquals(await linesOf([bytes("uno\r")]), ["uno"]);
});

Deno.test("LineReader says at the end, again and again, that it is the end", async () => {
  const reader = new LineReader(ReadableStream.from([bytes("uno")]));
  assertEquals([await reader.next(), await reader.next(), await reader.next()], [
    "uno",
    null,
    null,
  ]);
});

Deno.test("LineReader cuts a line that goes on for ever", async () => {
  const chunk = bytes("x".repeat(65_536));
  const chunks = [...Array(40).fill(chunk), bytes("\ndos\n")];
  assertEquals((await linesOf(chunks)).map((line) => line.length), [MAX_LINE_LENGTH, 3]);
});

Deno.test("LineReader reads no further than it is asked to", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(bytes("otra\n"));
    },
  }, { highWaterMark: 0 });
  const reader = new LineReader(endless);
  assertEquals([await reader.next(), await reader.next()], ["otra", "otra"]);
  assertEquals(pulled, 2);
  await reader.close();
});

Deno.test("LineReader passes a failure on once and then is at its end", async () => {
  const reader = new LineReader(
    new ReadableStream({ start: (controller) => controller.error(new Deno.errors.IsADirectory()) }),
  );
  await assertRejects(() => reader.next(), Deno.errors.IsADirectory);
  assertEquals(await reader.next(), null);
  await reader.close();
});

Deno.test("LineReader reaches its end when it is closed while it waits", async () => {
  const reader = new LineReader(new ReadableStream());
  const pending = reader.next();
  await reader.close();
  assertEquals(await pending, null);
});
