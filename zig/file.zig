//! Files: one system call each, made again when a signal interrupts it.

const std = @import("std");
const linux = std.os.linux;
const system = @import("system.zig");
const whole = @import("range.zig").whole;
const descriptor = system.descriptor;
const number = system.number;
const resumed = system.resumed;
const status = system.status;

/// FS_IOC_FIEMAP, _IOWR('f', 11, 32 bytes).
const fs_ioc_fiemap = 0xC020660B;

/// Adds O_CLOEXEC. O_LARGEFILE needs no adding: a 64-bit kernel sets it itself.
pub fn open(path: usize, flags: u32, permissions: u32) i32 {
    const always: u32 = @bitCast(linux.O{ .CLOEXEC = true });
    return status(resumed(.openat, .{ descriptor(linux.AT.FDCWD), path, flags | always, permissions }));
}

/// Never made again: Linux has freed the descriptor whatever it answers, and another thread may have been
/// given it since.
pub fn close(file: i32) i32 {
    return status(linux.close(file));
}

pub fn duplicate(file: i32) i32 {
    return status(resumed(.fcntl, .{ descriptor(file), linux.F.DUPFD_CLOEXEC, 0, 0 }));
}

pub fn statx(file: i32, out: usize) i32 {
    const mask = linux.STATX{ .MNT_ID = true };
    const basic: u32 = @bitCast(linux.STATX.BASIC_STATS);
    const result = linux.syscall5(
        .statx,
        descriptor(file),
        @intFromPtr(""),
        linux.AT.EMPTY_PATH,
        basic | @as(u32, @bitCast(mask)),
        out,
    );
    return status(result);
}

pub fn statfs(file: i32, out: usize) i32 {
    return status(resumed(.fstatfs, .{ descriptor(file), out, 0, 0 }));
}

/// Where in a file to read or write.
pub const Position = union(enum) {
    at: u64,
    /// Wherever the file stands: all that a pipe has.
    current,

    /// −1 is `current`; null for what is no offset.
    pub fn from(byte_offset: f64) ?Position {
        if (byte_offset == -1) return .current;
        return .{ .at = whole(byte_offset) orelse return null };
    }
};

pub fn read(file: i32, address: usize, byte_length: usize, position: Position) f64 {
    return number(switch (position) {
        .at => |offset| resumed(.pread64, .{ descriptor(file), address, byte_length, offset }),
        .current => resumed(.read, .{ descriptor(file), address, byte_length, 0 }),
    });
}

pub fn write(file: i32, address: usize, byte_length: usize, position: Position) f64 {
    return number(switch (position) {
        .at => |offset| resumed(.pwrite64, .{ descriptor(file), address, byte_length, offset }),
        .current => resumed(.write, .{ descriptor(file), address, byte_length, 0 }),
    });
}

pub fn seek(file: i32, byte_offset: i64, whence: u32) f64 {
    return number(resumed(.lseek, .{ descriptor(file), @bitCast(byte_offset), whence, 0 }));
}

/// FALLOC_FL_KEEP_SIZE: the one mode that every file system with fallocate has, and a file that is being made
/// gets its length last.
const keep_size = 1;

/// tmpfs answers EINTR, having undone what it did, whenever a signal is pending: made again until one try
/// gets through.
pub fn allocate(file: i32, byte_offset: u64, byte_length: u64) i32 {
    return status(resumed(.fallocate, .{ descriptor(file), keep_size, byte_offset, byte_length }));
}

pub fn truncate(file: i32, byte_length: u64) i32 {
    return status(resumed(.ftruncate, .{ descriptor(file), byte_length, 0, 0 }));
}

pub fn lock(file: i32, operation: u32) i32 {
    return status(resumed(.flock, .{ descriptor(file), operation, 0, 0 }));
}

pub fn sync(file: i32, data_only: bool) i32 {
    return status(resumed(if (data_only) .fdatasync else .fsync, .{ descriptor(file), 0, 0, 0 }));
}

pub fn extents(file: i32, fiemap: usize) i32 {
    return status(resumed(.ioctl, .{ descriptor(file), fs_ioc_fiemap, fiemap, 0 }));
}

