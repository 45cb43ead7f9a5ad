// A failure in one line, enough by itself to run it again: `dax1-px86-lazy-s1-oall-p12.2A1B`.
import type { PathStep } from "./failure.ts";
import { type Model, MODELS } from "./model.ts";

/** What a token says. */
export interface Replay {
  readonly model: Model;
  readonly explore: "lazy" | "exhaustive";
  readonly seed: number;
  /** The operations that are run, by number; all if undefined. */
  readonly keep: ReadonlySet<number> | undefined;
  readonly path: readonly PathStep[];
}

/** Writes a token. */
export function encode({ model, explore, seed, keep, path }: Replay): string {
  const operations = keep ? [...keep].join(".") : "all";
  const steps = path.map(({ point, choices }) => `p${point}.${pack(choices)}`);
  return ["dax1", model, explore, `s${seed}`, `o${operations}`, ...steps].join("-");
}

/**
 * Reads a token.
 *
 * @throws {SyntaxError} if it is not one
 */
export function decode(token: string): Replay {
  const [version, model, explore, seed, operations, ...steps] = token.trim().split("-");
  const isWhole = version === "dax1" && Object.hasOwn(MODELS, model ?? "") &&
    (explore === "lazy" || explore === "exhaustive") && /^s\d+$/.test(seed ?? "") &&
    /^o(all|\d*(\.\d+)*)$/.test(operations ?? "") && steps.length > 0 &&
    steps.every((step) => /^p\d+\.(\d*[A-C])*$/.test(step));
  if (!isWhole) {
    throw new SyntaxError(`crash: ${JSON.stringify(token)} is not a replay token of this version`);
  }
  const kept = operations!.slice(1);
  return {
    model: model as Model,
    explore: explore as "lazy" | "exhaustive",
    seed: Number(seed!.slice(1)),
    keep: kept === "all" ? undefined : new Set(kept === "" ? [] : kept.split(".").map(Number)),
    path: steps.map((step) => {
      const [point, choices] = step.slice(1).split(".");
      return { point: Number(point), choices: unpack(choices!) };
    }),
  };
}

// Runs of equal choices: "3AB" is 0, 0, 0, 1. Trailing zeros are what a missing choice means, so they are left out.
function pack(choices: readonly number[]): string {
  let result = "";
  let end = choices.length;
  while (end > 0 && choices[end - 1] === 0) end--;
  for (let i = 0; i < end;) {
    let count = 1;
    while (i + count < end && choices[i + count] === choices[i]) count++;
    result += (count > 1 ? count : "") + "ABC"[choices[i]!]!;
    i += count;
  }
  return result;
}

function unpack(text: string): number[] {
  return Array.from(text.matchAll(/(\d*)([A-C])/g)).flatMap(([, count, letter]) =>
    new Array<number>(Number(count || 1)).fill("ABC".indexOf(letter!))
  );
}
