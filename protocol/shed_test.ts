import { assertEquals } from "@std/assert";
import { SHED_REPORT_INTERVAL_MS, ShedLog } from "./shed.ts";

Deno.test("shed: a report comes at once, the next after the interval, and none without need", () => {
  const log = new ShedLog();
  const due = (now: number) => log.takeDue(now)?.questions;
  assertEquals([log.nextTimeout, due(0)], [Infinity, undefined]);
  log.count("questions");
  assertEquals([due(5), due(5), log.nextTimeout], [1, undefined, Infinity]);
  log.count("questions");
  log.count("questions");
  assertEquals(log.nextTimeout, 5 + SHED_REPORT_INTERVAL_MS);
  assertEquals([due(log.nextTimeout - 1), due(log.nextTimeout)], [undefined, 2]);
  assertEquals(due(1_000_000), undefined);
});
