//! The journalled commit: writes are durable in a record first, and then stored in their places, from where
//! the next commit flushes them.
//!
//! A list of writes is a sequence of entries: u64 where (48 bits) and how many bytes (16 bits, at least
//! one), those bytes, zeros to a multiple of 8. Nothing of it is believed that would lead out of the file.

const std = @import("std");
const Cache = @import("cache.zig").Cache;
const load = @import("crc.zig").load;
const Mode = @import("mode.zig").Mode;
const range = @import("range.zig");
const Range = range.Range;
const recording = @import("record.zig");
const Words = recording.Words;
const system = @import("system.zig");

/// Writes to a region.
pub const List = struct {
    start: usize,
    end: usize,

    /// Null unless both are whole numbers, and an empty list alone has no address.
    pub noinline fn from(address: f64, byte_length: f64) ?List {
        const start = range.whole(address) orelse return null;
        const length = range.whole(byte_length) orelse return null;
        if ((start == 0 and length > 0) or start + length > range.limit) return null;
        return .{ .start = start, .end = start + length };
    }

    /// Every entry is whole, and inside the region.
    fn inside(list: List, region: Range) bool {
        var entries: Entries = .{ .list = list, .region = region };
        while (entries.list.start < list.end) _ = entries.next() orelse return false;
        return true;
    }
};

const Entry = struct { place: Range, source: usize };

const Entries = struct {
    list: List,
    region: Range,

    /// Null at the end, or at an entry that is not inside the region: each is judged by what was loaded
    /// of it this time, in case another thread changes the list.
    fn next(entries: *Entries) ?Entry {
        const at = entries.list.start;
        const left = entries.list.end - at;
        if (left < 8) return null;
        const header = load(u64, at);
        const byte_offset = header & (1 << 48) - 1;
        const byte_length = header >> 48;
        const entry_bytes = 8 + (byte_length + 7) / 8 * 8;
        if (byte_length == 0 or entry_bytes > left) return null;
        if (byte_offset + byte_length > entries.region.len()) return null;
        entries.list.start += entry_bytes;
        return .{ .place = .init(entries.region.start + byte_offset, byte_length), .source = at + 8 };
    }
};

pub fn Commit(comptime Machine: type) type {
    return struct {
        const cache = Cache(Machine);
        const record = recording.Record(Machine);

        /// −EINVAL before anything is written if the record or an entry is not inside the region.
        pub fn commit(region: Range, byte_offset: u64, batch: List, previous: List, words: Words, mode: Mode) i32 {
            const byte_length = batch.end - batch.start;
            const destination = region.start + byte_offset;
            if (!record.valid(destination, byte_length) or !cache.usable(mode)) return system.invalid;
            if (byte_offset + recording.frameBytes(byte_length) > region.len()) return system.invalid;
            if (!batch.inside(region) or !previous.inside(region)) return system.invalid;

            const frame: Range = .init(destination, recording.frameBytes(byte_length));
            var before: Entries = .{ .list = previous, .region = region };
            if (mode.method == .msync) {
                _ = record.place(destination, batch.start, byte_length, words, mode);
                const result = cache.persist(hull(frame, &before), mode);
                if (result != 0) return result;
            } else {
                flush(&before, mode);
                if (!record.place(destination, batch.start, byte_length, words, mode)) {
                    const flushed = cache.flush(frame, mode);
                    std.debug.assert(flushed == 0);
                }
                const drained = cache.drain(mode);
                std.debug.assert(drained == 0);
            }
            var entries: Entries = .{ .list = batch, .region = region };
            while (entries.next()) |entry| Machine.copy(entry.place.start, entry.source, entry.place.len());
            return 0;
        }

        /// From the first to the last byte: one msync writes only what is dirty in between.
        fn hull(frame: Range, before: *Entries) Range {
            var whole = frame;
            while (before.next()) |entry| {
                whole.start = @min(whole.start, entry.place.start);
                whole.end = @max(whole.end, entry.place.end);
            }
            return whole;
        }

        /// Entries that follow each other often lie in one line, which is flushed once.
        fn flush(before: *Entries, mode: Mode) void {
            const line_bytes = Machine.lineBytes();
            var flushed: Range = .{ .start = 0, .end = 0 };
            while (before.next()) |entry| {
                var place = entry.place;
                if (place.start >= flushed.start and place.start < flushed.end) {
                    if (place.end <= flushed.end) continue;
                    place.start = flushed.end;
                }
                flushed = place.outward(line_bytes);
                const result = cache.flush(place, mode);
                std.debug.assert(result == 0);
            }
        }
    };
}

const fixture = @import("fixture.zig");
const recorder = @import("recorder.zig");
const testing = std.testing;
const X86 = recorder.Recorder(recorder.x86);
const Arm = recorder.Recorder(recorder.arm);
const known: Words = .{ .low = 1, .high = 2, .seed = 3 };
const paged: Mode = .{ .method = .msync, .page_shift = 12 };

const Write = struct { u48, []const u8 };

