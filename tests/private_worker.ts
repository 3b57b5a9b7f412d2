/**
 * One conversation of a private room, for a place without permissions, such as a browser. It posts the
 * answer, and whether a worker here may do anything else.
 *
 * @module
 */
import { PERFECT } from "../laboratory/network.ts";
import { codeRoom } from "./rooms.ts";
import { Simulation } from "./simulation.ts";

const simulation = new Simulation(1, { ...PERFECT, loss: 0.2 }, codeRoom());
simulation.addServer((event, listener) => {
  if (event.type !== "question") return;
  listener.answer(event.session, new TextEncoder().encode(`re: ${event.text}`), simulation.now);
});
let answer = "";
simulation.addClient({ hostname: "198.51.100.7", port: 40_000 }, (event, dialer) => {
  if (event.type === "connected") dialer.ask(new TextEncoder().encode("¿HTML?"), simulation.now);
  if (event.type !== "answer") return;
  answer = event.text;
  dialer.bye("bye", simulation.now);
});
simulation.drive();
const names = ["net", "read", "run", "env", "sys", "write", "ffi"] as const;
const states = names.map((name) => Deno.permissions.querySync({ name }).state);
(self as unknown as Worker).postMessage({ answer, granted: states.includes("granted") });
