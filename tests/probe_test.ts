// What probe says is what open gets: on each kind of medium, and for whatever open refuses. And nothing is changed by asking.
// machines: none, it makes the media that it asks about; vm/medium_test.ts and vm/commands_test.ts have each machine

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { DaxError, open, type Probe, probe } from "../mod.ts";
import { Map as MapFlag } from "../ffi/symbols.ts";
import { holderOf } from "../src/lock_state.ts";
import { unmapFile } from "../src/mapping.ts";
import { mapShared } from "../src/open.ts";
import { closeFile, O, openFile } from "../src/system.ts";
import { makeFile, makeHole } from "./helpers/bytes.ts";
import { askChild, startChild } from "./helpers/child.ts";
import { withNative } from "./helpers/native.ts";
import {
  descriptors,
  disk,
  failingDisk,
  mappings,
  medium,
  memory,
  memoryFile,
  type Place,
  run,
  smallTmpfs,
} from "./helpers/places.ts";

const MiB = 2 ** 20;

const media: [string, () => Place][] = [["the medium under test", medium], ["a disk", disk], [
  "tmpfs",
  memory,
], [
  "a loop device over tmpfs",
  failingDisk,
]];

for (const [name, make] of media) {
  test(`on ${name}, probe says what open gives: of a file, of its directory, of a file to come`, () => {
    using place = make();
    const path = place.path();
    const before = [probe(path), probe(place.directory)];
    using file = open(path, { create: true, size: MiB });
    const given = [file.granularity, file.durability, file.mapSync, file.isStatic];
    for (const found of [...before, probe(path), probe(pathToFileURL(path))]) {
      assertEquals([found.granularity, found.durability, found.mapSync, found.isStatic], given, found.kind);
    }
    assertEquals(before.map(({ kind, exists }) => [kind, exists]), [["missing", false], ["directory", true]]);
    assertEquals(probe(path).kind, "file");
    assertEquals(probe(path).size, MiB);
  });
}

test("a file on a disk: page granularity by msync, and why", () => {
  using place = disk();
  const found = probe(makeFile(place.path(), MiB));
  assertEquals([found.granularity, found.flushMethod, found.durability], ["page", "msync", "power-loss"]);
  assertEquals([found.access, found.lock, found.refusal], ["write", "free", undefined]);
  assertEquals(states(found), {
    "native code": true,
    "open": true,
    "lock": true,
    "file system": true,
    "persistent memory": false,
    "DAX": false,
    "MAP_SYNC": false,
    "flush instruction": false,
    "persistence domain": null,
    "granularity": false,
    "durability": true,
    "allocation": true,
    "static": false,
  });
  assert(found.devices.length > 0);
  assertStringIncludes(check(found, "persistent memory").reason!, found.devices[0]!.name);
});

test("whatever is not had has a reason, and what rests on nothing else a remedy", () => {
  using place = disk();
  using ram = memory();
  for (
    const found of [probe(makeFile(place.path(), 1)), probe(makeHole(ram.path(), MiB)), probe("/dev/null")]
  ) {
    for (const { name, ok, reason, remedy } of found.checks) {
      if (ok === false) assert(reason !== undefined, name);
      const alone = ["open", "lock", "persistent memory", "durability", "allocation", "static"];
      if (ok === false && alone.includes(name)) assert(remedy !== undefined, name);
    }
  }
});

test("a file on tmpfs: a fence is all there is to do, and only the end of the process is survived", () => {
  using place = memory();
  const found = probe(makeFile(place.path(), MiB));
  assertEquals([found.fileSystem, found.flushMethod, found.durability], [
    "tmpfs",
    "fence only",
    "process-exit",
  ]);
  assertEquals(found.extents, undefined);
  assertStringIncludes(check(found, "allocation").reason!, "not supported");
  assertStringIncludes(check(found, "durability").reason!, "tmpfs");
});

test("a file on a loop device is worth what the file under it is worth", () => {
  using place = failingDisk();
  const found = probe(place.directory);
  assertEquals([found.fileSystem, found.durability], ["ext4", "process-exit"]);
  assertStringIncludes(check(found, "durability").reason!, found.devices[0]!.backingFile!);
  assertStringIncludes(check(found, "durability").reason!, "tmpfs lives in memory");
});

test("a memfd is told apart from a disk", () => {
  using file = memoryFile(4096);
  const found = probe(file.path);
  assertEquals([found.kind, found.fileSystem, found.durability], ["file", "tmpfs", "process-exit"]);
});

