import { assertEquals, assertThrows } from "@std/assert";
import { PERFECT } from "./network.ts";
import { Arguments, UsageError } from "../program/arguments.ts";
import {
  describeImpairment,
  type Impairment,
  IMPAIRMENT_OPTIONS,
  isDropped,
  readImpairment,
} from "./impairment.ts";

const DRAWN = 77;

function read(...typed: string[]): Impairment {
  const args = new Arguments(typed, { values: IMPAIRMENT_OPTIONS, flags: [], words: 0 });
  return readImpairment(args, { seed: DRAWN });
}

Deno.test("impairment: none unless it is asked for", () => {
  assertEquals(read(), { conditions: PERFECT, dropped: [], seed: DRAWN });
  assertEquals(describeImpairment(read()), undefined);
  assertEquals(describeImpairment(read("--semilla=3", "--perdida=0%", "--retraso=0")), undefined);
});

for (
  const { typed, conditions = {}, dropped = [], seed = DRAWN, told } of [
    {
      typed: ["--perdida", "25%"],
      conditions: { loss: 0.25 },
      told: "pierde el 25 % de los datagramas; semilla 77",
    },
    {
      typed: ["--perdida=25 %"],
      conditions: { loss: 0.25 },
      told: "pierde el 25 % de los datagramas; semilla 77",
    },
    {
      typed: ["--perdida=12.5%"],
      conditions: { loss: 0.125 },
      told: "pierde el 12,5 % de los datagramas; semilla 77",
    },
    {
      typed: ["--perdida=0,1%"],
      conditions: { loss: 0.001 },
      told: "pierde el 0,1 % de los datagramas; semilla 77",
    },
    {
      typed: ["--perdida=100%"],
      conditions: { loss: 1 },
      told: "pierde el 100 % de los datagramas; semilla 77",
    },
    {
      typed: ["--perdida=2"],
      dropped: [[2, 2]],
      told: "pierde el datagrama 2 (¿o quiso decir --perdida 2%?)",
    },
    {
      typed: ["--perdida=2,4-6,4"],
      dropped: [[2, 2], [4, 6], [4, 4]],
      told: "pierde los datagramas 2, 4-6 y 4",
    },
    { typed: ["--perdida=3-4"], dropped: [[3, 4]], told: "pierde los datagramas 3-4" },
    { typed: ["--retraso=40"], conditions: { delay: 40 }, told: "retrasa 40 ms" },
    {
      typed: ["--retraso=40", "--fluctuacion=20", "--semilla=5"],
      conditions: { delay: 40, jitter: 20 },
      seed: 5,
      told: "retrasa de 40 a 60 ms; semilla 5",
    },
    {
      typed: ["--duplicar=10%", "--desordenar=5%", "--semilla=0"],
      conditions: { duplication: 0.1, reordering: 0.05 },
      seed: 0,
      told: "duplica el 10 % de los datagramas, desordena el 5 %; semilla 0",
    },
  ] as const
) {
  Deno.test(`impairment: ${typed.join(" ")}`, () => {
    const impairment = read(...typed);
    assertEquals(impairment, {
      conditions: { ...PERFECT, ...conditions },
      dropped: [...dropped],
      seed,
    });
    assertEquals(describeImpairment(impairment), `Red degradada a propósito: ${told}`);
  });
}

for (
  const typed of [
    ...["0.25", "25%%", "%", "x", "0", "2,", "2;4", "6-4", "0-3", "2-", "-3", "1e3", "+2", "2, 4"],
    ...["101%", "1000%", "12,3456%", "1e1%", "-1%", "25  %", "NaN%", "9999999999", "٣%", ""],
  ]
) {
  Deno.test(`impairment: --perdida "${typed}" is refused`, () => {
    assertThrows(() => read(`--perdida=${typed}`), UsageError, "--perdida");
  });
}

for (
  const typed of [
    ...[
      "--duplicar=3",
      "--duplicar=2,4-6",
      "--desordenar=200%",
      "--retraso=10001",
      "--retraso=1,5",
    ],
    ...[
      "--fluctuacion=x",
      "--fluctuacion=-1",
      "--semilla=1000000000",
      "--semilla=1.5",
      "--semilla=",
    ],
  ]
) {
  const [name] = typed.split("=");
  Deno.test(`impairment: ${typed} is refused`, () => {
    assertThrows(() => read(typed), UsageError, name!);
    assertThrows(() => read(typed, typed), UsageError, name!);
  });
}

Deno.test("impairment: other values may hold where an option is not given", () => {
  const defaults = { seed: 1, loss: "25%", delay: 40, jitter: 20 };
  const read = (...typed: string[]) => {
    const args = new Arguments(typed, { values: IMPAIRMENT_OPTIONS, flags: [], words: 0 });
    return readImpairment(args, defaults);
  };
  const conditions = { ...PERFECT, loss: 0.25, delay: 40, jitter: 20 };
  assertEquals(read(), { conditions, dropped: [], seed: 1 });
  assertEquals(read("--retraso=0", "--fluctuacion=0", "--perdida=3", "--semilla=2"), {
    conditions: PERFECT,
    dropped: [[3, 3]],
    seed: 2,
  });
});

Deno.test("impairment: a listed datagram is dropped, and no other", () => {
  const impairment = read("--perdida=2,4-6");
  const dropped = [0, 1, 2, 3, 4, 5, 6, 7, 24].filter((order) => isDropped(impairment, order));
  assertEquals(dropped, [2, 4, 5, 6]);
});
