/** What open, DaxFile and create promise, on each medium: what the real code must keep in the simulated machine, and a mutant must not. */

import type { NativeEvent } from "../trace/events.ts";
import { type Granularity, parting } from "../trace/refine.ts";
import { workload, workloadBytes } from "../trace/workload.ts";
import { recorded } from "../trace/check.ts";
import type { Batch, DaxFile, OpenOptions, Region } from "../../mod.ts";
import type { Model, Trace } from "../../src/testing/mod.ts";
import type { Kernel } from "./machine/kernel.ts";
import { boot } from "./machine/library.ts";
import {
  deviceDax,
  disk,
  eadr,
  eadrWithoutDax,
  fsdax,
  oldDisk,
  older,
  tmpfs,
  virtio,
  type World,
} from "./machine/world.ts";
import type { Program } from "./program.ts";

interface Scenario {
  readonly name: string;
  readonly world: World;
  readonly options: OpenOptions;
  /** What the file must say of itself. */
  readonly granularity: Granularity;
  readonly lasts: boolean;
  readonly mapSync: boolean;
  /** The only way in which anything is written back, but for deepFlush; `"none"` where nothing is. */
  readonly method: "clwb" | "clflushopt" | "msync" | "none";
}

function scenario(
  world: World,
  granularity: Granularity,
  method: Scenario["method"],
  { name = "", lasts = true, ...options }: OpenOptions & { name?: string; lasts?: boolean } = {},
): Scenario {
  const mapSync = world.givesMapSync && world !== virtio;
  return { name, world, options, granularity, lasts, mapSync, method };
}

const forced = (forceGranularity: Granularity) => ({
  name: `, forced to ${forceGranularity}`,
  forceGranularity,
});
const guarded = { name: ", guarded", guard: true };

const scenarios: readonly Scenario[] = [
  scenario(fsdax, "cache-line", "clwb"),
  scenario(older, "cache-line", "clflushopt"),
  scenario(fsdax, "cache-line", "clwb", guarded),
  scenario(fsdax, "page", "msync", forced("page")),
  scenario(fsdax, "byte", "none", { ...forced("byte"), lasts: false }),
  scenario(eadr, "byte", "none"),
  scenario(eadrWithoutDax, "page", "msync"),
  scenario(virtio, "page", "msync"),
  scenario(disk, "page", "msync"),
  scenario(disk, "page", "msync", guarded),
  scenario(disk, "cache-line", "clwb", { ...forced("cache-line"), lasts: false }),
  scenario(oldDisk, "page", "msync"),
  scenario(disk, "page", "msync", { name: ", sparse", sparse: true }),
  scenario(tmpfs, "page", "none", { lasts: false }),
  scenario(tmpfs, "page", "msync", { ...forced("page"), lasts: false }),
  scenario(deviceDax, "cache-line", "clwb"),
];

const models = { "cache-line": "px86", "byte": "eadr", "page": "sector" } as const satisfies Record<
  Granularity,
  Model
>;
const extent = { thorough: false, sync: true };
const traces = new Map<Model, Promise<Trace>>();

function traceOf(model: Model): Promise<Trace> {
  if (!traces.has(model)) traces.set(model, recorded({ model, ...extent }));
  return traces.get(model)!;
}

/**
 * The first promise that is not kept, in words; undefined if all are. What is thrown counts as one too.
 *
 * @param traces receives what was done to each file
 */
export async function broken(program: Program, traces: NativeEvent[][] = []): Promise<string | undefined> {
  for (const scenario of scenarios) {
    const wrong = await caught(() => run(program, scenario));
    traces.push(program.kernel!.memory.events);
    if (wrong !== undefined) return `${scenario.world.name}${scenario.name}: ${wrong}`;
  }
  return await caught(() => failures(program)) ?? await caught(() => statics(program));
}

async function caught(body: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await body();
  } catch (error) {
    return String(error);
  }
}

function start(program: Program, world: World, options: OpenOptions = {}): [Kernel, DaxFile] {
  const kernel = program.kernel = boot(world);
  const how = world.isDevice ? options : { create: true, size: workloadBytes, ...options };
  return [kernel, program.open(world.path, how)];
}

async function run(program: Program, { world, options, ...wanted }: Scenario): Promise<string | undefined> {
  const [kernel, file] = start(program, world, options);
  if (file.granularity !== wanted.granularity) return `granularity ${file.granularity}`;
  if (file.mapSync !== wanted.mapSync) return `mapSync ${file.mapSync}`;
  if (file.durability !== (wanted.lasts ? "power-loss" : "process-exit")) {
    return `durability ${file.durability}`;
  }
  const lost = world.isDevice ? undefined : kernel.lostOf(options.sparse ?? false) ?? kernel.faults[0];
  if (lost !== undefined) return lost;

  const deep: Deep = { wrong: [], events: new Set() };
  await workload(watched(file, kernel, deep), extent);
  kernel.memory.look();
  if (deep.wrong.length > 0) return deep.wrong[0];
  const { events } = kernel.memory;
  const used = new Set<string>();
  for (const event of events) {
    if ((event.kind === "flush" || event.kind === "msync") && !deep.events.has(event)) used.add(event.method);
  }
  // sync() is fdatasync where anything else is msync
  const only = wanted.method === "none"
    ? []
    : wanted.method === "msync"
    ? ["fdatasync", "msync"]
    : [wanted.method];
  if ([...used].sort().join() !== only.join()) return `written back by ${[...used].join(" and ")}`;

  // What the medium keeps, whatever the file says; memory keeps nothing, so only the forced way is looked at
  const keeps = wanted.lasts
    ? world.keeps[kernel.isSynchronous ? "synchronous" : "plain"]
    : wanted.granularity;
  if (!wanted.lasts && wanted.method === "none" && wanted.granularity === "page") return undefined;
  const truth = options.forceGranularity ?? keeps;
  const parted = parting(events, await traceOf(models[truth]), truth);
  file.close();
  return parted;
}

