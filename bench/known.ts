/**
 * What is known to be reached: the last whole run, as it is kept in docs/performance.json.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { type Measured, partOf } from "./results.ts";

type Row = Pick<Measured, "runtime" | "group" | "name">;

const key = ({ runtime, group, name }: Row) => `${runtime} ${group}: ${name}`;

const { results } = JSON.parse(
  readFileSync(new URL("../docs/performance.json", import.meta.url), "utf8"),
) as { results: readonly Measured[] };
const known = new Map(results.map((result) => [key(result), result]));

/** Which part of its target the last whole run reached. */
export function knownPart(row: Row): number | undefined {
  const result = known.get(key(row));
  return result && partOf(result);
}
