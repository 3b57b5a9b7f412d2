import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { seededRandom } from "../laboratory/random.ts";
import { connect, serve } from "../transport/mod.ts";
import { decodeText, encodeText } from "../transport/bytes.ts";
import { type Address, formatAddress } from "../transport/endpoint.ts";
import {
  BYE_REASONS,
  decode,
  decodeHello,
  decodeWelcome,
  encode,
  encodeHello,
  encodeWelcome,
  HEADER_BYTES,
  MAX_DATAGRAM_BYTES,
  MAX_SEGMENT_BYTES,
  nameLength,
  type Packet,
  type PacketFields,
  packetId,
  packetType,
  REFUSALS,
  SEAL_BYTES,
} from "../transport/reliable/packet.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";
import { PACKET_TYPES } from "./attack.ts";
import { isGranted } from "./machine.ts";
import { mutate, withId } from "./mutation.ts";
import { Relay } from "./relay.ts";
import { CODE, codeRoom } from "./rooms.ts";
import { SERVER, Simulation } from "./simulation.ts";
import {
  canDissect,
  type Captured,
  dissect,
  DISSECTOR,
  type Layers,
  packetList,
  pcapOf,
} from "./tshark.ts";

const SEEDS = 3;
const MUTANTS = 3_000;
const BAD = { loss: 0.2, duplication: 0.1, reordering: 0.1, delay: 20, jitter: 20 };
const CLIENT = { hostname: "198.51.100.7", port: 40_000 };
const MOVED = { hostname: "198.51.100.8", port: 50_000 };
const STRANGER = { hostname: "198.51.100.9", port: 40_000 };
const LATECOMER = { hostname: "198.51.100.10", port: 40_000 };
const LONG = "¿Cuánto cabe en un datagrama? ".repeat(120);
const ID = 0x0123_4567_89ab_cdefn;
const NOTICE = encodeText("Se contesta en orden");
const NOTHING = new Uint8Array(0);
const HANDSHAKE = new Set(["hello", "retry", "welcome", "refuse"]);
const SEALABLE = new Set([
  "message",
  "ack",
  "ping",
  "pong",
  "bye",
  "bye-ack",
  "notice",
  "notice-ack",
]);
// Wireshark's marks of a packet that a dissector called malformed, or failed at.
const FAILURES = ["_ws.malformed", "_ws.lua.error"];

const PRIVATE_ROOM = codeRoom();
const ANOTHER_ROOM = codeRoom("42-tigre-lunes");
const ROOMS: readonly Room[] = [OPEN_ROOM, PRIVATE_ROOM];

function test(name: string, fn: () => Promise<void>, { ignore = false } = {}): void {
  Deno.test({ name, ignore: !canDissect || ignore, fn });
}

test("the dissector names every field of every packet as it was sent", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const room of ROOMS) {
      const capture = record(seed, room);
      await check(capture, { passes: 2, hint: `Seed ${seed} of room ${ROOMS.indexOf(room)}` });
      const types = new Set(capture.map(({ datagram }) => packetType(datagram)));
      assertEquals(types, new Set(PACKET_TYPES), `Seed ${seed}`);
    }
  }
});

test("the dissector reads numbers of full width", async () => {
  const numbers = { attempt: 0xf1, echo: 0xf2, ackDelay: 0xf3, number: 0xf4f5_f6f7 };
  const segments = { segment: 0xf8, lastSegment: 0xf9, ahead: 0xfafb };
  const packet = { type: "ack", id: 0xe1e2_e3e4_e5e6_e7e8n, ...numbers, ...segments } as const;
  await check([captured(encode(packet))], { passes: 1, hint: "Full width" });
});

