import { assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { codeRoom, ROOMS } from "./rooms.ts";
import { Simulation } from "./simulation.ts";

const CONVERSATIONS = 20;
const CLIENT = { hostname: "198.51.100.7", port: 40_000 };
const THEIRS = codeRoom("42-tigre-lunes");
const SECRET = new TextEncoder().encode("Nadie más debe leer esto. ".repeat(100));

// In a private room no datagram holds a piece of what was said. In an open one it can be found, or else
// this would be no way to look for it.
for (
  const { kind, title, isReadable } of [
    {
      kind: "open",
      title: "what is said in an open room can be read on the way",
      isReadable: true,
    },
    { kind: "private", title: "what is said in a private room cannot", isReadable: false },
  ] as const
) {
  Deno.test(title, () => {
    const piece = SECRET.subarray(0, 12);
    for (let seed = 1; seed <= CONVERSATIONS; seed++) {
      const simulation = new Simulation(seed, { ...PERFECT, loss: 0.2 }, ROOMS[kind]);
      const sent: Uint8Array[] = [];
      simulation.onSend = (flight) => {
        sent.push(flight.datagram);
        simulation.carry(flight);
      };
      let answers = 0;
      simulation.addServer((event, listener) => {
        if (event.type === "question") listener.answer(event.session, SECRET, simulation.now);
      });
      simulation.addClient(CLIENT, (event, dialer) => {
        if (event.type === "connected") dialer.ask(SECRET, simulation.now);
        if (event.type !== "answer") return;
        answers++;
        dialer.bye("bye", simulation.now);
      });
      simulation.drive();
      assertEquals(answers, 1, `Seed ${seed}`);
      assertEquals(sent.some((datagram) => holds(datagram, piece)), isReadable, `Seed ${seed}`);
    }
  });
}

for (
  const { title, server, client, refusal } of [
    { title: "another code", server: ROOMS.private, client: THEIRS, refusal: "wrong-code" },
    {
      title: "no code in a private room",
      server: ROOMS.private,
      client: ROOMS.open,
      refusal: "private",
    },
    { title: "a code in an open room", server: ROOMS.open, client: THEIRS, refusal: "open" },
  ]
) {
  Deno.test(`a client with ${title} is told so, and soon nothing is kept of it`, () => {
    const simulation = new Simulation(1, PERFECT);
    const told: string[] = [];
    const listener = simulation.addServer(({ type }) => {
      if (type !== "overload") told.push(type);
    }, { room: server });
    simulation.addClient(CLIENT, (event) => {
      told.push(event.type === "refused" ? `refused ${event.refusal}` : event.type);
    }, { room: client });
    simulation.drive();
    assertEquals(told, [`refused ${refusal}`, "over"]);
    assertEquals(listener.size, 0);
  });
}

function holds(datagram: Uint8Array, piece: Uint8Array): boolean {
  for (let at = 0; at + piece.length <= datagram.length; at++) {
    if (piece.every((byte, i) => byte === datagram[at + i])) return true;
  }
  return false;
}
