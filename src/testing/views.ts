// Typed arrays that tell of every load and store: a Proxy over the real one. Exact where `array[i]` is used, careful
// (whole ranges, unordered copies) where a method is, and honest (approximate) where the buffer itself is taken.
import type { ViewConstructor } from "../../mod.ts";
import { type Elements, type Method, methodOf } from "./view_methods.ts";
import type { Memory } from "./memory.ts";

/** What the views of one region share: after close they are empty. */
export interface ViewOwner {
  readonly memory: Memory;
  closed: boolean;
}

/** Where a view lies. */
export interface Place {
  readonly memory: Memory;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** How a recorded view is asked for its place. A WeakMap would do, but it doubles the work of the collector. */
export const PLACE: unique symbol = Symbol("place");

function placeOf(view: ArrayBufferView): Place | undefined {
  return (view as { [PLACE]?: Place } | undefined)?.[PLACE];
}

/** Whether a view, recorded or plain, lies on this memory. */
export function isOn(view: ArrayBufferView, memory: Memory): boolean {
  const place = placeOf(view);
  return place ? place.memory === memory : ArrayBuffer.isView(view) && view.buffer === memory.bytes.buffer;
}

/** Where a view lies, in bytes. */
export function rangeOf(view: ArrayBufferView): [byteOffset: number, byteLength: number] {
  return [view.byteOffset, view.byteLength];
}

/** The bytes of any view; of a recorded one, read through the record. */
export function bytesOf(source: ArrayBufferView): Uint8Array {
  const place = placeOf(source);
  if (place) {
    const { memory, byteOffset, byteLength } = place;
    memory.read(byteOffset, byteLength);
    return memory.bytes.slice(byteOffset, byteOffset + byteLength);
  }
  if (!ArrayBuffer.isView(source)) {
    throw new TypeError(`source is a typed array or DataView, not ${typeof source}`);
  }
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}

/** A recorded typed array. */
export function viewOf<T extends ArrayBufferView>(
  owner: ViewOwner,
  type: ViewConstructor<T>,
  byteOffset: number,
  length: number,
): T {
  const target = new type(owner.memory.bytes.buffer, byteOffset, length) as unknown as Elements;
  const recorded = new RecordedArray(
    owner,
    type as unknown as ViewConstructor<Elements>,
    byteOffset,
    length,
    target,
  );
  return recorded.view = new Proxy(target, recorded) as unknown as T & Elements;
}

/** The traps of one recorded array, and what its methods are built from. */
export class RecordedArray implements ProxyHandler<Elements>, Place {
  readonly memory: Memory;
  readonly byteLength: number;
  view: Elements;
  #methods: Map<PropertyKey, Method> | undefined;

  constructor(
    readonly owner: ViewOwner,
    readonly type: ViewConstructor<Elements>,
    readonly byteOffset: number,
    readonly fullLength: number,
    readonly target: Elements,
  ) {
    this.memory = owner.memory;
    this.byteLength = target.byteLength;
    this.view = target;
  }

  get length(): number {
    return this.owner.closed ? 0 : this.fullLength;
  }

  get elementBytes(): number {
    return this.type.BYTES_PER_ELEMENT!;
  }

  load(index: number): unknown {
    if (!(index < this.length) || !Number.isInteger(index)) return undefined;
    this.memory.read(this.byteOffset + index * this.elementBytes, this.elementBytes);
    return this.target[index];
  }

  /** A plain copy of some elements. */
  copyOut(first: number, last: number): Elements {
    if (this.owner.closed || last <= first) return new this.type(new ArrayBuffer(0));
    const bytes = this.elementBytes;
    this.memory.read(this.byteOffset + first * bytes, (last - first) * bytes);
    return this.target.slice(first, last);
  }

  /** Stores elements of the same class: a copy through the cache, whose words come in any order. */
  copyIn(source: Elements, first: number): void {
    if (!this.owner.closed) {
      this.memory.store(this.byteOffset + first * this.elementBytes, bytesOf(source), "bulk");
    }
  }

  get(_: Elements, key: PropertyKey): unknown {
    if (typeof key === "string" && isIndex(key)) return this.load(Number(key));
    if (key === "length") return this.length;
    if (key === PLACE) return this;
    if (key === "byteLength") return this.length * this.elementBytes;
    if (key === "buffer") return this.memory.expose();
    const known = this.#methods?.get(key);
    if (known) return known;
    const value = Reflect.get(this.target, key, this.target);
    if (typeof value !== "function" || key === "constructor") return value;
    const method = methodOf(this, key, value as Method);
    (this.#methods ??= new Map()).set(key, method);
    return method;
  }

  set(_: Elements, key: PropertyKey, value: unknown): boolean {
    if (typeof key !== "string" || !isIndex(key)) return Reflect.set(this.target, key, value, this.target);
    const { element, bytes } = scratchOf(this.type);
    element[0] = value; // converts, and throws, as the real one does
    const index = Number(key);
    if (index < this.length && Number.isInteger(index)) {
      this.memory.store(this.byteOffset + index * bytes.length, bytes, "ordered");
    }
    return true;
  }

  getOwnPropertyDescriptor(_: Elements, key: PropertyKey): PropertyDescriptor | undefined {
    if (typeof key === "string" && isIndex(key)) this.load(Number(key));
    return Reflect.getOwnPropertyDescriptor(this.target, key);
  }

  defineProperty(_: Elements, key: PropertyKey): boolean {
    throw new TypeError(`a recorded view cannot define ${String(key)}: assign to it`);
  }
}

// Whether a key is a number: its first character says so, and nothing that a typed array has begins like that.
function isIndex(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 48 && code <= 57;
}

const scratches = new Map<unknown, { element: Elements; bytes: Uint8Array }>();

/** One element of a class, for converting values to bytes. */
function scratchOf(type: ViewConstructor<Elements>): { element: Elements; bytes: Uint8Array } {
  let scratch = scratches.get(type);
  if (!scratch) {
    const element = new type(new ArrayBuffer(type.BYTES_PER_ELEMENT!));
    scratches.set(type, scratch = { element, bytes: new Uint8Array(element.buffer) });
  }
  return scratch;
}
