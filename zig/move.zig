//! Ordinary stores: memmove and memset without libc, never a byte outside the range, never a byte at a
//! time.
//!
//! Where destination and length are multiples of eight, every 8-byte word is written by one store, so
//! that on persistent memory it is either old or new after a power cut. Every store is volatile: the
//! destination outlives the program, and the compiler may neither drop a store nor turn the loop into a
//! call of memcpy.

const std = @import("std");
const builtin = @import("builtin");
const assert = std.debug.assert;

const Line = @Vector(64, u8);

/// The ranges may overlap.
pub fn copy(destination: usize, source: usize, byte_length: usize) void {
    if (byte_length <= 16) {
        if (byte_length == 8) return store(u64, destination, load(u64, source));
        if (byte_length > 8) return ends(u64, destination, source, byte_length);
        if (byte_length >= 4) return ends(u32, destination, source, byte_length);
        if (byte_length >= 2) return ends(u16, destination, source, byte_length);
        if (byte_length == 1) store(u8, destination, load(u8, source));
        return;
    }
    if (byte_length <= 32) return ends(@Vector(16, u8), destination, source, byte_length);
    if (byte_length <= 64) return ends(@Vector(32, u8), destination, source, byte_length);
    if (byte_length <= 128) return ends(Line, destination, source, byte_length);
    long(destination, source, byte_length);
}

/// Two pieces, from either end, that meet or overlap: both are loaded before either is stored.
inline fn ends(comptime Piece: type, destination: usize, source: usize, byte_length: usize) void {
    const last = byte_length - @sizeOf(Piece);
    assert(last <= @sizeOf(Piece));
    const head = load(Piece, source);
    const tail = load(Piece, source + last);
    store(Piece, destination, head);
    store(Piece, destination + last, tail);
}

/// Both ends are loaded first and stored last, as they may lie under the body; the body is the aligned
/// lines between, in the direction that reads each line before it is written over.
noinline fn long(destination: usize, source: usize, byte_length: usize) void {
    assert(byte_length > 128);
    const last = byte_length - 64;
    const head = load(Line, source);
    const tail = load(Line, source + last);
    const body_start = (destination + 63) & ~@as(usize, 63);
    const body_end = (destination + byte_length) & ~@as(usize, 63);
    assert(body_start < body_end);
    if (destination <= source) {
        const ahead = source - destination;
        var to = body_start;
        while (to < body_end) : (to += 64) store(Line, to, load(Line, to + ahead));
    } else {
        const behind = destination - source;
        var to = body_end;
        while (to > body_start) {
            to -= 64;
            store(Line, to, load(Line, to - behind));
        }
    }
    store(Line, destination, head);
    store(Line, destination + last, tail);
}

pub fn fill(destination: usize, value: u8, byte_length: usize) void {
    if (byte_length <= 16) {
        if (byte_length == 8) return store(u64, destination, pattern(u64, value));
        if (byte_length > 8) return endsFilled(u64, destination, value, byte_length);
        if (byte_length >= 4) return endsFilled(u32, destination, value, byte_length);
        if (byte_length >= 2) return endsFilled(u16, destination, value, byte_length);
        if (byte_length == 1) store(u8, destination, value);
        return;
    }
    if (byte_length <= 32) return endsFilled(@Vector(16, u8), destination, value, byte_length);
    if (byte_length < 128) {
        if (byte_length <= 64) return endsFilled(@Vector(32, u8), destination, value, byte_length);
        return endsFilled(Line, destination, value, byte_length);
    }
    const body_end = (destination + byte_length) & ~@as(usize, 63);
    var to = (destination + 63) & ~@as(usize, 63);
    while (to < body_end) : (to += 64) store(Line, to, @splat(value));
    endsFilledOf(Line, destination, value, byte_length);
}

inline fn endsFilled(comptime Piece: type, destination: usize, value: u8, byte_length: usize) void {
    assert(byte_length <= 2 * @sizeOf(Piece));
    endsFilledOf(Piece, destination, value, byte_length);
}

inline fn endsFilledOf(comptime Piece: type, destination: usize, value: u8, byte_length: usize) void {
    store(Piece, destination, pattern(Piece, value));
    store(Piece, destination + byte_length - @sizeOf(Piece), pattern(Piece, value));
}

/// The value in every byte.
inline fn pattern(comptime Piece: type, value: u8) Piece {
    return @bitCast(@as(@Vector(@sizeOf(Piece), u8), @splat(value)));
}

inline fn load(comptime Piece: type, from: usize) Piece {
    return @as(*align(1) const volatile Piece, @ptrFromInt(from)).*;
}

inline fn store(comptime Piece: type, to: usize, piece: Piece) void {
    @as(*align(1) volatile Piece, @ptrFromInt(to)).* = piece;
    if (builtin.is_test) if (witness) |look| look();
}

