// The seal, step by step: on ext4 and XFS over loop devices, whose files are taken for such with DAX. What only the real medium can
// show is in tests/vm/seal_test.ts.
// machines: none, its file systems are its own, on loop devices; vm/seal_test.ts has the real ones

import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { clearStatic, DaxError, isStatic, open, setStatic } from "../mod.ts";
import { giveNotice, withdrawNotice } from "../src/static/notice.ts";
import { O, openFile, withFile } from "../src/system.ts";
import { difference, pattern } from "./helpers/bytes.ts";
import { root, runChild } from "./helpers/child.ts";
import { withNative } from "./helpers/native.ts";
import { disk, type Place, run } from "./helpers/places.ts";
import { loopDevice, pretendDax, unsealed } from "./helpers/sealing.ts";

const size = 100_000;

const fileSystems: Record<string, () => Place> = {
  "ext4": () => unsealed(loopDevice("mkfs.ext4", "-q", "-F", "-b", "4096")),
  "XFS": () => unsealed(loopDevice("mkfs.xfs", "-q", "-f", "-m", "reflink=0")),
};

/** Each thing that is done to a file: what it starts from, and the program. */
const operations = {
  "open creates": {
    before: "nothing",
    program: (path: string) => `open(${path}, { create: true, size: ${size}, static: true })`,
  },
  "open seals": { before: "ordinary", program: (path: string) => `open(${path}, { static: true })` },
  "open opens what is sealed": {
    before: "static",
    program: (path: string) => `open(${path}, { static: true })`,
  },
  "setStatic seals": { before: "ordinary", program: (path: string) => `setStatic(${path})` },
  "clearStatic clears": { before: "static", program: (path: string) => `clearStatic(${path})` },
};

/** The operation in a process of its own, which is killed before its nth step. */
function killed(path: string, program: (path: string) => string, step: number): boolean {
  const { status, signal, stderr } = runChild(`
    import { clearStatic, open, setStatic } from "@daxfile/daxfile";
    import { pretendDax } from ${JSON.stringify(`${root}tests/helpers/sealing.ts`)};
    pretendDax(${step});
    ${program(JSON.stringify(path))};`);
  assert(status === 0 || signal === "SIGKILL", stderr);
  return signal === "SIGKILL";
}

for (const [fileSystem, place] of Object.entries(fileSystems)) {
  for (const [name, { before, program }] of Object.entries(operations)) {
    test(`${fileSystem}: ${name}; killed before each step, it leaves a file that can be opened, sealed and cleared`, () => {
      using folder = place();
      using _ = pretendDax();
      const bytes = pattern(size);
      let steps = 0, once = true;
      for (; once; steps++) {
        const path = folder.path(`${name}.${steps}`);
        if (before !== "nothing") writeFileSync(path, bytes);
        if (before === "static") setStatic(path);
        once = killed(path, program, steps + 1);
        if (before === "nothing" && !existsSync(path)) continue;
        // Static or not, all of it is there, and everything can be done with it that could before
        const flags = run("lsattr", path).split(" ")[0]!, step = `${name}, step ${steps + 1}: ${flags}`;
        // Provisional, it has the other sign
        assertEquals(isStatic(path), flags.includes("i") && flags.includes("A"), step);
        if (!once) assertEquals(isStatic(path), name !== "clearStatic clears", step);
        {
          using file = open(path, { static: true });
          assertEquals([file.isStatic, isStatic(path)], [true, true], step);
          assertEquals(
            difference(file.view(Uint8Array), before === "nothing" ? new Uint8Array(size) : bytes),
            -1,
            step,
          );
        }
        clearStatic(path);
        assertEquals(isStatic(path), false, step);
        open(path).close();
        rmSync(path);
      }
      assert(steps > 2, `${name} has ${steps} steps`);
    });
  }
}

test("XFS with reflink is refused, with the reason and the remedy; and so are shared blocks", () => {
  using folder = unsealed(loopDevice("mkfs.xfs", "-q", "-f", "-m", "reflink=1"));
  using _ = pretendDax();
  const path = folder.path(), fresh = folder.path("new");
  writeFileSync(path, pattern(size));
  const attempts = [
    () => setStatic(path),
    () => open(path, { static: true }),
    () => open(fresh, { create: true, size, static: true }),
  ];
  for (const attempt of attempts) {
    const error = assertThrows(attempt, DaxError, "reflink");
    assertEquals(error.code, "ENOTSUP");
    assert(error.hint?.includes("mkfs.xfs -m reflink=0"));
  }
  assertEquals(existsSync(fresh), false);
  {
    using file = open(path, { static: "prefer" });
    assertEquals(file.isStatic, false);
  }
  run("cp", "--reflink=always", path, `${path}.copy`);
  const error = assertThrows(() => setStatic(path), DaxError, "are shared with another file");
  assertEquals(error.code, "EINVAL");
});

