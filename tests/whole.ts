/**
 * Tests that take many seconds: `deno task test` runs them, and a bare `deno test` is for a quick look.
 *
 * @module
 */

const isWhole = Deno.permissions.querySync({ name: "run" }).state === "granted";

/** A test that a bare `deno test` lists as ignored, as it does with those that need a permission. */
export function testAtLength(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, ignore: !isWhole, fn });
}
