/**
 * Serves the page "Usted es la red" to the browsers of this machine, or writes it to a single file.
 *
 * @module
 */
import { createFile, messageOf } from "../program/files.ts";
import { type Run, run } from "../program/program.ts";
import { bindFailure, EXIT, Failure } from "../program/words.ts";
import { filesOf, readSite, singleFileOf, type SiteFile } from "./site.ts";

const HOSTNAME = "127.0.0.1";
const DEFAULT_PORT = 8000;

const HELP =
  `Laboratorio «Usted es la red», en el navegador: la misma conversación, y usted pierde los datagramas.

Uso:
  deno task laboratorio [opciones]

Opciones:
  --puerto N           el puerto en el que se sirve la página (${DEFAULT_PORT}, o uno libre si está ocupado)
  --exportar [NOMBRE]  no sirve la página: la escribe entera en un archivo de registros/, que se abre con
                       doble clic, sin Deno y sin red; nunca encima de otro
  -h, --ayuda          muestra esta ayuda
  --version            muestra la versión

Ejemplos:
  deno task laboratorio
  deno task laboratorio --exportar clase`;

/** Answers the requests of browsers for the page, and no others. */
export class PageServer {
  #files: ReadonlyMap<string, SiteFile> = new Map();

  /** Answers a request. A request for `/` reads the sources again. */
  async respond(request: Request): Promise<Response> {
    // A request whose Host is no name has no valid URL.
    const { hostname, pathname = "" } = URL.parse(request.url) ?? {};
    // Another site may make its own name point here (DNS rebinding), and a browser would let it read.
    if (hostname !== HOSTNAME && hostname !== "localhost") {
      return refusal(403, "Nombre no admitido");
    }
    if (request.method !== "GET") return refusal(405, "Solo GET", { allow: "GET" });
    try {
      if (pathname === "/") this.#files = filesOf(await readSite());
    } catch (error) {
      return refusal(500, `No se puede leer la página: ${messageOf(error)}`);
    }
    const file = this.#files.get(pathname);
    if (file === undefined) return refusal(404, "No está");
    return new Response(file.body, { headers: await headersOf(file) });
  }
}

async function headersOf({ type, body }: SiteFile): Promise<Record<string, string>> {
  const [, importMap] = /<script type="importmap">(.*?)<\/script>/.exec(body) ?? [];
  const hash = importMap === undefined ? "" : ` 'sha256-${await sha256(importMap)}'`;
  return {
    ...HEADERS,
    "content-type": `${type}; charset=utf-8`,
    // libsodium is WebAssembly.
    "content-security-policy":
      `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'${hash}; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

function refusal(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: { ...HEADERS, ...headers, "content-type": "text/plain; charset=utf-8" },
  });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toBase64();
}

async function main({ args, terminal }: Run): Promise<number> {
  const wished = args.optional("puerto");
  const port = args.integer("puerto", { otherwise: DEFAULT_PORT, least: 0, most: 65_535 });
  const name = args.optional("exportar");
  if (name !== undefined) {
    const page = new Blob([singleFileOf(await readSite())]);
    const { path, file } = await createFile("exportar", "html", name);
    try {
      await page.stream().pipeTo(file.writable);
    } catch (error) {
      await Deno.remove(path);
      throw new Failure(`no se pudo escribir ${path}: ${messageOf(error)}`, EXIT.defect);
    }
    terminal.print(`Página escrita en ${path}: ábrala con doble clic`);
    return EXIT.ok;
  }
  const server = listen(wished === undefined ? [port, 0] : [port]);
  terminal.print(`Abra en su navegador http://${HOSTNAME}:${server.addr.port}/ (Ctrl-C termina)`);
  await server.finished;
  return EXIT.ok;
}

/** Serves on the first of the ports that is free. */
function listen([port, ...others]: readonly number[]): Deno.HttpServer<Deno.NetAddr> {
  const page = new PageServer();
  const options = { hostname: HOSTNAME, port: port!, onListen() {} };
  try {
    return Deno.serve(options, (request) => page.respond(request));
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse && others.length > 0) return listen(others);
    throw bindFailure(error, `${HOSTNAME}:${port}`);
  }
}

if (import.meta.main) {
  await run({ help: HELP, values: ["puerto"], optionals: ["exportar"], flags: [], words: 0, main });
}
