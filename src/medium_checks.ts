/**
 * The checks of what a file lies on: file system, persistent memory, DAX, MAP_SYNC, and what follows from them for a write.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { because, type Check } from "./check.ts";
import { type Leaf, needHost } from "./device.ts";
import { type Granularity, methodName } from "./durability.ts";
import type { Findings } from "./findings.ts";
import type { Medium } from "./medium.ts";
import { pageBytes } from "./options.ts";

/** File systems that can map persistent memory directly. */
const withDax = ["ext2", "ext4", "xfs", "virtiofs", "fuse"];

/** From the file system up to what persist will do. */
export function mediumChecks(findings: Findings, medium: Medium): Check[] {
  return [
    fileSystem(medium),
    persistentMemory(medium),
    directAccess(findings, medium),
    mapSync(findings, medium),
    flushInstruction(findings, medium),
    persistenceDomain(medium),
    granularity(findings),
    durability(findings, medium),
  ];
}

/** Whether all of a file lies on devices that are memory. */
export function onPersistentMemory({ leaves }: Pick<Medium, "leaves">): boolean {
  return leaves.length > 0 && leaves.every(({ name, region }) => region !== undefined || /^dax\d/.test(name));
}

function fileSystem({ fileSystem, mount, volatile }: Medium): Check {
  const name = "file system";
  if (fileSystem === "device-dax") return { name, ok: true, value: "none: the device itself is mapped" };
  if (fileSystem === "unknown") {
    return { name, ok: null, value: "not known", ...(volatile !== undefined && { reason: volatile }) };
  }
  const where = mount === undefined
    ? ", mounted nowhere"
    : ` on ${mount.point}${mount.source.startsWith("/") ? `, from ${mount.source}` : ""}`;
  return { name, ok: true, value: `${fileSystem}${where}` };
}

function persistentMemory(medium: Medium): Check {
  const name = "persistent memory";
  const { leaves, fileSystem } = medium;
  const remedy =
    "Where the machine has such a device (`ndctl list -N`), put the file on ext4 or XFS there, " +
    "mounted with `-o dax=always`";
  if (medium.inMemory) {
    return { name, ok: false, value: "none", reason: `${fileSystem} is ordinary memory`, remedy };
  }
  if (leaves.length === 0) {
    return {
      name,
      ok: null,
      value: "not known",
      reason: `what lies under ${fileSystem} cannot be seen`,
    };
  }
  if (!onPersistentMemory(medium)) {
    const names = leaves.filter(({ region }) => region === undefined).map((leaf) =>
      leaf.backingFile === undefined ? leaf.name : `${leaf.name} over ${leaf.backingFile}`
    );
    return { name, ok: false, value: "none", reason: `the file lies on ${names.join(", ")}`, remedy };
  }
  const value = leaves.map(({ name, region }) =>
    region === undefined ? name : `${name}, of ${region.slice(region.lastIndexOf("/") + 1)}`
  ).join("; ");
  const untrue = leaves.find((leaf) => leaf.volatile !== undefined);
  if (untrue === undefined) return { name, ok: true, value };
  return { name, ok: false, value, reason: `${untrue.name}: ${untrue.volatile}` };
}

function directAccess(findings: Findings, medium: Medium): Check {
  const name = "DAX";
  if (findings.dax) return { name, ok: true, value: "on: the file's pages are the device's" };
  const off = { name, ok: false, value: "off" };
  if (!onPersistentMemory(medium)) return { ...off, reason: "only persistent memory can be mapped directly" };
  const { fileSystem, mount } = medium;
  if (!withDax.includes(fileSystem)) {
    return { ...off, reason: `${fileSystem} has none`, remedy: "Put ext4 or XFS on the device" };
  }
  if (findings.offersDax === false) {
    const reason = medium.leaves.some((leaf) => leaf.name.endsWith("s"))
      ? "the namespace is in sector mode (BTT)"
      : "the block device does not offer it";
    const remedy =
      "Save the data, then `ndctl create-namespace --force --reconfig=NAMESPACE --mode=fsdax`; " +
      "a partition on it has to begin at a multiple of 4096 bytes";
    return { ...off, reason, remedy };
  }
  const blockBytes = findings.stat?.blockBytes ?? pageBytes();
  if (blockBytes < pageBytes()) {
    const reason = `the file system has blocks of ${blockBytes} bytes, and a page has ${pageBytes()}`;
    return { ...off, reason, remedy: `Make it anew with blocks of ${pageBytes()} bytes (\`mkfs -b\`)` };
  }
  const options = mount?.options ?? [];
  const again = mount === undefined
    ? "Mount it with `-o dax=always`"
    : `\`umount ${mount.point}\`, then \`mount -o dax=always ${mount.source} ${mount.point}\``;
  if (options.includes("dax=never")) {
    return { ...off, reason: "it is mounted with dax=never", remedy: again };
  }
  if (options.includes("dax=always") || options.includes("dax")) {
    const reason = "it is mounted with DAX, and yet this file does not use it: " +
      "encryption, a journal of data, inline data or shared blocks stand against it";
    return { ...off, reason, remedy: "Copy it into a new file: `cp --reflink=never FILE COPY`" };
  }
  if (findings.dax === undefined) {
    const reason = "this kernel does not tell (STATX_ATTR_DAX, since Linux 5.8)";
    return { name, ok: null, value: "not known", reason };
  }
  const reason = "neither the file is marked for it nor the file system mounted with dax=always";
  const mark = fileSystem === "xfs" ? "`xfs_io -c 'chattr +x' DIRECTORY`" : "`chattr +x DIRECTORY`";
  return { ...off, reason, remedy: `${again}; or ${mark}, for the files made there later` };
}

