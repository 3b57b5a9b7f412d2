import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { encode, encodeHello, type PacketFields } from "../transport/reliable/packet.ts";
import type { Inspection } from "../transport/mod.ts";
import { type Observation, Observer } from "./observation.ts";
import { Trace, type TraceOptions } from "./trace.ts";
import type { TurnState } from "../protocol.ts";

const PEER = { hostname: "192.0.2.7", port: 40_001 };
const ID = 7n;
const NOTHING = new Uint8Array(0);

interface Line extends Partial<Omit<Observation, "header">> {
  readonly packet?: Omit<PacketFields, "id">;
  /** None where the end knows no conversation. */
  readonly turn?: TurnState | "connecting";
  readonly inspection?: Inspection;
}

/** The lines of a trace that begins at 1,000 ms, without the headings unless they are wanted. */
function trace(
  lines: readonly Line[],
  { withHeadings = false, ...options }: Partial<TraceOptions> & { withHeadings?: boolean } = {},
): string[] {
  const written: string[] = [];
  const trace = new Trace({
    write: (line) => written.push(line),
    isColoured: false,
    hasPeers: false,
    startedAt: 1000,
    ...options,
  });
  const observer = new Observer();
  lines.forEach(({ packet, turn, inspection = inspectionOf(turn), ...observation }, index) => {
    const datagram = packet ? encode({ ...packet, id: ID }) : observation.datagram ?? NOTHING;
    const fate = { arrivals: [1000], isHeldBack: false };
    const entry = { order: index + 1, at: 1000, datagram, peer: PEER, fate };
    trace.add({ ...observer.observe("sent", entry), ...observation }, inspection);
  });
  return withHeadings ? written : written.slice(1);
}

function inspectionOf(turn: Line["turn"]): Inspection | undefined {
  if (turn === undefined) return undefined;
  const retransmissionTimeout = turn === "connecting" ? 1000 : 171.875;
  return { turn: turn === "connecting" ? undefined : turn, retransmissionTimeout };
}

function hello(attempt: number, tokenLength: number): Omit<PacketFields, "id"> {
  const token = new Uint8Array(tokenLength);
  return {
    type: "hello",
    attempt,
    payload: encodeHello({ idleTimeout: 1, token, keyShare: NOTHING }),
  };
}

const message = { type: "message", number: 1, attempt: 1 } as const;

const CONVERSATION: readonly Line[] = [
  { packet: hello(1, 0), turn: "connecting", fate: "lost" },
  { packet: hello(2, 0), turn: "connecting", at: 2000 },
  {
    packet: { type: "retry", echo: 2, payload: new Uint8Array(36) },
    turn: "connecting",
    direction: "received",
    at: 2000.33,
  },
  { packet: hello(3, 36), turn: "connecting", at: 2000.4 },
  {
    packet: { type: "welcome", attempt: 1, echo: 3, payload: new Uint8Array(12) },
    turn: "local",
    direction: "received",
    at: 2040.4,
    delay: 39.6,
  },
  { packet: { ...message, payload: new Uint8Array(38) }, turn: "remote", at: 3000, fate: "lost" },
  { packet: { ...message, attempt: 2, payload: new Uint8Array(38) }, turn: "remote", at: 3171.9 },
  {
    packet: { ...message, number: 2, segment: 6, lastSegment: 59, payload: new Uint8Array(1104) },
    turn: "local",
    direction: "received",
    at: 99_999.99,
    fate: "duplicated",
    isHeldBack: true,
    delay: 12,
  },
  { packet: { type: "ack", number: 2, segment: 6, echo: 1 }, turn: "local", at: 100_999 },
  { packet: { type: "bye", attempt: 1, payload: Uint8Array.of(0) }, turn: "leaving", at: 101_000 },
  { packet: { type: "bye-ack" }, direction: "received", at: 101_001, fate: "copy", order: 12 },
];