/// The next entries of a directory (struct linux_dirent64); 0 when there are no more.
pub fn list(file: i32, out: usize, byte_length: u32) i32 {
    return status(resumed(.getdents64, .{ descriptor(file), out, byte_length, 0 }));
}

pub fn readlink(path: usize, out: usize, byte_length: u32) i32 {
    return status(resumed(.readlinkat, .{ descriptor(linux.AT.FDCWD), path, out, byte_length }));
}

/// Follows `from`, so that /proc/self/fd/N names a file that has no name yet (O_TMPFILE).
pub fn link(from: usize, to: usize) i32 {
    const here = descriptor(linux.AT.FDCWD);
    return status(linux.syscall5(.linkat, here, from, here, to, linux.AT.SYMLINK_FOLLOW));
}

pub fn unlink(path: usize) i32 {
    return status(resumed(.unlinkat, .{ descriptor(linux.AT.FDCWD), path, 0, 0 }));
}

/// The call has no number of its own in any released kernel: only a caller who knows this one's may give
/// it.
pub fn daxctl(call: u32, path: usize, flags: i32, align_bytes: i32) i32 {
    return status(system.byNumber(call, path, descriptor(flags), descriptor(align_bytes)));
}

const fixture = @import("fixture.zig");
const testing = std.testing;

test "read and write, at an offset or wherever the file stands" {
    const file = fixture.memoryFile(0);
    defer _ = close(file);
    var buffer: [8]u8 = @splat(0);
    try testing.expectEqual(5, write(file, @intFromPtr("hello"), 5, .current));
    try testing.expectEqual(1, write(file, @intFromPtr("J"), 1, Position.from(0).?));
    try testing.expectEqual(0, read(file, @intFromPtr(&buffer), 8, .current));
    try testing.expectEqual(4, read(file, @intFromPtr(&buffer), 8, .{ .at = 1 }));
    try testing.expectEqualStrings("ello", buffer[0..4]);
    try testing.expectEqual(1, seek(file, -4, linux.SEEK.END));
    try testing.expectEqual(4, read(file, @intFromPtr(&buffer), 8, Position.from(-1).?));
    const bad_descriptor: f64 = @floatFromInt(system.failure(.BADF));
    try testing.expectEqual(bad_descriptor, read(-1, @intFromPtr(&buffer), 1, .current));
    try testing.expectEqual(null, Position.from(-2));
    try testing.expectEqual(null, Position.from(0.5));
}

test "allocate, truncate, sync, seek to holes" {
    const file = fixture.memoryFile(0);
    defer _ = close(file);
    try testing.expectEqual(0, truncate(file, 1 << 33));
    try testing.expectEqual(0, allocate(file, 1 << 32, 65536));
    try testing.expectEqual(1, write(file, @intFromPtr("x"), 1, .{ .at = (1 << 32) + 65535 }));
    const seek_data = 3;
    const seek_hole = 4;
    const last_page = (1 << 32) + 65536 - @import("cpu.zig").pageBytes();
    try testing.expectEqual(@as(f64, @floatFromInt(last_page)), seek(file, 0, seek_data));
    try testing.expectEqual((1 << 32) + 65536, seek(file, (1 << 32) + 65535, seek_hole));
    try testing.expectEqual(0, sync(file, false));
    try testing.expectEqual(0, sync(file, true));
    try testing.expectEqual(system.invalid, allocate(file, 0, 0));
}

test "statx and statfs fill the kernel's structures" {
    comptime std.debug.assert(@sizeOf(linux.Statx) == 256);
    const file = fixture.memoryFile(12345);
    defer _ = close(file);
    var attributes: linux.Statx = undefined;
    try testing.expectEqual(0, statx(file, @intFromPtr(&attributes)));
    try testing.expectEqual(12345, attributes.size);
    try testing.expect(attributes.mask.MNT_ID);
    var words: [15]u64 = @splat(0);
    try testing.expectEqual(0, statfs(file, @intFromPtr(&words)));
    try testing.expectEqual(0x01021994, words[0]); // TMPFS_MAGIC
    try testing.expectEqual(system.failure(.BADF), statx(-1, @intFromPtr(&attributes)));
}

