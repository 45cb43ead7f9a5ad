// Arbitrary calls with arbitrary values: each does what the contract says or throws, and no byte changes that was not to.
// machines: files

import { assert } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { type DaxFile, open } from "../mod.ts";
import { difference } from "./helpers/bytes.ts";
import { medium, memory } from "./helpers/places.ts";

const size = 3 * 4096 + 100;

/** A value where a number belongs: often one that is good, often almost, sometimes anything. */
const number: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(size + 10) },
  { weight: 3, arbitrary: fc.nat(size >> 3).map((index) => index * 8) },
  { weight: 2, arbitrary: fc.integer({ min: -10, max: 300 }) },
  { weight: 1, arbitrary: fc.double() },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(...[NaN, Infinity, -Infinity, -0, size, size - 1, size - 8, 0.5]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(...[
      2 ** 31,
      2 ** 32,
      2 ** 53 - 1,
      2 ** 53,
      2 ** 63,
      2 ** 64,
      -(2 ** 53),
    ]),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(undefined, null, "8", "", 8n, true, Symbol("s"), [8], {}),
  },
  { weight: 1, arbitrary: fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true }) },
);

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 80 }) },
  { weight: 2, arbitrary: fc.nat(size + 100).map((length) => new Uint8Array(length).fill(length)) },
  { weight: 1, arbitrary: fc.float64Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 40 }).map((array) => new DataView(array.slice().buffer)),
  },
  { weight: 1, arbitrary: number },
);

const flag = fc.constantFrom<unknown>(undefined, true, false, true, false, null, 1, "yes");
const options = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 3, arbitrary: fc.record({ nontemporal: flag, drain: flag }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: number },
);

type Call = readonly [method: string, ...parameters: unknown[]];

const types = [Uint8Array, Uint16Array, Float32Array, Float64Array, BigInt64Array, DataView] as const;

const call: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(fc.constantFrom("persist", "flush", "deepFlush"), number, number),
  fc.tuple(fc.constant("write"), number, bytes, options),
  fc.tuple(fc.constant("fill"), number, number, number, options),
  fc.tuple(
    fc.constant("store64"),
    number,
    fc.oneof(number, fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n })),
  ),
  fc.tuple(fc.constant("view"), fc.oneof(fc.constantFrom<unknown>(...types), number), number, number),
);

const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const inside = (start: unknown, length: unknown) =>
  whole(start) && whole(length) && length > 0 && start + length <= size;
const flags = (value: unknown) => value === undefined || typeof value === "boolean";
const goodOptions = (value: unknown) =>
  value === undefined || (typeof value === "object" && value !== null &&
    flags((value as { drain: unknown }).drain) && flags((value as { nontemporal: unknown }).nontemporal));

/** Does the call to the model: false if the contract says that it throws. */
function model(content: Uint8Array, [method, first, second, third, fourth]: Call): boolean {
  switch (method) {
    case "write": {
      if (!ArrayBuffer.isView(second) || !inside(first, second.byteLength) || !goodOptions(third)) {
        return false;
      }
      content.set(new Uint8Array(second.buffer, second.byteOffset, second.byteLength), first as number);
      return true;
    }
    case "fill": {
      const value = third === undefined ? 0 : third;
      if (!inside(first, second) || !whole(value) || value > 255 || !goodOptions(fourth)) return false;
      content.fill(value, first as number, (first as number) + (second as number));
      return true;
    }
    case "store64": {
      const fits = Number.isSafeInteger(second) ||
        (typeof second === "bigint" && second >= -(2n ** 63n) && second < 2n ** 64n);
      if (!inside(first, 8) || (first as number) % 8 !== 0 || !fits) return false;
      new DataView(content.buffer).setBigInt64(first as number, BigInt(second as bigint), true);
      return true;
    }
    case "view": {
      if (!types.includes(first as typeof DataView)) return false;
      const element = (first as typeof Uint8Array).BYTES_PER_ELEMENT ?? 1;
      const start = second === undefined ? 0 : second;
      if (!whole(start) || start % element !== 0) return false;
      const length = third === undefined ? Math.floor((size - start) / element) : third;
      return whole(length) && inside(start, length * element);
    }
    default: {
      const start = first === undefined ? 0 : first;
      return inside(start, second === undefined ? size - (start as number) : second);
    }
  }
}

function check(file: DaxFile, content: Uint8Array, calls: readonly Call[]): void {
  for (const each of calls) {
    const [method, ...parameters] = each;
    const good = model(content, each);
    let thrown: unknown;
    try {
      (file as unknown as Record<string, (...parameters: unknown[]) => unknown>)[method]!(...parameters);
    } catch (error) {
      thrown = error;
    }
    if (good) assert(thrown === undefined, `${method} threw: ${thrown}`);
    else assert(thrown instanceof RangeError || thrown instanceof TypeError, `${method} took it: ${thrown}`);
  }
  const at = difference(file.view(Uint8Array), content);
  assert(at < 0, `byte ${at} is wrong`);
}

for (const [name, at] of [["the medium under test", medium], ["tmpfs", memory]] as const) {
  for (const forceGranularity of ["cache-line", "byte", "page"] as const) {
    if (at === medium && forceGranularity === "page") continue; // thousands of msync
    test(`any sequence of calls, ${forceGranularity}, ${name}`, { timeout: 60_000 }, () => {
      using place = at();
      using file = open(place.path(), { create: true, size, forceGranularity });
      const content = new Uint8Array(size);
      const property = fc.property(
        fc.array(call, { minLength: 20, maxLength: 40, size: "max" }),
        (calls) => check(file, content, calls),
      );
      fc.assert(property, { seed: 0xda7, numRuns: 200 });
    });
  }
}
