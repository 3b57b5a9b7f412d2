import { assertEquals, assertThrows } from "@std/assert";
import { checkDuration, checkInteger, checkPort } from "./options.ts";

Deno.test("options: an integer within its bounds, both included", () => {
  for (const value of [3, 4, 5]) assertEquals(checkInteger("n", value, 3, 5), value);
});

for (const value of [2, 6, 3.5, NaN, Infinity, -Infinity]) {
  Deno.test(`options: ${value} is refused where 3 to 5 are expected`, () => {
    assertThrows(
      () => checkInteger("maxSessions", value, 3, 5),
      RangeError,
      `Invalid option, expected an integer from 3 to 5: maxSessions "${value}"`,
    );
  });
}

Deno.test("options: a string that looks like a number is refused", () => {
  assertThrows(() => checkPort("12000" as unknown as number, 1), RangeError, 'port "12000"');
});

Deno.test("options: ports from 0 where any free one will do", () => {
  for (const port of [0, 1, 65_535]) assertEquals(checkPort(port, 0), port);
  for (const port of [-1, 65_536, 70_000]) {
    assertThrows(() => checkPort(port, 0), RangeError, `from 0 to 65535: port "${port}"`);
  }
});

Deno.test("options: ports from 1 where one must be named", () => {
  for (const port of [1, 65_535]) assertEquals(checkPort(port, 1), port);
  assertThrows(() => checkPort(0, 1), RangeError, 'from 1 to 65535: port "0"');
});

Deno.test("options: a time from one second to one day", () => {
  for (const time of [1_000, 75_000, 86_400_000]) assertEquals(checkDuration("t", time), time);
  for (const time of [999, 86_400_001, 0, 1_000.5]) {
    assertThrows(() => checkDuration("idleTimeout", time), RangeError, `idleTimeout "${time}"`);
  }
});