test("XFS: who has the file open already could change its blocks, so it is not sealed", () => {
  using folder = fileSystems["XFS"]!();
  using _ = pretendDax();
  const path = folder.path();
  writeFileSync(path, pattern(size));
  const file = openSync(path, "r");
  const error = assertThrows(() => setStatic(path), DaxError, "another opener");
  closeSync(file);
  assertEquals(error.code, "ENOTSUP");
  assertEquals(run("lsattr", path).split(" ")[0]!.replaceAll("-", ""), "");
  setStatic(path);
});

test("XFS: a seal that may still be taken back is not called static, and is sealed, cleared and opened; flags from before are kept", () => {
  using folder = fileSystems["XFS"]!();
  using _ = pretendDax();
  const flagsOf = (path: string) => run("lsattr", path).split(" ")[0]!.replaceAll("-", "");
  const before: Record<string, { sign: string; seal: string }> = {
    "": { sign: "id", seal: "iA" },
    "A": { sign: "idA", seal: "i" },
    "d": { sign: "i", seal: "idA" },
    "dA": { sign: "iA", seal: "id" },
  };
  const recoveries = {
    seals: (path: string) => setStatic(path),
    opens: (path: string) => open(path, { static: true }).close(),
    clears: (path: string) => clearStatic(path),
  };
  for (const [had, { sign, seal }] of Object.entries(before)) {
    for (const [name, recover] of Object.entries(recoveries)) {
      const path = folder.path(`${had}.${name}`), words = `${name}, with the flags "${had}"`;
      writeFileSync(path, pattern(size));
      if (had !== "") run("chattr", `+${had}`, path);
      // After the marker and the flag
      assertEquals(killed(path, (path) => `setStatic(${path})`, 3), true, words);
      assertEquals([flagsOf(path), isStatic(path)], [sign, false], words);
      const file = openSync(path, "r");
      const error = assertThrows(() => recover(path), DaxError, "another opener");
      closeSync(file);
      assertEquals([error.code, flagsOf(path)], ["EBUSY", sign], words);
      recover(path);
      const is = name !== "clears";
      assertEquals([flagsOf(path), isStatic(path)], [is ? seal : had, is], words);
      clearStatic(path);
      assertEquals(flagsOf(path), had, words);
    }
  }
});

test("a marker that was left behind and an administrator's own flag are no seal, whatever flags there were", () => {
  for (const makePlace of Object.values(fileSystems)) {
    using folder = makePlace();
    using _ = pretendDax();
    for (const had of ["", "A", "d", "dA"]) {
      const path = folder.path(`left.${had}`);
      writeFileSync(path, pattern(size));
      if (had !== "") run("chattr", `+${had}`, path);
      // After the marker
      assertEquals(killed(path, (path) => `setStatic(${path})`, 2), true);
      run("chattr", "+i", path);
      assertEquals(isStatic(path), false);
      for (const attempt of [() => setStatic(path), () => clearStatic(path)]) {
        assertEquals(assertThrows(attempt, DaxError, "daxfile did not make it so").code, "EPERM");
      }
      run("chattr", "-i", path);
    }
  }
});

test("a file without DAX is refused, and nothing of it changed", () => {
  using place = disk();
  const path = place.path();
  writeFileSync(path, pattern(size));
  const error = assertThrows(() => setStatic(path), DaxError, "DAX");
  assertEquals(error.code, "EINVAL");
  writeFileSync(path, "still ordinary");
});

for (const [fileSystem, makePlace] of Object.entries(fileSystems)) {
  test(`${fileSystem}: while notice is given that a seal goes nobody is told static; a lock over the whole file gives none`, () => {
    using place = makePlace();
    using _ = pretendDax();
    const path = place.path();
    writeFileSync(path, pattern(size));
    setStatic(path);
    const ask = 3;
    const answered = (answer: number) =>
      withNative(
        (real) => ({
          daxfile1_notice: (file, operation) =>
            operation === ask ? answer : real.daxfile1_notice(file!, operation!),
        }),
        () => isStatic(path),
      );
    // 2 is the answer where another lock hides what is looked for, which /proc/locks shows
    const told = () => [isStatic(path), answered(2), answered(-22)];
    assertEquals(told(), [true, true, true]);
    withFile(openFile(path, O.readOnly), (file) => {
      assertEquals(giveNotice(file), 0);
      assertEquals(told(), [false, false, false]);
      withdrawNotice(file);
      assertEquals(told(), [true, true, true]);
      giveNotice(file);
    });
    // It goes with its holder
    assertEquals(told(), [true, true, true]);
    withNative(() => ({ daxfile1_notice: () => -37 /* ENOLCK */ }), () => {
      assertThrows(() => clearStatic(path), DaxError, "nobody can be told");
    });
    assertEquals(told(), [true, true, true]);
  });
}