test("the dissector reads real conversations over a loopback that loses", async () => {
  for (const options of [{}, { code: CODE }]) {
    const capture: Captured[] = [];
    await using server = serve({ port: 0, ...options }, (question) => `re: ${question}`);
    const { port } = server.addr;
    await using relay = new Relay({
      port,
      conditions: { ...PERFECT, loss: 0.2 },
      seed: 1,
      // On ports of its own: the heuristic has to find it.
      onDatagram(datagram, to) {
        const [from, target] = to.port === port ? [CLIENT, MOVED] : [MOVED, CLIENT];
        capture.push({ at: performance.now(), datagram, from, to: target });
      },
    });
    const client = { port: relay.port, connectTimeout: 30_000, ...options };
    await using conversation = await connect(client);
    assertEquals(await conversation.ask("¿HTML?"), "re: ¿HTML?");
    assertEquals(await conversation.ask(LONG), `re: ${LONG}`);
    await conversation.bye();
    await check(capture, { passes: 1, hint: "Loopback" });
  }
}, { ignore: !isGranted("net") });

test("the dissector calls malformed what the decoder refuses, and nothing else", async () => {
  const fields = ["pyr.magic", "pyr.malformed", ...FAILURES];
  for (const room of ROOMS) {
    const capture = record(1, room);
    const [id] = sessionsOf(capture).keys();
    const random = seededRandom(1);
    const mutants = Array.from({ length: MUTANTS }, (_, i) => {
      const { datagram } = capture[i % capture.length]!;
      const splice = capture[Math.floor(random() * capture.length)]!.datagram;
      return withId(mutate(datagram, splice, random), id!);
    });
    const datagrams = [...mutants, ...edges(id!)];
    const seen = await dissect(pcapOf([...capture, ...datagrams.map(captured)]), fields);
    let malformed = 0;
    datagrams.forEach((datagram, i) => {
      const isSealed = room === PRIVATE_ROOM && isSealable(datagram);
      const isOurs = String.fromCharCode(...datagram.subarray(0, 3)) === "PyR" && datagram[3]! < 32;
      const isMalformed = isOurs && readWhole(datagram, isSealed) === undefined;
      if (isMalformed) malformed++;
      const expected = [
        ...isOurs ? ["pyr.magic"] : [],
        ...isMalformed ? ["pyr.malformed", "_ws.malformed"] : [],
      ];
      const hint = `Datagram ${i} of seed 1 in room ${ROOMS.indexOf(room)}: ${datagram.toHex()}`;
      assertEquals(Object.keys(seen[capture.length + i]!), expected, hint);
    });
    const part = malformed / datagrams.length;
    assert(part > 0.25 && part < 0.75, `${malformed} of ${datagrams.length} are malformed`);
  }
});

test("the dissector without the handshake says that a packet may be sealed", async () => {
  for (const room of ROOMS) {
    const capture = record(1, room).filter(({ datagram }) => packetType(datagram) !== "welcome");
    const seen = await dissect(pcapOf(capture), ["pyr.malformed", "pyr.maybe_sealed", ...FAILURES]);
    capture.forEach(({ datagram }, i) => {
      const isSealed = room === PRIVATE_ROOM && isSealable(datagram);
      assertEquals(Object.keys(seen[i]!), isSealed ? ["pyr.maybe_sealed"] : [], `Packet ${i + 1}`);
    });
  }
});

test("the dissector says so where a capture kept only the beginning of a datagram", async () => {
  for (const room of ROOMS) {
    const capture = record(1, room);
    for (const kept of [4, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1]) {
      const fields = ["pyr.malformed", "pyr.cut", ...FAILURES];
      const seen = await dissect(pcapOf(capture, kept), fields);
      capture.forEach(({ datagram }, i) => {
        const expected = datagram.length > kept ? ["pyr.cut"] : [];
        assertEquals(Object.keys(seen[i]!), expected, `Packet ${i + 1}, ${kept} bytes kept`);
      });
    }
  }
});

// Bytes of a message of one segment, and the text that is shown of it.
const TEXTS: readonly (readonly [message: Uint8Array, shown: string | undefined])[] = [
  [encodeText("¿HTML es un lenguaje?"), "¿HTML es un lenguaje?"],
  [
    encodeText("e\u0301 漢字 👩‍👩‍👧‍👦 \u0800\ud7ff\ue000\ufffd\u{10000}"),
    "e\u0301 漢字 👩‍👩‍👧‍👦 \u0800\ud7ff\ue000\ufffd\u{10000}",
  ],
  [encodeText("\x00a\x1b[31m\r\n\x7f\x9b"), "␀a␛[31m␍␊␡<U+009B>"],
  [encodeText("\u202e\u2066\u200f\u061c"), "<U+202E><U+2066><U+200F><U+061C>"],
  ...[
    ...[[0xff], [0x80], [0xc0, 0x80], [0xc2], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xef, 0xbf]],
    ...[[0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x61, 0xc2]],
  ].map((bytes) => [Uint8Array.from(bytes), undefined] as const),
];

