/**
 * A terminal's screen after the bytes that it was sent, as far as a line editor uses it.
 *
 * @module
 */

/** A grid of cells, a cursor, and the few sequences that move it. Colours are ignored. */
export class Screen {
  #rows: number;
  #columns: number;
  #cells: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wraps = true;
  #rest = "";

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#columns = columns;
  }

  /** All rows from the first that was written, those that scrolled away included. */
  get text(): string {
    const lines = this.#cells.map((cells) => Array.from(cells, (cell) => cell ?? " ").join(""));
    return lines.join("\n").replace(/\n+$/, "");
  }

  /** Place of the cursor, counted from 0; the row from the first that was written. */
  get cursor(): { row: number; column: number } {
    return { row: this.#row, column: Math.min(this.#column, this.#columns - 1) };
  }

  /** Takes what a program wrote, which may end in the middle of a sequence. */
  write(text: string): void {
    const input = this.#rest + text;
    let read = 0;
    for (const [match, csi, other] of input.matchAll(TOKEN)) {
      read += match.length;
      if (csi !== undefined) this.#control(csi);
      else if (other !== undefined) this.#put(other);
    }
    this.#rest = input.slice(read);
  }

  /** Changes the size without moving what is there, as xterm does. */
  resize(rows: number, columns: number): void {
    this.#rows = rows;
    this.#columns = columns;
  }

  get #top(): number {
    return Math.max(0, this.#cells.length - this.#rows);
  }

  #put(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") this.#moveTo(this.#row + 1, this.#column);
    else if (character === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (character === "\t") this.#column = Math.min(this.#columns - 1, (this.#column | 7) + 1);
    else if (character >= " ") this.#draw(character);
  }

  #draw(character: string): void {
    const width = widthOf(character);
    if (width === 0) {
      this.#line[Math.max(0, this.#column - 1)] += character;
      return;
    }
    if (this.#column + width > this.#columns) {
      if (this.#wraps) this.#moveTo(this.#row + 1, 0);
      else this.#column = this.#columns - width;
    }
    this.#line[this.#column++] = character;
    if (width === 2) this.#line[this.#column++] = "";
  }

  #control(sequence: string): void {
    const final = sequence.at(-1)!;
    const [first = 0, second = 0] = sequence.slice(0, -1).split(";").map(Number);
    const count = first || 1;
    if (final === "A") this.#moveTo(Math.max(this.#top, this.#row - count), this.#column);
    else if (final === "B") this.#moveTo(this.#row + count, this.#column);
    else if (final === "C") this.#column = Math.min(this.#columns - 1, this.#column + count);
    else if (final === "D") this.#column = Math.max(0, this.#column - count);
    else if (final === "G") this.#column = count - 1;
    else if (final === "H") this.#moveTo(this.#top + count - 1, (second || 1) - 1);
    else if (final === "J") this.#erase(first);
    else if (final === "K") this.#line.length = Math.min(this.#line.length, this.#column);
    else if (sequence === "?7l" || sequence === "?7h") this.#wraps = final === "h";
    else if (final !== "m" && sequence[0] !== "?") {
      throw new Error(`Unknown control sequence: "${sequence}"`);
    }
  }

  #erase(what: number): void {
    if (what !== 0) throw new Error(`Unknown erasure: "${what}"`);
    this.#line.length = Math.min(this.#line.length, this.#column);
    // The rows below are blank but still there.
    for (const cells of this.#cells.slice(this.#row + 1)) cells.length = 0;
  }

  #moveTo(row: number, column: number): void {
    this.#row = row;
    this.#column = column;
    while (this.#cells.length <= row) this.#cells.push([]);
  }

  get #line(): string[] {
    return this.#cells[this.#row]!;
  }
}

// deno-lint-ignore no-control-regex
const TOKEN = /\x1b\[([0-?]*[ -/]*[@-~])|([^\x1b])/gu;

function widthOf(character: string): number {
  if (/[\p{Mn}\p{Me}\u200C\u200D]/u.test(character)) return 0;
  return /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFF00-\uFF60\p{Emoji_Presentation}]/u
      .test(character)
    ? 2
    : 1;
}
