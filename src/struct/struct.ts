// struct(): a type of records, and the accessors of its records.

import type { Region } from "../../mod.ts";
import { classesOf, elementsOf, hidden } from "./array.ts";
import {
  type Cell,
  type Codec,
  fresh,
  inner,
  type InnerType,
  inspected,
  type Kind,
  type Place,
} from "./cells.ts";
import { type Field, type Layout, layoutOf } from "./layout.ts";
import { checkAlignment, checkPlace, persistRanges, placeOf } from "./places.ts";
import { checkCount } from "./refusal.ts";
import type { Accessor, DataViewLike, Fields, FileAccessor, FileArrayAccessor, Type } from "./types.ts";

/** A type of records, made by {@linkcode struct}. May itself be the type of a field, or of an array's elements. */
export interface Struct<F extends Fields> extends Type {
  /** The fields and their types. */
  readonly fields: F;
  /**
   * Where a field lies, in bytes from the beginning of a record: `offsetof` in C.
   *
   * @throws {TypeError} if there is no such field
   */
  offsetOf(field: keyof F & string): number;
  /**
   * The record at an offset of a file. Nothing is read, written or checked in it: any bytes are a record.
   *
   * @param file an open file, or a region of `./testing`
   * @param byteOffset where it begins, from the start of the file; a multiple of the alignment
   * @throws {RangeError} if it is misaligned, not inside the file, or has more than 1 GiB
   * @throws {TypeError} if the file is closed
   */
  at(file: Region, byteOffset: number): FileAccessor<F>;
  /**
   * Records one after another on a file: `struct account table[count]` in C. May be larger than the 1 GiB that a view covers.
   *
   * @param file an open file, or a region of `./testing`
   * @param byteOffset where the first one begins, from the start of the file; a multiple of the alignment
   * @param count how many
   * @throws {RangeError} if it is misaligned or not inside the file
   * @throws {TypeError} if the file is closed
   */
  array(file: Region, byteOffset: number, count: number): FileArrayAccessor<Struct<F>>;
  /**
   * A record over anything with the methods of a DataView: one in memory, or a transaction, whose writes take effect when it commits.
   * It has no `persist`.
   *
   * @param view what to read from and write to
   * @param byteOffset where the record begins in it; a multiple of the alignment
   * @throws {RangeError} if it is misaligned; if it is not inside, what the view itself throws when a field is read or written
   */
  over(view: DataViewLike, byteOffset: number): Accessor<F>;
}

/**
 * A type of records, laid out as C does on x86-64 and aarch64: fields in the order in which they are written, each aligned to its size, the
 * whole padded. A C program that maps the same file sees a struct of the same fields.
 *
 * Call it once for each type, at the top of a module: it makes the class of the accessors.
 *
 * @param fields types by name. The names do not matter to C; those that accessors have themselves (`persist`, `set`, `toJSON`,
 *   `constructor`, …) are refused
 * @throws {TypeError} if there is no field, one has no type, or a name that cannot be
 * @throws {RangeError} if the struct has 2^53 bytes or more
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 * import { bool, struct, u32, u64, utf8 } from "@daxfile/daxfile/struct";
 *
 * const Point = struct({ x: u32, y: u32 });
 * const Shape = struct({ id: u64, closed: bool, from: Point, to: Point, label: utf8(16) });
 * console.log(Shape.byteLength, Shape.alignment, Shape.offsetOf("from")); // 48 8 12
 *
 * using file = open("shapes.dax", { create: true, size: 1 << 16 });
 * const shape = Shape.at(file, 0);
 * shape.set({ id: 7n, to: { x: 3, y: 4 }, label: "a line" });
 * shape.to.x += 1;
 * shape.persist();
 * console.log(shape.toJSON());
 * ```
 */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  const layout = layoutOf(fields), { byteLength, alignment } = layout;
  const type = { name: nameOf(Object.keys(fields)), byteLength, alignment, leadsOn: true };
  let viewCodec: Codec | undefined;
  const made = {
    ...type,
    fields: Object.freeze({ ...fields }),
    fileCodec: codecOf(type, layout, "fileCodec"),
    // Most programs need none
    get viewCodec() {
      return viewCodec ??= codecOf(type, layout, "viewCodec");
    },
    offsetOf: (field: string) => fieldOf(layout, field).offset,
    at(file: Region, byteOffset: number) {
      checkPlace(file, made, byteOffset, byteLength);
      const place = placeOf(file, byteOffset, byteLength);
      return made.fileCodec.get(place.view, byteOffset - place.byteOffset, place);
    },
    array(file: Region, byteOffset: number, count: number) {
      checkCount("count", count);
      checkPlace(file, made, byteOffset, byteLength * count);
      const place = placeOf(file, byteOffset, byteLength), at = byteOffset - place.byteOffset;
      const near = Math.min(count, Math.floor((place.byteLength - at) / byteLength));
      return new (elementsOf(inner(made), "fileCodec").ArrayClass)(place.view, at, place, near, count);
    },
    over(view: DataViewLike, byteOffset: number) {
      checkAlignment(made, byteOffset);
      return made.viewCodec.get(view, byteOffset, undefined);
    },
  };
  return Object.freeze(made satisfies InnerType) as unknown as Struct<F>;
}

