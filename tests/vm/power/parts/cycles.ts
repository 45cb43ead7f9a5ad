// A file that is made static, opened so, written, made ordinary and written again, for ever: wherever the power is cut, it can be opened,
// sealed and cleared, and what was written is there.
import { readFileSync } from "node:fs";
import { clearStatic, isStatic, open, setStatic } from "../../../../mod.ts";
import { pretendDax } from "../../../helpers/sealing.ts";
import type { Part } from "../part.ts";

const name = "cycles", words = 1024;

/** Step n of each round of four writes this word, if it writes. */
const place = (n: number) => n * 7 % words;
const writes = (n: number) => n % 4 === 1 || n % 4 === 3;

function write(path: string, n: number, isStatic: boolean): void {
  using file = open(path, { static: isStatic });
  if (file.isStatic !== isStatic) throw new Error(`step ${n}: ${path} is static: ${file.isStatic}`);
  file.view(Float64Array)[place(n)] = n + 1;
  file.persist(place(n) * 8, 8);
}

/** The part. */
export const cycles: Part = {
  stepsPerTurn: 4,
  open(folder, acknowledged) {
    const path = `${folder}/${name}`;
    if (acknowledged === 0) open(path, { create: true, size: words * 8 }).close();
    // Written in full, or it could not be sealed
    using file = open(path, { static: "prefer" });
    if (acknowledged === 0) file.fill(0, words * 8);
    file.close();
    clearStatic(path);
    // The step that comes next may want it static
    if (acknowledged % 4 === 1 || acknowledged % 4 === 2) setStatic(path);
    return (n) => {
      if (n % 4 === 0) setStatic(path);
      if (n % 4 === 1) write(path, n, true);
      if (n % 4 === 2) clearStatic(path);
      if (n % 4 === 3) write(path, n, false);
    };
  },

  check(folder, acknowledged) {
    // On the host the copy is mounted without DAX
    using _ = pretendDax();
    const path = `${folder}/${name}`;
    const bytes = readFileSync(path);
    if (bytes.length !== words * 8) return `${name} has ${bytes.length} bytes`;
    const view = new Float64Array(bytes.buffer, bytes.byteOffset, words);
    // What was written last in each word; the step that was running may have overtaken the oldest
    const wanted = new Float64Array(words);
    for (let n = Math.max(0, acknowledged - 4 * words); n < acknowledged; n++) {
      if (writes(n)) wanted[place(n)] = n + 1;
    }
    for (const [index, value] of wanted.entries()) {
      const running = writes(acknowledged) && index === place(acknowledged) &&
        view[index] === acknowledged + 1;
      if (view[index] !== value && !running) {
        return `word ${index} of ${name} is ${view[index]}, not ${value}`;
      }
    }
    const states = [isStatic(path)];
    {
      using file = open(path, { static: true });
      states.push(file.isStatic, isStatic(path));
    }
    clearStatic(path);
    states.push(isStatic(path));
    setStatic(path);
    states.push(isStatic(path));
    clearStatic(path);
    open(path).close();
    const [, ...rest] = states;
    return String(rest) === "true,true,false,true" ? undefined : `${name}: static ${states}`;
  },
};
