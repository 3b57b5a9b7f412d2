/**
 * One figure of the benchmarks with its baseline, and the table of them all.
 *
 * @module
 */

/** The target of a figure: of its value, or of its ratio to the baseline. */
export type Target = {
  readonly of: "value" | "ratio";
  readonly least: number;
} | {
  readonly of: "value" | "ratio";
  readonly most: number;
};

/** One figure. Of each round there is one value, and one of the baseline. */
export interface Row {
  /** Name of the figure, in Spanish. */
  readonly title: string;
  readonly unit: string;
  readonly ours: readonly number[];
  /** Taken in the same rounds, in the same order; a fixed bound has one value for each round too. */
  readonly baseline?: readonly number[];
  /** Name of the baseline, in Spanish. */
  readonly against?: string;
  readonly target?: Target;
  /** Its place in a plot, if it has one. */
  readonly point?: { readonly plot: "loss" | "clients"; readonly x: number };
}

/** A row in numbers. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly baseline?: number;
  /** The median of the ratios of the rounds: what disturbs a whole round does not disturb it. */
  readonly ratio?: number;
  readonly isMet?: boolean;
}

/** Sums the rounds of a row up. */
export function summarize({ ours, baseline, target }: Row): Summary {
  const value = median(ours);
  const ratio = baseline && median(ours.map((one, i) => one / baseline[i]!));
  const judged = target?.of === "ratio" ? ratio : value;
  return {
    median: value,
    min: Math.min(...ours),
    max: Math.max(...ours),
    ...baseline && ratio !== undefined && { baseline: median(baseline), ratio },
    ...target && judged !== undefined && { isMet: meets(judged, target) },
  };
}

const HEADS = ["cifra", "unidad", "mediana", "mín.", "máx.", "frente a", "esta", "razón"];

/** Rows as a table in Markdown, which is also readable as it stands. */
export function toTable(rows: readonly Row[]): string {
  const heads = [...HEADS, "meta", "¿cumple?"];
  const lines = rows.map((row) => {
    const { median, min, max, baseline, ratio, isMet } = summarize(row);
    return [
      row.title,
      row.unit,
      ...[median, min, max].map(format),
      row.against ?? "",
      format(baseline),
      format(ratio),
      row.target ? describe(row.target) : "",
      isMet === undefined ? "" : isMet ? "sí" : "no",
    ];
  });
  return align([heads, ...lines], (column) => column < 2 || column === 5 || column > 7);
}

/** A table in Markdown, padded, from its heads and lines; columns of text stand at the left. */
export function align(
  [heads, ...lines]: readonly (readonly string[])[],
  isText: (column: number) => boolean,
): string {
  const widths = heads!.map((head, i) => Math.max(...[head, ...lines.map((l) => l[i]!)].map(size)));
  const toLine = (cells: readonly string[]) => {
    const padded = cells.map((cell, i) =>
      isText(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => "-".repeat(width - 1) + (isText(i) ? "-" : ":"));
  return [toLine(heads!), toLine(rule), ...lines.map(toLine)].join("\n");
}

/** The middle one of some numbers: at least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function meets(value: number, target: Target): boolean {
  return "least" in target ? value >= target.least : value <= target.most;
}

function describe(target: Target): string {
  const bound = "least" in target ? `≥ ${format(target.least)}` : `≤ ${format(target.most)}`;
  return target.of === "ratio" ? `${bound} ×` : bound;
}

/** A number in Spanish with the digits that matter; empty if there is none. */
export function format(value: number | undefined): string {
  if (value === undefined) return "";
  const digits = Math.abs(value) >= 1000 ? 0 : 3;
  return value.toLocaleString("es-ES", {
    useGrouping: "always",
    ...digits === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits },
  });
}

function size(text: string): number {
  return [...text].length;
}
