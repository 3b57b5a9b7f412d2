/**
 * What somebody does with the page, and sees on it.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { ElementHandle, Page } from "puppeteer-core";

/** Most steps until something is seen: more than any conversation here has. */
const MAX_STEPS = 300;

/** A datagram on the page, by the beginning of its name, and the conversation that it is in. */
export interface Wanted {
  readonly name: string;
  readonly lane?: 0 | 1;
}

/** Somebody at a page. */
export class Hands {
  readonly page: Page;
  /** The address of the page up to the hash. */
  readonly address: string;

  constructor(page: Page, address: string) {
    this.page = page;
    this.address = address;
  }

  /** Follows a link, as the part of the address after `#`. */
  async follow(hash: string): Promise<void> {
    // From another page, so that this one is loaded again.
    await this.page.goto("about:blank");
    await this.page.goto(this.address + (hash === "" ? "" : `#${hash}`));
    await this.ready();
  }

  /** Waits until the page shows its first moment. */
  async ready(): Promise<void> {
    await this.page.waitForFunction(() => document.querySelector("#ahora")!.textContent !== "");
  }

  /** Presses a button of the page, and opens first what holds it. */
  async press(id: string): Promise<void> {
    const closed = await this.page.$(`details:not([open]):has(#${id}) > summary`);
    await closed?.click();
    await this.page.click(`#${id}`);
  }

  /** Goes to a moment with the slider, in ms. */
  async go(to: number): Promise<void> {
    await this.page.$eval("#instante", (slider, to) => {
      (slider as HTMLInputElement).value = `${to}`;
      slider.dispatchEvent(new Event("input"));
    }, to);
  }

  /** Lets time pass, in ms. */
  async wait(time: number): Promise<void> {
    const now = await this.page.$eval("#instante", (it) => (it as HTMLInputElement).valueAsNumber);
    await this.go(now + time);
  }

  /** Steps until something holds. */
  async stepUntil(holds: () => Promise<boolean>, what: string): Promise<void> {
    for (let steps = 0; !await holds(); steps++) {
      assert(steps < MAX_STEPS, `Not seen: ${what}`);
      await this.press("paso");
    }
  }

  /** The head of a datagram in flight, if it is there. */
  async flying({ name, lane = 0 }: Wanted): Promise<ElementHandle<Element> | undefined> {
    const flying = `.carril[data-lane="${lane}"] .datagrama[data-state=flying]`;
    return await this.page.$(`${flying}[aria-label^="${name}"]`) ?? undefined;
  }

  /** Steps until a datagram is in flight. */
  async await(wanted: Wanted): Promise<ElementHandle<Element>> {
    await this.stepUntil(async () => await this.flying(wanted) !== undefined, wanted.name);
    return (await this.flying(wanted))!;
  }

  /** Steps until a conversation shows such a text. */
  async read(text: string, lane: 0 | 1 = 0): Promise<void> {
    await this.stepUntil(
      async () => (await this.captions(lane)).some((it) => it.includes(text)),
      text,
    );
  }

  /** Loses a datagram in flight with the pointer. */
  async lose(wanted: Wanted): Promise<void> {
    const { x, y } = await this.#headOf(await this.await(wanted));
    await this.page.mouse.click(x, y);
  }

  /** Drags a datagram in flight downwards, by pixels. */
  async drag(wanted: Wanted, pixels: number): Promise<void> {
    const { x, y } = await this.#headOf(await this.await(wanted));
    await this.page.mouse.move(x, y);
    await this.page.mouse.down();
    await this.page.mouse.move(x, y + pixels, { steps: 5 });
    await this.page.mouse.up();
  }

  /** Drags a datagram in flight downwards with a finger, by pixels; or taps it, by none. */
  async dragWithFinger(wanted: Wanted, pixels: number): Promise<void> {
    const { x, y } = await this.#headOf(await this.await(wanted));
    const finger = await this.page.touchscreen.touchStart(x, y);
    for (let part = 1; part <= 5; part++) await finger.move(x, y + pixels * part / 5);
    await finger.end();
  }

  /** Goes to a datagram in flight with the Tab key, and presses a key there. */
  async pressAt(wanted: Wanted, key: "Enter" | "ArrowDown" | "d"): Promise<void> {
    const node = await this.await(wanted);
    for (let tabs = 0; !await node.evaluate((it) => it === document.activeElement); tabs++) {
      assert(tabs < 100, `The Tab key does not come to ${wanted.name}`);
      await this.page.keyboard.press("Tab");
    }
    await this.page.keyboard.press(key);
  }

  /** What a conversation shows beside its life lines, in order. */
  captions(lane: 0 | 1 = 0): Promise<string[]> {
    return this.page.$$eval(
      `.carril[data-lane="${lane}"] .leyenda`,
      (all) => all.map((it) => [...it.children].map((row) => row.textContent).join(" ")),
    );
  }

  /** What was done, as the page lists it. */
  actions(): Promise<string[]> {
    return this.page.$$eval("#acciones li", (items) => items.map((it) => it.textContent!));
  }

  /** The text of the element with an id. */
  text(id: string): Promise<string> {
    return this.page.$eval(`#${id}`, (it) => it.textContent!.trim());
  }

  /** The names of all datagrams of a conversation, and what became of each. */
  datagrams(lane: 0 | 1 = 0): Promise<string[]> {
    return this.page.$$eval(
      `.carril[data-lane="${lane}"] .datagrama`,
      (all) => all.map((it) => it.getAttribute("aria-label")!),
    );
  }

  /** All that both diagrams show, to compare moments. */
  picture(): Promise<string> {
    return this.page.$$eval("#lienzo .carril", (lanes) =>
      lanes.flatMap((lane) => [
        ...[...lane.querySelectorAll(".extremo p")].map((it) => it.textContent!),
        ...[...lane.querySelectorAll(".flechas > *, .leyendas > *")].map((it) =>
          it.outerHTML.replaceAll(/ (?:style|data-place)="[^"]*"/g, "")
        ).sort(),
      ]).join("\n"));
  }

  async #headOf(node: ElementHandle<Element>): Promise<{ x: number; y: number }> {
    return await node.$eval("circle", (head) => {
      head.scrollIntoView({ block: "nearest" });
      const { x, y, width, height } = head.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    });
  }
}
