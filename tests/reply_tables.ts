/**
 * What each end answers to each packet, found out by sending it to one in each of its states: the tables of
 * `docs/protocolo.md`, as rows of cells.
 *
 * @module
 */
import type { Address, Endpoint } from "../transport/endpoint.ts";
import { Dialer } from "../transport/reliable/dialer.ts";
import { Listener } from "../transport/reliable/listener.ts";
import {
  decode,
  encode,
  encodeHello,
  encodeWelcome,
  type PacketFields,
  type PacketType,
} from "../transport/reliable/packet.ts";
import { MAX_ACK_DELAY_MS } from "../transport/reliable/rtt.ts";
import { hmac, SERVER } from "./simulation.ts";

/** A row of cells for each packet; a cell for each state. */
export type ReplyTable = ReadonlyMap<string, readonly string[]>;

/** The states of a client: the columns. */
export const CLIENT_STATES = ["conecta", "local", "remote", "leaving", "closed"] as const;

/** The states of a server, as far as one session goes. */
export const SERVER_STATES = [
  "sin sesión",
  "espera",
  "remote",
  "local",
  "leaving",
  "closed",
] as const;

const CLIENT = { hostname: "192.0.2.7", port: 40_000 };
const MOVED = { hostname: "192.0.2.8", port: 40_000 };
const IDLE_TIMEOUT_MS = 75_000;
const SESSION_ID = 0x5ec1_a90b_d3f0_4e27n;
const UNKNOWN_ID = 0x77n;
const NOTHING = new Uint8Array(0);
const BYE = Uint8Array.of(0);
const FOREIGN_VERSION = 3;
const UTF8 = new TextEncoder();

/** An end in some state, at a time. */
interface Scene<E extends Endpoint<unknown>> {
  readonly end: E;
  now: number;
  readonly id: bigint;
  readonly nonce: bigint;
  /** Number of the last message that came in and of the last of its own. */
  readonly heard: number;
  readonly own: number;
}

/** A row of a table: its packet, by the scene that it comes to. */
type Row<E extends Endpoint<unknown>> = readonly [
  label: string,
  packet: (scene: Scene<E>) => PacketFields | Uint8Array,
  from?: Address,
];

type Rows<E extends Endpoint<unknown>> = readonly Row<E>[];

/** What the client answers. */
export function clientTable(): ReplyTable {
  return tableOf(CLIENT_STATES, CLIENT_ROWS, clientIn, ({ end }) => end.turn);
}

/** What the server answers. */
export function serverTable(): ReplyTable {
  return tableOf(SERVER_STATES, SERVER_ROWS, serverIn, ({ end }) => {
    const [session] = end.sessions;
    if (session === undefined) return "sin sesión";
    return session.delivery.isWelcoming ? "espera" : session.turn;
  });
}

const CLIENT_ROWS: Rows<Dialer> = [
  ["RETRY", ({ nonce }) => ({ type: "retry", id: nonce, echo: 1, payload: BYE })],
  ["WELCOME", ({ nonce }) => welcomeOf(nonce)],
  ["REFUSE", ({ nonce }) => ({ type: "refuse", id: nonce, echo: 1, payload: BYE })],
  ["MESSAGE que toca", (it) => message(it, it.heard + 2)],
  ["MESSAGE repetido", (it) => message(it, it.heard, 2)],
  ["MESSAGE de otro número", (it) => message(it, 40)],
  ["ACK del mensaje propio", ({ id, own }) => ({ type: "ack", id, number: own, echo: 1 })],
  ["ACK de otro número", ({ id }) => ({ type: "ack", id, number: 40, echo: 1 })],
  ["PING", ({ id }) => ({ type: "ping", id, number: 5, attempt: 1 })],
  ["PONG", ({ id }) => ({ type: "pong", id, number: 5, echo: 1 })],
  ["BYE", ({ id }) => ({ type: "bye", id, attempt: 2, payload: BYE })],
  ["BYE-ACK", ({ id }) => ({ type: "bye-ack", id })],
  ["NOTICE", ({ id }) => ({ type: "notice", id, number: 1, attempt: 1, payload: BYE })],
  ["RESET", ({ id }) => ({ type: "reset", id })],
  ["cualquiera de otra sesión", () => ({ type: "ping", id: UNKNOWN_ID, number: 5, attempt: 1 })],
  ["de otra versión", ({ id }) => ofOtherVersion({ type: "ping", id })],
  ["lo que no es un paquete", () => UTF8.encode("¿HTML?")],
];

