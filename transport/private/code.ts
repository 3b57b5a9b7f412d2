/**
 * The code of a private room: words for people, a key for the handshake.
 *
 * @module
 */

/** Fewest characters that a code has, once it is normalised. */
export const MIN_CODE_CHARACTERS = 8;

/** Rounds of PBKDF2 between a code and its key: each guess costs as much (OWASP, 2023). */
export const KEY_ROUNDS = 600_000;

// Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O or U.
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOL_BITS = 5;
const CODE_BYTES = 10;
const NEW_CODE_CHARACTERS = "7K3M-9QXT-0B4D-HZ6W".length;
const CODE_FORM = /^[0-9A-TV-Za-tv-z]{16}$/;
const GROUP = /.{4}(?=.)/g;
const KEY_BYTES = 32;
const UTF8 = new TextEncoder();
// One salt for everybody, as there is no place to keep another: it sets these keys apart from those
// of other programs, and no more.
const SALT = UTF8.encode("preguntas: key of a private room, version 1");

/** Primitives for {@linkcode roomKey}. */
export interface KeyDerivation {
  /** PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2): `length` bytes. */
  pbkdf2(
    password: Uint8Array,
    salt: Uint8Array,
    rounds: number,
    length: number,
  ): Promise<Uint8Array>;
}

/**
 * A new code of 80 random bits, in groups that can be read out: `7K3M-9QXT-0B4D-HZ6W`. To try one
 * half of them all, at {@linkcode KEY_ROUNDS} rounds each, is out of reach.
 *
 * @example
 * ```ts
 * import { newRoomCode } from "./code.ts";
 *
 * const code = newRoomCode((length) => crypto.getRandomValues(new Uint8Array(length)));
 * console.log(code.length); // 19
 * ```
 *
 * @param randomBytes `length` unpredictable bytes.
 */
export function newRoomCode(randomBytes: (length: number) => Uint8Array): string {
  let symbols = "";
  let bits = 0;
  let bitCount = 0;
  for (const byte of randomBytes(CODE_BYTES)) {
    bits = bits << 8 | byte;
    bitCount += 8;
    while (bitCount >= SYMBOL_BITS) {
      bitCount -= SYMBOL_BITS;
      symbols += ALPHABET[bits >> bitCount & 31];
    }
  }
  return grouped(symbols);
}

/**
 * The canonical form of a code:
 * - 16 letters and digits (no U, which no new code has), with spaces and hyphens anywhere or nowhere,
 *   are a code of {@linkcode newRoomCode}: capitals, O as 0, I and L as 1, in groups of four;
 * - anything else is a code of one's own, and every character of it counts, capitals, accents and
 *   inner spaces included: only white space around it is dropped, any kind of space is a space, and
 *   however an accent was typed it is the same one (Unicode NFC), as RFC 8265 §4.2 has passwords.
 *
 * @example
 * ```ts
 * import { normaliseRoomCode } from "./code.ts";
 *
 * console.log(normaliseRoomCode("7k3m 9qxt ob4d hz6w")); // "7K3M-9QXT-0B4D-HZ6W"
 * console.log(normaliseRoomCode(" la clave de hoy ")); // "la clave de hoy"
 * ```
 */
export function normaliseRoomCode(text: string): string {
  const symbols = text.replace(/[\s\p{Dash_Punctuation}]/gu, "");
  if (!CODE_FORM.test(symbols)) {
    return text.normalize("NFC").replace(/\p{Space_Separator}/gu, " ").trim();
  }
  return grouped(symbols.toUpperCase().replaceAll("O", "0").replace(/[IL]/g, "1"));
}

/**
 * How hard a code is to guess from a recording of the network, by its length alone: `too-short`
 * for any use, `short` where it has fewer characters than those of {@linkcode newRoomCode}, or `long`.
 */
export function codeStrength(code: string): "too-short" | "short" | "long" {
  const { length } = [...normaliseRoomCode(code)];
  if (length < MIN_CODE_CHARACTERS) return "too-short";
  return length < NEW_CODE_CHARACTERS ? "short" : "long";
}

/**
 * Gives back a code as {@linkcode normaliseRoomCode} writes it.
 *
 * @throws {RangeError} If it is shorter than {@linkcode MIN_CODE_CHARACTERS}.
 */
export function checkRoomCode(code: string): string {
  if (codeStrength(code) !== "too-short") return normaliseRoomCode(code);
  // The code itself is not for messages, which end in logs.
  throw new RangeError(`Invalid room code, expected ${MIN_CODE_CHARACTERS} characters or more`);
}

/**
 * The key of the room with that code: PBKDF2 (RFC 8018 §5.2) over the code as
 * {@linkcode normaliseRoomCode} writes it, in UTF-8, {@linkcode KEY_ROUNDS} rounds under a salt that
 * is the same for everybody. It takes about half a second.
 *
 * @returns 32 bytes.
 * @throws {RangeError} If the code is shorter than {@linkcode MIN_CODE_CHARACTERS}.
 */
export async function roomKey(code: string, { pbkdf2 }: KeyDerivation): Promise<Uint8Array> {
  return await pbkdf2(UTF8.encode(checkRoomCode(code)), SALT, KEY_ROUNDS, KEY_BYTES);
}

function grouped(symbols: string): string {
  return symbols.replace(GROUP, "$&-");
}
