/**
 * The two kinds of room: a conversation comes out the same in both.
 *
 * @module
 */
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import { loadSodium } from "../transport/private/code_room.ts";
import type { Sodium } from "../transport/private/cpace.ts";
import { privateRoom } from "../transport/private/private_room.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";

/** libsodium, loaded. */
export const SODIUM: Sodium = await loadSodium();

/** The code of a private room in tests. */
export const CODE = "42-tigre-luna";

/** The room of that code. Each has scalars of its own, the same in each run. */
export function codeRoom(code: string = CODE, seed: number = 1): Room {
  const random = seededRandom(seed);
  return privateRoom(code, SODIUM, { randomBytes: (length) => seededBytes(random, length) });
}

/** An open room, or one whose clients have its code. */
export type RoomKind = "open" | "private";

/** Both kinds. */
export const ROOM_KINDS: readonly RoomKind[] = ["open", "private"];

/** A room of each kind. */
export const ROOMS: Readonly<Record<RoomKind, Room>> = { open: OPEN_ROOM, private: codeRoom() };
