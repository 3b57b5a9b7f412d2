import { assert, assertEquals, assertThrows } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { seededBytes, seededRandom } from "../laboratory/random.ts";
import type { Flight } from "../laboratory/world.ts";
import { type Dialer, type DialerEvent, MAX_EXCHANGES } from "../transport/reliable/dialer.ts";
import type { Listener, ListenerEvent } from "../transport/reliable/listener.ts";
import { type Address, type Endpoint, formatAddress } from "../transport/endpoint.ts";
import { HEADER_BYTES, packetId, packetType } from "../transport/reliable/packet.ts";
import { privateRoom } from "../transport/private/private_room.ts";
import type { Sodium } from "../transport/private/cpace.ts";
import { OPEN_ROOM, type Room } from "../transport/reliable/seal.ts";
import type { EndReason, Session } from "../transport/reliable/session.ts";
import { forSeeds } from "./attack.ts";
import { type Deeds, Impostor, noDeeds, PathAttacker } from "./path_attacker.ts";
import { CODE, codeRoom, SODIUM } from "./rooms.ts";
import { SERVER, Simulation } from "./simulation.ts";
import { testAtLength } from "./whole.ts";

const SEEDS = 1000;
const IMPOSTOR_SEEDS = 300;
const UTF8 = new TextEncoder();
const THEIRS = "42-tigre-lunes";

/** Bytes of a run of a text that must not be read. Runs of 4 would be in ciphertext by chance. */
const RUN = 6;

/** Most times that a client goes on from another port. */
const MAX_HOPS = 100;

/** Longest time that the attacker is at it, in ms. */
const LONGEST_ATTACK_MS = 15_000;

/** By when every conversation is over that the attacker left alone since, in ms. */
const RECOVERY_MS = 120_000;

// Invariant: an attacker on the path, without the code of the room, can delay and nothing else. He sees
// every datagram and may drop, change, hold back, redirect and replay it, and send any of his own: then
// no run of what anybody said is in a datagram; nothing that an end did not send for the first time causes
// an event at the other, passes for a sign of life, or moves a session; the questions of each session
// are those that were asked in it, the answers those that were given, each once and in order; and once
// he leaves the path alone, everybody who was not given up yet comes to the end of his conversation.
//
// By holding datagrams back he can do this: a client is unreachable, a session ends in silence, a bye
// is unconfirmed. A server that is not heard while a RESET is forged passes for restarted: the client
// connects again, and asks the open question once more in the new session; three forged answers to that
// make it believe that the code is another. Without holding anything back he can refuse a client that is
// connecting for the first time, or answer it wrongly three times: nobody can prove a REFUSE, and a
// WELCOME that does not hold is a wrong code. Who is refused can try again.
testAtLength(`attack: on the path, without the code, one can only delay, ${SEEDS} times`, () => {
  const totals = newTotals();
  forSeeds(SEEDS, function attack(seed) {
    new PathAttack(seed, totals).live();
  });
  // All of it has to have happened, or nothing was shown.
  const { impersonated: _, ...deeds } = totals.deeds;
  assert(Object.values(deeds).every((count) => count > SEEDS / 2), JSON.stringify(deeds));
  assert(totals.answers > 4 * SEEDS, `${totals.answers} answers`);
  // A client does not wait for long until its bye is confirmed.
  const { bye, unconfirmed } = totals.ends as Record<EndReason, number>;
  assert(bye + unconfirmed > 1.9 * SEEDS, JSON.stringify(totals.ends));
  for (const count of [totals.refusals, totals.reconnections, totals.moves]) {
    assert(count > SEEDS / 100, JSON.stringify(totals));
  }
});

