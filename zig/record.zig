//! A record: a payload behind a header of its length, its checksum and two words of the caller's. Whether
//! it is whole shows when it is read, so that one fence makes it durable.
//!
//! u32 length | u32 CRC-32C | u32 low | u32 high | payload | zeros to a multiple of 8, all little-endian.
//! The checksum is that of low, high, the length and the payload, in this order, continued from a seed.

const std = @import("std");
const Cache = @import("cache.zig").Cache;
const crc = @import("crc.zig");
const Mode = @import("mode.zig").Mode;
const Range = @import("range.zig").Range;
const system = @import("system.zig");

pub const header_bytes = 16;

/// What goes into the header and the checksum beside the payload.
pub const Words = struct { low: u32, high: u32, seed: u32 };

/// The bytes that a record takes.
pub inline fn frameBytes(byte_length: usize) usize {
    return header_bytes + (byte_length + 7) / 8 * 8;
}

pub fn Record(comptime Machine: type) type {
    return struct {
        const cache = Cache(Machine);
        const Crc = crc.Crc(Machine);

        /// Durable on return. −EINVAL for a misaligned destination and a payload over 2^32 − 1 bytes.
        pub fn write(destination: usize, source: usize, byte_length: usize, words: Words, mode: Mode) i32 {
            if (!valid(destination, byte_length) or !cache.usable(mode)) return system.invalid;
            if (place(destination, source, byte_length, words, mode)) {
                return if (mode.no_drain) 0 else cache.drain(mode);
            }
            const frame: Range = .init(destination, frameBytes(byte_length));
            return if (mode.no_drain) cache.flush(frame, mode) else cache.persist(frame, mode);
        }

        pub inline fn valid(destination: usize, byte_length: usize) bool {
            return destination % 8 == 0 and byte_length <= std.math.maxInt(u32);
        }

        /// Stores it; whether past the caches, so that it is durable at the next fence with no flush.
        /// Words of eight bytes past the caches leave a neighbour in the same line alone, and cost less
        /// than a flush of the line does, at every size.
        pub fn place(destination: usize, source: usize, byte_length: usize, words: Words, mode: Mode) bool {
            const hard = mode.crc32c;
            const second = @as(u64, words.high) << 32 | words.low;
            const state = begin(second, @intCast(byte_length), words.seed, hard);
            if (Machine.streams and mode.wantsStream(byte_length, 0)) {
                stream(destination, source, byte_length, second, state, hard);
                return true;
            }
            store(destination, source, byte_length, second, state, hard);
            return false;
        }

        /// Each word of the source is loaded once, checksummed and stored. Those of the first line wait
        /// for the checksum, so that the line goes out whole.
        fn stream(destination: usize, source: usize, byte_length: usize, second: u64, begun: u32, hard: bool) void {
            const sink: Past = .{ .ahead = destination + header_bytes -% source };
            const line_words = 8 - destination / 8 % 8;
            const first_words = @min(frameBytes(byte_length) / 8, @max(2, line_words));
            const whole = byte_length / 8;
            const with_header = @min(whole, first_words - 2);

            var line: [8]u64 = undefined;
            line[1] = second;
            var state = begun;
            for (0..with_header) |i| {
                const word = crc.load(u64, source + 8 * i);
                line[2 + i] = word;
                state = Crc.add(state, word, hard);
            }
            const from = source + 8 * with_header;
            state = Crc.words(state, from, 8 * (whole - with_header), sink, hard);
            const tail: crc.Tail = .load(source + 8 * whole, byte_length % 8);
            if (tail.byte_length > 0) {
                state = tail.add(Machine, state, hard);
                if (2 + whole < first_words) {
                    line[2 + whole] = tail.word;
                } else {
                    sink.put(Machine, source + 8 * whole, tail.word);
                }
            }
            line[0] = @as(u64, ~state) << 32 | byte_length;
            for (line[0..first_words], 0..) |word, i| {
                Machine.streamWord(destination + 8 * i, word);
            }
        }

        /// The whole words of the payload are copied into place and checksummed there, where nobody else
        /// writes; the bytes after them are loaded once.
        fn store(destination: usize, source: usize, byte_length: usize, second: u64, begun: u32, hard: bool) void {
            const payload = destination + header_bytes;
            const whole = byte_length & ~@as(usize, 7);
            if (whole > 0) Machine.copy(payload, source, whole);
            const tail: crc.Tail = .load(source + whole, byte_length - whole);
            if (tail.byte_length > 0) Machine.putWord(payload + whole, tail.word);
            const state = Crc.bytes(begun, payload, byte_length, hard);
            Machine.putWord(destination, @as(u64, ~state) << 32 | byte_length);
            Machine.putWord(destination + 8, second);
        }

        inline fn begin(second: u64, byte_length: u32, seed: u32, hard: bool) u32 {
            return Crc.add(Crc.add(~seed, second, hard), byte_length, hard);
        }

        /// The payload's length, −1 if the range does not begin with an intact record that it contains,
        /// or −EINVAL if it is misaligned.
        pub fn length(range: Range, seed: u32, mode: Mode) i64 {
            if (range.start % 8 != 0) return system.invalid;
            if (range.len() < header_bytes) return -1;
            const first = crc.load(u64, range.start);
            const second = crc.load(u64, range.start + 8);
            const byte_length: u32 = @truncate(first);
            if (first | second == 0 or frameBytes(byte_length) > range.len()) return -1;
            const state = begin(second, byte_length, seed, mode.crc32c);
            const found = Crc.bytes(state, range.start + header_bytes, byte_length, mode.crc32c);
            return if (~found == first >> 32) byte_length else -1;
        }
    };
}

