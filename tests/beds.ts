/**
 * Sleepers for the tests of the deadlines.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Deadlines, Sleeper } from "../transport/deadlines.ts";

/** A sleeper with a name. */
export interface Bed extends Sleeper {
  readonly name: number;
  nextTimeout: number;
}

/** One that wants to be woken at `nextTimeout`. */
export function bed(nextTimeout: number, name = 0): Bed {
  return { name, nextTimeout, heapIndex: -1 };
}

/** Wakes all sleepers that are due: each sleeps on until `later`. */
export function wake(deadlines: Deadlines<Bed>, now: number, later = Infinity): Bed[] {
  const woken: Bed[] = [];
  for (let due = deadlines.takeDue(now); due; due = deadlines.takeDue(now)) {
    woken.push(due);
    assert(woken.length <= 1000, "somebody is woken for ever");
    due.nextTimeout = later;
    deadlines.schedule(due, now);
  }
  return woken;
}
