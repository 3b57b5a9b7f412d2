import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Address, Endpoint } from "./endpoint.ts";
import { byTurns, type DatagramSocket, Driver, pause } from "./driver.ts";

/** A clock that stands in for the platform's, and fires the timers of a driver. */
class Clock implements Disposable {
  now = 1000;
  readonly #timers: { readonly at: number; readonly controller: AbortController }[] = [];
  readonly #now = performance.now;
  readonly #timeout = AbortSignal.timeout;

  constructor() {
    performance.now = () => this.now;
    AbortSignal.timeout = (milliseconds) => {
      const controller = new AbortController();
      this.#timers.push({ at: this.now + milliseconds, controller });
      return controller.signal;
    };
  }

  /** Lets time pass until that, timer by timer. */
  pass(end: number): void {
    while (true) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.now = next.at;
      next.controller.abort();
    }
    this.now = end;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
    AbortSignal.timeout = this.#timeout;
  }
}

/** A protocol end that wants nothing but to be woken. */
class Sleeper extends Endpoint<string> {
  override readonly maxMessageBytes = 0;
  override readonly maxDatagramBytes = 0;
  override nextTimeout = Infinity;
  /** When it was woken, and whether for something. */
  readonly woken: string[] = [];

  override receive(_datagram: Uint8Array, _from: Address): void {}

  override handleTimeout(now: number): void {
    const isDue = this.nextTimeout <= now;
    this.woken.push(`${now}${isDue ? "" : " in vain"}`);
    if (!isDue) return;
    this.nextTimeout = Infinity;
    this.emit("due");
  }
}

interface Driven {
  readonly endpoint: Sleeper;
  readonly driver: Driver<string>;
}

function drive(): Driven {
  const socket: DatagramSocket = {
    address: { hostname: "127.0.0.1", port: 12_000 },
    receive: () => new Promise(() => {}),
    send: () => Promise.resolve(),
    close() {},
  };
  const endpoint = new Sleeper();
  return { endpoint, driver: new Driver({ open: () => socket, endpoint, onEvent() {} }) };
}

// It was late by as much as 50 ms, and an acknowledgement that is due after 25 ms came after 75.
Deno.test("driver: a deadline is kept although the timer before it came for nothing", () => {
  using clock = new Clock();
  const { endpoint, driver } = drive();
  endpoint.nextTimeout = 1020;
  driver.update();
  clock.pass(1010);
  endpoint.nextTimeout = 1035;
  driver.update();
  clock.pass(1100);
  assertEquals(endpoint.woken, ["1020 in vain", "1035"]);
});

/** A quick conversation: each ms of it moves the deadline on. Returns the number of wake-ups. */
function talk(milliseconds: number, clock: Clock, { endpoint, driver }: Driven): number {
  const before = endpoint.woken.length;
  for (let turn = 0; turn < milliseconds; turn++) {
    endpoint.nextTimeout = clock.now + 25;
    driver.update();
    clock.pass(clock.now + 1);
  }
  return endpoint.woken.length - before;
}

/** Lets a deadline come. Returns by how many ms it was kept too late. */
function lateness(clock: Clock, { endpoint, driver }: Driven): number {
  const deadline = clock.now + 25;
  endpoint.nextTimeout = deadline;
  driver.update();
  while (endpoint.nextTimeout < Infinity) clock.pass(clock.now + 1);
  return Math.ceil(clock.now - deadline);
}

Deno.test("driver: while deadlines move on and on, it is seldom woken", () => {
  using clock = new Clock();
  const driven = drive();
  const woken = talk(10_000, clock, driven);
  assert(woken >= 100 && woken <= 210, `${woken} times in ten seconds`);
});

