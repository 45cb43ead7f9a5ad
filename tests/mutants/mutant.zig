//! What mutants of the library are made of: put beside its sources in a copy. A range that is narrowed keeps at least a byte, and a
//! call that is dropped still has its arguments.

const Method = @import("mode.zig").Method;
const Mode = @import("mode.zig").Mode;
const Range = @import("range.zig").Range;
const Width = @import("machine.zig").Width;

pub inline fn head(range: Range, by: usize) Range {
    return .{ .start = @min(range.start + by, range.end - 1), .end = range.end };
}

pub inline fn tail(range: Range, by: usize) Range {
    return .{ .start = range.start, .end = @max(range.end -| by, range.start + 1) };
}

/// Without the last line that the range touches; a range in one line loses all but its first byte.
pub inline fn lines(range: Range) Range {
    return .{ .start = range.start, .end = @max((range.end - 1) & ~@as(usize, 63), range.start + 1) };
}

pub inline fn shift(range: Range, by: isize) Range {
    return .{ .start = range.start +% @as(usize, @bitCast(by)), .end = range.end +% @as(usize, @bitCast(by)) };
}

pub inline fn nothing() void {}
pub inline fn line(comptime _: Method, _: usize) void {}
pub inline fn ofLines(comptime _: Method, _: Range) void {}
pub inline fn word(_: usize, _: u64) void {}
pub inline fn store(comptime _: type, _: Range, _: usize) void {}
pub inline fn stream(comptime _: type, comptime _: Width, _: Range, _: usize) void {}
pub inline fn streamed(comptime _: Width, _: Range, _: usize, comptime _: usize) void {}
pub inline fn edge(_: Range, _: anytype, _: usize, _: Mode) void {}

pub inline fn pages(_: Range, _: usize) i32 {
    return 0;
}
pub inline fn rangeMode(_: Range, _: Mode) i32 {
    return 0;
}
pub inline fn drain(comptime cache: type, _: Range, how: Mode) i32 {
    return cache.drain(how);
}
pub inline fn mode(_: Mode) i32 {
    return 0;
}
pub inline fn word64(_: usize, _: u64, _: Mode) i32 {
    return 0;
}
pub inline fn ranges(_: Range, _: Range, _: Mode) i32 {
    return 0;
}
pub inline fn filled(_: Range, _: u8, _: Mode) i32 {
    return 0;
}
pub inline fn fenced(_: Range, _: Mode, _: bool) i32 {
    return 0;
}
pub inline fn otherwise(_: usize, _: usize, _: Mode, _: bool) i32 {
    return 0;
}
pub inline fn bodied(_: Range, _: Range, _: anytype, _: Mode) i32 {
    return 0;
}
pub inline fn synced(_: i32, _: bool) i32 {
    return 0;
}
