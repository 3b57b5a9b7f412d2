import { assert, assertEquals } from "@std/assert";
import type { Address } from "../protocol/outbox.ts";
import { nodePrimitives } from "../protocol/crypto.ts";
import { privateRoom } from "../protocol/private_room.ts";
import { OPEN_ROOM, type Room } from "../protocol/seal.ts";
import { Simulation } from "./simulation.ts";

const CONVERSATIONS = 200;
const CLIENT = { hostname: "198.51.100.7", port: 40_000 };
const primitives = nodePrimitives();
const OURS = privateRoom(new Uint8Array(32).fill(1), primitives);
const THEIRS = privateRoom(new Uint8Array(32).fill(2), primitives);
const SECRET = "Nadie más debe leer esto. ".repeat(100);

// In a private room a conversation comes out as in an open one, whatever the network does, and no
// datagram of it holds a piece of what was said.
Deno.test(`${CONVERSATIONS} conversations in a private room, and nothing to read on the way`, () => {
  const piece = new TextEncoder().encode(SECRET).subarray(0, 12);
  for (let seed = 1; seed <= CONVERSATIONS; seed++) {
    const { simulation, outcome, datagrams } = converse(seed, { server: OURS, client: OURS });
    simulation.drive();
    assertEquals(outcome, ["answer 1", "answer 2", "answer 3", "ended bye"], `Seed ${seed}`);
    assert(!datagrams.some((datagram) => holds(datagram, piece)), `Seed ${seed} can be read`);
  }
});

for (
  const { title, server, client, refusal } of [
    { title: "another code", server: OURS, client: THEIRS, refusal: "wrong-code" },
    { title: "no code in a private room", server: OURS, client: OPEN_ROOM, refusal: "private" },
    { title: "a code in an open room", server: OPEN_ROOM, client: OURS, refusal: "open" },
  ]
) {
  Deno.test(`a client with ${title} is told so, and nothing is kept of it`, () => {
    const { simulation, outcome, listener } = converse(1, { server, client, loss: 0 });
    simulation.drive();
    assertEquals(outcome, [`refused ${refusal}`]);
    assertEquals([listener.live, listener.size], [0, 0]);
  });
}

function converse(seed: number, rooms: { server: Room; client: Room; loss?: number }) {
  const { server, client, loss = 0.2 } = rooms;
  const conditions = { loss, duplication: 0.1, reordering: 0.1, delay: 20, jitter: 20 };
  const simulation = new Simulation(seed, conditions);
  const outcome: string[] = [];
  const datagrams: Uint8Array[] = [];
  const send = simulation.send.bind(simulation);
  simulation.send = (datagram: Uint8Array, from: Address, to: Address) => {
    datagrams.push(datagram);
    send(datagram, from, to);
  };
  const secret = new TextEncoder().encode(SECRET);
  const listener = simulation.addServer((event, listener) => {
    if (event.type !== "question") return;
    assertEquals(event.text, SECRET);
    listener.answer(event.session, secret, simulation.now);
  }, { room: server });
  let turn = 0;
  simulation.addClient(CLIENT, (event, dialer) => {
    if (event.type === "refused") outcome.push(`refused ${event.refusal}`);
    if (event.type === "ended") outcome.push(`ended ${event.reason}`);
    if (event.type === "answer") outcome.push(`answer ${event.text === SECRET ? turn : "wrong"}`);
    if (event.type !== "answer" && event.type !== "connected") return;
    if (turn++ < 3) dialer.ask(secret, simulation.now);
    else dialer.bye("bye", simulation.now);
  }, { room: client });
  return { simulation, outcome, datagrams, listener };
}

function holds(datagram: Uint8Array, piece: Uint8Array): boolean {
  for (let at = 0; at + piece.length <= datagram.length; at++) {
    if (piece.every((byte, i) => byte === datagram[at + i])) return true;
  }
  return false;
}
