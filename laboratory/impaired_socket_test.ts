import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type NetworkConditions, PERFECT } from "./network.ts";
import { type Address, connect, type DatagramSocket, serve } from "../transport/mod.ts";
import { ImpairedSocket } from "./impaired_socket.ts";
import type { Observation } from "./observation.ts";
import { encode } from "../transport/reliable/packet.ts";

const PEER: Address = { hostname: "192.0.2.7", port: 40_001 };

/** A socket whose other end is a test. */
class FakeSocket implements DatagramSocket {
  readonly address: Address = { hostname: "192.0.2.1", port: 12_000 };
  readonly sent: number[] = [];
  isClosed = false;
  #buffer = new Uint8Array(1);
  #arrived: number[] = [];
  #waiting: PromiseWithResolvers<readonly [Uint8Array, Address]> | undefined;

  /** Lets a datagram of one byte arrive. */
  arrive(byte: number): void {
    this.#arrived.push(byte);
    this.#next();
  }

  receive(): Promise<readonly [Uint8Array, Address]> {
    if (this.isClosed) return Promise.reject(new Deno.errors.BadResource());
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#next();
    return promise;
  }

  send(datagram: Uint8Array, to: Address): Promise<unknown> {
    assertEquals(to, PEER);
    this.sent.push(datagram[0]!);
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#waiting?.reject(new Deno.errors.BadResource());
  }

  #next(): void {
    if (this.#waiting === undefined || this.#arrived.length === 0) return;
    // As a real socket does: one buffer for all datagrams.
    this.#buffer[0] = this.#arrived.shift()!;
    this.#waiting.resolve([this.#buffer, PEER]);
    this.#waiting = undefined;
  }
}

interface StageOptions extends Partial<NetworkConditions> {
  readonly seed?: number;
  readonly dropped?: readonly number[];
}

/** An impaired socket, the socket below it, and its observations. */
class Stage {
  readonly socket = new FakeSocket();
  readonly observations: Observation[] = [];
  readonly network: ImpairedSocket;

  constructor({ seed = 1, dropped = [], ...conditions }: StageOptions = {}) {
    this.network = new ImpairedSocket(this.socket, {
      conditions: { ...PERFECT, ...conditions },
      seed,
      dropped: dropped.map((order) => [order, order]),
      onObservation: (observation) => this.observations.push(observation),
    });
  }

  async send(...bytes: number[]): Promise<void> {
    for (const byte of bytes) await this.network.send(Uint8Array.of(byte), PEER);
  }

  /** Receives `count` datagrams. */
  async receive(count: number): Promise<number[]> {
    const got: number[] = [];
    for (let i = 0; i < count; i++) {
      const [datagram, from] = await this.network.receive();
      assertEquals(from, PEER);
      got.push(datagram[0]!);
    }
    return got;
  }

  /** The observations, as in `sent 1 lost`. */
  get told(): string[] {
    return this.observations.map(({ direction, order, fate }) => `${direction} ${order} ${fate}`);
  }
}

const BYTES = Array.from({ length: 200 }, (_, i) => i);

Deno.test("impaired socket: where nothing is bad, everything passes as it came", async () => {
  const stage = new Stage();
  await stage.send(1, 2);
  for (const byte of [3, 4]) stage.socket.arrive(byte);
  assertEquals(await stage.receive(2), [3, 4]);
  stage.network.close();
  assertEquals(stage.socket.sent, [1, 2]);
  const told = ["sent 1 whole", "sent 2 whole", "received 3 whole", "received 4 whole"];
  assertEquals(stage.told, told);
  assert(stage.observations.every(({ delay, isHeldBack }) => delay === 0 && !isHeldBack));
  assert(stage.socket.isClosed);
});

Deno.test("impaired socket: a received datagram is told of when it was handled", async () => {
  const stage = new Stage();
  for (const byte of [1, 2]) stage.socket.arrive(byte);
  await stage.network.receive();
  assertEquals(stage.told, []);
  await null;
  assertEquals(stage.told, ["received 1 whole"]);
  await stage.network.receive();
  const sent = stage.send(3);
  assertEquals(stage.told, ["received 1 whole", "received 2 whole", "sent 3 whole"]);
  await sent;
});

Deno.test("impaired socket: the datagrams of a list are lost, whichever way they go", async () => {
  const stage = new Stage({ dropped: [2, 4] });
  await stage.send(1, 2, 3);
  for (const byte of [4, 5]) stage.socket.arrive(byte);
  assertEquals(await stage.receive(1), [5]);
  stage.network.close();
  assertEquals(stage.socket.sent, [1, 3]);
  assertEquals(
    stage.told,
    ["sent 1 whole", "sent 2 lost", "sent 3 whole", "received 4 lost", "received 5 whole"],
  );
});

// `--perdida 6` lost another datagram when somebody took more than 15 s to type.
Deno.test("impaired socket: keepalives have no number, and shift no chance of the others", async () => {
  const fates = async (keepalives: number) => {
    const stage = new Stage({ loss: 0.5, dropped: [3] });
    const ping = encode({ type: "ping", id: 7n, number: 1 });
    for (const byte of BYTES) {
      for (let i = 0; i < keepalives; i++) await stage.network.send(ping, PEER);
      await stage.send(byte);
    }
    stage.network.close();
    const [pings, others] = [true, false].map((isPing) =>
      stage.observations.filter(({ header }) => (header !== undefined) === isPing)
    );
    assert(pings!.every(({ order }) => order === 0));
    assertEquals(pings!.some(({ fate }) => fate === "lost"), keepalives > 0);
    return others!.map(({ order, fate }) => `${order} ${fate}`);
  };
  const whole = await fates(0);
  assertEquals(whole.length, BYTES.length);
  assertEquals(whole[2], "3 lost");
  assertEquals(await fates(3), whole);
});

