// guard: a fault in the mapping is an error at the next persist or close; without it the process ends.
// machines: files

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { askChild, runChild } from "./helpers/child.ts";
import { makeFile } from "./helpers/bytes.ts";
import { medium, type Place, smallTmpfs } from "./helpers/places.ts";

/** What the programs begin with: a file of five pages, which loses its last three. */
const beginning = (place: Place, options: string) => `
  import { DaxError, MappingFaultError, open } from "@daxfile/daxfile";
  import { truncateSync } from "node:fs";
  const path = ${JSON.stringify(place.path())};
  const file = open(path, { create: true, size: 5 * 4096 - 100, ${options} });
  const view = file.view(Uint8Array);
  view.fill(1);
  file.persist();
  truncateSync(path, 2 * 4096);
  const caught = (body) => {
    try { body(); return "nothing" } catch (error) {
      return [error instanceof MappingFaultError && error instanceof DaxError, error.code, error.operation, error.path === path].join();
    }
  };
`;

const fault = (operation: string) => `true,EIO,${operation},true`;

const stores: Record<string, string> = {
  "a store": "view[4 * 4096] = 2",
  "a load": "view[3 * 4096] + 1",
  "fill of the view": "view.fill(3)",
};

for (const [name, store] of Object.entries(stores)) {
  test(`${name} where the file was cut off: persist, flush and deepFlush say so, then close is quiet`, () => {
    using place = medium();
    const answer = askChild<string[]>(
      `${beginning(place, "guard: true")}
      const before = caught(() => file.persist(0, 8));
      ${store};
      const answers = [before, caught(() => file.persist(0, 8)), caught(() => file.flush(view)), caught(() => file.deepFlush())];
      answers.push(String(view[0] === ${name.startsWith("fill") ? 3 : 1}), caught(() => file.close()));
      answers.push(caught(() => open(path, { guard: true }).persist()));
      console.log(JSON.stringify(answers));
    `,
    );
    const faults = ["persist", "flush", "deepFlush"].map(fault);
    assertEquals(answer, ["nothing", ...faults, "true", "nothing", "nothing"]);
  });

  test(`without guard, ${name} where the file was cut off ends the process`, () => {
    using place = medium();
    const { status, signal, stdout } = runChild(`${beginning(place, "")}
      ${store};
      console.log("alive");
    `);
    assert(status !== 0 || signal !== null, `it ended well: ${stdout}`);
    assertEquals(stdout.includes("alive"), false);
  });
}

test("a fault that nobody has asked about is thrown by close, which closes all the same", () => {
  using place = medium();
  const answer = askChild<string[]>(`${beginning(place, "guard: true")}
    view[4 * 4096] = 2;
    const answers = [caught(() => file.close()), String(file.closed), String(view.length), caught(() => file.close())];
    open(path).close();
    console.log(JSON.stringify(answers));
  `);
  assertEquals(answer, [fault("close"), "true", "0", "nothing"]);
});

test("a fault inside write, fill or store64 is thrown by it", () => {
  using place = medium();
  const answer = askChild<string[]>(`${beginning(place, "guard: true")}
    const answers = [caught(() => file.write(0, new Uint8Array(100)))];
    answers.push(caught(() => file.write(2 * 4096, new Uint8Array(5000))));
    file.close();
    for (const call of [(f) => f.fill(4096, 4096), (f) => f.store64(4096, 5)]) {
      truncateSync(path, 4096);
      truncateSync(path, 8192);
      const again = open(path, { guard: true });
      truncateSync(path, 4096);
      answers.push(caught(() => call(again)));
      again.close();
    }
    console.log(JSON.stringify(answers));
  `);
  assertEquals(answer, ["nothing", fault("write"), fault("fill"), fault("store64")]);
});

