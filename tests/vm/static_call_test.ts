// machines: ext4 xfs xfs-reflink virtio-pmem devdax disk
// kernel: daxctl
/**
 * The library on a kernel that has daxctl(2): it finds the call by itself, never under another number, and a file that it makes static
 * is the kernel's. What the call does in every case is conformance_test.ts's business.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, truncateSync, unlinkSync, writeSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import {
  clearStatic,
  daxctl,
  DAXCTL_F_DAX,
  DAXCTL_F_GET,
  DAXCTL_F_STATIC,
  DaxError,
  isStatic,
  open,
  setStatic,
} from "../../mod.ts";
import { unprivileged } from "./unprivileged.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"]!;
const device = process.env["DAXFILE_TEST_DEVICE"];
const canBeStatic = ["ext4", "xfs", "xfs-reflink"].includes(machine);
const byteLength = 4 << 20;
let count = 0;

/** A file whose blocks are all written, removed when the block ends, static or not. */
function written(): Disposable & { readonly path: string } {
  const path = `${process.env["DAXFILE_TEST_DIR"]}/static-call-${process.pid}-${count++}.dax`;
  using file = open(path, { create: true, size: byteLength });
  file.fill(0, byteLength, 1);
  return {
    path,
    [Symbol.dispose]() {
      if (isStatic(path)) clearStatic(path);
      rmSync(path);
    },
  };
}

/** What the kernel answers; Deno has no code for one of its words. */
function codeOf(body: () => void): string {
  try {
    body();
    return "nothing";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? (/^Text file busy/.test(message) ? "ETXTBSY" : message);
  }
}

test("the kernel names the call among its symbols", () => {
  assertMatch(readFileSync("/proc/kallsyms", "utf8"), / __x64_sys_daxctl$/m);
});

