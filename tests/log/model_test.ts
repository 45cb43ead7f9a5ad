// A log beside an array: whatever is done to both, they hold the same.
// machines: none, it is about the bytes of a file, wherever that lies; log_test.ts is about the medium

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { DaxError, type Granularity, open, type Region } from "../../mod.ts";
import { openLog } from "../../src/log/mod.ts";
import { memory } from "../helpers/places.ts";
import { bytesOf } from "./subject.ts";

/** A log and an array beside it, driven by random operations. */
function agrees(granularity: Granularity, commands: readonly (readonly [string, number[]])[]): void {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 + 3000, forceGranularity: granularity });
  let log = openLog(file as Region, { create: true }), base = 0, model: Uint8Array[] = [], used = 0;
  for (const [name, sizes] of commands) {
    const records = sizes.map((size, index) => new Uint8Array(bytesOf(size, size + index)));
    const needed = records.reduce((sum, { length }) => sum + 16 + Math.ceil(length / 8) * 8, 0);
    const next = base + model.length;
    if (name === "appendAll" || name === "append") {
      const call = () =>
        name === "append" ? log.append(records[0] ?? new Uint8Array(0)) : log.appendAll(records);
      const list = name === "append" ? [records[0] ?? new Uint8Array(0)] : records;
      const bytes = name === "append" ? 16 + Math.ceil(list[0]!.length / 8) * 8 : needed;
      if (used + bytes > 3000) {
        assertEquals(assertThrows(call, DaxError).code, "ENOSPC");
        continue;
      }
      assertEquals(call(), next);
      model.push(...list);
      used += bytes;
    } else if (name === "clear") {
      log.clear();
      [base, model, used] = [next, [], 0];
    } else {
      if (name === "reopen") log.close();
      log = openLog(file as Region);
    }
    assertEquals(log.length, model.length);
    assertEquals(log.freeBytes, Math.max(0, 3000 - used - 16));
    assertEquals([...log], model.map((bytes, index) => ({ sequence: base + index, bytes })));
    assertEquals([...openLog(file as Region, { readOnly: true })].length, model.length);
  }
}

for (const granularity of ["byte", "cache-line", "page"] as const) {
  test(`a log does what an array does, ${granularity}`, { timeout: 60_000 }, () => {
    const command = fc.tuple(
      fc.constantFrom("append", "append", "appendAll", "clear", "reopen", "abandon"),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => agrees(granularity, commands)),
      { numRuns: 60 },
    );
  });
}
