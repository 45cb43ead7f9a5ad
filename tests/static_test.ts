// Static files: the system call is issued only under a number that is known to be its own; elsewhere the seal answers in its place.
// machines: none, the kernel that answers is made up; vm/static_way_test.ts has the real ones

import { assert, assertEquals, assertThrows } from "@std/assert";
import { truncateSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import * as api from "../src/static.ts";
import { forgetKernel } from "../src/static/call.ts";
import {
  clearStatic,
  daxctl,
  DAXCTL_F_DAX,
  DAXCTL_F_GET,
  DAXCTL_F_STATIC,
  DaxError,
  isStatic,
  open,
  probe,
  setStatic,
} from "../mod.ts";
import { makeFile } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { disk } from "./helpers/places.ts";
import { pretendDax } from "./helpers/sealing.ts";

/** A kernel: what its list of symbols is (undefined: it may not be read) and what the call answers. */
interface Kernel {
  symbols: string | undefined;
  number?: string;
  answer?: number;
}

const released = "ffffffff81000000 T __x64_sys_openat\nffffffff81000001 T __x64_sys_mkdir\n";
const patched = `${released}ffffffff81000002 T __x64_sys_daxctl\n`;

/** Runs a body on a kernel; gives the calls that were issued: number, flags, alignment. */
function onKernel(
  { symbols, number, answer = 0 }: Kernel,
  body: (functions: typeof api, path: string) => void,
): number[][] {
  forgetKernel();
  using place = disk();
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
    forgetKernel();
  }
  return calls;
}

const oneOfOurs = () => library().runtime.platform === "linux-x86_64";

test("the flags are those of the proposal", () => {
  assertEquals([DAXCTL_F_GET, DAXCTL_F_DAX, DAXCTL_F_STATIC], [1, 2, 4]);
});

test("a released kernel: no system call, whatever number is configured, and the seal says what stands against it", () => {
  for (const number of [undefined, "", "548", "1000"]) {
    const calls = onKernel({ symbols: released, ...(number !== undefined && { number }) }, (api, path) => {
      assertEquals([api.daxctl(path, DAXCTL_F_GET), api.isStatic(path)], [0, false]);
      const set = assertThrows(() => api.setStatic(path, { align: 2 ** 21 }), DaxError);
      assertEquals([set.operation, set.path], ["daxctl", path]);
      const dax = assertThrows(() => api.daxctl(path, DAXCTL_F_DAX), DaxError, "flags 2");
      assertEquals(dax.code, "EINVAL");
    });
    assertEquals(calls, []);
  }
});

test("a kernel that names the call: under our own number, or the configured one", () => {
  const calls = onKernel({ symbols: patched, number: "777", answer: 4 }, (api, path) => {
    assertEquals(api.daxctl(path, DAXCTL_F_GET), DAXCTL_F_STATIC);
    assertEquals(api.isStatic(path), true);
    api.setStatic(path);
    api.setStatic(path, { align: 2 ** 21 });
    api.clearStatic(path);
    api.daxctl(path, -1, -4096); // whatever goes in
    api.daxctl(path, -0, -0);
  });
  const expected = [[1, 0], [1, 0], [4, 0], [4, 2 ** 21], [0, 0], [-1, -4096], [0, 0]];
  assertEquals(calls, expected.map((call) => [777, ...call]));
  const own = onKernel({ symbols: patched }, (api, path) => {
    assertEquals(api.isStatic(path), false);
  });
  assertEquals(own, oneOfOurs() ? [[548, 1, 0]] : []);
});

test("a number that the caller gives wins over the environment, and is used as that is", () => {
  const given = { syscallNumber: 778 };
  const calls = onKernel({ symbols: patched, number: "333", answer: 4 }, (api, path) => {
    assertEquals(api.daxctl(path, DAXCTL_F_GET, 0, given), DAXCTL_F_STATIC);
    assertEquals(api.isStatic(path, given), true);
    api.setStatic(path, { align: 2 ** 21, ...given });
    api.clearStatic(path, given);
  });
  assertEquals(calls, [[1, 0], [1, 0], [4, 2 ** 21], [0, 0]].map((call) => [778, ...call]));
  const hidden = onKernel({ symbols: undefined }, (api, path) => void api.daxctl(path, 1, 0, given));
  assertEquals(hidden, [[778, 1, 0]]);
  const none = onKernel({ symbols: released }, (api, path) => {
    assertEquals([api.isStatic(path, given), api.daxctl(path, 1, 0, given)], [false, 0]);
    assertThrows(() => api.setStatic(path, given), DaxError);
  });
  assertEquals(none, []);
});

test("open and probe take the number too", () => {
  const syscallNumber = 779;
  const calls = onKernel({ symbols: patched, answer: 4 }, (_, path) => {
    {
      using file = open(path, { static: true, syscallNumber });
      assertEquals(file.isStatic, true);
    }
    using file = open(path, { readOnly: true, static: true, syscallNumber });
    assertEquals([file.isStatic, probe(path, { syscallNumber }).staticWay], [true, "system call"]);
  });
  assertEquals(calls, [4, 1, 1, 1].map((flags) => [779, flags, 0]));
});

