//! CRC-32C (Castagnoli): the checksum of bytes, continued from that of the bytes before them.
//!
//! A state is the complement of a checksum. Words are loaded once each and handed on, so that what was
//! checksummed and what was copied are the same bytes even if another thread changes the source meanwhile.

const std = @import("std");

/// The polynomial 0x1EDC6F41 with its bits reversed: bit 31 stands for x^0, bit 0 for x^31.
const polynomial = 0x82F6_3B78;

/// Bytes of each of the three pieces that are checksummed side by side.
pub const lane_bytes = 64;

pub fn Crc(comptime Machine: type) type {
    return struct {
        /// Of the processor where `hard`, which it must have, else without it.
        pub inline fn add(state: u32, value: anytype, hard: bool) u32 {
            return if (hard) Machine.crc(state, value) else soft(state, value);
        }

        pub fn bytes(state: u32, source: usize, byte_length: usize, hard: bool) u32 {
            const whole = byte_length & ~@as(usize, 7);
            const before = words(state, source, whole, Nowhere{}, hard);
            if (whole == byte_length) return before;
            return Tail.load(source + whole, byte_length - whole).add(Machine, before, hard);
        }

        /// A multiple of eight bytes. The instruction takes three cycles, and another can start in each: three
        /// pieces at a time, none of which waits for what came before, and the state after them from theirs.
        pub fn words(state: u32, source: usize, byte_length: usize, sink: anytype, hard: bool) u32 {
            var at = source;
            const end = source + byte_length;
            var result = state;
            if (Machine.crc_lanes and hard) while (end - at >= 3 * lane_bytes) {
                var lanes: [3]u32 = @splat(0);
                const lane_end = at + lane_bytes;
                while (at < lane_end) : (at += 8) {
                    inline for (&lanes, 0..) |*lane, i| {
                        lane.* = Machine.crc(lane.*, pass(at + i * lane_bytes, sink));
                    }
                }
                at += 2 * lane_bytes;
                result = Machine.crcJoin(.{ result, lanes[0], lanes[1] }, lane_bytes) ^ lanes[2];
            };
            while (at < end) : (at += 8) result = add(result, pass(at, sink), hard);
            return result;
        }

        inline fn pass(at: usize, sink: anytype) u64 {
            const word = load(u64, at);
            sink.put(Machine, at, word);
            return word;
        }
    };
}

/// The last bytes, fewer than eight, each loaded once.
pub const Tail = struct {
    word: u64,
    byte_length: usize,

    pub fn load(at: usize, byte_length: usize) Tail {
        var word: u64 = 0;
        for (0..byte_length) |i| word |= @as(u64, loadByte(at + i)) << @intCast(8 * i);
        return .{ .word = word, .byte_length = byte_length };
    }

    pub fn add(tail: Tail, comptime Machine: type, state: u32, hard: bool) u32 {
        var result = state;
        var rest = tail.word;
        for (0..tail.byte_length) |_| {
            result = Crc(Machine).add(result, @as(u8, @truncate(rest)), hard);
            rest >>= 8;
        }
        return result;
    }
};

/// Words that are checksummed only.
const Nowhere = struct {
    inline fn put(_: Nowhere, comptime _: type, _: usize, _: u64) void {}
};

inline fn loadByte(at: usize) u8 {
    return load(u8, at);
}

pub inline fn load(comptime T: type, at: usize) T {
    return @as(*align(1) const volatile T, @ptrFromInt(at)).*;
}

/// What four bits leave.
const remainders = table: {
    var entries: [16]u32 = undefined;
    for (&entries, 0..) |*entry, bits| {
        var state: u32 = bits;
        for (0..4) |_| state = timesX(state);
        entry.* = state;
    }
    break :table entries;
};