// The same with the code of another room: he is a server of that room for the clients, which lets
// everybody in, and a client of it for the server.
testAtLength(`attack: the code of another room opens nothing, ${IMPOSTOR_SEEDS} times`, () => {
  const totals = newTotals();
  forSeeds(IMPOSTOR_SEEDS, function attack(seed) {
    new PathAttack(seed, totals, { hasOtherCode: true }).live();
  });
  assert(totals.deeds.impersonated > 10 * IMPOSTOR_SEEDS, JSON.stringify(totals.deeds));
  assert(totals.wrongCodes > IMPOSTOR_SEEDS / 2, `${totals.wrongCodes} wrong codes`);
});

Deno.test("attack: where there is no code, the same attacker reads what is said", () => {
  const live = () => new PathAttack(1, newTotals(), { room: OPEN_ROOM }).live();
  assertThrows(live, Error, "A text can be read");
});

Deno.test("attack: between a client and a server of another room there is no conversation", () => {
  assertEquals(knock(codeRoom(THEIRS), codeRoom()).outcome, "refused wrong-code");
  assertEquals(knock(codeRoom(), codeRoom(THEIRS)).outcome, "refused wrong-code");
});

// Neither the size of the answers nor the work behind them tells how near a code is to the right one.
Deno.test("attack: every wrong code costs the server the same, and gets the same", () => {
  const knocks = ["42-tigre-lunes", "43-tigre-luna", "0000", "una clave muy larga".repeat(20)].map(
    (code) => {
      const counts: Record<string, number> = {};
      const server = privateRoom(CODE, counting(counts), {
        randomBytes: (length) => seededBytes(seededRandom(1), length),
      });
      return { counts, ...knock(server, codeRoom(code)) };
    },
  );
  for (const each of knocks) assertEquals(each, knocks[0]);
  assertEquals(knocks[0]!.outcome, "refused wrong-code");
  assertEquals(knocks[0]!.counts["crypto_scalarmult_ristretto255"], 2 * MAX_EXCHANGES);
  const without = knock(codeRoom(), OPEN_ROOM);
  assertEquals([without.outcome, without.sizes], ["refused private", [60, 25]]);
  assertEquals(knock(OPEN_ROOM, codeRoom()).outcome, "refused open");
  assertEquals(knock(codeRoom(), codeRoom()).outcome, "connected");
});

/** The outcome of a client at a server, and the sizes of all datagrams that the server sends to it. */
function knock(server: Room, client: Room): { outcome: string; sizes: number[] } {
  const wire = new Simulation(1, PERFECT);
  let outcome = "nothing";
  const sizes: number[] = [];
  wire.onSend = (flight) => {
    if (flight.from === SERVER) sizes.push(flight.datagram.length);
    wire.carry(flight);
  };
  wire.addServer(() => {}, { room: server });
  const address = { hostname: "198.51.100.1", port: 40_000 };
  wire.addClient(address, (event) => {
    if (event.type === "refused") outcome = `refused ${event.refusal}`;
    else if (event.type !== "over") outcome = event.type;
  }, { room: client });
  wire.drive(() => outcome !== "nothing", 120_000);
  return { outcome, sizes };
}

/** libsodium, with its calls counted. */
function counting(counts: Record<string, number>): Sodium {
  const counted = Object.entries(SODIUM).map(([name, f]) => {
    if (typeof f !== "function") return [name, f];
    return [name, (...args: unknown[]) => {
      counts[name] = (counts[name] ?? 0) + 1;
      return f(...args);
    }];
  });
  return Object.fromEntries(counted);
}

/** The totals of all worlds. */
interface Totals {
  readonly deeds: Deeds;
  readonly ends: Record<string, number>;
  answers: number;
  refusals: number;
  reconnections: number;
  moves: number;
  wrongCodes: number;
}

function newTotals(): Totals {
  const zeros = { answers: 0, refusals: 0, reconnections: 0, moves: 0, wrongCodes: 0 };
  return { deeds: noDeeds(), ends: {}, ...zeros };
}

interface Turn {
  readonly pause: number;
  readonly thinking: number;
  readonly question: string;
}

