/**
 * Two conversations under the same network, and the moment that is shown. Everything is computed from the
 * scenario: to go back is to play again.
 *
 * @module
 */
import type { Sodium } from "../transport/private/cpace.ts";
import { type Action, Play } from "../laboratory/demo/play.ts";
import { decodeRecording, type Lane, Recording } from "./recording.ts";
import { MAX_MOMENT_MS, type Scenario, SCRIPTS } from "./scenario.ts";

/** Most that a step skips in which nothing happens, in ms: more than the idle timeout. */
const MAX_STEP_MS = 80_000;

/** The scenario as it is played, and as it is changed. */
export class Experiment {
  /** Both conversations at `scenario.now`. */
  lanes!: readonly [Lane, Lane];
  /** The latest moment that was seen, in ms. */
  furthest = 0;
  scenario: Scenario;
  readonly #sodium: Sodium | undefined;

  /** Goes to the moment of the scenario. libsodium is for private rooms. */
  constructor(scenario: Scenario, sodium?: Sodium) {
    this.scenario = scenario;
    this.#sodium = sodium;
    this.#play();
  }

  /** The moment that is shown, in ms. */
  get now(): number {
    return this.scenario.now;
  }

  /** Whether nothing will happen any more. */
  get isOver(): boolean {
    return this.now >= MAX_MOMENT_MS || this.lanes.every(({ nextTime }) => nextTime === Infinity);
  }

  /** Goes to a moment, in whole ms. */
  seek(to: number): void {
    const now = Math.max(0, Math.min(MAX_MOMENT_MS, Math.floor(to)));
    const isBack = now < this.now;
    this.scenario = { ...this.scenario, now };
    if (isBack) this.#play();
    else this.#advance();
  }

  /** Goes to the next moment at which something is seen to happen, if there is one. */
  step(): void {
    const { now } = this;
    const count = this.#moments().length;
    while (!this.isOver && this.now < now + MAX_STEP_MS && this.#moments().length === count) {
      const next = Math.min(...this.lanes.map(({ nextTime }) => nextTime));
      this.seek(Math.ceil(Math.max(this.now + 1, next)));
    }
  }

  /** Goes to the last moment before this one at which something was seen to happen. */
  back(): void {
    this.seek(Math.max(0, ...this.#moments().filter((at) => at < this.now)));
  }

  /** Does something now. Whoever acts in the past makes another future. */
  act(action: Action): void {
    const before = this.scenario.actions.filter(({ at }) => at <= this.now);
    this.change({ actions: [...before, action] });
  }

  /** Takes the last action back, and goes to its moment, in which it can be done otherwise. */
  undo(): Action | undefined {
    const actions = [...this.scenario.actions];
    const last = actions.pop();
    if (last !== undefined) this.change({ actions, now: Math.min(this.now, last.at) });
    return last;
  }

  /** Plays another scenario. */
  change(scenario: Partial<Scenario>): void {
    this.scenario = { ...this.scenario, ...scenario };
    this.#play();
    this.furthest = this.now;
  }

  #play(): void {
    const { kinds, script, seed, pace, delay, jitter, ...scenario } = this.scenario;
    const loss = scenario.loss / 100;
    const duplication = scenario.duplication / 100;
    const reordering = scenario.reordering / 100;
    const conditions = { loss, duplication, reordering, delay, jitter };
    const recorded = decodeRecording(scenario.recording ?? "");
    const laneOf = (index: 0 | 1): Lane => {
      if (recorded !== undefined) return new Recording(recorded);
      const actions = scenario.actions.filter((it) => !("lane" in it) || it.lane === index);
      const people = { pace, script: SCRIPTS[script], actions };
      return new Play({ kind: kinds[index], seed, conditions, ...people, sodium: this.#sodium });
    };
    this.lanes = [laneOf(0), laneOf(1)];
    this.#advance();
  }

  #advance(): void {
    for (const lane of this.lanes) lane.advance(this.now);
    this.furthest = Math.max(this.furthest, this.now);
  }

  /** When something was seen so far, in ms, rounded up as moments are. */
  #moments(): number[] {
    const seen = this.lanes.flatMap(({ crossings, told }) => [
      ...crossings.flatMap(({ at, arrivals }) => [at, ...arrivals]),
      ...told.map(({ at }) => at),
    ]);
    return seen.map((at) => Math.ceil(at)).filter((at) => at <= this.now);
  }
}