/// Stores past the caches; `ahead` is how far the destination lies ahead of the source.
const Past = struct {
    ahead: usize,

    pub inline fn put(sink: Past, comptime Machine: type, at: usize, word: u64) void {
        Machine.streamWord(at +% sink.ahead, word);
    }
};

const fixture = @import("fixture.zig");
const recorder = @import("recorder.zig");
const testing = std.testing;
const Method = @import("mode.zig").Method;
const X86 = recorder.Recorder(recorder.x86);
const Arm = recorder.Recorder(recorder.arm);
const Own = @import("machine.zig").Machine;

/// The frame as the format says it, by other means.
fn framed(buffer: []u8, payload: []const u8, words: Words) []u8 {
    const frame = buffer[0..frameBytes(payload.len)];
    @memset(frame, 0);
    std.mem.writeInt(u32, frame[0..4], @intCast(payload.len), .little);
    std.mem.writeInt(u32, frame[8..12], words.low, .little);
    std.mem.writeInt(u32, frame[12..16], words.high, .little);
    @memcpy(frame[16..][0..payload.len], payload);
    var state = ~words.seed;
    for (frame[8..16]) |byte| state = crc.soft(state, byte);
    for (frame[0..4]) |byte| state = crc.soft(state, byte);
    for (payload) |byte| state = crc.soft(state, byte);
    std.mem.writeInt(u32, frame[4..8], ~state, .little);
    return frame;
}

test "every word of a record is durable before it returns, with one fence or one msync, at every place and size" {
    const paged: Mode = .{ .method = .msync, .page_shift = 12 };
    for ([_]Mode{ .{ .method = .clwb }, .{ .method = .clflushopt }, .{ .method = .clflush }, .{ .method = .fence }, paged }) |mode| {
        try everyWord(X86, mode);
    }
    for ([_]Mode{ .{ .method = .cvap }, .{ .method = .cvac }, .{ .method = .fence }, paged }) |mode| {
        try everyWord(Arm, mode);
    }
}

/// Every remainder and every place of the last word, and some that take the checksum through its lanes.
const sizes = list: {
    var each: [300]usize = undefined;
    for (&each, 0..) |*size, i| size.* = if (i < 150) i else 150 + 3 * (i - 150);
    break :list each;
};

