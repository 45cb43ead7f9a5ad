//! The functions that TypeScript calls, in the order of ffi/symbols.ts, which says what their parameters
//! are.
//!
//! Each checks its numbers and hands them on. A result is 0 or more, or −errno; −EINVAL for any number
//! that is not whole, is negative or above 2^53, and for an address or a length of nothing.

const cache = @import("cache.zig").Cache(Machine);
const commits = @import("commit.zig");
const copying = @import("copy.zig").Copy(Machine);
const cpu = @import("cpu.zig");
const Crc = @import("crc.zig").Crc(Machine);
const files = @import("file.zig");
const guarding = @import("guard.zig");
const mapping = @import("mapping.zig");
const Machine = @import("machine.zig").Machine;
const Mode = @import("mode.zig").Mode;
const range = @import("range.zig");
const Range = range.Range;
const records = @import("record.zig").Record(Machine);
const seal = @import("seal.zig");
const system = @import("system.zig");
const Words = @import("record.zig").Words;
const invalid = system.invalid;

/// The version of this table: the number in every other name. This one has none, as every version has it.
export fn daxfile_abi() u32 {
    return 1;
}

/// The best way to write back on this machine, its vector registers and its page size, as a mode.
export fn daxfile1_cpu() u32 {
    return @bitCast(cpu.detect());
}

/// Makes the range durable: writes back every line or page that it touches, then waits.
export fn daxfile1_persist(address: f64, byte_length: f64, mode: u32) i32 {
    return cache.persist(Range.from(address, byte_length) orelse return invalid, .from(mode));
}

/// Starts to write the range back, without waiting.
export fn daxfile1_flush(address: f64, byte_length: f64, mode: u32) i32 {
    return cache.flush(Range.from(address, byte_length) orelse return invalid, .from(mode));
}

/// Waits for everything that this thread flushed before.
export fn daxfile1_drain(mode: u32) i32 {
    return cache.drain(.from(mode));
}

/// Stores eight bytes at a multiple of eight, all or none of them, durable on return.
export fn daxfile1_store64(address: f64, low: u32, high: u32, mode: u32) i32 {
    const at = range.address(address) orelse return invalid;
    return cache.store64(at, @as(u64, high) << 32 | low, .from(mode));
}

/// Copies and makes durable; the ranges may overlap. Eight bytes to a multiple of eight are one store.
export fn daxfile1_copy(destination: f64, source: f64, byte_length: f64, mode: u32) i32 {
    const to = Range.from(destination, byte_length) orelse return invalid;
    const from = Range.from(source, byte_length) orelse return invalid;
    return copying.copy(to, from, .from(mode));
}

/// Writes one byte value over the range and makes it durable. −EINVAL for a value above 255.
export fn daxfile1_fill(address: f64, byte_length: f64, value: u32, mode: u32) i32 {
    const to = Range.from(address, byte_length) orelse return invalid;
    if (value > 255) return invalid;
    return copying.fill(to, @intCast(value), .from(mode));
}

/// The CRC-32C of the range, continued from `seed`; or −EINVAL.
export fn daxfile1_checksum(address: f64, byte_length: f64, seed: u32, mode: u32) f64 {
    const of = Range.from(address, byte_length) orelse return invalid;
    return @floatFromInt(~Crc.bytes(~seed, of.start, of.len(), Mode.from(mode).crc32c));
}

/// Writes a record at a multiple of eight and makes it durable. The source is loaded once, and may be of
/// no bytes.
export fn daxfile1_record(
    destination: f64,
    source: f64,
    byte_length: f64,
    low: u32,
    high: u32,
    seed: u32,
    mode: u32,
) i32 {
    const length = range.whole(byte_length) orelse return invalid;
    const to = Range.from(destination, byte_length + 16) orelse return invalid;
    const from = range.address(source) orelse return invalid;
    return records.write(to.start, from, length, .{ .low = low, .high = high, .seed = seed }, .from(mode));
}

/// The length of the payload of the intact record that the range begins with and contains; −1 if there is
/// none, −EINVAL for a range that does not begin at a multiple of eight.
export fn daxfile1_record_length(address: f64, byte_length: f64, seed: u32, mode: u32) f64 {
    const in = Range.from(address, byte_length) orelse return invalid;
    return @floatFromInt(records.length(in, seed, .from(mode)));
}

