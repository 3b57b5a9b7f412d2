import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import type { Listener } from "../transport/reliable/listener.ts";
import type { Address, Transmit } from "../transport/endpoint.ts";
import { decode, decodeWelcome, encode, HELLO_BYTES } from "../transport/reliable/packet.ts";
import { type PacketType, packetType } from "../transport/reliable/packet.ts";
import { TOKEN_EPOCH_MS } from "../transport/reliable/retry_token.ts";
import { forge, forSeeds, guessedId, guessedToken, hello, oneOf, PACKET_TYPES } from "./attack.ts";
import { MAX_HALF_OPEN, MAX_HALF_OPEN_OF_NETWORK } from "../transport/limits.ts";
import { heapInUse } from "./memory.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { cases } from "./whole.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";

const CLIENT: Address = { hostname: "198.51.100.7", port: 40_000 };
const OTHER: Address = { hostname: "203.0.113.9", port: 7 };
const MAX_SIZE = 1500;
const UTF8 = new TextEncoder();

/** A server that asks every address for a token, unless an option says otherwise. */
function newServer(seed: number, options: Parameters<Simulation["addServer"]>[1] = {}): Listener {
  return new Simulation(seed, PERFECT).addServer(() => {}, { maxHalfOpen: 0, ...options });
}

function exchange(listener: Listener, datagram: Uint8Array, from: Address, now: number) {
  listener.receive(datagram, from, now);
  return listener.takeTransmits();
}

function tokenFor(listener: Listener, from: Address, nonce: bigint, now: number): Uint8Array {
  return decode(exchange(listener, hello(nonce), from, now)[0]!.datagram)!.payload.slice();
}

function bytesOf(transmits: readonly Transmit[]): number {
  return transmits.reduce((sum, { datagram }) => sum + datagram.length, 0);
}

// Invariant: a datagram of any kind from an unproved address is answered by one at most, which is not
// larger and goes back to that address, and leaves no session behind but a few that are half open.
Deno.test("attack: nothing from an unproved address is amplified", () => {
  const answered = new Set<string>();
  forSeeds(cases(4), function provoke(seed) {
    const random = seededRandom(seed);
    // Idle, full, and about to stop: in each state the server answers something else.
    const servers = [newServer(seed), newServer(seed, { maxSessions: 1 }), newServer(seed)];
    const mostHalfOpen = [0, 0, 0, MAX_HALF_OPEN_OF_NETWORK];
    const nonce = guessedId(random);
    const expired = servers.map((listener) => tokenFor(listener, OTHER, nonce, TOKEN_EPOCH_MS));
    const start = 3 * TOKEN_EPOCH_MS;
    const badTokens = servers.map((listener, i) => [
      expired[i]!,
      ...unfitTokens(listener, nonce, random, start),
    ]);
    for (const listener of servers.slice(1)) {
      exchange(listener, hello(1n, tokenFor(listener, CLIENT, 1n, start)), CLIENT, start);
    }
    servers[2]!.close(start);
    servers[2]!.takeTransmits();
    servers.push(newServer(seed, { maxHalfOpen: MAX_HALF_OPEN }));
    badTokens.push(badTokens[0]!);
    for (const [i, listener] of servers.entries()) {
      const size = listener.size;
      let now = start;
      for (const datagram of provocations(nonce, badTokens[i]!, random)) {
        now++;
        const sent = exchange(listener, datagram, OTHER, now);
        const what = `${packetType(datagram)} of ${datagram.length} bytes`;
        assert(sent.length <= 1, `${what} gets ${sent.length} replies`);
        assert(bytesOf(sent) <= datagram.length, `${what} gets ${bytesOf(sent)} bytes`);
        assert(listener.size <= size + mostHalfOpen[i]!, `${what} opens a session`);
        for (const { datagram: reply, to } of sent) {
          assertEquals(to, OTHER);
          answered.add(`${packetType(datagram)}: ${packetType(reply)}`);
        }
      }
      assert(listener.takeEvents().every(({ type }) => type === "foreign"));
    }
  });
  const unknown = ["ack", "bye", "bye-ack", "message", "notice", "notice-ack", "ping", "pong"];
  const resets = unknown.map((type) => `${type}: reset`);
  assertEquals([...answered].sort(), [...resets, "hello: retry", "hello: welcome"].sort());
});

/** Everything that `OTHER` can send: every size of random bytes and of each type, and bad tokens. */
function* provocations(
  nonce: bigint,
  badTokens: readonly Uint8Array[],
  random: () => number,
): Generator<Uint8Array> {
  for (let size = 0; size <= MAX_SIZE; size++) {
    const noise = seededBytes(random, size);
    yield noise;
    for (const type of PACKET_TYPES) yield stretch(forge(type, guessedId(random), random), noise);
    const unknown = stretch(forge("ping", guessedId(random), random), noise);
    if (size > 4) unknown[4] = oneOf([0, 12, 128, 255], random);
    yield unknown;
  }
  for (const token of badTokens) yield hello(nonce, token);
}

