/**
 * Whole conversations: the core plays a right peer. The rules of private rooms are checked on them.
 *
 * @module
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { seededBytes } from "../random.ts";
import { EMPTY, encodeText } from "../../transport/bytes.ts";
import { CodeRoom } from "../../transport/private/code_room.ts";
import type { Endpoint } from "../../transport/endpoint.ts";
import { Dialer, type DialerEvent } from "../../transport/reliable/dialer.ts";
import { Listener, type ListenerEvent } from "../../transport/reliable/listener.ts";
import { encodeHello, packetType } from "../../transport/reliable/packet.ts";
import { OPEN_ROOM } from "../../transport/reliable/seal.ts";
import { MAX_QUESTIONS, MAX_SESSIONS } from "../../transport/limits.ts";
import type { Plays, Trial } from "./trial.ts";

/** Longest conversation, in ms. */
const TALK_MS = 45_000;

const QUESTIONS_TO_ASK = 5;

/** The datagrams sent in place of one. */
type Twist = (datagram: Uint8Array) => readonly Uint8Array[];

/** Holds a conversation with the peer; returns its texts, and whether it ended as it should. */
async function talk(trial: Trial, twist: Twist = (it) => [it], ms: number = TALK_MS) {
  const { role, code } = trial.bench;
  const room = code === undefined ? OPEN_ROOM : new CodeRoom(code);
  if (room instanceof CodeRoom) await room.ready;
  const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const common = { room, randomBytes, random: Math.random, idleTimeout: 75_000 };
  const texts: string[] = [];
  let isOver = false;
  const drive = <E>(endpoint: Endpoint<E>, onEvent: (event: E) => void) =>
    carry(trial, endpoint, { onEvent, twist, ms, isOver: () => isOver });
  if (role === "server") {
    const now = performance.now();
    const dialer = new Dialer({ ...common, server: trial.peer, now, connectTimeout: 10_000 });
    await drive<DialerEvent>(dialer, (event) => {
      if (event.type === "refused") trial.fail(`rechaza la conexión: ${event.refusal}`);
      if (event.type === "answer") texts.push(event.text);
      isOver ||= event.type === "over";
      if (event.type !== "connected" && event.type !== "answer") return;
      if (texts.length === QUESTIONS_TO_ASK) dialer.bye("bye", performance.now());
      else dialer.ask(encodeText(`¿Pregunta ${texts.length + 1}, ñ?`), performance.now());
    });
    return { texts, isOver: isOver && texts.length === QUESTIONS_TO_ASK };
  }
  const listener = new Listener({
    ...{ ...common, maxSessions: MAX_SESSIONS, maxSessionsPerAddress: MAX_SESSIONS },
    maxQuestions: MAX_QUESTIONS,
    hmac: (secret, data) => hmac(sha256, secret, data),
  });
  await drive<ListenerEvent>(listener, (event) => {
    isOver ||= event.type === "ended" && event.reason === "bye";
    if (event.type !== "question") return;
    texts.push(event.text);
    listener.answer(event.session, encodeText("NOOOOO"), performance.now());
  });
  return { texts, isOver };
}

/** Carries datagrams between an endpoint of the core and the peer. */
async function carry<E>(trial: Trial, endpoint: Endpoint<E>, { onEvent, twist, ms, isOver }: {
  readonly onEvent: (event: E) => void;
  readonly twist: Twist;
  readonly ms: number;
  readonly isOver: () => boolean;
}): Promise<void> {
  const end = performance.now() + ms;
  while (!isOver() && performance.now() < end) {
    const wait = Math.min(endpoint.nextTimeout, end) - performance.now();
    const arrival = await trial.poll(() => true, Math.max(0, Math.min(wait, 50)));
    const now = performance.now();
    if (arrival !== undefined) endpoint.receive(arrival.datagram, arrival.from, now);
    if (endpoint.nextTimeout <= now) endpoint.handleTimeout(now);
    for (const event of endpoint.takeEvents()) onEvent(event);
    for (const { datagram, to } of endpoint.takeTransmits()) {
      trial.peer = to;
      for (const twisted of twist(datagram)) trial.send(twisted);
    }
  }
}

/** Holds a conversation that has to end well; returns the texts of the peer. */
async function talkWell(trial: Trial, twist?: Twist): Promise<readonly string[]> {
  const { texts, isOver } = await talk(trial, twist);
  trial.demand(isOver, `la conversación no acaba bien: ${texts.length} turnos`, "todos, y BYE");
  return texts;
}

