import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../network.ts";
import { loadSodium } from "../../transport/private/code_room.ts";
import {
  type Action,
  type Crossing,
  DUPLICATE_MS,
  ORIGINAL,
  Play,
  type PlayKind,
  type PlayOptions,
} from "./play.ts";

const KINDS: readonly PlayKind[] = ["protected", "plain", "private"];
const SEEDS = 20;
const SODIUM = await loadSodium();
const BAD = { loss: 0.2, duplication: 0.2, reordering: 0.2, delay: 100, jitter: 80 };

function play(kind: PlayKind, options: Partial<PlayOptions> = {}): Play {
  const usual = { seed: 1, conditions: { ...PERFECT, delay: 100 }, pace: 500 };
  return new Play({ kind, ...usual, script: ORIGINAL, sodium: SODIUM, ...options });
}

/** The datagrams and the lines of a lane, as they can be compared. */
function seen({ crossings, told }: Play) {
  return {
    told,
    crossings: crossings.map(({ at, by, datagram, arrivals, cause }) => ({
      ...{ at, by, cause, arrivals, bytes: datagram.toString() },
    })),
  };
}

/** The first packet of that type and number, where nothing is disturbed; with UDP alone, the first datagram. */
function sentBy(kind: PlayKind, type: string, number: number): Crossing {
  const it = play(kind);
  it.advance(60_000);
  return it.crossings.find(({ header }) =>
    header === undefined || header.type === type && header.number === number
  )!;
}

/** The lines of the transcript, of both ends. */
function transcript({ told }: Play): string[] {
  return told.filter(({ type }) => type === "line").map(({ text }) => text);
}

Deno.test("play: the original conversation, to the letter, however it is carried", () => {
  for (const kind of KINDS) {
    const it = play(kind);
    it.advance(60_000);
    assertEquals(transcript(it), [
      "El servidor UDP listo para recibir preguntas del cliente",
      "Ingrese una pregunta: ¿HTML es un lenguaje de programacion?",
      "Pregunta: ¿HTML es un lenguaje de programacion?",
      "Cliente: 127.0.0.1",
      "Ingrese una respuesta: NOOOOO",
      "Respuesta: NOOOOO",
      "Ingrese una pregunta: bye",
    ]);
    assertEquals([it.nextTime, it.turn("client")], [Infinity, "closed"]);
  }
});

Deno.test("play: the same options hold the same conversation, in one go or ms by ms", () => {
  for (const kind of KINDS) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const actions: Action[] = [{ at: 150, type: "duplicate", lane: 0, index: 1 }, {
        at: 700,
        type: "restart",
      }];
      const [whole, steps] = [1, 2].map(() => play(kind, { seed, conditions: BAD, actions }));
      whole!.advance(8_000);
      for (let at = 0; at <= 8_000; at += 7) steps!.advance(at);
      steps!.advance(8_000);
      assertEquals(seen(steps!), seen(whole!), `${kind}, seed ${seed}`);
    }
  }
});

Deno.test("play: a question that is lost by hand is sent again, and says why; with UDP it stays lost", () => {
  const lossOf = (kind: PlayKind) => {
    const { index, at } = sentBy(kind, "message", 1);
    const it = play(kind, { actions: [{ at: at + 50, type: "lose", lane: 0, index }] });
    it.advance(20_000);
    assert(it.crossings[index - 1]!.isLostByHand);
    assertEquals(it.crossings[index - 1]!.arrivals, []);
    return it;
  };
  const safe = lossOf("protected");
  const again = safe.crossings.find(({ repeats }) => repeats === 1)!;
  assertEquals([again.header!.type, again.header!.number], ["message", 1]);
  assertEquals(
    again.cause,
    `venció el plazo de ${
      (again.at - sentBy("protected", "message", 1).at).toFixed(0)
    } ms sin acuse`,
  );
  assert(transcript(safe).includes("Respuesta: NOOOOO"));
  const plain = lossOf("plain");
  assert(!transcript(plain).includes("Respuesta: NOOOOO"));
  assert(plain.told.some(({ text }) => text.startsWith("Sin respuesta en 3 s")));
});

Deno.test("play: a duplicate arrives later, and is refused with its reason", () => {
  const { index, at } = sentBy("protected", "message", 2);
  const it = play("protected", { actions: [{ at: at + 50, type: "duplicate", lane: 0, index }] });
  it.advance(at + 100 + DUPLICATE_MS);
  assertEquals(it.crossings[index - 1]!.arrivals, [at + 100, at + 100 + DUPLICATE_MS]);
  assertEquals(transcript(it).filter((text) => text === "Respuesta: NOOOOO").length, 1);
  assertEquals(it.told.filter(({ type }) => type === "refusal").map(({ text }) => text), [
    "ya tenía el mensaje 2: no lo muestra otra vez",
  ]);
});

Deno.test("play: what has arrived, is lost or is not sent yet cannot be disturbed", () => {
  const usual = play("protected");
  usual.advance(9_000);
  for (const [at, index] of [[101, 1], [50, 9], [50, 99]] as const) {
    for (const type of ["lose", "duplicate"] as const) {
      const it = play("protected", { actions: [{ at, type, lane: 0, index }] });
      it.advance(9_000);
      assertEquals(seen(it), seen(usual));
    }
  }
});

// The play stayed at its port: its server proved an address that the program had left.
Deno.test("play: a client that hears nothing goes on from another port, and says so", () => {
  const it = play("protected", { isDropped: (order) => order >= 5 && order < 18 });
  it.advance(60_000);
  assert(it.told.some(({ text }) => text.startsWith("Sigue desde otro puerto")));
  const answers = it.crossings.filter(({ by }) => by === "server");
  assert(new Set(answers.map(({ peer }) => peer.port)).size > 1);
  assert(transcript(it).includes("Respuesta: NOOOOO"));
});

Deno.test("play: people who are not scripted speak when somebody types, in their turn only", () => {
  const actions: Action[] = [
    { at: 10, type: "ask", text: "¿antes de tiempo?" },
    { at: 900, type: "ask", text: "¿Uno?" },
    { at: 901, type: "ask", text: "¿Dos?" },
    { at: 1_500, type: "answer", text: "Sí" },
    { at: 1_501, type: "answer", text: "No" },
    { at: 2_000, type: "ask", text: "bye" },
  ];
  const it = play("protected", { script: undefined, actions });
  it.advance(9_000);
  assertEquals(transcript(it).slice(1), [
    "Ingrese una pregunta: ¿Uno?",
    "Pregunta: ¿Uno?",
    "Cliente: 127.0.0.1",
    "Ingrese una respuesta: Sí",
    "Respuesta: Sí",
    "Ingrese una pregunta: bye",
  ]);
});

Deno.test("play: both ends tell their turn, their timer and the acknowledgement that is due", () => {
  const it = play("protected");
  const { at } = sentBy("protected", "message", 1);
  it.advance(at + 110);
  const [client, server] = [it.inspect("client")!, it.inspect("server")!];
  assertEquals([it.turn("client"), it.turn("server")], ["remote", "local"]);
  assertEquals(client.turnRow, ["local", "send", "remote"]);
  assertEquals(server.turnRow, ["remote", "receive", "local"]);
  assertEquals(client.timer!.deadline, at + client.timer!.wait);
  assertEquals(server.acknowledgementAt, at + 125);
});