test("the dissector shows a text if it is one, and makes it harmless", async () => {
  const capture = TEXTS.map(([payload]) => captured(encode({ type: "message", id: ID, payload })));
  const seen = await dissect(pcapOf(capture), ["pyr.text", "pyr.not_utf8"]);
  const expected = TEXTS.map(([message, shown]) => {
    assertEquals(decodeText(message) === undefined, shown === undefined);
    return shown === undefined ? { "pyr.not_utf8": ["1"] } : { "pyr.text": [shown] };
  });
  assertEquals(seen, expected);
});

const SEGMENT = new Uint8Array(MAX_SEGMENT_BYTES).fill(65);
const KEY_SHARE = new Uint8Array(32);
const CONFIRMED_SHARE = new Uint8Array(96);
const TOKEN = new Uint8Array(36);
const OPENING = { idleTimeout: 75_000, token: NOTHING, keyShare: NOTHING };
const WELCOME = { sessionId: ID, idleTimeout: 75_000, keyShare: NOTHING };

// A packet, and how the list of packets tells it to a beginner.
const LINES: readonly (readonly [packet: Omit<PacketFields, "id">, line: string])[] = [
  [{ type: "hello", attempt: 1, payload: encodeHello(OPENING) }, "HELLO, intento 1, sin ficha"],
  [
    { type: "hello", attempt: 2, payload: encodeHello({ ...OPENING, token: TOKEN }) },
    "HELLO, intento 2, con ficha",
  ],
  [
    {
      type: "hello",
      attempt: 2,
      payload: encodeHello({ ...OPENING, token: TOKEN, keyShare: KEY_SHARE }),
    },
    "HELLO, intento 2, con ficha y con clave",
  ],
  [
    { type: "retry", echo: 1, payload: TOKEN },
    "RETRY, responde al intento 1, ficha de 36 bytes",
  ],
  [
    {
      type: "welcome",
      attempt: 1,
      echo: 2,
      payload: encodeWelcome({ ...WELCOME, sessionId: ID + 1n }),
    },
    "WELCOME, intento 1, responde al intento 2, sala abierta",
  ],
  [
    { type: "refuse", echo: 2, payload: Uint8Array.of(REFUSALS.indexOf("crowded")) },
    "REFUSE, responde al intento 2: demasiados clientes en esa dirección",
  ],
  [
    { type: "refuse", echo: 2, payload: Uint8Array.of(REFUSALS.length) },
    "REFUSE, responde al intento 2: motivo desconocido",
  ],
  [
    { type: "message", number: 1, attempt: 1, payload: encodeText("¿Y?") },
    "MESSAGE 1 (pregunta), intento 1: «¿Y?»",
  ],
  [
    { type: "message", number: 2, attempt: 1, echo: 1, payload: encodeText("ñ".repeat(61)) },
    `MESSAGE 2 (respuesta), intento 1: «${"ñ".repeat(60)}…»`,
  ],
  [
    { type: "message", number: 3, lastSegment: 1, attempt: 2, echo: 1, payload: SEGMENT },
    "MESSAGE 3 (pregunta), segmento 1/2, intento 2",
  ],
  [
    { type: "message", number: 1, attempt: 1, ahead: 3, payload: encodeText("Ana¿Y?") },
    "MESSAGE 1 (pregunta), intento 1, de «Ana»: «¿Y?»",
  ],
  [
    { type: "message", number: 1, attempt: 1, ahead: 41, payload: SEGMENT },
    "MESSAGE MALFORMADO: el nombre pasa de 40 bytes",
  ],
  [
    { type: "message", number: 1, attempt: 1, ahead: 4, payload: encodeText("Ana") },
    "MESSAGE MALFORMADO: el nombre no cabe en el mensaje",
  ],
  [{ type: "message", number: 4, attempt: 1 }, "MESSAGE 4 (respuesta), intento 1: «»"],
  [
    { type: "message", number: 4, attempt: 1, payload: Uint8Array.of(0xff) },
    "MESSAGE 4 (respuesta), intento 1, no es UTF-8",
  ],
  [
    { type: "ack", number: 3, segment: 1, echo: 2, ahead: 4 },
    "ACK 3 (pregunta), segmento 2, responde al intento 2, 4 por delante",
  ],
  [{ type: "ack", echo: 1 }, "ACK 0 (del WELCOME), responde al intento 1"],
  [
    { type: "ack", echo: 1, ahead: 3, payload: encodeText("Ana") },
    "ACK 0 (del WELCOME), responde al intento 1, de «Ana»",
  ],
  [
    { type: "ping", number: 1, attempt: 1, ahead: 3, payload: encodeText("Ana") },
    "PING 1, intento 1, de «Ana»",
  ],
  [
    { type: "notice", number: 1, attempt: 1, payload: encodeText("Cerramos") },
    "NOTICE 1, intento 1: «Cerramos»",
  ],
  [{ type: "notice-ack", number: 1, echo: 1 }, "NOTICE-ACK 1, responde al intento 1"],
  [{ type: "ping", number: 7, attempt: 1 }, "PING 7, intento 1"],
  [{ type: "pong", number: 7, echo: 1 }, "PONG 7, responde al intento 1"],
  [
    { type: "ping", number: 8, attempt: 1, payload: new Uint8Array(8) },
    "PING 8, intento 1, con desafío",
  ],
  [
    { type: "bye", attempt: 1, payload: Uint8Array.of(BYE_REASONS.indexOf("closing")) },
    "BYE, intento 1: el servidor se cierra",
  ],
  [{ type: "bye-ack" }, "BYE-ACK"],
  [{ type: "reset" }, "RESET: el servidor no conoce esa sesión"],
  [
    { type: "ack", number: 2, payload: new Uint8Array(3) },
    "ACK MALFORMADO: el contenido mide 3 bytes, y solo el primero lleva un nombre",
  ],
  [
    { type: "ack", number: 2, payload: new Uint8Array(SEAL_BYTES) },
    "ACK 2 (respuesta), segmento 1, quizá sellado",
  ],
  [
    {
      type: "welcome",
      attempt: 1,
      payload: encodeWelcome({ ...WELCOME, keyShare: CONFIRMED_SHARE }),
    },
    "WELCOME, intento 1, sala privada",
  ],
  [
    { type: "ack", number: 2, payload: new Uint8Array(SEAL_BYTES) },
    "ACK 2 (respuesta), segmento 1, sellado",
  ],
  [
    { type: "ack", number: 2 },
    "ACK MALFORMADO: es demasiado corto para el sello de su sala privada",
  ],
];

