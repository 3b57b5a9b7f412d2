import { assertStringIncludes } from "@std/assert";
import { FIELDS } from "./panels.ts";

Deno.test({
  name: "page: the fields of a datagram bear the names that Wireshark shows",
  ignore: Deno.permissions.querySync({ name: "read", path: "." }).state !== "granted",
  async fn() {
    const dissector = await Deno.readTextFile(new URL("../docs/pyr.lua", import.meta.url));
    for (const name of Object.values(FIELDS)) assertStringIncludes(dissector, `"${name}"`);
  },
});
