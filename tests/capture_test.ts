/**
 * What `--captura` writes, as Wireshark reads it with the dissector: the datagrams of the trace, no more and
 * no fewer, and of those only the ones that were lost on purpose bear a comment.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort, outputOf } from "./machine.ts";
import { canRunPrograms, command, Process, type ProgramName } from "./process.ts";
import { canDissect, DISSECTOR } from "./tshark.ts";
import { cases } from "./whole.ts";

const canMerge = canRunPrograms && canDissect &&
  (await outputOf("mergecap", "--version")).includes("Mergecap");
const TURNS = cases(60);
const TYPES = "HELLO RETRY WELCOME REFUSE MESSAGE ACK PING PONG BYE BYE-ACK RESET NOTICE NOTICE-ACK"
  .split(" ");
const FIELDS = [
  "frame.interface_name",
  "frame.packet_flags_direction",
  "frame.comment",
  "ip.checksum.status",
  "udp.checksum.status",
  "pyr.type",
  "pyr.number",
  "udp.length",
  "frame.time_epoch",
  "ip.addr",
  "ipv6.addr",
  "pyr.malformed",
  "_ws.malformed",
];

type Row = Readonly<Record<string, string>>;

function test(name: string, fn: (folder: string) => Promise<void>, ignore = !canMerge): void {
  Deno.test({
    name: `capture: ${name}`,
    ignore,
    async fn() {
      const folder = (await outputOf("mktemp", "-d")).trim();
      try {
        await fn(folder);
      } finally {
        await outputOf("rm", "-r", folder);
      }
    },
  });
}

/** A program that writes to a folder of the test. */
function runIn(folder: string, program: ProgramName, ...args: string[]): Process {
  const words = command(program, ...args);
  return new Process(["sh", "-c", 'cd "$1"; shift; exec "$@"', "sh", folder, ...words]);
}