/** What was seen of deepFlush: that something was wrong, and what it did. */
interface Deep {
  readonly wrong: string[];
  readonly events: Set<NativeEvent>;
}

/** The file, whose deepFlush is looked at: on a file an msync of the range, on a device a persist and a word to every region. */
function watched(file: DaxFile, kernel: Kernel, { wrong, events }: Deep): Region {
  const deepFlush = (first?: ArrayBufferView | number, second?: number) => {
    const before = kernel.memory.events.length, words = kernel.written.length;
    file.deepFlush(first as number, second);
    const [start, length] = typeof first === "object"
      ? [first.byteOffset, first.byteLength]
      : [first ?? 0, second ?? file.size - (first ?? 0)];
    const made = kernel.memory.events.slice(before).filter(({ kind }) => kind !== "changed");
    const synced = made.filter((event) => event.kind === "flush" || event.kind === "msync").filter((
      { kind },
    ) => kind === "msync");
    const covers = synced.some(({ byteOffset, byteLength }) =>
      byteOffset <= start && byteOffset + byteLength >= start + length
    );
    const told = kernel.written.slice(words).some((text) => text.endsWith("/deep_flush=1"));
    if (file.isStatic ? !told || synced.length > 0 : !covers) {
      wrong.push("deepFlush goes no deeper than persist");
    }
    if (!file.isStatic) { for (const event of made) events.add(event); }
  };
  return new Proxy(file, {
    get(_, key) {
      if (key === "deepFlush") return deepFlush;
      const value = Reflect.get(file, key, file) as unknown;
      return typeof value === "function" ? value.bind(file) : value;
    },
  });
}

const operations: Readonly<Record<string, readonly [call: string, body: (file: DaxFile) => unknown]>> = {
  persist: ["persist", (file) => file.persist(0, 8)],
  flush: ["flush", (file) => file.flush(0, 8)],
  deepFlush: ["persist", (file) => file.deepFlush(0, 8)],
  write: ["copy", (file) => file.write(0, new Uint8Array(8))],
  "write of the file's own bytes": ["copy", (file) => file.write(0, file.view(Uint8Array, 64, 8))],
  fill: ["fill", (file) => file.fill(0, 8)],
  store64: ["store64", (file) => file.store64(0, 1)],
  writeRecord: ["record", (file) => file.writeRecord(0, new Uint8Array(8), 1, 2, 3)],
  commit: ["commit", (file) => file.commit(0, batchOf(file), 1, 2, 3)],
  sync: ["sync", (file) => file.sync()],
};

/** What the system fails to write is not called durable: by the operation itself, and by none after it. */
async function failures(program: Program): Promise<string | undefined> {
  for (const options of [{}, { guard: true }]) {
    for (const [name, [call, body]] of Object.entries(operations)) {
      const [kernel, file] = start(program, disk, options);
      kernel.memory.failing = { name: call, result: -5 };
      if (!await throws(() => body(file))) return `${name} hides that it failed`;
      for (const [later, [, again]] of Object.entries(operations)) {
        // These write the bytes anew
        if (/^(?:write|fill|store64|commit)/.test(later)) continue;
        if (!await throws(() => again(file))) {
          return `${later} after a failed ${name} calls lost bytes durable`;
        }
      }
      file.close();
    }
  }
  for (const world of [disk, oldDisk]) {
    for (const which of ["file", "directory"]) {
      const kernel = program.kernel = boot(world);
      kernel.memory.failing = { name: which === "file" ? "sync" : "sync of the directory", result: -5 };
      const options = { create: true, size: workloadBytes };
      if (!await throws(() => program.open(world.path, options))) {
        return `a new ${which} that was not synced is opened`;
      }
    }
  }
  const [kernel, file] = start(program, deviceDax);
  kernel.memory.failing = { name: "write", result: -13 };
  if (!await throws(() => file.deepFlush(), "EACCES")) return "deepFlush hides that the region was not told";
  return undefined;
}

/** A file is called static, and ordinary again, once that is on the medium; and not if it cannot be put there. */
async function statics(program: Program): Promise<string | undefined> {
  const failing = { name: "sync", result: -5 }, options = { create: true, static: true, size: workloadBytes };
  const kernel = program.kernel = boot(fsdax);
  if (!program.open(fsdax.path, options).isStatic) return "a new file is not static";
  const lost = kernel.lostOf(false);
  if (lost !== undefined) return `static: ${lost}`;
  const isLost = () => {
    const { properties, durable } = kernel.name.durable!;
    const same = durable.properties.flags === properties.flags;
    return !same || durable.properties.attributes.size !== properties.attributes.size;
  };
  if (isLost()) return "a static file's seal is not durable";
  kernel.memory.failing = { ...failing };
  if (!await throws(() => program.clearStatic(fsdax.path))) {
    return "the end of a seal that was not synced is told of";
  }
  program.open(fsdax.path, { static: true }).close();
  program.clearStatic(fsdax.path);
  if (isLost()) return "the end of a seal is not durable";
  kernel.memory.failing = { ...failing };
  if (!await throws(() => program.open(fsdax.path, { static: true }))) {
    return "a seal that was not synced is told of";
  }
  return undefined;
}

function batchOf(file: DaxFile): Batch {
  const batch = file.batch(64);
  batch.write(128, new Uint8Array(8));
  return batch;
}

async function throws(body: () => unknown, code = "EIO"): Promise<boolean> {
  try {
    await body();
    return false;
  } catch (error) {
    return (error as { code?: string }).code === code;
  }
}
