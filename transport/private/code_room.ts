/**
 * The room behind a code, on this platform. libsodium is loaded only for those who have a code, and in the
 * background.
 *
 * @module
 */
import { checkRoomCode } from "./code.ts";
import type { Sodium } from "./cpace.ts";
import type { Room } from "../reliable/seal.ts";

/** A private room, not to be used before it is ready. */
export class CodeRoom implements Room {
  /** Settles when the cryptography is there. */
  readonly ready: Promise<void>;
  readonly isPrivate = true;
  #room: Room | undefined;

  /**
   * Begins to load.
   *
   * @throws {RangeError} If the code is too short.
   */
  constructor(code: string) {
    this.ready = this.#load(checkRoomCode(code));
  }

  initiate: Room["initiate"] = (fields) => this.#room!.initiate(fields);
  respond: Room["respond"] = (hello, fields) => this.#room!.respond(hello, fields);

  async #load(code: string): Promise<void> {
    const [sodium, { privateRoom }] = [await loadSodium(), await import("./private_room.ts")];
    const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    this.#room = privateRoom(code, sodium, { randomBytes });
  }
}

/** libsodium, compiled to WebAssembly. */
export async function loadSodium(): Promise<Sodium> {
  const { default: sodium } = await import("libsodium-wrappers-sumo");
  await sodium.ready;
  return sodium;
}