/// For a processor without the instruction: any x86-64 before 2008, few others.
pub noinline fn soft(state: u32, value: anytype) u32 {
    var result = state;
    var rest: u64 = value;
    for (0..@sizeOf(@TypeOf(value))) |_| {
        result ^= @as(u8, @truncate(rest));
        for (0..2) |_| result = result >> 4 ^ remainders[@as(u4, @truncate(result))];
        rest >>= 8;
    }
    return result;
}

inline fn timesX(state: u32) u32 {
    return state >> 1 ^ (if (state & 1 != 0) @as(u32, polynomial) else 0);
}

/// x^`exponent` modulo the polynomial.
pub fn power(comptime exponent: usize) u32 {
    @setEvalBranchQuota(10 * exponent);
    comptime var state: u32 = 1 << 31;
    comptime for (0..exponent) |_| {
        state = timesX(state);
    };
    return state;
}

const recorder = @import("recorder.zig");
const fixture = @import("fixture.zig");
const Own = @import("machine.zig").Machine;
const cpu = @import("cpu.zig");
const testing = std.testing;

/// Bit by bit, from the definition.
fn reference(state: u32, of: []const u8) u32 {
    var result = state;
    for (of) |byte| for (0..8) |i| {
        result = timesX(result ^ (byte >> @intCast(i) & 1));
    };
    return result;
}

test "known checksums" {
    const hard = cpu.detect().crc32c;
    const cases = [_]struct { []const u8, u32 }{
        .{ "123456789", 0xE306_9283 },
        .{ "", 0 },
        .{ "a", 0xC1D0_4330 },
        // RFC 3720, B.4
        .{ &@as([32]u8, @splat(0)), 0x8A91_36AA },
        .{ &@as([32]u8, @splat(0xFF)), 0x62A8_AB43 },
    };
    for (cases) |case| {
        const start = @intFromPtr(case[0].ptr);
        try testing.expectEqual(case[1], ~Crc(Own).bytes(~@as(u32, 0), start, case[0].len, hard));
        try testing.expectEqual(case[1], ~Crc(Own).bytes(~@as(u32, 0), start, case[0].len, false));
        try testing.expectEqual(case[1], ~reference(~@as(u32, 0), case[0]));
    }
}

test "every length at every misalignment, with and without the instruction, is what the definition gives" {
    const hard = cpu.detect().crc32c;
    const memory: fixture.Guarded = .init(65536);
    defer memory.deinit();
    memory.number();
    const X86 = recorder.Recorder(recorder.x86);
    const Arm = recorder.Recorder(recorder.arm);
    for (0..700) |size| {
        const of = memory.bytes()[65536 - size ..];
        const start = @intFromPtr(of.ptr);
        const seed: u32 = @truncate(size *% 0x9E37_79B9);
        const wanted = reference(seed, of);
        try testing.expectEqual(wanted, Crc(Own).bytes(seed, start, size, hard));
        try testing.expectEqual(wanted, Crc(Own).bytes(seed, start, size, false));
        try testing.expectEqual(wanted, Crc(X86).bytes(seed, start, size, true));
        try testing.expectEqual(wanted, Crc(Arm).bytes(seed, start, size, true));
        const front = memory.bytes()[0..size];
        const begun = Crc(Own).bytes(seed, memory.start, size / 3, hard);
        const rest = Crc(Own).bytes(begun, memory.start + size / 3, size - size / 3, hard);
        try testing.expectEqual(reference(seed, front), rest);
    }
    try testing.expectEqual(reference(1, memory.bytes()), Crc(Own).bytes(1, memory.start, 65536, hard));
}

test "every instruction, against the definition" {
    const hard = cpu.detect().crc32c;
    inline for (.{ u8, u16, u32, u64 }) |T| for (0..1000) |i| {
        const value: T = @truncate(i *% 0x9E37_79B9_7F4A_7C15);
        const state: u32 = @truncate(i *% 0x85EB_CA6B);
        const wanted = reference(state, std.mem.asBytes(&value));
        try testing.expectEqual(wanted, soft(state, value));
        if (hard) try testing.expectEqual(wanted, Own.crc(state, value));
    };
}
