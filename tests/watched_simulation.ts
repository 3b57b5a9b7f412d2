/**
 * A simulation in which each end can be watched, as the laboratory watches the programs.
 *
 * @module
 */
import type { Passage } from "../laboratory/passage.ts";
import { type Address, formatAddress } from "../transport/endpoint.ts";
import { readHeader } from "../transport/mod.ts";
import { Simulation } from "./simulation.ts";

/** Where the network is that loses: at the end that is watched, or beyond what it sees. */
export type Place = "here" | "beyond";

interface Watcher {
  readonly place: Place;
  readonly tell: (passage: Passage) => void;
  passed: number;
}

/** A simulation that tells of each datagram at the ends that are watched. */
export class WatchedSimulation extends Simulation {
  readonly #watchers = new Map<string, Watcher>();

  /** Tells of every datagram that passes at that address. */
  watch(address: Address, place: Place, tell: (passage: Passage) => void): void {
    this.#watchers.set(formatAddress(address), { place, tell, passed: 0 });
  }

  override send(datagram: Uint8Array, from: Address, to: Address): void {
    this.datagrams++;
    const { arrivals, isHeldBack } = this.network.send({ datagram, from, to }, this.now);
    const header = readHeader(datagram);
    const fate = (["lost", "whole", "doubled"] as const)[arrivals.length]!;
    const sender = this.#watchers.get(formatAddress(from));
    const receiver = this.#watchers.get(formatAddress(to));
    const passage = { datagram, header, delay: 0, isHeldBack, at: this.now };
    sender?.tell({
      ...passage,
      order: ++sender.passed,
      direction: "sent",
      peer: to,
      fate: sender.place === "here" ? fate : "whole",
    });
    if (receiver === undefined) return;
    const { place, tell } = receiver;
    const received = { ...passage, direction: "received", peer: from } as const;
    if (fate === "lost" && place === "here") {
      tell({ ...received, order: ++receiver.passed, fate: "lost" });
    }
    arrivals.toSorted((a, b) => a - b).forEach((at, copy) => {
      this.at(at, () => {
        const isCopy = place === "here" && copy > 0;
        if (!isCopy) receiver.passed++;
        const seen = place === "beyond" ? "whole" : isCopy ? "copy" : fate;
        tell({ ...received, at, order: receiver.passed, fate: seen });
      });
    });
  }
}
