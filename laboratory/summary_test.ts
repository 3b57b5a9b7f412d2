import { assertEquals } from "@std/assert";
import { encode, type PacketFields } from "../transport/reliable/packet.ts";
import type { Counters } from "../transport/mod.ts";
import { type Observation, Observer } from "./observation.ts";
import { Summary } from "./summary.ts";

type Line = Omit<PacketFields, "id"> & { readonly id?: bigint } & Partial<Observation>;

function summaryOf(...lines: Line[]): Summary {
  const summary = new Summary();
  const observer = new Observer();
  lines.forEach(({ direction = "sent", fate = "whole", at = 0, id = 7n, ...fields }, index) => {
    const datagram = encode({ ...fields, id });
    const peer = { hostname: "192.0.2.1", port: 12_000 };
    const arrived = { arrivals: [at], isHeldBack: false };
    const entry = { order: index + 1, at, datagram, peer, fate: arrived };
    summary.add({ ...observer.observe(direction, entry), fate });
  });
  return summary;
}

function question(number: number, more: Partial<Line> = {}): Line {
  return { type: "message", number, attempt: 1, ...more };
}

function answer(number: number, more: Partial<Line> = {}): Line {
  return { type: "message", number, attempt: 1, echo: 1, direction: "received", ...more };
}

Deno.test("summary: a conversation that lost something, line by line", () => {
  const summary = summaryOf(
    question(1, { fate: "lost", at: 0 }),
    question(1, { attempt: 2, fate: "duplicated", at: 10 }),
    answer(2, { echo: 2, fate: "lost", at: 11 }),
    answer(2, { echo: 2, attempt: 2, fate: "duplicated", at: 12.2 }),
    answer(2, { echo: 2, attempt: 2, fate: "copy", at: 12.3 }),
    question(3, { at: 20 }),
    answer(4, { at: 20.64 }),
    { type: "ack", number: 4, echo: 1 },
  );
  assertEquals(summary.hadLosses, true);
  assertEquals(summary.lines(), [
    "Lo que hizo la red con los datagramas:",
    "  enviados               4",
    "  de ellos, reenvíos     1",
    "  perdidos al salir      1",
    "  duplicados al salir    1",
    "  recibidos              3",
    "  perdidos al llegar     1",
    "  duplicados al llegar   1",
    "  repetidos, rechazados  1",
    "  ida y vuelta           0,6 ms la menor, 2,2 ms la mediana, 2,2 ms la mayor",
    "Hubo que reenviar 1 de las 2 preguntas o su respuesta",
  ]);
});

Deno.test("summary: nothing happened", () => {
  const summary = summaryOf();
  assertEquals(summary.hadLosses, false);
  assertEquals(summary.lines().slice(-2), [
    "  repetidos, rechazados  0",
    "  ida y vuelta           sin medir",
  ]);
});

for (
  const { title, lines } of [
    { title: "a datagram lost on the way out", lines: [question(1, { fate: "lost" })] },
    { title: "a datagram lost on the way in", lines: [answer(2, { fate: "lost" })] },
    { title: "something sent again here", lines: [question(1), question(1, { attempt: 2 })] },
    { title: "something sent again there", lines: [answer(2, { attempt: 2 })] },
    { title: "something that came twice", lines: [answer(2), answer(2)] },
  ]
) {
  Deno.test(`summary: it is worth telling: ${title}`, () => {
    assertEquals(summaryOf(...lines).hadLosses, true);
  });
}

Deno.test("summary: what went well is told only to who asks", () => {
  assertEquals(summaryOf(question(1), answer(2), question(3), answer(4)).hadLosses, false);
});

for (
  const { lines, sentence } of [
    { lines: [], sentence: "  ida y vuelta           sin medir" },
    {
      lines: [question(1), answer(2), question(3)],
      sentence: "No hizo falta reenviar ninguna pregunta ni respuesta",
    },
    {
      lines: [question(1, { fate: "lost" }), question(1, { attempt: 2 })],
      sentence: "Hubo que reenviar la pregunta o su respuesta",
    },
    {
      lines: [question(1), answer(2, { attempt: 2, fate: "lost" }), answer(2, { attempt: 3 })],
      sentence: "Hubo que reenviar la pregunta o su respuesta",
    },
    {
      lines: [question(1, { attempt: 2 }), answer(2, { attempt: 2 }), question(3), answer(4)],
      sentence: "Hubo que reenviar 1 de las 2 preguntas o su respuesta",
    },
    {
      lines: [question(1), question(3, { attempt: 2 }), question(5), answer(6, { attempt: 4 })],
      sentence: "Hubo que reenviar 2 de las 3 preguntas o sus respuestas",
    },
    {
      lines: [question(1), question(3), answer(4), answer(2, { attempt: 2 })],
      sentence: "Hubo que reenviar 1 de las 2 preguntas o su respuesta",
    },
  ]
) {
  Deno.test(`summary: ${sentence}, of ${lines.length} datagrams`, () => {
    assertEquals(summaryOf(...lines).lines().at(-1), sentence);
    const elsewhere = lines.map((line) => ({ ...line, direction: "received" as const }));
    assertEquals(summaryOf(...elsewhere).lines().at(-1), sentence, "at the other end");
  });
}

Deno.test("summary: the questions of several sessions are told apart", () => {
  const both = [question(1), question(1, { id: 8n }), question(1, { id: 8n, attempt: 2 })];
  assertEquals(
    summaryOf(...both).lines().at(-1),
    "Hubo que reenviar 1 de las 2 preguntas o su respuesta",
  );
});

Deno.test("summary: what the end itself discarded has a row if there is any", () => {
  const row = (discarded: Partial<Counters>) =>
    summaryOf().lines(discarded).find((it) => it.includes("desc"));
  const none = { malformed: 0, unopened: 0, unknown: 0, duplicates: 7, outOfTurn: 0, ignored: 0 };
  assertEquals(row({}), undefined);
  assertEquals(row(none), undefined);
  assertEquals(
    row({ ...none, malformed: 3, outOfTurn: 1 }),
    "  descartados            3 de formato inválido, 1 fuera de turno",
  );
});

Deno.test("summary: the HELLO that brings the token back is not one that was sent again", () => {
  const hello = (attempt: number, token: number): Line => {
    const payload = new Uint8Array(104);
    payload[4] = token;
    return { type: "hello", attempt, payload };
  };
  assertEquals(summaryOf(hello(1, 0), hello(2, 36)).hadLosses, false);
  const again = summaryOf(hello(1, 0), hello(2, 36), hello(3, 36));
  assertEquals(again.hadLosses, true);
  assertEquals(again.lines().at(-1), "Al conectar, 1 reenvío");
  assertEquals(
    summaryOf(hello(1, 0), hello(2, 0), hello(3, 0), hello(4, 36), question(1)).lines().at(-1),
    "No hizo falta reenviar ninguna pregunta ni respuesta; al conectar, 2 reenvíos",
  );
});
