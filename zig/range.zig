//! The numbers that cross from TypeScript: every address, length and offset arrives as an f64 and is
//! believed only here.

const std = @import("std");
const builtin = @import("builtin");
const assert = std.debug.assert;

/// An f64 is exact up to here. Linux gives user space addresses below 2^52 on both architectures.
pub const limit: u64 = 1 << 53;

/// One or more bytes of memory: start ≤ byte < end ≤ 2^53.
pub const Range = struct {
    start: usize,
    end: usize,

    /// Null unless both are whole, the address and the length at least 1, and the end no more than 2^53.
    ///
    /// The comparisons of all three bounds are one: each number, less one, has no bit from 2^53 up.
    pub inline fn from(address_f64: f64, byte_length_f64: f64) ?Range {
        const start = truncate(address_f64);
        const byte_length = truncate(byte_length_f64);
        const last = start +% byte_length -% 1;
        if (((start -% 1) | (byte_length -% 1) | last) >= limit) return null;
        if (float(start) != address_f64) return null;
        if (float(byte_length) != byte_length_f64) return null;
        return .init(start, byte_length);
    }

    pub inline fn init(start: usize, byte_length: usize) Range {
        assert(start > 0);
        assert(byte_length > 0);
        return .{ .start = start, .end = start + byte_length };
    }

    pub inline fn len(range: Range) usize {
        assert(range.end > range.start);
        return range.end - range.start;
    }

    /// The whole blocks that the range touches. `block_bytes` is a power of two.
    pub inline fn outward(range: Range, block_bytes: usize) Range {
        return .{
            .start = range.start & ~(block_bytes - 1),
            .end = (range.end + (block_bytes - 1)) & ~(block_bytes - 1),
        };
    }

    /// The whole blocks inside the range, or null if there is none.
    pub inline fn inward(range: Range, block_bytes: usize) ?Range {
        const start = (range.start + (block_bytes - 1)) & ~(block_bytes - 1);
        const end = range.end & ~(block_bytes - 1);
        return if (start < end) .{ .start = start, .end = end } else null;
    }

    pub inline fn contains(range: Range, address_usize: usize) bool {
        return address_usize >= range.start and address_usize < range.end;
    }
};

/// A whole number from 0 to 2^53, or null.
pub inline fn whole(x: f64) ?u64 {
    const n = truncate(x);
    return if (n <= limit and float(n) == x) n else null;
}

/// A whole number from −2^53 to 2^53, or null.
pub fn signed(x: f64) ?i64 {
    const magnitude: i64 = @intCast(whole(@abs(x)) orelse return null);
    return if (x < 0) -magnitude else magnitude;
}

/// A whole number from 1 to 2^53, or null: an address that is not null.
pub inline fn address(x: f64) ?usize {
    return if (whole(x)) |n| (if (n > 0) n else null) else null;
}

/// Towards zero. @intFromFloat is undefined for a NaN and for what does not fit; both instructions are
/// defined for every operand: they answer with a number that then fails the comparison with the operand,
/// or the bounds.
inline fn truncate(x: f64) u64 {
    return switch (builtin.cpu.arch) {
        .x86_64 => asm ("cvttsd2si %[x], %[n]"
            : [n] "=r" (-> u64),
            : [x] "x" (x),
        ),
        .aarch64 => asm ("fcvtzs %[n], %[x:d]"
            : [n] "=r" (-> u64),
            : [x] "w" (x),
        ),
        else => comptime unreachable,
    };
}

/// Signed, as `truncate` is: a negative number comes back negative, and costs one instruction instead of
/// six.
inline fn float(n: u64) f64 {
    return @floatFromInt(@as(i64, @bitCast(n)));
}

test "Range.from takes whole numbers from 1 to 2^53" {
    const expectEqual = std.testing.expectEqual;
    try expectEqual(Range{ .start = 4096, .end = 4104 }, Range.from(4096, 8));
    try expectEqual(Range{ .start = 1, .end = 2 }, Range.from(1, 1));
    const top: f64 = @floatFromInt(limit);
    try expectEqual(Range{ .start = limit - 8, .end = limit }, Range.from(top - 8, 8));
    try expectEqual(Range{ .start = 1, .end = limit }, Range.from(1, top - 1));
}

test "Range.from refuses everything else" {
    const top: f64 = @floatFromInt(limit);
    const nan = std.math.nan(f64);
    const inf = std.math.inf(f64);
    const never = [_]f64{
        nan,  -nan,    inf,  -inf,   0,       -0.0,   -1,      -4096, 0.5,    4096.5,
        -0.5, top + 2, 1e18, 0x1p63, -0x1p63, 0x1p64, -0x1p64, 1e300, -1e300, 5e-324,
    };
    for (never) |bad| {
        try std.testing.expectEqual(null, Range.from(bad, 8));
        try std.testing.expectEqual(null, Range.from(4096, bad));
        for (never) |worse| try std.testing.expectEqual(null, Range.from(bad, worse));
    }
    // Each believable, their sum not.
    try std.testing.expectEqual(null, Range.from(top - 8, 9));
    try std.testing.expectEqual(null, Range.from(top, 1));
    try std.testing.expectEqual(null, Range.from(1, top));
}

test "whole, signed and address" {
    const expectEqual = std.testing.expectEqual;
    const top: f64 = @floatFromInt(limit);
    try expectEqual(0, whole(0));
    try expectEqual(0, whole(-0.0));
    try expectEqual(limit, whole(top));
    try expectEqual(-@as(i64, limit), signed(-top));
    try expectEqual(0, signed(-0.0));
    try expectEqual(null, address(0));
    try expectEqual(1, address(1));
    const nan = std.math.nan(f64);
    const inf = std.math.inf(f64);
    for ([_]f64{ nan, inf, -inf, 0.5, -1.5, top + 2, -top - 2, 1e300 }) |bad| {
        try expectEqual(null, whole(bad));
        try expectEqual(null, signed(bad));
        try expectEqual(null, address(bad));
    }
    try expectEqual(null, whole(-1));
}

test "outward and inward" {
    const expectEqual = std.testing.expectEqual;
    const range: Range = .{ .start = 100, .end = 300 };
    try expectEqual(Range{ .start = 64, .end = 320 }, range.outward(64));
    try expectEqual(Range{ .start = 128, .end = 256 }, range.inward(64));
    try expectEqual(null, range.inward(256));
    const exact: Range = .{ .start = 128, .end = 256 };
    try expectEqual(exact, exact.outward(64));
    try expectEqual(exact, exact.inward(64));
}
