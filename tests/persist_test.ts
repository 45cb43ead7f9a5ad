// persist, flush, drain and deepFlush: which range, by which instruction, in how many native calls, and of no view but the file's own.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { DaxError, type DaxFile, type Granularity, open } from "../mod.ts";
import { makeFile, makeHole } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { disk, mappings, medium, memory } from "./helpers/places.ts";

const GiB = 2 ** 30;

interface Call {
  readonly name: string;
  readonly parameters: number[];
}

/** The calls that write back, as native code gets them, and what it answered. */
function recorded(
  options: { forceGranularity?: Granularity; guard?: boolean },
  body: (file: DaxFile, start: number) => void,
) {
  using place = disk();
  const path = makeFile(place.path(), 16384);
  const calls: Call[] = [];
  const record = (name: string, real: (...parameters: number[]) => number) => (...parameters: number[]) => {
    calls.push({ name, parameters });
    return real(...parameters);
  };
  withNative((real) => ({
    daxfile1_persist: record("persist", real.daxfile1_persist),
    daxfile1_flush: record("flush", real.daxfile1_flush),
    daxfile1_drain: record("drain", real.daxfile1_drain),
    daxfile1_copy: record("copy", real.daxfile1_copy),
    daxfile1_fill: record("fill", real.daxfile1_fill),
    daxfile1_store64: record("store64", real.daxfile1_store64),
  }), () => {
    using file = open(path, options);
    body(file, Number(mappings(place.directory)[0]!.start));
  });
  return calls;
}

const granularities = ["page", "cache-line", "byte"] as const;

/** The method that each granularity is written back by. */
const methods = () => ({
  "page": Mode.msync,
  "cache-line": library().native.daxfile1_cpu() & Mode.methodMask,
  "byte": Mode.fence,
});

for (const forceGranularity of granularities) {
  test(`${forceGranularity}: each call of a method is one native call with the right range and method`, () => {
    let address = 0;
    const source = new Uint8Array(100);
    const calls = recorded({ forceGranularity }, (file, start) => {
      address = start;
      file.persist(100, 200);
      file.flush(4095, 2);
      file.drain();
      file.persist(file.view(Uint32Array, 8, 4));
      file.flush(file.view(DataView, 13, 7));
      file.write(50, source);
      file.fill(60, 70, 8);
      file.store64(80, 0x1_0000_0002);
      file.persist();
      file.persist(16000);
      file.persist(undefined, 5);
    });
    const mode = calls[0]!.parameters.at(-1)!;
    assertEquals(mode & Mode.methodMask, methods()[forceGranularity]);
    assertEquals(mode & ~Mode.methodMask, library().native.daxfile1_cpu() & ~Mode.methodMask);
    const { scratch } = library();
    const staged = calls.find(({ name }) => name === "copy")!.parameters[1]!;
    assert(staged >= scratch.address && staged + 100 <= scratch.address + scratch.bytes.length);
    assertEquals(calls.map(({ name, parameters }) => [name, ...parameters]), [
      ["persist", address + 100, 200, mode],
      ["flush", address + 4095, 2, mode],
      ["drain", mode],
      ["persist", address + 8, 16, mode],
      ["flush", address + 13, 7, mode],
      ["copy", address + 50, staged, 100, mode],
      ["fill", address + 60, 70, 8, mode],
      ["store64", address + 80, 2, 1, mode],
      ["persist", address, 16384, mode],
      ["persist", address + 16000, 384, mode],
      ["persist", address, 5, mode],
    ]);
  });

  test(`${forceGranularity}: deepFlush of a file is msync`, () => {
    let address = 0;
    const calls = recorded({ forceGranularity }, (file, start) => {
      address = start;
      file.deepFlush(100, 200);
      file.deepFlush(file.view(Uint8Array, 5, 6));
      file.deepFlush();
    });
    const ranges = calls.map((
      { name, parameters: [start, length, mode] },
    ) => [name, start, length, mode! & Mode.methodMask]);
    assertEquals(ranges, [
      ["persist", address + 100, 200, Mode.msync],
      ["persist", address + 5, 6, Mode.msync],
      ["persist", address, 16384, Mode.msync],
    ]);
  });
}

