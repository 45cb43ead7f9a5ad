/** What a simulated file system knows of a file beside its bytes: flags, attributes, where its blocks are, and who has it open. */

/** Of one file. */
export interface Properties {
  /** FS_IOC_GETFLAGS. */
  flags: number;
  readonly attributes: Map<string, string>;
  /** Whether every block was written; else they are only allocated. */
  isWritten: boolean;
}

/** FS_IMMUTABLE_FL and STATX_ATTR_IMMUTABLE. */
export const immutable = 0x10;

const ENOTTY = -25, ENODATA = -61, unwritten = 0x800, last = 1;

/** Properties of a new file. */
export function newProperties(): Properties {
  return { flags: 0, attributes: new Map(), isWritten: false };
}

/** A copy, as a sync leaves it on the medium. */
export function copyOf({ flags, attributes, isWritten }: Properties): Properties {
  return { flags, attributes: new Map(attributes), isWritten };
}

/** daxfile1_inode: reads the flags, or sets them; of XFS nothing is known here. */
export function inode(file: Properties, request: number, data: DataView): number {
  if (request > 1) return ENOTTY;
  if (request === 0) data.setUint32(0, file.flags, true);
  else file.flags = data.getUint32(0, true);
  return 0;
}

/** daxfile1_attribute. */
export function attribute(file: Properties, name: string, into: Uint8Array): number {
  const text = file.attributes.get(name);
  return text === undefined ? ENODATA : new TextEncoder().encodeInto(text, into).written;
}

/** daxfile1_set_attribute; nothing takes it away. */
export function setAttribute(file: Properties, name: string, text: Uint8Array): number {
  if (text.length === 0) file.attributes.delete(name);
  else file.attributes.set(name, new TextDecoder().decode(text));
  return 0;
}

/** daxfile1_extents: one, as long as the file, behind the header of struct fiemap. */
export function extents(file: Properties, byteLength: number, data: DataView): number {
  data.setUint32(20, 1, true);
  for (const [at, value] of [[32, 0], [40, 2 ** 21], [48, byteLength]] as const) {
    data.setBigUint64(at, BigInt(value), true);
  }
  data.setUint32(72, last | (file.isWritten ? 0 : unwritten), true);
  return 0;
}

/** daxfile1_lease: it is had and held, and nobody else is there. */
export function lease(operation: number): number {
  return operation === 3 ? 1 : 0;
}