/// Writes the batch as a record at an offset in the region, flushes what `previous` wrote, waits for both,
/// then stores each write of the batch. −EINVAL, with nothing written, if any of it is outside the region.
export fn daxfile1_commit(
    address: f64,
    byte_length: f64,
    byte_offset: f64,
    batch: f64,
    batch_length: f64,
    previous: f64,
    previous_length: f64,
    low: u32,
    high: u32,
    seed: u32,
    mode: u32,
) i32 {
    const region = Range.from(address, byte_length) orelse return invalid;
    const offset = range.whole(byte_offset) orelse return invalid;
    const writes = commits.List.from(batch, batch_length) orelse return invalid;
    const before = commits.List.from(previous, previous_length) orelse return invalid;
    const words: Words = .{ .low = low, .high = high, .seed = seed };
    return commits.Commit(Machine).commit(region, offset, writes, before, words, .from(mode));
}

/// Maps a file from its start at a multiple of `align_bytes`; flags: 1 writable, 2 MAP_SYNC, 4 private.
/// The address, or −errno.
export fn daxfile1_map(file: i32, byte_length: f64, align_bytes: f64, flags: u32) f64 {
    const length = range.address(byte_length) orelse return invalid;
    const alignment = range.address(align_bytes) orelse return invalid;
    return system.number(mapping.map(file, length, alignment, @bitCast(flags)));
}

/// Unmaps what `daxfile1_map` or `daxfile1_scratch` mapped.
export fn daxfile1_unmap(address: f64, byte_length: f64) i32 {
    return mapping.unmap(Range.from(address, byte_length) orelse return invalid);
}

/// Puts private zero pages over every page that the range touches.
export fn daxfile1_map_zero(address: f64, byte_length: f64) i32 {
    return mapping.mapZero(Range.from(address, byte_length) orelse return invalid);
}

/// Private memory, zeroed. The address, or −errno.
export fn daxfile1_scratch(byte_length: f64) f64 {
    return system.number(mapping.scratch(range.address(byte_length) orelse return invalid));
}

/// Turns a SIGBUS inside the range into a page of zeros and one more in the u32 at `faults`. −ENOSPC from
/// the 129th range on.
export fn daxfile1_guard(address: f64, byte_length: f64, faults: f64) i32 {
    const guarded = Range.from(address, byte_length) orelse return invalid;
    return guarding.guard(guarded, range.address(faults) orelse return invalid);
}

/// Ends the guard of the range that begins there; before it is unmapped. −ENOENT if there is none.
export fn daxfile1_unguard(address: f64) i32 {
    return guarding.unguard(range.address(address) orelse return invalid);
}

/// open(2) with O_CLOEXEC. The descriptor, or −errno.
export fn daxfile1_open(path: f64, flags: u32, mode: u32) i32 {
    return files.open(range.address(path) orelse return invalid, flags, mode);
}

/// close(2). The descriptor is gone whatever the answer.
export fn daxfile1_close(file: i32) i32 {
    return files.close(file);
}

/// Another descriptor of the same open file, closed on exec.
export fn daxfile1_duplicate(file: i32) i32 {
    return files.duplicate(file);
}

/// statx(2) of an open file, with its mount's number: 256 bytes at `out`.
export fn daxfile1_statx(file: i32, out: f64) i32 {
    return files.statx(file, range.address(out) orelse return invalid);
}

/// fstatfs(2): 120 bytes at `out`.
export fn daxfile1_statfs(file: i32, out: f64) i32 {
    return files.statfs(file, range.address(out) orelse return invalid);
}

/// pread(2), or read(2) for an offset of −1. The number of bytes, or −errno.
export fn daxfile1_read(file: i32, address: f64, byte_length: f64, byte_offset: f64) f64 {
    const to = range.address(address) orelse return invalid;
    const length = range.whole(byte_length) orelse return invalid;
    return files.read(file, to, length, files.Position.from(byte_offset) orelse return invalid);
}

/// pwrite(2), or write(2) for an offset of −1. The number of bytes, or −errno.
export fn daxfile1_write(file: i32, address: f64, byte_length: f64, byte_offset: f64) f64 {
    const from = range.address(address) orelse return invalid;
    const length = range.whole(byte_length) orelse return invalid;
    return files.write(file, from, length, files.Position.from(byte_offset) orelse return invalid);
}

