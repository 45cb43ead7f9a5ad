// What `crash` is told and what it tells: types and defaults, nothing that runs a test.
import type { Model } from "./model.ts";
import { checkOption } from "./ranges.ts";
import type { Region } from "../../mod.ts";
import { MODELS } from "./model.ts";

/** One operation of a workload. */
export interface Operation<Arg = unknown> {
  /** What `tester.op` was given. */
  readonly name: string;
  /** What `tester.op` was given, copied. */
  readonly arg: Arg;
}

/** What a workload marks its operations with. */
export interface Tester {
  /**
   * Runs one operation. Once it returned it is acknowledged: no crash may lose it. Until then it may survive wholly
   * or not at all. If it throws it must have changed nothing, and the error is passed on.
   *
   * @param arg what the reference needs to know; copied
   * @throws {TypeError} if another operation is still running
   */
  op<R>(name: string, arg: unknown, body: () => R | Promise<R>): Promise<R>;
  /** A number in [0, 1) that depends on the seed alone; the same whether or not other operations were left out. */
  random(): number;
}

/** The plain, in-memory meaning of the structure. */
export interface Reference<State> {
  /** The state that `setup` leaves. */
  init: State | (() => State);
  /** The state after an operation. May change the one it is given (a copy) and return nothing. */
  apply(state: State, operation: Operation): State | void;
  /** Further states that a crash may leave while the operation runs, for example the first records of a batch. */
  partial?(state: State, operation: Operation): Iterable<State>;
}

/** How much is tried. A test that hits a limit has not passed. */
export interface Budget {
  /** Crash images, each of which is one recovery; default 1,000,000. */
  images?: number;
  /** Milliseconds; default 60,000. */
  ms?: number;
}

/** What is run before the power fails. */
export interface Program {
  /** Bytes of the region, 1 to 2^30. */
  size: number;
  /** Where `tester.random` begins; default 1. */
  seed?: number;
  /** What a crash may lose; default `px86`. */
  model?: Model;
  /**
   * `recorded` (default): views tell of every load and store. `plain`: views are real typed arrays, as Atomics and
   * TextDecoder need; stores are then found by comparing and the report says approximate.
   */
  views?: "recorded" | "plain";
  /** Formats the region; what it leaves is durable. */
  setup?(region: Region): unknown;
  /** Opens the structure and uses it, through `tester.op`. Must do the same each time. */
  workload(region: Region, tester: Tester): unknown;
}

/** A crash test. Its functions may return promises, but a recovery that returns a value is tried much faster. */
export interface CrashOptions<Structure, State> extends Program {
  /**
   * Default `lazy`: only what recovery reads is enumerated, which finds the same as `exhaustive` in fewer images.
   * `{ samples }`: so many random images at each crash point, never complete.
   */
  explore?: "lazy" | "exhaustive" | { samples: number };
  /** How much is tried before it counts as incomplete, which is no pass. */
  budget?: Budget;
  /** How many crashes inside recovery, one within the other; default 1. */
  nested?: number;
  /** How often recovery may touch the region before it counts as endless; default 1,000,000. */
  steps?: number;
  /** Opens the structure after a crash. Whatever it reads is tried in every way that it can have survived. */
  recover(region: Region): Structure | Promise<Structure>;
  /** What the structure holds, in the form of the reference's state. */
  observe(structure: Structure): State | Promise<State>;
  /** What it should hold. */
  reference: Reference<State>;
  /**
   * Uses the structure after recovery, through `tester.op`; crashes are then tried here too. It is run after one recovery
   * and, if that stored something, after a second.
   */
  further?(structure: Structure, tester: Tester): unknown;
  /** The token of a failure: only that image is tried, with the model, seed and operations of the token. */
  replay?: string;
}

/** What was tried. */
export interface CrashReport {
  /** True only if every image that the model allows was tried, or proven to be no different from one that was. */
  complete: boolean;
  /** True if some stores were found by comparing bytes; then never complete. */
  approximate: boolean;
  /** What a crash was allowed to lose. */
  model: Model;
  /** Recoveries that were run, nested ones included. */
  images: number;
  /** Moments of the workload at which the power was cut. */
  crashPoints: number;
  /** Moments of recoveries (and of what `further` did) at which the power was cut again. */
  nestedCrashPoints: number;
  /** Operations of the workload. */
  operations: number;
  /** Stores of the workload, a copy being one. */
  stores: number;
  /** Flushes of the workload; that of a persist is one. */
  flushes: number;
  /** Drains of the workload; that of a persist is one. */
  drains: number;
  /** What is not wrong but odd: a flush of clean lines, a store that can tear. */
  warnings: string[];
  /** Milliseconds it took. */
  ms: number;
}

/** The options with every default in its place. */
export interface Settings<Structure, State> extends CrashOptions<Structure, State> {
  seed: number;
  model: Model;
  views: "recorded" | "plain";
  explore: "lazy" | "exhaustive" | { samples: number };
  budget: Required<Budget>;
  nested: number;
  steps: number;
}

/** The same test without what is done after recovery: a failure that needs none of that is better told without it. */
export function withoutFurther<S, T>({ further: _, ...settings }: Settings<S, T>): Settings<S, T> {
  return settings;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {RangeError} for a number outside its limits
 * @throws {TypeError} for an unknown name
 */
export function settingsOf<S, T>(options: CrashOptions<S, T>): Settings<S, T> {
  const { seed = 1, model = "px86", explore = "lazy", nested = 1, steps = 1e6, views = "recorded" } = options;
  checkOption("size", options.size, 1, 2 ** 30);
  checkOption("seed", seed, 0, 2 ** 32 - 1);
  checkOption("nested", nested, 0, 8);
  checkOption("steps", steps, 1, 2 ** 40);
  if (!Object.hasOwn(MODELS, model)) throw unknown("model", model, Object.keys(MODELS));
  if (views !== "recorded" && views !== "plain") throw unknown("views", views, ["recorded", "plain"]);
  if (typeof explore === "object") checkOption("explore.samples", explore.samples, 1, 2 ** 40);
  else if (explore !== "lazy" && explore !== "exhaustive") {
    throw unknown("explore", explore, ["lazy", "exhaustive", "{ samples }"]);
  }
  const budget = { images: options.budget?.images ?? 1e6, ms: options.budget?.ms ?? 60_000 };
  if (!(budget.images > 0)) throw new RangeError(`crash: budget.images is ${budget.images}, must be above 0`);
  if (!(budget.ms > 0)) throw new RangeError(`crash: budget.ms is ${budget.ms}, must be above 0`);
  return { ...options, seed, model, explore, budget, nested, steps, views };
}

function unknown(name: string, value: unknown, names: string[]): TypeError {
  return new TypeError(`crash: ${name} is ${JSON.stringify(value)}, must be one of ${names.join(", ")}`);
}
