import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encode } from "../transport/reliable/packet.ts";
import { encodeRecording } from "./recording.ts";
import { decodeLink, DEFAULT_SCENARIO, encodeLink, LinkError, type Scenario } from "./scenario.ts";

const FULL: Scenario = {
  exercise: "desorden",
  kinds: ["private", "plain"],
  script: "nadie",
  seed: 999_999_999,
  ...{ loss: 25, duplication: 29, reordering: 100, delay: 10_000, jitter: 3 },
  pace: 60_000,
  actions: [
    { at: 0, type: "ask", text: "¿Qué  es + & = # %?" },
    { at: 1, type: "lose", lane: 0, index: 2 },
    { at: 1, type: "duplicate", lane: 1, index: 12 },
    { at: 2, type: "delay", lane: 0, index: 3, by: 4_000 },
    { at: 3, type: "answer", text: "Sí" },
    { at: 4, type: "restart" },
  ],
  now: 600_000,
};

Deno.test("link: what was written is read, whatever was done", () => {
  const recording = encodeRecording([
    { at: 0, by: "client", datagram: encode({ type: "ping", id: 7n, number: 1 }), lost: true },
    { at: 1_004.4, by: "server", datagram: new Uint8Array(1_200), lost: false },
  ]);
  for (const scenario of [DEFAULT_SCENARIO, FULL, { ...DEFAULT_SCENARIO, recording }]) {
    assertEquals(decodeLink(encodeLink(scenario)), scenario);
  }
});

Deno.test("link: what it does not say is as usual", () => {
  assertEquals(decodeLink(""), DEFAULT_SCENARIO);
  assertEquals(decodeLink("semilla=8"), { ...DEFAULT_SCENARIO, seed: 8 });
});

for (
  const [link, complaint] of [
    ["semilla=-1", "«Semilla» debe ser un entero de 0 a 999999999, y no «-1»"],
    ["semila=8", "no se entiende «semila»"],
    ["semilla=1e3", "«1e3»"],
    ["instante=600001", "«Instante, ms» debe ser"],
    ["pausa=60001", "«Tardan en escribir, ms» debe ser"],
    ["perdida=101", "«Pérdida, %» debe ser"],
    ["retraso=10001", "«Retraso, ms» debe ser"],
    ["fluctuacion=", "«Fluctuación, ms» debe ser"],
    ["conversaciones=udp", "no hay dos conversaciones"],
    ["conversaciones=udp+tcp", "«tcp»"],
    ["guion=toString", "«toString»"],
    ["accion=5+robar+1+1", "«robar»"],
    ["accion=5+perder+3+1", "«Conversación» debe ser un entero de 1 a 2"],
    ["accion=5+perder+1+0", "«Datagrama» debe ser"],
    ["accion=5+retrasar+1+1", "«Retraso, ms» debe ser"],
    ["accion=9+reiniciar&accion=8+reiniciar", "no están en orden"],
    ["accion=1+reiniciar&".repeat(201), "más de 200 acciones"],
    // One letter over four is no base64: the page stayed blank.
    ["registro=0c10*A", "su registro no se entiende"],
  ] as const
) {
  Deno.test(`link: ${link.slice(0, 40)} is refused, with its reason`, () => {
    const { message } = assertThrows(() => decodeLink(link), LinkError);
    assertStringIncludes(message, complaint);
  });
}
