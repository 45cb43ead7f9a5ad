// An adversary at work between any two steps of sealing a file and of opening a sealed one, on ext4 and XFS over loop devices: whatever
// it changes, a file is called static only if its map is the one that was proven, and stays so. Races of two processes are rows of
// kernel/conformance/rows.table.
// machines: none, its file systems are its own, on loop devices; vm/seal_test.ts has the real ones

import { assert, assertEquals } from "@std/assert";
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { test } from "node:test";
import { library } from "../../ffi/library.ts";
import { clearStatic, type DaxFile, isStatic, open, setStatic } from "../../mod.ts";
import { DaxError } from "../../src/errors.ts";
import { difference, pattern } from "../helpers/bytes.ts";
import { type Place, run } from "../helpers/places.ts";
import { beforeEachCall, extentsOf, loopDevice, pretendDax, unsealed } from "../helpers/sealing.ts";

const size = 16 * 4096, page = 4096;

const fileSystems: Record<string, () => Place> = {
  "ext4": () => unsealed(loopDevice("mkfs.ext4", "-q", "-F", "-b", "4096")),
  "XFS": () => unsealed(loopDevice("mkfs.xfs", "-q", "-f", "-m", "reflink=0")),
};

/** What is done to a file: which one it starts from, and whether it must say that the blocks of a static file were moved. */
const operations: Record<string, { sealed: boolean; act: (path: string) => DaxFile | undefined }> = {
  "setStatic": { sealed: false, act: (path) => void setStatic(path) as undefined },
  "open seals": { sealed: false, act: (path) => open(path, { static: true }) },
  "open opens what is sealed": { sealed: true, act: (path) => open(path, { static: true }) },
};

