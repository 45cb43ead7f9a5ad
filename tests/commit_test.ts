// Batch and commit: the record first, then the writes in their places; what is refused is refused before anything is written.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { Batch, DaxError, type DaxFile, MappingFaultError, open } from "../mod.ts";
import { difference, makeFile, pattern, readAt } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { medium, memory } from "./helpers/places.ts";

const granularities = ["cache-line", "byte", "page"] as const;

/** A batch as the format says it. */
function encoded(writes: readonly [number, Uint8Array][]): Uint8Array {
  const parts = writes.map(([byteOffset, bytes]) => {
    const part = new Uint8Array(8 + Math.ceil(bytes.length / 8) * 8);
    new DataView(part.buffer).setBigUint64(0, BigInt(byteOffset) | BigInt(bytes.length) << 48n, true);
    part.set(bytes, 8);
    return part;
  });
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

const arbitraryWrite = (size: number) =>
  fc.tuple(fc.nat(size - 1), fc.uint8Array({ minLength: 1, maxLength: 200 })).map((
    [byteOffset, bytes],
  ): [number, Uint8Array] => [byteOffset, bytes.slice(0, size - byteOffset)]);

test("a batch is encoded as the format says, and read again", () => {
  fc.assert(fc.property(fc.array(arbitraryWrite(2 ** 48 - 1), { maxLength: 20 }), (writes) => {
    const batch = new Batch(8192);
    // What was there before must not shine through the padding
    batch.write(0, new Uint8Array(8000).fill(255));
    batch.clear();
    for (const [byteOffset, bytes] of writes) batch.write(byteOffset, bytes);
    const wanted = encoded(writes);
    assertEquals([batch.byteLength, batch.capacity], [wanted.length, 8192]);
    assertEquals(difference(batch.bytes, wanted), -1);
    const found = Array.from(Batch.entries(batch.bytes), ({ byteOffset, bytes }) => [byteOffset, [...bytes]]);
    assertEquals(found, writes.map(([byteOffset, bytes]) => [byteOffset, [...bytes]]));
  }));
});

test("a long source takes several entries", () => {
  for (const length of [65527, 65528, 65529, 131056, 200_000]) {
    const batch = new Batch(300_000), source = pattern(length), whole = new Uint8Array(length);
    batch.write(1000, source);
    for (const { byteOffset, bytes } of Batch.entries(batch.bytes)) whole.set(bytes, byteOffset - 1000);
    assertEquals([difference(whole, source), [...Batch.entries(batch.bytes)].length], [
      -1,
      Math.ceil(length / 65528),
    ]);
  }
});

test("a batch that is full says how full, and keeps what it had", () => {
  const batch = new Batch(47);
  assertEquals(batch.capacity, 40);
  batch.write(8, new Uint8Array(9));
  assertThrows(() => batch.write(8, new Uint8Array(9)), RangeError, "takes 24 of a batch that has 16 of 40");
  assertEquals(batch.byteLength, 24);
  batch.write(2 ** 48 - 8, new Uint8Array(8).fill(7));
  assertThrows(() => batch.write(0, new Uint8Array(1)), RangeError, "has 0 of 40");
  assertEquals([...Batch.entries(batch.bytes)].at(-1)!.byteOffset, 2 ** 48 - 8);
  batch.clear();
  assertEquals([batch.byteLength, [...batch.bytes]], [0, []]);
});

test("a part of a source", () => {
  const source = pattern(100), batch = new Batch(512);
  for (const [start, end] of [[0, 100], [3, 9], [50, 99], [99, 100], [-0, 1], [40, undefined]] as const) {
    batch.clear();
    batch.write(8, source, start, end);
    assertEquals(
      difference(batch.bytes, encoded([[8, source.subarray(start, end)]])),
      -1,
      `${start}, ${end}`,
    );
  }
  for (
    const [start, end] of [[0, 101], [-1, 5], [5, 4], [101, undefined], [0.5, 2], [0, NaN], [2, 2]] as const
  ) {
    assertThrows(() => batch.write(8, source, start, end), RangeError);
  }
});

test("what no batch can hold is refused", () => {
  for (const value of [0, 15, -1, 0.5, NaN, 2 ** 53]) assertThrows(() => new Batch(value), RangeError);
  assertThrows(() => new Batch("64" as unknown as number), TypeError);
  const batch = new Batch(64), one = new Uint8Array(1);
  for (const byteOffset of [-1, 0.5, NaN, 2 ** 48, 2 ** 53]) {
    assertThrows(() => batch.write(byteOffset, one), RangeError, String(byteOffset));
  }
  for (const byteOffset of ["0", null, undefined, 0n] as unknown[]) {
    assertThrows(() => batch.write(byteOffset as number, one), TypeError, "byteOffset");
  }
  for (const source of [null, [1], "1", new DataView(one.buffer), new Float64Array(1)] as unknown[]) {
    assertThrows(() => batch.write(0, source as Uint8Array), TypeError, "source is a Uint8Array");
  }
  assertThrows(() => batch.write(0, new Uint8Array(0)), RangeError, "0 bytes");
  assertEquals(batch.byteLength, 0);
  for (const bytes of [[1], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 9, 0, 1, 1, 1, 1, 1, 1, 1, 1]]) {
    assertThrows(() => [...Batch.entries(new Uint8Array(bytes))], RangeError, "Byte 0");
  }
});