/** In messages, where a struct has no name: its first fields. */
function nameOf(names: string[]): string {
  return `struct { ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""} }`;
}

function fieldOf({ fields }: Layout, name: string): Field {
  const field = fields.get(name);
  if (field === undefined) {
    throw new TypeError(`There is no field ${String(name)}: there are ${[...fields.keys()].join(", ")}`);
  }
  return field;
}

/** Makes the class of a struct's accessors, once for files and once for everything else. */
function codecOf(type: Type & { readonly leadsOn: boolean }, layout: Layout, kind: Kind): Codec {
  const classes = classesOf(type, kind, undefined, assign as Codec["set"]);
  const { Class } = classes, { prototype } = Class;
  for (const [name, { type, offset }] of layout.fields) {
    Object.defineProperty(prototype, name, { enumerable: true, ...propertyOf(type[kind], offset) });
  }
  const methods = {
    set(this: Cell, values: object): void {
      assign(this.$view, this.$at, values, this.$place);
    },
    toJSON(this: Cell) {
      return Object.fromEntries(
        Array.from(layout.fields, ([name, { type }]) => {
          const value = (this as unknown as Record<string, unknown>)[name];
          return [name, type.leadsOn ? (value as { toJSON(): unknown }).toJSON() : value];
        }),
      );
    },
    [inspected](this: { toJSON(): unknown }) {
      return this.toJSON();
    },
  };
  Object.defineProperties(prototype, hidden(methods));
  if (kind === "fileCodec") Object.defineProperties(prototype, hidden({ persist }));
  return {
    get: (view, at, place) => new Class(view, at, place),
    set: assign as Codec["set"],
    getterAt: classes.recordAt,
    classes,
  };

  function assign(view: DataViewLike, at: number, values: object, place: Place | undefined): void {
    if (typeof values !== "object" || values === null) {
      throw new TypeError(`${String(values)} is no object of fields`);
    }
    const entries = Object.entries(values).map(([name, value]) => [fieldOf(layout, name), value] as const);
    for (const [{ type, offset }, value] of entries) type[kind].set(view, at + offset, value, place);
  }

  function persist(this: Cell, ...names: string[]): void {
    const { file, byteOffset } = this.$place!, start = byteOffset + this.$at;
    if (names.length === 0) return file.persist(start, layout.byteLength);
    if (names.length === 1) {
      const { offset, type } = fieldOf(layout, names[0]!);
      return file.persist(start + offset, type.byteLength);
    }
    const fields = names.map((name) => fieldOf(layout, name));
    persistRanges(
      file,
      fields.map(({ offset, type }) => ({ byteOffset: start + offset, byteLength: type.byteLength })),
    );
  }
}

function propertyOf({ get, set, getterAt }: Codec, offset: number): PropertyDescriptor & ThisType<Cell> {
  return getterAt === undefined ? fresh(accessors, get, set, offset) : { get: getterAt(offset) };
}

/** For `fresh`: both halves of a property. In constants, as V8 takes no parameter of an outer function for one. */
function accessors(
  getValue: Codec["get"],
  setValue: Codec["set"],
  byteOffset: number,
): PropertyDescriptor & ThisType<Cell> {
  const get = getValue, set = setValue, offset = byteOffset;
  return {
    get() {
      return get(this.$view, this.$at + offset, this.$place);
    },
    set(value: unknown) {
      set(this.$view, this.$at + offset, value, this.$place);
    },
  };
}