/** Somebody with the code, who asks a few questions. */
interface Visitor {
  readonly turns: readonly Turn[];
  address: Address;
  /** The latest port of his own. */
  port: number;
  dialer?: Dialer;
  isConnected: boolean;
  /** The question that no answer has come to yet. */
  asking?: string | undefined;
  answers: number;
  /** Whether his NAT gave him another port. */
  hasMoved: boolean;
  /** The session that he is in. */
  stay?: Stay | undefined;
  /** When he said bye. */
  leftAt: number;
  outcome?: string;
}

/** One session of a visitor, as he and the server know it. */
interface Stay {
  readonly visitor: Visitor;
  /** His questions in it, in order. */
  readonly asked: string[];
  /** Number of these that the server has heard. */
  heard: number;
  /** Number of answers that he has got in it. */
  answered: number;
  session?: Session;
  /** How it ended for the server. */
  end?: string;
}

/** Visitors, a server and the attacker between them. */
class PathAttack {
  readonly #totals: Totals;
  readonly #random: () => number;
  readonly #wire: Simulation;
  readonly #attacker: PathAttacker;
  readonly #impostor: Impostor | undefined;
  readonly #listener: Listener;
  readonly #room: Room;
  /** Whether the attacker takes datagrams off the path. If not, nothing that happens may show it. */
  readonly #withholds: boolean;
  /** Whether the ends outlast the attacker, so that nobody is given up. */
  readonly #isPatient: boolean;
  readonly #idleTimeout: number;
  /** When the attacker stops. */
  readonly #quietAt: number;
  readonly #visitors: readonly Visitor[];
  readonly #visitorsByHost = new Map<string, Visitor>();
  readonly #stays = new Map<bigint, Stay>();
  /** Answers of the server, by question. */
  readonly #given = new Map<string, string[]>();
  /** Datagrams of either side that have not reached the other. */
  readonly #toServer = new Set<string>();
  readonly #toClients = new Set<string>();
  readonly #welcomes = new Set<string>();
  /** The addresses that the visitors' datagrams came from, with their sessions. */
  readonly #sources = new Set<string>();
  readonly #runs = new Set<number>();
  #texts = 0;
  #ports = 40_000;

