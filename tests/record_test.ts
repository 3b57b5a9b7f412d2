import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { seededRandom } from "../laboratory/random.ts";
import { canRunPrograms, command, inFolder, Process } from "./process.ts";
import { testAtLength } from "./whole.ts";

const FIXTURE = `${import.meta.dirname}/record_fixture.ts`;
const WRITES = [Deno.execPath(), "run", "--no-prompt", "--allow-write=registros", FIXTURE];

function test(name: string, fn: () => Promise<void>, whole = false): void {
  if (whole && canRunPrograms) testAtLength(`record: ${name}`, fn);
  else Deno.test({ name: `record: ${name}`, ignore: !canRunPrograms, fn });
}

test("an entry a question, whatever became of it, in no folder but its own", async () => {
  const server = command("servidor", "--puerto", "0", "--registro", "clase");
  await using shell = inFolder('"$@"; echo; cat registros/clase.md', ...server);
  const [, port] = await shell.until(/Escuchando en .*:(\d+)/);
  await shell.until("Registro en registros/clase.md");
  const options = ["--puerto", port!, "--nombre", "Ana\n(x)"];
  await using ana = new Process("cliente", ...options);
  await ana.write("¿HTML?\n");
  await shell.until("Cliente: Anax (127.0.0.1)\nIngrese una respuesta: ");
  await shell.write("NOOOOO\n");
  await ana.until("Respuesta: NOOOOO\n");
  await ana.write("¿Y CSS?\n");
  await shell.until("Pregunta: ¿Y CSS?");
  ana.kill("SIGINT");
  await shell.until("Se retiró");
  await using last = new Process("cliente", "--json", "--puerto", port!);
  await last.write(JSON.stringify({ question: "a\n\n## 10:00:00\n\n    Respuesta: sí" }) + "\n");
  await shell.until("10:00:00");
  await shell.end();
  await shell.exited();
  const [, record] = /(# Registro del [^]*)$/.exec(shell.output)!;
  assertEquals(
    record!.replaceAll(/\d\d:\d\d:\d\d(?=\n\n {4}Cliente)/g, "hora").replace(/\d{4}.*/, "día"),
    "# Registro del día\n" +
      "\n## hora\n\n    Cliente: Anax (127.0.0.1)\n    Pregunta: ¿HTML?\n    Respuesta: NOOOOO\n" +
      "\n## hora\n\n    Cliente: Anax (127.0.0.1)\n    Pregunta: ¿Y CSS?\n" +
      "    Sin respuesta: fin de la conversación\n" +
      "\n## hora\n\n    Cliente: 127.0.0.1\n    Pregunta: a\n        \n        ## 10:00:00\n        \n" +
      "            Respuesta: sí\n    Sin respuesta: el servidor se cierra\n",
  );
});

// A file in the way of the folder was told as a record that exists.
test("a file where the folder should be is named", async () => {
  const server = command("servidor", "--puerto", "0", "--registro", "clase");
  await using shell = inFolder('echo antes > registros; "$@"; echo $?; cat registros', ...server);
  await shell.exited();
  assertMatch(shell.errors, /^Error: registros no es una carpeta: .*\n$/);
  assertEquals(shell.output, "2\nantes\n");
});

test("another file of that name is not written over", async () => {
  const server = command("servidor", "--puerto", "0", "--registro", "clase");
  const script = 'mkdir registros; echo antes > registros/clase.md; "$@"; cat registros/clase.md';
  await using shell = inFolder(script, ...server);
  await shell.exited();
  assertMatch(shell.errors, /^Error: ya existe registros\/clase\.md, .*\n$/);
  assertEquals(shell.output, "antes\n");
});

test("a disk that is full costs the record, and not the conversation", async () => {
  const server = command("servidor", "--puerto", "0", "--registro", "clase");
  // The limit of a file stands for a full disk: blocks of 1,024 bytes.
  const script = `trap '' XFSZ; ulimit -f 1; "$@"; echo; cat registros/clase.md`;
  await using shell = inFolder(script, ...server);
  const [, port] = await shell.until(/Escuchando en .*:(\d+)/);
  await using ana = new Process("cliente", "--puerto", port!);
  await ana.write(`corta\n${"x".repeat(3000)}\nfin\n`);
  await shell.write("a\nb\nc\n");
  await ana.until("Respuesta: c\n");
  await shell.end();
  await shell.exited();
  assertEquals(shell.errors.match(/Error: el registro se queda como está/g)?.length, 1);
  const [, record] = /(# Registro del [^]*)$/.exec(shell.output)!;
  assertStringIncludes(record!, "Pregunta: corta\n    Respuesta: a\n");
  assert(!record!.includes("xxx"), record);
});

test("killed at any moment, it holds whole entries", async () => {
  const random = seededRandom(12);
  let entries = 0;
  for (let run = 0; run < 100; run++) {
    const wait = (0.1 + 0.3 * random()).toFixed(3);
    const script = `"$@" & sleep ${wait}; kill -9 $!; wait; cat registros/clase.md`;
    await using shell = inFolder(script, ...WRITES);
    await shell.exited();
    const [title, ...parts] = shell.output.split(/\n## \d\d:\d\d:\d\d\n\n/);
    assertMatch(title!, /^(# Registro del .*\n)?$/);
    for (const [index, part] of parts.entries()) {
      const number = index + 1;
      const text = `${number}\n        ${number}\n`;
      assertEquals(
        part,
        `    Cliente: Ana ${number}\n    Pregunta: ${text}    Respuesta: ${text}`,
      );
    }
    entries += parts.length;
  }
  assert(entries > 100, `Only ${entries} entries`);
}, true);
