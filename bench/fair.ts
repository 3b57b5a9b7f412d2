/**
 * A TCP download beside conversations with long answers, over a bottleneck: what it is left.
 *
 * @module
 */
import { type Link, Links } from "./link.ts";
import type { Row } from "./row.ts";
import type { Share, Shares } from "./share.ts";
import { Worker } from "./worker.ts";

/** How long the flows share the link. */
export interface FairOptions {
  /** How long they are there before they are measured, in ms, default 10,000. */
  readonly warmUp?: number;
  /** How long they are measured, in ms, default 120,000. */
  readonly duration?: number;
}

/** 1 Mbit/s, 20 packets. */
const BOTTLENECK: Link = { delay: 0.025, loss: 0, seed: 1, rate: 125_000, queue: 20 };
const BITS_PER_SECOND = 8 * 125_000;
const OTHERS = 10;

/** Longest wait for the end of the flows once they are not measured any more, in ms. */
const PATIENCE_MS = 120_000;

/** What a download is left beside ten conversations, and beside ten downloads for comparison. */
export async function fair(options: FairOptions = {}): Promise<Row[]> {
  const { warmUp = 10_000, duration = 120_000 } = options;
  await using links = await Links.make([BOTTLENECK, BOTTLENECK]);
  await using server = new Worker("contenders", "server", 0, links.ends[0]);
  await server.order("serve");
  await using client = new Worker("contenders", "client", 0, links.ends[1]);
  const share = { warmUp, duration, downloads: 0, conversations: 0 };
  const orders: Share[] = [
    { ...share, hostname: Links.serverAt(0), conversations: OTHERS },
    { ...share, hostname: Links.serverAt(1), downloads: OTHERS },
  ];
  const patience = warmUp + duration + PATIENCE_MS;
  const [mixed, alone] = await client.order<[Shares, Shares]>("share", orders, patience);
  const equal = [BITS_PER_SECOND / 1000 / (OTHERS + 1)];
  const row = { unit: "kbit/s", baseline: equal, against: "un onceavo de 1 Mbit/s" };
  const kilo = (values: readonly number[]) => values.map((value) => value / 1000);
  return [
    {
      ...row,
      title: "una descarga por TCP junto a diez conversaciones",
      ours: kilo([mixed.download]),
      target: { of: "ratio", least: 0.5 },
    },
    {
      title: "conversaciones perdidas, de diez",
      unit: "",
      ours: [mixed.lost],
      target: { of: "value", most: 0 },
    },
    { title: "cada conversación, de diez", unit: "kbit/s", ours: kilo(mixed.others) },
    { ...row, title: "una descarga por TCP junto a otras diez", ours: kilo([alone.download]) },
    { title: "cada una de las otras diez", unit: "kbit/s", ours: kilo(alone.others) },
  ];
}
