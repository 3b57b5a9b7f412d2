/**
 * A plugin of `deno lint` that keeps the house in order: imports run downward, and the core names no
 * clock, socket, timer or random source.
 *
 * @module
 */

/** The rooms from the top down. A file may import from its own room and from the rooms below it. */
const ROOMS: readonly RegExp[] = [
  /^(?:tests|bench|img)\/|_test\.ts$/,
  /^(?:servidor|cliente)\.ts$/,
  /^(?:laboratory\/(?:demo|conformance)|web)\//,
  /^program\/(?!arguments|files)/,
  /^laboratory\/(?!network|random)/,
  /^program\/(?:arguments|files)\.ts$/,
  /^terminal\//,
  /^laboratory\//,
  /^transport\/mod\.ts$/,
  /^transport\/plain\.ts$/,
  /^transport\/(?:server|client)\.ts$/,
  /^transport\/driver\.ts$/,
  /^transport\/private\/code_room\.ts$/,
  /^transport\/(?:plain|private)\//,
  /^transport\/errors\.ts$/,
  /^transport\/reliable\//,
  /^transport\/(?:endpoint|limits|options|bytes|deadlines)\.ts$/,
  /^protocol\.ts$/,
];

/** The files that neither read a clock nor touch the platform. */
const CORE =
  /^(?:protocol|transport\/(?:endpoint|limits|bytes|deadlines|reliable\/\w+|plain\/\w+|private\/(?!code_room\.)\w+)|laboratory\/(?:network|random|world|cause|capture\/pcapng|demo\/play)|web\/(?:experiment|scenario|ladder|exercises))\.ts$/;

/** A package that touches no platform. */
const PURE = "@noble/hashes/";

const PLATFORM = new Set([
  ...["Deno", "Date", "performance", "crypto", "process", "fetch", "globalThis", "Temporal"],
  ...["setTimeout", "setInterval", "queueMicrotask", "AbortSignal"],
]);

/** Platform calls of `transport/` that stand in one file only. */
const SOCKET_OR_TIMER = new Set(["listenDatagram", "setTimeout", "setInterval"]);

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    downward: {
      create: (context) => {
        const file = pathOf(context.filename);
        return importVisitor((source, node) => {
          if (!source.startsWith(".") || !source.endsWith(".ts")) return;
          const imported = new URL(source, `file:///${file}`).pathname.slice(1);
          const [from, to] = [roomOf(file), roomOf(imported)];
          if (from >= 0 && to >= from) return;
          context.report({ node, message: `${file} must not import ${imported}` });
        });
      },
    },
    core: {
      create: (context) => {
        const file = pathOf(context.filename);
        if (!CORE.test(file) || file.endsWith("_test.ts")) return {};
        const report = (node: Deno.lint.Node, what: string) =>
          context.report({ node, message: `The core must not use ${what}` });
        return {
          ...importVisitor((source, node) =>
            source.startsWith(".") || source.startsWith(PURE) || report(node, source)
          ),
          Identifier(node) {
            if (isPropertyName(node)) return;
            if (PLATFORM.has(node.name)) report(node, node.name);
            if (node.name === "Math" && !isPlainMath(node)) report(node, "Math.random");
          },
        };
      },
    },
    driver: {
      create: (context) => {
        const file = pathOf(context.filename);
        const isOutside = !file.startsWith("transport/") || file.endsWith("_test.ts");
        if (isOutside || file === "transport/driver.ts") return {};
        return {
          Identifier(node) {
            if (!SOCKET_OR_TIMER.has(node.name)) return;
            context.report({ node, message: `Only the driver may use ${node.name}` });
          },
        };
      },
    },
  },
};

export default plugin;

/** The path of a file inside the project. */
function pathOf(filename: string): string {
  return decodeURIComponent(filename.replace(/^file:\/\//, "")).replace(ROOT, "");
}

function roomOf(file: string): number {
  return ROOMS.findIndex((room) => room.test(file));
}

/** Visits every module that a file names, of values and of types. */
function importVisitor(
  visit: (source: string, node: Deno.lint.Node) => unknown,
): Deno.lint.LintVisitor {
  const look = (node: Deno.lint.Node, source: Deno.lint.Node | null) => {
    if (source?.type === "Literal" && typeof source.value === "string") visit(source.value, node);
    else if (source !== null) visit("a computed import", node);
  };
  return {
    ImportDeclaration: (node) => look(node, node.source),
    ExportNamedDeclaration: (node) => look(node, node.source),
    ExportAllDeclaration: (node) => look(node, node.source),
    ImportExpression: (node) => look(node, node.source),
    TSImportType: (node) => look(node, node.argument as Deno.lint.Node),
  };
}

function isPropertyName(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  if (parent?.type === "MemberExpression") return parent.property === node && !parent.computed;
  return parent?.type === "Property" && parent.key === node && !parent.computed &&
    !parent.shorthand;
}

function isPlainMath({ parent }: Deno.lint.Identifier): boolean {
  return parent?.type === "MemberExpression" && !parent.computed &&
    parent.property.type === "Identifier" && parent.property.name !== "random";
}
