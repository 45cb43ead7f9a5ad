// machines: ext4 xfs ext4-eadr ext4-legacy
//
// The seal where it can be had: a static file refuses what would move its blocks, survives its process, and is written again.
//
// What no change of this test's may leave behind: a sealed file. Each test clears its own.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import process from "node:process";
import { test } from "node:test";
import {
  clearStatic,
  daxctl,
  DAXCTL_F_GET,
  DAXCTL_F_STATIC,
  DaxError,
  isStatic,
  open,
  probe,
  setStatic,
} from "../../mod.ts";
import { root, runChild } from "../helpers/child.ts";
import { medium, type Place, run } from "../helpers/places.ts";
import { extentsOf, sealed, unsealed } from "../helpers/sealing.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"]!;
const xfs = machine.startsWith("xfs");
const size = 1 << 20;

/** A directory whose files are made ordinary before it goes. */
function folder(): Place {
  return unsealed(medium());
}

function code(body: () => void): string {
  try {
    body();
    return "";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

test("a file that is made static refuses what would move its blocks, and is written through its mapping", () => {
  using place = folder();
  const path = place.path();
  using file = open(path, { create: true, size, static: true });
  assertEquals([file.isStatic, file.mapSync, isStatic(path)], [true, true, true]);
  assertEquals(daxctl(path, DAXCTL_F_GET), DAXCTL_F_STATIC);
  const before = extentsOf(path);
  const bytes = file.view(Uint8Array);
  bytes.fill(7);
  file.persist(bytes);
  for (
    const attempt of [
      () => truncateSync(path, 0),
      () => truncateSync(path, 2 * size),
      () => writeFileSync(path, "x"),
      () => closeSync(openSync(path, "r+")),
      () => unlinkSync(path),
      () => renameSync(path, `${path}.other`),
      () => linkSync(path, `${path}.link`),
      () => copyFileSync(`${root}deno.json`, path),
    ]
  ) assertEquals(code(attempt), "EPERM", String(attempt));
  assertEquals(extentsOf(path), before);
  assert(readFileSync(path).every((byte) => byte === 7));
  assertEquals(probe(path).isStatic, true);
});

test("it stays static when it is closed, is read as ever, and written again with static alone", () => {
  using place = folder();
  const path = place.path();
  open(path, { create: true, size, static: true }).close();
  assertEquals(isStatic(path), true);
  const error = assertThrows(() => open(path), DaxError, "sealed by daxfile");
  assertEquals(error.code, "EPERM");
  assert(error.hint?.includes("static: true") && error.hint.includes("daxfile static off"));
  {
    using file = open(path, { readOnly: true });
    assertEquals(file.isStatic, true);
    assertEquals(code(() => clearStatic(path)), "EBUSY");
  }
  open(path, { readOnly: true, static: true }).close();
  const before = extentsOf(path);
  for (const wanted of [true, "prefer"] as const) {
    using file = open(path, { static: wanted, guard: wanted === true });
    assertEquals([file.isStatic, isStatic(path)], [true, true]);
    file.view(Uint8Array)[5]!++;
    file.persist(5, 1);
  }
  assertEquals(readFileSync(path)[5], 2);
  assertEquals(extentsOf(path), before);
  assertEquals(code(() => open(path, { create: true, exclusive: true, size, static: true })), "EEXIST");
});

/** The descriptors of this process that can write to a file, whatever name they show: a new file's have none. */
function writableDescriptors(path: string): string[] {
  const { dev, ino } = statSync(path);
  return readdirSync("/proc/self/fd").filter((number) => {
    try {
      const found = statSync(`/proc/self/fd/${number}`);
      if (found.dev !== dev || found.ino !== ino) return false;
    } catch {
      return false; // the one with which the directory was read
    }
    const [, flags = ""] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, "utf8"))!;
    return Number.parseInt(flags, 8) % 4 !== 0;
  });
}

