// Static files: the system call is issued only under a number that is known to be its own, and refused in words otherwise.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import {
  clearStatic,
  daxctl,
  DAXCTL_F_DAX,
  DAXCTL_F_GET,
  DAXCTL_F_STATIC,
  DaxError,
  isStatic,
  setStatic,
} from "../mod.ts";
import { makeFile } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { medium } from "./helpers/places.ts";

/** A kernel: what its list of symbols is (undefined: it may not be read) and what the call answers. */
interface Kernel {
  symbols: string | undefined;
  number?: string;
  answer?: number;
}

const released = "ffffffff81000000 T __x64_sys_openat\nffffffff81000001 T __x64_sys_mkdir\n";
const patched = `${released}ffffffff81000002 T __x64_sys_daxctl\n`;

/** The functions as they are where nothing has been found out about the kernel. */
async function fresh(name: string): Promise<typeof import("../src/static.ts")> {
  const specifier = `../src/static.ts?${encodeURIComponent(name)}`;
  return await import(specifier);
}

let count = 0;

/** Runs a body on a kernel; gives the calls that were issued: number, flags, alignment. */
async function onKernel(
  { symbols, number, answer = 0 }: Kernel,
  body: (api: typeof import("../src/static.ts"), path: string) => void,
): Promise<number[][]> {
  const api = await fresh(`kernel ${count++}`);
  using place = medium();
  const path = makeFile(place.path(), 4096);
  const list = place.path("kallsyms");
  writeFileSync(list, symbols ?? "");
  const calls: number[][] = [];
  if (number !== undefined) process.env["DAXFILE_SYSCALL_NR"] = number;
  try {
    withNative((real) => ({
      daxfile1_open(address, flags, mode) {
        const { scratch } = library();
        const start = address! - scratch.address;
        const asked = new TextDecoder().decode(
          scratch.bytes.subarray(start, scratch.bytes.indexOf(0, start)),
        );
        if (asked === "/proc/kallsyms") {
          if (symbols === undefined) return -13;
          scratch.bytes.set(new TextEncoder().encode(`${list}\0`), start);
        }
        return real.daxfile1_open(address!, flags!, mode!);
      },
      daxfile1_daxctl(number, _path, flags, align) {
        calls.push([number!, flags!, align!]);
        return answer;
      },
    }), () => body(api, path));
  } finally {
    delete process.env["DAXFILE_SYSCALL_NR"];
  }
  return calls;
}

const oneOfOurs = () => library().runtime.platform === "linux-x86_64";

test("the flags are those of the proposal", () => {
  assertEquals([DAXCTL_F_GET, DAXCTL_F_DAX, DAXCTL_F_STATIC], [1, 2, 4]);
});

test("a released kernel: ENOSYS with what to do, and no system call, whatever number is configured", async () => {
  for (const number of [undefined, "", "333", "548", "1000"]) {
    const calls = await onKernel(
      { symbols: released, ...(number !== undefined && { number }) },
      (api, path) => {
        const attempts = {
          get: () => api.daxctl(path, DAXCTL_F_GET),
          dax: () => api.daxctl(path, DAXCTL_F_DAX),
          set: () => api.setStatic(path, { align: 2 ** 21 }),
          clear: () => api.clearStatic(path),
        };
        for (const attempt of Object.values(attempts)) {
          const error = assertThrows(attempt, DaxError, "this kernel has no daxctl(2)");
          assertEquals([error.code, error.operation, error.path], ["ENOSYS", "daxctl", path]);
          assert(error.hint?.includes("DAXFILE_SYSCALL_NR") && error.hint.includes("without static"));
        }
        assertEquals(api.isStatic(path), false);
      },
    );
    assertEquals(calls, []);
  }
});

