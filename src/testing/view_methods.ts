// The methods of a recorded typed array, each either one element at a time or on a copy. None is left out: what is not
// known here works on a copy, and what it changed there is copied back.
import type { RecordedArray } from "./views.ts";
import { bytesOf, viewOf } from "./views.ts";

/** Anything that behaves as an array of numbers or of bigints; which of them never matters here. */
export interface Elements extends ArrayBufferView<ArrayBuffer> {
  [key: PropertyKey]: unknown;
  readonly length: number;
  fill(value: unknown): Elements;
  set(source: ArrayLike<unknown>, offset?: number): void;
  slice(begin?: number, end?: number): Elements;
  subarray(begin?: number, end?: number): Elements;
}

/** A method, its receiver bound. */
export type Method = (...args: unknown[]) => unknown;

// These read one element after the other and no more than they need, on anything that is like an array.
const lazy = new Set<PropertyKey>(
  ["at", "every", "some", "find", "findIndex", "findLast", "findLastIndex", "forEach", "includes", "indexOf"]
    .concat(["lastIndexOf", "join", "reduce", "reduceRight", "keys", "values", "entries", "toLocaleString"]),
);

const own: Record<string, (array: RecordedArray, ...args: unknown[]) => unknown> = {
  set(array, source, offset = 0) {
    const from = Array.from(source as ArrayLike<unknown>), first = Number(offset);
    const converted = elementsOf(array, from.length);
    converted.set(from);
    if (first < 0 || first + from.length > array.length) {
      throw new RangeError(`set: ${from.length} elements at ${first} do not fit in ${array.length}`);
    }
    array.copyIn(converted, first);
  },
  fill(array, value, begin, end) {
    const [first, last] = clamp(array.length, begin, end);
    array.copyIn(elementsOf(array, Math.max(last - first, 0)).fill(value), first);
    return array.view;
  },
  copyWithin(array, to, begin, end) {
    const [first, last] = clamp(array.length, begin, end), [at] = clamp(array.length, to, undefined);
    array.copyIn(array.copyOut(first, Math.min(last, first + array.length - at)), at);
    return array.view;
  },
  slice: (array, begin, end) => array.copyOut(...clamp(array.length, begin, end)),
  subarray(array, begin, end) {
    const [first, last] = clamp(array.length, begin, end);
    const byteOffset = array.byteOffset + first * array.elementBytes;
    return viewOf(array.owner, array.type, byteOffset, Math.max(last - first, 0));
  },
};

/** The method of a recorded array that stands for one of the real class. */
export function methodOf(array: RecordedArray, key: PropertyKey, original: Method): Method {
  if (Object.hasOwn(own, key)) return (...args) => own[key as string]!(array, ...args);
  const name = key === Symbol.iterator ? "values" : key === "toString" ? "join" : key;
  if (lazy.has(name)) {
    const generic = Reflect.get(Array.prototype, name) as Method;
    return (...args) => generic.apply(array.view, key === "toString" ? [] : args);
  }
  return (...args) => {
    const copied = array.copyOut(0, array.length), before = copied.slice();
    const result = original.apply(copied, args);
    const old = bytesOf(before);
    if (bytesOf(copied).some((byte, i) => byte !== old[i])) array.copyIn(copied, 0);
    return result === copied ? array.view : result;
  };
}

function elementsOf(array: RecordedArray, length: number): Elements {
  return new array.type(new ArrayBuffer(length * array.elementBytes));
}

function clamp(length: number, begin: unknown, end: unknown): [number, number] {
  const at = (value: unknown, otherwise: number) => {
    const number = value === undefined ? otherwise : Math.trunc(Number(value)) || 0;
    return Math.max(0, Math.min(length, number < 0 ? length + number : number));
  };
  return [at(begin, 0), at(end, length)];
}
