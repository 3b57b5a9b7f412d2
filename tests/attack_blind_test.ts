import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { seededRandom } from "../laboratory/random.ts";
import type { Flight } from "../laboratory/world.ts";
import type { Dialer, DialerEvent } from "../transport/reliable/dialer.ts";
import type { Listener } from "../transport/reliable/listener.ts";
import type { Address } from "../transport/endpoint.ts";
import { decode, decodeWelcome } from "../transport/reliable/packet.ts";
import type { Session } from "../transport/reliable/session.ts";
import { forge, forSeeds, guessedId, hello, oneOf, PACKET_TYPES } from "./attack.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { testAtLength } from "./whole.ts";

const SEEDS = 400;
const ATTACKER: Address = { hostname: "203.0.113.66", port: 666 };
const UTF8 = new TextEncoder();

/** Guesses in one burst. */
const BURST = 40;

// Invariant: without its id, a session cannot be touched. An attacker who sees none of the
// others' datagrams sends every type of packet at any time, with any source address, to the server
// and to its clients. He is a client himself, so he knows one id, one nonce and one token, and he
// guesses as well as anybody could: next to his own ids, and one bit beside the right ones. Every
// conversation takes the course that it takes without him; where nothing is lost, to the millisecond.
testAtLength(
  `attack: nobody speaks for another, ${SEEDS} conversations with a blind attacker`,
  () => {
    forSeeds(SEEDS, function attack(seed) {
      const attacked = new BlindAttack(seed);
      attacked.attack();
      assertEquals(attacked.live(), new BlindAttack(seed).live());
      assert(attacked.forged > 100, `only ${attacked.forged} forged datagrams`);
    });
  },
);

interface Visitor {
  readonly address: Address;
  readonly arrivesAt: number;
  readonly turns: readonly { readonly pause: number; readonly thinking: number }[];
}

class BlindAttack {
  /** Datagrams that the attacker has sent. */
  forged = 0;
  readonly #simulation: Simulation;
  readonly #isLossless: boolean;
  readonly #visitors: readonly Visitor[];
  readonly #listener: Listener;
  readonly #sessions = new Map<Session, Address>();
  readonly #transcripts = new Map<string, string[]>();
  readonly #attackRandom: () => number;

  constructor(seed: number) {
    const random = seededRandom(seed);
    const between = (least: number, most: number) => least + random() * (most - least);
    this.#attackRandom = seededRandom(seed + 2_000_003);
    this.#isLossless = seed % 2 === 0;
    const bad = {
      loss: between(0, 0.2),
      duplication: between(0, 0.1),
      reordering: between(0, 0.1),
    };
    this.#simulation = new Simulation(seed, {
      ...PERFECT,
      ...(this.#isLossless ? {} : { ...bad, jitter: between(0, 20) }),
      delay: between(1, 200),
    });
    this.#visitors = Array.from({ length: Math.ceil(between(0, 4)) }, (_, i) => ({
      address: { hostname: `198.51.100.${i}`, port: 40_000 + i },
      arrivesAt: between(0, 3000),
      turns: Array.from({ length: Math.floor(between(0, 5)) }, () => ({
        pause: between(0, 3000),
        thinking: random() < 0.3 ? 0 : between(0, 5000),
      })),
    }));
    this.#listener = this.#addServer();
    for (const visitor of this.#visitors) {
      this.#simulation.at(visitor.arrivesAt, () => this.#visit(visitor));
    }
    // The attacker has a conversation like the others.
    const turns = Array.from({ length: 5 }, () => ({ pause: 2000, thinking: 1000 }));
    this.#simulation.at(0, () => this.#visit({ address: ATTACKER, arrivesAt: 0, turns }));
  }

  /** Lets all of it happen. Returns what each end lived through, in order. */
  live(): Record<string, string[]> {
    this.#simulation.drive(() => {
      for (const [session, owner] of this.#sessions) assertEquals(session.address, owner);
      return false;
    });
    assertEquals(this.#listener.size, 0);
    return Object.fromEntries(this.#transcripts);
  }

  /** Lets the attacker in. */
  attack(): void {
    const guesser = new Guesser(this.#attackRandom, this.#visitors.map(({ address }) => address));
    const burst = () => {
      for (let i = 0; i < BURST; i++) {
        this.forged++;
        this.#simulation.carry(guesser.guess());
      }
    };
    this.#simulation.onSend = (flight) => {
      this.#simulation.carry(flight);
      // Chance has it that he is right on time: in every handshake, and at every word.
      if (guesser.hear(flight) && this.#attackRandom() < 0.5) {
        this.#simulation.at(this.#simulation.now + 100 * this.#attackRandom(), burst);
      }
    };
  }

  #addServer(): Listener {
    // With a victim's source addresses he can use up the sessions that may be half open there: then the
    // handshake takes a round trip more, as it does wherever a token is asked for.
    const options = this.#isLossless ? { maxHalfOpen: 0 } : {};
    return this.#simulation.addServer((event, listener) => {
      if (!("session" in event)) return;
      const { session } = event;
      const { hostname } = session.address;
      switch (event.type) {
        case "connected":
          this.#sessions.set(session, session.address);
          this.#note(`server, ${hostname}`, "connected");
          break;
        case "question": {
          this.#note(`server, ${hostname}`, event.text);
          const thinking = Number(event.text.split(" ")[2]);
          this.#simulation.at(this.#simulation.now + thinking, () => {
            listener.answer(session, UTF8.encode(`re: ${event.text}`), this.#simulation.now);
          });
          break;
        }
        case "ended":
          this.#sessions.delete(session);
          this.#note(`server, ${hostname}`, `ended: ${event.reason}`);
      }
    }, options);
  }

  #visit({ address, turns }: Visitor): void {
    const name = address.hostname;
    let answers = 0;
    const goOn = (dialer: Dialer) => {
      const turn = turns[answers];
      this.#simulation.at(this.#simulation.now + (turn?.pause ?? 0), () => {
        const question = `${name} ${answers} ${turn?.thinking}`;
        if (turn === undefined) dialer.bye("bye", this.#simulation.now);
        else dialer.ask(UTF8.encode(question), this.#simulation.now);
      });
    };
    this.#simulation.addClient(address, (event: DialerEvent, dialer) => {
      // On a path that loses, chance decides about these.
      const isChance = ["position", "unresponsive", "responsive", "hop"].includes(event.type);
      if (isChance && !this.#isLossless) return;
      // So it does whether a bye is confirmed while its client waits.
      const isBye = event.type === "ended" && !this.#isLossless && event.reason === "unconfirmed";
      const told = isBye ? { ...event, reason: "bye" } : event;
      this.#note(name, event.type === "answer" ? event.text : JSON.stringify(told));
      if (event.type === "answer") answers++;
      if (event.type === "answer" || event.type === "connected") goOn(dialer);
    });
  }

  #note(who: string, what: string): void {
    const transcript = this.#transcripts.get(who) ?? [];
    this.#transcripts.set(who, transcript);
    transcript.push(this.#isLossless ? `${this.#simulation.now} ${what}` : what);
  }
}