test("a number that may be another call's is refused before anything is asked", () => {
  const attempts = (syscallNumber: number) => [
    () => open("missing", { syscallNumber }),
    () => daxctl("missing", 1, 0, { syscallNumber }),
    () => setStatic("missing", { syscallNumber }),
    () => clearStatic("missing", { syscallNumber }),
    () => isStatic("missing", { syscallNumber }),
    () => probe("missing", { syscallNumber }),
  ];
  for (const number of [333, 547, 0, -1, 548.5, NaN, Infinity, 2 ** 31]) {
    for (const attempt of attempts(number)) {
      assertThrows(attempt, RangeError, `syscallNumber ${number} is not an integer from 548`);
    }
  }
  for (const number of ["548", null, 548n, {}]) {
    for (const attempt of attempts(number as number)) assertThrows(attempt, TypeError, "syscallNumber is a");
  }
});

test("a kernel that hides its list: no guessed number, and none that may be another call's", () => {
  assertEquals(
    onKernel({ symbols: undefined }, (api, path) => {
      assertEquals([api.daxctl(path, 1), api.isStatic(path)], [0, false]);
    }),
    [],
  );
  for (const number of ["0", "1", "333", "547"]) {
    const calls = onKernel({ symbols: undefined, number }, (api, path) => {
      assertThrows(() => api.daxctl(path, 1), DaxError, `DAXFILE_SYSCALL_NR is ${number}`);
    });
    assertEquals(calls, []);
  }
  assertEquals(onKernel({ symbols: "", number: "548" }, (api, path) => void api.daxctl(path, 1)), [[
    548,
    1,
    0,
  ]]);
});

test("a configured number that is none is named, and nothing is called", () => {
  for (const number of ["nonsense", " ", "-1", "5.5", "1e3", "0x300", "NaN", "Infinity", "2147483648"]) {
    for (const symbols of [undefined, patched]) {
      const calls = onKernel({ symbols, number }, (api, path) => {
        const error = assertThrows(() => api.daxctl(path, 1), DaxError, number);
        assertEquals(error.code, "ENOSYS");
      });
      assertEquals(calls, []);
    }
  }
});

test("what the kernel answers is what is thrown, with a hint where there is one", () => {
  const answers = [[-22, "EINVAL"], [-1, "EPERM"], [-16, "EBUSY"], [-2, "ENOENT"], [-95, "ENOTSUP"]];
  for (const [answer, code] of answers as [number, string][]) {
    onKernel({ symbols: patched, number: "548", answer }, (api, path) => {
      const error = assertThrows(() => api.daxctl(path, DAXCTL_F_STATIC), DaxError, path);
      assertEquals([error.code, error.operation], [code, "daxctl"]);
      if (code === "EPERM") assert(error.hint?.includes("CAP_LINUX_IMMUTABLE"));
    });
  }
});

test("EINVAL of the call stands for many things: the reason is looked for", () => {
  onKernel({ symbols: patched, number: "548", answer: -22 }, (api, path) => {
    assertThrows(() => api.daxctl(path, DAXCTL_F_STATIC, 1000), DaxError, "align 1000 is not a power of two");
    using _ = pretendDax();
    truncateSync(path, 0);
    assertThrows(() => api.setStatic(path), DaxError, "(EINVAL)");
  });
});

test("a call that answers ENOSYS is none: the seal answers", () => {
  const calls = onKernel({ symbols: patched, number: "548", answer: -38 }, (api, path) => {
    assertEquals(api.daxctl(path, DAXCTL_F_GET), 0);
  });
  assertEquals(calls, [[548, 1, 0]]);
});

test("the seal checks in the order of the call: flags, opening, state, capability, alignment, kind of file", () => {
  onKernel({ symbols: released }, (api, path) => {
    const code = (body: () => void) => assertThrows(body, DaxError).code;
    assertEquals(code(() => api.daxctl(`${path}/none`, 8)), "EINVAL");
    assertEquals(code(() => api.daxctl(`${path}/none`, 0, 3)), "ENOTDIR");
    assertEquals(code(() => api.daxctl(`${path}.none`, 4)), "ENOENT");
    assertEquals(code(() => api.daxctl(path, 8, 3)), "EINVAL");
    for (const align of [-1, -4096, 512, 4097, 6144]) {
      assertThrows(() => api.daxctl(path, 4, align), DaxError, `align ${align} is not a power of two`);
    }
    assertEquals(code(() => api.daxctl(path.slice(0, path.lastIndexOf("/")), 4)), "EISDIR");
    assertThrows(() => api.daxctl("/dev/null", 4), DaxError, "no regular file");
    assertEquals(api.daxctl("/dev/null", 1), 0);
    assertEquals(api.daxctl(path, 0), 0);
  });
});

test("isStatic of a missing file is ENOENT, of a folder or device false", () => {
  using place = disk();
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