test("a fault belongs to its own file", () => {
  using place = medium();
  const answer = askChild<string[]>(`${beginning(place, "guard: true")}
    const other = open(path + "2", { create: true, size: 8192, guard: true });
    view[4 * 4096] = 2;
    other.fill(0, 8192, 1);
    console.log(JSON.stringify([caught(() => other.persist()), caught(() => other.close()), caught(() => file.persist(0, 8))]));
  `);
  assertEquals(answer, ["nothing", "nothing", fault("persist")]);
});

test("a file that is open to be read: what was cut off reads as zeros, and close says so", () => {
  using place = medium();
  const answer = askChild<unknown[]>(`${beginning(place, "")}
    file.close();
    truncateSync(path, 5 * 4096);
    const reader = open(path, { readOnly: true, guard: true });
    const bytes = reader.view(Uint8Array);
    truncateSync(path, 4096);
    console.log(JSON.stringify([bytes[0], bytes[4 * 4096], caught(() => reader.close())]));
  `);
  assertEquals(answer, [1, 0, fault("close")]);
});

for (const runtime of ["deno", "bun"] as const) {
  test(`${runtime}: a worker that guarded a file of its own and has ended leaves the guard of others whole`, () => {
    using place = medium();
    const answer = askChild<string[]>(
      `
      import { open } from "@daxfile/daxfile";
      import { truncateSync } from "node:fs";
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      const path = ${JSON.stringify(place.path())};
      if (isMainThread) {
        const file = open(path, { create: true, size: 16384, lock: "none", guard: true });
        for (let round = 0; round < 3; round++) {
          const worker = new Worker(new URL(import.meta.url));
          await new Promise((resolve) => worker.once("message", resolve));
          await worker.terminate();
        }
        truncateSync(path, 4096);
        file.view(Uint8Array)[9000] = 3;
        try { file.persist() } catch (error) { console.log(JSON.stringify([error.name])) }
      } else {
        const file = open(path, { lock: "none", guard: true });
        file.fill(0, 8);
        file.close();
        parentPort.postMessage("done");
      }
    `,
      { runtime },
    );
    assertEquals(answer, ["MappingFaultError"]);
  });
}

test("a store into a hole on a full disk", () => {
  using place = smallTmpfs(2 ** 20);
  const program = (guard: boolean) => `
    import { MappingFaultError, open } from "@daxfile/daxfile";
    const file = open(${
    JSON.stringify(place.path())
  }, { create: true, size: 4 << 20, sparse: true, guard: ${guard} });
    file.view(Uint8Array).fill(1);
    try { file.persist() } catch (error) { console.log(JSON.stringify(error instanceof MappingFaultError)) }
  `;
  assertEquals(askChild<boolean>(program(true)), true);
  const { status, stdout } = runChild(program(false));
  assert(status !== 0);
  assertEquals(stdout.includes("true"), false);
});

test("at most 128 files are guarded at a time: the next is ENOMEM, and leaves nothing behind", () => {
  using place = medium();
  makeFile(place.path(), 4096);
  const [count, code, message, hint, descriptors] = askChild<[number, string, string, string, number]>(`
    import { open } from "@daxfile/daxfile";
    import { readdirSync, readlinkSync } from "node:fs";
    const path = ${JSON.stringify(place.path())};
    const files = [];
    let failure;
    while (failure === undefined && files.length < 200) {
      try { files.push(open(path, { lock: "none", guard: true })) } catch (error) { failure = error }
    }
    const held = readdirSync("/proc/self/fd").filter((name) => {
      try { return readlinkSync("/proc/self/fd/" + name) === path } catch { return false }
    }).length;
    open(path, { lock: "none" }).close();
    files.pop().close();
    open(path, { lock: "none", guard: true }).close();
    console.log(JSON.stringify([files.length + 1, failure.code, failure.message, failure.hint, held]));
  `);
  assertEquals([count, code, descriptors], [128, "ENOMEM", 128]);
  assert(message.includes(place.path()) && message.includes("128"), message);
  assert(hint.includes("Close some"));
});
