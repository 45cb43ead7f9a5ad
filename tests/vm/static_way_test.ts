// machines: all
// kernel: any
/**
 * Whether a file can be static on each machine, by which way, and if not, why: the same from open, setStatic, probe and the command.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
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
import { run as runWords } from "../../src/cli/run.ts";
import { root } from "../helpers/child.ts";
import { medium, run } from "../helpers/places.ts";
import { sealed, unsealed } from "../helpers/sealing.ts";
import { hasCall, way } from "./expected.ts";
import { unprivileged } from "./unprivileged.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"]!;
const device = process.env["DAXFILE_TEST_DEVICE"];
const size = 4 * 2 ** 20, align = 2 ** 21;

/** Machines on which nothing can be static, or not by this kernel's way: what setStatic answers, and a word of why. */
const refused: Record<string, [code: string, word: string]> = {
  ...(hasCall ? {} : { "xfs-reflink": ["ENOTSUP", "reflink"] }),
  "virtio-pmem": ["ENOTSUP", "virtio-pmem"],
  "disk": ["EINVAL", "DAX"],
};

async function command(...words: string[]): Promise<{ status: number; text: string }> {
  let text = "";
  const add = (more: string) => void (text += `${more}\n`);
  const terminal = { columns: 100, print: add, complain: add, style: (_: string, plain: string) => plain };
  return { status: await runWords(["static", ...words], terminal), text };
}

test("device-dax is always static", { skip: device === undefined }, async () => {
  const path = device!;
  assertEquals([isStatic(path), daxctl(path, DAXCTL_F_GET)], [true, DAXCTL_F_STATIC]);
  setStatic(path);
  setStatic(path, { align: 4096 });
  for (const wrong of [-1, 3, 2 ** 30]) {
    assertThrows(() => setStatic(path, { align: wrong }), DaxError, String(wrong));
  }
  assertThrows(() => daxctl(path, 2), DaxError, "flags 2");
  const error = assertThrows(() => clearStatic(path), DaxError, "always static");
  assertEquals(error.code, "ENOTSUP");
  for (const wanted of [true, "prefer", false] as const) {
    using file = open(path, { static: wanted });
    assertEquals(file.isStatic, true);
  }
  assertEquals([probe(path).isStatic, probe(path).staticWay], [true, "device-dax"]);
  assertEquals((await command("get", path)).status, 0);
});

test(
  "where it cannot be had, everything says the same reason",
  { skip: refused[machine] === undefined },
  async () => {
    using place = unsealed(medium());
    const path = place.path(), fresh = place.path("fresh");
    const [code, word] = refused[machine]!;
    writeFileSync(path, new Uint8Array(size));
    assertEquals(assertThrows(() => setStatic(path), DaxError, word).code, code);
    for (const options of [{}, { create: true, size }]) {
      const error = assertThrows(
        () => open("size" in options ? fresh : path, { static: true, ...options }),
        DaxError,
        word,
      );
      assertEquals(error.code, "ENOTSUP");
      assertStringIncludes(error.hint!, "without static");
    }
    assertEquals([existsSync(fresh), sealed(path), isStatic(path)], [false, false, false]);
    {
      using file = open(path, { static: "prefer" });
      assertEquals(file.isStatic, false);
    }
    for (const found of [probe(path), probe(place.directory)]) {
      const check = found.checks.find(({ name }) => name === "static")!;
      assertEquals([check.ok, found.isStatic, found.staticWay], [false, false, undefined]);
      assertStringIncludes(check.reason!, word);
      assert(check.remedy !== undefined);
    }
    const on = await command("on", path), get = await command("get", path);
    assertEquals([on.status, get.status], [1, 1]);
    for (const { text } of [on, get]) assertStringIncludes(text, word);
  },
);

test(`where it can be had: by the ${way}, and with an alignment that the device allows`, {
  skip: device !== undefined || refused[machine] !== undefined,
}, async () => {
  using place = unsealed(medium());
  const path = place.path();
  for (const found of [probe(place.directory), probe(path)]) assertEquals(found.staticWay, way);
  {
    using file = open(path, { create: true, size, static: true });
    assertEquals(file.isStatic, true);
  }
  assertEquals([probe(path).isStatic, probe(path).staticWay], [true, way]);
  assertEquals((await command("get", path)).status, 0);
  assertEquals((await command("off", path)).text, `${path} is ordinary now\n`);
  const aligned = place.path("aligned");
  if (machine === "ext4-dm" && !hasCall) {
    const error = assertThrows(
      () => open(aligned, { create: true, size, static: true, align }),
      DaxError,
      "device-mapper",
    );
    assertEquals([error.code, existsSync(aligned)], ["ENOTSUP", false]);
    return;
  }
  open(aligned, { create: true, size, align }).close();
  const unwritten = assertThrows(() => setStatic(aligned, { align }), DaxError, "never written");
  assertEquals(unwritten.code, "EINVAL");
  {
    using file = open(aligned);
    file.fill(0, size);
  }
  assertEquals((await command("on", aligned, "--align", "2M")).text, `${aligned} is static now\n`);
  assertEquals(isStatic(aligned), true);
  assertEquals(assertThrows(() => setStatic(aligned, { align: 2 ** 30 }), DaxError).code, "EINVAL");
});

test("a user without CAP_LINUX_IMMUTABLE is told what is missing, and goes on with prefer", {
  skip: device !== undefined || refused[machine] !== undefined,
}, () => {
  using place = unsealed(medium());
  run("chmod", "777", place.directory);
  const path = JSON.stringify(place.path());
  const [wanted, preferred] = unprivileged(`[
    told(() => api.open(${path}, { create: true, size: ${size}, static: true }).isStatic),
    told(() => api.open(${path}, { create: true, size: ${size}, static: "prefer" }).isStatic),
  ]`) as [{ code: string; hint: string }, { result: boolean }];
  assertEquals([wanted.code, preferred.result], ["EPERM", false]);
  assertStringIncludes(wanted.hint, "CAP_LINUX_IMMUTABLE");
  assertEquals(isStatic(place.path()), false);
});

test("the example of docs/static-dax.md loses its pages, and keeps them", {
  skip: device !== undefined || refused[machine] !== undefined,
}, () => {
  using place = unsealed(medium());
  const runtime = "Bun" in globalThis ? [] : ["run", "-A", "--no-check"];
  const example = (...flags: string[]) =>
    spawnSync(process.execPath, [...runtime, `${root}examples/static.ts`, place.path(), ...flags], {
      encoding: "utf8",
    });
  const losing = example(), keeping = example("--static");
  assertMatch(losing.stdout, /static: false\n.*: done\nRead back: 0\nCannot persist /, losing.stderr);
  assertMatch(
    keeping.stdout,
    hasCall
      ? /static: true\n.*Text file busy\nRead back: 42\n$/
      : /static: true\n.*Operation not permitted\nRead back: 42\n$/,
    keeping.stderr,
  );
  assertEquals([losing.status, keeping.status, existsSync(place.path())], [1, 0, false]);
});
