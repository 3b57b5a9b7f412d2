import { assertEquals } from "@std/assert";
import { Endpoint, formatAddress } from "./endpoint.ts";

/** A protocol end that says what a test wants. */
class Queues extends Endpoint<string> {
  override readonly maxMessageBytes = 0;
  override readonly maxDatagramBytes = 0;
  override nextTimeout = Infinity;
  override receive(): void {}
  override handleTimeout(): void {}

  override emit(event: string): void {
    super.emit(event);
  }
}

Deno.test("endpoint: what was queued is taken once, in order", () => {
  const endpoint = new Queues();
  const to = { hostname: "192.0.2.1", port: 1 };
  assertEquals([endpoint.takeTransmits(), endpoint.takeEvents()], [[], []]);
  for (const byte of [1, 2]) endpoint.transmit(Uint8Array.of(byte), to);
  for (const event of ["a", "b"]) endpoint.emit(event);
  const transmits = endpoint.takeTransmits();
  const events = endpoint.takeEvents();
  endpoint.transmit(Uint8Array.of(3), to);
  endpoint.emit("c");
  assertEquals(transmits, [{ datagram: Uint8Array.of(1), to }, { datagram: Uint8Array.of(2), to }]);
  assertEquals(events, ["a", "b"]);
  assertEquals(endpoint.takeTransmits(), [{ datagram: Uint8Array.of(3), to }]);
  assertEquals(endpoint.takeEvents(), ["c"]);
});

Deno.test("endpoint: an IPv6 address is told from its port", () => {
  assertEquals(formatAddress({ hostname: "192.0.2.1", port: 12_000 }), "192.0.2.1:12000");
  assertEquals(formatAddress({ hostname: "2001:db8::1", port: 9 }), "[2001:db8::1]:9");
});
