import { assert } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import type { Flight } from "../laboratory/world.ts";
import type { Address } from "../transport/endpoint.ts";
import { decode, encode, encodeHello, handshakeFields } from "../transport/reliable/packet.ts";
import { codeRoom } from "./rooms.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { isWhole, testAtLength } from "./whole.ts";

const NOTHING = new Uint8Array(0);

interface Guesser {
  readonly address: Address;
  nonce: bigint;
  token: Uint8Array;
}

/** Somebody who guesses codes from many addresses at once, and asks again and again when told to wait. */
class Guessers {
  /** Guesses that the server answered. */
  judged = 0;
  readonly #wire: Simulation;
  readonly #guessers: ReadonlyMap<string, Guesser>;
  readonly #keyShare = codeRoom("otro").initiate(handshakeFields(1n, 75_000)).keyShare;
  #nonce = 0n;

  constructor(wire: Simulation, { count, pause }: { count: number; pause: number }) {
    this.#wire = wire;
    const guessers = Array.from({ length: count }, (_, i) => ({
      address: { hostname: `10.0.${i >> 8}.${i & 255}`, port: 40_000 },
      nonce: this.#nonce++,
      token: NOTHING,
    }));
    this.#guessers = new Map(guessers.map((guesser) => [guesser.address.hostname, guesser]));
    guessers.forEach((guesser, i) => this.#repeat(guesser, i * pause / count, pause));
  }

  /** Takes what the server sends to them; false for a datagram of somebody else. */
  take({ datagram, to }: Flight): boolean {
    const guesser = this.#guessers.get(to.hostname);
    if (guesser === undefined || guesser.address.port !== to.port) return false;
    const packet = decode(datagram)!;
    if (packet.id !== guesser.nonce) return true;
    if (packet.type === "retry") {
      guesser.token = packet.payload.slice();
      this.#knock(guesser);
    } else if (packet.type === "welcome") {
      this.judged++;
      guesser.nonce = this.#nonce++;
      guesser.token = NOTHING;
    }
    return true;
  }

  #repeat(guesser: Guesser, at: number, pause: number): void {
    this.#wire.at(at, () => {
      this.#knock(guesser);
      this.#repeat(guesser, at + pause * (0.5 + this.#wire.random()), pause);
    });
  }

  #knock({ address, nonce, token }: Guesser): void {
    const keyShare = token.length > 0 ? this.#keyShare : NOTHING;
    const payload = encodeHello({ idleTimeout: 75_000, token, keyShare });
    const datagram = encode({ type: "hello", id: nonce, attempt: 1, payload });
    this.#wire.carry({ datagram, from: address, to: SERVER });
  }
}

/** How long honest clients took to connect, in ms, sorted. */
class Waits {
  readonly #waits: number[] = [];

  add(wait: number): void {
    this.#waits.push(wait);
    this.#waits.sort((a, b) => a - b);
  }

  quantile(part: number): number {
    return Math.round(this.#waits[Math.ceil(part * this.#waits.length) - 1]!);
  }

  toString(): string {
    return `${this.#waits.length}: median ${this.quantile(0.5)} ms, 95 % ${
      this.quantile(0.95)
    } ms, ` +
      `longest ${this.quantile(1)} ms`;
  }
}

/** Lets guessers guess for so many minutes, and honest clients come every few seconds meanwhile. */
function guess(
  { count, pause, minutes }: { count: number; pause: number; minutes: number },
): { judged: number; elsewhere: Waits; beside: Waits } {
  const wire = new Simulation(1, { ...PERFECT, delay: 5 }, codeRoom());
  const guessers = new Guessers(wire, { count, pause });
  wire.onSend = (flight) => guessers.take(flight) || wire.carry(flight);
  wire.addServer(() => {}, { maxSessions: 100_000, maxSessionsPerAddress: 100_000 });
  let clients = 0;
  const visit = (hostname: string, waits: Waits) => {
    const start = wire.now;
    const port = 50_000 + clients++;
    wire.addClient({ hostname, port }, (event, dialer) => {
      if (event.type === "refused") waits.add(Infinity);
      if (event.type !== "connected") return;
      waits.add(wire.now - start);
      dialer.bye("bye", wire.now);
    }, { connectTimeout: 600_000 });
  };
  const [elsewhere, beside] = [new Waits(), new Waits()];
  for (let at = 10_000; at < minutes * 60_000 - 600_000; at += 20_000) {
    wire.at(at + 10_000 * wire.random(), () => visit(`192.0.2.${clients % 200}`, elsewhere));
    wire.at(at + 10_000 * wire.random(), () => visit("10.0.0.0", beside));
  }
  wire.drive(() => false, minutes * 60_000);
  return { judged: guessers.judged, elsewhere, beside };
}

// As fast as it can be done, from one address: ten, and then one every five seconds. Measured in an hour: 729
// guesses. Clients elsewhere notice nothing; one behind the same address waits 39 s, of twenty one for 145 s.
Deno.test("guessing: from one address, an hour is good for 730 guesses", () => {
  const minutes = isWhole ? 60 : 15;
  const { judged, elsewhere, beside } = guess({ count: 1, pause: 250, minutes });
  const most = 10 + minutes * 12;
  assert(judged <= most && judged > 0.9 * most, `${judged} guesses`);
  assert(elsewhere.quantile(1) < 100, `elsewhere: ${elsewhere}`);
  assert(beside.quantile(0.5) < 120_000, `beside: ${beside}`);
});

// Measured: 3,649 guesses. Until each of the thousand addresses is suspect, for a quarter of an hour, clients
// elsewhere have to wait with them: of twenty one for 52 s. Then they notice nothing.
testAtLength("guessing: from a thousand addresses, an hour is good for 3,700 guesses", () => {
  const { judged, elsewhere, beside } = guess({ count: 1000, pause: 20_000, minutes: 60 });
  assert(judged <= 100 + 3600 && judged > 3300, `${judged} guesses`);
  assert(elsewhere.quantile(0.5) < 100, `elsewhere: ${elsewhere}`);
  assert(elsewhere.quantile(1) < 300_000, `elsewhere: ${elsewhere}`);
  assert(beside.quantile(0.5) < 300_000, `beside: ${beside}`);
});
