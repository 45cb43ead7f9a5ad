// Every bit of a small log flipped, one at a time, and the file cut off at every length: what was written, an error that names the
// place, or what a crash could have left; never anything else.

import { assert, assertEquals } from "@std/assert";
import { copyFileSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CorruptionError, DaxError, type DaxFile, open } from "../../mod.ts";
import { openLog } from "../../src/log/mod.ts";
import { memory } from "../helpers/places.ts";
import { bytesOf } from "./subject.ts";

const size = 4096 + 320;
const timeout = 120_000;

const endings = ["closed", "not closed", "cleared", "cleared and closed", "begun"] as const;

/** Records of earlier generations lie behind and under these. */
function fill(path: string, ending: typeof endings[number]): string[] {
  const file = open(path, { create: true, size });
  const log = openLog(file, { create: true });
  for (let i = 0; i < 4; i++) log.append(new Uint8Array(bytesOf(40, i)));
  log.clear();
  const list = [bytesOf(3, 1), bytesOf(0, 0), bytesOf(20, 2), bytesOf(9, 3), bytesOf(5, 4)]
    .map((bytes) => new Uint8Array(bytes));
  log.append(list[0]!);
  log.appendAll(list.slice(1, 3));
  log.appendAll(list.slice(3));
  if (ending.startsWith("cleared")) log.clear();
  if (ending !== "not closed" && ending !== "cleared") log.close();
  // A session of one record
  if (ending === "begun") openLog(file).append(new Uint8Array(bytesOf(2, 5)));
  const found = [...openLog(file, { readOnly: true })].map(({ bytes }) => String(bytes));
  const expected = ending.startsWith("cleared") ? [] : found;
  file.close();
  return expected;
}

/** What reading gives: the records, or the error; whatever is neither is thrown. */
function read(file: DaxFile): string[] | CorruptionError {
  try {
    return [...openLog(file, { readOnly: true })].map(({ bytes }) => String(bytes));
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
}

for (const ending of endings) {
  const batch = { "not closed": 2, begun: 1 }[ending as string] ?? 0;

  test(`every bit of a log that was ${ending}`, { timeout }, () => {
    using place = memory();
    const expected = fill(place.path("log"), ending);
    assertEquals(expected.length, ending === "begun" ? 6 : ending.startsWith("cleared") ? 0 : 5);
    using file = open(place.path("log"));
    const bytes = file.view(Uint8Array);
    const counts = { right: 0, damage: 0, less: 0 };
    for (let bit = 0; bit < 8 * size; bit++) {
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      const found = read(file);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      if (found instanceof CorruptionError) {
        counts.damage++;
        // Named within the frame that was hit; the header's and a record's frame begin before the flipped bit
        assert(
          found.byteOffset! <= bit >>> 3 && found.byteOffset! > (bit >>> 3) - 64,
          `bit ${bit}: ${found.message}`,
        );
      } else if (String(found) === String(expected)) counts.right++;
      else {
        counts.less++;
        const shortest = expected.length - batch;
        assert(
          found.length >= shortest && found.length < expected.length,
          `bit ${bit}: ${found.length} records`,
        );
        assertEquals(found, expected.slice(0, found.length), `bit ${bit}`);
      }
    }
    assert(counts.damage > (8 + 48) * 8 * 0.9, JSON.stringify(counts));
    assertEquals(counts.less > 0, batch > 0);
  });
}

/** Bits of a file that are tried where each is opened to write: one of each byte, another one in the next. */
const oneOfEach = (byte: number) => 8 * byte + byte % 8;

for (const ending of endings) {
  test(
    `a flipped bit of a log that was ${ending}, which is then appended to and opened again`,
    { timeout },
    () => {
      using place = memory();
      const expected = fill(place.path("log"), ending);
      using file = open(place.path("log"));
      const bytes = file.view(Uint8Array), before = bytes.slice(), added = new Uint8Array(bytesOf(9, 8));
      let appended = 0, refused = 0;
      for (let bit = 0; bit < 8 * size; bit = oneOfEach((bit >>> 3) + 1)) {
        bytes.set(before);
        bytes[bit >>> 3]! ^= 1 << (bit & 7);
        const found = read(file);
        try {
          openLog(file).append(added);
          appended++;
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          refused++;
          // What could be read could be written to, but for damage that only a writer meets
          assert(found instanceof CorruptionError, `bit ${bit}: ${error.message}`);
          continue;
        }
        const after = read(file);
        // Damage to what an opening does not read again is found by who reads it, and hides nothing else
        if (found instanceof CorruptionError) {
          assert(after instanceof CorruptionError, `bit ${bit}: ${after}`);
          assertEquals(after.byteOffset, found.byteOffset);
        } else assertEquals(after, [...found, String(added)], `bit ${bit}`);
      }
      assert(
        appended > size / 2 && refused > 8 + 30,
        `${appended} appended, ${refused} refused: ${expected.length}`,
      );
    },
  );
}

for (const ending of ["closed", "not closed"] as const) {
  test(`a log that was ${ending}, cut off at every length, and lengthened`, { timeout }, () => {
    using place = memory();
    fill(place.path("log"), ending);
    for (let length = 1; length <= size + 9; length++) {
      if (length === size) continue;
      copyFileSync(place.path("log"), place.path("cut"));
      truncateSync(place.path("cut"), length);
      for (const options of [{ readOnly: true }, {}, { create: true, size: length }]) {
        let problem: unknown;
        try {
          openLog(place.path("cut"), options).close();
        } catch (error) {
          problem = error;
        }
        if ("create" in options && length < 4112) assert(problem instanceof RangeError, String(problem));
        else {assert(
            problem instanceof CorruptionError && problem.byteOffset !== undefined,
            `${length}: ${problem}`,
          );}
      }
    }
  });
}

test("an empty file is refused as any empty file is", () => {
  using place = memory();
  writeFileSync(place.path("empty"), "");
  try {
    openLog(place.path("empty"));
    throw new Error("it opened");
  } catch (error) {
    assert(error instanceof DaxError && error.code === "EINVAL", String(error));
  }
});

test("bytes at random, with a right header before them, are damage or an empty log", () => {
  using place = memory();
  fill(place.path("log"), "cleared and closed");
  using file = open(place.path("log"));
  const bytes = file.view(Uint8Array);
  let random = 1;
  for (let round = 0; round < 300; round++) {
    for (let i = round % 2 === 0 ? 1024 : 4096; i < size; i++) {
      random = Math.imul(random, 1664525) + 1013904223 >>> 0;
      bytes[i] = random >>> 24;
    }
    const found = read(file);
    assert(found instanceof CorruptionError || found.length === 0);
  }
});
