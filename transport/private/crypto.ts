/**
 * The cryptography of a private room, from `node:crypto`: it is synchronous, as the core is, and the
 * platform's own. Nothing is computed here, only called and laid out.
 *
 * @module
 */
import { allocate } from "../bytes.ts";
import { type CipherName, KEY_BYTES, type KeyPair, type Primitives, TAG_BYTES } from "./noise.ts";
import type { KeyDerivation } from "./code.ts";

type Crypto = typeof import("node:crypto");

const NONCE_BYTES = 12;
const NOTHING = new Uint8Array(0);

/** The ciphers, and how Noise lays their nonces out. */
const CIPHERS = {
  // §12.3: 32 bits of zeros, then the nonce with its lowest byte first (RFC 8439 §2.8).
  ChaChaPoly: { algorithm: "chacha20-poly1305", isLittleEndian: true },
  // §12.4: 32 bits of zeros, then the nonce with its highest byte first (NIST SP 800-38D).
  AESGCM: { algorithm: "aes-256-gcm", isLittleEndian: false },
} as const;

// DER prefixes of the 32 bytes of an X25519 key (RFC 8410 §4, §7).
const SPKI_PREFIX = Uint8Array.fromHex("302a300506032b656e032100");
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b656e04220420");

let loaded: Crypto | undefined;

/** Authenticated encryption under nonces that the caller lays out, 12 bytes each. */
export interface Aead {
  /** The ciphertext, and behind it the tag; before it the bytes left free. */
  encrypt(
    key: Uint8Array,
    iv: Uint8Array,
    ad: Uint8Array,
    plaintext: Uint8Array,
    headroom?: number,
  ): Uint8Array;
  /** The plaintext, or nothing where the tag is another. */
  decrypt(
    key: Uint8Array,
    iv: Uint8Array,
    ad: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined;
}

/**
 * X25519 (RFC 7748), ChaCha20-Poly1305 (RFC 8439) or AES-256-GCM, SHA-256 (FIPS 180-4), HKDF
 * (RFC 5869) and PBKDF2 (RFC 8018 §5.2). The module behind them is loaded when the first is used.
 *
 * @example
 * ```ts
 * import { nodePrimitives } from "./crypto.ts";
 *
 * const { encrypt, decrypt } = nodePrimitives();
 * const key = new Uint8Array(32);
 * const header = Uint8Array.of(1);
 * const ciphertext = encrypt(key, 0, header, Uint8Array.of(42));
 * console.log(decrypt(key, 0, header, ciphertext)); // 42
 * console.log(decrypt(key, 1, header, ciphertext)); // undefined
 * ```
 *
 * @param cipher The cipher of {@linkcode Primitives.encrypt}, default `ChaChaPoly`.
 */
export function nodePrimitives(cipher: CipherName = "ChaChaPoly"): Primitives & KeyDerivation {
  const aead = nodeAead(cipher);
  const { isLittleEndian } = CIPHERS[cipher];
  // The platform copies it: one array serves every call.
  const iv = new Uint8Array(NONCE_BYTES);
  const view = new DataView(iv.buffer);
  const layOut = (nonce: number): Uint8Array => {
    view.setUint32(isLittleEndian ? 8 : 4, nonce / 2 ** 32, isLittleEndian);
    view.setUint32(isLittleEndian ? 4 : 8, nonce, isLittleEndian);
    return iv;
  };
  return {
    cipher,
    hash,
    hkdf,
    generateKeyPair,
    agree,
    pbkdf2,
    encrypt: (key, nonce, ad, plaintext, headroom) =>
      aead.encrypt(key, layOut(nonce), ad, plaintext, headroom),
    decrypt: (key, nonce, ad, ciphertext) => aead.decrypt(key, layOut(nonce), ad, ciphertext),
  };
}

/** The cipher alone, for nonces that Noise has no use for. */
export function nodeAead(cipher: CipherName): Aead {
  // The types of the two ciphers differ in what is not used here.
  const algorithm = CIPHERS[cipher].algorithm as "chacha20-poly1305";
  const options = { authTagLength: TAG_BYTES };
  return {
    encrypt(key, iv, ad, plaintext, headroom = 0) {
      const sealing = crypto().createCipheriv(algorithm, key, iv, options);
      sealing.setAAD(ad, { plaintextLength: plaintext.length });
      const end = headroom + plaintext.length;
      const ciphertext = allocate(end + TAG_BYTES);
      ciphertext.set(sealing.update(plaintext), headroom);
      sealing.final();
      ciphertext.set(sealing.getAuthTag(), end);
      return ciphertext;
    },
    decrypt(key, iv, ad, ciphertext) {
      const length = ciphertext.length - TAG_BYTES;
      if (length < 0) return undefined;
      const opening = crypto().createDecipheriv(algorithm, key, iv, options);
      opening.setAAD(ad, { plaintextLength: length });
      opening.setAuthTag(ciphertext.subarray(length));
      const plaintext = opening.update(ciphertext.subarray(0, length));
      try {
        opening.final();
      } catch {
        // The one way in which the platform says that the tag is another.
        return undefined;
      }
      return toBytes(plaintext);
    },
  };
}

function hash(data: Uint8Array): Uint8Array {
  return toBytes(crypto().createHash("sha256").update(data).digest());
}

function hkdf(salt: Uint8Array, inputKeyMaterial: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(crypto().hkdfSync("sha256", inputKeyMaterial, salt, NOTHING, length));
}

function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = crypto().generateKeyPairSync("x25519");
  const exported = toBytes(privateKey.export({ format: "der", type: "pkcs8" }));
  const pair = {
    privateKey: exported.slice(-KEY_BYTES),
    publicKey: toBytes(publicKey.export({ format: "der", type: "spki" })).slice(-KEY_BYTES),
  };
  // The pair's own private key is erased after use: no copy of it is to stay behind.
  exported.fill(0);
  return pair;
}

function agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  const { createPrivateKey, createPublicKey, diffieHellman } = crypto();
  const copy = der(PKCS8_PREFIX, privateKey, "pkcs8");
  const keys = {
    privateKey: createPrivateKey(copy),
    publicKey: createPublicKey(der(SPKI_PREFIX, publicKey, "spki")),
  };
  copy.key.fill(0);
  let secret: Uint8Array = NOTHING;
  try {
    secret = toBytes(diffieHellman(keys));
  } catch {
    // The keys are of the right form: what Deno refuses here is the result that is all zeros.
  }
  // Node's own library need not refuse it, so it is looked for here, all bytes alike.
  return secret.reduce((sum, byte) => sum | byte, 0) === 0 ? undefined : secret;
}

function pbkdf2(
  password: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  length: number,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  crypto().pbkdf2(password, salt, rounds, length, "sha256", (error, key) => {
    if (error) reject(error);
    else resolve(toBytes(key));
  });
  return promise;
}

function der<Type extends "pkcs8" | "spki">(prefix: Uint8Array, key: Uint8Array, type: Type) {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`A key of X25519 has ${KEY_BYTES} bytes: "${key.length}"`);
  }
  const bytes = new Uint8Array(prefix.length + KEY_BYTES);
  bytes.set(prefix);
  bytes.set(key, prefix.length);
  // The types ask for a `Buffer`, the platform does not.
  return { key: bytes as Buffer, format: "der", type } as const;
}

// `node:crypto` takes 20 ms to load: only private rooms wait for it.
function crypto(): Crypto {
  return loaded ??= process.getBuiltinModule("node:crypto");
}

// A `Buffer` is a `Uint8Array` whose `slice` is no copy: none of them leaves this file.
function toBytes({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
