/**
 * A plain message: its text is the whole datagram, as in the first UDP program of any textbook.
 *
 * @module
 */
import { concat, decodeText, encodeText } from "../bytes.ts";
import { packetType } from "../reliable/packet.ts";
import { MAX_PLAIN_MESSAGE_BYTES } from "../../protocol.ts";

/**
 * The message in a datagram, and the end of line after it, if any (netcat sends lines); or nothing if it is
 * too long or not UTF-8. A packet of the reliable protocol is none either: its sender wants that protection.
 */
export function decodePlain(datagram: Uint8Array): { text: string; lineEnd: string } | undefined {
  if (datagram.length > MAX_PLAIN_MESSAGE_BYTES || packetType(datagram) !== undefined) {
    return undefined;
  }
  const whole = decodeText(datagram);
  if (whole === undefined) return undefined;
  const text = whole.replace(/\r?\n$/, "");
  return { text, lineEnd: whole.slice(text.length) };
}

/** The datagram of a message: with that end of line, unless it would then be too long. */
export function encodePlain(message: Uint8Array, lineEnd: string): Uint8Array {
  const datagram = concat([message, encodeText(lineEnd)]);
  return datagram.length > MAX_PLAIN_MESSAGE_BYTES ? message : datagram;
}
