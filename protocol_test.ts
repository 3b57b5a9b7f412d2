import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  isBye,
  MAX_MESSAGE_BYTES,
  OutOfTurnError,
  Turn,
  type TurnEvent,
  type TurnState,
} from "./protocol.ts";
import { connect, ConversationEndedError, serve } from "./transport/mod.ts";

const canUseSockets = Deno.permissions.querySync({ name: "net" }).state === "granted";

type Role = "asker" | "answerer";

const STATES: readonly TurnState[] = ["local", "remote", "leaving", "closed"];
const EVENTS: readonly TurnEvent[] = [
  "send",
  "receive",
  "send-bye",
  "receive-bye",
  "bye-confirmed",
  "lose",
];

// Written from the rules and not from the code: state, event, where it leads. What is not listed is
// against the rules.
const EXPECTED = new Map<string, TurnState>([
  ["local send", "remote"],
  ["remote receive", "local"],
  ["local send-bye", "leaving"],
  ["remote send-bye", "leaving"],
  ["local receive-bye", "closed"],
  ["remote receive-bye", "closed"],
  ["leaving receive-bye", "closed"],
  ["leaving bye-confirmed", "closed"],
  ["local lose", "closed"],
  ["remote lose", "closed"],
  ["leaving lose", "closed"],
]);

// How each role gets into each state.
const PATHS: Readonly<Record<Role, Readonly<Record<TurnState, readonly TurnEvent[]>>>> = {
  asker: {
    local: [],
    remote: ["send"],
    leaving: ["send-bye"],
    closed: ["send", "receive", "receive-bye"],
  },
  answerer: {
    local: ["receive"],
    remote: [],
    leaving: ["receive", "send-bye"],
    closed: ["send-bye", "bye-confirmed"],
  },
};

function turnIn(role: Role, state: TurnState): Turn {
  const turn = new Turn(role === "asker" ? "local" : "remote");
  for (const event of PATHS[role][state]) assertEquals(happen(turn, event), true);
  assertEquals(turn.state, state);
  return turn;
}

// Whether the event was allowed.
function happen(turn: Turn, event: TurnEvent): boolean {
  if (event !== "send" && event !== "send-bye") return turn.remote(event);
  try {
    turn.local(event);
    return true;
  } catch (error) {
    if (error instanceof OutOfTurnError) return false;
    throw error;
  }
}

for (const role of ["asker", "answerer"] as const) {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const expected = EXPECTED.get(`${state} ${event}`);
      Deno.test(`turn of the ${role}: ${event} in ${state} leads to ${expected ?? "nothing"}`, () => {
        const turn = turnIn(role, state);
        const before = turn.row;
        assertEquals(happen(turn, event), expected !== undefined);
        assertEquals(turn.state, expected ?? state);
        assertEquals(turn.row, expected === undefined ? before : [state, event, expected]);
      });
    }
  }
}

Deno.test("turn: the asker speaks first, and then they alternate", () => {
  const asker = new Turn("local");
  const answerer = new Turn("remote");
  for (let turns = 0; turns < 3; turns++) {
    asker.local("send");
    assertEquals(answerer.remote("receive"), true);
    assertEquals([asker.state, answerer.state], ["remote", "local"]);
    answerer.local("send");
    assertEquals(asker.remote("receive"), true);
    assertEquals([asker.state, answerer.state], ["local", "remote"]);
  }
});

Deno.test("turn: speaking out of turn throws and says why", () => {
  const waiting = new Turn("remote");
  const early = assertThrows(() => waiting.local("send"), OutOfTurnError, "has not spoken yet");
  assertEquals([early.name, early.state], ["OutOfTurnError", "remote"]);

  const closed = turnIn("asker", "closed");
  const late = assertThrows(() => closed.local("send"), OutOfTurnError, "is over");
  assertEquals(late.state, "closed");

  const leaving = turnIn("asker", "leaving");
  assertThrows(() => leaving.local("send-bye"), OutOfTurnError, "is over");
});

const LINES: readonly (readonly [string, boolean])[] = [
  ["bye", true],
  ["BYE", true],
  [" BYE\t", true],
  ["Bye\r\n", true],
  ["\u00a0bye\u3000", true],
  ["bye?", false],
  ["bye.", false],
  ["bye bye", false],
  ["b ye", false],
  ["goodbye", false],
  ["by", false],
  ["", false],
  [" ", false],
  ["adiós", false],
];

for (const [line, expected] of LINES) {
  Deno.test(`isBye: ${JSON.stringify(line)} ${expected ? "ends" : "does not end"} it`, () => {
    assertEquals(isBye(line), expected);
  });
}

Deno.test({
  name: "a whole conversation, over a real socket",
  ignore: !canUseSockets,
  async fn() {
    await using server = serve({ port: 0 }, (question) => question.toUpperCase());
    await using conversation = await connect({ port: server.addr.port });
    assertEquals(conversation.remoteAddr, server.addr);
    for (const question of ["¿html?", "", "a".repeat(MAX_MESSAGE_BYTES)]) {
      assertEquals(await conversation.ask(question), question.toUpperCase());
    }
    await conversation.bye();
    assertEquals(await conversation.ended, "bye");
    await assertRejects(() => conversation.ask("¿?"), ConversationEndedError);
    await conversation.bye();
  },
});
