import { assert, assertEquals } from "@std/assert";

/** What a core file must not name: clocks, random sources, timers, and the platform. */
const FORBIDDEN: readonly RegExp[] = [
  /\b(?:Deno|Date|performance|crypto|process|fetch|globalThis|Temporal)\b/,
  /\b(?:setTimeout|setInterval|queueMicrotask|AbortSignal)\b/,
  // `Math` is fine as `Math.min`; as a value it may hide its random source.
  /\bMath\b(?!\s*\.\s*(?!random\b)\w)/,
];

/** What only `udp.ts` may name in `protocol/`. */
const SOCKET_OR_TIMER =
  /\b(?:listenDatagram|setTimeout|setInterval)\b|\bAbortSignal\s*\.\s*timeout\b/;

/** The files that the core has at least: a check of a file that moved away would prove nothing. */
const CORE: readonly string[] = [
  ...["turn", "delivery", "session", "packet", "rtt", "window", "retry_token", "seal", "outbox"],
  ...["deadlines", "rate_limit", "listener", "dialer", "noise", "private_room", "room_code"],
  ...["shed", "plain_message", "plain_asker", "plain_answerer"],
].map((name) => `protocol/${name}.ts`).concat("lab/network.ts", "lab/random.ts");

/** The files of `protocol/` that bind the core to the platform. */
const BINDING = /^protocol\/(?:client|server|plain|udp|crypto|code_room|token_hmac)\.ts$/;

interface Room {
  /** The files in it. */
  readonly files: RegExp;
  /** The sources that they may import; data and what is no file of this project are free. */
  readonly mayImport: RegExp;
}

