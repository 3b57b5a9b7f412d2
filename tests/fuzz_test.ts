import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arguments, UsageError } from "../program/arguments.ts";
import { PERFECT } from "../laboratory/network.ts";
import { decode, encode } from "../transport/reliable/packet.ts";
import { LineReader } from "../terminal/line_reader.ts";
import { runCases, TARGETS } from "./fuzz.ts";
import { recordConversations } from "./fuzz_sessions.ts";
import { FuzzedSimulation, GUESTS } from "./fuzz_world.ts";
import { cases } from "./whole.ts";

const SEED = 20_241_123;

for (const target of TARGETS) {
  const count = cases(target.cases);
  Deno.test(`fuzz: ${count} cases of the target ${target.name}`, async () => {
    assert(await runCases(target, { seed: SEED, cases: count }) >= count);
  });
}

Deno.test("fuzz: the recorded conversations hold packets of every type", () => {
  const types = new Set(recordConversations().map(({ datagram }) => decode(datagram)!.type));
  assertEquals(
    [...types].sort(),
    [
      ...["ack", "bye", "bye-ack", "hello", "message", "ping"],
      ...["pong", "refuse", "reset", "retry", "welcome"],
    ],
  );
});

Deno.test("fuzz: a failure names its seed and how to play it again", async () => {
  const failing = {
    name: "failing",
    cases: 9,
    run(seed: number) {
      if (seed === 6) throw new RangeError("6");
      return 1;
    },
  };
  const error = await runCases(failing, { seed: 4, cases: 9 }).catch((error) => error);
  assertEquals(
    error.message,
    "Seed 6 of failing failed; replay it alone with: " +
      "deno task fuzz --objetivo failing --semilla 6 --casos 1",
  );
  assert(error.cause instanceof RangeError);
});

// Findings of the fuzzer, as small as they get.

const OPTIONS = { values: ["host"], flags: ["json"], words: 1 };

// The parser keeps words under the name "_", and takes a dot in a name for a property of the option
// before it: neither is an option of ours.
for (
  const typed of [
    ...[["--_"], ["--_=x"], ["--_", "x"], ["-_"], ["-_NaN", "x"]],
    ...[["--json", "--json.x"], ["-h", "--h.h"], ["--json=7", "--json.x=1"]],
  ]
) {
  Deno.test(`fuzz: the options ${typed.join(" ")} are refused`, () => {
    assertThrows(() => new Arguments(typed, OPTIONS), UsageError);
  });
}

// The parser takes a "true" or "false" behind an option without value for its value: without care, the
// question of `cliente --json true` is lost.
for (const word of ["true", "false"]) {
  Deno.test(`fuzz: the word ${word} behind an option without value is a word`, () => {
    const args = new Arguments(["--json", word], OPTIONS);
    assertEquals([args.has("json"), args.words], [true, [word]]);
  });
}

// The parser takes no empty value, and leaves it behind as a word: without care, `--codigo "$CODIGO" ¿Qué?`
// with nothing in the variable has one word too many.
for (const typed of [["--codigo", "", "x"], ["--codigo=", "x"]]) {
  Deno.test(`fuzz: the empty value of ${JSON.stringify(typed)} is no word`, () => {
    const args = new Arguments(typed, { ...OPTIONS, optionals: ["codigo"] });
    assertEquals([args.optional("codigo"), args.words], ["", ["x"]]);
  });
}

// After chunks of ASCII alone, Deno's decoder still takes U+FEFF for a byte order mark when a chunk
// begins with it, and drops it: without care, the lines depend on where the bytes are cut.
Deno.test("fuzz: a byte order mark that is not at the start is kept, wherever the bytes are cut", async () => {
  const chunks = [Uint8Array.of(0x61), Uint8Array.of(0xef, 0xbb, 0xbf, 0x62)];
  const lines = new LineReader(ReadableStream.from(chunks));
  assertEquals([await lines.next(), await lines.next()], ["a\ufeffb", null]);
});

// The owner of a session can write any address on its packets, and the session moves there unproved:
// until it is proved, the address gets 3 × the bytes that came from it at most (RFC 9000 §8.2, §9.3.1).
Deno.test("fuzz: an address that a session only says to have moved to gets 3 × its bytes at most", () => {
  const victim = { hostname: "203.0.113.1", port: 9 };
  const simulation = new FuzzedSimulation(1, PERFECT);
  const listener = simulation.addServer((event, listener) => {
    if (event.type !== "question") return;
    listener.answer(event.session, new Uint8Array(65_536), simulation.now);
  }, { maxHalfOpen: 0 });
  let isConnected = false;
  simulation.addClient(GUESTS[0]!, ({ type }) => isConnected ||= type === "connected");
  simulation.drive(() => isConnected, 1000);
  const [id] = simulation.sessionIds.values();
  simulation.remove(GUESTS[0]!);
  const payload = new TextEncoder().encode("?");
  const question = encode({ type: "message", id: id!, number: 1, attempt: 1, payload });
  listener.receive(question, victim, simulation.now);
  simulation.drive();
  const sent = simulation.loot.filter(({ to }) => to === victim);
  const bytes = sent.reduce((sum, { datagram }) => sum + datagram.length, 0);
  assert(bytes <= 3 * question.length, `${sent.length} datagrams of ${bytes} bytes`);
});
