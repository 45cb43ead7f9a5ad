// machines: ext4 xfs xfs-reflink
// kernel: any
// processors: 2
//
// While a program writes a static file at full speed, another process of root's tries for 30 seconds every way it knows to move, shrink
// or share its blocks: the program is not stopped, no value is lost, and every block is where it was. First, each of these ways is seen
// to change an ordinary file: one that does not would prove nothing.
//
// Not tried: `chattr -i`. That is an administrator's explicit act; what is done after it is noticed when the file is opened next
// (seal_test.ts), and a kernel with daxctl(2) does not let go of a mapped file.

import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { clearStatic, isStatic, open } from "../../mod.ts";
import { startChild } from "../helpers/child.ts";
import { medium } from "../helpers/places.ts";
import { extentsOf, unsealed } from "../helpers/sealing.ts";
import { hasCall } from "./expected.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"]!;
const reflink = machine === "xfs-reflink", xfs = machine.startsWith("xfs");
const size = 2 * 2 ** 20, attackMs = 30_000;

/** The first bytes stay zeros: to share them with another file, they have to be the same. */
const chunk = 65_536;

/** Writes numbers into places of the file until it is told to stop, and looks whether each is the last that was written there. */
const writer = (path: string) => `
  import { open } from "@daxfile/daxfile";
  import process from "node:process";
  using file = open(${JSON.stringify(path)}, { static: true });
  const numbers = file.view(Float64Array), last = numbers.slice();
  let written = 0, lost = 0, over = false;
  process.stdin.once("data", () => over = true);
  console.log(file.isStatic);
  for (let place = 1; !over; await new Promise((resolve) => setTimeout(resolve, 0))) {
    for (let count = 0; count < 20_000; count++) {
      place = (place * 48271) % 2147483647;
      const index = ${chunk / 8} + place % (numbers.length - ${chunk / 8});
      if (numbers[index] !== last[index]) lost++;
      numbers[index] = last[index] = ++written;
      file.persist(index * 8, 8);
    }
  }
  for (let index = 0; index < numbers.length; index++) if (numbers[index] !== last[index]) lost++;
  console.log(JSON.stringify({ written, lost, sum: last.reduce((sum, value) => sum + value, 0) }));
  process.exit(0);`;

/** Where a command changes an ordinary file. */
type Where = "everywhere" | "XFS" | "reflink" | "sometimes" | "nowhere";

/** Commands against FILE; DONOR is another file of the same length. All are to fail, or to do nothing to a static FILE. */
const commands: readonly (readonly [Where, string])[] = [
  ["everywhere", "truncate -s 0 FILE"],
  ["everywhere", "truncate -s 4096 FILE"],
  ["everywhere", `truncate -s ${2 * size} FILE`],
  ["everywhere", "dd if=/dev/urandom of=FILE bs=64k count=4 conv=notrunc"],
  ["everywhere", "dd if=/dev/zero of=FILE bs=64k count=4"],
  ["everywhere", `dd if=/dev/zero of=FILE bs=64k count=1 seek=${size / 65536} conv=notrunc`],
  ["everywhere", "fallocate -p -o 0 -l 1048576 FILE"],
  ["everywhere", "fallocate -c -o 0 -l 1048576 FILE"],
  ["everywhere", "fallocate -i -o 0 -l 1048576 FILE"],
  ["everywhere", "fallocate -z -o 0 -l 1048576 FILE"],
  ["everywhere", `fallocate -o ${size} -l 1048576 FILE`],
  ["everywhere", "fallocate -d FILE"],
  ["everywhere", "cp DONOR FILE"],
  // It cuts FILE before it finds that nothing can be shared
  ["everywhere", "cp --reflink=always DONOR FILE"],
  ["reflink", "cp --reflink=always FILE COPY"],
  ["everywhere", "mv FILE COPY"],
  ["everywhere", "mv DONOR FILE"],
  ["everywhere", "rm -f FILE"],
  ["everywhere", "xfs_io -c 'copy_range DONOR' FILE"],
  ["reflink", "xfs_io -c 'reflink DONOR' FILE"],
  ["XFS", "xfs_io -c 'swapext DONOR' FILE"],
  ["reflink", "xfs_io -c 'dedupe DONOR 0 0 65536' FILE"],
  ["XFS", "xfs_io -c 'unresvsp 0 1m' FILE"],
  // Exchanges extents, as swapext does, where it finds that this makes them fewer
  ["sometimes", "xfs_fsr -v FILE"],
  ["everywhere", "setfattr -x user.daxfile.static FILE"],
  // The kernel does neither to a file with DAX; should one ever do it, this says so
  ["nowhere", "e4defrag FILE"],
  ["nowhere", "swapon FILE"],
];

const works: Record<Where, boolean | undefined> = {
  everywhere: true,
  XFS: xfs,
  sometimes: undefined,
  reflink,
  nowhere: false,
};

