import { assert, assertEquals } from "@std/assert";
import { LABORATORY_FLAGS, LABORATORY_HELP, LABORATORY_VALUES } from "../laboratory/laboratory.ts";

const canRead = Deno.permissions.querySync({ name: "read", path: "." }).state === "granted";
const ROOT = new URL("../", import.meta.url);
const PAGES = ["README.md", "docs/seguridad.md", "docs/laboratorio.md"];

Deno.test({
  name: "every relative link and picture of the pages is there",
  ignore: !canRead,
  async fn() {
    const missing: string[] = [];
    for (const page of PAGES) {
      const text = await Deno.readTextFile(new URL(page, ROOT));
      const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link!);
      for (const link of links.filter((link) => !/^https?:/.test(link))) {
        await Deno.stat(new URL(link, new URL(page, ROOT))).catch(() => missing.push(link));
      }
    }
    assertEquals(missing, []);
  },
});

Deno.test({
  name: "every test that the security page names is there",
  ignore: !canRead,
  async fn() {
    const text = await Deno.readTextFile(new URL("docs/seguridad.md", ROOT));
    const named = new Set(text.match(/(?:tests|protocol|terminal)\/\w+_test\.ts/g));
    assert(named.size > 5);
    for (const file of named) await Deno.stat(new URL(file, ROOT));
  },
});

Deno.test({
  name: "every option of the programs is in their help and in the README",
  ignore: !canRead,
  async fn() {
    const readme = await Deno.readTextFile(new URL("README.md", ROOT));
    for (const program of ["servidor.ts", "cliente.ts"]) {
      const source = await Deno.readTextFile(new URL(program, ROOT));
      const names = [...source.matchAll(/(?:values|optionals|flags)\b[^\[]*\[([^\]]*)\]/g)]
        .flatMap(([, list]) => [...list!.matchAll(/"([a-z-]+)"/g)].map(([, name]) => name!));
      assert(names.length > 3, `No options found in ${program}`);
      const help = source.replace("${LABORATORY_HELP}", LABORATORY_HELP);
      for (const name of [...names, ...LABORATORY_VALUES, ...LABORATORY_FLAGS]) {
        assert(readme.includes(`\`--${name}`), `--${name} is not in the README`);
        assert(help.includes(`  --${name}`), `--${name} is not in the help of ${program}`);
      }
    }
  },
});