// The rest once grew while all went well, up to 250 ms: a slow client beside a quick one waited for it.
Deno.test("driver: the last deadline is kept, late by a rest at most", () => {
  for (let time = 100; time <= 20_000; time += 77) {
    using clock = new Clock();
    const driven = drive();
    talk(time, clock, driven);
    const late = lateness(clock, driven);
    assert(late <= 50, `${late} ms after ${time}`);
    assertEquals(lateness(clock, driven), 0, "the next is in time again");
  }
});

/** An end that answers each datagram with one, of the same bytes. */
class Echo extends Sleeper {
  override receive(datagram: Uint8Array, from: Address): void {
    this.transmit(datagram.slice(), from);
  }
}

const PEER = { hostname: "192.0.2.7", port: 4000 };

/** A socket that gives what `next` gives, or throws what that throws. */
function socketOf(
  next: (count: number) => unknown,
  send: DatagramSocket["send"] = () => Promise.resolve(),
): DatagramSocket {
  let count = 0;
  return {
    address: { hostname: "127.0.0.1", port: 12_000 },
    async receive() {
      await null;
      return await next(count++) as [Uint8Array, typeof PEER];
    },
    send,
    close() {},
  };
}

/** Drives an `Echo` until it is told to stop. Returns the datagrams that it received. */
async function echoesOf(errors: number, error: (count: number) => Error): Promise<number> {
  let received = 0;
  const last = Promise.withResolvers<void>();
  const socket = socketOf((count) => {
    if (count % (errors + 1) < errors) throw error(count);
    if (++received === 3) last.resolve();
    return received > 3 ? new Promise(() => {}) : [new Uint8Array(1), PEER];
  });
  const driver = new Driver({ open: () => socket, endpoint: new Echo(), onEvent() {} });
  await Promise.race([driver.finished, last.promise]);
  return received;
}

// A hundred errors in a row once ended the server, on Windows at the will of anybody with a closed port.
Deno.test("driver: errors that tell of a datagram never end it, however many in a row", async () => {
  const reset = () => new Deno.errors.ConnectionReset();
  assertEquals(await echoesOf(5000, reset), 3);
  const codes = [10_040, 10_052, 10_054];
  const coded = (count: number) => new Error(`x (os error ${codes[count % codes.length]})`);
  assertEquals(await echoesOf(5000, coded), 3);
});

Deno.test("driver: other errors end it only when nothing else came for seconds", async () => {
  const now = performance.now;
  let time = 0;
  performance.now = () => time;
  try {
    let errors = 0;
    const socket = socketOf((count) => {
      time = 3000 * count;
      if (count === 3) return [new Uint8Array(1), PEER];
      errors++;
      throw new Error("no memory");
    });
    const driver = new Driver({ open: () => socket, endpoint: new Sleeper(), onEvent() {} });
    await assertRejects(() => driver.finished, Error, "no memory");
    assertEquals([errors, time], [3 + 5, 3000 * 8]);
  } finally {
    performance.now = now;
  }
});

// While `send` waits, as it does for a full socket, the replies once waited without bound.
Deno.test("driver: datagrams that wait for the socket are bounded, the oldest lost and counted", async () => {
  const COUNT = 20_000;
  const sent: number[] = [];
  const free = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  const socket = socketOf(
    (count) => {
      if (count < COUNT) return [new Uint8Array(Uint32Array.of(count).buffer), PEER];
      free.resolve();
      return new Promise(() => {});
    },
    async (datagram) => {
      await free.promise;
      sent.push(new Uint32Array(datagram.slice().buffer)[0]!);
      if (sent.at(-1) === COUNT - 1) all.resolve();
    },
  );
  const endpoint = new Echo();
  const driver = new Driver({ open: () => socket, endpoint, onEvent() {} });
  await Promise.race([driver.finished, all.promise]);
  assert(sent.length < 5000, `${sent.length} waited`);
  assertEquals(sent.length + endpoint.counters.unsent, COUNT);
  assertEquals(sent.slice(1), Array.from(sent.slice(1), (_, i) => COUNT - sent.length + 1 + i));
});