/** Guesses what a datagram of somebody else's session looks like. */
class Guesser {
  readonly #random: () => number;
  readonly #victims: readonly Address[];
  /** Ids and nonces that he is told because they are his own. */
  readonly #own: bigint[] = [];
  /** The right ones, which he never hits. */
  readonly #secret: bigint[] = [];
  #token: Uint8Array = new Uint8Array(0);
  #tokenNonce = 0n;

  constructor(random: () => number, victims: readonly Address[]) {
    this.#random = random;
    this.#victims = victims;
  }

  /**
   * Learns from a datagram of somebody, as far as it tells an id or is for the attacker himself.
   *
   * @returns Whether it is of a conversation, and no answer to a guess.
   */
  hear({ datagram, from, to }: Flight): boolean {
    const packet = decode(datagram)!;
    const isOwn = to === ATTACKER || from === ATTACKER;
    const ids = isOwn ? this.#own : this.#secret;
    if (packet.type === "hello" && !ids.includes(packet.id)) ids.push(packet.id);
    if (!ids.includes(packet.id)) return false;
    if (packet.type === "welcome") ids.push(decodeWelcome(packet.payload).sessionId);
    if (packet.type === "retry" && isOwn) {
      this.#token = packet.payload.slice();
      this.#tokenNonce = packet.id;
    }
    return true;
  }

  guess(): Flight {
    const victim = oneOf(this.#victims, this.#random);
    // To the server as from a client, or to a client as from the server; or openly.
    const [to, owner] = this.#random() < 0.5 ? [SERVER, victim] : [victim, SERVER];
    const from = oneOf([owner, owner, owner, ATTACKER, SERVER], this.#random);
    const isTokenTry = this.#random() < 0.1;
    const datagram = isTokenTry
      ? hello(this.#tokenNonce + oneOf([0n, 0n, 1n, -1n], this.#random) & MAX_ID, this.#token)
      : forge(oneOf(PACKET_TYPES, this.#random), this.#guessId(), this.#random);
    return isTokenTry && from === ATTACKER
      ? { datagram, from: victim, to }
      : { datagram, from, to };
  }

  #guessId(): bigint {
    const bit = 1n << BigInt(Math.floor(this.#random() * 64));
    const step = BigInt(Math.floor(this.#random() * 9) - 4);
    const own = this.#own.length > 0 ? this.#own : [0n];
    const secret = this.#secret.length > 0 ? this.#secret : [0n];
    switch (Math.floor(this.#random() * 5)) {
      case 0:
        return guessedId(this.#random);
      case 1:
        return oneOf([0n, 1n, 2n, 3n, MAX_ID, MAX_ID - 1n], this.#random);
      case 2:
        return oneOf(secret, this.#random) ^ bit;
      case 3:
        return oneOf(secret, this.#random) + (step || 5n) & MAX_ID;
      default:
        return oneOf(own, this.#random) + (step || 1n) & MAX_ID;
    }
  }
}

const MAX_ID = 2n ** 64n - 1n;
