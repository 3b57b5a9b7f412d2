/**
 * Fuzzing: input that no sound peer would send, in any amount. Each target states its invariants;
 * each case comes from a seed, and can be replayed alone.
 *
 * `deno task fuzz` runs all targets in turn until it is interrupted; `tests/fuzz_test.ts` runs a fixed
 * number of cases of each.
 *
 * @module
 */
import { Arguments, UsageError } from "../program/arguments.ts";
import { fuzzArguments } from "./fuzz_arguments.ts";
import { fuzzClean } from "./fuzz_clean.ts";
import { fuzzDecoder } from "./fuzz_decoder.ts";
import { fuzzLines } from "./fuzz_lines.ts";
import { fuzzClient, fuzzServer } from "./fuzz_sessions.ts";

/** A target of fuzzing. */
export interface FuzzTarget {
  /** Its name on the command line. */
  readonly name: string;
  /** Cases that the suite runs. */
  readonly cases: number;
  /** Runs the case of a seed; returns how many inputs it had. Throws if an invariant fails. */
  run(seed: number): number | Promise<number>;
}

/** All targets. */
export const TARGETS: readonly FuzzTarget[] = [
  { name: "decoder", cases: 100, run: fuzzDecoder },
  { name: "server", cases: 60, run: fuzzServer },
  { name: "client", cases: 80, run: fuzzClient },
  { name: "lines", cases: 300, run: fuzzLines },
  { name: "arguments", cases: 40, run: fuzzArguments },
  { name: "clean", cases: 40, run: fuzzClean },
];

/** Cases of consecutive seeds. */
export interface Run {
  /** Seed of the first case, 0 to 2³² - 1. */
  readonly seed: number;
  /** Number of cases. */
  readonly cases: number;
}

/** Runs cases of a target. A failure names its seed, and how to replay it. */
export async function runCases(target: FuzzTarget, { seed, cases }: Run): Promise<number> {
  let inputs = 0;
  for (let index = 0; index < cases; index++) {
    const own = (seed + index) >>> 0;
    try {
      inputs += await target.run(own);
    } catch (error) {
      const replay = `deno task fuzz --objetivo ${target.name} --semilla ${own} --casos 1`;
      throw new Error(`Seed ${own} of ${target.name} failed; replay it alone with: ${replay}`, {
        cause: error,
      });
    }
  }
  return inputs;
}

const REPORT_INTERVAL_MS = 5000;
const MAX_SEED = 2 ** 32 - 1;

/** Runs the targets in turn: for some seconds or cases, or until it is interrupted. */
async function main(): Promise<number> {
  const values = ["segundos", "semilla", "casos", "objetivo"];
  const args = new Arguments(Deno.args, { values, flags: [], words: 0 });
  const forever = Number.MAX_SAFE_INTEGER;
  const seconds = args.integer("segundos", { otherwise: forever, least: 1, most: forever });
  const cases = args.integer("casos", { otherwise: forever, least: 1, most: forever });
  const drawn = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const seed = args.integer("semilla", { otherwise: drawn, least: 0, most: MAX_SEED });
  const only = args.text("objetivo", "todos");
  const targets = TARGETS.filter(({ name }) => only === "todos" || only === name);
  if (targets.length === 0) throw new UsageError(`no se conoce el objetivo "${only}"`);

  const counts = new Map(targets.map(({ name }) => [name, 0]));
  const start = performance.now();
  let isStopped = false;
  Deno.addSignalListener("SIGINT", () => isStopped = true);
  const elapsed = () => performance.now() - start;
  const report = (what: string) => {
    const each = targets.map(({ name }) => `${name} ${counts.get(name)}`).join(", ");
    say(`${what}: ${each}; semilla ${seed}, ${Math.round(elapsed() / 1000)} s`);
  };
  let reported = 0;
  try {
    for (let index = 0; index < cases && elapsed() < 1000 * seconds && !isStopped; index++) {
      for (const target of targets) {
        const inputs = await runCases(target, { seed: seed + index, cases: 1 });
        counts.set(target.name, counts.get(target.name)! + inputs);
      }
      // A signal is heard between two tasks only.
      await new Promise((resolve) => setTimeout(resolve));
      if (elapsed() - reported < REPORT_INTERVAL_MS) continue;
      reported = elapsed();
      report("Entradas");
    }
  } finally {
    report("Total de entradas");
  }
  return 0;
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const code = await main().catch((error) => {
    say(error instanceof UsageError ? error.message : Deno.inspect(error));
    return error instanceof UsageError ? 2 : 1;
  });
  Deno.exit(code);
}
