import { assertEquals } from "@std/assert";
import { encode, type PacketFields } from "../transport/reliable/packet.ts";
import { readHeader } from "../transport/mod.ts";
import type { Passage } from "./passage.ts";
import { Summary } from "./summary.ts";

type Line = Omit<PacketFields, "id"> & Partial<Passage>;

function summaryOf(...lines: Line[]): Summary {
  const summary = new Summary();
  lines.forEach(({ direction = "sent", fate = "whole", at = 0, ...fields }, index) => {
    const datagram = encode({ ...fields, id: 7n });
    const header = readHeader(datagram);
    const peer = { hostname: "192.0.2.1", port: 12_000 };
    const rest = { order: index + 1, peer, delay: 0, isHeldBack: false };
    summary.add({ direction, fate, at, datagram, header, ...rest });
  });
  return summary;
}

function question(number: number, more: Partial<Line> = {}): Line {
  return { type: "message", number, attempt: 1, ...more };
}

function answer(number: number, more: Partial<Line> = {}): Line {
  return { type: "message", number, attempt: 1, echo: 1, direction: "received", ...more };
}

/** The last line: what would have been lost. */
function sentence(isServer: boolean, ...lines: Line[]): string | undefined {
  return summaryOf(...lines).lines({ isServer }).at(-1);
}

Deno.test("summary: a conversation that lost something, line by line", () => {
  const summary = summaryOf(
    question(1, { fate: "lost", at: 0 }),
    question(1, { attempt: 2, fate: "doubled", at: 10 }),
    answer(2, { echo: 2, fate: "lost", at: 11 }),
    answer(2, { echo: 2, attempt: 2, fate: "doubled", at: 12.2 }),
    answer(2, { echo: 2, attempt: 2, fate: "copy", at: 12.3 }),
    question(3, { at: 20 }),
    answer(4, { at: 20.64 }),
    { type: "ack", number: 4, echo: 1 },
  );
  assertEquals(summary.hadLosses, true);
  assertEquals(summary.lines({ isServer: false }), [
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
    "Sin reenvíos, 1 de sus 2 preguntas se habría quedado sin respuesta",
  ]);
});

Deno.test("summary: nothing happened", () => {
  const summary = summaryOf();
  assertEquals(summary.hadLosses, false);
  assertEquals(summary.lines({ isServer: false }).slice(-2), [
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

Deno.test("summary: the sentence that matters, in every number", () => {
  const good = (number: number) => [question(number), answer(number + 1)];
  const bad = (number: number) => [question(number), answer(number + 1, { attempt: 2 })];
  assertEquals(
    sentence(false, ...bad(1), ...bad(3), ...good(5)),
    "Sin reenvíos, 2 de sus 3 preguntas se habrían quedado sin respuesta",
  );
  assertEquals(
    sentence(false, ...good(1), ...good(3)),
    "Sin reenvíos, ninguna de sus 2 preguntas se habría quedado sin respuesta",
  );
  assertEquals(
    sentence(true, ...bad(1), ...good(3)),
    "Sin reenvíos, 1 de las 2 preguntas se habría quedado sin respuesta",
  );
  assertEquals(
    sentence(false, ...bad(1)),
    "Sin reenvíos, su única pregunta se habría quedado sin respuesta",
  );
  assertEquals(
    sentence(true, ...good(1)),
    "Sin reenvíos, la única pregunta también habría tenido respuesta",
  );
});

// Where the server was lost before it answered, the client was told that its question "would have had an
// answer, too".
Deno.test("summary: a question that got no answer at all is not one of them", () => {
  for (const fate of ["whole", "lost"] as const) {
    assertEquals(sentence(false, question(1, { fate })), "  ida y vuelta           sin medir");
    assertEquals(
      sentence(false, question(1), answer(2), question(3, { fate })),
      "Sin reenvíos, su única pregunta respondida también habría tenido respuesta",
    );
    assertEquals(
      sentence(true, question(1), answer(2), question(3), answer(4), question(5, { fate })),
      "Sin reenvíos, ninguna de las 2 preguntas respondidas se habría quedado sin respuesta",
    );
  }
});

Deno.test("summary: the HELLO that brings the token back is not one that was sent again", () => {
  const hello = (attempt: number, token: number): Line => {
    const payload = new Uint8Array(104);
    payload[4] = token;
    return { type: "hello", attempt, payload };
  };
  assertEquals(summaryOf(hello(1, 0), hello(2, 36)).hadLosses, false);
  assertEquals(summaryOf(hello(1, 0), hello(2, 36), hello(3, 36)).hadLosses, true);
});
