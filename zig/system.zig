//! System calls: no libc, so the kernel's own convention, a result or −errno in one word.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;

/// −EINVAL, this library's own answer to an argument that it does not believe.
pub const invalid: i32 = failure(.INVAL);

pub inline fn failure(code: linux.E) i32 {
    return -@as(i32, @intFromEnum(code));
}

/// The result as the caller gets it where it fits 31 bits: 0 or more, or −errno.
pub inline fn status(result: usize) i32 {
    return @intCast(@as(isize, @bitCast(result)));
}

/// The result as the caller gets it where it may be long: an address, a count, an offset.
pub inline fn number(result: usize) f64 {
    return @floatFromInt(@as(isize, @bitCast(result)));
}

pub inline fn failed(result: usize) bool {
    return linux.errno(result) != .SUCCESS;
}

/// A descriptor as the kernel takes it: −1 stays −1.
pub inline fn descriptor(file: i32) usize {
    return @bitCast(@as(isize, file));
}

/// Makes the call again for as long as signals interrupt it: a JavaScript runtime is sent them all the
/// time (timers, garbage collection of other threads, profilers), and none of them is a reason for an
/// msync to fail.
pub noinline fn resumed(call: linux.SYS, arguments: [4]usize) usize {
    while (true) {
        const result = linux.syscall4(call, arguments[0], arguments[1], arguments[2], arguments[3]);
        if (linux.errno(result) != .INTR) return result;
    }
}

/// A call by a number that the standard library's table need not know.
pub fn byNumber(call: u32, a: usize, b: usize, c: usize) usize {
    return switch (builtin.cpu.arch) {
        .x86_64 => asm volatile ("syscall"
            : [result] "={rax}" (-> usize),
            : [call] "{rax}" (@as(usize, call)),
              [a] "{rdi}" (a),
              [b] "{rsi}" (b),
              [c] "{rdx}" (c),
            : .{ .rcx = true, .r11 = true, .memory = true }),
        .aarch64 => asm volatile ("svc #0"
            : [result] "={x0}" (-> usize),
            : [call] "{x8}" (@as(usize, call)),
              [a] "{x0}" (a),
              [b] "{x1}" (b),
              [c] "{x2}" (c),
            : .{ .memory = true }),
        else => comptime unreachable,
    };
}

test "resumed goes on after a signal" {
    const Clock = struct {
        var ticks: u32 = 0;
        var pipe: [2]i32 = undefined;
        fn tick(_: linux.SIG) callconv(.c) void {
            ticks += 1;
            // Only the third interruption ends the wait.
            if (ticks == 3) _ = linux.write(pipe[1], "x", 1);
        }
        fn every(microseconds: isize) void {
            const interval_and_value = [4]isize{ 0, microseconds, 0, microseconds };
            const real = 0;
            _ = linux.syscall3(.setitimer, real, @intFromPtr(&interval_and_value), 0);
        }
    };
    try std.testing.expectEqual(0, linux.pipe2(&Clock.pipe, .{}));
    var old: linux.Sigaction = undefined;
    // Without SA_RESTART, so that the kernel does not resume it for us.
    _ = linux.sigaction(.ALRM, &.{
        .handler = .{ .handler = Clock.tick },
        .mask = linux.sigemptyset(),
        .flags = 0,
    }, &old);
    Clock.every(1000);
    var byte: u8 = 0;
    const result = resumed(.read, .{ descriptor(Clock.pipe[0]), @intFromPtr(&byte), 1, 0 });
    Clock.every(0);
    _ = linux.sigaction(.ALRM, &old, null);
    try std.testing.expectEqual(1, result);
    try std.testing.expectEqual('x', byte);
    try std.testing.expect(Clock.ticks >= 3);
}

test "byNumber passes its arguments in order, and any number" {
    const page = linux.mmap(null, 4096, .{}, .{ .TYPE = .PRIVATE, .ANONYMOUS = true }, -1, 0);
    defer _ = linux.munmap(@ptrFromInt(page), 4096);
    try std.testing.expectEqual(0, byNumber(@intFromEnum(linux.SYS.mprotect), page, 4096, 3));
    @as(*u8, @ptrFromInt(page)).* = 1;
    try std.testing.expectEqual(failure(.NOSYS), status(byNumber(100_000, page, 0, 0)));
}
