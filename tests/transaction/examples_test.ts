// The examples of pools, run as their comments say.
// machines: ext4 virtio-pmem

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { test } from "node:test";
import { executable, root } from "../helpers/child.ts";
import { medium } from "../helpers/places.ts";

type Runtime = "deno" | "bun";

function commandOf(runtime: Runtime, name: string, words: readonly string[]): [string, string[]] {
  const run = runtime === "deno" ? ["run", "--quiet", "--no-prompt", "--allow-ffi"] : [];
  return [executable(runtime), [...run, `${root}examples/${name}.ts`, ...words]];
}

function run(runtime: Runtime, name: string, ...words: string[]) {
  return spawnSync(...commandOf(runtime, name, words), { encoding: "utf8" });
}

test("two versions of a program share their settings, one in each runtime", () => {
  using place = medium();
  const path = place.path();
  const settings = (runtime: Runtime, ...words: string[]) => {
    const { status, stdout, stderr } = run(runtime, "settings", path, ...words);
    assertEquals([status, stderr], [0, ""]);
    return JSON.parse(stdout);
  };
  assertEquals(settings("deno", "--version", "1"), { volume: 0.8, theme: "light" });
  assertEquals(settings("deno", "--version", "1", "theme=dark", "volume=0.5"), {
    volume: 0.5,
    theme: "dark",
  });
  assertEquals(settings("bun", "--version", "2"), { volume: 0.5, theme: "dark", zoom: 1, language: "en" });
  assertEquals(settings("bun", "--version", "2", "zoom=1.25", "language=fr"), {
    volume: 0.5,
    theme: "dark",
    zoom: 1.25,
    language: "fr",
  });
  assertEquals(settings("deno", "--version", "1", "volume=1"), { volume: 1, theme: "dark" });
  assertEquals(settings("deno"), { volume: 1, theme: "dark", zoom: 1.25, language: "fr" });

  // One of them is wrong: then none is changed
  for (
    const words of [["volume=0", "zoom=2", "--version", "1"], ["volume=0", "theme=much too long for it"], [
      "volume=loud",
    ]]
  ) {
    const { status, stderr } = run("bun", "settings", path, ...words);
    assertEquals(status, 1);
    assert(stderr.trim().length > 0);
  }
  assertEquals(settings("deno"), { volume: 1, theme: "dark", zoom: 1.25, language: "fr" });
  const { status, stderr } = run("deno", "settings");
  assertEquals(status, 2);
  assertStringIncludes(stderr, "Usage: settings");
});

test("a Deno and a Bun process count together, and nothing is lost", async () => {
  using place = medium();
  const path = place.path(), times = 400;
  const outputs = await Promise.all((["deno", "bun", "deno", "bun"] as const).map((runtime) => {
    const child = spawn(...commandOf(runtime, "shared_counter", [path, String(times)]), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout!.on("data", (data) => output += String(data));
    return new Promise<number>((resolve) => child.on("close", () => resolve(Number(output))));
  }));
  assertEquals(Math.max(...outputs), 4 * times);
  assert(outputs.every((sum) => sum >= times), outputs.join());
  assertEquals(Number(run("bun", "shared_counter", path, "1").stdout), 4 * times + 1);
});
