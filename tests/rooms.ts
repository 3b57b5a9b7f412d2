/**
 * The two kinds of room: a conversation comes out the same in both.
 *
 * @module
 */
import { nodePrimitives } from "../transport/private/crypto.ts";
import { privateRoom } from "../transport/private/private_room.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";

/** An open room, or one whose clients share a key. */
export type RoomKind = "open" | "private";

/** Both kinds. */
export const ROOM_KINDS: readonly RoomKind[] = ["open", "private"];

/** A room of each kind. The keys of the private one are real, and new in each run. */
export const ROOMS: Readonly<Record<RoomKind, Room>> = {
  open: OPEN_ROOM,
  private: privateRoom(new Uint8Array(32).fill(1), nodePrimitives()),
};