/** Paths that open refuses, each made in a directory of its own. */
const refused: [string, (place: Place) => string][] = [
  ["a directory that does not exist", (place) => place.path("none/file.dax")],
  ["a file in the place of a directory", (place) => `${makeFile(place.path("file"), 1)}/file.dax`],
  ["/dev/null", () => "/dev/null"],
  ["a pipe", (place) => {
    run("mkfifo", place.path("pipe"));
    return place.path("pipe");
  }],
  ["an empty file", (place) => makeFile(place.path(), 0)],
  ["a link that leads nowhere", (place) => link(place.path("none"), place.path("link"))],
  ["a link that leads to itself", (place) => link(place.path("link"), place.path("link"))],
  ["a name that is too long", (place) => place.path("x".repeat(256))],
  ["a name with a slash behind it", (place) => place.path("none/")],
  ["a file of /proc", () => "/proc/self/status"],
  ["a file of /sys that cannot be mapped", () => "/sys/kernel/mm/transparent_hugepage/enabled"],
  ["a program that runs", () => process.execPath],
  ["a file of /sys that cannot be written", () => "/sys/kernel/notes"],
];

for (const [name, make] of refused) {
  test(`${name}: probe says what open would throw`, () => {
    using place = disk();
    const path = make(place);
    const { refusal, exists } = probe(path);
    const options = exists ? { sparse: true } : { create: true, size: 4096 };
    const { code, reason, hint } = assertThrows(() => open(path, options), DaxError);
    assertEquals(refusal, hint === undefined ? { code, reason } : { code, reason, hint });
  });
}

test("on a read-only file system a file can be read, and none can be made", () => {
  using place = smallTmpfs(MiB);
  const path = makeFile(place.path(), 4096);
  run("mount", "-o", "remount,ro", place.directory);
  assertEquals([probe(path).access, probe(path).refusal?.code, probe(path).granularity], [
    "read",
    "EROFS",
    "page",
  ]);
  assertEquals([probe(place.directory).access, probe(place.directory).refusal?.code], ["none", "EROFS"]);
});

test("a socket is refused as open refuses it", async () => {
  using place = disk();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(place.path("socket"), resolve));
  const error = assertThrows(() => open(place.path("socket")), DaxError);
  assertEquals(probe(place.path("socket")).refusal?.code, error.code);
  await new Promise((resolve) => server.close(resolve));
});

test("a file that somebody writes is locked, and who has it is said", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  using _ = open(path);
  const found = probe(path);
  assertEquals([found.lock, found.refusal?.code, found.access], ["exclusive", "EBUSY", "write"]);
  assertStringIncludes(check(found, "lock").reason!, `${process.pid}`);
  assertEquals(found.granularity, "page");
  assertEquals(found.refusal?.reason, assertThrows(() => open(path), DaxError).reason);
});

test("a file that somebody reads cannot be written either, and is seen as shared", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  {
    using _ = open(path, { readOnly: true });
    assertEquals([probe(path).lock, probe(path).refusal?.code], ["shared", "EBUSY"]);
  }
  assertEquals([probe(path).lock, probe(path).refusal], ["free", undefined]);
});

test("of several reasons to refuse, it is the one that open meets first", () => {
  using place = disk();
  const path = makeFile(place.path(), 0);
  withNative(() => ({ daxfile1_lock: () => -11 }), () => {
    const { code } = assertThrows(() => open(path), DaxError);
    assertEquals([probe(path).refusal?.code, code], ["EBUSY", "EBUSY"]);
  });
});

test("a lock of another process is seen, with its number", async () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  await using child = startChild(`
    import { open } from "@daxfile/daxfile";
    const file = open(${JSON.stringify(path)});
    console.log("open");
    setInterval(() => file.size, 1000);
  `);
  assertEquals(await child.line(), "open");
  assertEquals(probe(path).lock, "exclusive");
  assertStringIncludes(check(probe(path), "lock").reason!, `process ${child.pid} (`);
});

test("holders are found in /proc/locks by device and inode, and who waits holds nothing", () => {
  const locks = [
    "1: POSIX  ADVISORY  WRITE 101 fd:01:4711 0 EOF",
    "2: FLOCK  ADVISORY  WRITE 102 fd:02:4711 0 EOF",
    "3: -> FLOCK  ADVISORY  WRITE 103 fd:01:4711 0 EOF",
    "4: FLOCK  ADVISORY  READ 999999999 fd:01:4711 0 EOF",
  ].join("\n");
  const device = { major: 0xfd, minor: 1 };
  assertEquals(holderOf({ device, inode: 4711 }, locks), "999999999");
  assertEquals(holderOf({ device, inode: 4712 }, locks), undefined);
});

