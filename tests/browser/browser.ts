/**
 * The page in a real browser: Chromium without a window, driven by its pointer and its keyboard.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { outputOf } from "../machine.ts";
import { Process, taskCommand } from "../process.ts";

export type { Page } from "puppeteer-core";

/** Path of the first browser that is here. */
const EXECUTABLE = (await outputOf(
  "sh",
  "-c",
  "command -v chromium chromium-browser google-chrome",
))
  .split("\n")[0]!;

/** Size of the window, in CSS pixels. */
export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** A page that is open, and its browser. */
export interface Opened {
  readonly page: Page;
  readonly browser: Browser;
  /** Its address up to the hash. */
  readonly address: string;
}

/** Runs a test on the page that `deno task laboratorio` serves, which must not complain or call elsewhere. */
export function browserTest(
  name: string,
  fn: (opened: Opened) => Promise<void>,
): void {
  const isMissing = EXECUTABLE === "";
  Deno.test({
    name: `${isMissing ? "there is no chromium here to run " : ""}browser: ${name}`,
    ignore: isMissing,
    fn: () => withProgram((address) => withPage(address, fn)),
  });
}

/** Calls a function with the address of the page that the program serves. */
export async function withProgram(
  fn: (address: string) => Promise<void>,
): Promise<void> {
  await using program = new Process(taskCommand("laboratorio", "--puerto=0"));
  const [address] = await program.until(/http:\/\/127\.0\.0\.1:\d+\//);
  await fn(address!);
}

/** Calls a function with a page at an address. */
export async function withPage(
  address: string,
  fn: (opened: Opened) => Promise<void>,
): Promise<void> {
  // Root has no sandbox.
  const args = ["--no-sandbox", "--disable-quic", "--disable-component-update"];
  const browser = await puppeteer.launch({
    executablePath: EXECUTABLE,
    args,
    defaultViewport: WIDE,
  });
  try {
    const [page] = await browser.pages();
    const complaints: string[] = [];
    page!.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) {
        complaints.push(message.text());
      }
    });
    page!.on("pageerror", (error) => complaints.push(String(error)));
    page!.on("requestfailed", (request) => complaints.push(request.url()));
    page!.on("request", (request) => {
      if (
        !request.url().startsWith(address) && !request.url().startsWith("data:")
      ) complaints.push(request.url());
    });
    await page!.goto(address);
    await fn({ page: page!, browser, address });
    assertEquals(complaints, []);
  } finally {
    await browser.close();
  }
}