test("the packet list of the dissector tells a beginner what each packet is", async () => {
  const capture = LINES.map(([packet]) => captured(encode({ id: ID, ...packet })));
  const list = await packetList(pcapOf(capture));
  assertEquals(list, LINES.map(([, line]) => `PyR ${line}`));
});

/**
 * A capture of everything that there is to see: texts short and long, a question that waits, silence,
 * a client that moves, one that is too many, a server that restarts, a message that is no text, and
 * clients with another code, or with none.
 */
function record(seed: number, room: Room): Captured[] {
  const simulation = new Simulation(seed, BAD);
  const capture: Captured[] = [];
  simulation.onSend = (flight) => {
    capture.push({ at: simulation.now, ...flight });
    simulation.carry(flight);
  };
  const startServer = () =>
    simulation.addServer((event, listener) => {
      if (event.type === "connected") listener.notify(event.session, NOTICE, simulation.now);
      if (event.type !== "question") return;
      const { session, text } = event;
      listener.setAhead(session, 3, simulation.now);
      simulation.at(simulation.now + 500, () => {
        if (session.turn === "local") listener.answer(session, encodeText(text), simulation.now);
      });
    }, { room, maxSessions: 1 });
  const visit = (address: Address, room: Room) => {
    simulation.addClient(address, ({ type }, dialer) => {
      if (type === "connected") later(1_000, () => dialer.bye("bye", simulation.now));
    }, { room });
  };
  const later = (delay: number, act: () => void) => simulation.at(simulation.now + delay, act);
  const steps: ((ask: (message: Uint8Array) => void) => void)[] = [
    (ask) => ask(encodeText("¿HTML es un lenguaje de programacion?")),
    (ask) => ask(encodeText(LONG)),
    (ask) => ask(NOTHING),
    (ask) => later(60_000, () => ask(encodeText("¿?"))),
    (ask) => {
      simulation.move(CLIENT, MOVED);
      ask(encodeText("¿Me oye aquí?"));
    },
    (ask) => {
      visit(STRANGER, room);
      later(30_000, () => ask(encodeText("¿Ya no está?")));
    },
    (ask) => {
      simulation.remove(SERVER);
      startServer();
      ask(encodeText("¿Sigue ahí?"));
    },
    (ask) => ask(Uint8Array.of(0xc3)),
  ];
  startServer();
  let connections = 0;
  simulation.addClient(CLIENT, ({ type }, dialer) => {
    if (type === "answer" || (type === "connected" && connections++ === 0)) {
      steps.shift()!((message) => dialer.ask(message, simulation.now));
    }
    if (type !== "ended") return;
    [...ROOMS, ANOTHER_ROOM].forEach((room, i) => {
      later(30_000 * (i + 1), () => visit({ ...LATECOMER, port: LATECOMER.port + i }, room));
    });
  }, { room, name: encodeText("Ana") });
  simulation.drive();
  assertEquals(steps.length, 0, `Seed ${seed}`);
  return capture;
}

