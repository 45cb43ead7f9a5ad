// What the engine says of a protocol: every short sequence of operations, and the longer ones, under one model.
import {
  crash,
  CrashError,
  type CrashOptions,
  type Model,
  type Operation,
  sequences,
} from "../../src/testing/mod.ts";
import { type Protocol, testOf } from "./protocol.ts";

/** What came of all sequences, up to the first that failed. */
export interface Verdict {
  /** The failure, if there was one, and the test that failed. */
  readonly error?: CrashError;
  readonly failed?: CrashOptions<unknown, unknown>;
  /** Whether that test went on after recovery. */
  readonly isLater?: boolean;
  /** Operations that it did, before and after. */
  readonly operations?: number;
  /** Whether every test said that it had left nothing out. */
  readonly isComplete: boolean;
  readonly images: number;
  readonly crashPoints: number;
}

/** Further settings, such as `explore`. */
export type Settings = Pick<CrashOptions<unknown, unknown>, "explore" | "budget" | "nested">;

/** The sequences on which a protocol is tried. */
export function sequencesOf({ operations, longer = [] }: Protocol): Operation[][] {
  const named = longer.map((calls) => calls.map(([name, arg]) => ({ name, arg })));
  return [...sequences({ operations, upTo: 2 }), ...named];
}

/**
 * Tries a protocol, or one of its bugs, under a model: with nothing done after recovery, then with that. In this order
 * the failure of a bug that needs no further operation is told by its own name. What should pass needs only the latter.
 */
export async function judge(
  protocol: Protocol,
  bug: string | undefined,
  model: Model,
  shouldPass: boolean,
  settings: Settings = {},
): Promise<Verdict> {
  let isComplete = true, images = 0, crashPoints = 0;
  const all = sequencesOf(protocol);
  const rounds = shouldPass ? [protocol.further] : [[], protocol.further];
  const tests = rounds.flatMap((further) => all.map((sequence) => ({ sequence, further })));
  for (const { sequence, further } of tests) {
    const test = { ...testOf(protocol, bug, sequence, further), ...settings, model } as CrashOptions<
      unknown,
      unknown
    >;
    try {
      const report = await crash(test);
      isComplete &&= report.complete && !report.approximate;
      images += report.images;
      crashPoints += report.crashPoints + report.nestedCrashPoints;
    } catch (error) {
      if (!(error instanceof CrashError)) throw error;
      const isLater = further.length > 0, operations = sequence.length + further.length;
      return { error, failed: test, isLater, operations, isComplete: false, images, crashPoints };
    }
  }
  return { isComplete, images, crashPoints };
}
