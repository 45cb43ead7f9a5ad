// machines: all
/**
 * What `daxfile doctor` and `daxfile info` say on each machine: the truth about its storage, and where the blocks of a file are.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { open } from "../../mod.ts";
import { run as runWords } from "../../src/cli/run.ts";
import { touch } from "../../src/huge_pages.ts";
import { medium } from "../helpers/places.ts";
import { expected } from "./expected.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"]!;
const device = process.env["DAXFILE_TEST_DEVICE"];
const [granularity, durability, mapSync] = expected[machine]!;
const MiB = 2 ** 20;

/** Runs the command as a person would, in a terminal of 100 columns. */
async function daxfile(...words: string[]): Promise<string> {
  let text = "";
  const add = (more: string) => void (text += `${more}\n`);
  const terminal = { columns: 100, print: add, complain: add, style: (_: string, plain: string) => plain };
  assertEquals(await runWords(words, terminal), 0, text);
  return text;
}

test(`doctor on ${machine} says what open gets, and why not more`, async () => {
  using place = device === undefined ? medium() : undefined;
  const path = device ?? place!.path();
  if (device === undefined) open(path, { create: true, size: 4 * MiB }).close();
  const text = await daxfile("doctor", path);
  const line = (name: string) => new RegExp(`^([✓✗–]) ${name} +(.*)$`, "m").exec(text)?.slice(1) ?? [text];
  assertEquals(line("MAP_SYNC")[0], mapSync ? "✓" : "✗", text);
  assertEquals(line("granularity")[0], granularity === "page" ? "✗" : "✓", text);
  assertEquals(line("granularity")[1]!.split(":")[0], granularity, text);
  assertEquals(line("durability")[0], durability === "power-loss" ? "✓" : "✗", text);
  const cost = { "page": "one msync", "byte": "one fence", "cache-line": "clwb and a fence, no system call" };
  const survives = durability === "power-loss"
    ? "and survives a power cut"
    : "but does not survive a power cut";
  const verdict = `open() gives ${granularity} granularity here: persist is ${
    cost[granularity]
  }, ${survives}.`;
  assertEquals(text.replaceAll("\n", " ").includes(verdict), true, text);
});

test(`info on ${machine} says what the file is made of`, async () => {
  using place = device === undefined ? medium() : undefined;
  const path = device ?? place!.path();
  if (device === undefined) writeFileSync(path, new Uint8Array(4 * MiB).fill(1));
  const text = await daxfile("info", path);
  assertMatch(text, new RegExp(`^MAP_SYNC +${mapSync ? "yes" : "no"}$`, "m"));
  assertMatch(text, new RegExp(`^granularity +${granularity}\\b`, "m"));
  const survives = durability === "power-loss" ? "survives" : "does not survive";
  assertMatch(text, new RegExp(`^durability +${survives} a power cut`, "m"));
});

/** The line of characters that stands for the file's blocks. */
const stripOf = (text: string) => /^[█▒m]{20,}$/m.exec(text)![0];

const hasDax = device === undefined && machine !== "disk";

test(
  "info draws holes, blocks never written, shared ones and misaligned ones",
  { skip: !hasDax },
  async () => {
    using place = medium();
    const path = place.path();
    const script = `truncate -s 8M '${path}'
    dd if=/dev/zero of='${path}' bs=1M count=2 conv=notrunc status=none
    fallocate -o 4M -l 2M '${path}'
    sync '${path}'`;
    assertEquals(spawnSync("sh", ["-c", script], { encoding: "utf8" }).stderr, "");
    const text = await daxfile("info", path);
    // A hundred characters for 8 MiB: two written, two in a hole, two never written, two in a hole
    assertMatch(text, /^[█▒m]{25}·{25}u{25}·{25}$/m);
    assertMatch(text, /^ *2097152 +– +2097152 +hole$/m);
    assertMatch(text, /^ *4194304 +\d+ +2097152 +unwritten$/m);
    assertMatch(text, /· hole.*u never written/);
    if (machine !== "xfs-reflink") return;
    assertEquals(
      spawnSync("cp", ["--reflink=always", path, place.path("copy")], { encoding: "utf8" }).stderr,
      "",
    );
    assertMatch(await daxfile("info", path), /^s{25}·{25}/m);
  },
);

test("info says whether pages of 2 MiB are possible, and whether they are used", {
  skip: !hasDax || machine === "ext4-dm",
}, async () => {
  using place = medium();
  const path = place.path(), size = 4 * MiB;
  {
    using file = open(path, { create: true, size, align: 2 * MiB });
    file.fill(0, size, 1);
  }
  const aligned = await daxfile("info", path);
  const used = touch(path, size) < 100 ? "so they are used" : "so they are not used";
  assertMatch(aligned.replace(/\s+/g, " "), new RegExp(`2 of 2 possible; reading .* page faults, ${used}`));
  assertEquals(stripOf(aligned).includes("m"), false, aligned);
  // Two blocks before it, and so it begins where no page of 2 MiB does
  writeFileSync(place.path("filler"), new Uint8Array(2 * 4096));
  const crooked = place.path("crooked");
  writeFileSync(crooked, new Uint8Array(size).fill(1));
  const text = await daxfile("info", crooked);
  const possible = Number(/(\d) of 2 possible/.exec(text)?.[1]);
  assertEquals(stripOf(text).includes("m"), possible < 2, text);
});