/** Packets with payloads of all lengths around the bounds of each type, and segments around theirs. */
function edges(id: bigint): Uint8Array[] {
  const lengths = [0, 1, 2, 7, 8, 9, 11, 12, 13, 35, 36, 37, 71, 72, 73, 103, 104, 105];
  const ofTypes = PACKET_TYPES.flatMap((type) =>
    [...lengths, ...lengths.map((length) => length + SEAL_BYTES)].map((length) => ({
      type,
      length,
    }))
  );
  const ofNames = [0, 1, 8, 23, 24, 40, 41, 65].flatMap((length) =>
    [0, 8, 40, 41].flatMap((ahead) =>
      (["message", "ack", "ping"] as const).flatMap((type) => [
        { type, ahead, length },
        { type, ahead, length, number: 1 },
        { type, ahead, length: MAX_SEGMENT_BYTES, number: 1, lastSegment: 59 },
      ])
    )
  );
  const ofSegments = [0, 1, 58, 59, 60, 255].flatMap((segment) =>
    [0, 1, 58, 59, 60, 255].flatMap((lastSegment) =>
      [0, 1, 24, 25, 400, 401, 424, 425, 1103, 1104, 1105, 1127, 1128, 1129].map((length) => ({
        type: "message" as const,
        segment,
        lastSegment,
        length,
      }))
    )
  );
  return [...ofTypes, ...ofNames, ...ofSegments].map(({ length, ...packet }) =>
    encode({ ...packet, id, payload: new Uint8Array(length) })
  );
}

/** A datagram that is on its way now. */
function captured(datagram: Uint8Array): Captured {
  return { at: 0, datagram, from: CLIENT, to: SERVER };
}

interface CheckOptions {
  readonly passes: 1 | 2;
  /** Name of a failure. */
  readonly hint: string;
}

