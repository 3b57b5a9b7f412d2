/**
 * The long tests run when all are asked for: `deno task test:todo`, or `deno test -- --todo`. Any other
 * run lists them as ignored.
 *
 * @module
 */

/** Whether all tests were asked for. */
export const isWhole: boolean = Deno.args.includes("--todo");

/** A test that takes seconds. */
export function testAtLength(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, ignore: !isWhole, fn });
}

/** Number of cases that a test goes through: `all` of them, or the first tenth in a quick run. */
export function cases(all: number): number {
  return isWhole ? all : Math.ceil(all / 10);
}
