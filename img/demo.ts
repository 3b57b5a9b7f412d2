/**
 * Makes `demo.png`, the first picture of the README: what `deno task demo` shows, with protection and
 * without.
 *
 * @module
 */
import { IMPAIRMENT_OPTIONS, readImpairment } from "../laboratory/impairment.ts";
import { Arguments } from "../program/arguments.ts";
import { DEFAULTS, demonstrate } from "../laboratory/demo/demo.ts";
import { toPng } from "./png.ts";
import { drawTerminals, type TerminalWindow } from "./terminal_picture.ts";

const COLUMNS = 98;

const windows = [window("deno task demo", false), window("deno task demo --sin-fiabilidad", true)];
const picture = await toPng(drawTerminals(windows, COLUMNS));
await Deno.writeFile(new URL("demo.png", import.meta.url), picture);

function window(command: string, isPlain: boolean): TerminalWindow {
  const args = new Arguments([], { values: IMPAIRMENT_OPTIONS, flags: [], words: 0 });
  const impairment = readImpairment(args, DEFAULTS);
  const lines = demonstrate({ impairment, isPlain, isColoured: true }).map(({ text }) => text);
  return { title: "Terminal", lines: [`\x1b[92m$\x1b[39m \x1b[1m${command}\x1b[22m`, ...lines] };
}