/** The packets of a capture file, field by field. */
async function read(file: string, port: number): Promise<Row[]> {
  const checks = ["ip", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
  const words = ["-n", "-X", `lua_script:${DISSECTOR}`, ...checks, "-d", `udp.port==${port},pyr`];
  const fields = ["-T", "fields", ...FIELDS.flatMap((field) => ["-e", field])];
  const { stdout } = await new Deno.Command("tshark", {
    args: ["-r", file, ...words, ...fields],
    env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", LC_ALL: "C.UTF-8" },
  }).output();
  return new TextDecoder().decode(stdout).split("\n").slice(0, -1).map((line) =>
    Object.fromEntries(line.split("\t").map((value, i) => [FIELDS[i]!, value]))
  );
}

/** A datagram as both tell it: direction, type, number of its message, bytes, and whether it was lost. */
function ofCapture(row: Row): string {
  const direction = row["frame.packet_flags_direction"]!.endsWith("2") ? "→" : "←";
  const type = TYPES[Number(row["pyr.type"]) - 1]!;
  const number = type === "MESSAGE" || type === "ACK" && row["pyr.number"] !== "0"
    ? row["pyr.number"]
    : "";
  const loss = row["frame.comment"] === "" ? "" : "perdido";
  return [direction, type, number, Number(row["udp.length"]) - 8, loss].join(" ");
}

/** The same of each line of a trace, twice for one that left twice. */
function ofTrace(errors: string): string[] {
  return errors.split("\n").flatMap((line) => {
    const [, arrow, type, number, bytes, rest] =
      /^ *\d+,\d [ \d]+([→←]) (.{7}) (.{8}) (.{5}) (.*)$/.exec(line.padEnd(80)) ?? [];
    if (arrow === undefined) return [];
    const isNumbered = /^(?:MESSAGE|ACK) *$/.test(type!) && /^\d+ *$/.test(number!);
    const shown = isNumbered ? number!.trim() : "";
    const loss = rest!.includes("perdido aquí") ? "perdido" : "";
    const datagram = [arrow, type!.trim(), shown, bytes!.trim(), loss].join(" ");
    return arrow === "→" && rest!.includes("duplicado") ? [datagram, datagram] : [datagram];
  });
}

function checkRows(rows: readonly Row[]): void {
  for (const row of rows) {
    const told = JSON.stringify(row);
    assertEquals([row["pyr.malformed"], row["_ws.malformed"]], ["", ""], told);
    assertEquals(row["udp.checksum.status"], "1", told);
    if (row["ip.addr"] !== "") assertEquals(row["ip.checksum.status"], "1", told);
    const isLost = row["frame.comment"] !== "";
    assertEquals(row["frame.interface_name"], isLost ? "perdidos a propósito" : "red", told);
    if (isLost) assertMatch(row["frame.comment"]!, /^perdido a propósito al (?:salir|llegar)$/);
  }
}

for (const code of ["", "7-tigre-luna-mesa"]) {
  const room = code === "" ? "open" : "private";
  const options = code === "" ? [] : ["--codigo", code];
  test(`of ${TURNS} turns with losses on purpose, ${room}: both ends, and both together`, async (folder) => {
    const port = freePort();
    const both = ["--puerto", `${port}`, "--perdida", "20%", "--traza", ...options];
    const answers = Array.from({ length: TURNS }, (_, i) => `respuesta ${i + 1}\n`).join("");
    await using server = runIn(folder, "servidor", ...both, "--semilla=5", "--captura");
    await server.write(answers);
    await server.until("Escuchando en");
    const more = ["--semilla=6", "--retraso=3", "--duplicar=20%", "--captura=cliente"];
    await using client = runIn(folder, "cliente", ...both, ...more);
    await client.write(answers.replaceAll("respuesta", "pregunta"));
    await client.end();
    assertEquals(await client.exited(), 0, client.errors);
    await server.until("Cliente desconectado:");
    server.kill("SIGTERM");
    assertEquals(await server.exited(), 0, server.errors);
    const [, name] = await server.until(/Captura en (registros\/servidor .*\.pcapng)\n/);
    const files = [`${folder}/${name}`, `${folder}/registros/cliente.pcapng`];
    const ends = [server, client];
    const captures = await Promise.all(files.map((file) => read(file, port)));
    captures.forEach((rows, i) => {
      checkRows(rows);
      const inTrace = ofTrace(ends[i]!.errors);
      assertEquals(rows.map(ofCapture).sort(), inTrace.sort());
      assert(rows.length > 4 * TURNS / 2 && rows.some((row) => row["frame.comment"] !== ""));
    });
    await outputOf("mergecap", "-w", `${folder}/both.pcapng`, ...files);
    const merged = await read(`${folder}/both.pcapng`, port);
    checkRows(merged);
    assertEquals(merged.length, captures[0]!.length + captures[1]!.length);
    assertEquals(merged.map(ofCapture).sort(), captures.flat().map(ofCapture).sort());
    const times = merged.map((row) => Number(row["frame.time_epoch"]));
    assertEquals(times, times.toSorted((a, b) => a - b));
    assert(Math.abs(times[0]! - Date.now() / 1000) < 3600, "The times are those of a calendar");
    assertEquals(new Set(merged.map((row) => row["ip.addr"])), new Set(["127.0.0.1,127.0.0.1"]));
  });
}

test("over IPv6, and without this protocol", async (folder) => {
  const port = freePort();
  for (const options of [["--host=::1"], ["--host=::1", "--sin-fiabilidad"]]) {
    const name = `${options.length}`;
    const both = [`--puerto=${port}`, ...options];
    await using server = runIn(folder, "servidor", ...both);
    await server.write("sí\n".repeat(3));
    await server.until("Escuchando en");
    await using client = runIn(folder, "cliente", ...both, "--captura", name, "¿y?");
    assertEquals(await client.exited(), 0, client.errors);
    const rows = await read(`${folder}/registros/${name}.pcapng`, port);
    assert(rows.length > 2);
    for (const row of rows) {
      assertEquals([row["ipv6.addr"], row["udp.checksum.status"]], ["::1,::1", "1"]);
    }
  }
});

test(
  "an option that is not given leaves no folder, and no file is written over",
  async (folder) => {
    const port = freePort();
    await using plain = runIn(folder, "cliente", `--puerto=${port}`, "--tiempo-maximo=1", "¿y?");
    await plain.exited();
    assertEquals((await outputOf("ls", folder)).trim(), "");
    await outputOf("sh", "-c", `cd ${folder}; mkdir registros; echo antes > registros/a.pcapng`);
    await using client = runIn(folder, "cliente", `--puerto=${port}`, "--captura=a", "¿y?");
    assertEquals(await client.exited(), 2);
    assertMatch(client.errors, /^Error: ya existe registros\/a\.pcapng, .*--captura; .*\n$/);
    await using outside = runIn(folder, "cliente", `--puerto=${port}`, "--captura=../a", "¿y?");
    assertEquals(await outside.exited(), 2);
    assertStringIncludes(outside.errors, 'sin carpetas ni signos: "../a"');
    assertEquals(await outputOf("cat", `${folder}/registros/a.pcapng`), "antes\n");
  },
  !canRunPrograms,
);

// Of a class that began in one second only one had a capture: the others were told to choose a name.
test("programs that begin in the same second have a file each", async (folder) => {
  const args = [`--puerto=${freePort()}`, "--tiempo-maximo=1", "--captura", "--", "¿y?"];
  const clients = Array.from({ length: 4 }, () => runIn(folder, "cliente", ...args));
  const codes = await Promise.all(clients.map((client) => client.exited()));
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  assertEquals(codes, [7, 7, 7, 7]);
  assertEquals((await outputOf("ls", `${folder}/registros`)).trim().split("\n").length, 4);
}, !canRunPrograms);

// The command that was put right was refused: its first try had left an empty file of that name.
test("a program that does not begin leaves no capture", async (folder) => {
  for (const [code, ...wrong] of [[2, "--puerto=x"], [3, "--host=192.0.2.1"]] as const) {
    await using server = runIn(folder, "servidor", "--captura=a", ...wrong);
    assertEquals(await server.exited(), code);
    assertMatch(server.errors, /^Error: .+\n$/);
    assertEquals(await outputOf("ls", `${folder}/registros`), "");
  }
}, !canRunPrograms);

test("a disk that is full costs the capture, and not the conversation", async (folder) => {
  const server = command("servidor", "--puerto", "0", "--captura", "a");
  // The limit of a file stands for a full disk: blocks of 1,024 bytes.
  const script = `cd "$1"; shift; trap '' XFSZ; ulimit -f 2; exec "$@"`;
  await using shell = new Process(["bash", "-c", script, "bash", folder, ...server]);
  const [, port] = await shell.until(/Escuchando en .*:(\d+)/);
  await shell.write("a\n".repeat(20));
  await using client = new Process("cliente", "--puerto", port!);
  await client.write("¿y?\n".repeat(20));
  await client.end();
  assertEquals(await client.exited(), 0, client.errors);
  shell.kill("SIGINT");
  assertEquals(await shell.exited(), 0, shell.errors);
  assertEquals(shell.errors.match(/Error: la captura se queda como está/g)?.length, 1);
  const rows = await read(`${folder}/registros/a.pcapng`, Number(port));
  assert(rows.length > 5 && rows.length < 20, `${rows.length}`);
  checkRows(rows);
});
