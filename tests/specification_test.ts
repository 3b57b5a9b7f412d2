import { assert, assertEquals } from "@std/assert";
import { decodeText, encodeText } from "../transport/bytes.ts";
import * as limits from "../transport/limits.ts";
import * as plainAsker from "../transport/plain/plain_asker.ts";
import {
  confirmation,
  generator,
  hmac,
  lvCat,
  multiply,
  sessionKey,
} from "../transport/private/cpace.ts";
import { privateRoom } from "../transport/private/private_room.ts";
import * as dialer from "../transport/reliable/dialer.ts";
import * as listener from "../transport/reliable/listener.ts";
import * as packets from "../transport/reliable/packet.ts";
import {
  BYE_REASONS,
  decode,
  decodeHello,
  decodeWelcome,
  encode,
  encodeHello,
  encodeWelcome,
  handshakeFields,
  REFUSALS,
} from "../transport/reliable/packet.ts";
import { longestPause, Retransmission } from "../transport/reliable/retransmission.ts";
import * as rtt from "../transport/reliable/rtt.ts";
import * as session from "../transport/reliable/session.ts";
import * as congestion from "../transport/reliable/window.ts";
import * as protocol from "../protocol.ts";
import { type TurnEvent, TURNS, type TurnState } from "../protocol.ts";
import { isGranted } from "./machine.ts";
import {
  CLIENT_STATES,
  clientTable,
  type ReplyTable,
  SERVER_STATES,
  serverTable,
} from "./reply_tables.ts";
import { CODE, SODIUM } from "./rooms.ts";
import { canDissect, type Captured, DISSECTOR, pcapOf } from "./tshark.ts";

const PAGE = new URL("../docs/protocolo.md", import.meta.url);
const CLIENT = { hostname: "192.0.2.7", port: 40_000 };
const SERVER = { hostname: "192.0.2.1", port: 12_000 };
const LEVELS = 5;
const CONSTANTS: Readonly<Record<string, unknown>> = {
  ...protocol,
  ...limits,
  ...plainAsker,
  ...dialer,
  ...listener,
  ...packets,
  ...rtt,
  ...session,
  ...congestion,
};

const canRead = isGranted("read");
const page = canRead ? await Deno.readTextFile(PAGE) : "";

/** A packet of the page: its bytes, and what stands beside them. */
interface Example extends Captured {
  readonly notes: readonly Note[];
}

interface Note {
  readonly text: string;
  readonly bytes: Uint8Array;
}

Deno.test({
  name: "specification: every packet of the page is one, and there is one of every type",
  ignore: !canRead,
  fn() {
    const types = new Set<string>();
    for (const { datagram, from } of readExamples()) {
      const packet = decode(openOf(datagram, from.port === SERVER.port));
      if (packet === undefined) throw new Error(`No packet: ${toHex(datagram)}`);
      types.add(packet.type);
      if (isSealed(datagram)) continue;
      assertEquals(toHex(encode(packet)), toHex(datagram));
      const { payload } = packet;
      if (packet.type === "hello") {
        assertEquals(toHex(encodeHello(decodeHello(payload)!)), toHex(payload));
      } else if (packet.type === "welcome") {
        assertEquals(toHex(encodeWelcome(decodeWelcome(payload))), toHex(payload));
      }
    }
    assertEquals(types.size, 13);
  },
});

Deno.test({
  name: "specification: Wireshark reads every packet of the page as it is annotated",
  ignore: !canRead || !canDissect,
  async fn() {
    const examples = readExamples();
    const trees = await treesOf(examples);
    assertEquals(trees.length, examples.length);
    examples.forEach(({ notes }, i) => {
      // A text is shown as bytes too, and a key share both whole and in parts.
      const isTwice = (line: string) =>
        line.startsWith("Contenido (payload)") ||
        line.startsWith("Parte del acuerdo") && line.endsWith("…");
      const lines = trees[i]!.filter((line) => !line.startsWith("[") && !isTwice(line));
      assertEquals(lines.length, notes.length, lines.join("\n"));
      notes.forEach(({ text, bytes }, k) => {
        // Bytes stand on the left of their name only; Wireshark cuts many of them short.
        const isBare = !text.includes(": ");
        const shown = isBare ? lines[k]!.replace(/….*$/, "") : lines[k]!;
        const noted = isBare ? `${text}: ${toHex(bytes)}`.slice(0, shown.length) : text;
        assertEquals(noted, shown);
      });
    });
  },
});

