/**
 * The tester against programs that are right, and against each of fifteen that are wrong in one thing.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  answers,
  check,
  checkAll,
  describeFinding,
  levelOf,
  readRules,
} from "../laboratory/conformance/conformance.ts";
import type { Finding, Rule } from "../laboratory/conformance/conformance.ts";
import { type Bench, Inlet, Screen } from "../laboratory/conformance/trial.ts";
import { QUESTIONS } from "../laboratory/conformance/visit.ts";
import { freePort, isGranted } from "./machine.ts";
import { canRunPrograms, command } from "./process.ts";
import { isWhole } from "./whole.ts";

const ignore = !canRunPrograms || !isGranted("read");
const specification = ignore ? "" : await Deno.readTextFile("docs/protocolo.md");

/** A program that is tested, until it is disposed of. */
interface Peer extends AsyncDisposable {
  readonly bench: Bench;
}

/** A server that somebody answers at. */
function startServer(commandFor: (port: number) => string[], more: Partial<Bench> = {}): Peer {
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
function startClients(commandFor: (port: number) => string[], more: Partial<Bench> = {}): Peer {
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

const ourServer = (...args: string[]) => (port: number) =>
  command("servidor", "--puerto", `${port}`, ...args);
const ourClient = (...args: string[]) => (port: number) =>
  command("cliente", "--puerto", `${port}`, ...args);

/** Checks rules side by side: a server has room for many clients. */
async function checkAtOnce(rules: readonly Rule[], bench: Bench): Promise<Finding[]> {
  // To want a token, a server has to be full of strangers.
  const isLonely = ({ number }: Rule) => number === "3.20" || number === "3.21";
  const findings = await Promise.all(
    rules.filter((rule) => !isLonely(rule)).map((rule) => check(rule, bench)),
  );
  for (const rule of rules.filter(isLonely)) findings.push(await check(rule, bench));
  return findings;
}

/** Waits until a server says that it listens. */
async function whenShown({ bench: { screen } }: Peer): Promise<void> {
  for (let waited = 0; screen.text === "" && waited < 60_000; waited += 100) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const rulesOf = (role: Bench["role"], levels: readonly number[]) =>
  readRules(specification, role).filter(({ level }) => levels.includes(level));

/** What is told of rules that are broken, or could not be checked. */
const toldOf = (findings: readonly Finding[], { seed }: Bench) =>
  findings.filter(({ state }) => state !== "holds")
    .flatMap((it) => describeFinding(it, { seed, isColoured: false })).join("\n");

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

/** Checks the rules of clients, each with a client of its own. */
async function checkClients(
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

const example = (name: string) => (port: number) =>
  name === "cliente"
    ? ["python3", "-u", `docs/ejemplos/${name}.py`, "127.0.0.1", `${port}`]
    : ["python3", "-u", `docs/ejemplos/${name}.py`, `${port}`];

const brokenOf = (findings: readonly Finding[]) =>
  findings.filter(({ state }) => state === "broken").map(({ number }) => number);

Deno.test({
  name: "conformidad: the examples hold level 2, and fail level 3 where they are silent",
  ignore: ignore || !isWhole,
  async fn() {
    await using server = startServer(example("servidor"));
    await whenShown(server);
    const found = await checkAtOnce(rulesOf("server", [1, 2, 3]), server.bench);
    assertEquals(levelOf(found), 2, toldOf(found, server.bench));
    const silent = ["3.10", "3.12", "3.13", "3.17", "3.2", "3.3", "3.5", "3.6", "3.9"];
    assertEquals(brokenOf(found).filter((number) => silent.includes(number)).sort(), silent);
    const clients = await checkClients(
      rulesOf("client", [1, 2, 3]),
      () => startClients(example("cliente")),
    );
    assertEquals(levelOf(clients), 2, toldOf(clients, server.bench));
    const asked = ["3.16", "3.18", "3.2", "3.22", "3.3", "3.5", "3.6"];
    assertEquals(brokenOf(clients).filter((number) => asked.includes(number)).sort(), asked);
  },
});

Deno.test({
  name: "conformidad: who is silent, floods or sends rubbish ends in a clear line, and soon",
  ignore,
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

/** A program that is wrong in one thing. */
interface Mutant {
  readonly what: string;
  readonly role: "server" | "client";
  /** Of the examples, or of this project. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The rule that names its fault. */
  readonly rule: string;
}

const SERVER = { role: "server", file: "docs/ejemplos/servidor.py" } as const;

const MUTANTS: readonly Mutant[] = [
  {
    ...SERVER,
    what: "answers the wrong client",
    from: "enchufe.sendto(cabecera + contenido, self.direccion)",
    to:
      "enchufe.sendto(cabecera + contenido, list(sesiones.values())[-1].direccion if tipo == MESSAGE else self.direccion)",
    rule: "1.10",
  },
  {
    ...SERVER,
    what: "shows a duplicate twice",
    from: "if numero == self.enviado + 1 > self.recibido:",
    to: "if numero == self.enviado + 1 or numero == self.recibido:",
    rule: "2.8",
  },
  {
    ...SERVER,
    what: "acknowledges what it did not get",
    from: "self.transmitir(PONG, numero, eco=intento)",
    to: "self.transmitir(PONG, numero, eco=intento); self.transmitir(ACK, self.enviado + 1, eco=1)",
    rule: "2.10",
  },
  {
    ...SERVER,
    what: "speaks out of turn",
    from: "self.enviado = self.recibido + 1",
    to: "self.transmitir(MESSAGE, self.recibido + 3, texto, 1); self.enviado = self.recibido + 1",
    rule: "1.9",
  },
  { ...SERVER, what: "cuts at 1,024", from: "recvfrom(2048)", to: "recvfrom(1024)", rule: "1.12" },
  {
    role: "server",
    file: "transport/reliable/session.ts",
    what: "breaks an ñ at the edge of a segment",
    from: "const text = decodeText(message.subarray(nameLength(packet)));",
    to:
      "const text: string | undefined = [0, 1, 2].map((i) => new TextDecoder().decode(message.subarray(1104 * i, 1104 * (i + 1)))).join('');",
    rule: "3.5",
  },
  {
    ...SERVER,
    what: "never confirms bye",
    from: "self.transmitir(BYE_ACK)",
    to: "pass",
    rule: "1.16",
  },
  {
    ...SERVER,
    what: "keeps its session for ever",
    from: "return ahora >= self.oido_en + self.inactividad",
    to: "return False",
    rule: "2.16",
  },
  {
    ...SERVER,
    what: "retransmits without backing off",
    from: "self.rto * 2 ** envio.vencidos",
    to: "self.rto",
    rule: "2.4",
  },
  {
    role: "client",
    file: "transport/reliable/dialer.ts",
    what: "believes any RESET",
    from: "[1_000, 5_000]",
    to: "[0, 0]",
    rule: "3.15",
  },
  {
    ...SERVER,
    what: "answers rubbish",
    from: "return  # 1.17, 1.18",
    to: "return enchufe.sendto(b'?', direccion)",
    rule: "1.18",
  },
  {
    ...SERVER,
    what: "larger reply to the unproved",
    from: "self.ident + plazo",
    to: "self.ident + plazo + bytes(200)",
    rule: "1.5",
  },
  {
    ...SERVER,
    what: "reads numbers little-endian",
    from: '">3sBBBBB8sIBBH"',
    to: '"<3sBBBBB8sIBBH"',
    rule: "1.1",
  },
  {
    ...SERVER,
    what: "reuses a session id",
    from: "os.urandom(8), direccion",
    to: "b'sesionun', direccion",
    rule: "1.6",
  },
  {
    ...SERVER,
    what: "dies of an empty datagram",
    from: "if len(datos) < 24 or",
    to: "if datos[0] != 80 or len(datos) < 24 or",
    rule: "1.17",
  },
];

/** The command of a program with one thing changed, and the folder to remove, if there is one. */
async function mutantOf(
  { role, file, from, to }: Mutant,
): Promise<{ folder: string; commandFor: (port: number) => string[] }> {
  const source = await Deno.readTextFile(file);
  assertEquals(source.split(from).length, 2, `${file}: ${from}`);
  const changed = source.replace(from, () => to);
  if (file.endsWith(".py")) {
    return { folder: "", commandFor: (port) => ["python3", "-u", "-c", changed, `${port}`] };
  }
  const script =
    'd=$(mktemp -d) && cp -r deno.json deno.lock *.ts program terminal laboratory transport "$d" && cat > "$d/$0" && echo "$d"';
  const child = new Deno.Command("sh", {
    args: ["-c", script, file],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(changed));
  await input.close();
  const folder = new TextDecoder().decode((await child.output()).stdout).trim();
  const name = role === "server" ? "servidor" : "cliente";
  const commandFor = (port: number) =>
    command(name, "--puerto", `${port}`).map((word) =>
      word.endsWith(".ts") ? `${folder}/${name}.ts` : word
    );
  return { folder, commandFor };
}

Deno.test({
  name: "conformidad: each of fifteen wrong programs is caught by the rule that names its fault",
  ignore,
  async fn() {
    const missed = await Promise.all(MUTANTS.map(async (mutant) => {
      const { folder, commandFor } = await mutantOf(mutant);
      const { role, what, rule: number } = mutant;
      const [rule] = readRules(specification, role).filter((it) => it.number === number);
      const found: Finding[] = [];
      // The same seed catches it again.
      for (let times = 0; times < 2; times++) {
        await using peer = role === "server" ? startServer(commandFor) : startClients(commandFor);
        if (role === "server") await whenShown(peer);
        found.push(await check(rule!, { ...peer.bench, seed: 7 }));
      }
      if (folder !== "") await new Deno.Command("rm", { args: ["-r", folder] }).output();
      return found.every(({ state }) => state === "broken")
        ? []
        : `${what}: ${found.map(({ state, cause }) => `${state} ${cause}`)}`;
    }));
    assertEquals(missed.flat(), []);
  },
});
