// Every bit of a small log flipped, one at a time, and the file cut off at every length: what was written, an error that names the
// place, or what a crash could have left; never anything else.
// machines: none, it is about the bytes of a file, wherever that lies; log_test.ts is about the medium

import { assert, assertEquals, assertThrows } from "@std/assert";
import { truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CorruptionError, DaxError, open, type Region } from "../../mod.ts";
import { openLog } from "../../src/log/mod.ts";
import { memory } from "../helpers/places.ts";
import { bitsRead, regionOf } from "../helpers/regions.ts";
import { bytesOf, identity } from "./subject.ts";

const size = 4096 + 320;
const timeout = 120_000;

const endings = ["closed", "not closed", "cleared", "cleared and closed", "begun"] as const;

/** The bytes of a log; records of earlier generations lie behind and under these. And what it holds. */
function imageOf(ending: typeof endings[number]): { image: Uint8Array; expected: string[] } {
  const region = regionOf(new Uint8Array(size)), log = openLog(region, { create: true, identity });
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
  if (ending === "begun") openLog(region).append(new Uint8Array(bytesOf(2, 5)));
  const found = [...openLog(region, { readOnly: true })].map(({ bytes }) => String(bytes));
  assertEquals(found.length, ending === "begun" ? 6 : ending.startsWith("cleared") ? 0 : 5);
  return { image: region.view(Uint8Array).slice(), expected: found };
}

/** What reading gives: the records, or the error; whatever is neither is thrown. */
function read(region: Region): string[] | CorruptionError {
  try {
    return Array.from(openLog(region, { readOnly: true }), ({ bytes }) => String(bytes));
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
}

for (const ending of endings) {
  const batch = { "not closed": 2, begun: 1 }[ending as string] ?? 0, { image, expected } = imageOf(ending);

  test(`every bit of a log that was ${ending}`, { timeout }, () => {
    const counts = { right: 0, damage: 0, less: 0 };
    for (const [byte, bit] of bitsRead(image, read)) {
      const damaged = image.slice(), about = `byte ${byte}, bit ${bit}`;
      damaged[byte]! ^= 1 << bit;
      const found = read(regionOf(damaged));
      if (found instanceof CorruptionError) {
        counts.damage++;
        // Named within the frame that was hit; the header's and a record's frame begin before the flipped bit
        assert(found.byteOffset! <= byte && found.byteOffset! > byte - 64, `${about}: ${found.message}`);
      } else if (String(found) === String(expected)) counts.right++;
      else {
        counts.less++;
        const shortest = expected.length - batch;
        assert(
          found.length >= shortest && found.length < expected.length,
          `${about}: ${found.length} records`,
        );
        assertEquals(found, expected.slice(0, found.length), about);
      }
    }
    assert(counts.damage > (8 + 48) * 8 * 0.9, JSON.stringify(counts));
    assertEquals(counts.less > 0, batch > 0);
  });

  test(
    `every bit of a log that was ${ending}, which is then appended to and opened again`,
    { timeout },
    () => {
      const added = new Uint8Array(bytesOf(9, 8)), counts = { appended: 0, refused: 0 };
      const goesOn = (region: Region) => {
        openLog(region).append(added);
        return read(region);
      };
      for (const [byte, bit] of bitsRead(image, goesOn)) {
        const damaged = image.slice(), about = `byte ${byte}, bit ${bit}`;
        damaged[byte]! ^= 1 << bit;
        const region = regionOf(damaged), found = read(region);
        let after: string[] | CorruptionError;
        try {
          after = goesOn(region);
          counts.appended++;
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          counts.refused++;
          // What could be read can be written to
          assert(found instanceof CorruptionError, `${about}: ${error.message}`);
          continue;
        }
        // Damage to what an opening does not read again is found by who reads it, and hides nothing else
        if (found instanceof CorruptionError) {
          assert(after instanceof CorruptionError, `${about}: ${after}`);
          assertEquals(after.byteOffset, found.byteOffset);
        } else assertEquals(after, [...found, String(added)], about);
      }
      assert(counts.appended > 800 && counts.refused > 8 * (8 + 30), JSON.stringify(counts));
    },
  );
}

test("native code finds the same damage as the model", { timeout }, () => {
  using place = memory();
  const { image } = imageOf("begun"),
    outcome = (found: string[] | CorruptionError) =>
      found instanceof CorruptionError ? found.reason : String(found);
  writeFileSync(place.path(), image);
  using file = open(place.path());
  const bytes = file.view(Uint8Array);
  for (let bit = 0; bit < 8 * size; bit += 7) {
    const damaged = image.slice();
    damaged[bit >>> 3]! ^= 1 << (bit & 7);
    bytes.set(damaged);
    assertEquals(outcome(read(file)), outcome(read(regionOf(damaged))), `bit ${bit}`);
  }
});

for (const ending of ["closed", "not closed"] as const) {
  test(`a log that was ${ending}, cut off at every length, and lengthened`, { timeout }, () => {
    const { image } = imageOf(ending), longer = new Uint8Array(size + 10);
    longer.set(image);
    const refuses = (body: () => unknown, about: string) => {
      const error = assertThrows(body);
      assert(error instanceof CorruptionError && error.byteOffset !== undefined, `${about}: ${error}`);
    };
    // Every access of a region is checked
    for (let length = 1; length <= longer.length; length++) {
      if (length === size) continue;
      const region = () => regionOf(longer.subarray(0, length));
      for (const options of [{ readOnly: true }, {}, { create: true }]) {
        refuses(() => openLog(region(), options), `${length}`);
      }
    }
    using place = memory();
    const path = place.path();
    // Files, where what lies after the last page is no memory at all
    for (
      const length of [size + 9, size - 1, 4113, 4112, 4104, 4097, 4096, 4095, 2100, 1024, 56, 24, 9, 8, 7, 1]
    ) {
      writeFileSync(path, longer);
      truncateSync(path, length);
      for (const options of [{ readOnly: true }, {}, { create: true }]) {
        refuses(() => openLog(path, options).close(), `${length}`);
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
  writeFileSync(place.path(), imageOf("cleared and closed").image);
  using file = open(place.path());
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