fn everyWord(comptime Machine: type, base: Mode) !void {
    const source: fixture.Guarded = .init(65536);
    defer source.deinit();
    source.number();
    var memory: [1280]u8 align(64) = undefined;
    var buffer: [1280]u8 = undefined;
    for (sizes) |size| for (0..8) |word| for (0..3) |choice| for ([_]bool{ false, true }) |no_drain| {
        var mode = base;
        mode.temporal = choice == 1;
        mode.nontemporal = choice == 2;
        mode.no_drain = no_drain;
        mode.crc32c = size % 2 == 0;
        const words: Words = .{ .low = @truncate(size), .high = 0xFFFF_FFFF, .seed = @truncate(word *% 0x9E37_79B9) };
        const payload = source.bytes()[65536 - size ..];
        const wanted = framed(&buffer, payload, words);
        const at = 64 + 8 * word;
        const frame: Range = .init(@intFromPtr(&memory) + at, wanted.len);

        @memset(&memory, 0xEE);
        Machine.observe(@intFromPtr(&memory), memory.len);
        const result = Record(Machine).write(frame.start, @intFromPtr(payload.ptr), size, words, mode);
        try testing.expectEqual(0, result);
        try testing.expectEqualSlices(u8, wanted, memory[at..][0..wanted.len]);
        try testing.expect(std.mem.allEqual(u8, memory[0..at], 0xEE));
        try testing.expect(std.mem.allEqual(u8, memory[at + wanted.len ..], 0xEE));
        try durable(Machine, frame, mode);
        const around: Range = .init(frame.start, wanted.len + 8);
        try testing.expectEqual(@as(i64, @intCast(size)), Record(Machine).length(around, words.seed, mode));
    };
}

fn durable(comptime Machine: type, frame: Range, mode: Mode) !void {
    const msynced = mode.method == .msync;
    const past = Machine.streams and !msynced and !mode.temporal and (mode.nontemporal or mode.method != .fence);
    try testing.expectEqual(if (past) frame.len() else 0, Machine.bytes_streamed);
    try testing.expectEqual(if (past) 0 else frame.len(), Machine.bytes_stored);
    try testing.expectEqual(@as(usize, @intFromBool(msynced)), Machine.counts.msync);
    try testing.expectEqual(@as(usize, @intFromBool(!msynced and !mode.no_drain)), Machine.counts.fence);
    if (past or mode.method == .fence) try testing.expectEqual(0, Machine.counts.flush);
    if (mode.method == .fence and !past) return Machine.expect(frame, .dirty);
    try Machine.expect(frame, if (mode.no_drain and !msynced) .pending else .durable);
}

test "this machine writes and finds the same record, and touches no byte beside it or its source" {
    const from: fixture.Guarded = .init(65536);
    defer from.deinit();
    const to: fixture.Guarded = .init(65536);
    defer to.deinit();
    from.number();
    var buffer: [2048]u8 = undefined;
    var modes: [8]Mode = undefined;
    for (fixture.modes(&modes)) |best| for (sizes) |size| {
        for ([_]usize{ from.start, from.end - size }) |source| {
            const bytes = @as([*]const u8, @ptrFromInt(source))[0..size];
            const words: Words = .{ .low = 1, .high = @truncate(size), .seed = @truncate(size *% 0x85EB_CA6B) };
            const wanted = framed(&buffer, bytes, words);
            for ([_]usize{ to.start, to.end - wanted.len }) |destination| for ([_]bool{ best.crc32c, false }) |hard| {
                var mode = best;
                mode.crc32c = hard;
                const frame: Range = .init(destination, wanted.len);
                @memset(to.bytes()[0..2048], 0xEE);
                @memset(to.bytes()[65536 - 2048 ..], 0xEE);
                try testing.expectEqual(0, Record(Own).write(destination, source, size, words, mode));
                try testing.expectEqualSlices(u8, wanted, @as([*]u8, @ptrFromInt(destination))[0..wanted.len]);
                const start = destination - to.start;
                try testing.expect(std.mem.allEqual(u8, to.bytes()[0..start][start -| 64..], 0xEE));
                const end = start + wanted.len;
                try testing.expect(std.mem.allEqual(u8, to.bytes()[end..@min(end + 64, 65536)], 0xEE));
                try testing.expectEqual(@as(i64, @intCast(size)), Record(Own).length(frame, words.seed, mode));
            };
        }
    };
}

