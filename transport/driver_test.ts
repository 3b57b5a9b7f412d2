import { assert, assertEquals } from "@std/assert";
import { Endpoint } from "./endpoint.ts";
import { type DatagramSocket, Driver } from "./driver.ts";

/** A clock that stands in for the platform's, and fires the timers of a driver. */
class Clock implements Disposable {
  now = 1000;
  readonly #timers: { readonly at: number; readonly signal: AbortSignal }[] = [];
  readonly #now = performance.now;
  readonly #timeout = AbortSignal.timeout;

  constructor() {
    performance.now = () => this.now;
    AbortSignal.timeout = (milliseconds) => {
      const { signal } = new AbortController();
      this.#timers.push({ at: this.now + milliseconds, signal });
      return signal;
    };
  }

  /** Lets time pass until that, timer by timer. */
  pass(end: number): void {
    while (true) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.now = next.at;
      next.signal.onabort?.(new Event("abort"));
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

  override receive(): void {}

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
  return { endpoint, driver: new Driver({ socket, endpoint, onEvent() {} }) };
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