test("probe keeps no lock, no descriptor and no mapping", () => {
  using place = disk();
  const path = makeFile(place.path(), MiB);
  probe(path);
  for (const each of [path, place.directory, place.path("new"), "/dev/null", place.path("none/new")]) {
    probe(each);
  }
  assertEquals(descriptors(place.directory), 0);
  assertEquals(mappings(place.directory), []);
  open(path).close();
});

for (const [name, make] of [["a disk", disk], ["tmpfs", memory]] as const) {
  test(`probe leaves a file on ${name} as it was, byte for byte, block for block, and its times`, () => {
    using place = make();
    const whole = place.path("whole"), hole = place.path("hole");
    writeFileSync(whole, new Uint8Array(100_000).fill(7));
    truncateSync(makeFile(hole, 4096), 64 * MiB);
    const state = (path: string) => {
      const { size, blocks, ino, mode, nlink, atimeNs, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
      return [size, blocks, ino, mode, nlink, atimeNs, mtimeNs, ctimeNs];
    };
    const before = [whole, hole, place.directory].map(state);
    for (const path of [whole, hole, place.directory, place.path("new")]) {
      assertEquals(probe(path).refusal, undefined);
    }
    assertEquals([whole, hole, place.directory].map(state), before);
    assertEquals(readdirSync(place.directory).sort(), ["hole", "whole"]);
    assertEquals(readFileSync(whole), readFileSync(whole).fill(7));
  });
}

test("holes are counted, said to be filled by open, and left as they are", () => {
  using place = disk();
  const path = makeFile(place.path(), 8192);
  truncateSync(path, MiB);
  run("sync", path);
  const found = probe(path);
  assertEquals(found.extents?.holeBytes, MiB - 8192);
  assertEquals(found.extents!.runs[0]!.byteOffset, 0);
  assertEquals(check(found, "allocation").ok, false);
  assertStringIncludes(check(found, "allocation").value, "8 KiB of 1 MiB");
  assertStringIncludes(check(found, "allocation").remedy!, "fallocate");
});

test("what was allocated and never written is told from what was", () => {
  using place = disk();
  open(place.path(), { create: true, size: MiB }).close();
  const made = probe(place.path()).extents!;
  assertEquals([made.holeBytes, made.unwrittenBytes], [0, MiB]);
  writeFileSync(place.path(), new Uint8Array(MiB));
  run("sync", place.path());
  const written = probe(place.path()).extents!;
  assertEquals([written.holeBytes, written.unwrittenBytes], [0, 0]);
  assertEquals(written.count, written.runs.length);
});

test("holes that are larger than what is free are said to be", () => {
  using place = disk();
  const found = probe(makeHole(place.path(), 2 ** 43));
  assert(found.freeBytes! < 2 ** 43);
  assertStringIncludes(check(found, "allocation").reason!, "are free");
});

test("an empty file is refused, and yet what it would give is known", () => {
  using place = disk();
  const found = probe(makeFile(place.path(), 0));
  assertEquals([found.kind, found.size, found.refusal?.code], ["file", 0, "EINVAL"]);
  assertEquals(found.granularity, "page");
});

for (const force of ["byte", "cache-line", "page"] as const) {
  test(`DAXFILE_FORCE_GRANULARITY=${force} is shown, and is what open gives`, () => {
    using place = disk();
    const path = makeFile(place.path(), 4096);
    process.env["DAXFILE_FORCE_GRANULARITY"] = force;
    try {
      const found = probe(path);
      using file = open(path);
      assertEquals([found.granularity, found.durability], [file.granularity, file.durability]);
      assertEquals(found.forcedGranularity, force);
      assertStringIncludes(check(found, "granularity").value, "DAXFILE_FORCE_GRANULARITY");
      assertEquals(check(found, "granularity").ok, force === "page");
      assertEquals(
        check(found, "durability").remedy,
        force === "page" ? undefined : "Unset DAXFILE_FORCE_GRANULARITY",
      );
    } finally {
      delete process.env["DAXFILE_FORCE_GRANULARITY"];
    }
    assertEquals(probe(path).forcedGranularity, undefined);
  });
}

test("MAP_SYNC is what the kernel answers to a mapping that can only be read", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  const asked: number[] = [];
  const answer = (result: number | undefined) =>
    withNative((real) => ({
      daxfile1_map(file, byteLength, alignBytes, flags) {
        asked.push(flags!);
        if ((flags! & MapFlag.sync) === 0) return real.daxfile1_map(file!, byteLength!, alignBytes!, flags!);
        return result ?? real.daxfile1_map(file!, byteLength!, alignBytes!, flags! & ~MapFlag.sync);
      },
    }), () => probe(path));
  const given = answer(undefined);
  assertEquals([given.mapSync, given.granularity], [true, "cache-line"]);
  for (const errno of [95, 22]) assertEquals(answer(-errno).mapSync, false);
  const failed = answer(-12);
  assertEquals([failed.mapSync, failed.refusal?.code, failed.granularity], [undefined, "ENOMEM", undefined]);
  assert(asked.every((flags) => (flags & MapFlag.writable) === 0));
});

