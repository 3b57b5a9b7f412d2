import { assertEquals } from "@std/assert";
import { encode } from "../reliable/packet.ts";
import { decodePlain, encodePlain } from "./plain_message.ts";
import { MAX_PLAIN_MESSAGE_BYTES } from "../../protocol.ts";

const UTF8 = new TextEncoder();

for (
  const [datagram, text, lineEnd] of [
    ["¿HTML?", "¿HTML?", ""],
    ["¿HTML?\n", "¿HTML?", "\n"],
    ["¿HTML?\r\n", "¿HTML?", "\r\n"],
    ["dos\nlíneas\n\n", "dos\nlíneas\n", "\n"],
    ["\n", "", "\n"],
    ["", "", ""],
    ["sin\r", "sin\r", ""],
    ["\ufeffhola", "\ufeffhola", ""],
  ] as const
) {
  Deno.test(`plain message: what ${JSON.stringify(datagram)} says, and its end of line`, () => {
    assertEquals(decodePlain(UTF8.encode(datagram)), { text, lineEnd });
  });
}

Deno.test("plain message: what is no UTF-8 is none, and neither is a packet of the protocol", () => {
  assertEquals(decodePlain(Uint8Array.of(0x68, 0xff)), undefined);
  assertEquals(decodePlain(encode({ type: "ping", id: 0n, number: 1 })), undefined);
});

Deno.test("plain message: a datagram of 65,507 bytes is one, and no longer one", () => {
  const most = new Uint8Array(MAX_PLAIN_MESSAGE_BYTES).fill(0x61);
  assertEquals(decodePlain(most)?.text.length, MAX_PLAIN_MESSAGE_BYTES);
  assertEquals(decodePlain(new Uint8Array(MAX_PLAIN_MESSAGE_BYTES + 1).fill(0x61)), undefined);
});

Deno.test("plain message: the end of line is added where there is room for it", () => {
  assertEquals(encodePlain(UTF8.encode("sí"), "\r\n"), UTF8.encode("sí\r\n"));
  const sizes = [2, 1, 0].map((less) => {
    const message = new Uint8Array(MAX_PLAIN_MESSAGE_BYTES - less);
    return encodePlain(message, "\n").length - message.length;
  });
  assertEquals(sizes, [1, 1, 0]);
});
