/// <reference lib="dom" />
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { loadSodium } from "../transport/private/code_room.ts";
import { Session } from "../transport/reliable/session.ts";
const sodium = await loadSodium();
document.getElementById("aviso")!.textContent = `${sodium !== undefined} ${Session.name} ${
  hmac(sha256, new Uint8Array(1), new Uint8Array(1))[0]
}`;