// The first room that a file fits is its own: imports run downward only (docs: "The house").
const HOUSE: readonly Room[] = [
  { files: /^(?:tests|bench|img)\/|_test\.ts$/, mayImport: /./ },
  { files: /^(?:servidor|cliente)\.ts$/, mayImport: /^(?:protocol\.ts$|app\/|terminal\/|lab\/)/ },
  { files: /^demo\//, mayImport: /^(?:demo|app|terminal|protocol|lab)\/|^protocol\.ts$/ },
  { files: /^app\//, mayImport: /^(?:protocol\.ts$|app\/|terminal\/|lab\/)/ },
  { files: /^protocol\.ts$/, mayImport: /^protocol\// },
  { files: BINDING, mayImport: /^protocol\// },
  { files: /^protocol\//, mayImport: new RegExp(`^(?!${BINDING.source})protocol/`) },
  { files: /^terminal\//, mayImport: /^terminal\// },
  { files: /^lab\//, mayImport: /^lab\// },
];

type Sources = ReadonlyMap<string, string>;

/** Source text in which comments and the insides of strings and regular expressions are blank. */
function codeOf(source: string): string {
  let code = "";
  // Braces that are open in each template literal around this place.
  const templates: number[] = [];
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at, at + 2);
    let end = at + 1;
    if (rest === "//") end = indexAfter(source, /.*/gy, at);
    else if (rest === "/*") end = indexAfter(source, /\*\//g, at + 2);
    else if (/^["']/.test(rest)) end = indexAfter(source, stringEnd(rest[0]!), at + 1);
    else if (rest[0] === "/" && isRegexPlace(code)) end = indexAfter(source, REGEX_END, at + 1);
    else if (rest[0] === "`" || (rest[0] === "}" && templates.at(-1) === 0)) {
      if (rest[0] === "}") templates.pop();
      end = indexAfter(source, TEMPLATE_END, at + 1);
      if (source[end - 1] === "{") templates.push(0);
      code += "`" + blank(source.slice(at + 1, end - 1)) + "`";
      at = end;
      continue;
    } else {
      if (rest[0] === "{" && templates.length > 0) templates[templates.length - 1]!++;
      if (rest[0] === "}" && templates.length > 0) templates[templates.length - 1]!--;
      code += rest[0];
      at = end;
      continue;
    }
    const isComment = rest === "//" || rest === "/*";
    const text = source.slice(at, end);
    code += isComment ? blank(text) : text[0] + blank(text.slice(1, -1)) + text.at(-1);
    at = end;
  }
  return code;
}

const REGEX_END = /(?:[^\\/[\n]|\\.|\[(?:[^\\\]\n]|\\.)*\])*\/[a-z]*/gy;
const TEMPLATE_END = /(?:[^\\`$]|\\[^]|\$(?!\{))*(?:`|\$\{)/gy;

function stringEnd(quote: string): RegExp {
  return new RegExp(`(?:[^\\\\${quote}]|\\\\[^])*${quote}`, "gy");
}

function indexAfter(source: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(source) ? pattern.lastIndex : source.length;
}

// Where a value may begin, a slash opens a regular expression; elsewhere it divides.
function isRegexPlace(code: string): boolean {
  return /(?:^|[([{,;:=!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|void))\s*$/.test(code);
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

/** Every specifier that a source imports, statically, dynamically or as a type. */
function importsOf(source: string): string[] {
  const statement = /\b(?:from|import)\s*\(?\s*(["'`])[ ]*\1/g;
  return [...codeOf(source).matchAll(statement)].map((match) => {
    const end = match.index + match[0].length - 1;
    return source.slice(source.lastIndexOf(match[1]!, end - 1) + 1, end);
  });
}

/** The path of a relative specifier; any other stays as it is. */
function resolve(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}

function isCore(file: string): boolean {
  const isIn = file.startsWith("protocol/") || file.startsWith("lab/");
  return isIn && !file.endsWith("_test.ts") && !BINDING.test(file);
}

/** What a core file names or imports that is not for it. */
function impurities(source: string): string[] {
  const code = codeOf(source);
  const names = FORBIDDEN.flatMap((pattern) => code.match(new RegExp(pattern, "g")) ?? []);
  return [...names, ...importsOf(source).filter((specifier) => !specifier.startsWith("."))];
}

/** Imports that do not run downward, and files that are in no room. */
function upwardImports(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const room = HOUSE.find(({ files }) => files.test(file));
    if (room === undefined) return [`${file} is in no room`];
    return importsOf(source)
      .filter((specifier) => specifier.startsWith(".") && specifier.endsWith(".ts"))
      .map((specifier) => resolve(file, specifier))
      .filter((imported) => !room.mayImport.test(imported))
      .map((imported) => `${file} imports ${imported}`);
  });
}

/** The first circle of imports, as the files on it; or nothing. */
function circle(sources: Sources): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    const source = sources.get(file);
    if (source === undefined || done.has(file)) return undefined;
    path.push(file);
    for (const specifier of importsOf(source)) {
      const found = visit(resolve(file, specifier));
      if (found !== undefined) return found;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of sources.keys()) {
    const found = visit(file);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readSources(folder = ""): Map<string, string> {
  const sources = new Map<string, string>();
  for (const entry of Deno.readDirSync(folder === "" ? "." : folder)) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) { for (const found of readSources(path)) sources.set(...found); }
    else if (path.endsWith(".ts")) sources.set(path, Deno.readTextFileSync(path));
  }
  return sources;
}

const ignore = Deno.permissions.querySync({ name: "read", path: "." }).state !== "granted";

Deno.test({
  name: "architecture: no core file names a clock, a random source, a timer or the platform",
  ignore,
  fn() {
    const core = [...readSources()].filter(([file]) => isCore(file));
    const found = core.flatMap(([file, source]) =>
      impurities(source).map((it) => `${file}: ${it}`)
    );
    assertEquals(found, []);
    const files = core.map(([file]) => file);
    assertEquals(CORE.filter((file) => !files.includes(file)), []);
  },
});

Deno.test({
  name: "architecture: only udp.ts touches a socket or a timer",
  ignore,
  fn() {
    const users = [...readSources()]
      .filter(([file]) => file.startsWith("protocol/") && !file.endsWith("_test.ts"))
      .filter(([, source]) => SOCKET_OR_TIMER.test(codeOf(source)))
      .map(([file]) => file);
    assertEquals(users, ["protocol/udp.ts"]);
  },
});

Deno.test({
  name: "architecture: imports run downward only",
  ignore,
  fn() {
    assertEquals(upwardImports(readSources()), []);
  },
});

Deno.test({
  name: "architecture: there is no circle of imports",
  ignore,
  fn() {
    const sources = readSources();
    assert(sources.size > 20, "the sources were found");
    assertEquals(circle(sources), undefined);
  },
});

// A check that cannot fail proves nothing: here it sees what it must find, and what it must not.

const IMPURE: readonly string[] = [
  "const now = Date.now();",
  "const clock = Date;",
  "performance.now();",
  "Math.random();",
  "Math . random();",
  'Math["random"]();',
  "const { random } = Math;",
  "crypto.getRandomValues(bytes);",
  "Deno.listenDatagram(options);",
  "process.hrtime();",
  "globalThis.setTimeout(act, 1);",
  "setInterval(act, 1);",
  "queueMicrotask(act);",
  "await fetch(url);",
  "AbortSignal.timeout(5);",
  'import { createHmac } from "node:crypto";',
  "import type { Hmac } from 'node:crypto';",
  'import "npm:left-pad";',
  'export * from "jsr:@std/assert";',
  'export { assert } from "@std/assert";',
  'const { lookup } = await import("node:dns");',
  "const { lookup } = await import(`node:dns`);",
  "const text = `at ${Date.now()}`;",
  "const text = `${`${Date.now()}`}`;",
  "const text = `${{ a: 1 }.a}`; Date.now();",
  "const half = whole / 2; Date.now(); const third = whole / 3;",
  'const quote = /"/; Date.now(); const other = /"/;',
  "const slash = /[/]/; Date.now(); // a comment",
  "/* a comment */ Date.now();",
  'const text = "\\""; Date.now(); const other = "";',
];

for (const source of IMPURE) {
  Deno.test(`architecture: the check finds what is wrong in ${source}`, () => {
    assert(impurities(source).length > 0);
  });
}

const PURE: readonly string[] = [
  "const now = 1; // Date.now()",
  "/** Reads no `Date`, calls no `Math.random()`. */",
  "/*\n * Deno\n */",
  'const text = "Deno.serve";',
  "const text = 'it\\'s Deno';",
  "const text = `Deno ${name} Date`;",
  "const text = `${a}${b} Date`;",
  "const pattern = /Deno|Date/;",
  'const pattern = /[/"]Deno/g;',
  "const updated = candidate + Denominator;",
  "options.random();",
  "Math.min(1, 2);",
  'import { decode } from "./packet.ts";',
  'const text = `import "node:fs"`;',
  '// import { a } from "node:fs"',
];

for (const source of PURE) {
  Deno.test(`architecture: the check lets pass ${source}`, () => {
    assertEquals(impurities(source), []);
  });
}

Deno.test("architecture: comments and strings are blank, everything else stays in its place", () => {
  const source = 'a("x"); // b\n/* c\nd */ e(`f${g}h`); i = /j/g; k / l / m';
  const code = codeOf(source);
  assertEquals(code.length, source.length);
  assertEquals(code.replace(/\s+/g, " "), 'a(" "); e(` `g` `); i = / g; k / l / m');
});

Deno.test("architecture: every form of import is found", () => {
  const source = [
    'import a from "./a.ts";',
    'import { type B,\n  c } from "./b.ts";',
    'import "./c.ts";',
    'export * from "./d.ts";',
    'export { e } from "./e.ts";',
    'const f = await import("./f.ts");',
    'let g: typeof import("./g.ts");',
    '// import "./h.ts"',
    'const from = "./i.ts";',
  ].join("\n");
  assertEquals(importsOf(source), ["a", "b", "c", "d", "e", "f", "g"].map((it) => `./${it}.ts`));
});

Deno.test("architecture: a circle of imports is found, however long, also of types", () => {
  const sources = (...imports: (readonly [string, string])[]) =>
    new Map(imports.map(([file, specifier]) => [file, `import type { A } from "${specifier}";`]));
  assertEquals(circle(sources(["a.ts", "./b.ts"], ["b.ts", "node:fs"])), undefined);
  assertEquals(circle(sources(["a.ts", "./a.ts"])), ["a.ts", "a.ts"]);
  assertEquals(
    circle(sources(["a.ts", "./x/b.ts"], ["x/b.ts", "./c.ts"], ["x/c.ts", "./b.ts"])),
    ["x/b.ts", "x/c.ts", "x/b.ts"],
  );
});

// File, what it imports, whether that is allowed.
const IMPORTS: readonly (readonly [file: string, specifier: string, allowed: boolean])[] = [
  ["terminal/clean.ts", "../protocol/packet.ts", false],
  ["terminal/clean.ts", "../protocol.ts", false],
  ["terminal/clean.ts", "./streams.ts", true],
  ["terminal/clean.ts", "node:readline", true],
  ["terminal/program.ts", "../deno.json", true],
  ["protocol/udp.ts", "../terminal/clean.ts", false],
  ["protocol/udp.ts", "../lab/random.ts", false],
  ["protocol/udp.ts", "../servidor.ts", false],
  ["protocol/udp.ts", "../protocol.ts", false],
  ["protocol/udp.ts", "./packet.ts", true],
  ["protocol/session.ts", "./udp.ts", false],
  ["protocol/session.ts", "./server.ts", false],
  ["protocol/session.ts", "./turn.ts", true],
  ["protocol/plain_asker.ts", "./plain.ts", false],
  ["protocol/plain_asker.ts", "./plain_message.ts", true],
  ["protocol.ts", "./protocol/server.ts", true],
  ["protocol.ts", "./lab/random.ts", false],
  ["protocol.ts", "./terminal/clean.ts", false],
  ["servidor.ts", "./protocol.ts", true],
  ["servidor.ts", "./terminal/clean.ts", true],
  ["servidor.ts", "./protocol/session.ts", false],
  ["lab/network.ts", "../protocol/packet.ts", false],
  ["app/bad_network.ts", "../lab/network.ts", true],
  ["app/bad_network.ts", "../protocol/packet.ts", false],
  ["lab/network.ts", "./random.ts", true],
  ["lab/network_test.ts", "../protocol/packet.ts", true],
  ["tests/simulation.ts", "../protocol/session.ts", true],
  ["bench/crowd.ts", "../protocol/packet.ts", true],
  ["bench/long.ts", "../tests/simulation.ts", true],
  ["protocol/session.ts", "../bench/row.ts", false],
  ["app/program.ts", "../bench/row.ts", false],
];

for (const [file, specifier, allowed] of IMPORTS) {
  Deno.test(`architecture: ${file} may ${allowed ? "" : "not "}import ${specifier}`, () => {
    const found = upwardImports(new Map([[file, `import "${specifier}";`]]));
    assertEquals(found, allowed ? [] : [`${file} imports ${resolve(file, specifier)}`]);
  });
}

Deno.test("architecture: a file in no room is found", () => {
  assertEquals(upwardImports(new Map([["extra/file.ts", ""]])), ["extra/file.ts is in no room"]);
});
