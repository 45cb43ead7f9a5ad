/**
 * Appending to a log, against libpmemlog, which checks nothing, and against the stores that a program would otherwise take; on
 * memory that both sides take for persistent, and on a disk that both sides wait for.
 *
 * @module
 */

import { runtime } from "../../ffi/runtime.ts";
import { openLog } from "../../src/log/mod.ts";
import type { Row, Side } from "../measure.ts";
import { pathAddress, type Peers } from "../peers/c.ts";
import { lmdbPut, type Put, sqlitePut, writingThrough } from "../peers/stores.ts";
import type { Place } from "../place.ts";
import { appending, touched } from "./work.ts";

/** Keys come round, so that a store does not grow for ever. */
const keys = 4096;

/** libpmemlog's targets by bytes of a record. */
const targets: Readonly<Record<number, number>> = { 64: 3, 256: 2.4, 1024: 2.4 };

/** append of several sizes, and appendAll. */
export async function rows({ memory, disk, peers, runtime: name, isShort }: Place): Promise<Row[]> {
  const size = isShort ? 2 ** 24 : 2 ** 27;
  const log = touched(openLog(`${memory}/log`, { create: true, size, forceGranularity: "cache-line" }));
  peers.peer_log_open(pathAddress(`${memory}/pmemlog`), size);
  const record = new Uint8Array(2048).fill(0x33), address = runtime()!.addressOf(record)!;
  peers.peer_log_append(address, 1024, size / 1024); // its pages are there, as ours are
  const sqlite = name === "Bun" ? "bun:sqlite" : "node:sqlite";
  const hundred = record.subarray(0, 100), batch = Array.from({ length: 64 }, () => record.subarray(0, 64));
  const onDisk = openLog(`${disk}/log`, { create: true, size: 2 ** 24 });

  // In the memory of the log itself, as no two places are equally fast in a virtual machine; nobody reads these records
  const start = runtime()!.addressOf(log.file.view(Uint8Array))! + 2 ** 20, length = 2 ** 23;

  return [
    ...[64, 100, 256, 1024].map((bytes): Row => ({
      name: `log append ${bytes}`,
      ours: appending(log, record.subarray(0, bytes)),
      peers: {
        libpmemlog: (count) => peers.peer_log_append(address, bytes, count),
        "its stores alone in C": storingRecords(peers, start, length, address, bytes),
      },
      ...(targets[bytes] === undefined ? {} : { target: targets[bytes] }),
    })),
    {
      name: "log appendAll of 64 records of 64, each",
      ours: (count) => {
        for (let n = 0; n < count; n++) {
          if (log.freeBytes < 64 * 128) log.clear();
          log.appendAll(batch);
        }
      },
      peers: { "64 × libpmemlog": (count) => peers.peer_log_append(address, 64, count * 64) },
    },
    {
      name: "log append 100, memory",
      ours: appending(log, hundred),
      peers: { lmdb: putting(await lmdbPut(memory), hundred) },
      target: 60,
    },
    {
      name: "log append 100, memory",
      ours: appending(log, hundred),
      peers: { [sqlite]: putting(sqlitePut(memory), hundred) },
      target: 80,
    },
    {
      name: "log append 100, disk",
      ours: appending(onDisk, hundred),
      peers: { [sqlite]: putting(sqlitePut(disk), hundred) },
      target: 1,
    },
    {
      name: "log append 100, disk",
      ours: appending(onDisk, hundred),
      peers: { lmdb: putting(await lmdbPut(disk), hundred) },
      target: 4,
    },
    {
      name: "log append 100, disk",
      ours: appending(onDisk, hundred),
      peers: {
        "write, fdatasync": writingThrough(`${disk}/plain`, hundred, keys * 100),
      },
    },
  ];
}

/** The stores of an append of ours, in a native loop that goes on where the last round ended: what no append can be faster than. */
function storingRecords(peers: Peers, start: number, size: number, source: number, bytes: number): Side {
  const frame = 16 + Math.ceil(bytes / 8) * 8;
  let at = 0;
  return (count) => {
    peers.peer_stream_record(start, source, bytes, at, size, count);
    at = (at + frame * count) % (size - frame);
    at -= at % 8;
  };
}

function putting(put: Put, value: Uint8Array): Side {
  return (count) => {
    for (let n = 0; n < count; n++) put(n % keys, value);
  };
}
