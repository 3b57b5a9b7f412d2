/**
 * The page in a real browser: Chromium without a window, driven by its pointer and its keyboard.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { outputOf } from "../machine.ts";
import { Process, taskCommand } from "../process.ts";
import { Hands } from "./hands.ts";

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
  /** Somebody at it. */
  readonly hands: Hands;
  readonly browser: Browser;
  /** Its address up to the hash. */
  readonly address: string;
}

/** A test that needs the browser. */
export function test(name: string, fn: () => Promise<void>): void {
  const isMissing = EXECUTABLE === "";
  const needs = isMissing ? "there is no chromium here to run " : "";
  Deno.test({ name: `${needs}browser: ${name}`, ignore: isMissing, fn });
}

/** Runs a test on the page that `deno task laboratorio` serves. */
export function browserTest(name: string, fn: (opened: Opened) => Promise<void>): void {
  test(name, () => withProgram((address) => withPage(address, fn)));
}

/** Calls a function with the address of the page that the program serves. */
export async function withProgram(
  fn: (address: string) => Promise<void>,
): Promise<void> {
  await using program = new Process(taskCommand("laboratorio", "--puerto=0"));
  const [address] = await program.until(/http:\/\/127\.0\.0\.1:\d+\//);
  await fn(address!);
}

/** Calls a function with the page at an address, which must not complain or load anything from elsewhere. */
export async function withPage(
  address: string,
  fn: (opened: Opened) => Promise<void>,
): Promise<void> {
  // Root has no sandbox.
  const args = ["--no-sandbox", "--disable-quic", "--disable-component-update"];
  const browser = await puppeteer.launch({
    executablePath: EXECUTABLE,
    args,
    // People have scrollbars, which take room.
    ignoreDefaultArgs: ["--hide-scrollbars"],
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
        !request.url().startsWith(address) && !/^(?:data|about):/.test(request.url())
      ) complaints.push(request.url());
    });
    const hands = new Hands(page!, address);
    await hands.follow("");
    await fn({ page: page!, hands, browser, address });
    assertEquals(complaints, []);
  } finally {
    await browser.close();
  }
}
