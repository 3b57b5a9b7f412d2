import { assert, assertEquals } from "@std/assert";
import { heapInUse } from "./memory.ts";
import { Simulation } from "./simulation.ts";
import { testAtLength } from "./whole.ts";

const CLIENTS = 10_000;
const DAY_MS = 24 * 3600 * 1000;
const TURNS = 3;
const MESSAGE = new TextEncoder().encode("¿?");

// The server keeps nothing of those who have gone: what it holds depends on who is there, and the
// heap is at the end of the day what it was when the day was young.
testAtLength(`a day of ${CLIENTS} clients that come and go leaves nothing behind`, () => {
  const conditions = { loss: 0.05, duplication: 0.05, reordering: 0.05, delay: 20, jitter: 10 };
  const simulation = new Simulation(1, conditions);
  const listener = simulation.addServer((event) => {
    if (event.type !== "question") return;
    simulation.at(simulation.now + 30_000 * simulation.random(), () => {
      if (event.session.turn === "local") listener.answer(event.session, MESSAGE, simulation.now);
    });
  });
  let present = 0;
  let answered = 0;
  let vanished = 0;
  const sizes: number[] = [];
  const heaps: number[] = [];

  function arrive(index: number): void {
    if (index % (CLIENTS / 20) === 0) {
      sizes.push(listener.size);
      heaps.push(heapInUse());
    }
    if (index === CLIENTS) return;
    simulation.at((index + 1) * DAY_MS / CLIENTS, () => arrive(index + 1));
    visit(index);
  }

  function visit(index: number): void {
    const address = { hostname: "198.51.100.1", port: 1024 + index };
    let turns = 0;
    const leave = () => {
      present--;
      simulation.remove(address);
    };
    present++;
    simulation.addClient(address, (event, dialer) => {
      if (event.type === "ended") return leave();
      if (event.type === "answer") answered++;
      else if (event.type !== "connected") return;
      // One in ten goes without a word.
      if (turns === 1 && index % 10 === 0) {
        vanished++;
        return leave();
      }
      simulation.at(simulation.now + 60_000 * simulation.random(), () => {
        if (dialer.turn !== "local") return;
        if (turns++ < TURNS) dialer.ask(MESSAGE, simulation.now);
        else dialer.bye("bye", simulation.now);
      });
    });
  }

  simulation.at(0, () => arrive(0));
  simulation.drive();
  assertEquals([present, listener.size], [0, 0]);
  assertEquals([answered, vanished], [TURNS * CLIENTS - (TURNS - 1) * vanished, CLIENTS / 10]);
  assert(Math.max(...sizes) < 100, `Sessions through the day: ${sizes}`);
  const [morning, evening] = [heaps[1]!, heaps.at(-1)!];
  assert(evening < morning + 2 ** 20, `Heap through the day: ${heaps}`);
});