for (const forceGranularity of granularities) {
  test(`${forceGranularity}: a commit is a record of the batch, and its writes in place; the later one wins`, () => {
    using place = memory();
    using file = open(place.path(), { create: true, size: 65536, forceGranularity });
    const view = file.view(Uint8Array), data = 16384, seed = 0x5eed;
    let previous: Batch | undefined, turn = 0;
    fc.assert(fc.property(fc.array(arbitraryWrite(65536 - data), { maxLength: 12 }), (writes) => {
      const batch = file.batch(4096), expected = view.slice();
      for (const [byteOffset, bytes] of writes) {
        batch.write(data + byteOffset, bytes);
        expected.set(bytes, data + byteOffset);
      }
      const slot = 8192 * (++turn % 2) + 8 * (turn % 5);
      file.commit(slot, batch, turn, 0, seed, previous);
      assertEquals(difference(view.subarray(data), expected.subarray(data)), -1);
      assertEquals(file.recordLength(slot, slot + 16 + batch.byteLength, seed), batch.byteLength);
      const payload = file.view(Uint8Array, slot + 16, Math.max(batch.byteLength, 1));
      assertEquals(difference(payload.slice(0, batch.byteLength), batch.bytes), -1);
      previous = batch;
    }));
  });

  test(`${forceGranularity}: a commit is one native call, with both batches`, () => {
    using place = medium();
    const calls: number[][] = [];
    withNative((real) => ({
      daxfile1_commit: (...parameters) => {
        calls.push(parameters);
        return real.daxfile1_commit(...parameters);
      },
    }), () => {
      using file = open(place.path(), { create: true, size: 8192, forceGranularity });
      const [first, second] = [file.batch(64), file.batch(64)];
      first.write(4096, new Uint8Array([1, 2, 3]));
      second.write(8191, new Uint8Array([4]));
      file.commit(0, first, 1, 2, 3);
      file.commit(64, second, -0, 2, 3, first);
      file.commit(0, file.batch(64), 3, 2, 3, second);
    });
    assertEquals(calls.map((call) => [call[1], call[2], call[4], call[6], ...call.slice(7, 10)]), [
      [8192, 0, 16, 0, 1, 2, 3],
      [8192, 64, 16, 16, 0, 2, 3],
      [8192, 0, 0, 16, 3, 2, 3],
    ]);
    assertEquals(calls[0]!.at(-1)! & Mode.noDrain, 0);
    assertEquals([...readAt(place.path(), 4096, 4), ...readAt(place.path(), 8191, 1)], [1, 2, 3, 0, 4]);
  });
}

function refused(file: DaxFile): void {
  const [good, bad] = [file.batch(64), file.batch(64)];
  good.write(4096, new Uint8Array([1]));
  const cases: [number, number][] = [[8192, 1], [8191, 2], [2 ** 47, 1], [2 ** 32 + 4096, 1]];
  for (const [byteOffset, length] of cases) {
    bad.clear();
    bad.write(4097, new Uint8Array([2]));
    bad.write(byteOffset, new Uint8Array(length).fill(3));
    for (const previous of [undefined, good]) {
      assertThrows(() => file.commit(0, bad, 1, 2, 3, previous), RangeError, `byteOffset ${byteOffset}`);
    }
    assertThrows(() => file.commit(0, good, 1, 2, 3, bad), RangeError, `byteOffset ${byteOffset}`);
  }
  // Bytes that the user wrote into the list
  bad.bytes.fill(0xff);
  assertThrows(() => file.commit(0, bad, 1, 2, 3), RangeError);
  bad.bytes.fill(0);
  assertThrows(() => file.commit(0, bad, 1, 2, 3), RangeError);
  for (const byteOffset of [4, 8176, 8192, -8, NaN, 2 ** 53]) {
    assertThrows(() => file.commit(byteOffset, good, 1, 2, 3), RangeError);
  }
  for (const word of [-(2 ** 31) - 1, 0.5, NaN, 2 ** 32]) {
    assertThrows(() => file.commit(0, good, word, 2, 3), RangeError, "low");
    assertThrows(() => file.commit(0, good, 1, word, 3), RangeError, "high");
    assertThrows(() => file.commit(0, good, 1, 2, word), RangeError, "seed");
  }
  for (const value of [null, {}, [], "batch", 5, new Uint8Array(8), Object.create(Batch.prototype)]) {
    assertThrows(() => file.commit(0, value as Batch, 1, 2, 3), TypeError, "batch is a Batch");
    assertThrows(() => file.commit(0, good, 1, 2, 3, value as Batch), TypeError, "batch is a Batch");
  }
  assertThrows(() => file.commit(0, undefined as unknown as Batch, 1, 2, 3), TypeError);
  const moved = file.batch(64);
  moved.write(4096, new Uint8Array([1]));
  moved.bytes.buffer.transfer();
  assertThrows(() => file.commit(0, moved, 1, 2, 3), TypeError, "moved away");
  assertThrows(() => moved.write(0, new Uint8Array(1)), TypeError, "moved away");
}