test("after it is mapped no descriptor of ours can write, and the lock holds until it is closed", () => {
  using place = folder();
  const path = place.path();
  {
    using file = open(path, { create: true, size, static: true });
    assertEquals(writableDescriptors(path), []);
    assertEquals(code(() => open(path, { static: true })), "EBUSY");
    assertEquals(code(() => open(path, { static: true, lock: "none" })), "EBUSY");
    assertEquals(code(() => clearStatic(path)), "EBUSY");
    assertEquals([file.isStatic, isStatic(path)], [true, true]);
  }
  for (const guard of [false, true]) {
    using file = open(path, { static: true, guard });
    assertEquals([file.isStatic, writableDescriptors(path)], [true, []]);
  }
  clearStatic(path);
  {
    using ordinary = open(path);
    assertEquals([ordinary.isStatic, writableDescriptors(path).length > 0], [false, true]);
  }
  using file = open(path, { static: true });
  assertEquals([file.isStatic, writableDescriptors(path)], [true, []]);
});

test("set and clear, once and again", () => {
  using place = folder();
  const path = place.path();
  writeFileSync(path, new Uint8Array(size));
  assertEquals([isStatic(path), daxctl(path, DAXCTL_F_GET)], [false, 0]);
  clearStatic(path);
  setStatic(path);
  setStatic(path);
  assertEquals(daxctl(path, DAXCTL_F_STATIC, 4096), 0);
  assertEquals(daxctl(path, DAXCTL_F_GET | DAXCTL_F_STATIC), DAXCTL_F_STATIC);
  assertEquals(code(() => daxctl(path, DAXCTL_F_STATIC, 2 ** 30)), "EINVAL");
  assertEquals(isStatic(path), true);
  clearStatic(path);
  clearStatic(path);
  assertEquals([isStatic(path), daxctl(path, DAXCTL_F_GET)], [false, 0]);
  assertEquals(run("lsattr", path).split(" ")[0]!.replaceAll("-", "").replace("e", ""), "");
  assertEquals(sealed(path), false);
  truncateSync(path, 5);
});

test("what stands against it is said, in the call's own errors", () => {
  using place = folder();
  const path = place.path();
  const refused = (expected: string, words: string, body: () => void) => {
    const error = assertThrows(body, DaxError, words);
    assertEquals(error.code, expected);
  };
  writeFileSync(path, new Uint8Array(size));
  for (const align of [-4096, -1, 1, 512, 4095, 4097, 12288]) {
    refused("EINVAL", String(align), () => daxctl(path, DAXCTL_F_STATIC, align));
  }
  for (const flags of [2, 8, -1, 6, 3]) refused("EINVAL", String(flags), () => daxctl(path, flags));
  run("fallocate", "--punch-hole", "--offset=65536", "--length=4096", path);
  refused("EINVAL", "4096 bytes from byte 65536 on have no block", () => setStatic(path));
  run("fallocate", "--offset=65536", "--length=4096", path);
  refused("EINVAL", "4096 bytes from byte 65536 on were allocated and never written", () => setStatic(path));
  refused("ENOTSUP", "never written", () => open(path, { static: true }));
  {
    using file = open(path, { static: "prefer" });
    assertEquals(file.isStatic, false);
  }
  writeFileSync(path, "");
  refused("EINVAL", "empty", () => setStatic(path));
  refused("EISDIR", place.directory, () => setStatic(place.directory));
  refused("EINVAL", "no regular file", () => setStatic("/dev/null"));
  refused("ENOENT", "missing", () => setStatic(place.path("missing")));
  writeFileSync("/tmp/daxfile-seal", new Uint8Array(4096));
  refused("EINVAL", "DAX", () => setStatic("/tmp/daxfile-seal"));
  rmSync("/tmp/daxfile-seal");
});

test("an administrator's own chattr +i is neither called static nor cleared", () => {
  using place = folder();
  const path = place.path();
  writeFileSync(path, new Uint8Array(size));
  run("chattr", "+i", path);
  assertEquals(isStatic(path), false);
  for (
    const attempt of [() => clearStatic(path), () => setStatic(path), () => open(path, { static: true })]
  ) {
    assertEquals(code(attempt), "EPERM", String(attempt));
  }
  assert(run("lsattr", path).split(" ")[0]!.includes("i"));
  run("chattr", "-i", path);
  // Nor with a marker that was left behind
  setStatic(path);
  run("chattr", "-i", "-A", path);
  run("chattr", "+i", path);
  assertEquals(isStatic(path), false);
  assertEquals(code(() => clearStatic(path)), "EPERM");
  run("chattr", "-i", path);
});

