/**
 * Draws the two curves that figures alone do not show: bandwidth over size, and what an append costs beside its peers.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { comparedOf, type Measured } from "./results.ts";

/** Writes performance-write.svg and performance-append.svg into a folder, and gives their paths. */
export async function drawPlots(results: readonly Measured[], folder: string): Promise<string[]> {
  const write = `${folder}/performance-write.svg`, append = `${folder}/performance-append.svg`;
  const config = { background: "white", font: "sans-serif", legend: { labelLimit: 300 } } as const;
  await draw(write, {
    title: "write: bandwidth over size, against pmem_memcpy_persist",
    width: 640,
    height: 320,
    config,
    data: { values: bandwidths(results) },
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "bytes",
        type: "quantitative",
        scale: { type: "log", base: 2 },
        axis: { title: "bytes", format: "~s" },
      },
      y: { field: "rate", type: "quantitative", axis: { title: "GB/s" } },
      color: { field: "side", type: "nominal", title: null },
      strokeDash: { field: "side", type: "nominal", title: null },
    },
  });
  await draw(append, {
    title: "100 bytes durably appended (or put): time of one, on memory and on a disk",
    width: 640,
    height: 320,
    config,
    data: { values: appends(results) },
    // Points and no bars: a logarithmic scale has no zero for them to begin at
    mark: { type: "point", filled: true, size: 80 },
    encoding: {
      y: { field: "side", type: "nominal", sort: "x", axis: { title: null, labelLimit: 300, grid: true } },
      x: {
        field: "ns",
        type: "quantitative",
        scale: { type: "log" },
        axis: { title: "nanoseconds", format: "~s" },
      },
      color: { field: "medium", type: "nominal", title: null },
    },
  });
  return [write, append];
}

async function draw(path: string, spec: TopLevelSpec): Promise<void> {
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  writeFileSync(path, await view.toSVG());
  view.finalize();
}

function bandwidths(results: readonly Measured[]): object[] {
  return comparedOf(results).filter(({ name }) => /^write \d+$/.test(name)).flatMap((
    { runtime, bytes = 0, ns, comparisons },
  ) => [
    { bytes, rate: bytes / ns, side: `daxfile, ${runtime}` },
    { bytes, rate: bytes / comparisons[0]!.peerNs, side: `libpmem, measured beside ${runtime}` },
  ]);
}

function appends(results: readonly Measured[]): object[] {
  const rows = comparedOf(results).filter(({ name }) => /^log append 100\b/.test(name));
  const sides = rows.flatMap(({ runtime, name, ns, comparisons }) => {
    const medium = name.endsWith("disk") ? "disk" : "memory";
    return [
      { side: `daxfile log, ${runtime}, ${medium}`, medium, ns },
      { side: `${comparisons[0]!.peer}, ${runtime}, ${medium}`, medium, ns: comparisons[0]!.peerNs },
    ];
  });
  // The log stands beside each of its peers, but is drawn once
  return [...new Map(sides.map((side) => [side.side, side])).values()];
}
