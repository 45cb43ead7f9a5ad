/**
 * What the library flushes and fences on aarch64: the emulator of user programs runs one instruction at a time and logs the
 * registers at the flushes, the fences and the marks between calls.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Mode } from "../../ffi/symbols.ts";
import { root } from "../helpers/child.ts";
import { run, zig } from "../trace/command.ts";

const emulator = "qemu-aarch64-static";

/** The line of the emulated processor (`-cpu max`), in bytes: what its CTR_EL0 says. */
const lineBytes = 32;

/** The instructions that matter, without the number of their register. */
const kinds = new Map([[0xd50b7a20, "cvac"], [0xd50b7c20, "cvap"], [0xd5033f80, "dsb sy"], [
  0xd5032ee0,
  "mark",
], [0xd4000000, "svc"]]);

/** The number of msync, and the pages of the emulated system, in bytes. */
const msync = 227, pageBytes = 4096;
const names = ["", "persist", "flush", "copy", "fill", "store64", "drain", "record", "commit"];

/** How a compiler's complaint begins. */
export const notCompiled = "it does not compile";

/** The first call that flushes or fences otherwise than it must, in words; undefined if there is none. */
export async function wrongOnArm(sources: ReadonlyMap<string, string>): Promise<string | undefined> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-arm-`);
  try {
    for (const [name, text] of sources) writeFileSync(`${folder}/${name}`, text);
    writeFileSync(`${folder}/arm_driver.zig`, readFileSync(`${root}tests/mutants/arm_driver.zig`));
    const built = await run(zig, [
      "build-exe",
      "arm_driver.zig",
      ...["-target", "aarch64-linux-none", "-mcpu", "baseline", "-O", "ReleaseSmall"],
      ...["-fstrip", "-fllvm", "-flld", "-fsingle-threaded", "-femit-bin=driver"],
    ], { cwd: folder });
    if (built.status !== 0) return `${notCompiled}: ${built.output}`;
    const log = `${folder}/log`, places = instructionsOf(readFileSync(`${folder}/driver`));
    // To read a log of all instructions takes seconds
    const filter = Array.from(places.keys(), (address) => `0x${address.toString(16)}+3`).join();
    const { status, output } = await run(
      emulator,
      ["-cpu", "max", "-singlestep", "-d", "cpu,nochain", "-dfilter", filter, "-D", log, `${folder}/driver`],
    ).catch((error) => {
      throw new Error(`${emulator} does not run (apt-get install qemu-user-static): ${error}`);
    });
    if (status !== 0) return `the program ended with ${status}: ${output}`;
    return firstWrong(stepsOf(places, readFileSync(log, "latin1")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Instruction {
  readonly kind: string;
  readonly register: number;
}

interface Step {
  readonly kind: string;
  /** X0 to X3 of a mark; of anything else the address, and of msync the length. */
  readonly registers: readonly number[];
}

function stepsOf(places: ReadonlyMap<number, Instruction>, log: string): Step[] {
  const steps: Step[] = [];
  for (let at = log.indexOf(" PC="); at >= 0; at = log.indexOf(" PC=", at + 4)) {
    const found = places.get(Number.parseInt(log.slice(at + 4, at + 20), 16));
    if (found === undefined) continue;
    const register = (number: number) => {
      const name = `X${String(number).padStart(2, "0")}=`;
      const start = log.indexOf(name, at) + name.length;
      return Number.parseInt(log.slice(start, start + 16), 16);
    };
    if (found.kind === "svc") {
      if (register(8) === msync) steps.push({ kind: "msync", registers: [register(0), register(1)] });
      continue;
    }
    const registers = found.kind === "mark" ? [0, 1, 2, 3].map(register) : [register(found.register)];
    steps.push({ kind: found.kind, registers });
  }
  return steps;
}

/** The addresses of the instructions that matter, in an ELF file (elf(5)). */
function instructionsOf(program: Uint8Array<ArrayBuffer>): Map<number, Instruction> {
  const data = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const u64 = (at: number) => Number(data.getBigUint64(at, true));
  const out = new Map<number, Instruction>();
  for (let index = 0; index < data.getUint16(56, true); index++) {
    const at = u64(32) + index * data.getUint16(54, true);
    const isCode = data.getUint32(at, true) === 1 && (data.getUint32(at + 4, true) & 1) !== 0;
    if (!isCode) continue;
    const offset = u64(at + 8), address = u64(at + 16);
    for (let byte = 0; byte + 4 <= u64(at + 32); byte += 4) {
      const word = data.getUint32(offset + byte, true);
      const kind = kinds.get((word & ~31) >>> 0);
      if (kind !== undefined) out.set(address + byte, { kind, register: word & 31 });
    }
  }
  return out;
}

function firstWrong(steps: readonly Step[]): string | undefined {
  let count = 0;
  for (let i = 0; i < steps.length; i++) {
    const { kind, registers: [which = 0, start = 0, length = 0, mode = 0] } = steps[i]!;
    if (kind !== "mark" || which === 0) continue;
    const done: string[] = [];
    for (let next = i + 1; steps[next] !== undefined && steps[next]!.kind !== "mark"; next++) {
      const { kind, registers } = steps[next]!;
      if (kind === "dsb sy") done.push(kind);
      else done.push([kind, registers[0]! - start, ...registers.slice(1)].join(" "));
    }
    const wanted = expected(names[which]!, start, length, mode);
    count++;
    if (done.join() === wanted.join()) continue;
    return `${names[which]} of ${length} bytes at ${start % lineBytes}, mode ${mode}: ` +
      `${done.join(", ") || "nothing"}, and must be ${wanted.join(", ") || "nothing"}`;
  }
  return count === 0 ? "no call was made" : undefined;
}

function expected(name: string, start: number, length: number, mode: number): string[] {
  const method = mode & Mode.methodMask;
  if (method === Mode.msync) {
    if (name === "drain") return [];
    // That of a commit begins with what the batch before has changed
    const first = Math.floor((start - (name === "commit" ? 512 : 0)) / pageBytes) * pageBytes;
    const bytes = Math.ceil((start + length - first) / pageBytes) * pageBytes;
    return [`msync ${first - start} ${bytes}`];
  }
  /** What a commit writes back first: the driver puts it 512 bytes before the record. */
  const before = name === "commit" ? linesOf(-512, start, 100) : [];
  const lines = method === Mode.fence || name === "drain" ? [] : [...before, ...linesOf(0, start, length)];
  const done = lines.map((line) => `${method === Mode.cvap ? "cvap" : "cvac"} ${line}`);
  const isCopy = ["copy", "fill", "record"].includes(name);
  const isLeft = name === "flush" || (isCopy && (mode & Mode.noDrain) !== 0);
  return isLeft ? done : [...done, "dsb sy"];
}

/** Where the lines of a range begin, from an address on; the range lies so far from it. */
function linesOf(offset: number, address: number, length: number): number[] {
  const first = Math.floor((address + offset) / lineBytes) * lineBytes, end = address + offset + length;
  return Array.from(
    { length: Math.ceil((end - first) / lineBytes) },
    (_, i) => first + i * lineBytes - address,
  );
}
