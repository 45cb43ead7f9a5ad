// Where the fields of a struct lie, by the rule of the System V ABI for x86-64 and of AAPCS64: in the order in which they are written,
// each at the next multiple of its own alignment; the whole padded to a multiple of the largest.

import { checkType } from "./array.ts";
import { inner, type InnerType } from "./cells.ts";
import type { Fields } from "./types.ts";

/** A field in its place. */
export interface Field {
  readonly type: InnerType;
  /** From the beginning of the struct, in bytes. */
  readonly offset: number;
}

/** A struct's fields in their places. */
export interface Layout {
  readonly byteLength: number;
  readonly alignment: number;
  readonly fields: ReadonlyMap<string, Field>;
}

/** What accessors have themselves. The name of a field does not matter to C, so another is as good. */
const reserved = new Set([
  "set",
  "persist",
  "toJSON",
  "$view",
  "$at",
  "$place",
  ...Object.getOwnPropertyNames(Object.prototype),
]);

/**
 * Lays fields out.
 *
 * @throws {TypeError} if `fields` is no plain object of types, has none, or one has a name that an accessor needs
 * @throws {RangeError} if the struct has 2^53 bytes or more
 */
export function layoutOf(fields: Fields): Layout {
  checkFields(fields);
  const placed = new Map<string, Field>();
  let end = 0, alignment = 1;
  for (const [name, type] of Object.entries(fields)) {
    const offset = roundUp(end, type.alignment);
    placed.set(name, { type: inner(type), offset });
    alignment = Math.max(alignment, type.alignment);
    end = offset + type.byteLength;
  }
  const byteLength = roundUp(end, alignment);
  if (!Number.isSafeInteger(byteLength)) {
    throw new RangeError(`A struct of ${byteLength} bytes: at most 2^53 - 1`);
  }
  return { byteLength, alignment, fields: placed };
}

function checkFields(fields: Fields): void {
  const isObject = typeof fields === "object" && fields !== null;
  // { __proto__: u8 } makes no field of that name, but an object that is no plain one
  if (!isObject || ![Object.prototype, null].includes(Object.getPrototypeOf(fields))) {
    throw new TypeError(
      "The fields of a struct are a plain object of types, such as { id: u64, name: utf8(24) }",
    );
  }
  const names = Reflect.ownKeys(fields);
  if (names.length === 0) {
    throw new TypeError("A struct has at least one field: C has no size for an empty one");
  }
  for (const name of names) {
    if (typeof name === "symbol") throw new TypeError(`A field is named by a string, not by ${String(name)}`);
    if (reserved.has(name)) {
      throw new TypeError(
        `A field cannot be named ${name}, as accessors have that themselves: only the order of fields matters to C`,
      );
    }
    if (/^\d+$/.test(name)) {
      throw new TypeError(`A field cannot be named ${name}: JavaScript moves numbers before all other names`);
    }
    checkType(`The type of field ${name}`, fields[name]);
  }
}

function roundUp(byteOffset: number, alignment: number): number {
  return Math.ceil(byteOffset / alignment) * alignment;
}
