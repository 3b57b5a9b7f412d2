/**
 * Pictures as PNG, the same on every machine: the rasteriser is WebAssembly, and its only fonts come
 * with it from the npm registry.
 *
 * @module
 */

import { initWasm, Resvg } from "@resvg/resvg-wasm";

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
  const [wasm, ...fonts] = await Promise.all([
    import("@resvg/resvg-wasm/index_bg.wasm", { with: { type: "bytes" } }),
    import("dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf", { with: { type: "bytes" } }),
    import("dejavu-fonts-ttf/ttf/DejaVuSansMono-Bold.ttf", { with: { type: "bytes" } }),
  ]);
  await initWasm(wasm.default);
  return fonts.map((font) => font.default);
}
