// What a field's type says to the compiler: the value that is read and assigned, the accessor, the plain copy.

/** How a value of a type lies in memory, as C lays it out on x86-64 and aarch64. */
export interface Type {
  /** Bytes that it takes; in a struct with the padding at its end, `sizeof` in C. */
  readonly byteLength: number;
  /** What its offset is a multiple of, in bytes; `alignof` in C. */
  readonly alignment: number;
  /** What it is called in messages: `u32`, `utf8(24)`. */
  readonly name: string;
}

/** A type whose values are copied in and out: numbers, bigints, booleans, text, bytes. */
export interface Scalar<Value> extends Type {
  /** Never there: tells the compiler what is read and assigned. */
  readonly valueType?: Value;
}

/** The fields of a struct by their names, in the order in which they lie. */
export type Fields = Readonly<Record<string, Type>>;

/** What a field is read as: a value, or of structs and arrays an accessor. */
export type ValueOf<T> = T extends { readonly fields: infer F } ? Accessor<F>
  : T extends { readonly element: infer E } ? ArrayAccessor<E>
  : T extends Scalar<infer V> ? V
  : never;

/** What a field on a file is read as: a value, or of structs and arrays an accessor that can persist. */
export type FileValueOf<T> = T extends { readonly fields: infer F } ? FileAccessor<F>
  : T extends { readonly element: infer E } ? FileArrayAccessor<E>
  : T extends Scalar<infer V> ? V
  : never;

/** A copy that is tied to no file: structs are objects, arrays are arrays. */
export type PlainOf<T> = T extends { readonly fields: infer F } ? { -readonly [K in keyof F]: PlainOf<F[K]> }
  : T extends { readonly element: infer E } ? PlainOf<E>[]
  : T extends Scalar<infer V> ? V
  : never;

/** What `set` assigns: to a struct any of its fields, to an array all of its elements. */
export type InputOf<T> = T extends { readonly fields: infer F } ? { readonly [K in keyof F]?: InputOf<F[K]> }
  : T extends { readonly element: infer E } ? Iterable<InputOf<E>>
  : T extends Scalar<infer V> ? V
  : never;

/** The names of the fields that are assigned as properties; the others are read as accessors. */
export type ScalarNames<F> = {
  [K in keyof F]: F[K] extends { readonly fields: unknown } | { readonly element: unknown } ? never : K;
}[keyof F];

/** What every record has beside its fields. */
export interface RecordMembers<F> {
  /**
   * Assigns several fields at once, those of nested structs too. The bytes are not durable by that.
   *
   * @throws {TypeError} if there is no such field, or a value has the wrong type; fields before that one are then assigned
   * @throws {RangeError} if a value does not fit
   */
  set(values: InputOf<{ readonly fields: F }>): void;
  /** A plain copy of all fields. Values of 64 bits stay bigints, which JSON.stringify refuses unless it is told what to do with them. */
  toJSON(): PlainOf<{ readonly fields: F }>;
}

/** A record: its fields as properties, each read from memory when it is asked for. */
export type Accessor<F> =
  & { -readonly [K in ScalarNames<F>]: ValueOf<F[K]> }
  & { readonly [K in Exclude<keyof F, ScalarNames<F>>]: ValueOf<F[K]> }
  & RecordMembers<F>;

/** What a record on a file has beside its fields. */
export interface FileRecordMembers<F> extends RecordMembers<F> {
  /**
   * Makes the named fields durable, or the whole record if none is named: writes back the cache lines (on page granularity the pages)
   * that they touch, adjacent ones together, and waits once.
   *
   * @throws {TypeError} if there is no such field, or the file is closed
   * @throws {DaxError} what `DaxFile.persist` throws
   */
  persist(...names: (keyof F & string)[]): void;
}

/** A record on a file. */
export type FileAccessor<F> =
  & { -readonly [K in ScalarNames<F>]: FileValueOf<F[K]> }
  & { readonly [K in Exclude<keyof F, ScalarNames<F>>]: FileValueOf<F[K]> }
  & FileRecordMembers<F>;

/** An array of values or records, each read from memory when it is asked for. */
export interface ArrayAccessor<T> extends Iterable<ValueOf<T>> {
  /** How many elements. */
  readonly length: number;
  /**
   * An element: its value, or of structs and arrays an accessor.
   *
   * @param index from 0
   * @throws {RangeError} if there is no such element
   */
  at(index: number): ValueOf<T>;
  /**
   * Assigns an element. The bytes are not durable by that.
   *
   * @throws {RangeError} if there is no such element, or the value does not fit
   * @throws {TypeError} if the value has the wrong type
   */
  set(index: number, value: InputOf<T>): void;
  /** A plain copy of all elements. */
  toJSON(): PlainOf<T>[];
}

/** An array on a file. */
export interface FileArrayAccessor<T> extends Omit<ArrayAccessor<T>, "at">, Iterable<FileValueOf<T>> {
  /**
   * An element: its value, or of structs and arrays an accessor.
   *
   * @param index from 0
   * @throws {RangeError} if there is no such element
   */
  at(index: number): FileValueOf<T>;
  /** Its elements in order. */
  [Symbol.iterator](): Iterator<FileValueOf<T>>;
  /**
   * Makes elements durable; without parameters all of them.
   *
   * @param first the first element, from 0
   * @param count how many; by default the rest
   * @throws {RangeError} if there are no such elements
   * @throws {DaxError} what `DaxFile.persist` throws
   */
  persist(first?: number, count?: number): void;
}

/** What `over` needs: the methods of DataView, called with `true` for little-endian. A DataView is one. */
export interface DataViewLike extends
  Omit<
    DataView,
    "buffer" | "byteLength" | "byteOffset" | "getFloat16" | "setFloat16" | typeof Symbol.toStringTag
  > {
  /** If there is such a method, bytes and text are read by one call of it, which gives a copy; else byte by byte. */
  read?(byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer>;
  /** If there is such a method, bytes and text are stored by one call of it; else byte by byte. */
  write?(byteOffset: number, source: Uint8Array): void;
}
