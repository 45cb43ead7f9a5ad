//! What mutants of the library are made of: put beside its sources in a copy. A range that is narrowed keeps at least a byte.

const Mode = @import("mode.zig").Mode;
const Range = @import("range.zig").Range;

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

pub inline fn fenced(mode: Mode) Mode {
    var other = mode;
    other.method = .fence;
    return other;
}

pub inline fn unfenced(mode: Mode) Mode {
    var other = mode;
    other.no_drain = true;
    return other;
}
