/**
 * Programs that the tester is tried on: started on a port of their own, fed, and ended.
 *
 * @module
 */
import {
  answers,
  check,
  describeFinding,
  readRules,
} from "../laboratory/conformance/conformance.ts";
import type { Finding, Rule } from "../laboratory/conformance/conformance.ts";
import { type Bench, Inlet, Screen } from "../laboratory/conformance/trial.ts";
import { QUESTIONS } from "../laboratory/conformance/visit.ts";
import { freePort, isGranted } from "./machine.ts";
import { canRunPrograms, command } from "./process.ts";

/** Whether programs cannot be run here. */
export const ignore = !canRunPrograms || !isGranted("read");
const specification = ignore ? "" : await Deno.readTextFile("docs/protocolo.md");

/** A program that is tested, until it is disposed of. */
export interface Peer extends AsyncDisposable {
  readonly bench: Bench;
}

/** A server that somebody answers at. */
export function startServer(
  commandFor: (port: number) => string[],
  more: Partial<Bench> = {},
): Peer {
  const port = freePort();
  const [program, ...args] = commandFor(port);
  const options = { args, stdin: "piped", stdout: "piped", stderr: "null" } as const;
  const child = new Deno.Command(program!, options).spawn();
  const input = child.stdin.getWriter();
  const feeding = input.write(new TextEncoder().encode([...answers(900), ""].join("\n"))).catch(
    () => {},
  );
  const server = { hostname: "127.0.0.1", port };
  return {
    bench: {
      role: "server",
      seed: 1,
      screen: new Screen(child.stdout),
      server,
      inlet: undefined,
      code: undefined,
      seen: new Set(),
      ...more,
    },
    async [Symbol.asyncDispose]() {
      kill(child);
      await feeding;
      await input.close().catch(() => {});
      await child.status;
    },
  };
}

/** A client that starts once more whenever it ends. */
export function startClients(
  commandFor: (port: number) => string[],
  more: Partial<Bench> = {},
): Peer {
  const inlet = new Inlet();
  const [program, ...args] = commandFor(inlet.port);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  let child: Deno.ChildProcess | undefined;
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "null" })
        .spawn();
      const input = child.stdin.getWriter();
      await input.write(new TextEncoder().encode([...QUESTIONS, ""].join("\n"))).catch(() => {});
      const closing = input.close().catch(() => {});
      await child.stdout.pipeTo(writable, { preventClose: true }).catch(() => {});
      await Promise.all([closing, child.status]);
    }
    await writable.close();
  };
  const running = run();
  const server = { hostname: "127.0.0.1", port: inlet.port };
  return {
    bench: {
      role: "client",
      seed: 1,
      screen: new Screen(readable),
      server,
      inlet,
      code: undefined,
      seen: new Set(),
      ...more,
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      if (child !== undefined) kill(child);
      await running;
      inlet[Symbol.dispose]();
    },
  };
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

export const ourServer = (...args: string[]) => (port: number) =>
  command("servidor", "--puerto", `${port}`, ...args);
export const ourClient = (...args: string[]) => (port: number) =>
  command("cliente", "--puerto", `${port}`, ...args);

/** Checks rules side by side: a server has room for many clients. */
export async function checkAtOnce(rules: readonly Rule[], bench: Bench): Promise<Finding[]> {
  // To want a token, a server has to be full of strangers.
  const isLonely = ({ number }: Rule) => number === "3.20" || number === "3.21";
  const findings = await Promise.all(
    rules.filter((rule) => !isLonely(rule)).map((rule) => check(rule, bench)),
  );
  for (const rule of rules.filter(isLonely)) findings.push(await check(rule, bench));
  return findings;
}

/** Waits until a server says that it listens. */
export async function whenShown({ bench: { screen } }: Peer): Promise<void> {
  for (let waited = 0; screen.text === "" && waited < 60_000; waited += 100) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const rulesOf = (role: Bench["role"], levels: readonly number[]) =>
  readRules(specification, role).filter(({ level }) => levels.includes(level));

/** What is told of rules that are broken, or could not be checked. */
export const toldOf = (findings: readonly Finding[], { seed }: Bench) =>
  findings.filter(({ state }) => state !== "holds")
    .flatMap((it) => describeFinding(it, { seed, isColoured: false })).join("\n");

/** Checks the rules of clients, each with a client of its own. */
export async function checkClients(
  rules: readonly Rule[],
  startFor: (rule: Rule) => Peer,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let i = 0; i < rules.length; i += 15) {
    findings.push(
      ...await Promise.all(
        rules.slice(i, i + 15).map(async (rule) => {
          await using peer = startFor(rule);
          return await check(rule, peer.bench);
        }),
      ),
    );
  }
  return findings;
}