/** Writes a file and its donor in turn, piece by piece, so that there is something to defragment. */
function makeTwo(path: string, donor: string): void {
  for (const name of [path, donor]) rmSync(name, { force: true });
  const files = [openSync(path, "w"), openSync(donor, "w")];
  for (let offset = 0; offset < size; offset += chunk) {
    for (const [index, file] of files.entries()) {
      writeSync(file, new Uint8Array(chunk).fill(offset === 0 ? 0 : 5 + index), 0, chunk, offset);
      fsyncSync(file);
    }
  }
  for (const file of files) closeSync(file);
  // In no more pieces than the file: XFS exchanges no extents for more of them. What was removed is free again, and in one piece with what
  // lies beside it, only when the log is on the medium
  for (let tries = 0; tries === 0 || (xfs && extentsOf(donor).length > extentsOf(path).length); tries++) {
    assert(tries < 20, `always in more pieces: ${JSON.stringify([extentsOf(donor), extentsOf(path)])}`);
    rmSync(donor);
    spawnSync("sync", ["-f", path]);
    writeFileSync(donor, new Uint8Array(size).fill(6, chunk));
  }
}

/** Everything of an ordinary file that an attack could change. */
function stateOf(path: string): string {
  if (!existsSync(path)) return "it is gone";
  const attribute = spawnSync("getfattr", ["-n", "user.daxfile.static", path]).status;
  const bytes = readFileSync(path);
  const sum = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2).reduce(
    (sum, word) => Math.imul(sum, 31) + word | 0,
    0,
  );
  return JSON.stringify([statSync(path).ino, bytes.length, sum, attribute, extentsOf(path)]) +
    readFileSync("/proc/swaps", "utf8");
}

/** What is tried through a descriptor from before the file was static. */
const attempts: readonly ((file: number) => void)[] = [
  (file) => ftruncateSync(file, 0),
  (file) => ftruncateSync(file, 2 * size),
  (file) => void writeSync(file, "attack", 0),
  (file) => void writeSync(file, "attack", size),
];

const canBeStatic = hasCall || !reflink;

// What the kernel does has nothing to do with the runtime: once is enough
test("every attack changes an ordinary file", { skip: !canBeStatic || !("Bun" in globalThis) }, () => {
  using place = unsealed(medium());
  const path = place.path(), donor = place.path("donor"), copy = place.path("copy");
  const fresh = () => {
    makeTwo(path, donor);
    spawnSync("setfattr", ["-n", "user.daxfile.static", "-v", "x", path]);
    return stateOf(path);
  };
  const wrong: string[] = [];
  let before = fresh();
  for (const [where, command] of commands) {
    const { stderr } = run(command, path, donor, copy);
    const after = stateOf(path);
    if (works[where] !== undefined && works[where] !== (after !== before)) {
      wrong.push(`${command}: ${stderr}`);
    }
    if (after !== before || !existsSync(donor)) before = fresh();
    rmSync(copy, { force: true });
  }
  for (const attempt of attempts) {
    const file = openSync(path, "r+");
    attempt(file);
    closeSync(file);
    if (stateOf(path) === before) wrong.push(String(attempt));
    before = fresh();
  }
  assertEquals(wrong, []);
});

function run(command: string, path: string, donor: string, copy: string) {
  const script = command.replaceAll("FILE", path).replaceAll("DONOR", donor).replaceAll("COPY", copy);
  const { status, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
  assert(status !== 127, `no such program: ${command}`);
  return { status, stderr };
}

test("no attack for 30 seconds moves, shrinks or shares a block, stops the writer or loses a value", {
  skip: !canBeStatic,
}, async () => {
  using place = unsealed(medium());
  const path = place.path(), donor = place.path("donor"), copy = place.path("copy");
  makeTwo(path, donor);
  // A descriptor from before: when XFS seals a file there may be none
  const old = xfs && !hasCall ? undefined : openSync(path, "r+");
  await using child = startChild(writer(path));
  assertEquals(await child.line(), "true");
  const before = extentsOf(path);
  let rounds = 0;
  for (const end = performance.now() + attackMs; performance.now() < end; rounds++) {
    for (const [, command] of commands) {
      if (command.includes("DONOR") && !existsSync(donor)) writeFileSync(donor, new Uint8Array(size));
      run(command, path, donor, copy);
      rmSync(copy, { force: true });
      for (const attempt of old === undefined ? [] : attempts) {
        let refused = false;
        try {
          attempt(old!);
        } catch {
          refused = true;
        }
        assert(refused, `${attempt} through the old descriptor`);
      }
      assertEquals(extentsOf(path), before, command);
    }
  }
  if (old !== undefined) closeSync(old);
  assertEquals(isStatic(path), true);
  child.send("stop");
  const { written, lost, sum } = JSON.parse(await child.line()) as Record<string, number>;
  const { status, signal } = await child.ended;
  assertEquals([status, signal, lost], [0, null, 0]);
  assert(written! > 20_000 && rounds > 0, `${written} numbers, ${rounds} rounds`);
  // What another process reads is the same, and so is what a new mapping has
  const bytes = readFileSync(path);
  assertEquals(
    new Float64Array(bytes.buffer, bytes.byteOffset, size / 8).reduce((total, value) => total + value, 0),
    sum,
  );
  assertEquals(extentsOf(path), before);
  open(path, { static: true }).close();
  clearStatic(path);
});
