// The lock: one writer by default, between processes and within one, gone with the process that held it.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { DaxError, open } from "../mod.ts";
import { makeFile } from "./helpers/bytes.ts";
import { here, startChild, there } from "./helpers/child.ts";
import { descriptors, mappings, medium } from "./helpers/places.ts";

const kinds = ["exclusive", "shared", "none"] as const;

/** Whether the second may open what the first has open. */
const together = (first: string, second: string) =>
  first === "none" || second === "none" || (first === "shared" && second === "shared");

function checkBusy(path: string, options: Parameters<typeof open>[1]): void {
  const before = descriptors(path);
  const error = assertThrows(() => open(path, options), DaxError, path);
  assertEquals([error.code, error.path, error.operation], ["EBUSY", path, "open"]);
  assert(error.hint?.includes('lock: "none"'));
  assertEquals(descriptors(path), before);
}

for (const first of kinds) {
  for (const second of kinds) {
    test(`within a process: ${first}, then ${second} is ${together(first, second) ? "fine" : "EBUSY"}`, () => {
      using place = medium();
      const path = makeFile(place.path(), 4096);
      {
        using _file = open(path, { lock: first });
        if (together(first, second)) open(path, { lock: second }).close();
        else checkBusy(path, { lock: second });
      }
      open(path, { lock: second }).close();
      assertEquals(mappings(place.directory), []);
    });
  }
}

/** Opens the file with each kind in turn, as lines ask for, and holds it until the next. */
const holder = (path: string) => `
  import { open } from "@daxfile/daxfile";
  import { createInterface } from "node:readline";
  console.log("ready");
  let file;
  for await (const lock of createInterface({ input: process.stdin })) {
    file?.close();
    try {
      file = open(${JSON.stringify(path)}, { lock });
      console.log("open");
    } catch (error) {
      file = undefined;
      console.log(error.code);
    }
  }
`;

for (const runtime of [here, there]) {
  test(`between processes, the other in ${runtime}: as within one, and free after SIGKILL`, async () => {
    using place = medium();
    const path = makeFile(place.path(), 4096);
    await using child = startChild(holder(path), { runtime });
    assertEquals(await child.line(), "ready");
    for (const theirs of kinds) {
      child.send(theirs);
      assertEquals(await child.line(), "open");
      for (const ours of kinds) {
        if (together(theirs, ours)) open(path, { lock: ours }).close();
        else checkBusy(path, { lock: ours });
      }
    }
    for (const ours of kinds) {
      using _file = open(path, { lock: ours });
      for (const theirs of kinds) {
        child.send(theirs);
        assertEquals(await child.line(), together(ours, theirs) ? "open" : "EBUSY", `${ours}, ${theirs}`);
        child.send("none");
        assertEquals(await child.line(), "open");
      }
    }
    child.send("exclusive");
    assertEquals(await child.line(), "open");
    checkBusy(path, {});
    child.kill();
    assertEquals((await child.ended).signal, "SIGKILL");
    open(path).close();
  });
}

test("by default a writer is alone, and readers are together", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  {
    using _writer = open(path);
    checkBusy(path, {});
    checkBusy(path, { readOnly: true });
    checkBusy(path, { create: true, size: 4096 });
  }
  using _one = open(path, { readOnly: true });
  using _other = open(path, { readOnly: true });
  checkBusy(path, {});
});

test("a file that is made is locked from its first moment", () => {
  using place = medium();
  using _file = open(place.path(), { create: true, size: 4096 });
  checkBusy(place.path(), {});
  using _shared = open(place.path("shared"), { create: true, size: 4096, lock: "shared" });
  open(place.path("shared"), { lock: "shared" }).close();
  checkBusy(place.path("shared"), { lock: "exclusive" });
});