Deno.test("trace: a conversation, line by line", () => {
  assertEquals(trace(CONVERSATION, { withHeadings: true }), [
    "     ms n.º   tipo    número   bytes   RTO turno          qué le pasó",
    "    0,0   1 → HELLO              160  1000 conectando     perdido aquí",
    " 1000,0   2 → HELLO              160  1000 conectando     reenvío 1",
    " 1000,3   3 ← RETRY   ficha       60  1000 conectando",
    " 1000,4   4 → HELLO   ficha      160  1000 conectando",
    " 1040,4   5 ← WELCOME sesión      36   172 habla usted    +40 ms",
    " 2000,0   6 → MESSAGE 1           62   172 habla el otro  perdido aquí",
    " 2171,9   7 → MESSAGE 1           62   172 habla el otro  reenvío 1",
    "99000,0   8 ← MESSAGE 2 7/60    1128   172 habla usted    duplicado, tarde, +12 ms",
    "99999,0   9 → ACK     2 7         24   172 habla usted",
    "100000,0  10 → BYE                 25   172 se despide",
    "100001,0  12 ← BYE-ACK             24       terminada      copia",
  ]);
});

// It showed the estimate, 172 ms, beside a retransmission that waited twice as long.
Deno.test("trace: what is sent shows the wait that is armed for it, and what is received the estimate", () => {
  const wait = { attempt: 2, sentAt: 0, deadline: 344, wait: 344, expired: 172, isPair: false };
  const inspection = {
    turn: "remote",
    retransmissionTimeout: 172,
    timerOf: ({ type }: { type: string }) => type === "message" ? wait : undefined,
  } as const;
  const rtoOf = (direction: "sent" | "received", packet: Omit<PacketFields, "id">) =>
    trace([{ packet, turn: "remote", direction, inspection }])[0]!.slice(37, 42).trim();
  assertEquals(rtoOf("sent", message), "344");
  assertEquals(rtoOf("sent", { type: "ack", number: 2 }), "172");
  assertEquals(rtoOf("received", { ...message, number: 2 }), "172");
});

Deno.test("trace: where there are several other ends, their ports tell them apart", () => {
  const lines = trace([{ packet: message, turn: "local" }, {
    packet: message,
    turn: "local",
    peer: { hostname: "::1", port: 7 },
  }], { hasPeers: true, withHeadings: true });
  assertEquals(lines, [
    "     ms n.º puerto   tipo    número   bytes   RTO turno          qué le pasó",
    "    0,0   1  40001 → MESSAGE 1           24   172 habla usted",
    "    0,0   2      7 → MESSAGE 1           24   172 habla usted",
  ]);
});

Deno.test("trace: what is no datagram of this protocol is text", () => {
  const datagram = new TextEncoder().encode("¿HTML es un lenguaje de programacion?");
  assertEquals(trace([{ datagram }]), ["    0,0   1 → TEXTO               38"]);
});

Deno.test("trace: the HELLOs of several clients are told apart", () => {
  const from = (id: bigint, attempt: number, tokenLength: number): Line => ({
    datagram: encode({ ...hello(attempt, tokenLength), id }),
    direction: "received",
  });
  const events = trace([
    from(1n, 1, 0),
    from(2n, 1, 0),
    from(1n, 2, 36),
    from(2n, 2, 0),
    from(2n, 3, 36),
    from(1n, 3, 36),
    from(2n, 5, 36),
  ]).map((line) => line.slice(58));
  assertEquals(events, ["", "", "", "reenvío 1", "", "reenvío 1", "reenvío 2"]);
});

Deno.test("trace: every line is aligned with the headings, whatever it is about", () => {
  const types = ["refuse", "message", "ack", "ping", "pong", "bye", "bye-ack", "reset"] as const;
  const turns = ["connecting", "local", "remote", "leaving", "closed"] as const;
  const lines = trace(
    types.flatMap((type) =>
      turns.map((turn) => ({
        packet: { type, number: 999, attempt: 2, payload: new Uint8Array(1000) },
        turn,
      }))
    ),
    { withHeadings: true },
  );
  for (const line of lines) {
    assertMatch(line, /^.{7} .{3} [ →←] .{7} .{8} .{5} .{5} .{14} (?:qué|reenvío|$)/);
    assert(line.length <= 80, line);
  }
  assertEquals(new Set(lines.slice(1).map((line) => line.indexOf("reenvío"))).size, 1);
});

Deno.test("trace: colours only where they are wanted, and they change no letter", () => {
  // deno-lint-ignore no-control-regex
  const sgr = /\x1b\[\d+m/g;
  const plain = trace(CONVERSATION);
  const coloured = trace(CONVERSATION, { isColoured: true });
  for (const line of plain) assertNotMatch(line, sgr);
  assertEquals(coloured.map((line) => line.replace(sgr, "")), plain);
});
