/**
 * The page-granular path on a real disk, where persist is an msync: against pwrite and fdatasync of the same bytes.
 *
 * @module
 */

import { open } from "../../mod.ts";
import type { Row } from "../measure.ts";
import { writingThrough } from "../peers/stores.ts";
import type { Place } from "../place.ts";
import { persisting, writing } from "./work.ts";

/** Bytes of the files, whose blocks are all written before anything is measured. */
const sizeBytes = 2 ** 22;

/** 8 bytes stored and persisted; 4 and 64 KiB written. */
export function rows({ disk }: Place): Row[] {
  const file = open(`${disk}/page.dax`, { create: true, size: sizeBytes });
  file.fill(0, sizeBytes);
  const row = (name: string, bytes: number, ours: Row["ours"]): Row => ({
    name,
    ours,
    peers: {
      "pwrite, fdatasync": writingThrough(
        `${disk}/page.${bytes}`,
        new Uint8Array(bytes).fill(0x77),
        sizeBytes,
      ),
    },
  });
  const write = (bytes: number) =>
    row(`write ${bytes}, disk`, bytes, writing(file, new Uint8Array(bytes).fill(0x77), sizeBytes, bytes));
  return [
    row("persist(offset, 8), disk", 8, persisting(file, file.view(Float64Array), 8)),
    write(4096),
    write(65_536),
  ];
}
