/**
 * The tester against the examples, and against each of sixteen programs that are wrong in one thing.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { check, type Finding, levelOf } from "../laboratory/conformance/conformance.ts";
import { command } from "./process.ts";
import { checkAtOnce, checkClients, ignore, rulesOf, startClients } from "./tested_peer.ts";
import { startServer, toldOf, whenShown } from "./tested_peer.ts";
import { isWhole } from "./whole.ts";

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
    what: "takes a segment that is greater than the last",
    from: " or datos[4] == MESSAGE and datos[20] > datos[21]",
    to: "",
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
  name: "conformidad: each of sixteen wrong programs is caught by the rule that names its fault",
  ignore: ignore || !isWhole,
  async fn() {
    const missed = await Promise.all(MUTANTS.map(async (mutant) => {
      const { folder, commandFor } = await mutantOf(mutant);
      const { role, what, rule: number } = mutant;
      const [rule] = rulesOf(role, [1, 2, 3]).filter((it) => it.number === number);
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
