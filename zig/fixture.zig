//! What the tests share: memory between guard pages, the sizes and places worth trying, a child to die in
//! one's stead.

const std = @import("std");
const assert = std.debug.assert;
const linux = std.os.linux;
const cpu = @import("cpu.zig");
const mapping = @import("mapping.zig");
const Mode = @import("mode.zig").Mode;
const Range = @import("range.zig").Range;
const system = @import("system.zig");

/// The sizes around every threshold of move.zig and copy.zig.
pub const sizes = [_]usize{
    1,   2,   3,   4,   5,   7,   8,   9,   15,  16,  17,  31,  32,  33,  63,  64,  65,
    95,  96,  127, 128, 129, 191, 192, 193, 255, 256, 257, 319, 320, 321, 383, 384, 511,
    512, 513, 640,
};

/// Whole pages of zeros, with a page on either side that no access survives.
pub const Guarded = struct {
    start: usize,
    end: usize,

    pub fn init(byte_length: usize) Guarded {
        const page_bytes = cpu.pageBytes();
        assert(byte_length % page_bytes == 0);
        const whole = linux.mmap(null, byte_length + 2 * page_bytes, .{}, .{
            .TYPE = .PRIVATE,
            .ANONYMOUS = true,
        }, -1, 0);
        assert(linux.errno(whole) == .SUCCESS);
        const start = whole + page_bytes;
        assert(linux.mprotect(@ptrFromInt(start), byte_length, .{ .READ = true, .WRITE = true }) == 0);
        return .{ .start = start, .end = start + byte_length };
    }

    pub fn deinit(guarded: Guarded) void {
        const page_bytes = cpu.pageBytes();
        const byte_length = guarded.end - guarded.start + 2 * page_bytes;
        assert(linux.munmap(@ptrFromInt(guarded.start - page_bytes), byte_length) == 0);
    }

    pub fn bytes(guarded: Guarded) []u8 {
        return @as([*]u8, @ptrFromInt(guarded.start))[0 .. guarded.end - guarded.start];
    }

    /// Bytes that tell where they stand, so that one copied to a wrong place shows.
    pub fn number(guarded: Guarded) void {
        for (guarded.bytes(), 0..) |*byte, i| byte.* = @truncate(i *% 167 +% (i >> 8) +% 1);
    }
};

/// An unnamed file in memory.
pub fn memoryFile(byte_length: usize) i32 {
    const file = linux.memfd_create("daxfile", linux.MFD.CLOEXEC | linux.MFD.ALLOW_SEALING);
    assert(linux.errno(file) == .SUCCESS);
    assert(linux.ftruncate(@intCast(file), @intCast(byte_length)) == 0);
    return @intCast(file);
}

/// Four pages of a file that then lost the last three.
pub const Cut = struct {
    file: i32,
    start: usize,

    pub fn init() Cut {
        const bytes = cpu.pageBytes();
        const file = memoryFile(4 * bytes);
        const start = mapping.map(file, 4 * bytes, 2 << 20, .{ .writable = true });
        assert(!system.failed(start));
        const cut: Cut = .{ .file = file, .start = start };
        for (0..4) |i| cut.page(i).* = @intCast(i + 1);
        assert(linux.ftruncate(file, @intCast(bytes)) == 0);
        return cut;
    }

    pub fn deinit(cut: Cut) void {
        _ = mapping.unmap(cut.range());
        _ = linux.close(cut.file);
    }

    pub fn range(cut: Cut) Range {
        return .init(cut.start, 4 * cpu.pageBytes());
    }

    pub fn page(cut: Cut, index: usize) *volatile u8 {
        return @ptrFromInt(cut.start + index * cpu.pageBytes());
    }
};

/// How a child that ran `body` ended, as wait4 says it; `body` returns its exit code.
pub fn ending(comptime body: fn () u8) u32 {
    const child = linux.fork();
    assert(linux.errno(child) == .SUCCESS);
    if (child == 0) linux.exit_group(body());
    var status: u32 = 0;
    while (linux.errno(linux.wait4(@intCast(child), &status, 0, null)) == .INTR) {}
    return status;
}

/// The modes that this machine can run, as far as stores differ.
pub fn modes(buffer: *[8]Mode) []Mode {
    const best = cpu.detect();
    var narrow = best;
    narrow.avx = false;
    narrow.avx512 = false;
    var middle = best;
    middle.avx512 = false;
    var count: usize = 0;
    for ([_]Mode{ narrow, middle, best }) |width| {
        for ([_]bool{ false, true }) |nontemporal| {
            var mode = width;
            mode.nontemporal = nontemporal;
            buffer[count] = mode;
            count += 1;
        }
    }
    buffer[count] = .{ .method = .fence, .temporal = true };
    return buffer[0 .. count + 1];
}