/// lseek(2), SEEK_DATA and SEEK_HOLE among its kinds. The offset, or −errno.
export fn daxfile1_seek(file: i32, byte_offset: f64, whence: u32) f64 {
    return files.seek(file, range.signed(byte_offset) orelse return invalid, whence);
}

/// fallocate(2): the bytes have blocks afterwards; the length stays as it is.
export fn daxfile1_allocate(file: i32, byte_offset: f64, byte_length: f64) i32 {
    const offset = range.whole(byte_offset) orelse return invalid;
    return files.allocate(file, offset, range.whole(byte_length) orelse return invalid);
}

/// ftruncate(2).
export fn daxfile1_truncate(file: i32, byte_length: f64) i32 {
    return files.truncate(file, range.whole(byte_length) orelse return invalid);
}

/// flock(2).
export fn daxfile1_lock(file: i32, operation: u32) i32 {
    return files.lock(file, operation);
}

/// fsync(2), or fdatasync(2) if `data_only` is not 0.
export fn daxfile1_sync(file: i32, data_only: u32) i32 {
    return files.sync(file, data_only != 0);
}

/// FS_IOC_FIEMAP on the structure at `fiemap`, which says itself how many extents there is room for.
export fn daxfile1_extents(file: i32, fiemap: f64) i32 {
    return files.extents(file, range.address(fiemap) orelse return invalid);
}

/// getdents64(2) of an open directory. The bytes that the entries take, 0 at their end, or −errno.
export fn daxfile1_list(file: i32, out: f64, byte_length: u32) i32 {
    return files.list(file, range.address(out) orelse return invalid, byte_length);
}

/// readlink(2), without a final zero. The length, or −errno.
export fn daxfile1_readlink(path: f64, out: f64, byte_length: u32) i32 {
    const from = range.address(path) orelse return invalid;
    return files.readlink(from, range.address(out) orelse return invalid, byte_length);
}

/// linkat(2), following `from`: /proc/self/fd/N gives a nameless file a name.
export fn daxfile1_link(from: f64, to: f64) i32 {
    const source = range.address(from) orelse return invalid;
    return files.link(source, range.address(to) orelse return invalid);
}

/// unlink(2).
export fn daxfile1_unlink(path: f64) i32 {
    return files.unlink(range.address(path) orelse return invalid);
}

/// System call `number` with the arguments of daxctl. The caller knows the number; a wrong one is another
/// system call.
export fn daxfile1_daxctl(number: u32, path: f64, flags: i32, align_bytes: i32) i32 {
    return files.daxctl(number, range.address(path) orelse return invalid, flags, align_bytes);
}

/// A structure of the file's inode: `request` 0 its flags, 1 to set them, 2 its extended flags, 3 to set
/// them, 4 the geometry of XFS. −EINVAL for another.
export fn daxfile1_inode(file: i32, request: u32, structure: f64) i32 {
    return seal.inode(file, request, range.address(structure) orelse return invalid);
}

/// A write lease: 1 takes it, 2 gives it back, 3 asks for it (the answer is 1 or 2), 4 waits for system
/// calls under way.
export fn daxfile1_lease(file: i32, operation: u32) i32 {
    return seal.lease(file, operation);
}

/// A notice to whoever has the file open: 1 gives it, 2 takes it back, 3 asks for another's: 0 there is
/// none, 1 there is one, 2 that cannot be told, as another lock is in the way.
export fn daxfile1_notice(file: i32, operation: u32) i32 {
    return seal.notice(file, operation);
}

/// fgetxattr(2). The length of the value, or −errno.
export fn daxfile1_attribute(file: i32, name: f64, out: f64, byte_length: u32) i32 {
    const called = range.address(name) orelse return invalid;
    return seal.attribute(file, called, range.address(out) orelse return invalid, byte_length);
}

/// fsetxattr(2), or with a length of 0 fremovexattr(2).
export fn daxfile1_set_attribute(file: i32, name: f64, value: f64, byte_length: u32) i32 {
    const called = range.address(name) orelse return invalid;
    return seal.setAttribute(file, called, range.address(value) orelse return invalid, byte_length);
}