/** Tokens with which `OTHER` proves nothing: bent, cut, guessed, or meant for somebody else. */
function unfitTokens(
  listener: Listener,
  nonce: bigint,
  random: () => number,
  now: number,
): Uint8Array[] {
  const own = tokenFor(listener, OTHER, nonce, now);
  const bent = Array.from({ length: 8 * own.length }, (_, bit) => {
    const token = own.slice();
    token[bit >> 3]! ^= 1 << (bit & 7);
    return token;
  });
  const epoch = Math.floor(now / TOKEN_EPOCH_MS);
  return [
    ...bent,
    own.subarray(1),
    own.subarray(0, -1),
    ...[epoch - 1, epoch, epoch + 1, 0].map((guess) => guessedToken(random, guess)),
    tokenFor(listener, OTHER, nonce + 1n, now),
    tokenFor(listener, { ...OTHER, port: OTHER.port + 1 }, nonce, now),
    tokenFor(listener, { ...OTHER, hostname: "203.0.113.90" }, nonce, now),
    tokenFor(newServer(1_000_000), OTHER, nonce, now),
  ];
}

/** A datagram that is cut, or goes on with noise, until it has as many bytes as the noise. */
function stretch(datagram: Uint8Array, noise: Uint8Array): Uint8Array {
  const stretched = noise.slice();
  stretched.set(datagram.subarray(0, noise.length));
  return stretched;
}

interface Silence {
  /** Times that the HELLO with the token is sent. */
  readonly hellos: number;
  /** When the server closes, in ms after the first WELCOME. */
  readonly closeAt: number;
  /** Whether the token is from an earlier session of that address, seen and sent by another. */
  readonly isReplay: boolean;
}

const SILENCES: readonly Silence[] = [false, true].flatMap((isReplay) =>
  [1, 2, 5].flatMap((hellos) =>
    [0, 1000, 30_000, 74_999, Infinity].map((closeAt) => ({ hellos, closeAt, isReplay }))
  )
);

// Invariant: an address that sent its token back and nothing else gets 3 bytes for each of its own at
// most (RFC 9000 §8.1), however long the server waits, and also when the server then closes.
Deno.test("attack: whoever falls silent after the proof gets three times its bytes at most", () => {
  const broken = SILENCES.flatMap((silence) => {
    const { received, sent } = fallSilent(silence);
    return sent <= 3 * received ? [] : [{ ...silence, received, sent, factor: sent / received }];
  });
  assertEquals(broken, []);
});

function fallSilent({ hellos, closeAt, isReplay }: Silence): { received: number; sent: number } {
  const listener = newServer(1);
  const retry = exchange(listener, hello(1n), CLIENT, 0);
  const token = decode(retry[0]!.datagram)!.payload;
  // Bytes that proved the address long ago do not count for a replay.
  let received = isReplay ? 0 : HELLO_BYTES;
  let sent = isReplay ? 0 : bytesOf(retry);
  let isClosed = false;
  const spread = Array.from({ length: hellos }, (_, i) => 1000 * i);
  for (let now = 0, steps = 0; now < Infinity; steps++) {
    assert(steps < 10_000, "it never comes to rest");
    while (spread[0]! <= now) {
      spread.shift();
      received += HELLO_BYTES;
      sent += bytesOf(exchange(listener, hello(1n, token), CLIENT, now));
    }
    if (!isClosed && closeAt <= now) {
      isClosed = true;
      listener.close(now);
    }
    listener.handleTimeout(now);
    sent += bytesOf(listener.takeTransmits());
    const close = isClosed ? Infinity : closeAt;
    now = Math.min(listener.nextTimeout, close, spread[0] ?? Infinity);
    // A server that nobody keeps running does not close.
    if (listener.size === 0 && spread.length === 0) break;
  }
  assertEquals(listener.size, 0);
  return { received, sent };
}

// Invariant: a client that writes somebody else's address on its packets draws three times their bytes
// there at most, though its own address is proved and a long answer waits for it.
Deno.test("attack: a session that is drawn to an address sends it little until it is proved", () => {
  for (const type of ["ping", "ack", "message", "bye"] as const) {
    for (const copies of [1, 3, 20]) {
      for (const returns of [false, true]) {
        const { received, sent } = drawAway(type, copies, returns);
        const what = `${copies} ${type}, ${returns ? "to and fro" : "once"}`;
        assert(sent <= 3 * received, `${what}: ${sent} bytes for ${received}`);
      }
    }
  }
});

