import { assert, assertEquals } from "@std/assert";
import house from "./house.ts";

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);

/** The rules that a source breaks, if it stands in that file. */
function broken(file: string, source: string): string[] {
  return Deno.lint.runPlugin(house, ROOT + file, source).map(({ id }) => id);
}

const IMPURE: readonly string[] = [
  "const now = Date.now();",
  "const clock = Date;",
  "performance.now();",
  "Math.random();",
  'Math["random"]();',
  "const { random } = Math;",
  "crypto.getRandomValues(bytes);",
  "Deno.listenDatagram(options);",
  "globalThis.setTimeout(act, 1);",
  "queueMicrotask(act);",
  "await fetch(url);",
  "AbortSignal.timeout(5);",
  "const text = `at ${Date.now()}`;",
  "const options = { Date };",
  'import { createHmac } from "node:crypto";',
  "import type { Hmac } from 'node:crypto';",
  'export * from "jsr:@std/assert";',
  'export { assert } from "@std/assert";',
  'const { lookup } = await import("node:dns");',
  "const { lookup } = await import(name);",
  'let g: typeof import("node:fs");',
];

for (const source of IMPURE) {
  Deno.test(`house: the core must not say ${source}`, () => {
    assert(broken("transport/reliable/session.ts", source).includes("house/core"));
    assert(!broken("program/asker.ts", source).includes("house/core"));
  });
}

const PURE: readonly string[] = [
  "const now = 1; // Date.now()",
  'const text = "Deno.serve";',
  "const pattern = /Deno|Date/;",
  "options.performance.fetch();",
  "const options = { crypto: 1 };",
  "Math.min(1, 2);",
  'import { decode } from "./packet.ts";',
];

for (const source of PURE) {
  Deno.test(`house: the core may say ${source}`, () => {
    assertEquals(broken("transport/reliable/session.ts", source), []);
  });
}

// File, what it imports, whether that is allowed.
const IMPORTS: readonly (readonly [file: string, specifier: string, allowed: boolean])[] = [
  ["protocol.ts", "./transport/bytes.ts", false],
  ["servidor.ts", "./protocol.ts", true],
  ["servidor.ts", "./terminal/clean.ts", true],
  ["terminal/clean.ts", "../transport/reliable/packet.ts", true],
  ["transport/driver.ts", "../terminal/clean.ts", false],
  ["transport/driver.ts", "../laboratory/random.ts", false],
  ["transport/driver.ts", "../servidor.ts", false],
  ["transport/driver.ts", "./mod.ts", false],
  ["transport/driver.ts", "./reliable/packet.ts", true],
  ["transport/reliable/session.ts", "../driver.ts", false],
  ["transport/reliable/session.ts", "../server.ts", false],
  ["transport/reliable/session.ts", "../../protocol.ts", true],
  ["transport/plain/plain_asker.ts", "../plain.ts", false],
  ["transport/plain/plain_asker.ts", "./plain_message.ts", true],
  ["transport/mod.ts", "./server.ts", true],
  ["laboratory/network.ts", "../program/asker.ts", false],
  ["laboratory/trace.ts", "../transport/mod.ts", true],
  ["laboratory/cause.ts", "../transport/reliable/rtt.ts", true],
  ["laboratory/laboratory.ts", "../program/program.ts", false],
  ["laboratory/laboratory.ts", "../program/arguments.ts", true],
  ["laboratory/laboratory.ts", "../program/files.ts", true],
  ["program/files.ts", "./program.ts", false],
  ["laboratory/demo/demo.ts", "../../program/program.ts", true],
  ["program/program.ts", "../laboratory/laboratory.ts", true],
  ["laboratory/network_test.ts", "../program/asker.ts", true],
  ["transport/reliable/session.ts", "../../bench/row.ts", false],
  ["program/program.ts", "../bench/row.ts", false],
  ["extra/file.ts", "../protocol.ts", false],
];

for (const [file, specifier, allowed] of IMPORTS) {
  Deno.test(`house: ${file} may ${allowed ? "" : "not "}import ${specifier}`, () => {
    const found = broken(file, `import "${specifier}";`);
    assertEquals(found.includes("house/downward"), !allowed);
  });
}

Deno.test("house: only the driver touches a socket or a timer", () => {
  for (const source of ["setTimeout(act);", "Deno.listenDatagram(options);"]) {
    assertEquals(broken("transport/server.ts", source), ["house/driver"]);
    assertEquals(broken("transport/driver.ts", source), []);
  }
});

Deno.test({
  name: "house: there is no circle of imports",
  ignore: Deno.permissions.querySync({ name: "read", path: "." }).state !== "granted",
  fn() {
    assertEquals(circle(importGraph()), undefined);
    const ring = new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]]);
    assertEquals(circle(ring), ["b", "c", "b"]);
  },
});

type Graph = ReadonlyMap<string, readonly string[]>;

function importGraph(folder = "."): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const { name, isDirectory } of Deno.readDirSync(ROOT + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory && !name.startsWith(".") && name !== "node_modules") {
      for (const entry of importGraph(path)) graph.set(...entry);
    } else if (name.endsWith(".ts")) {
      // Examples in documentation import the module that they are in.
      const source = Deno.readTextFileSync(ROOT + path).replace(/^\s*\*.*/gm, "");
      const imports = source.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g);
      const toPath = (specifier: string) => "." + new URL(specifier, `file:///${path}`).pathname;
      graph.set(path, [...imports].map(([, specifier]) => toPath(specifier!)));
    }
  }
  return graph;
}

/** The first circle of imports, as the files on it; or nothing. */
function circle(graph: Graph): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    done.add(file);
    for (const imported of graph.get(file) ?? []) {
      const found = visit(imported, [...path, file]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (const file of graph.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