/** Compares all fields of all packets with what was sent. */
async function check(capture: readonly Captured[], { passes, hint }: CheckOptions): Promise<void> {
  const seen = await dissect(pcapOf(capture), [...await dissectorFields(), ...FAILURES], passes);
  assertEquals(seen.length, capture.length, hint);
  const sessions = sessionsOf(capture);
  const packets = capture.map(({ datagram }) => {
    const isSealed = sessions.get(packetId(datagram)) === true && isSealable(datagram);
    return { isSealed, packet: readWhole(datagram, isSealed)! };
  });
  const requests = packets.map(({ packet }, i) =>
    capture.slice(0, i).findLastIndex(({ from }, j) =>
      formatAddress(from) === formatAddress(capture[i]!.to) && isAnswer(packet, packets[j]!.packet)
    )
  );
  packets.forEach(({ packet, isSealed }, i) => {
    const [request, response] = [requests[i]!, requests.indexOf(i)];
    const { "pyr.response_time": time, ...layers } = seen[i]!;
    const expected = {
      ...headerOf(packet),
      ...isSealed ? sealOf(capture[i]!.datagram) : payloadOf(packet),
      ...request >= 0 && { "pyr.response_to": [`${request + 1}`] },
      ...response >= 0 && passes === 2 && { "pyr.response_in": [`${response + 1}`] },
    };
    assertEquals(layers, expected, `${hint}, packet ${i + 1}`);
    if (request < 0) return assertEquals(time, undefined);
    const error = Number(time![0]) * 1000 - (capture[i]!.at - capture[request]!.at);
    assert(Math.abs(error) < 0.002, `${hint}, packet ${i + 1}: ${time} s`);
  });
}

/** Every field that the dissector has. */
async function dissectorFields(): Promise<string[]> {
  const source = await Deno.readTextFile(DISSECTOR);
  return [...source.matchAll(/"(pyr\.[a-z0-9_.]+)"/g)].map(([, name]) => name!);
}

/** The sessions that were granted, and whether each is sealed. */
function sessionsOf(capture: readonly Captured[]): Map<bigint, boolean> {
  const sessions = new Map<bigint, boolean>();
  for (const { datagram } of capture) {
    if (packetType(datagram) !== "welcome") continue;
    const { sessionId, keyShare } = decodeWelcome(decode(datagram)!.payload);
    sessions.set(sessionId, keyShare.length > 0);
  }
  return sessions;
}

function isSealable(datagram: Uint8Array): boolean {
  return SEALABLE.has(packetType(datagram)!);
}

/** The packet of a datagram; of a sealed one, with zeros in place of the ciphertext. */
function readWhole(datagram: Uint8Array, isSealed: boolean): Packet | undefined {
  if (isSealed && datagram.length < HEADER_BYTES + SEAL_BYTES) return undefined;
  const opened = isSealed ? datagram.slice(0, datagram.length - SEAL_BYTES) : datagram;
  if (isSealed) opened.fill(0, HEADER_BYTES);
  const packet = datagram.length > MAX_DATAGRAM_BYTES ? undefined : decode(opened);
  if (packet?.type === "hello" && decodeHello(packet.payload) === undefined) return undefined;
  return packet;
}

function isAnswer(packet: Packet, request: Packet): boolean {
  switch (packet.type) {
    case "retry":
    case "welcome":
    case "refuse":
      return request.type === "hello" && request.id === packet.id &&
        request.attempt === packet.echo;
    case "ack":
      return isMessage(request, packet, packet.number) &&
        (request.type === "welcome" || request.segment === packet.segment);
    case "message":
      return isMessage(request, packet, packet.number - 1);
    case "pong":
      return request.type === "ping" && request.id === packet.id &&
        request.number === packet.number && request.attempt === packet.echo;
    case "notice-ack":
      return request.type === "notice" && request.id === packet.id &&
        request.number === packet.number && request.attempt === packet.echo;
    case "bye-ack":
      return request.type === "bye" && request.id === packet.id;
    case "reset":
      return request.id === packet.id;
    default:
      return false;
  }
}

/** Whether the request is the attempt of that message which a packet echoes. */
function isMessage(request: Packet, { id, echo }: Packet, number: number): boolean {
  if (echo === 0 || request.attempt !== echo) return false;
  if (request.type !== "welcome") {
    return request.type === "message" && request.id === id && request.number === number;
  }
  return number === 0 && decodeWelcome(request.payload).sessionId === id;
}

