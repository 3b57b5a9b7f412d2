/**
 * Pictures as PNG, the same on every machine: the rasteriser is WebAssembly, and its only fonts come
 * with it from the npm registry. A program that uses this needs `--unstable-raw-imports`.
 *
 * @module
 */

// Only the pictures need these packages: pinned here, they are no dependency of the programs.
// deno-lint-ignore-file no-import-prefix
import { initWasm, Resvg } from "npm:@resvg/resvg-wasm@2.6.2";

/** The one font that a picture can use, regular and bold; it has no emoji and no CJK. */
export const FONT_FAMILY = "DejaVu Sans Mono";

/** The width of each of its characters, as a part of the font size. */
export const CHARACTER_WIDTH = 1233 / 2048;

/** Rasterises a picture; a `scale` of 2 is sharp on dense screens too. */
export async function toPng(svg: string, scale = 2): Promise<Uint8Array> {
  const fontBuffers = await (loading ??= load());
  const font = { fontBuffers, defaultFontFamily: FONT_FAMILY, monospaceFamily: FONT_FAMILY };
  return new Resvg(svg, { font, fitTo: { mode: "zoom", value: scale } }).render().asPng();
}

// The rasteriser refuses to be initialised twice.
let loading: Promise<Uint8Array[]> | undefined;

async function load(): Promise<Uint8Array[]> {
  // A static import of bytes would ask for the flag even from who only checks the types.
  const [wasm, ...fonts] = await Promise.all([
    import("npm:@resvg/resvg-wasm@2.6.2/index_bg.wasm", { with: { type: "bytes" } }),
    import("npm:dejavu-fonts-ttf@2.37.3/ttf/DejaVuSansMono.ttf", { with: { type: "bytes" } }),
    import("npm:dejavu-fonts-ttf@2.37.3/ttf/DejaVuSansMono-Bold.ttf", { with: { type: "bytes" } }),
  ]);
  await initWasm(wasm.default);
  return fonts.map((font) => font.default);
}
