/**
 * The orders of a worker process.
 *
 * @module
 */

/** The function of each order: from the argument to the reply, both as JSON. */
// deno-lint-ignore no-explicit-any -- the giver of an order knows its argument
export type Orders = Readonly<Record<string, (argument: any) => unknown>>;

/** Obeys orders, one line each on standard input, in turn, until that ends; then ends this process. */
export async function obey(orders: Orders): Promise<never> {
  let rest = "";
  let obeyed = Promise.resolve();
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) obeyed = obeyed.then(() => carryOut(line));
  }
  Deno.exit(0);

  async function carryOut(line: string): Promise<void> {
    const [name, argument] = JSON.parse(line);
    const reply = await orders[name]!(argument) ?? null;
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(reply)}\n`));
  }
}

/** CPU time of this process so far, user and system, in µs. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
