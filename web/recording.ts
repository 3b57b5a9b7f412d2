/**
 * A conversation that took place elsewhere, as it stands in a link: its ladder diagram can only be looked at.
 *
 * @module
 */
import { PERFECT } from "../laboratory/network.ts";
import type { Crossing, Play, Side, Told } from "../laboratory/demo/play.ts";
import { readHeader } from "../transport/reliable/packet.ts";

/** The subject of a diagram: a conversation that is played, or one that was recorded. */
export type Lane = Pick<
  Play,
  | "crossings"
  | "told"
  | "scenes"
  | "now"
  | "nextTime"
  | "options"
  | "inspect"
  | "turn"
  | "maySpeak"
  | "advance"
>;

/** A datagram that was recorded. */
export interface RecordedDatagram {
  /** In ms since the beginning. */
  readonly at: number;
  readonly by: Side;
  readonly datagram: Uint8Array;
  readonly lost: boolean;
}

/** Most datagrams of a link, the last ones, and the bytes that are kept of each. */
const [MAX_DATAGRAMS, KEPT_BYTES] = [60, 48];

/** Time between two datagrams as they are drawn, and of their ways, in ms: what passed in no time is seen. */
const [STEP_MS, WAY_MS] = [150, 100];

/** Writes datagrams for a link. */
export function encodeRecording(datagrams: readonly RecordedDatagram[]): string {
  return datagrams.slice(-MAX_DATAGRAMS).map(({ at, by, datagram, lost }) => {
    const letter = by === "client" ? "c" : "s";
    const start = String.fromCharCode(...datagram.subarray(0, KEPT_BYTES));
    const text = btoa(start).replace(/[+/=]/g, (it) => it === "+" ? "-" : it === "/" ? "_" : "");
    return `${Math.round(at)}${lost ? letter.toUpperCase() : letter}${datagram.length}*${text}`;
  }).join(".");
}

/** The end of an address that shows datagrams on the page, all of them. */
export function recordingLink(datagrams: readonly RecordedDatagram[]): string {
  const end = STEP_MS * Math.min(MAX_DATAGRAMS, datagrams.length);
  return `#registro=${encodeRecording(datagrams)}&instante=${end}`;
}

/** Reads them; `undefined` if they are none. */
export function decodeRecording(text: string): RecordedDatagram[] | undefined {
  const datagrams = text.split(".").slice(0, MAX_DATAGRAMS).map((written) => {
    const found = /^(\d{1,7})([cs])(\d{1,5})\*([\w-]{0,64})$/i.exec(written);
    // One letter over four is no base64.
    if (found === null || found[4]!.length % 4 === 1) return undefined;
    const [, at, letter, length, start = ""] = found;
    const datagram = new Uint8Array(Math.min(Number(length), 65_535));
    const bytes = Uint8Array.from(
      atob(start.replaceAll("-", "+").replaceAll("_", "/")),
      (it) => it.charCodeAt(0),
    );
    datagram.set(bytes.subarray(0, datagram.length));
    const by = letter!.toLowerCase() === "c" ? "client" as const : "server" as const;
    return { at: Number(at), by, datagram, lost: letter !== letter!.toLowerCase() };
  });
  return datagrams.includes(undefined) ? undefined : datagrams as RecordedDatagram[];
}

/** Shows datagrams one by one, each with its time. */
export class Recording implements Lane {
  now = 0;
  readonly options: Play["options"];
  readonly #crossings: readonly Crossing[];
  readonly #told: readonly Told[];

  constructor(datagrams: readonly RecordedDatagram[]) {
    this.options = { kind: "protected", seed: 0, conditions: PERFECT, script: undefined, pace: 0 };
    this.#crossings = datagrams.map(({ by, datagram, lost }, i) => {
      const [at, header] = [i * STEP_MS, readHeader(datagram)];
      const [arrivals, lostAt] = lost ? [[], at + WAY_MS / 2] : [[at + WAY_MS], undefined];
      return {
        ...{ type: "crossing", order: i + 1, index: i + 1, direction: "sent", at, by } as const,
        ...{ datagram, header, arrivals, lostAt, isLostByHand: false, isHeldBack: false },
        ...{ peer: { hostname: "", port: 0 }, delay: 0, cause: "", expired: undefined },
        ...{ fate: lost ? "lost" as const : "whole" as const, repeats: 0 },
      };
    });
    this.#told = datagrams.map(({ at, by }, i) => {
      return { type: "notice", at: i * STEP_MS, by, text: `${at.toLocaleString("es")} ms` };
    });
  }

  get crossings(): Crossing[] {
    return this.#crossings.filter(({ at }) => at <= this.now);
  }

  get told(): Told[] {
    return this.#told.filter(({ at }) => at <= this.now);
  }

  get scenes(): Play["scenes"] {
    return this.crossings;
  }

  get nextTime(): number {
    const last = this.#crossings.at(-1)?.at ?? 0;
    const next = this.#crossings.find(({ at }) => at > this.now)?.at ?? last + WAY_MS;
    return next > this.now ? next : Infinity;
  }

  advance(to: number): void {
    this.now = to;
  }

  inspect = (): undefined => undefined;
  turn = (): undefined => undefined;
  maySpeak = (): false => false;
}
