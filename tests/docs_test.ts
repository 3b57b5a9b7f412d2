import { assert, assertEquals } from "@std/assert";
import { canRunPrograms, command, type ProgramName } from "./process.ts";
import * as transport from "../transport/mod.ts";
import { ENDS } from "../program/words.ts";
import { EXERCISES } from "../web/exercises.ts";
import { decodeLink, DEFAULT_SCENARIO } from "../web/scenario.ts";

const canRead = Deno.permissions.querySync({ name: "read", path: "." }).state === "granted";
const ROOT = new URL("../", import.meta.url);
const PAGES = [
  "README.md",
  "docs/cifras.md",
  "docs/english.md",
  "docs/escala.md",
  "docs/laboratorio.md",
  "docs/leer.md",
  "docs/programas.md",
  "docs/protocolo.md",
  "docs/seguridad.md",
  "docs/trabajar.md",
];
const PROGRAMS: readonly ProgramName[] = ["servidor", "cliente"];

/** How far the stated lines of a sitting may be from the real ones, as a part of these. */
const TOLERANCE = 0.1;
const SITTINGS = 4;
const QUESTIONS = 3;

test("every relative link and picture of the pages is there, and every heading linked to", async () => {
  const missing: string[] = [];
  for (const page of PAGES) {
    for (const [, link] of (await read(page)).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link!)) continue;
      const [file, heading] = link!.split("#");
      const target = file === ""
        ? page
        : new URL(file!, new URL(page, ROOT)).href.slice(ROOT.href.length);
      const isThere = await Deno.stat(new URL(target, ROOT)).then(() => true, () => false);
      const isWhole = heading === undefined ||
        isThere && headingsOf(await read(target)).has(heading);
      if (!isThere || !isWhole) missing.push(`${page}: ${link}`);
    }
  }
  assertEquals(missing, []);
});

test("the README fits 180 lines, and the page in English 100", async () => {
  assert(lineCount(await read("README.md")) <= 180);
  assert(lineCount(await read("docs/english.md")) <= 100);
});

test("the README shows the command that the continuous integration runs", async () => {
  const [, command] = /^test_command='(.+)'$/m.exec(await read(".ci/run"))!;
  assert((await read("README.md")).split("\n").includes(command!), command);
});

test("every test that the security page names is there", async () => {
  const named = new Set((await read("docs/seguridad.md")).match(/[\w/]+_test\.ts/g));
  assert(named.size > 5);
  for (const file of named) await Deno.stat(new URL(file, ROOT));
});

test("the wire format stands where the pages say", async () => {
  const text = await read("docs/trabajar.md");
  const [, file] = /## El formato de los datagramas[^]*?\]\(\.\.\/([^)]+)\)/.exec(text)!;
  assert((await read(file!)).includes("+-+-+-+-+"), `No header is drawn in ${file}`);
});

