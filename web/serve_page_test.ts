import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isGranted } from "../tests/machine.ts";
import { inFolder, Process, taskCommand } from "../tests/process.ts";
import { PageServer } from "./serve_page.ts";

const ROOT = `${import.meta.dirname}/..`;
const ADDRESS = "http://127.0.0.1:8000";
const canRead = Deno.permissions.querySync({ name: "read", path: ROOT }).state === "granted";
const canRun = canRead && isGranted("run", "net");

function test(name: string, fn: (page: PageServer) => Promise<void>): void {
  Deno.test({ name, ignore: !canRead, fn: () => fn(new PageServer()) });
}

function get(page: PageServer, path: string): Promise<Response> {
  return page.respond(new Request(ADDRESS + path));
}

test("page server: serves the page, and every module that it imports as JavaScript", async (page) => {
  const index = await get(page, "/");
  assertEquals(index.status, 200);
  const html = await index.text();
  const { imports } = JSON.parse(/<script type="importmap">(.+)<\/script>/.exec(html)![1]!);
  const entry = /<script type="module" src="(.+?)">/.exec(html)![1]!;
  const paths = new Set<string>([entry, ...Object.values<string>(imports)]);
  for (const path of paths) {
    const response = await get(page, path);
    assertEquals(response.status, 200, path);
    assertEquals(response.headers.get("content-type"), "text/javascript; charset=utf-8");
    const source = await response.text();
    for (const [, specifier] of source.matchAll(/^import\b[^;]*? from "(\..+?)";$/gm)) {
      paths.add(new URL(specifier!, ADDRESS + path).pathname);
    }
  }
  assert(paths.has("/protocol.ts"));
  assert(paths.has("/npm/@noble/hashes/2.0.1/hmac.js"));
});

test("page server: serves nothing that the page does not load", async (page) => {
  await get(page, "/");
  for (
    const path of ["/servidor.ts", "/deno.json", "/web/", "/web/serve_page.ts", "/..%2fREADME.md"]
  ) {
    const response = await get(page, path);
    await response.body?.cancel();
    assertEquals(response.status, 404, path);
  }
});

test("page server: only reads, and only for the names of this machine", async (page) => {
  const statusOf = async (url: string, method: string) => {
    const response = await page.respond(new Request(url, { method }));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf("http://localhost:8000/", "GET"), 200);
  assertEquals(await statusOf("http://school.example:8000/", "GET"), 403);
  for (const method of ["POST", "PUT", "DELETE"]) {
    assertEquals(await statusOf(ADDRESS, method), 405);
  }
});

// A Host that is no name made the URL of the request invalid: the terminal showed a stack trace.
Deno.test({
  name: "laboratorio: refuses a request whose Host is no name, and goes on without a stack trace",
  ignore: !canRun,
  async fn() {
    await using program = new Process(taskCommand("laboratorio", "--puerto", "0"));
    const [, port] = await program.until(/http:\/\/127\.0\.0\.1:(\d+)\//);
    for (const host of ["[", "a b", "127.0.0.1:99999"]) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      const response = await new Response(connection.readable).text();
      assertStringIncludes(response, "HTTP/1.1 403");
    }
    assertEquals(program.errors, "");
  },
});

test("page server: the page may run its own scripts and load nothing from elsewhere", async (page) => {
  const response = await get(page, "/");
  await response.body?.cancel();
  const policy = response.headers.get("content-security-policy")!;
  assertMatch(
    policy,
    /default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-[\w+/]{43}='/,
  );
  assertEquals(response.headers.get("cache-control"), "no-store");
});

Deno.test({
  name: "laboratorio: where its port is taken it serves on a free one, unless a port is asked for",
  ignore: !canRun,
  async fn() {
    using _ = takePort(8000);
    await using program = new Process(taskCommand("laboratorio"));
    const [, port] = await program.until(/http:\/\/127\.0\.0\.1:(\d+)\//);
    assert(port !== "8000");
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assertStringIncludes(await response.text(), "<title>Usted es la red</title>");
    await using other = new Process(taskCommand("laboratorio", "--puerto", port!));
    assertEquals(await other.exited(), 3);
    assertMatch(other.errors, /^Error: el puerto de 127\.0\.0\.1:\d+ ya está en uso: .+\n$/);
  },
});

Deno.test({
  name: "laboratorio: --exportar writes one whole file, and never over another",
  ignore: !canRun,
  async fn() {
    const script = '"$@"; cat registros/clase.html; echo; "$@"; echo $?';
    await using shell = inFolder(script, ...taskCommand("laboratorio", "--exportar", "clase"));
    await shell.exited();
    const lines = shell.output.trimEnd().split("\n");
    assertEquals(lines[0], "Página escrita en registros/clase.html: ábrala con doble clic");
    assertEquals(lines.at(-1), "2");
    assertMatch(shell.errors, /^Error: ya existe registros\/clase\.html, .*--exportar.*\n$/);
    assert(shell.output.length < 2_000_000, `It has ${shell.output.length} characters`);
    assertEquals(/(?:src|href)="(?!data:|#)[^"]*"/.exec(shell.output), null);
    assertStringIncludes(shell.output, "Permission to use, copy, modify, and/or distribute");
  },
});

// A full disk was told as a defect of the program, and left the first half of a page.
Deno.test({
  name: "laboratorio: --exportar to a disk that is full leaves no file, and says so",
  ignore: !canRun || Deno.build.os === "windows",
  async fn() {
    // The limit of a file stands for a full disk: blocks of 1,024 bytes.
    const script = `trap '' XFSZ; ulimit -f 64; "$@"; echo $?; ls registros`;
    await using shell = inFolder(script, ...taskCommand("laboratorio", "--exportar", "clase"));
    await shell.exited();
    assertEquals(shell.output, "1\n");
    assertMatch(shell.errors, /^Error: no se pudo escribir registros\/clase\.html: .+\n$/);
  },
});

/** Takes a port, unless another program has it. */
function takePort(port: number): Disposable {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch {
    return { [Symbol.dispose]() {} };
  }
}