function headerOf(packet: Packet): Layers {
  const { type, id, number } = packet;
  const isTurn = type === "message" || (type === "ack" && number > 0);
  return {
    "pyr.magic": ["PyR"],
    "pyr.version": ["2"],
    "pyr.type": [`${PACKET_TYPES.indexOf(type) + 1}`],
    "pyr.attempt": [`${packet.attempt}`],
    "pyr.echo": [`${packet.echo}`],
    "pyr.ack_delay": [`${packet.ackDelay}`],
    [HANDSHAKE.has(type) ? "pyr.nonce" : "pyr.session"]: [hex(id)],
    "pyr.number": [`${number}`],
    "pyr.segment": [`${packet.segment}`],
    "pyr.last_segment": [`${packet.lastSegment}`],
    "pyr.ahead": [`${packet.ahead}`],
    ...isTurn && { "pyr.turn": [number % 2 === 1 ? "pregunta" : "respuesta"] },
    ...packet.attempt > 1 && type !== "hello" && { "pyr.retransmission": ["1"] },
  };
}

function payloadOf(packet: Packet): Layers {
  const { type, payload, lastSegment, segment, ahead } = packet;
  const nameEnd = segment === 0 ? nameLength(packet) : 0;
  switch (type) {
    case "hello": {
      const { idleTimeout, token, keyShare } = decodeHello(payload)!;
      return {
        "pyr.idle_timeout": [`${idleTimeout}`],
        "pyr.token_length": [`${token.length}`],
        "pyr.key_share_length": [`${keyShare.length}`],
        ...bytes("pyr.token", token),
        ...keyShareOf(keyShare),
        ...bytes("pyr.padding", payload.subarray(6 + token.length + keyShare.length)),
      };
    }
    case "retry":
      return bytes("pyr.token", payload);
    case "welcome": {
      const { sessionId, idleTimeout, keyShare } = decodeWelcome(payload);
      return {
        "pyr.session": [hex(sessionId)],
        "pyr.idle_timeout": [`${idleTimeout}`],
        ...keyShareOf(keyShare),
      };
    }
    case "refuse":
      return { "pyr.refusal": [`${payload[0]}`] };
    case "message": {
      const text = decodeText(payload.subarray(nameEnd));
      return {
        ...bytes("pyr.payload", payload),
        ...nameOf(payload.subarray(0, nameEnd)),
        ...lastSegment === 0 && text === undefined && { "pyr.not_utf8": ["1"] },
        ...lastSegment === 0 && text && { "pyr.text": [text] },
      };
    }
    case "notice":
      return { "pyr.text": [decodeText(payload)!] };
    case "ack":
      return nameOf(payload);
    case "ping":
      return ahead === payload.length ? nameOf(payload) : bytes("pyr.challenge", payload);
    case "pong":
      return bytes("pyr.challenge", payload);
    case "bye":
      return { "pyr.bye_reason": [`${payload[0]}`] };
    default:
      return {};
  }
}

function nameOf(name: Uint8Array): Layers {
  return name.length === 0 ? {} : { "pyr.name": [decodeText(name)!] };
}

/** A share of CPace, and behind the server's its confirmation. */
function keyShareOf(keyShare: Uint8Array): Layers {
  return {
    ...bytes("pyr.key_share", keyShare),
    ...keyShare.length === 96
      ? {
        ...bytes("pyr.key_share.point", keyShare.subarray(0, 32)),
        ...bytes("pyr.key_share.confirmation", keyShare.subarray(32)),
      }
      : {},
  };
}

function sealOf(datagram: Uint8Array): Layers {
  const sealed = datagram.subarray(HEADER_BYTES);
  return {
    "pyr.seal.counter": [`${new DataView(sealed.slice().buffer).getBigUint64(0)}`],
    ...bytes("pyr.seal.ciphertext", sealed.subarray(8, -16)),
    ...bytes("pyr.seal.tag", sealed.subarray(-16)),
  };
}

function bytes(name: string, value: Uint8Array): Layers {
  return value.length === 0 ? {} : { [name]: [value.toHex()] };
}

function hex(id: bigint): string {
  return `0x${id.toString(16).padStart(16, "0")}`;
}