for (const forceGranularity of granularities) {
  test(`${forceGranularity}: a commit that leads out of the file changes nothing, and the file stays good`, () => {
    using place = memory();
    using file = open(place.path(), { create: true, size: 8192, forceGranularity });
    refused(file);
    assert(file.view(Uint8Array).every((byte) => byte === 0));
    file.persist();
  });
}

test("a commit on a file that is open to be read is EACCES, on a closed one a TypeError", () => {
  using place = medium();
  const file = open(makeFile(place.path(), 8192), { readOnly: true });
  const batch = file.batch(64);
  batch.write(4096, new Uint8Array([1]));
  const error = assertThrows(() => file.commit(0, batch, 1, 2, 3), DaxError, "open to be read");
  assertEquals([error.code, error.operation], ["EACCES", "commit"]);
  file.close();
  assertThrows(() => file.commit(0, batch, 1, 2, 3), TypeError, "closed");
});

test("a msync that fails: nothing is stored in place, and what was there before is not called durable", () => {
  using place = memory();
  let fails = true;
  withNative((real) => ({
    daxfile1_commit: (...parameters) => {
      if (!fails) return real.daxfile1_commit(...parameters);
      return -5;
    },
  }), () => {
    using file = open(makeFile(place.path(), 16384), { forceGranularity: "page" });
    const [first, second, third] = [file.batch(64), file.batch(64), file.batch(64)];
    first.write(8192, new Uint8Array([1, 2, 3]));
    second.write(8200, new Uint8Array([4]));
    third.write(8300, new Uint8Array([5]));
    fails = false;
    file.commit(0, first, 1, 2, 3);
    fails = true;
    const error = assertThrows(() => file.commit(1024, second, 2, 2, 3, first), DaxError, place.path());
    assertEquals([error.code, error.operation], ["EIO", "commit"]);
    assertEquals(file.view(Uint8Array)[8200], 0);
    fails = false;
    // What the first one stored may be lost, and no msync would say so again
    assertThrows(() => file.commit(1024, second, 2, 2, 3, first), DaxError, "failed to write");
    assertEquals(file.view(Uint8Array)[8200], 0);
    file.commit(1024, second, 2, 2, 3);
    file.persist(1024, 32);
    file.commit(0, third, 3, 2, 3, second);
    file.persist(8200, 1);
    assertThrows(() => file.persist(8192, 1), DaxError, "failed to write");
  });
});

test("guard: commits and searches go on where nothing is wrong", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 16384, guard: true });
  const batch = file.batch(64);
  batch.write(8192, new Uint8Array([1]));
  file.commit(0, batch, 1, 2, 3);
  file.commit(1024, batch, 1, 2, 3, batch);
  assertEquals([file.recordLength(0, 4096, 3), file.checksum(0, 16) > 0], [16, true]);
  assertEquals(file.view(Uint8Array)[8192], 1);
});

test("guard: bytes that a fault replaced are not believed", () => {
  using place = memory();
  let faults = 0;
  withNative((real) => ({
    daxfile1_guard: (address, byteLength, counter) => {
      faults = counter!;
      return real.daxfile1_guard(address!, byteLength!, counter!);
    },
  }), () => {
    const file = open(makeFile(place.path(), 16384), { guard: true });
    // One fault more, as the handler of SIGBUS counts it
    library().native.daxfile1_store64(faults, 1, 0, Mode.fence);
    const batch = new Batch(64);
    batch.write(8192, new Uint8Array([1]));
    const calls = {
      recordLength: () => file.recordLength(0, 4096, 3),
      checksum: () => file.checksum(0, 16),
      writeRecord: () => file.writeRecord(0, new Uint8Array(5), 1, 2, 3),
      commit: () => file.commit(0, batch, 1, 2, 3),
    };
    for (const [operation, call] of Object.entries(calls)) {
      assertEquals(assertThrows(call, MappingFaultError).operation, operation);
    }
    file.close();
  });
});
