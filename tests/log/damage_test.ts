// What a log makes of bytes that are not what it wrote, of numbers that end, and of what only looks like a record.
// machines: none, it is about the bytes of a file, wherever that lies; log_test.ts is about the medium

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CorruptionError, DaxError } from "../../mod.ts";
import { type Frames, seedOf } from "../../src/log/frames.ts";
import { readHeader } from "../../src/log/header.ts";
import { epochMax } from "../../src/log/layout.ts";
import { openLog } from "../../src/log/mod.ts";
import { readState } from "../../src/log/state.ts";
import { bytesOf, contents, create, lose, placeOf, sizeBytes, startAt, withRegion } from "./subject.ts";

const a = bytesOf(3, 1), b = bytesOf(8, 2), c = bytesOf(5, 3);

test("a torn batch is dropped, though later records of it are whole", async () => {
  await withRegion((m) => {
    create(m);
    openLog(m).appendAll([a, b, c].map((bytes) => new Uint8Array(bytes)));
    lose(m, placeOf([3]));
    assertEquals(contents(openLog(m)), { next: 1, records: [a] });
  });
});

test("a record that is gone although one was appended after it is damage, and is named", async () => {
  for (const lost of [0, 1, 2]) {
    await withRegion((m) => {
      create(m);
      const log = openLog(m), lengths = [3, 8, 5];
      log.append(new Uint8Array(a));
      log.appendAll([b, c].map((bytes) => new Uint8Array(bytes)));
      log.append(new Uint8Array(a));
      const place = placeOf(lengths.slice(0, lost));
      m.view(Uint8Array)[place + 4]! ^= 1;
      const error = assertThrows(() => openLog(m), CorruptionError, `record ${lost}, at byteOffset ${place}`);
      assertEquals(error.byteOffset, place);
    }, sizeBytes + 8192);
  }
});

test("damage before the checkpoint is found where it is read, and the last record's after a close as well", async () => {
  await withRegion((m) => {
    create(m);
    const log = openLog(m);
    for (const bytes of [a, b, c]) log.append(new Uint8Array(bytes));
    log.close();
    const place = placeOf([3, 8]);
    m.view(Uint8Array)[place + 16]! ^= 1;
    const again = openLog(m), iterator = again[Symbol.iterator]();
    assertEquals(again.length, 3);
    assertEquals([iterator.next().value?.sequence, iterator.next().value?.sequence], [0, 1]);
    assertEquals(
      assertThrows(() => iterator.next(), CorruptionError, `byteOffset ${place}`).byteOffset,
      place,
    );
  });
});

test("an epoch whose state is lost is damage, not the end of the log", async () => {
  await withRegion((m) => {
    create(m);
    openLog(m).append(new Uint8Array(a));
    openLog(m).append(new Uint8Array(b));
    const frames = readHeader(m, true), newest = readState(frames);
    // The states as they were before the second session: as if the device had lost both writes
    const state = { ...newest, epoch: newest.epoch - 1, byteOffset: 4096, sequence: 0 };
    for (const number of [newest.number + 1, newest.number + 2]) store(frames, { ...state, number });
    assertThrows(() => openLog(m), CorruptionError, "epoch");
  });
});

function store(frames: Frames, state: ReturnType<typeof readState>): void {
  const { number, epoch, base, byteOffset, sequence, limit } = state;
  const place = 1024 * (1 + number % 2), words = [epoch, base, byteOffset, sequence, limit, 0].map(BigInt);
  frames.storeWords(place, words, number, 0, seedOf(frames.identity, 0, place));
}

test("a copy of records within a record is no record, nor is one at another place", async () => {
  await withRegion((m) => {
    create(m);
    const log = openLog(m);
    log.appendAll([a, b, c].map((bytes) => new Uint8Array(bytes)));
    log.append(m.view(Uint8Array, 4096, placeOf([3, 8, 5]) - 4096).slice());
    log.append(new Uint8Array(a));
    assertEquals(openLog(m).length, 5);
    // A whole record in the place of another of the same length
    m.view(Uint8Array, placeOf([3]), 24).set(m.view(Uint8Array, placeOf([]), 24).slice());
    assertThrows(() => [...openLog(m)], CorruptionError, "record 1,");
  });
});

