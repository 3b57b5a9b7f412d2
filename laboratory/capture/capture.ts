/**
 * The datagrams of one end, out and in, written to a capture file as they pass: without privileges, and
 * with what was lost on purpose.
 *
 * @module
 */
import type { GrowingFile } from "../../program/files.ts";
import type { Address, DatagramSocket } from "../../transport/mod.ts";
import type { Observation } from "../observation.ts";
import { captureBlock, type CapturedDatagram, captureHeader, ipBytes } from "./pcapng.ts";

/** Writes datagrams to a capture file. */
export class Capture {
  readonly #file: GrowingFile;
  readonly #addresses = ownAddresses();

  constructor(file: GrowingFile) {
    this.#file = file;
    file.append(captureHeader());
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

  #add(captured: CapturedDatagram): void {
    const { from, to, at } = captured;
    this.#file.append(captureBlock({
      ...captured,
      from: this.#concrete(from, to),
      to: this.#concrete(to, from),
      at: performance.timeOrigin + at,
    }));
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