test("a guarded file is written back by the same calls", () => {
  const calls = recorded({ forceGranularity: "cache-line", guard: true }, (file) => {
    file.flush(0, 100);
    file.persist(0, 100);
    file.drain();
    file.store64(0, 1);
  });
  assertEquals(calls.map(({ name }) => name), ["flush", "persist", "drain", "store64"]);
});

test("memory that is never written anywhere is not asked to be: tmpfs takes a fence, unless msync is forced", () => {
  using place = memory();
  const path = makeFile(place.path(), 4096);
  const methods: number[] = [];
  withNative((real) => ({
    daxfile1_persist: (address, byteLength, mode) => {
      methods.push(mode! & Mode.methodMask);
      return real.daxfile1_persist(address!, byteLength!, mode!);
    },
  }), () => {
    for (const options of [{}, { forceGranularity: "page" }] as const) {
      using file = open(path, options);
      file.persist();
    }
  });
  assertEquals(methods, [Mode.fence, Mode.msync]);
});

for (const method of ["persist", "flush", "deepFlush"] as const) {
  test(`${method} of a range that begins and ends anywhere`, () => {
    for (const forceGranularity of granularities) {
      using place = medium();
      using file = open(place.path(), { create: true, size: 3 * 4096 + 100, forceGranularity });
      for (const byteOffset of [0, 1, 63, 64, 1024, 4095, 4096, 4097, 12287]) {
        for (const byteLength of [1, 2, 8, 63, 64, 65, 100]) file[method](byteOffset, byteLength);
      }
      file[method](0, 4095);
      file[method](3 * 4096 + 99, 1);
      file[method](-0, 1);
    }
  });

  test(`${method} outside of the file, or of nothing, is a RangeError that names the numbers`, () => {
    using place = medium();
    const size = 16 * 2 ** 20;
    using file = open(makeFile(place.path(), size));
    const cases: [number, number | undefined, string][] = [
      [size, undefined, `byteOffset ${size} is not inside`],
      [2 * size, undefined, `byteOffset ${2 * size}`],
      [2 * size, 1, `${size} bytes`],
      [0, size + 4096, `${size + 4096} bytes`],
      [size - 1, 2, `byteOffset ${size - 1} and 2 bytes`],
      [0, 0, "0 bytes"],
      [size, 0, String(size)],
      [2 ** 53 - 1, 2 ** 53 - 1, String(2 ** 53 - 1)],
      [4096, 2 ** 53 - 1, String(2 ** 53 - 1)],
      [2 ** 53, 1, "2^53"],
      [0, 2 ** 63, "2^53"],
      [2 ** 63, 2 ** 63, "2^53"],
      [2 ** 64 - 4096, 8192, "2^53"],
      [2 ** 64, 4096, "2^53"],
      [-4096, 4096, "-4096"],
      [4096, -1, "byteLength -1"],
    ];
    for (const [byteOffset, byteLength, words] of cases) {
      const error = assertThrows(() => file[method](byteOffset, byteLength), RangeError, words);
      assert(/\d/.test(error.message));
    }
    file[method](0, size);
  });

  test(`${method} of a view finds its place in every window`, () => {
    using place = memory();
    const path = makeHole(place.path(), 8 * GiB);
    const ranges: [number, number][] = [];
    withNative((real) => ({
      daxfile1_persist: (address, byteLength) => ranges.push([address!, byteLength!]) && 0,
      daxfile1_flush: (address, byteLength) => ranges.push([address!, byteLength!]) && 0,
      daxfile1_drain: real.daxfile1_drain,
    }), () => {
      using file = open(path, { sparse: true });
      const address = Number(mappings(place.directory)[0]!.start);
      const places = [0, 8, GiB / 2 - 8, GiB / 2, GiB + 4096, 3 * GiB - 8, 2 ** 32 + 8, 8 * GiB - 800];
      const views = places.map((start) => file.view(Float64Array, start, 100));
      const wide = file.view(Uint8Array, GiB / 2 - 3, GiB);
      // By turns, so that no answer is that of the view before
      for (const [index, view] of [...views.entries(), ...views.entries()].reverse()) {
        file[method](view);
        file[method](wide.subarray(5, 25));
        assertEquals(ranges.splice(0), [[address + places[index]!, 800], [address + GiB / 2 + 2, 20]]);
        file[method](view.subarray(1, 2));
        assertEquals(ranges.splice(0), [[address + places[index]! + 8, 8]]);
      }
    });
  });

  test(`${method} of what is no view of this file is a TypeError that names the file`, () => {
    using place = medium();
    using file = open(place.path("a"), { create: true, size: 8192 });
    const other = open(place.path("b"), { create: true, size: 8192 });
    const closed = open(place.path("c"), { create: true, size: 8192 });
    const stale = closed.view(Uint8Array), staleData = closed.view(DataView);
    closed.close();
    const moved = file.view(Uint8Array, 0, 8);
    const taken = new Uint8Array(moved.buffer.transfer());
    const cloned = file.view(Uint8Array, 0, 8);
    const clone = structuredClone(cloned.buffer, { transfer: [cloned.buffer] });
    const lookalikes = [
      {},
      [],
      { byteOffset: 0, byteLength: 8 },
      { buffer: new ArrayBuffer(8), byteOffset: 0, byteLength: 8 },
      file.view(Uint8Array).buffer,
      file,
    ];
    const cases = [
      ...lookalikes,
      new Uint8Array(8),
      new DataView(new ArrayBuffer(8)),
      new Uint8Array(new SharedArrayBuffer(8)),
      other.view(Uint8Array, 0, 8),
      stale,
      moved,
      taken,
      cloned,
      new Uint8Array(clone),
    ];
    for (const view of cases) {
      const error = assertThrows(() => file[method](view as Uint8Array), TypeError);
      assert(error.message.includes(place.path("a")), `${error.message} does not name the file`);
    }
    assertThrows(() => file[method](staleData), TypeError);
    file[method](file.view(Uint8Array, 0, 8));
    // The same again, once a view was found
    for (const view of cases) assertThrows(() => file[method](view as Uint8Array), TypeError);
    other.close();
  });

  test(`${method} of a view is of its own bytes, also when it was given before`, () => {
    const ranges = [[24, 8], [4104, 300], [0, 16384]] as const;
    for (const order of [[0, 0, 0], [1, 1, 0, 1], [2, 2, 1, 2, 0, 0]]) {
      let expected: number[][] = [];
      const calls = recorded({ forceGranularity: "cache-line" }, (file, start) => {
        const views = ranges.map(([offset, length]) => file.view(Uint8Array, offset, length));
        for (const index of order) file[method](views[index]!);
        expected = order.map((index) => [start + ranges[index]![0], ranges[index]![1]]);
      });
      assertEquals(calls.map(({ parameters }) => parameters.slice(0, 2)), expected);
    }
  });

  test(`${method} of a view that was given before is refused once its buffer was moved away or the file closed`, () => {
    using place = medium();
    using file = open(place.path(), { create: true, size: 8192 });
    const moved = file.view(Uint8Array, 0, 8);
    for (let turn = 0; turn < 3; turn++) file[method](moved);
    new Uint8Array(moved.buffer.transfer());
    assertThrows(() => file[method](moved), TypeError, "view");
    const kept = file.view(Float64Array, 4096, 1);
    for (let turn = 0; turn < 3; turn++) file[method](kept);
    file.close();
    assertThrows(() => file[method](kept), TypeError, "closed");
  });

  test(`${method} of a file that is open to be read is EACCES with a hint`, () => {
    using place = medium();
    using file = open(makeFile(place.path(), 4096), { readOnly: true });
    for (const call of [() => file[method](), () => file[method](file.view(Uint8Array))]) {
      const error = assertThrows(call, DaxError, "open to be read");
      assertEquals([error.code, error.path, error.operation], ["EACCES", place.path(), method]);
      assert(error.hint?.includes("readOnly"));
    }
  });
}

test("no other method writes a file that is open to be read either", async () => {
  using place = medium();
  using file = open(makeFile(place.path(), 4096), { readOnly: true });
  const calls = {
    write: () => file.write(0, new Uint8Array(8)),
    fill: () => file.fill(0, 8),
    store64: () => file.store64(0, 1),
  };
  for (const [operation, call] of Object.entries(calls)) {
    const error = assertThrows(call, DaxError);
    assertEquals([error.code, error.operation], ["EACCES", operation]);
  }
  const error = await file.sync().then(() => undefined, (error) => error);
  assertEquals(error.code, "EACCES");
  assert(file.view(Uint8Array).every((byte) => byte === 0));
});
