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
  readonly #addresses = ownAddresses();
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

  // A socket that listens on all addresses does not tell by which a datagram passed: most likely by the one
  // in the network of its peer.
  #concrete({ hostname, port }: Address, peer: Address): Address {
    if (hostname !== "0.0.0.0" && hostname !== "::") return { hostname, port };
    const there = bitsOf(peer.hostname);
    const own = this.#addresses.filter(({ bits }) => bits.length === there.length);
    const found = own.find(({ bits, prefix }) => there.startsWith(bits.slice(0, prefix))) ??
      own.find(({ hostname }) => !/^127\.|^::1$/.test(hostname));
    return { hostname: found?.hostname ?? (peer.hostname.includes(".") ? "0.0.0.0" : "::"), port };
  }
}

/** The addresses of this machine, and the lengths of their prefixes; those of loopback, if no more may be seen. */
function ownAddresses() {
  const query = { name: "sys", kind: "networkInterfaces" } as const;
  const isAllowed = Deno.permissions.querySync(query).state === "granted";
  const cidrs = isAllowed ? Deno.networkInterfaces().map(({ cidr }) => cidr) : [];
  return ["127.0.0.1/8", "::1/128", ...cidrs].map((cidr) => {
    const [hostname, prefix] = cidr.split("/") as [string, string];
    return { hostname, bits: bitsOf(hostname), prefix: Number(prefix) };
  });
}

function bitsOf(hostname: string): string {
  return Array.from(ipBytes(hostname), (byte) => byte.toString(2).padStart(8, "0")).join("");
}
