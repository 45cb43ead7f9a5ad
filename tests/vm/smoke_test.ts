// machines: all
// kernel: any
//
// Each machine is what its name says. Uses nothing of the library, so that a failure here is the harness's.
import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const machine = process.env["DAXFILE_TEST_MACHINE"] ?? "";
const folder = process.env["DAXFILE_TEST_DIR"] ?? "";
const device = process.env["DAXFILE_TEST_DEVICE"] ?? "";

/** What /proc/mounts says of the machine's folder. */
function mounted(): { source: string; type: string; options: string[] } {
  const lines = readFileSync("/proc/mounts", "utf8").split("\n").map((line) => line.split(" "));
  const [source = "", , type = "", options = ""] = lines.find((columns) => columns[1] === folder) ?? [];
  return { source, type, options: options.split(",") };
}

/** The machine's device in sysfs; below a device-mapper target, the device under it. */
function sysfsPath(): string {
  if (device) return realpathSync(join("/sys/bus/dax/devices", device.replace("/dev/", "")));
  const name = readlinkOrSelf(mounted().source).replace(/.*\//, "");
  const path = realpathSync(join("/sys/class/block", name));
  const below = existsSync(join(path, "slaves")) ? readdirSync(join(path, "slaves")) : [];
  return below[0] ? realpathSync(join(path, "slaves", below[0])) : path;
}

function readlinkOrSelf(path: string): string {
  return statSync(path).isBlockDevice() && path.startsWith("/dev/mapper/") ? linkTarget(path) : path;
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Without udev, /dev/mapper holds a node of its own rather than a link to /dev/dm-0.
    return `/dev/dm-${statSync(path).rdev & 0xff}`;
  }
}

/** An attribute of the nvdimm region above the device; undefined where there is no such file. */
function regionAttribute(name: string): string | undefined {
  let path = sysfsPath();
  while (!/\/region\d+$/.test(path) && path !== "/") path = dirname(path);
  const file = join(path, name);
  return path !== "/" && existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

test("the folder holds what is written to it", { skip: folder === "" }, () => {
  const file = join(folder, `smoke.${process.pid}`);
  writeFileSync(file, "durable");
  assert.equal(readFileSync(file, "utf8"), "durable");
  rmSync(file);
});

test("the file system is the one in the machine's name", { skip: folder === "" }, () => {
  assert.equal(mounted().type, machine.startsWith("xfs") ? "xfs" : "ext4");
});

test("DAX is on, except on a disk", { skip: folder === "" }, () => {
  assert.equal(mounted().options.includes("dax=always"), machine !== "disk");
});

test("a device-dax machine has a character device and no folder", { skip: machine !== "devdax" }, () => {
  assert.ok(statSync(device).isCharacterDevice());
  assert.equal(folder, "");
});

test("the region says what its persistence domain is", { skip: machine === "" }, () => {
  const silent = ["disk", "virtio-pmem", "ext4-legacy"].includes(machine);
  const domain = machine === "ext4-eadr" ? "cpu_cache" : "memory_controller";
  assert.equal(regionAttribute("persistence_domain"), silent ? undefined : domain);
});

test("the misaligned partition starts at 1 MiB and 4 KiB", { skip: machine !== "ext4-misaligned" }, () => {
  assert.equal(readFileSync(join(sysfsPath(), "start"), "utf8").trim(), "2056");
});
