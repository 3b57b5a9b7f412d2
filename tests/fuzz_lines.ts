/**
 * Fuzzing of the line reader.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "../transport/bytes.ts";
import { LineReader, MAX_LINE_LENGTH } from "../terminal/line_reader.ts";
import { Dice } from "./fuzz_dice.ts";

/**
 * The line reader. Invariants, for any bytes in any chunks:
 *
 * - its lines are those of the whole text, each decoded by itself, however the chunks cut it; those
 *   that are not UTF-8 are left out, and told by their numbers;
 * - none holds a line feed, or more than {@linkcode MAX_LINE_LENGTH} units;
 * - a byte order mark of UTF-16 does no harm;
 * - after the last comes the end, again and again; a stream that fails is passed on once before it.
 */
export async function fuzzLines(seed: number): Promise<number> {
  const dice = new Dice(seed);
  const whole = anyBytes(dice);
  const breaksAt = dice.chance(0.2) ? dice.below(whole.length + 1) : undefined;
  const invalid: number[] = [];
  const reader = new LineReader(streamOf(whole, breaksAt, dice), (line) => invalid.push(line));
  const expected = linesOf(whole.subarray(0, breaksAt), breaksAt !== undefined);
  for (const line of expected) {
    if (line === undefined) continue;
    const read = await reader.next();
    if (read === null) throw new Error(`A line is missing: "${line.slice(0, 40)}"`);
    assert(!read.includes("\n"), "A line holds a line feed");
    assert(read.length <= MAX_LINE_LENGTH, `A line of ${read.length} units`);
    if (read !== line) assertEquals(read, line);
  }
  if (breaksAt !== undefined) await assertRejects(() => reader.next(), Error, "Broken");
  assertEquals([await reader.next(), await reader.next()], [null, null]);
  const numbers = expected.map((line, index) => line === undefined ? index + 1 : 0);
  assertEquals(invalid, numbers.filter((number) => number > 0));
  await reader.close();
  return 1;
}

/** The reference: line by line. Of a stream that breaks, the line that was not complete is lost. */
function linesOf(whole: Uint8Array, isBroken: boolean): (string | undefined)[] {
  const latin1 = Array.from(whole, (byte) => String.fromCharCode(byte)).join("");
  const unmarked = latin1.replace(/^\xef\xbb\xbf/, "");
  const [end] = /\r\n|\n|\r(?=[^])/.exec(unmarked) ?? [];
  const pieces = unmarked.split(end === "\r" ? /[\r\n]/ : "\n");
  const last = pieces.pop()!;
  if (last !== "" && !isBroken) pieces.push(last);
  return pieces.map((piece) => {
    try {
      const bytes = Uint8Array.from(piece, (unit) => unit.charCodeAt(0));
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      return text.slice(0, MAX_LINE_LENGTH).replace(/\r$/, "");
    } catch {
      return undefined;
    }
  });
}

const BYTE_ORDER_MARK: readonly number[] = [0xef, 0xbb, 0xbf];

const LINE_PIECES: readonly (readonly number[])[] = [
  ...[[0x0a], [0x0a], [0x0d, 0x0a], [0x0d], [0x61], [0x20], [0x00], [0x1b]],
  ...[BYTE_ORDER_MARK, [0xef, 0xbb], [0xef], [0xc3, 0xb1], [0xc3], [0x80], [0xff]],
  ...[[0xf0, 0x9f, 0x99, 0x82], [0xf0, 0x9f], [0xed, 0xa0, 0x80], [0xc0, 0x8a], [0xe2, 0x80, 0xa8]],
];

function anyBytes(dice: Dice): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let count = dice.below(60); count > 0; count--) {
    if (dice.chance(0.1)) pieces.push(Uint8Array.from(dice.list(50, () => dice.below(256))));
    // As long as the longest line, or around it.
    if (dice.chance(0.0002)) pieces.push(new Uint8Array(MAX_LINE_LENGTH - 3).fill(0x78));
    if (dice.chance(0.01)) pieces.push(new Uint8Array(dice.below(5000)).fill(0x0d));
    pieces.push(Uint8Array.from(dice.pick(LINE_PIECES)));
  }
  if (dice.chance(0.3)) pieces.unshift(Uint8Array.from(BYTE_ORDER_MARK));
  return concat(pieces);
}

function streamOf(whole: Uint8Array, breaksAt: number | undefined, dice: Dice) {
  const end = breaksAt ?? whole.length;
  const most = dice.pick([1, 2, 7, 100, 65_536]);
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      // A long run in small pieces would take long: it is cut in large ones.
      const limit = end - at > 20_000 ? 65_536 : most;
      const length = Math.min(end - at, dice.below(limit + 1));
      if (at < end) {
        controller.enqueue(whole.slice(at, at + length));
        at += length;
      } else if (breaksAt === undefined) controller.close();
      else controller.error(new Error("Broken"));
    },
  }, { highWaterMark: 0 });
}