test("sequence numbers pass 2^32, and end at 2^53 − 1", async () => {
  for (const first of [2 ** 32 - 2, 2 ** 33 - 2, 5 * 2 ** 32 - 1]) {
    await withRegion((m) => {
      startAt(m, { base: first, sequence: first });
      const log = openLog(m);
      assertEquals(log.append(new Uint8Array(a)), first);
      assertEquals(log.appendAll([b, c, a].map((bytes) => new Uint8Array(bytes))), first + 1);
      assertEquals(contents(openLog(m)), { next: first + 4, records: [a, b, c, a] });
    });
  }
  await withRegion((m) => {
    const first = Number.MAX_SAFE_INTEGER - 2;
    startAt(m, { base: first, sequence: first });
    const log = openLog(m);
    assertEquals(log.append(new Uint8Array(a)), first);
    const many = [a, b].map((bytes) => new Uint8Array(bytes));
    assertEquals(assertThrows(() => log.appendAll(many), DaxError, "sequence numbers end").code, "EOVERFLOW");
    assertEquals(contents(openLog(m)).records, [a]);
  });
});

test("the same record with the low word of another number is not taken for it", async () => {
  await withRegion((m) => {
    create(m);
    const frames = readHeader(m, true);
    openLog(m).append(new Uint8Array(a));
    assertEquals(frames.recordLength(4096, 0), 3);
    assertEquals(frames.recordLength(4096, 2 ** 32), -1);
    assertEquals(frames.recordLength(4096, 5 * 2 ** 32), -1);
    // Nor is the very same frame at another place
    m.view(Uint8Array, 4096 + 64, 24).set(m.view(Uint8Array, 4096, 24).slice());
    assertEquals(frames.recordLength(4096 + 64, 0), -1);
  });
});

test("epochs wear out after 2^31 − 1 sessions, and that is said before anything is written", async () => {
  await withRegion((m) => {
    startAt(m, { epoch: epochMax - 1 });
    const last = openLog(m);
    last.append(new Uint8Array(a));
    // Clearing costs none: a log that is cleared a thousand times a second would have come to its end within a month
    for (let i = 0; i < 3; i++) {
      last.clear();
      last.append(new Uint8Array(a));
    }
    last.append(new Uint8Array(b));
    last.close();
    const before = m.view(Uint8Array).slice(), log = openLog(m);
    assertEquals(assertThrows(() => log.append(new Uint8Array(a)), DaxError, "sessions").code, "EOVERFLOW");
    assertEquals(assertThrows(() => log.clear(), DaxError, "sessions").code, "EOVERFLOW");
    assertEquals(contents(log).records, [a, b]);
    log.close();
    assertEquals(m.view(Uint8Array).slice(), before);
  });
});

test("reopening reads what came after the checkpoint, and no more", async () => {
  const reads: number[] = [];
  await withRegion((m) => {
    create(m);
    const log = openLog(m);
    for (let i = 0; i < 20_000; i++) log.append(new Uint8Array(4));
    const counting = new Proxy(m, {
      get(_, key) {
        const value = Reflect.get(m, key, m);
        if (key === "recordLength") reads.push(0);
        return typeof value === "function" ? value.bind(m) : value;
      },
    });
    assertEquals(openLog(counting).length, 20_000);
  }, 1 << 20);
  // Records of 24 bytes in a window of 64 KiB, and the header
  assert(reads.length <= 65536 / 24 + 8, `${reads.length}`);
});

test("a state that makes no sense is damage, though its checksum is right", async () => {
  const wrong: Parameters<typeof startAt>[1][] = [
    { byteOffset: 4100 },
    { byteOffset: 8 },
    { byteOffset: 2 ** 40, limit: 2 ** 40 },
    { limit: 4088 },
    { limit: 2 ** 40 },
    { base: 1 },
    { sequence: 1 },
    { sequence: 4, byteOffset: 4104 },
    { byteOffset: 4112 },
    { epoch: 2 ** 31 },
    { base: 2 ** 53, sequence: 2 ** 53 },
  ];
  for (const change of wrong) {
    await withRegion((m) => {
      startAt(m, change);
      const error = assertThrows(() => openLog(m), CorruptionError, "makes no sense");
      assert([1024, 2048].includes(error.byteOffset!));
    });
  }
});

test("a record of an older epoch than the one before it is damage", async () => {
  await withRegion((m) => {
    create(m);
    openLog(m).append(new Uint8Array(a));
    const log = openLog(m);
    log.append(new Uint8Array(b));
    log.close();
    const frames = readHeader(m, true), place = placeOf([3]);
    assertEquals([openLog(m).length, frames.high(place) >>> 1], [2, 2]);
    frames.store(place, new Uint8Array(b), frames.low(place), 0, seedOf(frames.identity, 1, place));
    assertEquals(assertThrows(() => [...openLog(m)], CorruptionError, "older epoch").byteOffset, place);
  });
});
