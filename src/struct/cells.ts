// What all accessors are made of: a view and an offset in it, and machine code that no two types share.

import type { Region } from "../../mod.ts";
import type { DataViewLike, Type } from "./types.ts";

/** The part of a file that a view covers. */
export interface Place {
  readonly file: Region;
  /** Where the view begins, in bytes from the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

/** Where an accessor lies. Plain properties, for both engines make objects with private or symbol-named ones many times slower. */
export interface Cell {
  readonly $view: DataViewLike;
  /** From the beginning of the view, in bytes. */
  readonly $at: number;
  /** Undefined over anything but a file. */
  readonly $place: Place | undefined;
}

/** How a value is read and written where it lies. Structs and arrays read as accessors. */
export interface Codec {
  get(view: DataViewLike, at: number, place: Place | undefined): unknown;
  set(view: DataViewLike, at: number, value: unknown, place: Place | undefined): void;
  /** Of a struct or an array: the getter of a field. */
  getterAt?(offset: number): Getter;
  /** Arrays of such values, of any length; made when the first is asked for. */
  classes?: CellClasses;
}

/** Types have a codec for files, and another for everything else, so that code that runs on files has seen nothing but DataViews. */
export type Kind = "fileCodec" | "viewCodec";

/** What a type is inside this library. */
export interface InnerType extends Type, Readonly<Record<Kind, Codec>> {
  /** Whether it is read as an accessor, which is never assigned. */
  readonly leadsOn: boolean;
}

/** What a type is inside this library. */
export function inner(type: Type): InnerType {
  return type as InnerType;
}

let copies = 0;

/**
 * Calls a copy of a function that refers to nothing but its parameters: the same text with machine code and profiles of its own.
 *
 * JavaScriptCore keeps one profile for all closures of one text. With two record types in a program, `table.at(i)` would then
 * allocate for each element and take 10 to 20 ns instead of 1. Where code from strings is forbidden or the text was rewritten to refer
 * to something else, the function itself is called: slower, and the same.
 */
export function fresh<Parameters extends unknown[], Result>(
  make: (...parameters: Parameters) => Result,
  ...parameters: Parameters
): Result {
  try {
    // The number keeps V8 from finding the copy before this one in its cache
    return new Function(`return ${make} /* ${copies++} */`)()(...parameters);
  } catch {
    return make(...parameters);
  }
}

/** A class of accessors for one type. */
export type CellClass = new (view: DataViewLike, at: number, place: Place | undefined) => Cell;

/** The array that a cell is. */
export interface ArrayCell extends Cell {
  /** How many elements lie in the view; more may follow in other views of the file. */
  readonly $near: number;
  readonly length: number;
  at(index: number): unknown;
  set(index: number, value: unknown): void;
}

/** A class of arrays of one type of element. */
export type ArrayClass = new (
  view: DataViewLike,
  at: number,
  place: Place | undefined,
  near: number,
  length: number,
) => ArrayCell;

/** Where an element lies that is not in the array's view; throws if there is none. */
export type Far = (
  array: ArrayCell,
  index: number,
) => { view: DataViewLike; at: number; place: Place | undefined };

/** The classes for a type, and getters for fields of it. */
export interface CellClasses {
  Class: CellClass;
  ArrayClass: ArrayClass;
  recordAt(offset: number): Getter;
  arrayAt(offset: number, length: number): Getter;
}

/** What a property calls when it is read. */
export type Getter = (this: Cell) => unknown;

/**
 * For `fresh`: the class of a struct's accessors, and that of arrays of one type of element: structs of the first class, or what `get`
 * gives. Together in one text, as JavaScriptCore sees through `new` only there; and not derived from anything, nor with declared
 * fields, both of which V8 makes many times slower.
 */
export function cellClasses(
  get: Codec["get"] | undefined,
  set: Codec["set"],
  stride: number,
  far: Far,
): CellClasses {
  const Class = class {
    declare $view: DataViewLike;
    declare $at: number;
    declare $place: Place | undefined;
    constructor(view: DataViewLike, at: number, place: Place | undefined) {
      this.$view = view;
      this.$at = at;
      this.$place = place;
    }
  };
  const ArrayClass = class {
    declare $view: DataViewLike;
    declare $at: number;
    declare $place: Place | undefined;
    declare $near: number;
    declare length: number;
    constructor(view: DataViewLike, at: number, place: Place | undefined, near: number, length: number) {
      this.$view = view;
      this.$at = at;
      this.$place = place;
      this.$near = near;
      this.length = length;
    }
    at(index: number): unknown {
      if (index === (index | 0) && index >= 0 && index < this.$near) {
        const at = this.$at + index * stride;
        return get === undefined ? new Class(this.$view, at, this.$place) : get(this.$view, at, this.$place);
      }
      const { view, at, place } = far(this, index);
      return get === undefined ? new Class(view, at, place) : get(view, at, place);
    }
    set(index: number, value: unknown): void {
      if (index === (index | 0) && index >= 0 && index < this.$near) {
        set(this.$view, this.$at + index * stride, value, this.$place);
      } else {
        const { view, at, place } = far(this, index);
        set(view, at, value, place);
      }
    }
  };
  return {
    Class,
    ArrayClass,
    recordAt: (offset) =>
      function (this: Cell) {
        return new Class(this.$view, this.$at + offset, this.$place);
      },
    arrayAt: (offset, length) =>
      function (this: Cell) {
        return new ArrayClass(this.$view, this.$at + offset, this.$place, length, length);
      },
  };
}

/** Shows an accessor in console.log as the values that it has, in both runtimes. */
export const inspected: unique symbol = Symbol.for("nodejs.util.inspect.custom") as typeof inspected;