test("virtio-pmem is not asked for MAP_SYNC, for not every kernel refuses", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  const file = openFile(path, O.readWrite);
  const asked: number[] = [];
  const leaves = [{ name: "pmem6", region: "/sys/devices/pci0000:00/virtio0/ndbus1/region6" }];
  const { address, mapSync } = withNative((real) => ({
    daxfile1_map(file, byteLength, alignBytes, flags) {
      asked.push(flags!);
      return real.daxfile1_map(file!, byteLength!, alignBytes!, flags! & ~MapFlag.sync);
    },
  }), () => mapShared(file, 4096, path, { leaves }, true));
  unmapFile(address, 4096);
  closeFile(file);
  assertEquals([mapSync, asked], [false, [MapFlag.writable]]);
});

test("where no file without a name can be made, it is not known what a new one gets", () => {
  using place = disk();
  const found = withNative((real) => ({
    daxfile1_open: (path, flags, mode) =>
      (flags! & 0o20000000) !== 0 ? -95 : real.daxfile1_open(path!, flags!, mode!),
  }), () => probe(place.directory));
  assertEquals([found.mapSync, found.granularity, found.refusal], [undefined, undefined, undefined]);
  assertEquals(check(found, "MAP_SYNC").ok, null);
  assertStringIncludes(check(found, "granularity").reason!, "O_TMPFILE");
  assertEquals(readdirSync(place.directory), []);
});

/** What another user is told of a file and of its directory. */
function asNobody(path: string): Probe {
  return askChild<Probe>(`
    import process from "node:process";
    import { probe } from "@daxfile/daxfile";
    probe(".");
    process.seteuid(65534);
    console.log(JSON.stringify(probe(${JSON.stringify(path)})));
  `);
}

test("a user who may not read is told so, and what lies under the file", () => {
  using place = disk();
  run("chmod", "755", place.directory);
  const path = makeFile(place.path(), 4096);
  run("chmod", "600", path);
  const hidden = asNobody(path);
  assertEquals([hidden.access, hidden.refusal?.code, hidden.kind, hidden.mapSync], [
    "none",
    "EACCES",
    "file",
    undefined,
  ]);
  assertEquals(check(hidden, "file system").ok, true);
  run("chmod", "644", path);
  const readable = asNobody(path);
  assertEquals([readable.access, readable.refusal?.code, readable.granularity], ["read", "EACCES", "page"]);
  assertStringIncludes(readable.refusal!.hint!, "readOnly");
  const directory = asNobody(place.directory);
  assertEquals([directory.access, directory.refusal?.code], ["none", "EACCES"]);
  mkdirSync(place.path("locked"), { mode: 0o700 });
  assertEquals([asNobody(place.path("locked/file")).kind], ["unreachable"]);
});

test("what is no path is a TypeError", () => {
  for (const value of ["", "a\0b", 7, null, undefined, new URL("https://example.com/x")]) {
    assertThrows(() => probe(value as string), TypeError);
  }
});

test("without a native library it is a DaxError", () => {
  const message = askChild<string[]>(
    `
    import { DaxError, probe } from "@daxfile/daxfile";
    try {
      probe(".");
    } catch (error) {
      console.log(JSON.stringify([error instanceof DaxError, error.operation, error.path]));
    }
  `,
    { env: { DAXFILE_LIBRARY: "/dev/null" } },
  );
  assertEquals(message as unknown[], [true, "probe", "."]);
});

function check(found: Probe, name: string) {
  const check = found.checks.find((check) => check.name === name);
  assert(check !== undefined, `there is no check ${name}`);
  return check;
}

function states(found: Probe): Record<string, boolean | null> {
  return Object.fromEntries(found.checks.map(({ name, ok }) => [name, ok]));
}

function link(target: string, path: string): string {
  symlinkSync(target, path);
  return path;
}
