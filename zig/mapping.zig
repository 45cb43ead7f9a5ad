//! Mappings: a file at an aligned address, zero pages over a range, memory for the caller's structures.

const std = @import("std");
const assert = std.debug.assert;
const linux = std.os.linux;
const cpu = @import("cpu.zig");
const Range = @import("range.zig").Range;
const system = @import("system.zig");

pub const Flags = packed struct(u32) {
    writable: bool = false,
    /// MAP_SYNC: the file's metadata is durable before a page can be written, so that a flush is enough.
    sync: bool = false,
    /// Stores stay in this process and never reach the file.
    private: bool = false,
    _: u29 = 0,
};

const nowhere: i32 = -1;

/// Maps the file, from its start, at a multiple of `align_bytes`: huge pages need address and file offset
/// to agree. Returns the address or −errno.
///
/// The file is mapped where the kernel likes first: that costs a microsecond, tells whether it can be
/// mapped at all (MAP_SYNC often cannot), and often is aligned already. Only then is the aligned place
/// taken, inside a reservation of our own. A failure of MAP_FIXED can leave a hole that another thread
/// maps into before we could clear up.
pub fn map(file: i32, byte_length: usize, align_bytes: usize, flags: Flags) usize {
    assert(byte_length > 0);
    const page_bytes = cpu.pageBytes();
    if (!std.math.isPowerOfTwo(align_bytes) or align_bytes < page_bytes) return failure(.INVAL);
    if (flags._ != 0 or (flags.sync and flags.private)) return failure(.INVAL);
    const first = mapFile(null, byte_length, file, flags);
    if (system.failed(first) or first % align_bytes == 0) return first;
    defer discard(.init(first, byte_length));

    const length = std.mem.alignForward(usize, byte_length, page_bytes);
    const reserved = linux.mmap(null, length + align_bytes, .{}, .{
        .TYPE = .PRIVATE,
        .ANONYMOUS = true,
        .NORESERVE = true,
    }, nowhere, 0);
    if (system.failed(reserved)) return reserved;
    const reservation: Range = .init(reserved, length + align_bytes);

    const start = std.mem.alignForward(usize, reservation.start, align_bytes);
    const end = start + length;
    assert(end <= reservation.end);
    const mapped = mapFile(start, byte_length, file, flags);
    if (system.failed(mapped)) {
        discard(reservation);
        return mapped;
    }
    if (reservation.start < start) discard(.{ .start = reservation.start, .end = start });
    if (end < reservation.end) discard(.{ .start = end, .end = reservation.end });
    return mapped;
}

fn mapFile(fixed: ?usize, byte_length: usize, file: i32, flags: Flags) usize {
    return linux.mmap(@ptrFromInt(fixed orelse 0), byte_length, .{
        .READ = true,
        .WRITE = flags.writable,
    }, .{
        // Plain MAP_SHARED ignores MAP_SYNC where the file system lacks it; this one refuses.
        .TYPE = if (flags.private) .PRIVATE else if (flags.sync) .SHARED_VALIDATE else .SHARED,
        .SYNC = flags.sync,
        // As much as the file's own length would else be set aside for copies of its pages, and refused.
        .NORESERVE = flags.private,
        .FIXED = fixed != null,
    }, file, 0);
}

fn discard(range: Range) void {
    _ = unmap(range);
}

pub fn unmap(range: Range) i32 {
    return system.status(linux.munmap(@ptrFromInt(range.start), range.len()));
}

/// Puts zero pages over the pages that the range touches, in one step: no other thread sees the range
/// unmapped.
pub fn mapZero(range: Range) i32 {
    const result = zeroPages(range.outward(cpu.pageBytes()));
    return if (system.failed(result)) system.status(result) else 0;
}

/// Async-signal-safe: the SIGBUS guard uses it.
pub fn zeroPages(pages: Range) usize {
    return linux.mmap(@ptrFromInt(pages.start), pages.len(), .{ .READ = true, .WRITE = true }, .{
        .TYPE = .PRIVATE,
        .ANONYMOUS = true,
        .NORESERVE = true,
        .FIXED = true,
    }, nowhere, 0);
}

/// Memory for paths, structures and staging. Returns the address or −errno.
pub fn scratch(byte_length: usize) usize {
    return linux.mmap(null, byte_length, .{ .READ = true, .WRITE = true }, .{
        .TYPE = .PRIVATE,
        .ANONYMOUS = true,
    }, nowhere, 0);
}

fn failure(code: linux.E) usize {
    return @bitCast(@as(isize, system.failure(code)));
}

const fixture = @import("fixture.zig");
const testing = std.testing;

test "map puts a file at a multiple of the alignment, and leaves nothing behind" {
    const page_bytes = cpu.pageBytes();
    const before = addressSpace();
    for ([_]usize{ 1, page_bytes, 3 * page_bytes + 100 }) |byte_length| {
        for ([_]usize{ page_bytes, 2 << 20, 1 << 30 }) |align_bytes| {
            const file = fixture.memoryFile(byte_length);
            defer _ = linux.close(file);
            _ = linux.pwrite(file, "x", 1, 0);
            const start = map(file, byte_length, align_bytes, .{ .writable = true });
            try testing.expect(!system.failed(start));
            try testing.expectEqual(0, start % align_bytes);
            const bytes = @as([*]u8, @ptrFromInt(start))[0..byte_length];
            try testing.expectEqual('x', bytes[0]);
            bytes[byte_length - 1] = 'y';
            var byte: u8 = 0;
            _ = linux.pread(file, @ptrCast(&byte), 1, @intCast(byte_length - 1));
            try testing.expectEqual('y', byte);
            const pages = Range.init(start, byte_length).outward(page_bytes);
            try testing.expectEqual(before + pages.len(), addressSpace());
            try testing.expectEqual(0, unmap(.init(start, byte_length)));
            try testing.expectEqual(before, addressSpace());
        }
    }
}