// Two reasons of a bye had one name in Wireshark, and the last of them had none.
Deno.test({
  name: "specification: Wireshark names every reason as the page does",
  ignore: !canRead || !canDissect,
  async fn() {
    for (const [type, heading] of [["refuse", "REFUSE"], ["bye", "BYE y BYE-ACK"]] as const) {
      const [, ...rows] = readTable(heading);
      const capture = rows.map(([code], at) => {
        const payload = Uint8Array.of(Number(code));
        return { at, from: SERVER, to: CLIENT, datagram: encode({ type, id: 1n, payload }) };
      });
      const trees = await treesOf(capture);
      rows.forEach((cells, code) => {
        const [, name] = /^Motivo .*\): (.+) \(\d+\)$/.exec(trees[code]![11]!)!;
        assert(cells.at(-1)!.startsWith(name!), `${cells.at(-1)}: ${name}`);
      });
    }
  },
});

Deno.test({
  name: "specification: the table of turns is that of the code",
  ignore: !canRead,
  fn() {
    const [header, ...rows] = readTable("Los turnos");
    const states = header!.slice(1).map(unquote);
    assertEquals(states.toSorted(), Object.keys(TURNS).toSorted());
    const events = new Set<string>();
    for (const [title, ...cells] of rows) {
      const event = /_([a-z-]+)_/.exec(title!)![1] as TurnEvent;
      events.add(event);
      const expected = states.map((state) => TURNS[state as TurnState][event] ?? "—");
      assertEquals(cells.map(unquote), expected, event);
    }
    const all = Object.values(TURNS).flatMap((moves) => Object.keys(moves));
    assertEquals(events, new Set(all));
  },
});

Deno.test({
  name: "specification: both ends answer each packet as the tables say",
  ignore: !canRead,
  fn() {
    checkReplies("El cliente", CLIENT_STATES, clientTable());
    checkReplies("El servidor", SERVER_STATES, serverTable());
  },
});

Deno.test({
  name: "specification: every constant has the value of the code",
  ignore: !canRead,
  fn() {
    const rows = [...page.matchAll(/^\|[^|]+\| ([\d.]+)[^|]*\| `([A-Z_]+)`/gm)];
    assert(rows.length > 20);
    for (const [, number, name] of rows) {
      assertEquals(CONSTANTS[name!], Number(number!.replaceAll(".", "")), name);
    }
  },
});

Deno.test({
  name: "specification: the pauses of its example are those of the code",
  ignore: !canRead,
  fn() {
    const [, example] = /RTO de 1 s y una inactividad de 75 s: ([^s]+) segundos/.exec(page)!;
    const packet = new Retransmission();
    const pauses = example!.split("; ").map(() => {
      packet.sent(0, rtt.INITIAL_RTO_MS, longestPause(session.IDLE_TIMEOUT_MS));
      packet.timedOut();
      return Math.round(packet.deadline / 100) / 10;
    });
    assertEquals(example, pauses.join("; ").replaceAll(".", ","));
  },
});

// A reader could not tell from the page when a bye is sent again, and before anything was measured the
// page was wrong.
Deno.test({
  name: "specification: a bye of the server is sent again when the page says",
  ignore: !canRead,
  fn() {
    const [, unmeasured] = /tras esperas\s+de ([\d., y]+) ms/.exec(page)!;
    const stated = unmeasured!.match(/[\d.]+\d/g)!.map((it) => Number(it.replaceAll(".", "")));
    assertEquals(pausesOfBye(new rtt.RttEstimator()).map(Math.floor), stated);
    for (const roundTrip of [50, 900, 3_000]) {
      const measured = new rtt.RttEstimator();
      measured.sample(roundTrip, 0);
      const { timeout } = measured;
      const [first, ...others] = pausesOfBye(measured);
      assertEquals(Math.round(first!), Math.round(Math.min(timeout, 1_250)));
      others.forEach((pause, i) => {
        assertEquals(Math.floor(pause), Math.floor(Math.min(312, 2 ** (i + 1) * timeout)));
      });
    }
  },
});

