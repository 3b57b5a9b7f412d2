/**
 * What goes out and comes in at one end, written to a capture file as it passes: without privileges, and
 * with what was lost on purpose.
 *
 * @module
 */
import { concat } from "../../transport/bytes.ts";
import { waitAtMost } from "../../transport/driver.ts";
import type { Address, DatagramSocket } from "../../transport/mod.ts";
import type { Observation } from "../observation.ts";
import { captureBlock, type CapturedDatagram, captureHeader, ipBytes } from "./pcapng.ts";

/** Most bytes that wait for a slow disk. */
const MAX_WAITING_BYTES = 8 * 2 ** 20;

/** Longest that the end of a program waits for the disk, in ms. */
const MAX_CLOSING_MS = 2_000;

/** The file of a {@linkcode Capture}. */
export type CaptureTarget = Pick<Deno.FsFile, "write" | "truncate" | "close">;

/** A capture file that grows. It holds whole blocks, also if a write fails. */
export class Capture {
  readonly #file: CaptureTarget;
  readonly #onError: (error: unknown) => void;
  readonly #interfaces = networkInterfaces();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #size = 0;
  #isBroken = false;
  #writing: Promise<void> | undefined;

  /** @param onError Told why nothing more is written, once. */
  constructor(file: CaptureTarget, onError: (error: unknown) => void) {
    this.#file = file;
    this.#onError = onError;
    this.#append(captureHeader());
  }

  /** The same socket, of which every datagram is captured as it leaves. */
  tap(socket: DatagramSocket): DatagramSocket {
    return {
      address: socket.address,
      receive: () => socket.receive(),
      send: (datagram, to) => {
        this.#add({ datagram, from: socket.address, to, at: performance.now(), isSent: true });
        return socket.send(datagram, to);
      },
      close: () => socket.close(),
    };
  }

  /** Captures what was received, or was lost on purpose in either direction. */
  add({ direction, datagram, at, local, peer, fate }: Observation): void {
    const isSent = direction === "sent";
    if (local === undefined || isSent && fate !== "lost") return;
    const [from, to] = isSent ? [local, peer] : [peer, local];
    const loss = fate === "lost"
      ? `perdido a propósito al ${isSent ? "salir" : "llegar"}`
      : undefined;
    this.#add({ datagram, from, to, at, isSent, loss });
  }

  /** Closes the file once all is written, or the disk has taken nothing for too long. */
  async close(): Promise<void> {
    await waitAtMost(MAX_CLOSING_MS, this.#writing ?? Promise.resolve());
    this.#isBroken = true;
    this.#file.close();
  }

  #add(captured: CapturedDatagram): void {
    if (this.#isBroken) return;
    const { from, to, at } = captured;
    this.#append(captureBlock({
      ...captured,
      from: this.#concrete(from, to),
      to: this.#concrete(to, from),
      at: performance.timeOrigin + at,
    }));
  }

  #append(block: Uint8Array): void {
    if (this.#waitingBytes + block.length > MAX_WAITING_BYTES) {
      return this.#stop(new Error("el disco no da abasto"));
    }
    this.#waiting.push(block);
    this.#waitingBytes += block.length;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = concat(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        for (let end = 0; end < bytes.length;) end += await this.#file.write(bytes.subarray(end));
        this.#size += bytes.length;
      } catch (error) {
        // Half a block would make the file unreadable.
        await this.#file.truncate(this.#size).catch(() => {});
        this.#waiting = [];
        this.#stop(error);
      }
    }
    this.#writing = undefined;
  }

  #stop(error: unknown): void {
    if (!this.#isBroken) this.#onError(error);
    this.#isBroken = true;
  }

  /**
   * The address itself, unless it stands for all addresses of this machine: then the one by which it talks
   * to that peer, or that of its first network.
   */
  #concrete(address: Address, peer: Address): Address {
    const { hostname, port } = address;
    if (hostname !== "0.0.0.0" && hostname !== "::") return address;
    const there = ipBytes(peer.hostname);
    const own = this.#interfaces.filter(({ bytes }) => bytes.length === there.length);
    const found = own.find(({ bytes }) => isWithin(bytes, there, 8 * there.length)) ??
      own.find(({ bytes, prefix }) => isWithin(bytes, there, prefix)) ??
      own.find(({ isLoopback }) => !isLoopback);
    return { hostname: found?.hostname ?? (there.length === 4 ? "0.0.0.0" : "::"), port };
  }
}

/** The addresses of this machine; with no permission to see them, those of loopback. */
function networkInterfaces() {
  const query = { name: "sys", kind: "networkInterfaces" } as const;
  const isAllowed = Deno.permissions.querySync(query).state === "granted";
  const loopback = [["127.0.0.1", 8], ["::1", 128]] as const;
  const others = isAllowed
    ? Deno.networkInterfaces().map((it) => [it.address, Number(it.cidr.split("/")[1])] as const)
    : [];
  return [...loopback, ...others].map(([hostname, prefix]) => {
    const isLoopback = hostname === "::1" || hostname.startsWith("127.");
    return { hostname, bytes: ipBytes(hostname), prefix, isLoopback };
  });
}

/** Whether two addresses agree in their first bits. */
function isWithin(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  return one.every((byte, i) =>
    (byte ^ other[i]!) >> Math.max(0, 8 - Math.max(0, bits - 8 * i)) === 0
  );
}
