import { assert, assertEquals } from "@std/assert";
import type { NetworkConditions } from "../laboratory/network.ts";
import { seededRandom } from "../laboratory/random.ts";
import type { Dialer, DialerEvent } from "../transport/reliable/dialer.ts";
import type { ListenerEvent } from "../transport/reliable/listener.ts";
import type { Session } from "../transport/reliable/session.ts";
import { forSeeds } from "./attack.ts";
import { type RoomKind, ROOMS } from "./rooms.ts";
import { Simulation } from "./simulation.ts";
import { cases, testAtLength } from "./whole.ts";

const CONVERSATIONS = cases(2000);
const IN_PRIVATE = 700;
const CLIENT = { hostname: "198.51.100.7", port: 40_000 };
const UTF8 = new TextEncoder();

// On any network, every question is answered exactly once, in order, by its own answer;
// neither end ever speaks out of turn; and at the end both know that it is over.
Deno.test(`${CONVERSATIONS} conversations over bad networks`, () => {
  forSeeds(CONVERSATIONS, function inOpenRoom(seed) {
    converse(seed, "open");
  });
});

// An open room that asks every address for a token has the handshake of a private one.
// In a private room a datagram that comes twice is opened once, where in an open room it is answered
// once more: what is said is the same, what happens between, and which bye is confirmed, may not be.
testAtLength(`${IN_PRIVATE} conversations come out the same in a private room`, () => {
  forSeeds(IN_PRIVATE, function inBothRooms(seed) {
    const open = converse(seed, "open", {}, 0);
    assertEquals(outcome(converse(seed, "private")), outcome(open));
  });
});

// Without duplicates, keys change nothing at all.
testAtLength(
  `${IN_PRIVATE} conversations take the same course in a private room, to the millisecond`,
  () => {
    forSeeds(IN_PRIVATE, function inBothRooms(seed) {
      const once = { duplication: 0 };
      assertEquals(converse(seed, "private", once), converse(seed, "open", once, 0));
    });
  },
);

/** Something that an end was told. */
interface Happening {
  readonly at: number;
  readonly by: "client" | "server";
  readonly type: (ListenerEvent | DialerEvent)["type"];
  readonly details: string;
}

function outcome(story: readonly Happening[]): string[] {
  const told = story.filter(({ type }) => type === "question" || type === "answer");
  return told.map(({ by, type, details }) => `${by}: ${type} ${details}`);
}

function converse(
  seed: number,
  kind: RoomKind,
  conditions: Partial<NetworkConditions> = {},
  maxHalfOpen?: number,
): Happening[] {
  const random = seededRandom(seed);
  const between = (least: number, most: number) => least + random() * (most - least);
  const simulation = new Simulation(seed, {
    loss: between(0, 0.4),
    duplication: between(0, 0.2),
    reordering: between(0, 0.2),
    delay: between(0, 300),
    jitter: between(0, 50),
    ...conditions,
  }, ROOMS[kind]);
  const story: Happening[] = [];
  const questions = Array.from({ length: Math.ceil(between(0, 20)) }, (_, i) => text(`p${i} `));
  const answers = questions.map((_, i) => text(`r${i} `));
  const asked: string[] = [];
  const answered: string[] = [];
  const ends: string[] = [];

  function tell(by: "client" | "server", event: ListenerEvent | DialerEvent): void {
    const { type, ...details } = { ...event, session: undefined };
    story.push({ at: simulation.now, by, type, details: JSON.stringify(details) });
  }

  function text(start: string): string {
    // As many short messages as long ones: sizes are spread evenly over their orders of magnitude.
    const size = Math.floor(2 ** between(0, 16.000_01));
    return (start + "ñ".repeat(Math.max(0, size - start.length) / 2) + "x").slice(0, size);
  }

  function askNext(dialer: Dialer): void {
    const question = questions[answered.length];
    if (question === undefined) dialer.bye("bye", simulation.now);
    else dialer.ask(UTF8.encode(question), simulation.now);
  }

  simulation.at(between(0, 5000), () => {
    const listener = simulation.addServer((event) => {
      tell("server", event);
      if (event.type === "ended") ends.push(`server: ${event.reason}`);
      if (event.type === "question") answer(event.session, event.text);
    }, maxHalfOpen === undefined ? {} : { maxHalfOpen });
    function answer(session: Session, question: string): void {
      assertEquals(asked.length, answered.length, "A question came before the last answer");
      const reply = UTF8.encode(answers[asked.length]!);
      asked.push(question);
      const thinking = random() < 0.5 ? 0 : between(0, 30_000);
      simulation.at(simulation.now + thinking, () => {
        if (session.turn === "local") listener.answer(session, reply, simulation.now);
      });
    }
  });
  simulation.at(between(0, 5000), () => {
    simulation.addClient(CLIENT, (event, dialer) => {
      tell("client", event);
      // A client that had to reconnect asks by itself.
      if (event.type === "connected" && dialer.turn === "local") askNext(dialer);
      if (event.type === "ended") ends.push(`client: ${event.reason}`);
      if (event.type === "unreachable") ends.push("client: unreachable");
      if (event.type !== "answer") return;
      answered.push(event.text);
      assertEquals(answered.length, asked.length, "An answer came before its question");
      const thinking = random() < 0.5 ? 0 : between(0, 30_000);
      simulation.at(simulation.now + thinking, () => askNext(dialer));
    });
  });
  simulation.drive();

  assertEquals(asked, questions);
  assertEquals(answered, answers);
  assertEquals(ends.length, 2, ends.join());
  // The client does not wait until the server has confirmed its bye. Where all copies of it were lost,
  // and the last acknowledgement, the server knows neither.
  const agreed = ["bye,bye", ...["bye", "silence", "undelivered"].map((it) => `unconfirmed,${it}`)];
  const told = ends.toSorted().map((end) => end.split(": ")[1]);
  assert(agreed.includes(told.join()), ends.join());
  return story;
}