/// fallocate(2), FALLOC_FL_COLLAPSE_RANGE: takes the bytes and their blocks out of the file.
export fn daxfile1_collapse(file: i32, byte_offset: f64, byte_length: f64) i32 {
    const offset = range.whole(byte_offset) orelse return invalid;
    return seal.collapse(file, offset, range.whole(byte_length) orelse return invalid);
}

const std = @import("std");

test {
    _ = @import("system.zig");
    _ = @import("mode.zig");
    _ = @import("range.zig");
    _ = @import("cpu.zig");
    _ = @import("machine.zig");
    _ = @import("move.zig");
    _ = @import("cache.zig");
    _ = @import("copy.zig");
    _ = @import("crc.zig");
    _ = @import("record.zig");
    _ = @import("commit.zig");
    _ = @import("mapping.zig");
    _ = @import("guard.zig");
    _ = @import("file.zig");
    _ = @import("seal.zig");
}

test "no function believes an f64 that is not a whole number it can use" {
    const functions = .{
        daxfile1_persist,       daxfile1_flush,         daxfile1_store64,
        daxfile1_copy,          daxfile1_fill,          daxfile1_map,
        daxfile1_unmap,         daxfile1_map_zero,      daxfile1_scratch,
        daxfile1_guard,         daxfile1_unguard,       daxfile1_open,
        daxfile1_statx,         daxfile1_statfs,        daxfile1_read,
        daxfile1_write,         daxfile1_seek,          daxfile1_allocate,
        daxfile1_truncate,      daxfile1_extents,       daxfile1_list,
        daxfile1_readlink,      daxfile1_link,          daxfile1_unlink,
        daxfile1_daxctl,        daxfile1_checksum,      daxfile1_record,
        daxfile1_record_length, daxfile1_commit,        daxfile1_inode,
        daxfile1_attribute,     daxfile1_set_attribute, daxfile1_collapse,
    };
    var page: [4096]u8 align(4096) = undefined;
    const good: f64 = @floatFromInt(@intFromPtr(&page));
    const nan = std.math.nan(f64);
    const inf = std.math.inf(f64);
    const never = [_]f64{ nan, inf, -inf, -4096, 0.5, 4096.5, 0x1p53 + 2, 0x1p63, 0x1p64, 1e300 };
    inline for (functions) |function| {
        const Arguments = std.meta.ArgsTuple(@TypeOf(function));
        inline for (std.meta.fields(Arguments)) |field| if (field.type == f64) {
            for (never) |bad| {
                // lseek takes offsets from the end.
                if (@TypeOf(function) == @TypeOf(daxfile1_seek) and bad == -4096) continue;
                var arguments: Arguments = undefined;
                inline for (std.meta.fields(Arguments)) |other| {
                    // Any descriptor but an open one, so that a call that believes the number does no harm.
                    @field(arguments, other.name) = switch (other.type) {
                        f64 => good,
                        i32 => -1,
                        else => 0,
                    };
                }
                @field(arguments, field.name) = bad;
                try std.testing.expectEqual(invalid, @call(.auto, function, arguments));
            }
        };
    }
}

test "copy, fill and store64 through the exports" {
    var memory: [512]u8 align(64) = @splat(0);
    const start: f64 = @floatFromInt(@intFromPtr(&memory));
    const mode = daxfile1_cpu();
    try std.testing.expectEqual(0, daxfile1_fill(start, 300, 255, mode));
    try std.testing.expectEqual(invalid, daxfile1_fill(start, 300, 256, mode));
    try std.testing.expectEqual(invalid, daxfile1_fill(start, 0, 1, mode));
    try std.testing.expectEqual(0, daxfile1_store64(start + 8, 0x5566_7788, 0x1122_3344, mode));
    try std.testing.expectEqual(invalid, daxfile1_store64(start + 4, 0, 0, mode));
    try std.testing.expectEqual(0, daxfile1_copy(start + 304, start + 8, 8, mode));
    try std.testing.expectEqual(0x1122_3344_5566_7788, std.mem.readInt(u64, memory[304..312], .little));
    try std.testing.expectEqual(0xff, memory[299]);
    try std.testing.expectEqual(0, memory[300]);
    try std.testing.expectEqual(1, daxfile_abi());
}
