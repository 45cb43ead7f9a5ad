// Fields lie where a C compiler puts them: 50 random structs are compiled into a program that says where everything is, writes a file that
// is read here, and checks a file that is written here.
// machines: none, it is about the bytes of a file, wherever that lies; places_test.ts is about the medium

import { assertEquals } from "@std/assert";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { open } from "../../mod.ts";
import { struct } from "../../src/struct/mod.ts";
import { root } from "../helpers/child.ts";
import { anywhere } from "../helpers/places.ts";
import { cProgram, makeLayouts } from "./layouts.ts";

/** Without the sanitizer, whose runtime takes longer to build than all else. */
const flags = ["-std=c11", "-Wall", "-Werror", "-O0", "-g0", "-fno-sanitize=undefined"];
const layouts = makeLayouts(50, 20261124);

test(
  "50 random structs have the sizes and offsets that C gives them, and files are shared with C both ways",
  {
    timeout: 300_000,
  },
  () => {
    using place = anywhere();
    const source = place.path("layouts.c"), program = place.path("layouts"), path = place.path();
    writeFileSync(source, cProgram(layouts));
    execFileSync(`${root}node_modules/.bin/zig`, [
      "cc",
      ...flags,
      "-o",
      program,
      source,
    ]);
    const run = (mode: string) => execFileSync(program, [mode, path], { encoding: "utf8" });

    const said = run("layout").trim().split("\n").map((line) => line.split(" ").map(Number));
    assertEquals(
      layouts.map(({ type }) => [
        type.byteLength,
        type.alignment,
        ...Object.keys(type.fields).map((name) => type.offsetOf(name)),
      ]),
      said,
    );

    run("write");
    {
      using file = open(path);
      for (const { type, byteOffset, fromC } of layouts) {
        assertEquals(
          type.at(file, byteOffset).toJSON(),
          fromC,
        );
      }
    }
    {
      using file = open(path);
      for (const { type, byteOffset, toC } of layouts) type.at(file, byteOffset).set(toC);
      for (const { type, byteOffset, toC } of layouts) assertEquals(type.at(file, byteOffset).toJSON(), toC);
    }
    assertEquals(run("check"), "");

    // What was written over a DataView is the same bytes
    const written = readFileSync(path), view = new DataView(new ArrayBuffer(written.length));
    for (const { type, byteOffset, toC } of layouts) type.over(view, byteOffset).set(toC);
    const checked = struct({ all: layouts[0]!.type }).over(view, 0);
    assertEquals(checked.all.toJSON(), layouts[0]!.toC);
    writeFileSync(path, new Uint8Array(view.buffer));
    assertEquals(run("check"), "");
  },
);