test("the exercises of the laboratory stand on its page as the browser shows them", async () => {
  const text = (await read("docs/laboratorio.md")).replaceAll(/\s+/g, " ");
  const links = [...text.matchAll(/\[([^\]]+)\]\([^)]*#(ejercicio=[^)]+)\)/g)];
  assertEquals(links.map(([, title]) => title), EXERCISES.map(({ title }) => title));
  for (const [i, exercise] of EXERCISES.entries()) {
    const { id, start, question, choices, right, task, explanation } = exercise;
    assertEquals(decodeLink(links[i]![2]!), { ...DEFAULT_SCENARIO, ...start, exercise: id });
    const parts = [question, ...choices.map((it) => `«${it}»`), task];
    for (const part of parts) assert(text.includes(part), part);
    assert(text.includes(`«${choices[right]}». ${explanation}`), explanation);
  }
});

test("the limits of the page are those of the library", async () => {
  const rows = (await read("docs/programas.md")).matchAll(
    /^\|[^|]+\| ([\d.]+)( s)? +\| `([A-Z_]+)`/gm,
  );
  const stated = [...rows].map(([, number, seconds, name]) =>
    [name!, Number(number!.replaceAll(".", "")) * (seconds ? 1000 : 1)] as const
  );
  assert(stated.length > 5);
  const constants: Readonly<Record<string, unknown>> = transport;
  for (const [name, value] of stated) assertEquals(constants[name], value, name);
});

Deno.test({
  name: "every option is in the help of its program and in the page of the programs",
  ignore: !canRead || !canRunPrograms,
  async fn() {
    const page = await read("docs/programas.md");
    const inPage = new Set([...page.matchAll(/^\| `--([a-z-]+)/gm)].map(([, name]) => name!));
    const inHelp = new Set<string>();
    for (const program of PROGRAMS) {
      const options = optionsOf(await helpOf(program));
      assert(options.size > 10, `Few options in the help of ${program}`);
      for (const name of options) inHelp.add(name);
    }
    assertEquals([...inPage].sort(), [...inHelp].sort());
  },
});

test("every end of a conversation that a program hears of is in the page of the programs", async () => {
  const page = await read("docs/programas.md");
  assertEquals(Object.keys(ENDS).filter((reason) => !page.includes(`\`${reason}\``)), []);
});

test("every option that the programs read is in the page of the programs", async () => {
  const page = await read("docs/programas.md");
  const sources = PROGRAMS.map((program) => `${program}.ts`);
  for (const folder of ["program", "laboratory"]) {
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
      if (/(?<!_test)\.ts$/.test(name)) sources.push(`${folder}/${name}`);
    }
  }
  const texts = await Promise.all(sources.map(read));
  const names = texts.flatMap((text) => [...text.matchAll(/\bargs\.\w+\(\s*"([a-z][a-z-]+)"/g)])
    .map(([, name]) => name!);
  assert(names.length > 5);
  for (const name of names) assert(page.includes(`\`--${name}`), `--${name} is not in the page`);
});

test("the reading guide has four sittings of three questions, of as many lines as it says", async () => {
  const sittings = await readSittings();
  assertEquals(sittings.length, SITTINGS);
  for (const sitting of sittings) {
    const title = sitting.split("\n")[0];
    const files = [...sitting.matchAll(/^\d\. \[`[^`]+`\]\(\.\.\/([^)]+)\)/gm)].map(([, file]) =>
      file!
    );
    const lines = await Promise.all(files.map(async (file) => lineCount(await read(file))));
    const sum = lines.reduce((total, count) => total + count, 0);
    const stated = Number(/^Son (\d+) líneas/m.exec(sitting)![1]);
    assert(Math.abs(stated - sum) <= TOLERANCE * sum, `"${title}" has ${sum} lines, not ${stated}`);
    assertEquals(sitting.match(/^- /gm)?.length, QUESTIONS, title);
  }
});

test("what the reading guide names stands in the file that it names", async () => {
  let named = 0;
  for (const sitting of await readSittings()) {
    for (const item of sitting.split(/\n(?=\d\. |- |\n)/)) {
      let text: string | undefined;
      const words = item.matchAll(/\]\(\.\.\/([^)]+)\)|(?<!\[)`(#?[A-Za-z]\w*)`/g);
      for (const [, file, name] of words) {
        if (file !== undefined) text = await read(file);
        else if (text === undefined) throw new Error(`No file is named for ${name}: "${item}"`);
        else {
          named++;
          const isThere = new RegExp(`(?<!\\w)${name}(?!\\w)`).test(text);
          assert(isThere, `${name} does not stand there: "${item}"`);
        }
      }
    }
  }
  assert(named > 30);
});

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRead, fn });
}

function read(file: string): Promise<string> {
  return Deno.readTextFile(new URL(file, ROOT));
}

async function readSittings(): Promise<string[]> {
  return (await read("docs/leer.md")).split(/^## /m).slice(1);
}

function lineCount(text: string): number {
  return text.trimEnd().split("\n").length;
}

/** The anchors of a page: its own, and those that GitHub gives to its headings. */
function headingsOf(text: string): Set<string> {
  const headings = text.replace(/^```[^]*?^```/gm, "").matchAll(/^#+ (.+)$/gm);
  const anchors = [...headings].map(([, title]) =>
    title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
  for (const [, id] of text.matchAll(/<a id="([^"]+)">/g)) anchors.push(id!);
  return new Set(anchors);
}

async function helpOf(program: ProgramName): Promise<string> {
  const [executable, ...args] = command(program, "--ayuda");
  const { stdout } = await new Deno.Command(executable!, { args }).output();
  return new TextDecoder().decode(stdout);
}

/** The options that open a line of a help. */
function optionsOf(help: string): Set<string> {
  const lines = help.matchAll(/^ +(?:-\w, )?--([a-z-]+)/gm);
  return new Set([...lines].map(([, name]) => name!));
}