/** Opens a file to write as another process would; undefined where the kernel says no. Waits for nobody. */
function opened(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** Does something through a descriptor; whether the kernel let it. */
function done(body: () => void): boolean {
  try {
    body();
    return true;
  } catch {
    return false;
  }
}

/** FALLOC_FL_COLLAPSE_RANGE: those behind it move forward. */
function takeOut(file: number): void {
  assertEquals(library().native.daxfile1_collapse(file, 3 * page, page), 0);
}

/** What the adversary does through a descriptor of its own; `keeps`: which it has open to the end, to do it once more. */
const attacks: Record<string, { keeps: boolean; change: (file: number) => void }> = {
  "cuts it": { keeps: false, change: (file) => ftruncateSync(file, size - page) },
  "writes past its end": {
    keeps: false,
    change: (file) => void writeSync(file, new Uint8Array(page), 0, page, size),
  },
  "takes a block out": { keeps: false, change: takeOut },
  "moves a block": { keeps: false, change: moveBlock },
  "moves a block and keeps the file open": { keeps: true, change: moveBlock },
};

/** The length is the same, and so are all flags. */
function moveBlock(file: number): void {
  takeOut(file);
  writeSync(file, new Uint8Array(page).fill(9), 0, page, size - page);
}

for (const [fileSystem, makePlace] of Object.entries(fileSystems)) {
  for (const [name, { sealed, act }] of Object.entries(operations)) {
    test(`${fileSystem}: ${name}; what an adversary does before any of its steps is refused, or seen`, () => {
      using place = makePlace();
      using _ = pretendDax();
      const bytes = pattern(size), path = place.path();
      const seen = new Map<string, number>();
      for (const [attack, { keeps, change }] of Object.entries(attacks)) {
        for (let step = 1, over = false; !over; step++) {
          const words = `${attack}, before step ${step}`;
          writeFileSync(path, bytes);
          if (sealed) setStatic(path);
          const proven = extentsOf(path);
          let file: number | undefined, changes = false, refused = "";
          let result: DaxFile | undefined;
          // Also when the test fails, or the file system could not be unmounted
          using files = new DisposableStack();
          over = true;
          {
            using _ = beforeEachCall((call) => {
              if (call !== step) return;
              over = false;
              file = opened(path);
              if (file === undefined) return;
              changes = done(() => change(file!));
              if (keeps) files.adopt(file, closeSync);
              else closeSync(file);
            });
            try {
              result = act(path);
              if (result !== undefined) files.use(result);
            } catch (error) {
              if (!(error instanceof DaxError)) throw error;
              refused = error.code;
            }
          }
          if (refused === "") {
            // Static: proven as it is now, and whoever was there before can change nothing any more
            const map = extentsOf(path);
            if (sealed) assertEquals(map, proven, words);
            assertEquals(isStatic(path), true, words);
            if (file !== undefined && keeps) done(() => change(file!));
            assertEquals(extentsOf(path), map, words);
            assertEquals(isStatic(path), true, words);
            if (sealed) assertEquals(difference(readFileSync(path), bytes), -1, words);
            if (result !== undefined) assertEquals(result.size, statSync(path).size, words);
          }
          seen.set(refused || "static", (seen.get(refused || "static") ?? 0) + 1);
          if (changes) seen.set("changed", (seen.get("changed") ?? 0) + 1);
          files.dispose();
          clearStatic(path);
        }
      }
      // Both must have come about, or nothing was tried
      assert((seen.get("static") ?? 0) > 0 && (seen.get("changed") ?? 0) > 0, JSON.stringify([...seen]));
    });
  }
}

for (const [fileSystem, makePlace] of Object.entries(fileSystems)) {
  for (const [name, { sealed, act }] of Object.entries(operations)) {
    test(`${fileSystem}: ${name}; whoever is told at any of its steps that the file is static is right for as long as he has it open`, () => {
      using place = makePlace();
      using _ = pretendDax();
      const path = place.path();
      const seen = new Map<string, number>();
      for (let first = 1, over = false; !over; first++) {
        writeFileSync(path, pattern(size));
        if (sealed) setStatic(path);
        let told: number | undefined, outcome = "done";
        using files = new DisposableStack();
        over = true;
        {
          using _ = beforeEachCall((call) => {
            if (call === first) over = false;
            // Turned away while the lease is held, he comes again, as one who waits in open() does
            if (call < first || told !== undefined) return;
            const file = openedToRead(path);
            if (file === undefined) return;
            files.adopt(file, closeSync);
            if (isStatic(path)) told = call;
          });
          try {
            const result = act(path);
            if (result !== undefined) files.use(result);
          } catch (error) {
            if (!(error instanceof DaxError)) throw error;
            outcome = "refused";
          }
        }
        if (told !== undefined) {
          assertEquals(isStatic(path), true, `from step ${first} on; told at step ${told}; ${outcome}`);
        }
        const words = `${outcome}, ${told === undefined ? "not told" : "told"}`;
        seen.set(words, (seen.get(words) ?? 0) + 1);
        files.dispose();
        clearStatic(path);
      }
      // One must have been told, or nothing was tried; on XFS and of what is sealed nobody else may have the file open
      const counts = JSON.stringify([...seen]);
      assert([...seen.keys()].some((words) => words.endsWith(", told")), counts);
      if (fileSystem === "XFS" || sealed) {
        assert([...seen.keys()].some((words) => words.startsWith("refused")), counts);
      }
    });
  }
}

for (const [fileSystem, makePlace] of Object.entries(fileSystems)) {
  test(`${fileSystem}: setStatic; where another clears the file before any of its steps, it is static or that is refused`, () => {
    using place = makePlace();
    using _ = pretendDax();
    const path = place.path();
    const seen = new Map<string, number>();
    for (let step = 1, over = false; !over; step++) {
      writeFileSync(path, pattern(size));
      let outcome = "static", cleared = false;
      over = true;
      {
        using _ = beforeEachCall((call) => {
          if (call !== step) return;
          over = false;
          cleared = done(() => clearStatic(path));
        });
        try {
          setStatic(path);
        } catch (error) {
          if (!(error instanceof DaxError)) throw error;
          outcome = "refused";
        }
      }
      assertEquals(isStatic(path), outcome === "static", `before step ${step}: ${outcome}`);
      if (cleared) seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      clearStatic(path);
      assertEquals(run("lsattr", path).split(" ")[0]!.replaceAll(/[-e]/g, ""), "", `before step ${step}`);
    }
    assert((seen.get("static") ?? 0) > 0, JSON.stringify([...seen]));
  });
}

for (const [fileSystem, makePlace] of Object.entries(fileSystems)) {
  test(`${fileSystem}: clearStatic; who looks in before any of its steps, or is turned away there, does not stop it`, () => {
    using place = makePlace();
    using _ = pretendDax();
    const path = place.path();
    let away = 0;
    for (let step = 1, over = false; !over; step++) {
      writeFileSync(path, pattern(size));
      setStatic(path);
      over = true;
      {
        using _ = beforeEachCall((call) => {
          if (call !== step) return;
          over = false;
          const file = openedToRead(path);
          if (file === undefined) away++;
          else closeSync(file);
        });
        clearStatic(path);
      }
      assertEquals(isStatic(path), false, `before step ${step}`);
    }
    assert(away > 0);
  });
}

/** Opens a file to read it as another process would; undefined where the kernel says no. Waits for nobody. */
function openedToRead(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}
