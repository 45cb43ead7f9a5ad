/**
 * Where a file system's device lies in physical memory. Only with that can be said what is aligned: a block's number counts from the
 * start of the partition, and 2 MiB pages are made of addresses.
 *
 * @module
 */

import { directoryOf, parentOf, type SystemFiles } from "../device.ts";
import type { Device } from "../system.ts";
import type { Refusal } from "./refusal.ts";

/** The physical address of a block device's first byte, or why it is not known. */
export function physicalBase(device: Device, files: SystemFiles): { readonly base: number } | Refusal {
  const unknown = (reason: string, hint: string): Refusal => ({ error: "EINVAL", reason, hint });
  const pageHint = "Ask for no more than the page size: align 0";
  const directory = directoryOf("block", device, files);
  if (directory === undefined) {
    return unknown("its device is not listed in sysfs, so where it lies in memory is not known", pageHint);
  }
  const isPartition = files.readText(`${directory}/partition`) !== undefined;
  const disk = isPartition ? parentOf(directory) : directory;
  if (files.listDirectory(`${disk}/slaves`).length > 0) {
    const reason = "it lies on device-mapper, which does not tell where in memory its blocks are";
    return unknown(reason, `Put the file system on the device itself. ${pageHint}`);
  }
  const resource = Number(files.readText(`${disk}/device/resource`)?.trim() || NaN);
  const start = isPartition ? Number(files.readText(`${directory}/start`)?.trim() || NaN) * 512 : 0;
  const base = resource + start;
  if (Number.isSafeInteger(base) && resource > 0) return { base };
  const reason = `where ${
    disk.slice(disk.lastIndexOf("/") + 1)
  } lies in memory cannot be read (${disk}/device/resource)`;
  return unknown(reason, `Only root may read it. ${pageHint}`);
}
