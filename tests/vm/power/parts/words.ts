// Single words of a file that is allocated in full, each persisted alone: nothing but a cache flush a step.
import { readFileSync } from "node:fs";
import { open, type OpenOptions, probe } from "../../../../mod.ts";
import type { Part } from "../part.ts";

const words = 2 ** 15;

/** Step n writes n + 1 here; a stride that meets every word before it comes back. */
const place = (n: number) => n * 7919 % words;

/** The part, over one file opened with these options. */
export function wordByWord(name: string, options: OpenOptions): Part {
  return {
    open(folder, acknowledged) {
      if (options.static === true && acknowledged > 0) {
        // A seal is on the medium; what the system call does is in the kernel's memory
        const { isStatic, staticWay } = probe(`${folder}/${name}`);
        if (isStatic !== (staticWay === "seal")) {
          throw new Error(`after the cut ${name} is static: ${isStatic}, by way of: ${staticWay}`);
        }
      }
      const file = open(`${folder}/${name}`, { ...options, create: true, size: words * 8 });
      if (options.static === true && !file.isStatic) throw new Error(`${file.path} is not static`);
      const view = file.view(Float64Array);
      return (n) => {
        view[place(n)] = n + 1;
        file.persist(place(n) * 8, 8);
      };
    },

    check(folder, acknowledged) {
      const bytes = readFileSync(`${folder}/${name}`);
      if (bytes.length !== words * 8) return `${name} has ${bytes.length} bytes`;
      const view = new Float64Array(bytes.buffer, bytes.byteOffset, words);
      for (let n = Math.max(0, acknowledged - words); n < acknowledged; n++) {
        const value = view[place(n)]!;
        // The step that was running may have overtaken the oldest one
        if (value === n + 1 || (n + words === acknowledged && value === acknowledged + 1)) continue;
        return `word ${place(n)} of ${name} is ${value} and not ${
          n + 1
        }, with ${acknowledged} steps acknowledged`;
      }
      return undefined;
    },
  };
}
