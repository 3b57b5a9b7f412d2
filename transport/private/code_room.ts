/**
 * The room behind a code, on this platform. What it takes is loaded and computed only for those who
 * have a code, and in the background.
 *
 * @module
 */
import { checkRoomCode, roomKey } from "./code.ts";
import type { Initiation, Response, Room } from "../reliable/seal.ts";
import type { Refusal } from "../reliable/packet.ts";

/** A private room, not to be used before it is ready. */
export class CodeRoom implements Room {
  /** Settles when the key is there. */
  readonly ready: Promise<void>;
  #room: Room | undefined;

  /**
   * Begins to derive the key.
   *
   * @throws {RangeError} If the code is too short.
   */
  constructor(code: string) {
    this.ready = roomOf(checkRoomCode(code)).then((room) => {
      this.#room = room;
    });
  }

  initiate(fields: Uint8Array): Initiation {
    return this.#room!.initiate(fields);
  }

  respond(hello: Parameters<Room["respond"]>[0], fields: Uint8Array): Response | Refusal {
    return this.#room!.respond(hello, fields);
  }
}

// A bot that enters one room many times derives its key once.
let latest: { readonly code: string; readonly room: Promise<Room> } | undefined;

function roomOf(code: string): Promise<Room> {
  if (latest?.code !== code) latest = { code, room: derive(code) };
  return latest.room;
}

async function derive(code: string): Promise<Room> {
  const [{ nodePrimitives }, { privateRoom }] = await Promise.all([
    import("./crypto.ts"),
    import("./private_room.ts"),
  ]);
  const primitives = nodePrimitives();
  return privateRoom(await roomKey(code, primitives), primitives);
}