if (canBeStatic) {
  test(`setStatic, isStatic and clearStatic are the kernel's on ${machine}`, () => {
    using file = written();
    assertEquals(isStatic(file.path), false);
    setStatic(file.path);
    assertEquals([isStatic(file.path), daxctl(file.path, DAXCTL_F_GET)], [true, DAXCTL_F_STATIC]);
    assertEquals(codeOf(() => truncateSync(file.path, 0)), "ETXTBSY");
    assertEquals(codeOf(() => unlinkSync(file.path)), "EPERM");
    const descriptor = openSync(file.path, "r+");
    assertEquals(codeOf(() => writeSync(descriptor, "lost?")), "ETXTBSY");
    closeSync(descriptor);
    clearStatic(file.path);
    assertEquals([isStatic(file.path), daxctl(file.path, DAXCTL_F_GET)], [false, 0]);
    truncateSync(file.path, 0);
  });

  test(`open makes a new file static on ${machine}, and it stays so when it is closed`, () => {
    const path = `${process.env["DAXFILE_TEST_DIR"]}/static-call-${process.pid}-new.dax`;
    {
      using file = open(path, { create: true, size: byteLength, static: true });
      assertEquals([file.isStatic, daxctl(path, DAXCTL_F_GET)], [true, DAXCTL_F_STATIC]);
      file.view(Uint8Array).fill(7);
      file.persist();
      const error = assertThrows(() => clearStatic(path), DaxError);
      assertEquals(error.code, "EBUSY");
    }
    assertEquals(isStatic(path), true);
    {
      using file = open(path, { static: true });
      assert(file.view(Uint8Array).every((byte) => byte === 7));
    }
    {
      using file = open(path);
      assertEquals(file.isStatic, true);
    }
    clearStatic(path);
    rmSync(path);
  });

  test(`the kernel refuses flags, alignments and holes by way of the library on ${machine}`, () => {
    using file = written();
    for (const flags of [DAXCTL_F_DAX, DAXCTL_F_DAX | DAXCTL_F_STATIC, 8, -1]) {
      assertEquals(codeOf(() => daxctl(file.path, flags)), "EINVAL", `flags ${flags}`);
    }
    for (const align of [1, 12288, -4096, 2 ** 30]) {
      assertEquals(codeOf(() => setStatic(file.path, { align })), "EINVAL", `align ${align}`);
    }
    truncateSync(file.path, 2 * byteLength);
    const error = assertThrows(() => setStatic(file.path), DaxError);
    assertEquals(error.code, "EINVAL");
    assertMatch(error.message, new RegExp(file.path));
    assertEquals(isStatic(file.path), false);
  });

  test(`without CAP_LINUX_IMMUTABLE it is EPERM, which names the capability, and nothing changes on ${machine}`, () => {
    using ordinary = written();
    using frozen = written();
    setStatic(frozen.path);
    for (const { path } of [ordinary, frozen]) spawnSync("chown", ["65534", path]);
    const [set, clear, states] = unprivileged(`[
      told(() => api.setStatic(${JSON.stringify(ordinary.path)})),
      told(() => api.clearStatic(${JSON.stringify(frozen.path)})),
      [${JSON.stringify(ordinary.path)}, ${
      JSON.stringify(frozen.path)
    }].map((path) => told(() => api.isStatic(path))),
    ]`) as [Record<string, string>, Record<string, string>, unknown];
    for (const refused of [set, clear]) {
      assertEquals([refused["name"], refused["code"]], ["DaxError", "EPERM"]);
      assertMatch(refused["message"]!, /CAP_LINUX_IMMUTABLE/);
    }
    assertEquals(states, [{ result: false }, { result: true }]);
    assertEquals([isStatic(ordinary.path), isStatic(frozen.path)], [false, true]);
  });

  test(`static: "prefer" goes on without the capability on ${machine}`, () => {
    using file = written();
    spawnSync("chown", ["65534", file.path]);
    const path = JSON.stringify(file.path);
    const [preferred, insisted] = unprivileged(`[
      told(() => { using file = api.open(${path}, { static: "prefer" }); return file.isStatic; }),
      told(() => api.open(${path}, { static: true }).close()),
    ]`) as [unknown, Record<string, string>];
    assertEquals(preferred, { result: false });
    assertEquals(insisted["code"], "EPERM");
    assertMatch(insisted["message"]!, /CAP_LINUX_IMMUTABLE/);
    assertEquals(isStatic(file.path), false);
  });

  test(`an option or DAXFILE_SYSCALL_NR may name the call's number, and no number that may be another call on ${machine}`, () => {
    using file = written();
    try {
      process.env["DAXFILE_SYSCALL_NR"] = "548";
      setStatic(file.path);
      assertEquals(isStatic(file.path), true);
      for (const number of ["333", "547", "0", "-1", "548.5", "daxctl"]) {
        process.env["DAXFILE_SYSCALL_NR"] = number;
        assertEquals(codeOf(() => daxctl(file.path, DAXCTL_F_GET)), "ENOSYS", number);
        const given = { syscallNumber: 548 };
        assertEquals(
          [daxctl(file.path, DAXCTL_F_GET, 0, given), isStatic(file.path, given)],
          [4, true],
          number,
        );
      }
    } finally {
      delete process.env["DAXFILE_SYSCALL_NR"];
    }
    clearStatic(file.path);
  });
} else if (device === undefined) {
  test(`where nothing can be static (${machine}), the reason is said and nothing changes`, () => {
    using file = written();
    const error = assertThrows(() => setStatic(file.path), DaxError);
    assertEquals(error.code, machine === "disk" ? "EINVAL" : "ENOTSUP");
    assertMatch(error.message, new RegExp(file.path));
    assertEquals(isStatic(file.path), false);
    assertThrows(() => open(file.path, { static: true }), DaxError);
    using opened = open(file.path, { static: "prefer" });
    assertEquals(opened.isStatic, false);
  });
} else {
  test("a device-dax is static by nature, and the call is not asked", () => {
    assertEquals([isStatic(device), daxctl(device, DAXCTL_F_GET)], [true, DAXCTL_F_STATIC]);
    using opened = open(device, { static: true });
    assertEquals(opened.isStatic, true);
  });
}