Deno.test({
  name: "specification: every type, and every reason for a refusal or a bye, is in its table",
  ignore: !canRead,
  fn() {
    const [, ...types] = readTable("Los datagramas", 1);
    for (const [code, name, , , lengths] of types) {
      const [least, most] = lengths!.split("–").map(Number);
      const [id, type] = [1n, name!.toLowerCase() as packets.PacketType];
      const datagram = encode({ type, id, payload: new Uint8Array(least!) });
      assertEquals(datagram[4], Number(code), name);
      const isOver = (length: number) =>
        decode(encode({ type, id, ahead: length, payload: new Uint8Array(length) })) === undefined;
      assert(isOver((most ?? least!) + 1), `${name} may be longer`);
      assert(least === 0 || isOver(least! - 1), `${name} may be shorter`);
    }
    assertEquals(readTable("REFUSE").length - 1, REFUSALS.length);
    assertEquals(readTable("BYE y BYE-ACK").length - 1, BYE_REASONS.length);
  },
});

Deno.test({
  name: "specification: the key agreement comes to the values of the page",
  ignore: !canRead,
  fn() {
    const [, block] = /^```text acuerdo\n([^]*?)^```/m.exec(page)!;
    const stated: Record<string, string> = {};
    let name = "";
    for (const line of block!.trimEnd().split("\n")) {
      name = line.slice(0, 14).trim() || name;
      stated[name] = (stated[name] ?? "") + line.slice(14);
    }
    const { hello, welcome } = privateHandshake();
    const { sessionId } = decodeWelcome(welcome.payload);
    const sid = handshakeFields(hello.id, 0).subarray(0, 8);
    const roles = lvCat(encodeText("preguntas 2: client"), encodeText("preguntas 2: server"));
    const g = generator(SODIUM, { prs: encodeText(CODE), ci: roles, sid });
    const scalar = (seed: string) =>
      SODIUM.crypto_core_ristretto255_scalar_reduce(fromHex(stated[`semilla de ${seed}`]!));
    const [ya, yb] = [scalar("ya"), scalar("yb")];
    const a = { share: multiply(SODIUM, ya, g)!, data: handshakeFields(hello.id, 75_000) };
    const b = { share: multiply(SODIUM, yb, g)!, data: handshakeFields(sessionId, 75_000) };
    const k = multiply(SODIUM, ya, b.share)!;
    const isk = sessionKey(SODIUM, { sid, k, a, b });
    const tb = confirmation(SODIUM, { sid, isk, message: b });
    const okm = hmac(SODIUM, isk, encodeText("preguntas 2: keys\x01"));
    const { "semilla de ya": _a, "semilla de yb": _b, ...values } = stated;
    const computed = { G: g, ya, yb, Ya: a.share, Yb: b.share, K: k, ISK: isk, Tb: tb, OKM: okm };
    assertEquals(
      values,
      Object.fromEntries(Object.entries(computed).map(([name, bytes]) => [name, toHex(bytes)])),
    );
    // And so do the packets.
    assertEquals(toHex(decodeHello(hello.payload)!.keyShare), stated.Ya);
    assertEquals(toHex(decodeWelcome(welcome.payload).keyShare), stated.Yb! + stated.Tb);
  },
});

Deno.test({
  name: "specification: the rules of each level are numbered from 1 without a gap",
  ignore: !canRead,
  fn() {
    for (let level = 0; level < LEVELS; level++) {
      const numbers = [...page.matchAll(/<a id="regla-(\d)-(\d+)"><\/a>(\d)\.(\d+) /g)]
        .filter(([, anchorLevel]) => Number(anchorLevel) === level);
      numbers.forEach(([, ...words], i) => {
        assertEquals(words, [`${level}`, `${i + 1}`, `${level}`, `${i + 1}`]);
      });
      assert(numbers.length > 5, `Level ${level}`);
    }
  },
});

function checkReplies(heading: string, states: readonly string[], expected: ReplyTable): void {
  const [header, ...rows] = readTable(heading);
  assertEquals(header!.slice(1).map(unquote), [...states]);
  assertEquals(new Map(rows.map(([label, ...cells]) => [label, cells])), expected);
}

