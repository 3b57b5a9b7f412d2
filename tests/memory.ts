/**
 * Memory that is really in use.
 *
 * @module
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Bytes of the heap that are still referred to. */
export function heapInUse(): number {
  collectGarbage();
  return Deno.memoryUsage().heapUsed;
}
