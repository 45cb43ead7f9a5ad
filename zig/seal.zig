//! What the seal asks of a file beyond its bytes: the inode's flags, a lease, an attribute, its extents.
//! Each function reaches one request of the kernel or one of a fixed list, never a number of the caller's.

const std = @import("std");
const linux = std.os.linux;
const system = @import("system.zig");
const descriptor = system.descriptor;
const resumed = system.resumed;
const status = system.status;

/// The structures of an inode that can be asked for, and set (include/uapi/linux/fs.h, xfs_fs.h).
const requests = [_]u32{
    0x80086601, // FS_IOC_GETFLAGS: a u32, whatever the size in the number says
    0x40086602, // FS_IOC_SETFLAGS
    0x801C581F, // FS_IOC_FSGETXATTR: struct fsxattr, 28 bytes
    0x401C5820, // FS_IOC_FSSETXATTR
    0x8100587E, // XFS_IOC_FSGEOMETRY: struct xfs_fsop_geom, 256 bytes
};

/// −EINVAL for a request that is not in the list.
pub fn inode(file: i32, request: u32, structure: usize) i32 {
    if (request >= requests.len) return system.invalid;
    return status(resumed(.ioctl, .{ descriptor(file), requests[request], structure, 0 }));
}

const set_signal = 10;
const set_lease = 1024;
const get_lease = 1025;
const write_lease = 1;

/// `operation`: F_WRLCK 1 takes it, F_UNLCK 2 gives it back, 3 asks which there is. 4 waits until every
/// processor has left the system call that it was in, or slept in it (MEMBARRIER_CMD_GLOBAL): an open(2)
/// that was under way is then done, and a lease is refused for it.
///
/// Who opens the file while it is leased makes the kernel send a signal, SIGIO by default, which would end
/// the process; SIGURG does nothing.
pub fn lease(file: i32, operation: u32) i32 {
    const of = descriptor(file);
    if (operation == write_lease) {
        const result = resumed(.fcntl, .{ of, set_signal, @intFromEnum(linux.SIG.URG), 0 });
        if (system.failed(result)) return status(result);
    }
    return status(switch (operation) {
        1, 2 => resumed(.fcntl, .{ of, set_lease, operation, 0 }),
        3 => resumed(.fcntl, .{ of, get_lease, 0, 0 }),
        4 => resumed(.membarrier, .{ 1, 0, 0, 0 }),
        else => return system.invalid,
    });
}

const ask_lock = 36;
const set_lock = 37;
const read_lock = 0;
const exclusive_lock = 1;
const no_lock = 2;

/// The byte of every file that a notice locks. No file system has files so long.
const notice_byte = 1 << 62;

/// struct flock.
const RecordLock = extern struct { kind: i16, whence: i16 = 0, start: i64, length: i64, process: i32 = 0 };

/// A notice to whoever has the file open, by an open file description lock: a lock to read, as a file that
/// nobody may write lets nobody have another. `operation`: 1 gives it, 2 takes it back, 3 asks whether
/// somebody else has given one: 0 no, 1 yes, 2 not known, for another lock covers the byte.
///
/// It ends with the process. It does not end when that is stopped, as a lease does.
pub fn notice(file: i32, operation: u32) i32 {
    const request: usize, const kind: i16 = switch (operation) {
        1 => .{ set_lock, read_lock },
        2 => .{ set_lock, no_lock },
        3 => .{ ask_lock, exclusive_lock },
        else => return system.invalid,
    };
    var lock: RecordLock = .{ .kind = kind, .start = notice_byte, .length = 1 };
    const result = resumed(.fcntl, .{ descriptor(file), request, @intFromPtr(&lock), 0 });
    if (system.failed(result) or operation != 3) return status(result);
    if (lock.kind == no_lock) return 0;
    return if (lock.kind == read_lock and lock.start == notice_byte and lock.length == 1) 1 else 2;
}

pub fn attribute(file: i32, name: usize, out: usize, byte_length: u32) i32 {
    return status(resumed(.fgetxattr, .{ descriptor(file), name, out, byte_length }));
}

/// Makes the attribute, or replaces it; with a length of 0 takes it away.
pub fn setAttribute(file: i32, name: usize, value: usize, byte_length: u32) i32 {
    const of = descriptor(file);
    if (byte_length == 0) return status(resumed(.fremovexattr, .{ of, name, 0, 0 }));
    return status(linux.syscall5(.fsetxattr, of, name, value, byte_length, 0));
}

/// FALLOC_FL_COLLAPSE_RANGE: what follows the bytes moves to their place, its blocks with it.
pub fn collapse(file: i32, byte_offset: u64, byte_length: u64) i32 {
    const collapse_range = 8;
    return status(resumed(.fallocate, .{ descriptor(file), collapse_range, byte_offset, byte_length }));
}

const files = @import("file.zig");
const fixture = @import("fixture.zig");
const testing = std.testing;