  constructor(
    seed: number,
    totals: Totals,
    { hasOtherCode = false, room }: { hasOtherCode?: boolean; room?: Room } = {},
  ) {
    this.#totals = totals;
    this.#random = seededRandom(seed);
    this.#withholds = seed % 4 !== 0;
    this.#isPatient = !this.#withholds || seed % 5 !== 0;
    this.#quietAt = this.#between(500, LONGEST_ATTACK_MS);
    this.#idleTimeout = this.#isPatient ? 75_000 : this.#between(1500, 6000);
    const conditions = { ...PERFECT, delay: this.#between(1, 80), jitter: this.#between(0, 20) };
    this.#wire = new Simulation(seed, conditions);
    this.#room = room ?? codeRoom(CODE, seed);
    this.#listener = this.#wire.addServer((event, listener) => this.#serve(event, listener), {
      idleTimeout: this.#idleTimeout,
      room: this.#room,
    });
    this.#watchServer();
    this.#visitors = Array.from({ length: Math.ceil(this.#between(0, 3)) }, () => ({
      turns: Array.from({ length: Math.ceil(this.#between(0, 4)) }, () => this.#newTurn()),
      address: SERVER,
      port: 0,
      isConnected: false,
      answers: 0,
      hasMoved: false,
      leftAt: Infinity,
    }));
    const random = seededRandom(seed + 2_000_003);
    const options = { random, withholds: this.#withholds, until: this.#quietAt };
    if (hasOtherCode) this.#impostor = new Impostor(this.#wire, codeRoom(THEIRS, seed), random);
    this.#attacker = new PathAttacker(this.#wire, { ...options, impostor: this.#impostor });
    this.#wire.onSend = (flight) => {
      this.#overhear(flight);
      this.#attacker.intercept(flight);
    };
  }

  /** Lets all of it happen. */
  live(): void {
    for (const visitor of this.#visitors) {
      this.#wire.at(this.#between(0, 2000), () => this.#dial(visitor));
      if (this.#random() < 0.3) {
        this.#wire.at(this.#between(0, LONGEST_ATTACK_MS), () => this.#rebind(visitor));
      }
    }
    for (let i = 0; i < 3 && this.#impostor !== undefined; i++) {
      this.#wire.at(this.#between(0, this.#quietAt), () => this.#impostor!.dial());
    }
    const isOver = () => this.#visitors.every(({ outcome }) => outcome !== undefined);
    this.#wire.drive(isOver, this.#quietAt + RECOVERY_MS);
    for (const visitor of this.#visitors) this.#judgeOutcome(visitor);
    // Sessions that were opened with a recorded HELLO are heard of by nobody, and end in silence.
    const end = Math.max(this.#wire.now, this.#quietAt) + this.#idleTimeout + RECOVERY_MS;
    this.#wire.drive(() => false, end);
    assertEquals(this.#listener.size, 0);
    for (const visitor of this.#visitors) this.#judgeEnd(visitor);
    assertEquals(this.#impostor?.believed ?? [], []);
    this.#totals.wrongCodes += this.#impostor?.wrongCodes ?? 0;
    for (const [deed, count] of Object.entries(this.#attacker.deeds)) {
      this.#totals.deeds[deed as keyof Deeds] += count;
    }
  }

  #between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }

  #newTurn(): Turn {
    const size = this.#random() < 0.8 ? 40 : this.#between(40, 3500);
    const pause = this.#random() < 0.3 ? 0 : this.#between(0, 2000);
    const thinking = this.#random() < 0.3 ? 0 : this.#between(0, 2500);
    return { pause, thinking, question: this.#newText("¿HTML es un lenguaje? ", size) };
  }

  /** A text of its own, no run of which may be read. */
  #newText(words: string, size: number): string {
    const text = `${words}${this.#texts++}. ${words.repeat(size / words.length)}`;
    for (const run of runsOf(UTF8.encode(text))) this.#runs.add(run);
    return text;
  }

  #overhear({ datagram, from }: Flight): void {
    for (const run of runsOf(datagram)) assert(!this.#runs.has(run), "A text can be read");
    const visitor = this.#visitorsByHost.get(from.hostname);
    if (from === SERVER) {
      this.#toClients.add(datagram.toHex());
      if (packetType(datagram) === "welcome") this.#welcomes.add(payloadOf(datagram));
    } else if (visitor !== undefined) {
      this.#toServer.add(datagram.toHex());
      const id = packetId(datagram);
      if (packetType(datagram) === "hello" || this.#stays.has(id)) return;
      const asked = visitor.asking === undefined ? [] : [visitor.asking];
      visitor.stay = { visitor, asked, heard: 0, answered: 0 };
      this.#stays.set(id, visitor.stay);
    }
  }

  // A datagram that is not from a visitor, or was there before, has no effect.
  #watchServer(): void {
    watch(this.#listener, (datagram, from, receive) => {
      const isAuthentic = this.#toServer.delete(datagram.toHex());
      if (isAuthentic) this.#sources.add(formatAddress(from));
      const id = packetType(datagram) && packetId(datagram);
      const session = id === undefined ? undefined : this.#stays.get(id)?.session;
      const { address, heardAt } = session ?? {};
      if (isAuthentic) this.#sources.add(`${id} ${formatAddress(from)}`);
      const events = receive();
      if (!isAuthentic) {
        assertEquals(events, []);
        assertEquals([session?.address, session?.heardAt], [address, heardAt], "moved");
      } else if (session !== undefined && address !== undefined && session.address !== address) {
        // Datagrams from there were the client's own, and so was the echo of the challenge sent there.
        assert(this.#sources.has(`${id} ${formatAddress(session.address)}`), "moved");
        if (formatAddress(session.address) !== formatAddress(address)) this.#totals.moves++;
      }
    });
  }

  // Nothing that is not from the server has an effect, but for two that no key can prove: a refusal,
  // which ends a first attempt to connect, and the readable fields of a WELCOME.
  #watchClient(dialer: Dialer, visitor: Visitor): void {
    watch(dialer, (datagram, _from, receive) => {
      const isAuthentic = this.#toClients.delete(datagram.toHex());
      const { isConnected } = visitor;
      const events = receive().map(({ type }) => type);
      if (isAuthentic || events.length === 0) return;
      const type = packetType(datagram);
      // A RESET of another version refuses as well.
      if ((type === "refuse" || type === undefined) && !isConnected) {
        return assertEquals(events, ["refused", "over"]);
      }
      if (type === "welcome" && events.at(-1) === "over") {
        return assertEquals(events, [isConnected ? "ended" : "refused", "over"]);
      }
      assertEquals([type, ...events], ["welcome", "connected"]);
      assert(this.#welcomes.has(payloadOf(datagram)));
    });
  }

  #serve(event: ListenerEvent, listener: Listener): void {
    // Guesses, of which the attacker makes many, and what he cut beyond recognition.
    if (event.type === "overload" || event.type === "foreign") return;
    if (!("session" in event)) throw new Error(event.type);
    const { session } = event;
    const stay = this.#stays.get(session.id);
    if (stay === undefined) throw new Error(`${event.type} in a session that no visitor is in`);
    switch (event.type) {
      case "connected":
        assertEquals(stay.session, undefined);
        stay.session = session;
        break;
      case "question": {
        assertEquals(event.text, stay.asked[stay.heard++]);
        const { thinking } = stay.visitor.turns.find((it) => it.question === event.text)!;
        this.#wire.at(this.#wire.now + thinking, () => {
          if (session.turn !== "local") return;
          const answer = this.#newText("NOOOOO, es de marcas: ", thinking);
          this.#given.set(event.text, [...this.#given.get(event.text) ?? [], answer]);
          listener.answer(session, UTF8.encode(answer), this.#wire.now);
        });
        break;
      }
      case "delivered":
        assert(event.number <= 2 * stay.answered, "delivered, but not here");
        break;
      case "ended": {
        stay.end = event.reason;
        const isLeaving = stay.visitor.stay === stay && stay.visitor.leftAt <= this.#wire.now;
        const lost = ["silence", "undelivered", "unconfirmed"];
        const reasons = [...isLeaving ? ["bye"] : [], ...this.#withholds ? lost : []];
        assert(reasons.includes(event.reason), `server: ${event.reason}`);
      }
    }
  }

  #dial(visitor: Visitor): void {
    const port = visitor.port = this.#ports += MAX_HOPS;
    visitor.address = { hostname: `198.51.100.${this.#visitors.indexOf(visitor)}`, port };
    this.#visitorsByHost.set(visitor.address.hostname, visitor);
    visitor.dialer = this.#wire.addClient(visitor.address, (event) => this.#hear(event, visitor), {
      idleTimeout: this.#idleTimeout,
      room: this.#room,
      hops: true,
    });
    this.#watchClient(visitor.dialer, visitor);
  }

  /** The visitor's NAT gives him another port. */
  #rebind(visitor: Visitor): void {
    if (visitor.dialer === undefined) return;
    const moved = { ...visitor.address, port: this.#ports += MAX_HOPS };
    this.#wire.move(visitor.address, moved);
    visitor.address = moved;
    visitor.hasMoved = true;
  }

  #hear(event: DialerEvent, visitor: Visitor): void {
    switch (event.type) {
      case "hop":
        visitor.address = { ...visitor.address, port: ++visitor.port };
        break;
      case "refused":
        assert(!visitor.isConnected, "refused after it was connected");
        this.#totals.refusals++;
        this.#wire.at(this.#wire.now + 500, () => this.#dial(visitor));
        break;
      case "connected":
        if (!visitor.isConnected) this.#goOn(visitor);
        visitor.isConnected = true;
        break;
      case "delivered":
        assertEquals(visitor.stay?.heard, visitor.stay?.asked.length, "delivered, but not there");
        break;
      case "answer":
        assert(this.#given.get(visitor.asking!)?.includes(event.text), `answer ${event.text}`);
        visitor.asking = undefined;
        visitor.stay!.answered++;
        visitor.answers++;
        this.#totals.answers++;
        this.#goOn(visitor);
        break;
      case "reconnecting":
        assert(this.#withholds, event.type);
        this.#totals.reconnections++;
        visitor.stay = undefined;
        break;
      case "unresponsive":
        assert(this.#withholds, event.type);
        break;
      case "unreachable":
        visitor.outcome = event.type;
        break;
      case "ended":
        visitor.outcome = event.reason;
    }
  }

  #goOn(visitor: Visitor): void {
    const turn = visitor.turns[visitor.answers];
    const pause = turn?.pause ?? 500;
    this.#wire.at(this.#wire.now + pause, () => {
      const { dialer, stay } = visitor;
      if (dialer?.turn !== "local") return;
      if (turn === undefined) {
        visitor.leftAt = this.#wire.now;
        dialer.bye("bye", this.#wire.now);
      } else {
        visitor.asking = turn.question;
        stay?.asked.push(turn.question);
        dialer.ask(UTF8.encode(turn.question), this.#wire.now);
      }
    });
  }

  #judgeOutcome(visitor: Visitor): void {
    const { outcome = "nothing", leftAt, answers, turns } = visitor;
    this.#totals.ends[outcome] = (this.#totals.ends[outcome] ?? 0) + 1;
    // The confirmation goes to the last proved address, which may not be his any more.
    const isDisturbed = visitor.hasMoved || this.#withholds && leftAt <= this.#quietAt;
    const delays = this.#isPatient ? [] : ["silence", "unreachable", "undelivered"];
    // He has forged a restart, and three answers after it.
    if (this.#withholds && outcome === "wrong-code") return;
    const outcomes = ["bye", ...delays, ...isDisturbed || !this.#isPatient ? ["unconfirmed"] : []];
    assert(outcomes.includes(outcome), `client: ${outcome}`);
    if (this.#isPatient) assertEquals(answers, turns.length);
  }

  // A bye of which the attacker kept nothing back is heard.
  #judgeEnd({ outcome, stay, leftAt }: Visitor): void {
    const isDisturbed = !this.#isPatient || this.#withholds && leftAt <= this.#quietAt;
    if (outcome === "bye" && stay !== undefined && !isDisturbed) assertEquals(stay.end, "bye");
  }
}

/** Lets somebody see each datagram that an end receives, and what comes of it. */
function watch<Event extends { readonly type: string }>(
  endpoint: Endpoint<Event>,
  onReceive: (datagram: Uint8Array, from: Address, receive: () => Event[]) => void,
): void {
  const receive = endpoint.receive.bind(endpoint);
  const takeEvents = endpoint.takeEvents.bind(endpoint);
  const events: Event[] = [];
  endpoint.receive = (datagram, from, now) => {
    onReceive(datagram, from, () => {
      receive(datagram, from, now);
      const caused = takeEvents();
      events.push(...caused);
      // That something strange came is for a person to know.
      return caused.filter((event) => event.type !== "foreign");
    });
  };
  endpoint.takeEvents = () => [...events.splice(0), ...takeEvents()];
}

/** Every run of {@linkcode RUN} bytes, as a number. */
function* runsOf(bytes: Uint8Array): Generator<number> {
  let run = 0;
  for (let i = 0; i < bytes.length; i++) {
    run = (run % 256 ** (RUN - 1)) * 256 + bytes[i]!;
    if (i >= RUN - 1) yield run;
  }
}

function payloadOf(datagram: Uint8Array): string {
  return datagram.subarray(HEADER_BYTES).toHex();
}