/** A network that loses a quarter of what passes. */
const BAD = { loss: 0.25, duplication: 0.15, reordering: 0.15, delay: 2, jitter: 15 };

/** The datagrams of the peer that have to be sealed. */
const sealedOf = ({ history }: Trial) => history.map((it) => it.datagram).filter(isSealed);

const isSealed = (datagram: Uint8Array) =>
  !["hello", "retry", "welcome", "refuse", "reset"].includes(packetType(datagram) ?? "hello");

/** A copy with one bit changed at its end. */
const flipped = (datagram: Uint8Array) => datagram.with(-1, datagram.at(-1)! ^ 1);

/** Spoils the confirmation of every WELCOME. */
const spoilWelcome: Twist = (it) =>
  packetType(it) === "welcome" ? [flipped(it), flipped(it)] : [it];

const lastOf = ({ history }: Trial, type: string) =>
  history.findLast(({ datagram }) => packetType(datagram) === type)?.datagram;

/** The rules on whole conversations. */
export const RULES_OF_TALKS: Plays = {
  "2.22": async (trial) => {
    trial.spoil(BAD);
    await talkWell(trial);
  },
  "4.2": async (trial) => {
    await talkWell(trial);
    trial.demand(lastOf(trial, "hello")?.[29] === 32, "su HELLO con ficha no lleva el punto Ya");
  },
  "4.3": async (trial) => {
    await talkWell(trial);
    const isWhole = lastOf(trial, "welcome")?.length === 132;
    trial.demand(isWhole, "su WELCOME no lleva el punto Yb y la confirmación", "96 bytes");
  },
  "4.4": async (trial) => {
    await talk(trial, spoilWelcome, 6_000);
    trial.demand(sealedOf(trial).length === 0, "acepta una sesión cuya confirmación no vale");
  },
  "4.5": async (trial) => {
    const texts = await talkWell(trial);
    const sent = sealedOf(trial).map((it) => new TextDecoder().decode(it)).join();
    trial.demand(!texts.some((text) => sent.includes(text)), "envía un texto sin sellar");
  },
  "4.6": async (trial) => {
    trial.spoil(BAD);
    await talkWell(trial);
    const differing = (end?: number) =>
      new Set(sealedOf(trial).map((it) => it.subarray(24, end).join())).size;
    trial.demand(differing() === differing(32), "usa dos veces un contador");
  },
  "4.7": async (trial) =>
    void await talkWell(trial, (it) => isSealed(it) ? [flipped(it), it] : [it]),
  "4.8": async (trial) => void await talkWell(trial, (it) => isSealed(it) ? [it, it] : [it]),
  "4.9": async (trial) => {
    const id = trial.id();
    const hello = (attempt: number, token: Uint8Array) => {
      const payload = encodeHello({ idleTimeout: 75_000, token, keyShare: EMPTY });
      trial.send({ type: "hello", id, attempt, payload });
    };
    hello(1, EMPTY);
    const { packet } = await trial.take({ id, echo: 1 }, "no contesta al HELLO");
    hello(2, packet.payload.slice());
    const refusal = { id, type: "refuse", payload: Uint8Array.of(4) } as const;
    if (packet.type !== "refuse") await trial.take(refusal, "deja entrar sin código");
  },
  "4.10": async (trial) => {
    const [id, keyShare] = [trial.id(), seededBytes(trial.random, 32)];
    const payload = encodeHello({ idleTimeout: 75_000, token: EMPTY, keyShare });
    trial.send({ type: "hello", id, attempt: 1, payload });
    await trial.take({ id, type: "retry" }, "no pide la ficha antes de calcular nada");
  },
  "4.12": async (trial) => {
    await talk(trial, spoilWelcome, 12_000);
    const nonces = new Map<bigint, number>();
    for (const { packet, from } of trial.history) {
      if (packet?.type === "hello") nonces.set(packet.id, from.port);
    }
    const most = Math.max(
      ...Map.groupBy(nonces.values(), (port) => port).values().map((it) => it.length),
    );
    trial.demand(most <= 3, `hace ${most} intercambios con quien no tiene el código`, "tres");
  },
  "4.14": async (trial) => {
    await talk(trial, spoilWelcome, 6_000);
    const isTold = lastOf(trial, "refuse") !== undefined;
    trial.demand(isTold, "no dice que la confirmación no vale", "REFUSE, motivo 3");
  },
};