/// Encodes writes as the format says.
fn encoded(buffer: []align(8) u8, writes: []const Write) List {
    var at: usize = 0;
    for (writes) |write| {
        std.mem.writeInt(u48, buffer[at..][0..6], write[0], .little);
        std.mem.writeInt(u16, buffer[at + 6 ..][0..2], @intCast(write[1].len), .little);
        const padded = (write[1].len + 7) / 8 * 8;
        @memset(buffer[at + 8 ..][0..padded], 0);
        @memcpy(buffer[at + 8 ..][0..write[1].len], write[1]);
        at += 8 + padded;
    }
    return .{ .start = @intFromPtr(buffer.ptr), .end = @intFromPtr(buffer.ptr) + at };
}

const nothing: List = .{ .start = 0, .end = 0 };

test "the record and the writes before are durable at the one fence, the own writes are stored after it" {
    for ([_]Mode{ .{ .method = .clwb }, .{ .method = .clflushopt }, .{ .method = .clflush }, .{ .method = .fence }, paged }) |mode| {
        try inOrder(X86, mode);
    }
    for ([_]Mode{ .{ .method = .cvap }, .{ .method = .cvac }, .{ .method = .fence }, paged }) |mode| {
        try inOrder(Arm, mode);
    }
}

fn inOrder(comptime Machine: type, mode: Mode) !void {
    var memory: [2048]u8 align(4096) = undefined;
    var first: [512]u8 align(8) = undefined;
    var second: [512]u8 align(8) = undefined;
    const region: Range = .init(@intFromPtr(&memory), memory.len);
    for (0..64) |misalignment| for ([_]usize{ 1, 7, 8, 9, 63, 64, 65, 130, 300 }) |size| {
        @memset(&memory, 0xEE);
        const source: [300]u8 = @splat(@truncate(size));
        const before_at: u48 = @intCast(700 + misalignment);
        const own_at: u48 = @intCast(1200 + 7 * misalignment);
        const before = encoded(&first, &.{ .{ before_at, source[0..size] }, .{ 1999, "z" } });
        const own = encoded(&second, &.{.{ own_at, source[0..size] }});
        Machine.observe(region.start, memory.len);
        Machine.copy(region.start + before_at, @intFromPtr(&source), size);
        Machine.copy(region.start + 1999, @intFromPtr("z"), 1);
        const offset = 8 * (misalignment % 8);
        try testing.expectEqual(0, Commit(Machine).commit(region, offset, own, before, known, mode));

        const frame_bytes = recording.frameBytes(own.end - own.start);
        const frame: Range = .init(region.start + offset, frame_bytes);
        const eadr = mode.method == .fence;
        try Machine.expectEach(&.{
            .{ frame, if (eadr) .dirty else .durable },
            .{ .init(region.start + before_at, size), if (eadr) .dirty else .durable },
            .{ .init(region.start + 1999, 1), if (eadr) .dirty else .durable },
            .{ .init(region.start + own_at, size), .dirty },
        });
        const msynced = mode.method == .msync;
        try testing.expectEqual(@as(usize, @intFromBool(msynced)), Machine.counts.msync);
        try testing.expectEqual(@as(usize, @intFromBool(!msynced)), Machine.counts.fence);
        const length = recording.Record(Machine).length(frame, known.seed, mode);
        try testing.expectEqual(@as(i64, @intCast(own.end - own.start)), length);
        try testing.expectEqualSlices(u8, source[0..size], memory[own_at..][0..size]);
        try testing.expectEqual(0xEE, memory[own_at - 1]);
        try testing.expectEqual(0xEE, memory[own_at + size]);
    };
}

test "lines that follow each other in the list are flushed once, and none is left out" {
    var memory: [1024]u8 align(64) = @splat(0);
    var buffer: [512]u8 align(8) = undefined;
    const region: Range = .init(@intFromPtr(&memory), memory.len);
    const Case = struct { []const Write, []const usize };
    for ([_]Case{
        .{ &.{ .{ 512, "a" }, .{ 520, "b" }, .{ 512, "c" } }, &.{512} },
        .{ &.{ .{ 570, "12345678" }, .{ 576, "b" }, .{ 570, "c" } }, &.{ 512, 576 } },
        .{ &.{ .{ 512, "a" }, .{ 570, "12345678" } }, &.{ 512, 576 } },
        .{ &.{ .{ 576, "a" }, .{ 570, "12345678" } }, &.{ 576, 512, 576 } },
        .{ &.{ .{ 512, "a" }, .{ 640, "b" }, .{ 513, "c" } }, &.{ 512, 640, 512 } },
    }) |case| {
        X86.observe(region.start, memory.len);
        const mode: Mode = .{ .method = .clwb };
        const before = encoded(&buffer, case[0]);
        try testing.expectEqual(0, Commit(X86).commit(region, 0, nothing, before, known, mode));
        try testing.expectEqual(case[1].len, X86.counts.flush);
        for (case[1], X86.lines[0..case[1].len]) |wanted, line| {
            try testing.expectEqual(region.start + wanted, line);
        }
    }
}

