/**
 * How a site is weakened: each operator takes what stands there (a function, or a value that decides) and gives what takes its place.
 * It says when it made a difference, so that a mutant that was never reached is not taken for one that does no harm.
 */

import { Mode } from "../../ffi/symbols.ts";
import { Map as MapFlag } from "../../ffi/symbols.ts";

/** What a mutant may ask of the simulated machine. */
export interface Hooks {
  /** Says that this call or value is another one now. */
  differs(): void;
  /** Runs a body whose flushes come before the last store, and whose fences before the last flush. */
  hoisted<T>(body: () => T): T;
  /** Another function of the library, by its name without the prefix. */
  native(name: string): (...parameters: number[]) => number;
}

// deno-lint-ignore no-explicit-any
type Function_ = (...parameters: any[]) => any;

/** One way to weaken a site. */
export interface Operator {
  readonly name: string;
  weaken(original: unknown, hooks: Hooks): unknown;
}

/** Which parameters of a function are what. */
export interface Roles {
  readonly start?: number;
  readonly source?: number;
  readonly length?: number;
  readonly mode?: number;
  readonly flags?: number;
  readonly dataOnly?: number;
  /** The function that starts a write-back without waiting for it. */
  readonly without?: string;
  /** Copy and fill: a bit of the mode leaves the fence out. */
  readonly canLeaveFence?: boolean;
  /** What it answers if it was left out; default 0. */
  readonly answer?: unknown;
  /** Whether its order among the others can be seen. */
  readonly hoists?: boolean;
}

const call = (
  name: string,
  change: (parameters: unknown[]) => unknown[] | undefined,
  answer: unknown,
): Operator => ({
  name,
  weaken: (original, hooks) => (...parameters: unknown[]) => {
    const changed = change([...parameters]);
    if (changed === undefined || changed.some((value, index) => value !== parameters[index])) hooks.differs();
    return changed === undefined ? answer : (original as Function_)(...changed);
  },
});

const lineBytes = 64;

/** The operators of a function. */
export function ofFunction(roles: Roles, usesResult: boolean): Operator[] {
  const { start, source, length, mode, flags, dataOnly, without, canLeaveFence, answer = 0, hoists } = roles;
  const out: Operator[] = [call("drop", () => undefined, answer)];
  const move = (parameters: unknown[], by: number) => {
    for (const at of [start, source]) if (at !== undefined) parameters[at] = (parameters[at] as number) + by;
  };
  if (start !== undefined && length !== undefined) {
    const lengthOf = (parameters: unknown[]) => parameters[length] as number;
    const narrowed = (name: string, bytesOf: (start: number, length: number) => number, atHead: boolean) =>
      call(name, (parameters) => {
        const by = bytesOf(parameters[start] as number, lengthOf(parameters));
        if (lengthOf(parameters) <= by) return undefined;
        parameters[length] = lengthOf(parameters) - by;
        if (atHead) move(parameters, by);
        return parameters;
      }, answer);
    for (const by of [1, 8, lineBytes]) {
      out.push(narrowed(`narrow by ${by} at the head`, () => by, true));
      out.push(narrowed(`narrow by ${by} at the tail`, () => by, false));
    }
    out.push(narrowed("skip the last line", (start, length) => (start + length - 1) % lineBytes + 1, false));
  }
  if (start !== undefined) {
    for (const by of [lineBytes, -lineBytes]) {
      out.push(call(`misalign by ${by}`, (parameters) => {
        parameters[start] = (parameters[start] as number) + by;
        return parameters;
      }, answer));
    }
  }
  if (mode !== undefined) {
    const set = (name: string, change: (mode: number) => number) =>
      call(name, (parameters) => {
        parameters[mode] = change(parameters[mode] as number);
        return parameters;
      }, answer);
    for (const method of ["fence", "clwb", "msync"] as const) {
      out.push(set(`method ${method}`, (mode) => (mode & ~Mode.methodMask) | Mode[method]));
    }
    if (canLeaveFence) out.push(set("leave the fence out", (mode) => mode | Mode.noDrain));
  }
  if (without !== undefined) {
    const weaken = (_: unknown, hooks: Hooks) => (...parameters: number[]) => {
      hooks.differs();
      return hooks.native(without)(...parameters);
    };
    out.push({ name: `${without} in its place`, weaken });
  }
  if (flags !== undefined) {
    out.push(call("leave out MAP_SYNC", (parameters) => {
      parameters[flags] = (parameters[flags] as number) & ~MapFlag.sync;
      return parameters;
    }, answer));
  }
  if (dataOnly !== undefined) {
    out.push(call("fdatasync in its place", (parameters) => {
      parameters[dataOnly] = typeof parameters[dataOnly] === "boolean" ? true : 1;
      return parameters;
    }, answer));
  }
  if (hoists) {
    const weaken = (original: unknown, hooks: Hooks) => (...parameters: unknown[]) => {
      hooks.differs();
      return hooks.hoisted(() => (original as Function_)(...parameters));
    };
    out.push({ name: "hoist before the store", weaken });
  }
  if (usesResult) {
    const weaken = (original: unknown, hooks: Hooks) => (...parameters: unknown[]) => {
      const result = (original as Function_)(...parameters);
      const swallow = (result: unknown) => {
        if (typeof result !== "number" || result >= 0) return result;
        hooks.differs();
        return 0;
      };
      return result instanceof Promise ? result.then(swallow) : swallow(result);
    };
    out.push({ name: "swallow the error", weaken });
  }
  return out;
}

/** The operators of a value that decides: each of the others that it could be. */
export function ofValue(others: Readonly<Record<string, unknown>>): Operator[] {
  return Object.entries(others).map(([name, other]) => ({
    name,
    weaken(original, hooks) {
      if (original !== other) hooks.differs();
      return other;
    },
  }));
}
