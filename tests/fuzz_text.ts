/**
 * Text for fuzzing, rich in what steers terminals and hides itself.
 *
 * @module
 */
import type { Dice } from "./fuzz_dice.ts";

const CHARACTERS: readonly string[] = [
  ..."aZ ñ\t\n\r\x00\x1b\x7f\x80\x85\x9b\xa0\xad",
  ...[
    0x61c,
    0x200b,
    0x200c,
    0x200d,
    0x200e,
    0x2028,
    0x2029,
    0x202e,
    0x2060,
    0x2066,
    0x2069,
    0xfeff,
  ],
  ...[
    0xd83c,
    0xdff4,
    0xdb40,
    0xdc67,
    0xdc7f,
    0xfe0f,
    0x0301,
    0x115f,
    0x3164,
    0xffa0,
    0xfff9,
    0xffff,
  ],
  ...[
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u0301".repeat(5),
    "1",
    "\u20e3",
  ],
  ...["❤", "\u{1F3FD}", "ب", "क्", "漢", "\ufe0e"],
  ...[0x1f3f4, 0x1f3f4, 0x1f600, 0xe0001, 0xe0030, 0xe0067, 0xe0062, 0xe007a, 0xe007f, 0xe0100],
].map((it) => typeof it === "number" ? String.fromCodePoint(it) : it);

/** Any UTF-16 at all, unpaired surrogates included. */
export function anyText(dice: Dice): string {
  const isLikely = dice.random();
  return dice.list(40, () => {
    if (dice.chance(isLikely)) return dice.pick(CHARACTERS);
    return String.fromCodePoint(dice.below(dice.pick([0x300, 0x10000, 0x110000])));
  }).join("");
}