test "one msync from the first to the last byte; after its failure nothing is stored in place" {
    const pages = [_]u8{0} ** (3 * 4096);
    var memory align(4096) = pages;
    var first: [64]u8 align(8) = undefined;
    var second: [64]u8 align(8) = undefined;
    const region: Range = .init(@intFromPtr(&memory), memory.len);
    const before = encoded(&first, &.{.{ 2 * 4096 - 1, "ab" }});
    const own = encoded(&second, &.{.{ 100, "own" }});
    X86.observe(region.start, 2048);
    try testing.expectEqual(0, Commit(X86).commit(region, 0, own, before, known, paged));
    try testing.expectEqual(1, X86.counts.msync);
    try testing.expectEqual(region, X86.msync_range);
    try testing.expectEqualSlices(u8, "own", memory[100..103]);
    @memset(memory[100..103], 0);
    X86.observe(region.start, 2048);
    X86.msync_result = -5;
    try testing.expectEqual(-5, Commit(X86).commit(region, 0, own, before, known, paged));
    try testing.expectEqualSlices(u8, &.{ 0, 0, 0 }, memory[100..103]);
}

test "what is not inside the region, or no list, is refused before anything is written" {
    var memory: [1024]u8 align(64) = @splat(0);
    var buffer: [512]u8 align(8) = undefined;
    var good_buffer: [64]u8 align(8) = undefined;
    const region: Range = .init(@intFromPtr(&memory), 1000);
    const good = encoded(&good_buffer, &.{.{ 500, "good" }});
    const Case = struct { offset: u64 = 0, writes: []const Write, cut: usize = 0 };
    for ([_]Case{
        .{ .writes = &.{.{ 997, "four" }} },
        .{ .writes = &.{.{ 1000, "x" }} },
        .{ .writes = &.{.{ 0xFFFF_FFFF_FFFF, "x" }} },
        .{ .writes = &.{ .{ 500, "fine" }, .{ 1 << 47, "x" } } },
        .{ .writes = &.{.{ 500, "" }} },
        .{ .writes = &.{.{ 500, "cut off" }}, .cut = 8 },
        .{ .writes = &.{.{ 500, "cut off" }}, .cut = 1 },
        .{ .writes = &.{ .{ 500, "fine" }, .{ 600, "cut off" } }, .cut = 15 },
        .{ .offset = 4, .writes = &.{} },
        .{ .offset = 992, .writes = &.{} },
        .{ .offset = 976, .writes = &.{.{ 500, "x" }} },
        .{ .offset = 1 << 53, .writes = &.{} },
    }) |case| for ([_]bool{ false, true }) |is_previous| for ([_]Mode{ .{ .method = .clwb }, .{ .method = .fence }, paged }) |mode| {
        if (is_previous and case.offset > 0) continue;
        X86.observe(region.start, memory.len);
        var list = encoded(&buffer, case.writes);
        list.end -= case.cut;
        const result = if (is_previous)
            Commit(X86).commit(region, case.offset, good, list, known, mode)
        else
            Commit(X86).commit(region, case.offset, list, good, known, mode);
        try testing.expectEqual(system.invalid, result);
        try testing.expectEqual(recorder.Counts{}, X86.counts);
        try testing.expect(std.mem.allEqual(u8, &memory, 0));
    };
    try testing.expectEqual(system.invalid, Commit(X86).commit(region, 0, good, good, known, .{ .method = .cvap }));
    try testing.expectEqual(system.invalid, Commit(X86).commit(region, 0, good, good, known, .{ .method = .msync }));
    try testing.expect(std.mem.allEqual(u8, &memory, 0));
}

test "of writes that overlap the later one wins, and an empty batch is a record of nothing" {
    var memory: [1024]u8 align(64) = @splat(0);
    var buffer: [512]u8 align(8) = undefined;
    const region: Range = .init(@intFromPtr(&memory), memory.len);
    const Own = @import("machine.zig").Machine;
    const mode = @import("cpu.zig").detect();
    const batch = encoded(&buffer, &.{ .{ 500, "abcdef" }, .{ 502, "CD" }, .{ 1020, "last" } });
    try testing.expectEqual(0, Commit(Own).commit(region, 64, batch, nothing, known, mode));
    try testing.expectEqualSlices(u8, "abCDef", memory[500..506]);
    try testing.expectEqualSlices(u8, "last", memory[1020..]);
    try testing.expectEqual(0, Commit(Own).commit(region, 64, nothing, batch, known, mode));
    try testing.expectEqual(0, recording.Record(Own).length(.init(region.start + 64, 16), known.seed, mode));
}

test "List.from takes whole numbers, and no address for nothing only" {
    try testing.expectEqual(List{ .start = 0, .end = 0 }, List.from(0, 0));
    try testing.expectEqual(List{ .start = 8, .end = 24 }, List.from(8, 16));
    try testing.expectEqual(null, List.from(0, 8));
    try testing.expectEqual(null, List.from(0x1p53, 8));
    try testing.expectEqual(null, List.from(8, 0x1p53));
    try testing.expectEqual(null, List.from(std.math.nan(f64), 8));
    try testing.expectEqual(null, List.from(8, -8));
    try testing.expectEqual(null, List.from(8.5, 8));
}
