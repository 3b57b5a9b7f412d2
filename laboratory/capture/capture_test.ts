import { assert, assertEquals } from "@std/assert";
import { type FileTarget, GrowingFile } from "../../program/files.ts";
import { Capture } from "./capture.ts";
import { captureBlock, captureHeader, ipBytes } from "./pcapng.ts";
import type { Address, DatagramSocket } from "../../transport/mod.ts";

const LOCAL: Address = { hostname: "0.0.0.0", port: 54_321 };
const PEER: Address = { hostname: "127.0.0.1", port: 12_000 };
const EVERY_BYTE = Uint8Array.from({ length: 255 }, (_, i) => i);

/** A disk of a size, in bytes. */
class Disk implements FileTarget {
  bytes: number[] = [];
  isClosed = false;
  readonly size: number;

  constructor(size: number = Infinity) {
    this.size = size;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.bytes.length === this.size) return Promise.reject(new Error("No space left"));
    // As a real one may: not all at once.
    const part = bytes.subarray(0, Math.min(1_000, this.size - this.bytes.length));
    this.bytes.push(...part);
    return Promise.resolve(part.length);
  }

  syncData(): Promise<void> {
    return Promise.resolve();
  }

  truncate(length: number): Promise<void> {
    this.bytes.length = length;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }
}

function socketAt(address: Address): DatagramSocket {
  const send = () => Promise.resolve();
  return { address, send, receive: () => Promise.reject(), close() {} };
}

/** The packets in a file, each with its IP header. */
function packetsOf(bytes: readonly number[]): Uint8Array[] {
  const file = Uint8Array.from(bytes);
  const view = new DataView(file.buffer);
  const packets: Uint8Array[] = [];
  for (let at = 0, length = 0; at < file.length; at += length) {
    length = view.getUint32(at + 4, true);
    assertEquals([length % 4, view.getUint32(at + length - 4, true)], [0, length]);
    if (view.getUint32(at, true) !== 6) continue;
    packets.push(file.subarray(at + 28, at + 28 + view.getUint32(at + 20, true)));
  }
  return packets;
}

/** The sum of 16-bit words that a whole header with its checksum has. */
function sum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  return sum % 0xffff;
}

Deno.test("capture: checksums hold, over IPv4 and IPv6, for datagrams of any length and any bytes", () => {
  for (const hostname of ["192.0.2.255", "2001:db8::ff", "::", "1:2:3:4:5:6:7:8"]) {
    const to = { hostname, port: 65_535 };
    for (let length = 0; length < 400; length++) {
      const datagram = new Uint8Array(length).map((_, i) => (i * 151 + length) & 0xff);
      const block = captureBlock({ datagram, from: to, to, at: length, isSent: true });
      const [packet] = packetsOf([...block]);
      const isIpv4 = packet![0] === 0x45;
      assertEquals(isIpv4, hostname.includes("."));
      const header = isIpv4 ? 20 : 40;
      if (isIpv4) assertEquals(sum(packet!.subarray(0, header)), 0);
      const addresses = packet!.subarray(isIpv4 ? 12 : 8, header);
      const udp = packet!.subarray(header);
      assertEquals((sum(addresses) + 17 + udp.length + sum(udp)) % 0xffff, 0, `${length} bytes`);
      // 0 would say that there is none.
      assert(udp[6]! + udp[7]! > 0);
      assertEquals(udp.subarray(8), datagram);
    }
  }
});

Deno.test("capture: addresses of every form", () => {
  assertEquals([...ipBytes("::ffff:192.0.2.7")], [192, 0, 2, 7]);
  assertEquals([...ipBytes("fe80::1%eth0")].filter(Boolean), [0xfe, 0x80, 1]);
  assertEquals([...ipBytes("::1")].at(-1), 1);
  assertEquals(ipBytes("2001:db8::").length, 16);
});

Deno.test("capture: a socket that listens everywhere has the address that its peer sees", async () => {
  const disk = new Disk();
  const file = new GrowingFile("registros/x.pcapng", disk, (error) => {
    throw error;
  });
  const capture = new Capture(file);
  await capture.tap(socketAt(LOCAL)).send(EVERY_BYTE, PEER);
  await capture.tap(socketAt({ ...LOCAL, hostname: "::" })).send(EVERY_BYTE, {
    ...PEER,
    hostname: "::ffff:127.0.0.1",
  });
  await capture.tap(socketAt({ ...LOCAL, hostname: "::" })).send(EVERY_BYTE, {
    ...PEER,
    hostname: "::1",
  });
  await file.close();
  const [one, mapped, six] = packetsOf(disk.bytes);
  assertEquals([...one!.subarray(12, 20)], [127, 0, 0, 1, 127, 0, 0, 1]);
  assertEquals(mapped, one);
  assertEquals(six!.subarray(8, 24), six!.subarray(24, 40));
  assert(disk.isClosed);
});

Deno.test("capture: of a disk that is full, whole packets are left, and one error", async () => {
  for (let size = captureHeader().length; size < 3_000; size += 97) {
    const disk = new Disk(size);
    const errors: unknown[] = [];
    const file = new GrowingFile("registros/x.pcapng", disk, (error) => errors.push(error));
    const capture = new Capture(file);
    const socket = capture.tap(socketAt(LOCAL));
    for (let i = 0; i < 10; i++) {
      await socket.send(EVERY_BYTE, PEER);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await file.close();
    assertEquals(errors.length, 1);
    const whole = captureBlock({ datagram: EVERY_BYTE, from: PEER, to: PEER, at: 0, isSent: true });
    const kept = Math.floor((size - captureHeader().length) / whole.length);
    assertEquals(packetsOf(disk.bytes).length, kept);
  }
});

Deno.test("capture: a disk that takes nothing costs bounded memory", async () => {
  const disk = new Disk();
  const blocked = Promise.withResolvers<number>();
  disk.write = () => blocked.promise;
  const errors: unknown[] = [];
  const file = new GrowingFile("registros/x.pcapng", disk, (error) => errors.push(error));
  const capture = new Capture(file);
  const socket = capture.tap(socketAt(LOCAL));
  const datagram = new Uint8Array(60_000);
  for (let i = 0; i < 1_000; i++) await socket.send(datagram, PEER);
  assertEquals(errors.map(String), ["Error: el disco no da abasto"]);
  blocked.reject(new Error("Unplugged"));
  await file.close();
  assertEquals(errors.length, 1);
});
