import { assert, assertEquals } from "@std/assert";
import type { ClientInfo, QuestionInfo } from "../transport/mod.ts";
import { JsonAsker, JsonOperator, JsonTerminal } from "./json.ts";

/** A terminal whose stdout takes nothing until `read` is called, and the pipe that a bot writes to. */
function stalledTerminal() {
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const reader = Promise.withResolvers<void>();
  let output = "";
  const terminal = new JsonTerminal({
    input: { readable: input.readable, isTerminal: () => false, setRaw() {} },
    output: {
      isTerminal: () => false,
      async write(bytes) {
        await reader.promise;
        output += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    },
    errors: { isTerminal: () => false, write: (bytes) => Promise.resolve(bytes.length) },
  });
  return {
    terminal,
    write: (value: unknown) => writer.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`)),
    /** Ends the input, and returns all events and how much was written of them. */
    async read() {
      reader.resolve();
      await writer.close();
      assert(await terminal.flush(10_000));
      terminal.close();
      const events = output.trimEnd().split("\n").map((line) => JSON.parse(line));
      return { events, length: output.length };
    },
  };
}

function client(id: number): ClientInfo {
  const remoteAddr = { transport: "udp", hostname: "192.0.2.1", port: id };
  return { id, name: undefined, remoteAddr } as unknown as ClientInfo;
}

// The most that stdout keeps in memory, and the text that was added last.
const MOST_WAITING = 300_000;

Deno.test("a server's bot that reads nothing: events are dropped and counted, and questions wait", async () => {
  const { terminal, write, read } = stalledTerminal();
  const operator = new JsonOperator(terminal, 65_536);
  const ask = (asker: ClientInfo, question: string) =>
    operator.answer(question, { client: asker, setAhead() {} } as unknown as QuestionInfo);
  const first = ask(client(1), "¿1?");
  for (let id = 2; id <= 10_000; id++) {
    const asker = client(id);
    operator.connected(asker);
    ask(asker, `¿${id}? ${"x".repeat(10_000)}`);
    if (id > 50) operator.disconnected(asker, "silence");
    if (id % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await write({ id: 1, answer: "sí" });
  assertEquals(await first, "sí");
  const { events, length } = await read();
  await operator.finished;
  const told = (event: string) => events.filter((one) => one.event === event);
  const ids = told("question").map(({ id }) => id);
  assertEquals(ids.slice(0, 50), Array.from({ length: 50 }, (_, i) => i + 1));
  assert(ids.length < 100 && length < 2 * MOST_WAITING + 50 * 10_100, `${ids.length} ${length}`);
  const others = ["connected", "disconnected", "withdrawn"].flatMap(told).length;
  const dropped = told("dropped").reduce((sum, { count }) => sum + count, 0);
  assertEquals(others + dropped, 9_999 + 9_950 + (ids.length - 50));
});

Deno.test("a client's bot that reads nothing: notices are dropped, its answer and the end are not", async () => {
  const { terminal, read } = stalledTerminal();
  const asker = new JsonAsker(terminal);
  for (let i = 0; i < 10_000; i++) asker.heard({ type: "notice", text: "x".repeat(1000) });
  asker.heard({ type: "answer", answer: "sí" });
  asker.heard({ type: "ended", reason: "bye" });
  const { events, length } = await read();
  assert(length < MOST_WAITING, `${length}`);
  const [answer, ended, dropped] = events.slice(-3);
  assertEquals([answer.answer, ended.reason, dropped.event], ["sí", "bye", "dropped"]);
  assertEquals(events.length - 3 + dropped.count, 10_000);
});
