import { assertEquals } from "@std/assert";
import { median, type Row, summarize, toTable } from "./row.ts";

Deno.test("the median of an even number of values lies between the middle two", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 6]), 5.5);
  assertEquals(median([10, 9, 100]), 10);
});

Deno.test("a ratio is that of the rounds, which one disturbed round does not move", () => {
  const row: Row = { title: "", unit: "", ours: [90, 9, 40], baseline: [100, 10, 90] };
  assertEquals(summarize(row), { median: 40, min: 9, max: 90, baseline: 90, ratio: 0.9 });
});

for (
  const { target, isMet } of [
    { target: { of: "ratio", least: 0.9 }, isMet: true },
    { target: { of: "ratio", least: 0.91 }, isMet: false },
    { target: { of: "ratio", most: 0.9 }, isMet: true },
    { target: { of: "ratio", most: 0.89 }, isMet: false },
    { target: { of: "value", most: 45 }, isMet: true },
    { target: { of: "value", most: 44 }, isMet: false },
    { target: { of: "value", least: 46 }, isMet: false },
  ] as const
) {
  const name = `${Object.entries(target).join(" ")} is ${isMet ? "" : "not "}met by 45 of 50`;
  Deno.test(`a target: ${name}`, () => {
    const row: Row = { title: "", unit: "", ours: [45], baseline: [50], target };
    assertEquals(summarize(row).isMet, isMet);
  });
}

Deno.test("the table has a line for each row, with what is not there left empty", () => {
  const rows: Row[] = [
    {
      title: "ñ",
      unit: "turnos/s",
      ours: [40_000, 41_234.5],
      baseline: [50_000, 50_000],
      against: "eco",
      target: { of: "ratio", least: 0.9 },
    },
    { title: "memoria", unit: "B", ours: [0.1234] },
  ];
  const cells = toTable(rows).split("\n").map((line) => line.split("|").map((it) => it.trim()));
  assertEquals(cells.slice(2), [
    [
      "",
      "ñ",
      "turnos/s",
      "40.617",
      "40.000",
      "41.235",
      "eco",
      "50.000",
      "0,812",
      "≥ 0,9 ×",
      "no",
      "",
    ],
    ["", "memoria", "B", "0,123", "0,123", "0,123", "", "", "", "", "", ""],
  ]);
  assertEquals(new Set(toTable(rows).split("\n").map((line) => [...line].length)).size, 1);
});
