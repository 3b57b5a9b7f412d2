import { assertEquals } from "@std/assert";
import { formatAddress, Outbox } from "./endpoint.ts";

Deno.test("outbox: what was queued is taken once, in order", () => {
  const outbox = new Outbox<string>();
  const to = { hostname: "192.0.2.1", port: 1 };
  assertEquals([outbox.takeTransmits(), outbox.takeEvents()], [[], []]);
  for (const byte of [1, 2]) outbox.transmit(Uint8Array.of(byte), to);
  for (const event of ["a", "b"]) outbox.emit(event);
  const transmits = outbox.takeTransmits();
  const events = outbox.takeEvents();
  outbox.transmit(Uint8Array.of(3), to);
  outbox.emit("c");
  assertEquals(transmits, [{ datagram: Uint8Array.of(1), to }, { datagram: Uint8Array.of(2), to }]);
  assertEquals(events, ["a", "b"]);
  assertEquals(outbox.takeTransmits(), [{ datagram: Uint8Array.of(3), to }]);
  assertEquals(outbox.takeEvents(), ["c"]);
});

Deno.test("outbox: an IPv6 address is told from its port", () => {
  assertEquals(formatAddress({ hostname: "192.0.2.1", port: 12_000 }), "192.0.2.1:12000");
  assertEquals(formatAddress({ hostname: "2001:db8::1", port: 9 }), "[2001:db8::1]:9");
});