test "no bit of a record can change without its being missed" {
    var memory: [72]u8 align(8) = undefined;
    const payload = "a payload of forty-seven bytes: not whole words";
    const words: Words = .{ .low = 7, .high = 9, .seed = 0x1234_5678 };
    const frame = framed(&memory, payload, words);
    const range: Range = .init(@intFromPtr(frame.ptr), frame.len);
    const mode: Mode = .{ .method = .fence, .crc32c = @import("cpu.zig").detect().crc32c };
    const found = Record(Own).length;
    try testing.expectEqual(@as(i64, payload.len), found(range, words.seed, mode));
    try testing.expectEqual(-1, found(range, words.seed + 1, mode));
    for (0..header_bytes + payload.len) |at| for (0..8) |bit| {
        frame[at] ^= @as(u8, 1) << @intCast(bit);
        try testing.expectEqual(-1, found(range, words.seed, mode));
        frame[at] ^= @as(u8, 1) << @intCast(bit);
    };
    for (1..range.len()) |length| {
        try testing.expectEqual(-1, found(.init(range.start, length), words.seed, mode));
    }
    for (1..8) |off| {
        try testing.expectEqual(system.invalid, found(.init(range.start + off, 24), words.seed, mode));
    }
}

test "sixteen zeros are no record, whatever the seed, and a length of 2^32 − 1 reads nothing" {
    const guarded: fixture.Guarded = .init(65536);
    defer guarded.deinit();
    const last: Range = .init(guarded.end - 16, 16);
    // The seed for which all zeros would check: from a checksum of zero, backwards through twelve of them.
    var state = ~@as(u32, 0);
    for (0..12 * 8) |_| state = if (state >> 31 == 1) (state ^ 0x82F6_3B78) << 1 | 1 else state << 1;
    const seed = ~state;
    try testing.expectEqual(0, emptyChecksum(seed));
    for ([_]u32{ 0, 1, ~@as(u32, 0), seed }) |of| {
        try testing.expectEqual(-1, Record(Own).length(last, of, .{ .method = .fence }));
    }
    @memset(guarded.bytes(), 0xFF);
    try testing.expectEqual(-1, Record(Own).length(last, 0, .{ .method = .fence }));
}

fn emptyChecksum(seed: u32) u32 {
    var state = ~seed;
    for (0..12) |_| state = crc.soft(state, @as(u8, 0));
    return ~state;
}

test "nothing is written that could not be made durable, or found" {
    var memory: [64]u8 align(64) = @splat(0);
    const start = @intFromPtr(&memory);
    const words: Words = .{ .low = 1, .high = 1, .seed = 1 };
    for ([_]Mode{ .{ .method = .cvap }, .{ .method = @enumFromInt(9) }, .{ .method = .msync } }) |mode| {
        X86.observe(start, memory.len);
        try testing.expectEqual(system.invalid, Record(X86).write(start, start, 0, words, mode));
    }
    for (1..8) |off| {
        const mode: Mode = .{ .method = .clwb };
        try testing.expectEqual(system.invalid, Record(X86).write(start + off, start, 0, words, mode));
    }
    const long = @as(usize, 1) << 32;
    try testing.expectEqual(system.invalid, Record(X86).write(start, start, long, words, .{ .method = .clwb }));
    try testing.expect(std.mem.allEqual(u8, &memory, 0));
    X86.observe(start, memory.len);
    X86.msync_result = -5;
    const paged: Mode = .{ .method = .msync, .page_shift = 12 };
    try testing.expectEqual(-5, Record(X86).write(start, start, 0, words, paged));
}
