// What was persisted is there after the process that wrote it was killed, for the other runtime as well.
// machines: files

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { open } from "../mod.ts";
import { pattern } from "./helpers/bytes.ts";
import { askChild, startChild } from "./helpers/child.ts";
import { medium } from "./helpers/places.ts";

/** Writes by every method, says that it has, and waits to be killed. */
const writer = (path: string) => `
  import { open } from "@daxfile/daxfile";
  const file = open(${JSON.stringify(path)}, { create: true, size: 65536 });
  const numbers = file.view(Float64Array, 0, 8);
  numbers.set([1.5, -0, NaN, Infinity, Math.PI, 2 ** 53, 1e-300, -1]);
  file.persist(numbers);
  file.view(DataView, 64, 8).setInt32(1, -5);
  file.flush(65, 4);
  file.drain();
  file.write(100, new TextEncoder().encode("written by ${"${navigator.userAgent}"}"));
  file.fill(4096, 300, 0xab);
  file.store64(8192, 0x0123456789abcdefn);
  file.write(16384, new Float32Array([1, 2, 3]), { drain: false });
  file.drain();
  file.view(Uint8Array)[65535] = 99; // not persisted, but a killed process loses nothing
  console.log("written");
  setInterval(() => {}, 1000);
`;

const reader = (path: string) => `
  import { open } from "@daxfile/daxfile";
  using file = open(${JSON.stringify(path)}, { readOnly: true });
  console.log(JSON.stringify([
    [...file.view(Float64Array, 0, 8)].map(String),
    file.view(DataView, 64, 8).getInt32(1),
    new TextDecoder().decode(file.view(Uint8Array, 100, 10)),
    [...new Set(file.view(Uint8Array, 4096, 300))],
    String(file.view(BigUint64Array, 8192, 1)[0]),
    [...file.view(Float32Array, 16384, 3)],
    file.view(Uint8Array)[65535],
  ]));
`;

for (const [one, other] of [["deno", "bun"], ["bun", "deno"]] as const) {
  test(`written in ${one}, killed by SIGKILL, read in ${other}`, async () => {
    using place = medium();
    await using child = startChild(writer(place.path()), { runtime: one });
    assertEquals(await child.line(), "written");
    child.kill();
    assertEquals((await child.ended).signal, "SIGKILL");
    assertEquals(askChild(reader(place.path()), { runtime: other }), [
      ["1.5", "0", "NaN", "Infinity", String(Math.PI), String(2 ** 53), "1e-300", "-1"],
      -5,
      "written by",
      [0xab],
      String(0x0123456789abcdefn),
      [1, 2, 3],
      99,
    ]);
  });
}

test("killed at any moment: every record that was published is whole", async () => {
  using place = medium();
  const records = 512, recordBytes = 120;
  for (const runtime of ["deno", "bun"] as const) {
    const path = place.path(runtime);
    await using child = startChild(
      `
      import { open } from "@daxfile/daxfile";
      const file = open(${
        JSON.stringify(path)
      }, { create: true, size: 65536, forceGranularity: "cache-line" });
      console.log("ready");
      for (let index = 0;; index = (index + 1) % ${records}) {
        const published = Number(file.view(BigUint64Array, 0, 1)[0]);
        file.write(64 + index * ${recordBytes}, new Uint8Array(${recordBytes}).fill(published + 1));
        file.store64(0, published + 1);
        if (published === 3000) console.log("on the way");
      }
    `,
      { runtime },
    );
    assertEquals([await child.line(), await child.line()], ["ready", "on the way"]);
    child.kill();
    await child.ended;
    using file = open(path);
    const published = Number(file.view(BigUint64Array, 0, 1)[0]);
    assert(published > 3000);
    for (let sequence = published - records + 2; sequence <= published; sequence++) {
      const record = file.view(Uint8Array, 64 + ((sequence - 1) % records) * recordBytes, recordBytes);
      assert(
        record.every((byte) => byte === (sequence & 0xff)),
        `record ${sequence} of ${published} is torn`,
      );
    }
  }
});

test("a file written by one runtime has the same bytes as one written by the other", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 65536 });
  file.write(0, pattern(65536));
  for (const runtime of ["deno", "bun"] as const) {
    const sum = askChild<number>(
      `
      import { open } from "@daxfile/daxfile";
      using file = open(${JSON.stringify(place.path())}, { readOnly: true, lock: "none" });
      console.log(file.view(Uint32Array).reduce((sum, word) => (sum * 31 + word) >>> 0, 0));
    `,
      { runtime },
    );
    assertEquals(sum, file.view(Uint32Array).reduce((sum, word) => (sum * 31 + word) >>> 0, 0));
  }
});
