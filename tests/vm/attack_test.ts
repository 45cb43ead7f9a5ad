// machines: ext4 xfs
// kernel: any
//
// While a program writes a static file at full speed, another process of root's tries for 30 seconds every way it knows to move, shrink
// or share its blocks: the program is not stopped, no value is lost, and every block is where it was.
//
// Not tried: `chattr -i`. That is an administrator's explicit act; what is done after it is noticed when the file is opened next
// (seal_test.ts), and a kernel with daxctl(2) does not let go of a mapped file.

import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { clearStatic, isStatic, open } from "../../mod.ts";
import { startChild } from "../helpers/child.ts";
import { medium } from "../helpers/places.ts";
import { extentsOf, unsealed } from "../helpers/sealing.ts";

const xfs = process.env["DAXFILE_TEST_MACHINE"]!.startsWith("xfs");
const size = 8 * 2 ** 20, attackMs = 30_000;

/** Writes numbers into places of the file until it is told to stop, and looks whether each is the last that was written there. */
const writer = (path: string) => `
  import { open } from "@daxfile/daxfile";
  import process from "node:process";
  using file = open(${JSON.stringify(path)}, { static: true });
  const numbers = file.view(Float64Array), last = new Float64Array(numbers.length);
  let written = 0, lost = 0, over = false;
  process.stdin.once("data", () => over = true);
  console.log(file.isStatic);
  for (let place = 1; !over; await new Promise((resolve) => setTimeout(resolve, 0))) {
    for (let count = 0; count < 20_000; count++) {
      place = (place * 48271) % 2147483647;
      const index = place % numbers.length;
      if (numbers[index] !== last[index]) lost++;
      numbers[index] = last[index] = ++written;
      file.persist(index * 8, 8);
    }
  }
  for (let index = 0; index < numbers.length; index++) if (numbers[index] !== last[index]) lost++;
  console.log(JSON.stringify({ written, lost, sum: last.reduce((sum, value) => sum + value, 0) }));
  process.exit(0);`;

/** Commands against FILE; DONOR is another file of the same length. All are to fail, or to do nothing to FILE. */
const commands = [
  "truncate -s 0 FILE",
  "truncate -s 4096 FILE",
  `truncate -s ${2 * size} FILE`,
  "dd if=/dev/zero of=FILE bs=64k count=4 conv=notrunc",
  "dd if=/dev/zero of=FILE bs=64k count=4",
  `dd if=/dev/zero of=FILE bs=64k count=1 seek=${size / 65536} conv=notrunc`,
  "fallocate -p -o 0 -l 1048576 FILE",
  "fallocate -c -o 0 -l 1048576 FILE",
  "fallocate -i -o 0 -l 1048576 FILE",
  "fallocate -z -o 0 -l 1048576 FILE",
  `fallocate -o ${size} -l 1048576 FILE`,
  "fallocate -d FILE",
  "cp DONOR FILE",
  "cp --reflink=always DONOR FILE",
  "cp --reflink=always FILE COPY",
  "mv FILE COPY",
  "mv DONOR FILE",
  "rm -f FILE",
  "e4defrag FILE",
  "xfs_fsr -v FILE",
  "xfs_io -c 'copy_range DONOR' FILE",
  "xfs_io -c 'reflink DONOR' FILE",
  "xfs_io -c 'swapext DONOR' FILE",
  "xfs_io -c 'dedupe DONOR 0 0 65536' FILE",
  "xfs_io -c 'extsize 1m' FILE",
  "xfs_io -r -c 'extsize 1m' FILE",
  "xfs_io -r -c 'chattr -x' FILE",
  "xfs_io -r -c 'resvsp 0 1m' FILE",
  "swapon FILE",
  "setfattr -x user.daxfile.static FILE",
];

test("no attack for 30 seconds moves, shrinks or shares a block, stops the writer or loses a value", async () => {
  using place = unsealed(medium());
  const path = place.path(), donor = place.path("donor"), copy = place.path("copy");
  // A descriptor from before the seal: on XFS there may be none
  writeFileSync(path, new Uint8Array(size));
  const old = xfs ? undefined : openSync(path, "r+");
  const throughOld = [
    () => ftruncateSync(old!, 0),
    () => ftruncateSync(old!, 2 * size),
    () => writeSync(old!, "attack", 0),
    () => writeSync(old!, "attack", size),
  ];
  await using child = startChild(writer(path));
  assertEquals(await child.line(), "true");
  const before = extentsOf(path);
  let rounds = 0;
  for (const end = performance.now() + attackMs; performance.now() < end; rounds++) {
    for (const command of commands) {
      if (command.includes("DONOR") && !existsSync(donor)) writeFileSync(donor, new Uint8Array(size).fill(9));
      const script = command.replaceAll("FILE", path).replaceAll("DONOR", donor).replaceAll("COPY", copy);
      const { status } = spawnSync("sh", ["-c", script], { stdio: "ignore" });
      assert(status !== 127, `no such program: ${command}`);
      rmSync(copy, { force: true });
      for (const attempt of old === undefined ? [] : throughOld) {
        let refused = false;
        try {
          attempt();
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
