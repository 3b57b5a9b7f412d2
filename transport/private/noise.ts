/**
 * The Noise Protocol Framework, revision 34 (https://noiseprotocol.org/noise.html), as far as the
 * pattern NNpsk0 goes: two ends that share one secret agree on keys that nobody else has, not even
 * who learns the secret later. Every section named here is one of that specification.
 *
 * ```
 * NNpsk0:
 *   -> psk, e
 *   <- e, ee
 * ```
 *
 * @module
 */
import { concat } from "../bytes.ts";

/** Bytes of a public key, of a private key and of what two of them agree on (§12.1). */
export const KEY_BYTES = 32;

/** Bytes of the pre-shared key (§9.1). */
export const PSK_BYTES = 32;

/** Bytes that a cipher adds to what it encrypts (§4.2). */
export const TAG_BYTES = 16;

/**
 * The nonce at which a key is used up. Noise would allow 2^64 - 2 of them (§5.1); beyond 2^53 a
 * number is not exact, and a million messages a second take 285 years to get there.
 */
export const NONCE_LIMIT: number = Number.MAX_SAFE_INTEGER;

const HASH_BYTES = 32;

/** A cipher by the name that Noise gives it (§12.3, §12.4). */
export type CipherName = "ChaChaPoly" | "AESGCM";

/** A key pair of X25519 (RFC 7748), {@linkcode KEY_BYTES} bytes each. */
export interface KeyPair {
  /** The private key. */
  readonly privateKey: Uint8Array;
  /** The public key. */
  readonly publicKey: Uint8Array;
}

/** The cryptography that Noise is built on (§4), which comes from the platform. */
export interface Primitives {
  /** Which cipher {@linkcode encrypt} and {@linkcode decrypt} are. */
  readonly cipher: CipherName;
  /** SHA-256 (§4.3 HASH). */
  hash(data: Uint8Array): Uint8Array;
  /** HKDF-SHA-256 (RFC 5869) without info, which is what §4.3 HKDF is: `length` bytes. */
  hkdf(salt: Uint8Array, inputKeyMaterial: Uint8Array, length: number): Uint8Array;
  /** A new key pair of X25519 (§4.1 GENERATE_KEYPAIR), whose private key is erased after use. */
  generateKeyPair(): KeyPair;
  /**
   * X25519 (§4.1 DH).
   *
   * @returns Nothing where the public key is one of the few that make every result zero
   * (RFC 7748 §6.1).
   */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /**
   * Authenticated encryption (§4.2 ENCRYPT), {@linkcode TAG_BYTES} longer than the plaintext.
   *
   * @param headroom Bytes that are left free before the ciphertext, for a caller that puts it in a
   * datagram; default none.
   */
  encrypt(
    key: Uint8Array,
    nonce: number,
    ad: Uint8Array,
    plaintext: Uint8Array,
    headroom?: number,
  ): Uint8Array;
  /** Its inverse (§4.2 DECRYPT), or nothing where the ciphertext is too short or not authentic. */
  decrypt(
    key: Uint8Array,
    nonce: number,
    ad: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined;
}

/** The keys of one end after the handshake (§5.2 Split). */
export interface Transport {
  /** Encrypts what this end sends. */
  readonly sending: CipherState;
  /** Decrypts what the other end sent. */
  readonly receiving: CipherState;
  /** The same at both ends of one handshake, and of no other (§11.2). */
  readonly handshakeHash: Uint8Array;
}

/** Parameters of a {@linkcode Handshake} (§5.3 Initialize). */
export interface HandshakeOptions {
  /** The initiator speaks first. */
  readonly role: "initiator" | "responder";
  /** The secret that both ends share, {@linkcode PSK_BYTES} bytes. */
  readonly psk: Uint8Array;
  /** Further context that both ends have to agree on (§6). */
  readonly prologue: Uint8Array;
  /** The cryptography. */
  readonly primitives: Primitives;
}

type Token = "psk" | "e" | "ee";

/** The message pattern (§7, §9.4): what the two ends put in their messages, in turn. */
const NNPSK0: readonly (readonly Token[])[] = [["psk", "e"], ["e", "ee"]];

/**
 * One end of a handshake (§5.3 HandshakeState).
 *
 * A message that does not hold leaves it as it was: over UDP anyone may send one, and it must not
 * keep the right one from being read (as wireguard-go does in `ConsumeMessageResponse`).
 *
 * @example
 * ```ts
 * import { nodePrimitives } from "./crypto.ts";
 * import { Handshake } from "./noise.ts";
 *
 * const common = {
 *   psk: new Uint8Array(32),
 *   prologue: new Uint8Array(0),
 *   primitives: nodePrimitives(),
 * };
 * const alice = new Handshake({ role: "initiator", ...common });
 * const bob = new Handshake({ role: "responder", ...common });
 * bob.readMessage(alice.writeMessage(new Uint8Array(0))!);
 * alice.readMessage(bob.writeMessage(new Uint8Array(0))!);
 * const ciphertext = alice.split().sending.encryptWithAd(new Uint8Array(0), Uint8Array.of(7));
 * console.log(bob.split().receiving.decryptWithAd(new Uint8Array(0), ciphertext)); // 7
 * ```
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  #symmetric: SymmetricState | undefined;
  #ephemeral: KeyPair | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #messages = 0;

  /**
   * Begins a handshake (§5.3 Initialize).
   *
   * @throws {RangeError} If the pre-shared key does not have {@linkcode PSK_BYTES} bytes.
   */
  constructor(options: HandshakeOptions) {
    const { psk, prologue, primitives } = options;
    if (psk.length !== PSK_BYTES) {
      throw new RangeError(`A pre-shared key has ${PSK_BYTES} bytes: "${psk.length}"`);
    }
    this.#options = options;
    const name = `Noise_NNpsk0_25519_${primitives.cipher}_SHA256`;
    this.#symmetric = SymmetricState.initialize(name, primitives);
    this.#symmetric.mixHash(prologue);
  }