/// A file on the disk under /tmp, without a name.
fn diskFile() !i32 {
    const flags: linux.O = .{ .ACCMODE = .RDWR, .TMPFILE = true, .DIRECTORY = true };
    const file = files.open(@intFromPtr("/tmp"), @bitCast(flags), 0o600);
    if (file < 0) return error.SkipZigTest;
    return file;
}

test "a request that is not in the list is refused, one that is reaches the kernel" {
    const file = fixture.memoryFile(1);
    defer _ = files.close(file);
    var structure: [256]u8 align(8) = @splat(0);
    try testing.expectEqual(system.invalid, inode(file, requests.len, @intFromPtr(&structure)));
    try testing.expectEqual(system.invalid, inode(file, 0xC020660B, @intFromPtr(&structure)));
    try testing.expectEqual(system.failure(.BADF), inode(-1, 0, @intFromPtr(&structure)));
    // XFS_IOC_FSGEOMETRY on memory: QEMU's emulation of a process, which does not know it, says ENOSYS.
    const answer = inode(file, 4, @intFromPtr(&structure));
    try testing.expect(answer == system.failure(.NOTTY) or answer == system.failure(.NOSYS));
}

test "an attribute is set, read and taken away" {
    const file = try diskFile();
    defer _ = files.close(file);
    const name = @intFromPtr("user.daxfile-test");
    const set = setAttribute(file, name, @intFromPtr("value"), 5);
    if (set == system.failure(.OPNOTSUPP)) return error.SkipZigTest;
    try testing.expectEqual(0, set);
    var buffer: [8]u8 = undefined;
    try testing.expectEqual(5, attribute(file, name, @intFromPtr(&buffer), buffer.len));
    try testing.expectEqualStrings("value", buffer[0..5]);
    try testing.expectEqual(system.failure(.RANGE), attribute(file, name, @intFromPtr(&buffer), 4));
    try testing.expectEqual(0, setAttribute(file, name, 0, 0));
    try testing.expectEqual(system.failure(.NODATA), attribute(file, name, @intFromPtr(&buffer), 8));
}

test "a write lease is had by the only opener" {
    const file = try diskFile();
    defer _ = files.close(file);
    const taken = lease(file, 1);
    if (taken == system.invalid) return error.SkipZigTest;
    try testing.expectEqual(0, taken);
    try testing.expectEqual(1, lease(file, 3));
    try testing.expectEqual(0, lease(file, 2));
    try testing.expectEqual(2, lease(file, 3));
    try testing.expectEqual(system.invalid, lease(file, 0));
    try testing.expectEqual(0, lease(file, 4));
    var path: [64]u8 = undefined;
    const name = try std.fmt.bufPrintSentinel(&path, "/proc/self/fd/{d}", .{file}, 0);
    const other = files.open(@intFromPtr(name.ptr), 0, 0);
    try testing.expect(other >= 0);
    try testing.expectEqual(system.failure(.AGAIN), lease(file, 1));
    _ = files.close(other);
    try testing.expectEqual(0, lease(file, 1));
}

test "a notice is seen through every other open of the file, and beside another lock" {
    const file = try diskFile();
    defer _ = files.close(file);
    var path: [64]u8 = undefined;
    const name = try std.fmt.bufPrintSentinel(&path, "/proc/self/fd/{d}", .{file}, 0);
    const other = files.open(@intFromPtr(name.ptr), 0, 0);
    defer _ = files.close(other);
    try testing.expect(other >= 0);
    try testing.expectEqual(0, notice(file, 3));
    try testing.expectEqual(0, notice(other, 1));
    try testing.expectEqual(0, notice(other, 3));
    try testing.expectEqual(1, notice(file, 3));
    try testing.expectEqual(0, notice(other, 2));
    try testing.expectEqual(0, notice(file, 3));
    try testing.expectEqual(system.invalid, notice(file, 0));
    try testing.expectEqual(system.invalid, notice(file, 4));
    var whole: RecordLock = .{ .kind = read_lock, .start = 0, .length = 0 };
    const locked = resumed(.fcntl, .{ descriptor(other), set_lock, @intFromPtr(&whole), 0 });
    try testing.expectEqual(0, status(locked));
    try testing.expectEqual(2, notice(file, 3));
}

test "collapse takes bytes out of the middle" {
    const file = try diskFile();
    defer _ = files.close(file);
    var page: [4096]u8 = undefined;
    for (0..4) |index| {
        @memset(&page, @intCast(index));
        try testing.expectEqual(4096, files.write(file, @intFromPtr(&page), 4096, .{ .at = index * 4096 }));
    }
    const done = collapse(file, 4096, 4096);
    if (done == system.failure(.OPNOTSUPP) or done == system.invalid) return error.SkipZigTest;
    try testing.expectEqual(0, done);
    try testing.expectEqual(3 * 4096, files.seek(file, 0, linux.SEEK.END));
    _ = files.read(file, @intFromPtr(&page), 1, .{ .at = 4096 });
    try testing.expectEqual(2, page[0]);
}