test("a kernel that names the call: under our own number, or the configured one", async () => {
  const calls = await onKernel({ symbols: patched, number: "777", answer: 4 }, (api, path) => {
    assertEquals(api.daxctl(path, DAXCTL_F_GET), DAXCTL_F_STATIC);
    assertEquals(api.isStatic(path), true);
    api.setStatic(path);
    api.setStatic(path, { align: 2 ** 21 });
    api.clearStatic(path);
    api.daxctl(path, -1, -4096);
    api.daxctl(path, -0, -0);
  });
  const expected = [[1, 0], [1, 0], [4, 0], [4, 2 ** 21], [0, 0], [-1, -4096], [0, 0]];
  assertEquals(calls, expected.map((call) => [777, ...call]));
  const own = await onKernel({ symbols: patched }, (api, path) => {
    if (oneOfOurs()) assertEquals(api.isStatic(path), false);
    else assertThrows(() => api.daxctl(path, 1), DaxError, "not known");
  });
  assertEquals(own, oneOfOurs() ? [[548, 1, 0]] : []);
});

test("a kernel that hides its list: no guessed number, and none that may be another call's", async () => {
  assertEquals(
    await onKernel({ symbols: undefined }, (api, path) => {
      assertThrows(() => api.daxctl(path, 1), DaxError, "is not known");
      assertEquals(api.isStatic(path), false);
    }),
    [],
  );
  for (const number of ["0", "1", "333", "547"]) {
    const calls = await onKernel({ symbols: undefined, number }, (api, path) => {
      assertThrows(() => api.daxctl(path, 1), DaxError, `DAXFILE_SYSCALL_NR is ${number}`);
    });
    assertEquals(calls, []);
  }
  assertEquals(await onKernel({ symbols: "", number: "548" }, (api, path) => void api.daxctl(path, 1)), [[
    548,
    1,
    0,
  ]]);
});

test("a configured number that is none is named, and nothing is called", async () => {
  for (const number of ["nonsense", " ", "-1", "5.5", "1e3", "0x300", "NaN", "Infinity", "2147483648"]) {
    for (const symbols of [undefined, patched]) {
      const calls = await onKernel({ symbols, number }, (api, path) => {
        const error = assertThrows(() => api.daxctl(path, 1), DaxError, number);
        assertEquals(error.code, "ENOSYS");
      });
      assertEquals(calls, []);
    }
  }
});

test("what the kernel answers is what is thrown, with a hint where there is one", async () => {
  const answers = [[-22, "EINVAL"], [-1, "EPERM"], [-16, "EBUSY"], [-2, "ENOENT"], [-38, "ENOSYS"], [
    -95,
    "ENOTSUP",
  ]];
  for (const [answer, code] of answers as [number, string][]) {
    await onKernel({ symbols: patched, number: "548", answer }, (api, path) => {
      const error = assertThrows(() => api.daxctl(path, DAXCTL_F_STATIC), DaxError, path);
      assertEquals([error.code, error.operation], [code, "daxctl"]);
      if (code === "EPERM") assert(error.hint?.includes("CAP_LINUX_IMMUTABLE"));
      if (code === "ENOSYS") assert(error.hint?.includes("kernel"));
    });
  }
});

test("isStatic of a missing file is ENOENT, of a pipe does not wait", () => {
  using place = medium();
  for (const call of [isStatic, (path: string) => isStatic(`${path}/below`)]) {
    const error = assertThrows(() => call(place.path("missing")), DaxError, "missing");
    assertEquals([error.code, error.operation], ["ENOENT", "isStatic"]);
  }
  assertEquals(isStatic(place.directory), false);
  assertEquals(isStatic("/dev/null"), false);
});

test("flags and align are 32-bit integers, and a path is a path", () => {
  for (const value of [0.5, NaN, Infinity, 2 ** 31, -(2 ** 31) - 1, 2 ** 53]) {
    assertThrows(() => daxctl("file", value), RangeError, String(value));
    assertThrows(() => daxctl("file", 0, value), RangeError, String(value));
    assertThrows(() => setStatic("file", { align: value }), RangeError, String(value));
  }
  for (const value of ["1", null, 1n, {}, true]) {
    assertThrows(() => daxctl("file", value as number), TypeError, "flags");
    assertThrows(() => daxctl("file", 0, value as number), TypeError, "align");
  }
  assertThrows(() => daxctl("file", undefined as unknown as number), TypeError, "flags");
  for (const call of [isStatic, clearStatic, setStatic, (path: string) => daxctl(path, 1)]) {
    assertThrows(() => call(""), TypeError, "empty");
    assertThrows(() => call("a\0b"), TypeError, "NUL");
    assertThrows(() => call(5 as unknown as string), TypeError, "number 5");
  }
});
