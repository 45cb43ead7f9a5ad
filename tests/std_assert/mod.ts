// The tests import `@std/assert`. The world gets it from JSR (deno.json, imports); where JSR cannot be reached the same name
// leads here — deno.json's `links` for Deno, tsconfig.json's `paths` for Bun and tsc — to npm's compiled copy of that library.
// @ts-ignore: the copy has no types; the ones below are what @std/assert declares
import * as library from "../../node_modules/deno-std/assert/mod.js";

// deno-lint-ignore no-explicit-any
const std = library as any;

type ErrorClass<E extends Error> = abstract new (...parameters: never[]) => E;

export const assert: (condition: unknown, message?: string) => asserts condition = std.assert;
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertEquals;
export const assertNotEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertNotEquals;
export const assertStrictEquals: <T>(actual: unknown, expected: T, message?: string) => asserts actual is T =
  std.assertStrictEquals;
export const assertGreater: <T>(actual: T, expected: T, message?: string) => void = std.assertGreater;
export const assertGreaterOrEqual: <T>(actual: T, expected: T, message?: string) => void =
  std.assertGreaterOrEqual;
export const assertLess: <T>(actual: T, expected: T, message?: string) => void = std.assertLess;
export const assertLessOrEqual: <T>(actual: T, expected: T, message?: string) => void = std.assertLessOrEqual;
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void = std.assertMatch;
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  std.assertStringIncludes;
export const assertInstanceOf: <T>(
  actual: unknown,
  expected: abstract new (...parameters: never[]) => T,
  message?: string,
) => asserts actual is T = std.assertInstanceOf;
export const assertThrows: <E extends Error = Error>(
  body: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => E = std.assertThrows;
export const assertRejects: <E extends Error = Error>(
  body: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => Promise<E> = std.assertRejects;
export const fail: (message?: string) => never = std.fail;
