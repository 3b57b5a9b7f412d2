import { assertEquals, assertStringIncludes } from "@std/assert";
import { inFolder, taskCommand } from "../process.ts";
import { test, withPage } from "./browser.ts";

test("the file that --exportar writes opens from disk, and plays by itself", async () => {
  const script = '"$@" && echo "folder: $PWD" && read -r _';
  await using shell = inFolder(script, ...taskCommand("laboratorio", "--exportar", "clase"));
  const [, folder] = await shell.until(/folder: (.+)\n/);
  const address = `file://${folder}/registros/clase.html`;
  await withPage(address, async ({ hands, page }) => {
    assertEquals(await page.evaluate(() => location.protocol), "file:");
    await hands.follow("instante=950&conversaciones=privada+udp");
    await hands.lose({ name: "MESSAGE 1" });
    await hands.read("Respuesta: NOOOOO");
    await hands.read("Respuesta: NOOOOO", 1);
    assertStringIncludes((await hands.datagrams()).join(), "MESSAGE 1 · reenvío 1");
    await page.reload();
    await hands.ready();
    assertEquals((await hands.actions()).length, 1);
  });
});