/** Sockets that are numbered as they are opened, and tell what became of each. */
class Sockets {
  readonly open = new Set<number>();
  readonly sentBy: number[] = [];
  readonly #arrivals: ((got: [Uint8Array, Address]) => void)[] = [];

  openNext = (): DatagramSocket => {
    const number = this.#arrivals.length;
    this.#arrivals.push(() => {});
    this.open.add(number);
    const closed = Promise.withResolvers<never>();
    return {
      address: { hostname: "127.0.0.1", port: 12_000 + number },
      receive: () =>
        Promise.race([
          new Promise<[Uint8Array, Address]>((resolve) => this.#arrivals[number] = resolve),
          closed.promise,
        ]),
      send: () => Promise.resolve(void this.sentBy.push(number)),
      close: () => {
        this.open.delete(number);
        closed.reject(new Error("closed"));
      },
    };
  };

  /** A datagram arrives at one of them. */
  async arrive(number: number): Promise<void> {
    this.#arrivals[number]!([new Uint8Array(1), PEER]);
    for (let i = 0; i < 10; i++) await null;
  }
}

Deno.test("driver: after a hop it sends from the new socket, and hears three for a while", async () => {
  using clock = new Clock();
  const sockets = new Sockets();
  const driver = new Driver({ open: sockets.openNext, endpoint: new Echo(), onEvent() {} });
  await sockets.arrive(0);
  driver.hop();
  await sockets.arrive(0);
  assertEquals([sockets.sentBy, [...sockets.open]], [[0, 1], [0, 1]]);
  for (let hop = 2; hop <= 5; hop++) driver.hop();
  assertEquals([...sockets.open], [3, 4, 5]);
  clock.pass(clock.now + 5_000);
  driver.hop();
  await sockets.arrive(6);
  clock.pass(clock.now + 5_000);
  assertEquals([sockets.sentBy, [...sockets.open]], [[0, 1, 6], [5, 6]]);
  clock.pass(clock.now + 5_000);
  assertEquals([...sockets.open], [6]);
  driver.hop();
  await driver.close();
  assertEquals([...sockets.open], []);
});

// A client that had hopped was gone before what its network delayed had left.
Deno.test("driver: after a hop, too, it is over only once the last socket is", async () => {
  using _ = new Clock();
  const sockets = new Sockets();
  const closing: (() => void)[] = [];
  const open = () => {
    const socket = sockets.openNext();
    return { ...socket, close: () => void closing.push(socket.close) };
  };
  const driver = new Driver({ open, endpoint: new Echo(), onEvent() {} });
  driver.hop();
  let isOver = false;
  const closed = driver.close().then(() => isOver = true);
  await pause();
  assertEquals(closing.length, 2);
  for (const close of closing) {
    assert(!isOver);
    close();
    await pause();
  }
  await closed;
});

Deno.test("driver: where no socket can be opened, it goes on with the one that it has", async () => {
  const sockets = new Sockets();
  let isFull = false;
  const open = () => {
    if (isFull) throw new Error("too many open files");
    return sockets.openNext();
  };
  const driver = new Driver({ open, endpoint: new Echo(), onEvent() {} });
  isFull = true;
  driver.hop();
  await sockets.arrive(0);
  assertEquals(sockets.sentBy, [0]);
  await driver.close();
});

Deno.test("driver: the addresses of a name come by turns, the system's first one first", () => {
  const found = (text: string) =>
    text.split(" ").map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  assertEquals(
    byTurns(found("::1 ::2 ::3 10.0.0.1 10.0.0.2")).join(" "),
    "::1 10.0.0.1 ::2 10.0.0.2 ::3",
  );
  assertEquals(byTurns(found("10.0.0.1 ::1")).join(" "), "10.0.0.1 ::1");
  assertEquals(byTurns(found("10.0.0.2 10.0.0.1")).join(" "), "10.0.0.2 10.0.0.1");
});