/** The waits of a server's bye that nobody confirms, in ms. */
function pausesOfBye(measured: rtt.RttEstimator): number[] {
  const times = new Set<number>();
  let now = 0;
  const server = new session.Session({
    id: 1n,
    role: "answerer",
    address: CLIENT,
    now,
    idleTimeout: session.IDLE_TIMEOUT_MS,
    output: { transmit: () => times.add(now), drop() {}, sessionEvent() {} },
    rtt: measured,
    random: () => 0.5,
    randomBytes: (length) => new Uint8Array(length),
  });
  server.bye("closing", now);
  while (server.turn !== "closed") server.handleTimeout(now = server.nextTimeout);
  const sorted = [...times];
  return sorted.slice(1).map((time, i) => time - sorted[i]!);
}

/** The packets of the page, in order, as one capture. */
function readExamples(): Example[] {
  const blocks = [...page.matchAll(/^```text paquete de (cliente|servidor)\n([^]*?)^```/gm)];
  assert(blocks.length > 15);
  return blocks.map(([, sender, block], i) => {
    const notes: Note[] = [];
    for (const line of block!.trimEnd().split("\n")) {
      const text = line.slice(26);
      const [, zeros] = /^00 × (\d+)/.exec(line) ?? [];
      const bytes = zeros ? new Uint8Array(Number(zeros)) : fromHex(line.slice(0, 26));
      const last = text === "" ? notes.pop() : undefined;
      notes.push(last ? { ...last, bytes: join([last.bytes, bytes]) } : { text, bytes });
    }
    const datagram = join(notes.map(({ bytes }) => bytes));
    const [from, to] = sender === "cliente" ? [CLIENT, SERVER] : [SERVER, CLIENT];
    return { datagram, from, to, at: 10 * i, notes };
  });
}

/** The HELLO and the WELCOME of the private room. */
function privateHandshake() {
  const packets = readExamples().map(({ datagram }) => decode(datagram)!);
  const welcome = packets.find((it) => it?.type === "welcome" && it.payload.length > 12)!;
  const hello = packets.find((it) => it?.type === "hello" && it.id === welcome.id)!;
  return { hello, welcome };
}

function isSealed(datagram: Uint8Array): boolean {
  return packets.packetId(datagram) === decodeWelcome(privateHandshake().welcome.payload).sessionId;
}

/** The datagram, out of the seal of the private room if it is in one. */
function openOf(datagram: Uint8Array, isFromServer: boolean): Uint8Array {
  if (!isSealed(datagram)) return datagram;
  assert(!isFromServer);
  const { hello, welcome } = privateHandshake();
  // The seeds of the page: the bytes 00 to 3f, and 40 to 7f.
  const counting = (first: number) => (length: number) =>
    Uint8Array.from({ length }, (_, i) => first + i);
  const server = privateRoom(CODE, SODIUM, { randomBytes: counting(0x40) });
  const { sessionId, idleTimeout } = decodeWelcome(welcome.payload);
  const { keyShare, idleTimeout: asked } = decodeHello(hello.payload)!;
  const opening = { keyShare, fields: handshakeFields(hello.id, asked) };
  const response = server.respond(opening, handshakeFields(sessionId, idleTimeout));
  if (typeof response !== "object") throw new Error(response);
  return response.seal.open(datagram)!;
}

/** The lines of each packet in Wireshark's tree. */
async function treesOf(capture: readonly Captured[]): Promise<string[][]> {
  const child = new Deno.Command("tshark", {
    args: ["-r", "-", "-n", "-X", `lua_script:${DISSECTOR}`, "-O", "pyr"],
    env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", LC_ALL: "C.UTF-8" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = new Response(pcapOf(capture)).body!.pipeTo(child.stdin);
  const [{ stdout }] = await Promise.all([child.output(), feeding]);
  return decodeText(stdout)!.split(/^Frame \d+:/m).slice(1).map((frame) => {
    const tree = frame.slice(frame.indexOf("\nPreguntas y respuestas")).trim().split("\n");
    return tree.slice(1).map((line) => line.trim());
  });
}

/** The cells of a table under a heading, of the first one or of a later one. */
function readTable(heading: string, index = 0): string[][] {
  const from = page.indexOf(`# ${heading}\n`);
  assert(from >= 0, `No heading "${heading}"`);
  const tables = page.slice(from).match(/(?:^\|.*\n)+/gm)!;
  const lines = tables[index]!.trimEnd().split("\n");
  lines.splice(1, 1);
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function unquote(cell: string): string {
  return cell.replaceAll("`", "");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
