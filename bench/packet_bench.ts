import { codeRoom } from "../tests/rooms.ts";
import { decode, encode } from "../transport/reliable/packet.ts";
import type { Seal } from "../transport/reliable/seal.ts";

const PAYLOAD = new Uint8Array(64).fill(0x78);
const PACKET = {
  type: "message",
  id: 0x0123_4567_89ab_cdefn,
  number: 7,
  payload: PAYLOAD,
} as const;
const DATAGRAM = encode(PACKET);
const [SENDER, RECEIVER] = pairOfSeals();

Deno.bench("encode, 64 bytes", () => {
  encode(PACKET);
});

Deno.bench("decode, 64 bytes", () => {
  decode(DATAGRAM);
});

Deno.bench("seal, 64 bytes", () => {
  SENDER.seal(DATAGRAM);
});

Deno.bench("seal and open, 64 bytes", () => {
  if (RECEIVER.open(SENDER.seal(DATAGRAM)) === undefined) throw new Error("It does not open");
});

/** The seals of two ends that have shaken hands. */
function pairOfSeals(): [Seal, Seal] {
  const room = codeRoom();
  const [fields, welcome] = [new Uint8Array(12), new Uint8Array(12)];
  const initiation = room.initiate(fields);
  const response = room.respond({ keyShare: initiation.keyShare, fields }, welcome);
  if (typeof response !== "object") throw new Error(`Refused: "${response}"`);
  const seal = initiation.complete(response.keyShare, welcome);
  if (seal === undefined) throw new Error("The keys are not agreed on");
  return [seal, response.seal];
}