/// In tests: called after every store, when a power cut might come.
var witness: ?*const fn () void = null;

const fixture = @import("fixture.zig");

test "copy at every misalignment writes these bytes and no others" {
    const from: fixture.Guarded = .init(65536);
    defer from.deinit();
    const to: fixture.Guarded = .init(65536);
    defer to.deinit();
    from.number();
    for (fixture.sizes) |size| for (0..64) |i| for (0..64) |j| {
        const around = to.bytes()[0..1024];
        @memset(around, 0xEE);
        copy(to.start + 64 + i, from.start + j, size);
        try std.testing.expectEqualSlices(u8, from.bytes()[j..][0..size], around[64 + i ..][0..size]);
        try std.testing.expect(std.mem.allEqual(u8, around[0 .. 64 + i], 0xEE));
        try std.testing.expect(std.mem.allEqual(u8, around[64 + i + size ..], 0xEE));
    };
}

test "copy and fill touch no byte beside their ranges, to read or to write" {
    const from: fixture.Guarded = .init(65536);
    defer from.deinit();
    const to: fixture.Guarded = .init(65536);
    defer to.deinit();
    from.number();
    for (1..1200) |size| {
        copy(to.end - size, from.end - size, size);
        try std.testing.expectEqualSlices(u8, from.bytes()[65536 - size ..], to.bytes()[65536 - size ..]);
        copy(to.start, from.start, size);
        copy(to.end - size, from.start, size);
        try std.testing.expectEqualSlices(u8, from.bytes()[0..size], to.bytes()[65536 - size ..]);
        copy(to.start, from.end - size, size);
        fill(to.end - size, 0xA5, size);
        fill(to.start, 0xA5, size);
        try std.testing.expect(std.mem.allEqual(u8, to.bytes()[0..size], 0xA5));
        try std.testing.expect(std.mem.allEqual(u8, to.bytes()[65536 - size ..], 0xA5));
    }
    copy(to.start, from.start, 0);
    fill(to.start, 0, 0);
    try std.testing.expectEqual(0xA5, to.bytes()[0]);
}

test "fill at every misalignment writes these bytes and no others" {
    var memory: [1024]u8 align(64) = undefined;
    for (fixture.sizes) |size| for (0..64) |i| {
        @memset(&memory, 0xEE);
        fill(@intFromPtr(&memory) + 64 + i, 7, size);
        try std.testing.expect(std.mem.allEqual(u8, memory[64 + i ..][0..size], 7));
        try std.testing.expect(std.mem.allEqual(u8, memory[0 .. 64 + i], 0xEE));
        try std.testing.expect(std.mem.allEqual(u8, memory[64 + i + size ..], 0xEE));
    };
}

test "copy of ranges that overlap" {
    var memory: [2048]u8 align(64) = undefined;
    var before: [2048]u8 = undefined;
    for (fixture.sizes) |size| for (0..600) |distance| for ([_]usize{ 600, 601, 637 }) |start| {
        for (&memory, 0..) |*byte, i| byte.* = @truncate(i *% 167 +% (i >> 8));
        before = memory;
        const other = start + 300 - distance;
        copy(@intFromPtr(&memory) + other, @intFromPtr(&memory) + start, size);
        try std.testing.expectEqualSlices(u8, before[start..][0..size], memory[other..][0..size]);
        try std.testing.expectEqualSlices(u8, before[0..other], memory[0..other]);
        try std.testing.expectEqualSlices(u8, before[other + size ..], memory[other + size ..]);
    };
}

test "no word of an aligned copy or fill is ever torn" {
    const Memory = struct {
        var words: [48]u64 align(64) = undefined;
        var torn = false;
        var stores: usize = 0;
        fn look() void {
            stores += 1;
            for (words) |word| torn = torn or (word != 0 and word != ~@as(u64, 0));
        }
    };
    const ones: [48]u64 = @splat(~@as(u64, 0));
    witness = Memory.look;
    defer witness = null;
    for (0..8) |first| for (1..40) |count| {
        const destination = @intFromPtr(&Memory.words[first]);
        Memory.words = @splat(0);
        Memory.stores = 0;
        copy(destination, @intFromPtr(&ones), count * 8);
        if (count == 1) try std.testing.expectEqual(1, Memory.stores);
        try std.testing.expectEqualSlices(u64, ones[0..count], Memory.words[first..][0..count]);
        Memory.stores = 0;
        fill(destination, 0, count * 8);
        if (count == 1) try std.testing.expectEqual(1, Memory.stores);
        try std.testing.expect(std.mem.allEqual(u64, &Memory.words, 0));
        // From its own middle, downwards and upwards.
        Memory.words = ones;
        @memset(Memory.words[0..first], 0);
        copy(@intFromPtr(&Memory.words), destination, count * 8);
        copy(destination, @intFromPtr(&Memory.words), count * 8);
    };
    try std.testing.expect(!Memory.torn);
}
