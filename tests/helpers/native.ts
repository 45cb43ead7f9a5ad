/** Native functions in the place of the loaded ones, to count calls and to give answers that a machine at hand would not. */

import { library, type Native } from "../../ffi/library.ts";

/** Some of the native functions. */
export type Replacement = { -readonly [name in keyof Native]?: Native[name] };

/** Runs a body, which may be asynchronous, in which some native functions are others; files opened before it keep the real ones. */
export function withNative<T>(replace: (real: Native) => Replacement, body: () => T): T {
  const loaded = library() as { native: Native };
  const real = loaded.native;
  let active = true;
  const replacement: Record<string, (...parameters: number[]) => number> = {};
  // A file that is opened inside keeps these for good
  for (const [name, fake] of Object.entries(replace(real))) {
    const own = real[name as keyof Native];
    replacement[name] = (...parameters) => active ? fake(...parameters) : own(...parameters);
  }
  loaded.native = { ...real, ...replacement } as Native;
  const restore = () => {
    active = false;
    loaded.native = real;
  };
  let later = false;
  try {
    const result = body();
    later = result instanceof Promise;
    return later ? (result as Promise<unknown>).finally(restore) as T : result;
  } finally {
    if (!later) restore();
  }
}
