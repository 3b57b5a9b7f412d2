import { assertEquals } from "@std/assert";
import axe from "axe-core";
import { browserTest, NARROW, WIDE } from "./browser.ts";

const SCENES: Readonly<Record<string, string>> = {
  "as it opens": "",
  "in the middle of an exercise": "ejercicio=primer-acuse&pausa=4000&instante=5100",
  "with losses, a long message and a private room":
    "guion=larga&perdida=30&duplicados=10&desorden=10&retraso=80&fluctuacion=60&conversaciones=privada+udp&instante=3000",
};

for (const [scene, hash] of Object.entries(SCENES)) {
  browserTest(`axe finds nothing ${scene}, light, dark or narrow`, async ({ hands, page }) => {
    for (const viewport of [WIDE, NARROW]) {
      for (const value of ["light", "dark"]) {
        await page.setViewport(viewport);
        await page.emulateMediaFeatures([
          { name: "prefers-color-scheme", value },
          { name: "prefers-reduced-motion", value: "reduce" },
        ]);
        await hands.follow(hash);
        await page.$eval("#tabla", (it) => (it as HTMLDetailsElement).open = true);
        await page.evaluate(axe.source);
        const findings = await page.evaluate("axe.run()") as axe.AxeResults;
        const told = findings.violations.map(({ id, nodes }) =>
          `${id}: ${
            nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`)
          }`
        );
        assertEquals(told, [], `${value}, ${viewport.width} pixels wide`);
      }
    }
  });
}