test "descriptors are closed on exec, and locks are of the open file" {
    var path: [64]u8 = undefined;
    const file = fixture.memoryFile(1);
    defer _ = close(file);
    const name = try std.fmt.bufPrintSentinel(&path, "/proc/self/fd/{d}", .{file}, 0);
    const again = open(@intFromPtr(name.ptr), @bitCast(linux.O{ .ACCMODE = .RDWR }), 0);
    const twin = duplicate(again);
    try testing.expect(again >= 0 and twin >= 0 and again != twin);
    for ([_]i32{ again, twin }) |one| {
        try testing.expectEqual(linux.FD_CLOEXEC, linux.fcntl(one, linux.F.GETFD, 0));
    }
    const exclusive = 2 | 4; // LOCK_EX | LOCK_NB
    try testing.expectEqual(0, lock(again, exclusive));
    try testing.expectEqual(0, lock(twin, exclusive));
    try testing.expectEqual(system.failure(.AGAIN), lock(file, exclusive));
    try testing.expectEqual(0, close(again));
    try testing.expectEqual(0, close(twin));
    try testing.expectEqual(0, lock(file, exclusive));
    try testing.expectEqual(system.failure(.BADF), close(twin));
}

test "a nameless file gets a name, which can be read as a link and taken away" {
    var buffers: [3][128]u8 = undefined;
    const flags: linux.O = .{ .ACCMODE = .RDWR, .TMPFILE = true, .DIRECTORY = true };
    const file = open(@intFromPtr("/tmp"), @bitCast(flags), 0o600);
    if (file == system.failure(.OPNOTSUPP)) return error.SkipZigTest;
    try testing.expect(file >= 0);
    defer _ = close(file);
    const from = try std.fmt.bufPrintSentinel(&buffers[0], "/proc/self/fd/{d}", .{file}, 0);
    const to = try std.fmt.bufPrintSentinel(&buffers[1], "/tmp/daxfile-test-{d}", .{linux.getpid()}, 0);
    try testing.expectEqual(0, link(@intFromPtr(from.ptr), @intFromPtr(to.ptr)));
    try testing.expectEqual(system.failure(.EXIST), link(@intFromPtr(from.ptr), @intFromPtr(to.ptr)));
    const length = readlink(@intFromPtr(from.ptr), @intFromPtr(&buffers[2]), 128);
    try testing.expect(length > 5);
    try testing.expectEqualStrings("/tmp/", buffers[2][0..5]);
    try testing.expectEqual(0, unlink(@intFromPtr(to.ptr)));
    try testing.expectEqual(system.failure(.NOENT), unlink(@intFromPtr(to.ptr)));
}

test "list gives a directory's entries, then 0" {
    const directory = open(@intFromPtr("/proc/self/task"), @bitCast(linux.O{ .DIRECTORY = true }), 0);
    defer _ = close(directory);
    var buffer: [4096]u8 align(8) = undefined;
    const count = list(directory, @intFromPtr(&buffer), buffer.len);
    // Two dots and one thread or more; the name begins at byte 19 of an entry.
    try testing.expect(count >= 3 * 24);
    try testing.expectEqualStrings(".", std.mem.sliceTo(buffer[19..], 0));
    try testing.expectEqual(0, list(directory, @intFromPtr(&buffer), buffer.len));
    const file = fixture.memoryFile(1);
    defer _ = close(file);
    try testing.expectEqual(system.failure(.NOTDIR), list(file, @intFromPtr(&buffer), buffer.len));
}

test "extents asks FIEMAP, daxctl the number it is given" {
    const file = fixture.memoryFile(4096);
    defer _ = close(file);
    var fiemap: [32]u8 = @splat(0);
    const answer = extents(file, @intFromPtr(&fiemap));
    // tmpfs has no extents to tell of.
    try testing.expectEqual(system.failure(.OPNOTSUPP), answer);
    try testing.expectEqual(system.failure(.NOSYS), daxctl(100_000, @intFromPtr(""), 1, 0));
    // As any call of three arguments: path, flags, align.
    const null_path = fixture.Guarded.init(65536);
    defer null_path.deinit();
    const mprotect = @intFromEnum(linux.SYS.mprotect);
    try testing.expectEqual(0, daxctl(mprotect, null_path.start, 65536, 1));
    try testing.expectEqual(system.invalid, daxctl(mprotect, null_path.start, 65536, -1));
}
