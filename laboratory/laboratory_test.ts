import { assertEquals, assertMatch } from "@std/assert";
import { Arguments } from "../program/arguments.ts";
import type { DatagramSocket, Monitor } from "../transport/mod.ts";
import { LABORATORY_OPTIONS, openLaboratory } from "./laboratory.ts";

// A name with two addresses told it five times in the five seconds that a client has to connect.
Deno.test("laboratory: how the network is impaired is told once, however many addresses are tried", async () => {
  const args = new Arguments(["--perdida", "1"], { ...LABORATORY_OPTIONS, words: 0 });
  const notices: string[] = [];
  const terminal = {
    notice: (text: string) => notices.push(text),
    error() {},
    colour: () => false,
  };
  const { options } = await openLaboratory("client", args, terminal);
  for (let address = 1; address <= 2; address++) {
    options.transport!(
      { address: { hostname: "127.0.0.1", port: 1 } } as DatagramSocket,
      {} as Monitor,
    );
  }
  assertEquals(notices.length, 1);
  assertMatch(notices[0]!, /^Red degradada a propósito: pierde el datagrama 1\b/);
});
