import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXERCISES } from "../../web/exercises.ts";
import { browserTest } from "./browser.ts";
import type { Hands } from "./hands.ts";

type Way = (hands: Hands) => Promise<unknown>;

/** For each exercise what solves it, and what does not. */
const WAYS: Readonly<Record<string, { readonly solved: Way; readonly failed: Way }>> = {
  "primer-acuse": {
    solved: (hands) => hands.lose({ name: "ACK 1" }),
    failed: (hands) => hands.pressAt({ name: "ACK 1" }, "ArrowDown"),
  },
  "primera-pregunta": {
    async solved(hands) {
      await hands.lose({ name: "«¿HTML", lane: 1 });
      await hands.lose({ name: "MESSAGE 1" });
    },
    failed: (hands) => hands.lose({ name: "«¿HTML", lane: 1 }),
  },
  "respuesta-duplicada": {
    solved: (hands) => hands.pressAt({ name: "MESSAGE 2" }, "d"),
    failed: (hands) => hands.lose({ name: "MESSAGE 2" }),
  },
  "desorden": {
    async solved(hands) {
      await hands.await({ name: "MESSAGE 1 2/" });
      await hands.wait(150);
      await hands.drag({ name: "MESSAGE 1 2/" }, 80);
    },
    async failed(hands) {
      await hands.await({ name: "MESSAGE 1 3/" });
      await hands.wait(150);
      await hands.drag({ name: "MESSAGE 1 3/" }, 80);
    },
  },
  "ventana": {
    solved: (hands) => hands.pressAt({ name: "MESSAGE 1 5/" }, "Enter"),
    async failed(hands) {
      await hands.pressAt({ name: "MESSAGE 1 5/" }, "Enter");
      await hands.pressAt({ name: "MESSAGE 1 7/" }, "Enter");
    },
  },
  "reinicio": {
    async solved(hands) {
      await hands.read("Pregunta: ");
      await hands.press("reiniciar");
    },
    async failed(hands) {
      await hands.read("Ingrese una respuesta: ");
      await hands.press("reiniciar");
    },
  },
};

for (const { id, title, right, explanation, hint } of EXERCISES) {
  browserTest(`the exercise ${id} can be failed and solved`, async ({ hands, page }) => {
    const verdict = () => page.$eval("#veredicto", (it) => (it as HTMLElement).dataset["estado"]);
    const untilDecided = () =>
      hands.stepUntil(async () => await verdict() !== "pending", "a verdict");
    const begin = async () => {
      await (await page.$(`#ejercicios ::-p-text(${title})`))!.click();
      await page.waitForFunction(
        (id) => location.hash.includes(`ejercicio=${id}`) && !location.hash.includes("accion="),
        {},
        id,
      );
      await page.waitForSelector("#veredicto[data-estado=pending]");
      await (await page.$$("#prediccion input"))[right]!.click();
    };

    await begin();
    await WAYS[id]!.failed(hands);
    await untilDecided();
    assertEquals(await verdict(), "failed");
    assertMatch(await hands.text("veredicto"), /^No ocurrió lo que se pedía/);
    assert((await hands.text("veredicto")).includes(hint));

    await begin();
    await WAYS[id]!.solved(hands);
    await untilDecided();
    assertEquals(await verdict(), "solved", `${await hands.actions()}`);
    assertMatch(await hands.text("veredicto"), /Su predicción se cumplió/);
    // The right choice could be made after all was seen, and passed for a prediction.
    assert(await page.$("#prediccion:disabled") !== null);
    assert((await hands.text("veredicto")).includes(explanation));
  });
}