const SERVER_ROWS: Rows<Listener> = [
  ["HELLO con ficha, o repetido", ({ nonce, end }) => hello(nonce, tokenOf(end, nonce), 3)],
  ["MESSAGE que toca", (it) => message(it, it.heard + 2)],
  ["MESSAGE repetido", (it) => message(it, it.heard, 2)],
  ["MESSAGE de otro número", (it) => message(it, 40)],
  ["ACK del mensaje propio", ({ id, own }) => ({ type: "ack", id, number: own, echo: 1 })],
  ["ACK de otro número", ({ id }) => ({ type: "ack", id, number: 40, echo: 1 })],
  ["PING", ({ id }) => ({ type: "ping", id, number: 5, attempt: 1 })],
  [
    "PING desde otra dirección",
    ({ id }) => ({ type: "ping", id, number: 5, attempt: 1 }),
    MOVED,
  ],
  ["PONG", ({ id }) => ({ type: "pong", id, number: 5, echo: 1 })],
  ["BYE", ({ id }) => ({ type: "bye", id, attempt: 2, payload: BYE })],
  ["BYE-ACK", ({ id }) => ({ type: "bye-ack", id })],
  ["NOTICE-ACK", ({ id }) => ({ type: "notice-ack", id, number: 1, echo: 1 })],
  ["RETRY, WELCOME o RESET", ({ id }) => ({ type: "reset", id })],
  ["cualquiera de otra sesión", () => ({ type: "ping", id: UNKNOWN_ID, number: 5, attempt: 1 })],
  ["de otra versión", ({ id }) => ofOtherVersion({ type: "ping", id })],
  ["lo que no es un paquete", () => UTF8.encode("¿HTML?")],
];

function tableOf<E extends Endpoint<unknown>, S extends string>(
  states: readonly S[],
  rows: Rows<E>,
  sceneIn: (state: S) => Scene<E>,
  stateOf: (scene: Scene<E>) => string,
): ReplyTable {
  const cellOf = (state: S, [, packet, from]: Row<E>) => {
    const usual = sceneIn(state);
    const silence = rest(usual);
    const scene = sceneIn(state);
    const before = stateOf(scene);
    const given = packet(scene);
    scene.end.takeTransmits();
    const datagram = given instanceof Uint8Array ? given : encode(given);
    const isServer = scene.end instanceof Listener;
    scene.end.receive(datagram, from ?? (isServer ? CLIENT : SERVER), scene.now);
    const replies = rest(scene).filter((reply) => !silence.includes(reply));
    const after = stateOf(scene);
    const words = replies.map((reply) => `\`${reply.toUpperCase()}\``).join(" y ");
    if (after === before) return words || "—";
    return `${words} → ${after}`.trim();
  };
  return new Map(rows.map((row) => [row[0], states.map((state) => cellOf(state, row))]));
}

/** The types of what an end sends until an acknowledgement would be held back no longer. */
function rest({ end, now }: Scene<Endpoint<unknown>>): PacketType[] {
  const until = now + MAX_ACK_DELAY_MS;
  for (let steps = 0; end.nextTimeout <= until && steps < 100; steps++) {
    end.handleTimeout(Math.max(now, end.nextTimeout));
  }
  const types = end.takeTransmits().map(({ datagram }) => decode(datagram)!.type);
  return [...new Set(types)];
}