test "map says why it cannot, and leaves nothing behind" {
    const page_bytes = cpu.pageBytes();
    const file = fixture.memoryFile(page_bytes);
    defer _ = linux.close(file);
    const before = addressSpace();
    const align_bytes = 2 << 20;
    try testing.expectEqual(failure(.BADF), map(-1, page_bytes, align_bytes, .{}));
    try testing.expectEqual(failure(.INVAL), map(file, page_bytes, 3 * page_bytes, .{}));
    try testing.expectEqual(failure(.INVAL), map(file, page_bytes, page_bytes / 2, .{}));
    try testing.expectEqual(failure(.INVAL), map(file, page_bytes, align_bytes, .{ ._ = 1 }));
    try testing.expectEqual(failure(.NOMEM), map(file, 1 << 52, align_bytes, .{}));
    const seals = 1033; // F_ADD_SEALS
    const seal_write = 8;
    try testing.expectEqual(0, linux.fcntl(file, seals, seal_write));
    try testing.expectEqual(failure(.PERM), map(file, page_bytes, align_bytes, .{ .writable = true }));
    try testing.expectEqual(before, addressSpace());
}

test "map with MAP_SYNC is refused by memory that has none" {
    // qemu's user emulation takes MAP_SHARED_VALIDATE for MAP_SHARED.
    if (@import("builtin").cpu.arch == .aarch64) return error.SkipZigTest;
    const file = fixture.memoryFile(4096);
    defer _ = linux.close(file);
    try testing.expectEqual(failure(.OPNOTSUPP), map(file, 4096, 2 << 20, .{ .writable = true, .sync = true }));
}

test "map with private stores leaves the file alone" {
    const page_bytes = cpu.pageBytes();
    const file = fixture.memoryFile(page_bytes);
    defer _ = linux.close(file);
    const start = map(file, page_bytes, 2 << 20, .{ .writable = true, .private = true });
    defer _ = unmap(.init(start, page_bytes));
    @as(*volatile u8, @ptrFromInt(start)).* = 1;
    var byte: u8 = 2;
    _ = linux.pread(file, @ptrCast(&byte), 1, 0);
    try testing.expectEqual(0, byte);
    const both: Flags = .{ .private = true, .sync = true };
    try testing.expectEqual(failure(.INVAL), map(file, page_bytes, 2 << 20, both));
}

test "mapZero takes the place of every page that the range touches" {
    const page_bytes = cpu.pageBytes();
    const file = fixture.memoryFile(4 * page_bytes);
    defer _ = linux.close(file);
    const start = map(file, 4 * page_bytes, page_bytes, .{ .writable = true });
    defer _ = unmap(.init(start, 4 * page_bytes));
    const bytes = @as([*]u8, @ptrFromInt(start))[0 .. 4 * page_bytes];
    @memset(bytes, 1);
    try testing.expectEqual(0, mapZero(.init(start + 2 * page_bytes - 1, page_bytes)));
    try testing.expect(std.mem.allEqual(u8, bytes[0..page_bytes], 1));
    try testing.expect(std.mem.allEqual(u8, bytes[page_bytes .. 3 * page_bytes], 0));
    try testing.expect(std.mem.allEqual(u8, bytes[3 * page_bytes ..], 1));
    bytes[page_bytes] = 2;
    var byte: u8 = 0;
    _ = linux.pread(file, @ptrCast(&byte), 1, @intCast(page_bytes));
    try testing.expectEqual(1, byte);
}

test "scratch is zeroed memory" {
    const start = scratch(10_000);
    defer _ = unmap(.init(start, 10_000));
    const bytes = @as([*]u8, @ptrFromInt(start))[0..10_000];
    try testing.expect(std.mem.allEqual(u8, bytes, 0));
    @memset(bytes, 1);
    try testing.expectEqual(failure(.NOMEM), scratch(1 << 52));
}

/// Bytes of this process's address space that are mapped, reserved ones included.
fn addressSpace() usize {
    var text: [65536]u8 = undefined;
    const file: i32 = @intCast(linux.open("/proc/self/maps", .{}, 0));
    defer _ = linux.close(file);
    var length: usize = 0;
    while (true) {
        const count = linux.read(file, text[length..].ptr, text.len - length);
        assert(!system.failed(count));
        if (count == 0) break;
        length += count;
    }
    assert(length < text.len);
    var total: usize = 0;
    var lines = std.mem.tokenizeScalar(u8, text[0..length], '\n');
    while (lines.next()) |line| {
        var ends = std.mem.tokenizeAny(u8, line, "- ");
        const start = std.fmt.parseInt(usize, ends.next().?, 16) catch unreachable;
        const end = std.fmt.parseInt(usize, ends.next().?, 16) catch unreachable;
        // The stack and the heap may grow by themselves.
        if (std.mem.findScalar(u8, line, '[') == null) total += end - start;
    }
    return total;
}
