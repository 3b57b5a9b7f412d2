/**
 * The files of the page: its HTML and styles, and every module that its script imports, with types
 * stripped and lines kept, as a browser runs them.
 *
 * @module
 */
import { stripTypeScriptTypes } from "node:module";

const ROOT = new URL("../", import.meta.url);
const INDEX = new URL("web/index.html", ROOT);

const STYLES = /<link rel="stylesheet" href="([^"]+)">/g;
const ENTRY = /<script type="module" src="([^"]+)"><\/script>/;

/** Specifiers of the imports, static or dynamic, of a module without types. */
const SPECIFIERS =
  /(?<=^(?:import|(?:import|export)\b[^;"'()=]*\bfrom)\s*["'])[^"'\n]+(?=["'])|(?<=\bimport\(["'])[^"'\n]+(?=["']\))/gm;

/** The folder that holds one version of a package, wherever packages are kept. */
const PACKAGE = /^.*(?<!\/@[^/]+)\/((?:@[^/]+\/)?[^/]+\/\d+\.\d+\.\d+[^/]*)\//;

interface PageModule {
  readonly source: string;
  /** Path of each module that it imports, by specifier. */
  readonly imports: ReadonlyMap<string, string>;
}

/** The page and all that it loads. Paths begin at the root of the site. */
export interface Site {
  readonly html: string;
  readonly styles: ReadonlyMap<string, string>;
  readonly modules: ReadonlyMap<string, PageModule>;
  /** Licenses of the packages, by name and version. */
  readonly licenses: ReadonlyMap<string, string>;
}

/** A file as it is served. */
export interface SiteFile {
  readonly type: string;
  readonly body: string;
}

/**
 * Reads the page as it is on disk now.
 *
 * @throws {Error} If a file is missing or is not valid TypeScript, with its path.
 */
export async function readSite(): Promise<Site> {
  const html = await Deno.readTextFile(INDEX);
  const styles = new Map<string, string>();
  for (const [, href] of html.matchAll(STYLES)) {
    styles.set(pathOf(new URL(href!, INDEX)), await Deno.readTextFile(new URL(href!, INDEX)));
  }
  const modules = new Map<string, PageModule>();
  const licenses = new Map<string, string>();
  // The set grows while it is walked, and yields each module once.
  const found = new Set([new URL(ENTRY.exec(html)![1]!, INDEX).href]);
  for (const href of found) {
    const url = new URL(href);
    const [folder, name] = isOwn(url) ? [] : PACKAGE.exec(href)!;
    if (name !== undefined) licenses.set(name, await readPackaged(`${folder}LICENSE`));
    const source = name === undefined ? await readStripped(url) : await readPackaged(href);
    const imports = new Map<string, string>();
    for (const [specifier] of source.matchAll(SPECIFIERS)) {
      const target = specifier.startsWith(".")
        ? new URL(specifier, url)
        : new URL(import.meta.resolve(specifier));
      imports.set(specifier, pathOf(target));
      found.add(target.href);
    }
    modules.set(pathOf(url), { source, imports });
  }
  return { html, styles, modules, licenses };
}

/** The files to serve, by path; the page itself is at `/`. */
export function filesOf({ html, styles, modules }: Site): Map<string, SiteFile> {
  const imports = [...modules.values()].flatMap((module) => [...module.imports])
    .filter(([specifier]) => !specifier.startsWith("."));
  const importMap = JSON.stringify({ imports: Object.fromEntries(imports) });
  const body = html
    .replace(STYLES, (_, href) => `<link rel="stylesheet" href="${pathOf(new URL(href, INDEX))}">`)
    .replace(ENTRY, (_, src) =>
      `<script type="importmap">${importMap}</script>
<script type="module" src="${pathOf(new URL(src, INDEX))}"></script>`);
  const files = new Map([["/", { type: "text/html", body }]]);
  for (const [path, body] of styles) files.set(path, { type: "text/css", body });
  for (const [path, { source: body }] of modules) {
    files.set(path, { type: "text/javascript", body });
  }
  return files;
}

/** Turns the text of each module element into a `data:` URL: a browser imports no `file:` URL. */
const LOADER = `const imports = {};
for (const { dataset, textContent } of document.querySelectorAll("script[data-module]")) {
  const source = textContent + "\\n//# sourceURL=" + dataset.module;
  imports[dataset.module] = "data:text/javascript;charset=utf-8," + encodeURIComponent(source);
}
const map = document.createElement("script");
map.type = "importmap";
map.textContent = JSON.stringify({ imports });
document.currentScript.after(map);`;

/** The whole site in one HTML file, which opens from disk. */
export function singleFileOf({ html, styles, modules, licenses }: Site): string {
  const elements = [...modules].map(([path, { source, imports }]) => {
    const renamed = source.replace(SPECIFIERS, (specifier) => bareName(imports.get(specifier)!));
    // Inside a script element, HTML gives a meaning to these two.
    const text = renamed.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
    return `<script type="text/plain" data-module="${bareName(path)}">\n${text}</script>`;
  });
  const notices = [...licenses].map(([name, text]) => `${name}\n${text.replaceAll("--", "- -")}`);
  return html
    .replace(STYLES, (_, href) => `<style>${styles.get(pathOf(new URL(href, INDEX)))}</style>`)
    .replace(ENTRY, (_, src) =>
      `<!--
${notices.join("\n")}
-->
${elements.join("\n")}
<script>${LOADER}</script>
<script type="module">import "${bareName(pathOf(new URL(src, INDEX)))}";</script>`);
}

function isOwn({ href }: URL): boolean {
  return href.startsWith(ROOT.href);
}

function pathOf(url: URL): string {
  if (isOwn(url)) return url.href.slice(ROOT.href.length - 1);
  return url.href.replace(PACKAGE, "/npm/$1/");
}

/** The name in the import map of a single file, where no path has a meaning. */
function bareName(path: string): string {
  return path.slice(1);
}

async function readStripped(url: URL): Promise<string> {
  const text = await Deno.readTextFile(url);
  try {
    return stripTypeScriptTypes(text);
  } catch (error) {
    throw new Error(`${pathOf(url)}: ${error instanceof Error ? error.message : error}`);
  }
}

/** A file of a package. The module loader needs no permission to read it. */
async function readPackaged(href: string): Promise<string> {
  return (await import(href, { with: { type: "text" } })).default;
}