function mapSync(findings: Findings, medium: Medium): Check {
  const name = "MAP_SYNC";
  if (findings.mapSync === undefined) {
    return { name, ok: null, value: "not tried", ...untried(findings) };
  }
  if (findings.mapSync) return { name, ok: true, value: "given: the file system keeps its metadata durable" };
  const natural = findings.natural?.granularityReason;
  const reason = onPersistentMemory(medium) && findings.dax === false ? "it needs DAX" : natural;
  const remedy = "An NVDIMM has it; for a guest of QEMU: `-device nvdimm` in place of virtio-pmem";
  return {
    name,
    ok: false,
    value: "refused",
    ...(reason !== undefined && { reason }),
    ...(needHost(medium.leaves) && findings.dax !== false && { remedy }),
  };
}

function flushInstruction(findings: Findings, medium: Medium): Check {
  const name = "flush instruction";
  if (findings.decision === undefined) {
    return { name, ok: null, value: "not known", ...untried(findings) };
  }
  const { mode } = findings.decision;
  const best = methodName(library().native.daxfile1_cpu());
  const value = methodName(mode);
  switch (mode & Mode.methodMask) {
    case Mode.msync:
      return {
        name,
        ok: false,
        value: `${value} in place of ${best}`,
        reason: "an instruction needs MAP_SYNC",
      };
    case Mode.fence:
      return medium.inMemory
        ? { name, ok: null, value: "none needed", reason: "there is nothing to write back to" }
        : { name, ok: true, value: "none needed: a fence is enough" };
    case Mode.clflush:
      return {
        name,
        ok: true,
        value,
        reason: "the processor has neither clwb nor clflushopt, and waits each time",
      };
    case Mode.cvac:
      return {
        name,
        ok: true,
        value,
        reason: "the processor has no dc cvap, which names the point of persistence",
      };
    default:
      return { name, ok: true, value };
  }
}

function persistenceDomain(medium: Medium): Check {
  const name = "persistence domain";
  if (!onPersistentMemory(medium)) {
    return { name, ok: null, value: "does not apply", reason: "only persistent memory has one" };
  }
  if (medium.eadr) return { name, ok: true, value: "CPU caches and memory (eADR)" };
  const domains = [...new Set(medium.leaves.map(domainOf))];
  if (domains.length > 1) {
    const value = medium.leaves.map((leaf) => `${leaf.name}: ${domainOf(leaf)}`).join(", ");
    return { name, ok: false, value, reason: "the weakest of them counts, so every line is flushed" };
  }
  if (domains[0] !== "memory controller") {
    const reason = "the platform does not tell, so every line is flushed";
    return { name, ok: null, value: "not known", reason };
  }
  const reason = "a power cut empties the CPU caches, so every line is flushed";
  return {
    name,
    ok: false,
    value: "memory controller",
    reason,
    remedy: "Only a platform with eADR changes that",
  };
}

function domainOf({ persistenceDomain: domain }: Leaf): string {
  if (domain === "cpu_cache") return "CPU caches";
  return domain === "memory_controller" ? "memory controller" : "not known";
}

function granularity(findings: Findings): Check {
  const name = "granularity";
  const { decision, natural, forced } = findings;
  if (decision === undefined || natural === undefined) {
    return { name, ok: null, value: "not known", ...untried(findings) };
  }
  if (forced === undefined) return verdict(decision.granularity, decision.granularityReason);
  const value = `${forced}, forced by DAXFILE_FORCE_GRANULARITY`;
  if (natural.granularity === forced) return { name, ok: true, value };
  const reason = `without it this file has ${natural.granularity} granularity`;
  return { name, ok: false, value, reason, remedy: "Unset DAXFILE_FORCE_GRANULARITY" };

  function verdict(value: Granularity, reason: string | undefined): Check {
    return { name, ok: value !== "page", value, ...(value === "page" && reason !== undefined && { reason }) };
  }
}

function durability(findings: Findings, medium: Medium): Check {
  const name = "durability";
  const { decision, natural } = findings;
  if (decision === undefined) return { name, ok: null, value: "not known", ...untried(findings) };
  if (decision.durability === "power-loss") {
    return { name, ok: true, value: "what is persisted survives a power cut" };
  }
  const remedy = natural?.durability === "power-loss"
    ? "Unset DAXFILE_FORCE_GRANULARITY"
    : medium.volatile?.includes("barriers")
    ? "Mount it with barriers"
    : "Put the file on a disk or on persistent memory";
  const value = "what is persisted survives the end of the process, not a power cut";
  return {
    name,
    ok: false,
    value,
    remedy,
    ...(decision.durabilityReason && { reason: decision.durabilityReason }),
  };
}

/** Why a question has no answer. */
function untried({ untried, mapError, openError }: Findings): Pick<Check, "reason" | "remedy"> {
  if (untried !== undefined) return { reason: untried };
  const error = mapError ?? openError;
  return error === undefined ? {} : { reason: because(error).reason! };
}
