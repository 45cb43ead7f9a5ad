// machines: ext4 xfs
/**
 * A program that is stopped while it takes a seal off or sets it again, for longer than the kernel grants its lease
 * (`fs.lease-break-time`): whoever opens the file meanwhile, and is told that it is static, is right for as long as he has it open.
 *
 * The opener is the program itself, which so stays before one of its own calls until the lease is gone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { clearStatic, DaxError, type DaxFile, isStatic, open, setStatic } from "../../mod.ts";
import { O, openFile, statFile, withFile } from "../../src/system.ts";
import { medium } from "../helpers/places.ts";
import { beforeEachCall, unsealed } from "../helpers/sealing.ts";

const leaseBreakTime = "/proc/sys/fs/lease-break-time";

/** What changes a file or asks who has it. Stopped before another call, the program is as one stopped before the next of these. */
const steps = ["daxfile1_inode", "daxfile1_lease", "daxfile1_notice", "daxfile1_set_attribute"];

const operations: Record<string, (path: string) => DaxFile | undefined> = {
  "clearStatic": (path) => void clearStatic(path) as undefined,
  "open": (path) => open(path, { static: true }),
};

/** Leases end after a second, until the block does. */
function shortLeases(): Disposable {
  const before = readFileSync(leaseBreakTime, "utf8");
  writeFileSync(leaseBreakTime, "1");
  return { [Symbol.dispose]: () => writeFileSync(leaseBreakTime, before) };
}

/** Whether it has the immutable flag, without an open that would end a lease. */
function isImmutable(path: string): boolean {
  return withFile(openFile(path, O.path), (file) => {
    const stat = statFile(file);
    return typeof stat !== "number" && stat.immutable === true;
  });
}

for (const [name, act] of Object.entries(operations)) {
  test(`${name}; whoever came in while it was stopped, and is told that the file is static, is right`, () => {
    using place = unsealed(medium());
    using _ = shortLeases();
    const path = place.path();
    writeFileSync(path, new Uint8Array(65536));
    const seen = new Map<string, number>();
    for (let step = 1, over = false; !over; step++) {
      setStatic(path);
      let told = false, count = 0, outcome = "done";
      const uncovered: string[] = [];
      using files = new DisposableStack();
      over = true;
      {
        using _ = beforeEachCall((_, call) => {
          if (told && !isImmutable(path)) uncovered.push(call);
          if (!steps.includes(call) || ++count !== step) return;
          over = false;
          // Who comes when the flag is off is not told
          if (!isImmutable(path)) return;
          files.adopt(openSync(path, "r"), closeSync);
          told = isStatic(path);
        });
        try {
          const result = act(path);
          if (result !== undefined) files.use(result);
        } catch (error) {
          if (!(error instanceof DaxError)) throw error;
          outcome = error.code;
        }
      }
      const words = `${told ? "told" : "not told"}, ${outcome}, without the flag before: ${uncovered}`;
      if (told) assertEquals(isStatic(path), true, `step ${step}: ${words}`);
      seen.set(words, (seen.get(words) ?? 0) + 1);
    }
    const counts = JSON.stringify([...seen]);
    for (const words of seen.keys()) {
      assert(words.startsWith("not told") || words.endsWith("before: "), counts);
    }
    // Both must have come about: he who was told stops it, and he who came too late for that was not told
    assert(seen.has("told, EBUSY, without the flag before: "), counts);
    assert([...seen.keys()].some((words) => words.startsWith("not told")), counts);
  });
}
