/**
 * The pictures of the page in `img/`, taken by the browser itself.
 *
 * @module
 */
import { EXERCISES } from "../../web/exercises.ts";
import { DEFAULT_SCENARIO, encodeLink } from "../../web/scenario.ts";
import { withPage, withProgram } from "./browser.ts";
import type { Hands } from "./hands.ts";

interface Picture {
  readonly exercise: string;
  /** The part of the page, in CSS pixels. */
  readonly clip: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  act(hands: Hands): Promise<void>;
}

const PICTURES: Readonly<
  Record<string, Picture>
> = {
  pagina: {
    exercise: "primera-pregunta",
    clip: { x: 4, y: 0, width: 1252, height: 664 },
    async act(hands) {
      for (const wanted of [{ name: "«¿HTML", lane: 1 }, { name: "MESSAGE 1" }] as const) {
        await hands.await(wanted);
        await hands.wait(100);
        await hands.lose(wanted);
      }
      await hands.read("Pregunta: ");
      await hands.wait(300);
    },
  },
  ventana: {
    exercise: "ventana",
    clip: { x: 16, y: 106, width: 440, height: 600 },
    async act(hands) {
      await hands.await({ name: "MESSAGE 1 5/" });
      await hands.wait(120);
      await hands.pressAt({ name: "MESSAGE 1 5/" }, "Enter");
      await hands.read("venció el plazo");
      await hands.wait(250);
    },
  },
};

await withProgram((address) =>
  withPage(address, async ({ page, hands }) => {
    for (const [name, { exercise, clip, act }] of Object.entries(PICTURES)) {
      const { start, right } = EXERCISES.find(({ id }) => id === exercise)!;
      await hands.follow(encodeLink({ ...DEFAULT_SCENARIO, ...start, exercise }));
      await (await page.$$("#prediccion input"))[right]!.click();
      await act(hands);
      await page.mouse.move(0, 0);
      await page.screenshot({ clip, path: `${import.meta.dirname}/../../img/${name}.png` });
    }
  })
);
