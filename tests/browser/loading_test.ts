import { assert } from "@std/assert";
import { browserTest } from "./browser.ts";

browserTest("the page is there", async ({ page }) => {
  assert(
    await page.$eval("h1", (title) => title.textContent) === "Usted es la red",
  );
});
