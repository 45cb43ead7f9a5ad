// Deep equality and deep copies of what a test compares: data, not behaviour. No library: the engine depends on nothing.

/** Whether two values hold the same data: prototypes are compared, NaN equals NaN, 0 differs from -0. */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isView(a) || isView(b)) return isView(a) && isView(b) && equalViews(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a)) {
    const other = b as unknown[];
    return a.length === other.length && a.every((item, i) => equal(item, other[i]));
  }
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof ArrayBuffer) return equalViews(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  if (a instanceof Map) return equalMaps(a, b as Map<unknown, unknown>);
  if (a instanceof Set) return equalSets(a, b as Set<unknown>);
  return equalObjects(a as Record<PropertyKey, unknown>, b as Record<PropertyKey, unknown>);
}

/** A deep copy of data: arrays, maps, sets, typed arrays (recorded ones too) and objects with their prototype. */
export function copy<T>(value: T): T {
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isView(value)) return copyView(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Map) return new Map(Array.from(value, ([k, v]) => [copyOf(k), copyOf(v)]));
  if (value instanceof Set) return new Set(Array.from(value, copyOf));
  if (value instanceof Date) return new Date(value);
  if (value instanceof ArrayBuffer) return value.slice(0);
  const result = Object.create(Object.getPrototypeOf(value)) as Record<PropertyKey, unknown>;
  for (const key of Reflect.ownKeys(value)) {
    result[key] = copyOf((value as Record<PropertyKey, unknown>)[key]);
  }
  return result;
}

type Elements = ArrayLike<unknown> & { constructor: unknown };
type AnyView = Elements | DataView;

// A recorded view is a Proxy, for which ArrayBuffer.isView says no: ask for the prototype instead.
const TypedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => Elements;

function isView(value: object): value is AnyView {
  return value instanceof TypedArray || value instanceof DataView;
}

function equalViews(a: AnyView, b: AnyView): boolean {
  if (!(a instanceof DataView && b instanceof DataView) && a.constructor !== b.constructor) return false;
  const left = elements(a), right = elements(b);
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (!Object.is(left[i], right[i])) return false;
  return true;
}

function elements(view: AnyView): ArrayLike<unknown> {
  if (!(view instanceof DataView)) return view;
  return Uint8Array.from({ length: view.byteLength }, (_, i) => view.getUint8(i));
}

function copyView(view: AnyView): AnyView {
  const plain = elements(view);
  if (view instanceof DataView) return new DataView((plain as Uint8Array<ArrayBuffer>).buffer);
  return new (view.constructor as new (from: ArrayLike<unknown>) => Elements)(plain);
}

function equalMaps(a: Map<unknown, unknown>, b: Map<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (!b.has(key) || !equal(value, b.get(key))) return false;
  return true;
}

function equalSets(a: Set<unknown>, b: Set<unknown>): boolean {
  if (a.size !== b.size) return false;
  const rest = [...b];
  return [...a].every((item) => {
    const at = rest.findIndex((other) => equal(item, other));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
}

function equalObjects(a: Record<PropertyKey, unknown>, b: Record<PropertyKey, unknown>): boolean {
  const keys = Reflect.ownKeys(a);
  if (keys.length !== Reflect.ownKeys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}
