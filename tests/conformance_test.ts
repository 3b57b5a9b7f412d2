/**
 * The tester against this project's programs, and against peers that say nothing of use.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { checkAll, levelOf } from "../laboratory/conformance/conformance.ts";
import { type Bench, Screen } from "../laboratory/conformance/trial.ts";
import { checkAtOnce, checkClients, ignore, ourClient, ourServer } from "./tested_peer.ts";
import { rulesOf, startClients, startServer, toldOf, whenShown } from "./tested_peer.ts";
import { isWhole } from "./whole.ts";

/** Checks every rule of our servers, with a seed. */
async function checkOurServers(seed: number): Promise<void> {
  const code = "42-tigre-luna";
  await using open = startServer(ourServer(), { seed });
  await using plain = startServer(ourServer("--sin-fiabilidad"), { seed });
  await using closed = startServer(ourServer("--codigo", code), { code, seed });
  await Promise.all([open, plain, closed].map(whenShown));
  const findings = (await Promise.all([
    checkAtOnce(rulesOf("server", [1, 2, 3]), open.bench),
    checkAtOnce(rulesOf("server", [0]), plain.bench),
    checkAtOnce(rulesOf("server", [4]), closed.bench),
  ])).flat();
  assertEquals(toldOf(findings, open.bench), "");
  assertEquals(levelOf(findings), 4);
}

Deno.test({
  name: "conformidad: our server holds all levels, whatever the seed",
  ignore,
  async fn() {
    const seeds = Array.from({ length: isWhole ? 5 : 1 }, (_, i) => i + 1);
    await Promise.all(seeds.map(checkOurServers));
  },
});

Deno.test({
  name: "conformidad: our client holds all levels",
  ignore: ignore || !isWhole,
  async fn() {
    const code = "42-tigre-luna";
    const findings = await checkClients(rulesOf("client", [0, 1, 2, 3, 4]), ({ level }) => {
      if (level === 4) return startClients(ourClient("--codigo", code), { code });
      return startClients(ourClient(...level === 0 ? ["--sin-fiabilidad"] : []));
    });
    assertEquals(toldOf(findings, { seed: 1 } as Bench), "");
    assertEquals(levelOf(findings), 4);
  },
});

Deno.test({
  name: "conformidad: who is silent, floods or sends rubbish ends in a clear line, and soon",
  ignore: ignore || !isWhole,
  async fn() {
    const replies = {
      silent: [],
      rubbish: [Uint8Array.of(1, 2, 3)],
      flood: Array.from({ length: 400 }, () => new Uint8Array(30)),
    };
    await Promise.all(
      Object.entries(replies).map(async ([what, datagrams]) => {
        const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
        const serving = (async () => {
          for await (const [, from] of socket) {
            for (const datagram of datagrams) await socket.send(datagram, from).catch(() => {});
          }
        })();
        const { hostname, port } = socket.addr as Deno.NetAddr;
        const bench: Bench = {
          ...{ role: "server", seed: 1, screen: new Screen(), server: { hostname, port } },
          ...{ inlet: undefined, code: undefined, seen: new Set() },
        };
        const rules = rulesOf("server", [1]).filter(({ number }) => /^1\.[1-5]$/.test(number));
        const findings = await Array.fromAsync(checkAll(rules, bench));
        assertEquals(findings.length, what === "silent" ? 3 : rules.length);
        assertEquals(levelOf(findings), undefined);
        assertEquals(findings[0]!.cause, "no contesta al HELLO");
        socket.close();
        await serving;
      }),
    );
  },
});

// It waited an hour once its reader had gone, and a teacher's loop left one behind for each delivery.
Deno.test({
  name: "conformidad: the automatic answers end with their reader",
  ignore,
  async fn() {
    const args = ["run", "--allow-net", "--allow-read=docs", "--allow-env=TERM"];
    args.push("laboratory/conformance/conformance.ts", "--respuesta-automatica");
    const options = { args, stdin: "null", stdout: "piped", stderr: "null" } as const;
    const child = new Deno.Command(Deno.execPath(), options).spawn();
    const reader = child.stdout.getReader();
    const text = new TextDecoder();
    let read = "";
    while (!read.includes("NOOOOO 2999")) {
      read = read.slice(-20) + text.decode((await reader.read()).value, { stream: true });
    }
    await reader.cancel();
    assertEquals((await child.status).success, false);
  },
});