Deno.test("impaired socket: a duplicated datagram leaves twice, and is received twice", async () => {
  const stage = new Stage({ duplication: 1 });
  await stage.send(1);
  stage.socket.arrive(2);
  assertEquals(await stage.receive(2), [2, 2]);
  stage.network.close();
  assertEquals(stage.socket.sent, [1, 1]);
  assertEquals(stage.told, ["sent 1 duplicated", "received 2 duplicated", "received 2 copy"]);
});

Deno.test("impaired socket: what is delayed arrives in the order of arrival, and is the same", async () => {
  const stage = new Stage({ delay: 5, jitter: 20, duplication: 0.5 });
  await stage.send(...BYTES);
  for (const byte of BYTES) stage.socket.arrive(byte);
  const received = await stage.receive(BYTES.length);
  assert(new Set(received).size > BYTES.length / 2);
  assertNotEquals(received, received.toSorted((a, b) => a - b));
  for (const { delay } of stage.observations) assert(delay >= 5 && delay < 25, `${delay} ms`);
  stage.network.close();
  await assertRejects(() => stage.network.receive(), Deno.errors.BadResource);
});

Deno.test("impaired socket: what is held back is overtaken, and is told of", async () => {
  const stage = new Stage({ reordering: 0.3 });
  for (const byte of BYTES) stage.socket.arrive(byte);
  const received = await stage.receive(BYTES.length);
  stage.network.close();
  const held = stage.observations.filter(({ isHeldBack }) => isHeldBack);
  assert(held.length > BYTES.length / 6 && held.length < BYTES.length / 2);
  assertEquals(received.toSorted((a, b) => a - b), BYTES);
  assertNotEquals(received, BYTES);
  const heldBytes = held.map(({ datagram }) => datagram[0]!);
  const others = received.filter((byte) => !heldBytes.includes(byte));
  assertEquals(others, others.toSorted((a, b) => a - b));
});

Deno.test("impaired socket: what was sent leaves although it is closed meanwhile", async () => {
  const stage = new Stage({ delay: 5, jitter: 20 });
  await stage.send(1, 2, 3);
  const next = stage.network.receive();
  stage.network.close();
  assert(!stage.socket.isClosed);
  await assertRejects(() => next, Deno.errors.BadResource);
  assertEquals(stage.socket.sent.toSorted(), [1, 2, 3]);
});

Deno.test("impaired socket: after it is closed nothing is handed on", async () => {
  const stage = new Stage({ delay: 5 });
  await stage.send(1);
  const next = stage.network.receive();
  stage.socket.arrive(2);
  stage.network.close();
  await assertRejects(() => next, Deno.errors.BadResource);
  assertEquals(stage.told, ["sent 1 whole"]);
});

/** Which of those sent, and which of those received are lost. */
async function lost(seed: number, first: "sent" | "received"): Promise<[number[], number[]]> {
  const stage = new Stage({ loss: 0.25, seed });
  const closed = assertRejects(() => stage.receive(Infinity), Deno.errors.BadResource);
  if (first === "sent") await stage.send(...BYTES);
  for (const byte of BYTES) stage.socket.arrive(byte);
  await new Promise((resolve) => setTimeout(resolve));
  if (first === "received") await stage.send(...BYTES);
  stage.network.close();
  await closed;
  const lost = stage.observations.filter(({ fate }) => fate === "lost");
  assertEquals(stage.observations.length, 2 * BYTES.length);
  const bytes = (direction: Observation["direction"]) =>
    lost.filter((it) => it.direction === direction).map(({ datagram }) => datagram[0]!);
  return [bytes("sent"), bytes("received")];
}

Deno.test("impaired socket: the same seed loses the same ones each way, whatever comes first", async () => {
  const [sent, received] = await lost(7, "sent");
  assertEquals(await lost(7, "received"), [sent, received]);
  assert(sent.length > 30 && sent.length < 70);
  assertNotEquals(sent, received);
  assertNotEquals(await lost(8, "sent"), [sent, received]);
});

Deno.test({
  name: "impaired socket: a conversation over it ends right, and its line after each is true",
  ignore: Deno.permissions.querySync({ name: "net" }).state !== "granted",
  async fn() {
    const conditions = { loss: 0.2, duplication: 0.2, reordering: 0.2, delay: 1, jitter: 3 };
    const seen: string[] = [];
    await using server = serve({ port: 0 }, (question) => question.toUpperCase());
    await using conversation = await connect({
      port: server.addr.port,
      transport: (socket, monitor) =>
        new ImpairedSocket(socket, {
          conditions,
          seed: 1,
          dropped: [],
          onObservation: ({ datagram, direction, fate, header }) => {
            if (header?.type !== "message" || fate !== "whole") return;
            seen.push(`${direction} ${header.number} ${monitor.inspect(datagram)?.turn}`);
          },
        }),
    });
    for (const question of ["a", "b", "c"]) {
      assertEquals(await conversation.ask(question), question.toUpperCase());
    }
    await conversation.bye();
    assert(seen.includes("sent 1 remote"), seen.join());
    assert(seen.some((line) => /^received \d local$/.test(line)), seen.join());
  },
});
