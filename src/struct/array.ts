// Arrays: as fields of a struct, and as tables over a file.

import {
  type ArrayCell,
  type CellClasses,
  cellClasses,
  type Codec,
  fresh,
  inner,
  type InnerType,
  inspected,
  type Kind,
} from "./cells.ts";
import { placeOf } from "./places.ts";
import { checkCount } from "./refusal.ts";
import type { Type } from "./types.ts";

/** An array as a type of field. */
export interface ArrayOf<T extends Type> extends Type {
  /** The type of its elements. */
  readonly element: T;
  /** How many they are. */
  readonly length: number;
}

/**
 * An array of a fixed length: `type field[length]` in C.
 *
 * Reading the field gives an accessor: `.at(i)`, `.set(i, value)`, `.length`, iterable; `.persist(first, count)` on a file.
 *
 * @param type of the elements, any that a field may have
 * @param length how many
 * @throws {RangeError} if it is no integer from 1 on, or the array has 2^53 bytes or more
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 * import { array, f64, struct } from "@daxfile/daxfile/struct";
 *
 * const Sensor = struct({ history: array(f64, 8) });
 * using file = open("example.dax", { create: true, size: 4096 });
 * const { history } = Sensor.at(file, 0);
 * history.set(3, 21.5);
 * history.persist(3, 1);
 * console.log(Math.max(...history));
 * ```
 */
export function array<T extends Type>(type: T, length: number): ArrayOf<T> {
  checkType("The type of an array's elements", type);
  checkCount("length", length);
  const { name, byteLength, alignment } = type;
  if (!Number.isSafeInteger(byteLength * length)) {
    throw new RangeError(`array(${name}, ${length}) has ${byteLength * length} bytes: at most 2^53 - 1`);
  }
  const made = {
    name: `array(${name}, ${length})`,
    byteLength: byteLength * length,
    alignment,
    leadsOn: true,
    element: type,
    length,
    fileCodec: codecOf(inner(type), length, "fileCodec"),
    viewCodec: codecOf(inner(type), length, "viewCodec"),
  } satisfies InnerType & ArrayOf<T>;
  return Object.freeze(made);
}

/** Whether something is a type of this library. */
export function checkType(what: string, type: unknown): void {
  if (typeof type !== "object" || type === null || !("fileCodec" in type)) {
    throw new TypeError(`${what} is ${String(type)}, and no type such as u32, utf8(24) or struct({ … })`);
  }
}

function codecOf(type: InnerType, length: number, kind: Kind): Codec {
  const { ArrayClass, arrayAt } = elementsOf(type, kind);
  return {
    get: (view, at, place) => new ArrayClass(view, at, place, length, length),
    set: (view, at, values, place) => assign(new ArrayClass(view, at, place, length, length), type, values),
    getterAt: (offset) => arrayAt(offset, length),
  };
}

/** All elements at once, after all of them were counted. */
function assign(array: ArrayCell, type: InnerType, values: unknown): void {
  if (typeof values !== "object" || values === null || !(Symbol.iterator in values)) {
    throw new TypeError(`${String(values)} is no array of ${array.length} ${type.name}`);
  }
  const all = [...values as Iterable<unknown>];
  if (all.length !== array.length) {
    throw new RangeError(`${all.length} values do not fit into an array of ${array.length} ${type.name}`);
  }
  for (const [index, value] of all.entries()) array.set(index, value);
}

/** Arrays of a type, of any length. */
export function elementsOf(type: InnerType, kind: Kind): CellClasses {
  const codec = type[kind];
  return codec.classes ??= classesOf(type, kind, codec.get, codec.set);
}

/** The classes of a type's arrays and, if it is a struct, of its accessors: then `get` is undefined. */
export function classesOf(
  type: Type & { readonly leadsOn: boolean },
  kind: Kind,
  get: Codec["get"] | undefined,
  set: Codec["set"],
): CellClasses {
  const { byteLength: stride, name, leadsOn } = type;
  const made = fresh(cellClasses, get, set, stride, ({ $place, $at, length }, index) => {
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      throw new RangeError(
        `index ${index} is not one of an array of ${length} ${name}: an integer from 0 to ${length - 1}`,
      );
    }
    const byteOffset = $place!.byteOffset + $at + index * stride;
    const place = placeOf($place!.file, byteOffset, stride);
    return { view: place.view, at: byteOffset - place.byteOffset, place };
  });
  const methods = {
    *[Symbol.iterator](this: ArrayCell) {
      for (let index = 0; index < this.length; index++) yield this.at(index);
    },
    toJSON(this: ArrayCell) {
      const all = Array.from(this as unknown as Iterable<unknown>);
      return leadsOn ? all.map((element) => (element as { toJSON(): unknown }).toJSON()) : all;
    },
    [inspected](this: { toJSON(): unknown }) {
      return this.toJSON();
    },
  };
  const { prototype } = made.ArrayClass;
  Object.defineProperties(prototype, hidden(methods));
  if (kind === "fileCodec") Object.defineProperties(prototype, hidden({ persist }));
  return made;

  function persist(this: ArrayCell, first = 0, count = this.length - first): void {
    const isInside = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count > 0 &&
      first + count <= this.length;
    if (!isInside) {
      throw new RangeError(
        `${count} elements from ${first} on are not in an array of ${this.length} ${name}`,
      );
    }
    const { file, byteOffset } = this.$place!;
    file.persist(byteOffset + this.$at + first * stride, count * stride);
  }
}

/** Descriptors of methods as classes have them. */
export function hidden(methods: object): PropertyDescriptorMap {
  const descriptors = Object.getOwnPropertyDescriptors(methods) as PropertyDescriptorMap;
  for (const key of Reflect.ownKeys(descriptors)) descriptors[key as string]!.enumerable = false;
  return descriptors;
}
