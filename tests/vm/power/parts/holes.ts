// Sparse files filled page by page: each step makes the file system allocate a block, and only MAP_SYNC makes its note of that
// durable before the page can be written.
import { readFileSync, rmSync } from "node:fs";
import { type DaxFile, open, type OpenOptions } from "../../../../mod.ts";
import type { Part } from "../part.ts";

const pageBytes = 4096, pages = 1024;

/** What every word of page n holds. */
const word = (n: number) => n * 0x10_0001 + 1;

/** The part, over files opened with these options. */
export function holes(name: string, options: OpenOptions, isControl = false): Part {
  const nameOf = (file: number) => `${name}.${file}`;
  return {
    open(folder, acknowledged) {
      let file: DaxFile | undefined, number = -1;
      return (n) => {
        const wanted = Math.floor(n / pages);
        if (file === undefined || wanted !== number) {
          file?.close();
          number = wanted;
          file = open(`${folder}/${nameOf(number)}`, {
            ...options,
            create: true,
            size: pages * pageBytes,
            sparse: true,
          });
          if (!isControl && !file.mapSync) {
            throw new Error(`${file.path} is not mapped with MAP_SYNC: this part would prove nothing`);
          }
          // The one before stays, so that there is always something to check
          if (n > acknowledged) rmSync(`${folder}/${nameOf(number - 2)}`, { force: true });
        }
        const page = file.view(Float64Array, n % pages * pageBytes, pageBytes / 8).fill(word(n));
        file.persist(page);
      };
    },

    check(folder, acknowledged) {
      const last = Math.floor((acknowledged - 1) / pages);
      let missing = 0, first = -1;
      for (let number = Math.max(0, last - 1); number <= last; number++) {
        const path = `${folder}/${nameOf(number)}`;
        let bytes: Uint8Array;
        try {
          bytes = readFileSync(path);
        } catch (error) {
          return `${path}: ${(error as Error).message}`;
        }
        if (bytes.length !== pages * pageBytes) return `${path} has ${bytes.length} bytes`;
        const words = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
        for (let n = number * pages; n < Math.min(acknowledged, (number + 1) * pages); n++) {
          const start = n % pages * (pageBytes / 8);
          if (words.subarray(start, start + pageBytes / 8).every((value) => value === word(n))) continue;
          missing++;
          if (first < 0) first = n;
        }
      }
      return missing === 0 ? undefined : `${missing} acknowledged pages are missing, the first is ${first}`;
    },
    ...(isControl ? { isControl } : {}),
  };
}