  /** Whether every message was exchanged. */
  get isComplete(): boolean {
    return this.#messages === NNPSK0.length;
  }

  /**
   * This end's next message (§5.3 WriteMessage).
   *
   * @returns Nothing where the other end's public key is none to agree with.
   * @throws {TypeError} If it is not this end's turn.
   */
  writeMessage(payload: Uint8Array): Uint8Array | undefined {
    const { symmetric, tokens } = this.#turnOf("writer");
    const { psk, primitives } = this.#options;
    const ephemeral = primitives.generateKeyPair();
    for (const token of tokens) {
      if (token === "psk") symmetric.mixKeyAndHash(psk);
      else if (token === "e") mixEphemeral(symmetric, ephemeral.publicKey);
      else if (!mixAgreement(symmetric, primitives, ephemeral, this.#remoteEphemeral)) {
        return undefined;
      }
    }
    const message = concat([ephemeral.publicKey, symmetric.encryptAndHash(payload)]);
    this.#ephemeral = ephemeral;
    this.#advance(symmetric);
    return message;
  }

  /**
   * Reads the other end's next message (§5.3 ReadMessage). Nothing in it makes this throw.
   *
   * @param isExpected Whether the message holds that brings this payload, by default always.
   * @returns The payload, or nothing where the message is not from a peer with the same
   * pre-shared key and prologue, or not what was expected: then it is as if it had never come.
   * @throws {TypeError} If it is not the other end's turn.
   */
  readMessage(
    message: Uint8Array,
    isExpected: (payload: Uint8Array) => boolean = () => true,
  ): Uint8Array | undefined {
    const { symmetric, tokens } = this.#turnOf("reader");
    const { psk, primitives } = this.#options;
    if (message.length < KEY_BYTES + TAG_BYTES) return undefined;
    const remoteEphemeral = message.slice(0, KEY_BYTES);
    for (const token of tokens) {
      if (token === "psk") symmetric.mixKeyAndHash(psk);
      else if (token === "e") mixEphemeral(symmetric, remoteEphemeral);
      else if (!mixAgreement(symmetric, primitives, this.#ephemeral, remoteEphemeral)) {
        return undefined;
      }
    }
    const payload = symmetric.decryptAndHash(message.subarray(KEY_BYTES));
    if (payload === undefined || !isExpected(payload)) return undefined;
    this.#remoteEphemeral = remoteEphemeral;
    this.#advance(symmetric);
    return payload;
  }

  /**
   * The keys that both ends now have (§5.2 Split), one for each direction. The handshake forgets all
   * of its own, and erases the ephemeral private key, without which nobody can compute them again.
   *
   * @throws {TypeError} If the handshake is not complete, or was split before.
   */
  split(): Transport {
    const symmetric = this.#symmetric;
    if (symmetric === undefined || !this.isComplete) {
      throw new TypeError("Cannot split a handshake that is not complete, or was split before");
    }
    this.#symmetric = undefined;
    this.#ephemeral?.privateKey.fill(0);
    this.#ephemeral = undefined;
    const [first, second] = symmetric.split();
    const isInitiator = this.#options.role === "initiator";
    return {
      sending: isInitiator ? first : second,
      receiving: isInitiator ? second : first,
      handshakeHash: symmetric.hash,
    };
  }

  #turnOf(part: "writer" | "reader"): { symmetric: SymmetricState; tokens: readonly Token[] } {
    const tokens = NNPSK0[this.#messages];
    const isInitiatorsTurn = this.#messages % 2 === 0;
    const isWriter = isInitiatorsTurn === (this.#options.role === "initiator");
    if (this.#symmetric === undefined || tokens === undefined || isWriter !== (part === "writer")) {
      throw new TypeError(`Not the turn of the ${part}: message "${this.#messages}"`);
    }
    // A copy, which takes the place of the original once the message holds.
    return { symmetric: this.#symmetric.clone(), tokens };
  }

  #advance(symmetric: SymmetricState): void {
    this.#symmetric = symmetric;
    this.#messages++;
  }
}

// §9.2: where there is a pre-shared key, the ephemeral public key goes into the keys as well, so that
// they differ from one handshake to the next before anything is agreed on.
function mixEphemeral(symmetric: SymmetricState, publicKey: Uint8Array): void {
  symmetric.mixHash(publicKey);
  symmetric.mixKey(publicKey);
}

function mixAgreement(
  symmetric: SymmetricState,
  primitives: Primitives,
  ephemeral: KeyPair | undefined,
  remoteEphemeral: Uint8Array | undefined,
): boolean {
  const secret = primitives.agree(ephemeral!.privateKey, remoteEphemeral!);
  if (secret !== undefined) symmetric.mixKey(secret);
  return secret !== undefined;
}

/** The state of a handshake (§5.2 SymmetricState). */
class SymmetricState {
  readonly #primitives: Primitives;
  #hash: Uint8Array;
  #chainingKey: Uint8Array;
  #cipher: CipherState | undefined;

  /** §5.2 InitializeSymmetric */
  static initialize(protocolName: string, primitives: Primitives): SymmetricState {
    const name = new TextEncoder().encode(protocolName);
    const hash = name.length <= HASH_BYTES ? new Uint8Array(HASH_BYTES) : primitives.hash(name);
    if (name.length <= HASH_BYTES) hash.set(name);
    return new SymmetricState(primitives, hash, hash);
  }

  constructor(primitives: Primitives, hash: Uint8Array, chainingKey: Uint8Array) {
    this.#primitives = primitives;
    this.#hash = hash;
    this.#chainingKey = chainingKey;
  }

  /** §5.2 GetHandshakeHash */
  get hash(): Uint8Array {
    return this.#hash;
  }

  /** Another one that has come to the same. The arrays in it are never written to. */
  clone(): SymmetricState {
    const clone = new SymmetricState(this.#primitives, this.#hash, this.#chainingKey);
    clone.#cipher = this.#cipher?.clone();
    return clone;
  }

  /** §5.2 MixHash */
  mixHash(data: Uint8Array): void {
    this.#hash = this.#primitives.hash(concat([this.#hash, data]));
  }

  /** §5.2 MixKey */
  mixKey(inputKeyMaterial: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#primitives, this.#chainingKey, inputKeyMaterial);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(this.#primitives, key);
  }

  /** §5.2 MixKeyAndHash */
  mixKeyAndHash(inputKeyMaterial: Uint8Array): void {
    const [chainingKey, hash, key] = hkdf(this.#primitives, this.#chainingKey, inputKeyMaterial);
    this.#chainingKey = chainingKey;
    this.mixHash(hash);
    this.#cipher = new CipherState(this.#primitives, key);
  }

  /** §5.2 EncryptAndHash. There is a key already: in this pattern no payload is sent without (§9.3). */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher!.encryptWithAd(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** §5.2 DecryptAndHash */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher!.decryptWithAd(this.#hash, ciphertext);
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** §5.2 Split: the initiator sends with the first, the responder with the second. */
  split(): readonly [CipherState, CipherState] {
    const [first, second] = hkdf(this.#primitives, this.#chainingKey, new Uint8Array(0));
    return [
      new CipherState(this.#primitives, first),
      new CipherState(this.#primitives, second),
    ];
  }
}

/** A key and the nonce that it is to be used with next (§5.1 CipherState). */
export class CipherState {
  readonly #primitives: Primitives;
  readonly #key: Uint8Array;
  #nonce = 0;

  /** §5.1 InitializeKey */
  constructor(primitives: Primitives, key: Uint8Array) {
    this.#primitives = primitives;
    this.#key = key;
  }

  /** The nonce that is used next; where messages are lost or overtake, they have to name it (§11.4). */
  get nonce(): number {
    return this.#nonce;
  }

  /** Sets the nonce that is used next (§5.1 SetNonce). */
  setNonce(nonce: number): void {
    this.#nonce = nonce;
  }

  /** Another one at the same nonce: of the two, one only may encrypt. */
  clone(): CipherState {
    const clone = new CipherState(this.#primitives, this.#key);
    clone.#nonce = this.#nonce;
    return clone;
  }

  /**
   * §5.1 EncryptWithAd
   *
   * @param headroom Bytes that are left free before the ciphertext, default none.
   * @throws {RangeError} If the nonces of this key are used up ({@linkcode NONCE_LIMIT}).
   */
  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array, headroom = 0): Uint8Array {
    if (!(this.#nonce < NONCE_LIMIT)) throw new RangeError("The nonces of a key are used up");
    return this.#primitives.encrypt(this.#key, this.#nonce++, ad, plaintext, headroom);
  }

  /**
   * §5.1 DecryptWithAd
   *
   * @returns Nothing where the ciphertext is not authentic, or the nonces are used up; the nonce then
   * stays where it is.
   */
  decryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (!(this.#nonce < NONCE_LIMIT)) return undefined;
    const plaintext = this.#primitives.decrypt(this.#key, this.#nonce, ad, ciphertext);
    if (plaintext !== undefined) this.#nonce++;
    return plaintext;
  }
}

/** §4.3 HKDF, with three outputs: who needs two leaves the third alone, the first two are the same. */
function hkdf(
  primitives: Primitives,
  chainingKey: Uint8Array,
  inputKeyMaterial: Uint8Array,
): readonly [Uint8Array, Uint8Array, Uint8Array] {
  const bytes = primitives.hkdf(chainingKey, inputKeyMaterial, 3 * HASH_BYTES);
  const [second, third] = [HASH_BYTES, 2 * HASH_BYTES];
  return [bytes.subarray(0, second), bytes.subarray(second, third), bytes.subarray(third)];
}