function clientIn(state: (typeof CLIENT_STATES)[number]): Scene<Dialer> {
  const end = new Dialer({
    server: SERVER,
    now: 0,
    connectTimeout: 5_000,
    idleTimeout: IDLE_TIMEOUT_MS,
    random: () => 0.5,
    randomBytes: (length) => new Uint8Array(length).fill(length),
  });
  const nonce = decode(end.takeTransmits()[0]!.datagram)!.id;
  const scene = { end, now: 0, id: SESSION_ID, nonce, heard: 2, own: 1 };
  if (state === "conecta") return scene;
  const receive = (packet: PacketFields) => end.receive(encode(packet), SERVER, scene.now);
  receive(welcomeOf(nonce));
  end.ask(UTF8.encode("¿HTML?"), 0);
  receive(message(scene, 2));
  end.handleTimeout(scene.now = MAX_ACK_DELAY_MS);
  if (state === "remote") end.ask(UTF8.encode("¿Y CSS?"), scene.now);
  if (state === "leaving") end.bye("bye", scene.now);
  if (state === "closed") receive({ type: "bye", id: SESSION_ID, attempt: 1, payload: BYE });
  end.takeTransmits();
  return state === "remote" ? { ...scene, own: 3 } : scene;
}

function serverIn(state: (typeof SERVER_STATES)[number]): Scene<Listener> {
  let drawn = 0;
  const end = new Listener({
    maxSessions: 10,
    maxSessionsPerAddress: 10,
    maxQuestions: 10,
    idleTimeout: IDLE_TIMEOUT_MS,
    hmac,
    random: () => 0.5,
    randomBytes: (length) => new Uint8Array(length).fill(++drawn),
  });
  const nonce = 0x11n;
  const scene = { end, now: 0, id: SESSION_ID, nonce, heard: -1, own: 0 };
  if (state === "sin sesión") return scene;
  const receive = (packet: PacketFields) => end.receive(encode(packet), CLIENT, scene.now);
  receive(hello(nonce, tokenOf(end, nonce)));
  const { id } = [...end.sessions][0]!;
  end.takeTransmits();
  if (state === "espera") return { ...scene, id };
  receive(message({ ...scene, id }, 1));
  end.answer([...end.sessions][0]!, UTF8.encode("NOOOOO"), 0);
  receive({ type: "ack", id, number: 2, echo: 1 });
  if (state === "local") receive(message({ ...scene, id }, 3));
  if (state === "leaving") end.bye([...end.sessions][0]!, "closing", 0);
  if (state === "closed") receive({ type: "bye", id, attempt: 1, payload: BYE });
  if (state === "local") end.handleTimeout(scene.now = MAX_ACK_DELAY_MS);
  end.takeTransmits();
  return { ...scene, id, heard: state === "local" ? 3 : 1, own: 2 };
}

function message({ id }: { id: bigint }, number: number, attempt = 1): PacketFields {
  return { type: "message", id, number, attempt, payload: UTF8.encode("Texto") };
}

function welcomeOf(nonce: bigint): PacketFields {
  const welcome = { sessionId: SESSION_ID, idleTimeout: IDLE_TIMEOUT_MS, keyShare: NOTHING };
  return { type: "welcome", id: nonce, attempt: 1, echo: 1, payload: encodeWelcome(welcome) };
}

function hello(nonce: bigint, token: Uint8Array, attempt = 1): PacketFields {
  const payload = encodeHello({ idleTimeout: IDLE_TIMEOUT_MS, token, keyShare: NOTHING });
  return { type: "hello", id: nonce, attempt, payload };
}

/** The token for the client, or none where its HELLO draws a WELCOME without one. */
function tokenOf(end: Listener, nonce: bigint): Uint8Array {
  end.receive(encode(hello(nonce, NOTHING)), CLIENT, 0);
  const replies = end.takeTransmits().map(({ datagram }) => decode(datagram)!);
  return replies.find(({ type }) => type === "retry")?.payload.slice() ?? NOTHING;
}

function ofOtherVersion(packet: PacketFields): Uint8Array {
  const datagram = encode(packet);
  datagram[3] = FOREIGN_VERSION;
  return datagram;
}