function drawAway(type: PacketType, copies: number, returns: boolean) {
  const listener = newServer(1);
  const token = tokenFor(listener, CLIENT, 1n, 0);
  const [welcome] = exchange(listener, hello(1n, token), CLIENT, 0);
  const id = decodeWelcome(decode(welcome!.datagram)!.payload).sessionId;
  const question = encode({ type: "message", id, number: 1, attempt: 1, echo: 1 });
  listener.receive(question, CLIENT, 1);
  const events = listener.takeEvents();
  const session = events.find((event) => event.type === "question")!.session;
  let received = 0;
  let sent = 0;
  const count = () => {
    for (const { datagram, to } of listener.takeTransmits()) {
      if (to.hostname === OTHER.hostname) sent += datagram.length;
    }
  };
  count();
  const payload = type === "bye" ? Uint8Array.of(0) : new Uint8Array(0);
  for (let now = 2; now < 2 + copies; now++) {
    if (returns) listener.receive(encode({ type: "ping", id, number: now }), CLIENT, now);
    const datagram = encode({ type, id, number: 1, payload });
    received += datagram.length;
    listener.receive(datagram, OTHER, now);
    if (now === 2 && session.turn === "local") {
      listener.answer(session, new Uint8Array(MAX_MESSAGE_BYTES), now);
    }
    count();
  }
  for (let closeAt = 60_000, steps = 0; listener.size > 0; steps++) {
    assert(steps < 10_000, "it never comes to rest");
    const now = Math.min(listener.nextTimeout, closeAt);
    if (now === closeAt) {
      listener.close(now);
      closeAt = Infinity;
    }
    listener.handleTimeout(now);
    count();
  }
  return { received, sent };
}

/** A flood in parts: HELLOs, and HELLOs per ms. The second part is above every limit. */
const FLOOD = [{ hellos: cases(500_000), perMs: 15 }, { hellos: cases(500_000), perMs: 60 }];
const FLOOD_STEP_MS = 10;

// Invariant: HELLOs without a proof of their addresses leave a few sessions half open for seconds, however
// many there are, and a guest has its conversation meanwhile.
Deno.test("attack: a million HELLOs from forged addresses leave the heap where it was", () => {
  const random = seededRandom(8);
  const simulation = new Simulation(8, { ...PERFECT, delay: 5 });
  const listener = simulation.addServer(({ type, ...event }) => {
    if (type !== "question" || !("text" in event)) return;
    listener.answer(event.session, UTF8.encode(`re: ${event.text}`), simulation.now);
  });
  const most = Math.max(...FLOOD.map(({ perMs }) => perMs * FLOOD_STEP_MS));
  const hellos = Array.from({ length: most }, () => hello(0n));
  const heap = heapInUse();

  let flooded = 0;
  let start = 0;
  let conversations = 0;
  let largest = 0;
  for (const { hellos: count, perMs } of FLOOD) {
    flood(start, count, perMs * FLOOD_STEP_MS);
    const length = count / perMs;
    for (const part of [0.1, 0.3, 0.5]) {
      const port = 40_000 + conversations++;
      simulation.at(start + part * length, () => converse({ ...CLIENT, port }, start + length));
    }
    start += length;
  }

  function flood(at: number, left: number, batch: number): void {
    simulation.at(at, () => {
      for (const datagram of hellos.slice(0, Math.min(batch, left))) {
        const view = new DataView(datagram.buffer);
        view.setUint32(8, random() * 2 ** 32);
        view.setUint32(12, flooded);
        const hostname = `203.0.${flooded >> 8 & 255}.${flooded & 255}`;
        // Most know nothing; some bring a token that looks right.
        if (flooded % 10 === 0) datagram.set(seededBytes(random, 32), 34);
        datagram[28] = flooded % 10 === 0 ? 36 : 0;
        simulation.send(datagram, { hostname, port: 1 + flooded % 60_000 }, SERVER);
        flooded++;
      }
      if (left > batch) flood(at + FLOOD_STEP_MS, left - batch, batch);
    });
  }

  const finished: string[] = [];
  function converse(address: Address, deadline: number): void {
    let answers = 0;
    simulation.addClient(address, (event, dialer) => {
      if (event.type === "answer") assertEquals(event.text, `re: ${address.port} ${answers++}`);
      if (event.type === "ended") {
        finished.push(event.reason);
        assert(simulation.now < deadline, "It ended after the flood");
      } else if (event.type === "connected" || event.type === "answer") {
        if (answers === 5) dialer.bye("bye", simulation.now);
        else dialer.ask(UTF8.encode(`${address.port} ${answers}`), simulation.now);
      }
    });
  }

  simulation.drive(() => {
    largest = Math.max(largest, listener.size);
    return false;
  });
  const growth = heapInUse() - heap;
  assertEquals(flooded, 2 * cases(500_000));
  assertEquals(finished, new Array(conversations).fill("bye"));
  assert(largest <= MAX_HALF_OPEN + conversations, `${largest} sessions at once`);
  assertEquals([listener.size, listener.nextTimeout], [0, Infinity]);
  assert(growth < 2 ** 20, `The heap grew by ${growth} bytes`);
});
