/**
 * How cost grows with the region and with what is in it: each against the smallest, so that 1.00× means that nothing grew.
 *
 * What is touched is spread over the whole region. Beside the growth of persist stands the native loop in the same region: what
 * grows in both is the processor's own, its caches and its page tables.
 *
 * @module
 */

import { copyFileSync } from "node:fs";
import { runtime } from "../../ffi/runtime.ts";
import { type DaxFile, open, type OpenOptions } from "../../mod.ts";
import { openLog } from "../../src/log/mod.ts";
import { openPool } from "../../src/transaction/mod.ts";
import type { Row, Side } from "../measure.ts";
import { nativeLoop } from "../peers/c.ts";
import type { Place } from "../place.ts";
import { adding, appending, lineBytes, persisting, storing, strideOf, touched, writing } from "./work.ts";

const forced = { forceGranularity: "cache-line" } as const;
const record = new Uint8Array(lineBytes).fill(0x33);

/** Regions of 1 KiB to 1 GiB; logs and pools too, from the least that is useful on; and what they hold, from 1 to a million. */
export function rows(place: Place): Row[] {
  const sizes = [2 ** 20, place.isShort ? 2 ** 24 : 2 ** 30];
  const counts = [1000, place.isShort ? 10_000 : 1_000_000];
  return [...stores(place, sizes), ...structures(place, sizes), ...openings(place, counts)];
}

function stores({ memory, peers }: Place, sizes: readonly number[]): Row[] {
  const smallest = 2 ** 10;
  const kinds: Readonly<Record<string, (file: DaxFile, words: Float64Array, size: number) => Side>> = {
    "persist(offset, 8)": (file, words, size) => persisting(file, words, strideOf(size)),
    "store64": (file, _, size) => storing(file, size, strideOf(size)),
    "write 64": (file, _, size) => writing(file, record, size, strideOf(size)),
  };
  const regions = [smallest, ...sizes].map((size) => {
    const file = open(`${memory}/growth.${size}`, { create: true, size, ...forced });
    file.fill(0, size);
    return { size, file, words: file.view(Float64Array) };
  });
  return Object.entries(kinds).flatMap(([kind, side]) => {
    const [least, ...larger] = regions.map(({ file, words, size }) => ({
      size,
      words,
      run: side(file, words, size),
    }));
    return larger.map(({ size, words, run }): Row => ({
      name: `${kind}, any line of ${sized(size)}`,
      ours: run,
      peers: {
        [`the same in ${sized(smallest)}`]: least!.run,
        // After stores past the caches the loop would miss them at each line
        ...(kind.startsWith("persist")
          ? { "native loop there": nativeLoop(peers, runtime()!.addressOf(words)!, size, strideOf(size)) }
          : {}),
      },
    }));
  });
}

function structures({ memory }: Place, sizes: readonly number[]): Row[] {
  // A log of less holds no record of 64 bytes, or one; a pool of less cannot be made
  const smallest = 2 ** 13;
  const kinds: Readonly<Record<string, (size: number) => Side>> = {
    "log append 64, cleared when full,": (size) =>
      appending(touched(openLog(`${memory}/growth.log.${size}`, { create: true, size, ...forced })), record),
    "transaction that adds to 1 word": (size) =>
      adding(openPool(`${memory}/growth.pool.${size}`, { create: true, size, ...forced }), 1),
  };
  return Object.entries(kinds).flatMap(([kind, side]) => {
    const least = side(smallest);
    return sizes.map((size): Row => ({
      name: `${kind} in ${sized(size)}`,
      ours: side(size),
      peers: { [`the same in ${sized(smallest)}`]: least },
    }));
  });
}

/** Opening what was used so many times: closed properly, and to be read as a crash would leave it. */
function openings({ memory }: Place, counts: readonly number[]): Row[] {
  const options = { create: true, size: 2 ** 27, ...forced };
  return [
    ...openingsOf("log of N records", `${memory}/growth.used.log`, counts, openLog, (path, count) => {
      const log = openLog(path, options);
      appending(log, record)(count);
      return log;
    }),
    ...openingsOf(
      "pool after N transactions",
      `${memory}/growth.used.pool`,
      counts,
      openPool,
      (path, count) => {
        const pool = openPool(path, options);
        adding(pool, 1)(count);
        return pool;
      },
    ),
  ];
}

function openingsOf(
  kind: string,
  folder: string,
  counts: readonly number[],
  reopen: (path: string, options: OpenOptions) => { close(): void },
  use: (path: string, count: number) => { close(): void },
): Row[] {
  const opening = (path: string, readOnly: boolean): Side => (count) => {
    for (let n = 0; n < count; n++) reopen(path, { readOnly, ...forced }).close();
  };
  const used = (count: number) => {
    const path = `${folder}.${count}`, inUse = use(path, count);
    copyFileSync(path, `${path}.crashed`);
    inUse.close();
    return { closed: opening(path, false), crashed: opening(`${path}.crashed`, true) };
  };
  const once = used(1);
  return counts.flatMap((count): Row[] => {
    const often = used(count), name = `open of a ${kind.replace("N", String(count))}`;
    return [
      { name, ours: often.closed, peers: { "the same of 1": once.closed } },
      { name: `${name}, crashed, read`, ours: often.crashed, peers: { "the same of 1": once.crashed } },
    ];
  });
}

function sized(bytes: number): string {
  const unit = bytes >= 2 ** 30 ? 30 : bytes >= 2 ** 20 ? 20 : 10;
  return `${bytes / 2 ** unit} ${unit === 30 ? "G" : unit === 20 ? "M" : "K"}iB`;
}