test("a file whose blocks moved while its seal was off is not opened unnoticed", () => {
  using place = folder();
  const path = place.path();
  for (const back of [false, true]) {
    open(path, { create: true, size, static: true }).close();
    run("chattr", "-i", path);
    writeFileSync(`${path}.filler`, new Uint8Array(8192));
    run("fallocate", "--punch-hole", "--offset=8192", "--length=8192", path);
    writeFileSync(`${path}.filler2`, new Uint8Array(65536));
    const file = openSync(path, "r+");
    writeSync(file, new Uint8Array(8192), 0, 8192, 8192);
    closeSync(file);
    run("fallocate", "--punch-hole", "--offset=20480", "--length=4096", path);
    if (back) run("chattr", "+i", path);
    assertEquals(isStatic(path), false);
    const error = assertThrows(() => open(path, { static: "prefer" }), DaxError, "blocks were moved");
    assertEquals(error.code, "ESTALE");
    assert(/\d+ bytes from byte \d+/.test(error.reason), error.reason);
    // Ordinary now, so that whoever looked can go on
    open(path).close();
    truncateSync(path, 0);
    truncateSync(path, 2 * size);
    rmSync(path);
  }
  open(path, { create: true, size, static: true }).close();
  run("chattr", "-i", path);
  truncateSync(path, size - 4096);
  assertThrows(() => open(path, { static: true }), DaxError, `it had ${size} bytes, and has ${size - 4096}`);
  open(path, { static: true }).close();
});

test("another opener: on ext4 its descriptor is stopped too, on XFS the file is not sealed", () => {
  using place = folder();
  const path = place.path();
  writeFileSync(path, new Uint8Array(size));
  const file = openSync(path, "r+");
  try {
    if (xfs) {
      const error = assertThrows(() => setStatic(path), DaxError, "XFS");
      assertEquals([error.code, sealed(path)], ["ENOTSUP", false]);
      assertThrows(() => open(path, { static: true }), DaxError, "another opener");
      open(path, { static: "prefer" }).close();
      assertEquals(sealed(path), false);
    } else {
      setStatic(path);
      assertEquals(code(() => ftruncateSync(file, 0)), "EPERM");
      assertEquals(code(() => ftruncateSync(file, 2 * size)), "EPERM");
      assertEquals(code(() => writeSync(file, "x")), "EPERM");
      assertEquals(isStatic(path), true);
    }
  } finally {
    closeSync(file);
  }
});

test("without CAP_LINUX_IMMUTABLE: EPERM with a hint, and prefer goes on", () => {
  using place = folder();
  const path = place.path();
  const program = `
    import { clearStatic, daxctl, open, setStatic } from "@daxfile/daxfile";
    const path = ${JSON.stringify(path)};
    const attempt = (body) => { try { return String(body()) } catch (error) { return error.code + " " + error.hint } };
    console.log(JSON.stringify([
      attempt(() => open(path, { create: true, size: 65536, static: true })),
      attempt(() => { using file = open(path, { create: true, size: 65536, static: "prefer" }); return file.isStatic }),
      attempt(() => daxctl(path, 1)), attempt(() => setStatic(path)), attempt(() => clearStatic(path)),
      attempt(() => daxctl(path, 4, -1)),
    ]));`;
  const drop = ["setpriv", "--bounding-set=-linux_immutable", "--inh-caps=-linux_immutable"];
  const { stdout, stderr } = runChild(program, { prefix: drop });
  const answers = JSON.parse(stdout || `"${stderr}"`) as string[];
  const hint = "EPERM It needs the capability CAP_LINUX_IMMUTABLE: run it as root";
  assertEquals(answers, [`${hint}; or open it without static`, "false", "0", hint, hint, hint]);
  open(path, { static: "prefer" }).close();
});
