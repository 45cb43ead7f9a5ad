/**
 * Several processes that append to a log each, at the same time: what all of them together do, against one alone.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { median } from "./measure.ts";
import { isWanted, type Launch } from "./place.ts";
import type { Compared } from "./results.ts";

const numbers = [2, 4];

/** 2 and 4 processes against 1, in turn. */
export async function processResults(launch: Launch): Promise<Compared[]> {
  const { runtime, isShort, only } = launch;
  const name = (number: number) =>
    `log append 64, ${number} processes together on ${availableParallelism()} processors`;
  const wanted = numbers.filter((number) => isWanted(only, "processes", name(number)));
  if (wanted.length === 0) return [];
  const times = new Map([1, ...wanted].map((number) => [number, [] as number[]]));
  for (let round = 0; round < (isShort ? 3 : 7); round++) {
    for (const [number, list] of times) list.push(await nanosecondsOf(launch, number));
  }
  const one = times.get(1)!;
  return wanted.map((number) => {
    const together = times.get(number)!, ratios = together.map((ns, round) => one[round]! / ns);
    return {
      runtime,
      group: "processes",
      name: name(number),
      ns: median(together),
      comparisons: [{
        peer: "1 process",
        ratio: median(ratios),
        least: Math.min(...ratios),
        most: Math.max(...ratios),
        best: Math.min(...one) / Math.min(...together),
        peerNs: median(one),
      }],
    };
  });
}

/** The nanoseconds in which so many processes together append one record. */
async function nanosecondsOf({ command, root, memory, isShort }: Launch, number: number): Promise<number> {
  const [program, ...flags] = command;
  const children = Array.from({ length: number }, (_, index) =>
    spawn(program, [
      ...flags,
      `${root}bench/children/append.ts`,
      `${memory}/processes.${index}`,
      String(isShort ? 100 : 500),
    ], { stdio: ["pipe", "pipe", "inherit"] }));
  // All have opened their logs and run warm before any is told to begin
  const outputs = children.map(({ stdout }) => stdout.setEncoding("utf8")[Symbol.asyncIterator]());
  const next = async () =>
    (await Promise.all(outputs.map((output) => output.next()))).map(({ value }) => value);
  await next();
  const ends = children.map((child) => once(child, "exit"));
  for (const { stdin } of children) stdin.end("go\n");
  const rates = (await next()).map((text) => Number(text));
  await Promise.all(ends);
  if (!rates.every((rate) => rate > 0)) throw new Error("A process that appends has failed");
  return 1e9 / rates.reduce((sum, rate) => sum + rate, 0);
}
