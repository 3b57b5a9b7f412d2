import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import type { Address } from "../transport/endpoint.ts";
import type { Dialer } from "../transport/reliable/dialer.ts";
import { encode, packetId, packetType } from "../transport/reliable/packet.ts";
import { forSeeds } from "./attack.ts";
import { ROOM_KINDS, type RoomKind, ROOMS } from "./rooms.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { cases } from "./whole.ts";

const CLIENT: Address = { hostname: "198.51.100.1", port: 40_000 };
const OTHER: Address = { hostname: "198.51.100.1", port: 40_001 };
const STRANGER: Address = { hostname: "203.0.113.66", port: 666 };
const TURNS = 10;
const UTF8 = new TextEncoder();

/** A conversation of ten turns with a server that answers after a while. */
class Conversation {
  readonly simulation: Simulation;
  readonly dialer: Dialer;
  readonly asked: string[] = [];
  /** Datagrams that both ends sent. */
  sent = 0;
  /** How long each answer took beyond the server's own time, in ms. */
  readonly delays: number[] = [];
  #askedAt = 0;

  constructor(
    seed: number,
    kind: RoomKind,
    options: { loss: number; wait: number; bytes: number },
  ) {
    const { loss, wait, bytes } = options;
    this.simulation = new Simulation(seed, { ...PERFECT, loss, delay: 25 }, ROOMS[kind]);
    const { simulation } = this;
    simulation.addServer((event, listener) => {
      if (event.type !== "question") return;
      this.asked.push(event.text);
      simulation.at(simulation.now + wait, () => {
        if (event.session.turn !== "local") return;
        listener.answer(event.session, new Uint8Array(bytes).fill(0x61), simulation.now);
      });
    });
    this.dialer = simulation.addClient(CLIENT, (event, dialer) => {
      if (event.type === "answer") this.delays.push(simulation.now - this.#askedAt - wait);
      const isNext = event.type === "answer" ||
        (event.type === "connected" && this.asked.length === 0);
      if (!isNext || this.delays.length === TURNS) return;
      this.#askedAt = simulation.now;
      dialer.ask(UTF8.encode(`q${this.delays.length}`), simulation.now);
    });
    // The same client, behind the other port of its NAT.
    const nothing = { takeTransmits: () => [], takeEvents: () => [], handleTimeout: () => {} };
    const receive: Dialer["receive"] = (datagram, from, now) => {
      this.dialer.receive(datagram, from, now);
      simulation.settle(CLIENT);
    };
    const endpoint = { ...nothing, receive, nextTimeout: Infinity } as unknown as Dialer;
    simulation.add({ address: OTHER, endpoint, onEvent: () => {} });
  }

  /** Goes on until the last answer is there. */
  finish(): void {
    this.simulation.drive(() => this.delays.length === TURNS, 600_000);
    assertEquals(this.asked, Array.from({ length: TURNS }, (_, turn) => `q${turn}`));
  }
}

for (const kind of ROOM_KINDS) {
  for (const wait of [0, 2_000]) {
    for (const bytes of [1, 20_000]) {
      const name = `${kind} room, ${bytes} bytes after ${wait} ms`;
      const options = { loss: 0, wait, bytes };

      Deno.test(`${name}: a NAT that uses two ports costs no time, and three times the datagrams at most`, () => {
        const plain = new Conversation(1, kind, options);
        plain.simulation.onSend = (flight) => {
          plain.sent++;
          plain.simulation.carry(flight);
        };
        plain.finish();
        for (const isTwice of [false, true]) {
          const moving = new Conversation(1, kind, options);
          const { simulation } = moving;
          simulation.onSend = (flight) => {
            const isOther = moving.sent++ % 2 === 1 && flight.to === SERVER;
            if (isTwice || !isOther) simulation.carry(flight);
            if (flight.to === SERVER && (isTwice || isOther)) {
              simulation.carry({ ...flight, from: OTHER });
            }
          };
          moving.finish();
          assert(moving.sent <= 3 * plain.sent, `${moving.sent} datagrams, not ${plain.sent}`);
          assertEquals(moving.delays, plain.delays);
        }
      });

      Deno.test(`${name}: a datagram that a stranger copies, or an old port keeps, delays nothing for long`, () => {
        for (const from of [STRANGER, OTHER]) {
          const conversation = new Conversation(1, kind, options);
          const { simulation } = conversation;
          let sent = 0;
          simulation.onSend = (flight) => {
            if (flight.to === SERVER && ++sent % 7 === 0) {
              simulation.carry({ ...flight, from });
              simulation.at(simulation.now + 500, () => simulation.carry({ ...flight, from }));
            }
            simulation.carry(flight);
          };
          conversation.finish();
          assert(Math.max(...conversation.delays) < 1000, `${conversation.delays}`);
        }
      });
    }
  }

  // Each RESET was believed after four timeouts without a sign of life: where a third of the datagrams is
  // lost, that was every conversation.
  Deno.test(`${kind} room: RESETs of somebody who reads along do not make a client ask twice`, () => {
    forSeeds(cases(100), function flood(seed) {
      const loss = 0.1 * (seed % 4);
      const conversation = new Conversation(seed, kind, { loss, wait: 3_000, bytes: 1 });
      const { simulation, dialer } = conversation;
      let id: bigint | undefined;
      simulation.onSend = (flight) => {
        if (["message", "ack", "ping"].includes(packetType(flight.datagram)!)) {
          id = packetId(flight.datagram);
        }
        simulation.carry(flight);
      };
      const forge = () => {
        if (id !== undefined) dialer.receive(encode({ type: "reset", id }), SERVER, simulation.now);
        simulation.settle(CLIENT);
        if (conversation.delays.length < TURNS) simulation.at(simulation.now + 50, forge);
      };
      forge();
      conversation.finish();
    });
  });
}

Deno.test("a NAT that changes in the middle of an answer costs less than 2 s, mostly", () => {
  const delays: number[] = [];
  forSeeds(50, function rebind(seed) {
    const simulation = new Simulation(seed, { ...PERFECT, loss: 0.1, delay: 50, jitter: 10 });
    let startedAt = 0;
    let endedAt = 0;
    simulation.addServer((event, listener) => {
      if (event.type !== "question") return;
      startedAt = simulation.now;
      listener.answer(event.session, new Uint8Array(65_000).fill(0x61), simulation.now);
      const moveAt = simulation.now + 60 + simulation.random() * 300;
      simulation.at(moveAt, () => simulation.move(CLIENT, OTHER));
    });
    simulation.addClient(CLIENT, (event, dialer) => {
      if (event.type === "connected") dialer.ask(UTF8.encode("q"), simulation.now);
      if (event.type === "answer") endedAt = simulation.now;
    });
    simulation.drive(() => endedAt > 0, 400_000);
    delays.push(endedAt - startedAt);
  });
  delays.sort((a, b) => a - b);
  assert(delays[25]! < 2_000, `${delays[25]} ms`);
});
