//! Copy and fill, durable on return: which stores to use, and that every byte is flushed or streamed
//! before the fence.

const std = @import("std");
const assert = std.debug.assert;
const Cache = @import("cache.zig").Cache;
const Mode = @import("mode.zig").Mode;
const Range = @import("range.zig").Range;
const Width = @import("machine.zig").Width;
const system = @import("system.zig");

/// From this size on, non-temporal stores for the whole lines in it; below it, and where there is no whole
/// line, ordinary stores and a flush. A non-temporal store saves the fetch of a line and its flush: 64 bytes
/// cost 120 ns against 180 (AMD EPYC, DRAM), and PMDK's 256 (PMEM_MOVNT_THRESHOLD) gives that away. The
/// price is that the lines are in no cache afterwards.
const nontemporal_bytes_min = 64;

/// Non-temporal stores write whole lines of this size; a partial one would cost the memory a read first.
const line_bytes = 64;

pub fn Copy(comptime Machine: type) type {
    return struct {
        const cache = Cache(Machine);

        /// The ranges may overlap. A destination and a length that are multiples of eight are written in
        /// whole 8-byte words, none of which a power cut can tear; a length of eight in a single store.
        pub fn copy(destination: Range, source: Range, mode: Mode) i32 {
            assert(destination.len() == source.len());
            // A body that goes past the cache is written upwards and between its ends: only ranges apart
            // allow that.
            const apart = destination.end <= source.start or source.end <= destination.start;
            return write(destination, Bytes{ .start = source.start }, mode, apart);
        }

        pub fn fill(destination: Range, value: u8, mode: Mode) i32 {
            const line: [line_bytes]u8 align(line_bytes) = @splat(value);
            return write(destination, Value{ .line = @intFromPtr(&line), .value = value }, mode, true);
        }

        fn write(destination: Range, source: anytype, mode: Mode, may_stream: bool) i32 {
            if (!cache.usable(mode)) return system.invalid;

            const size = destination.len();
            if (Machine.streams and may_stream and mode.wantsStream(size, nontemporal_bytes_min)) {
                if (destination.inward(line_bytes)) |body| {
                    return stream(destination, body, source, mode);
                }
            }
            source.store(Machine, destination, 0);
            return if (mode.no_drain) cache.flush(destination, mode) else cache.persist(destination, mode);
        }

        /// The lines that the range fills go past the cache; those that it only touches, at either end,
        /// through it.
        fn stream(destination: Range, body: Range, source: anytype, mode: Mode) i32 {
            if (destination.start < body.start) {
                edge(.{ .start = destination.start, .end = body.start }, source, 0, mode);
            }
            const at = body.start - destination.start;
            if (mode.avx512) {
                source.stream(Machine, .avx512, body, at);
            } else if (mode.avx) {
                source.stream(Machine, .avx, body, at);
            } else {
                source.stream(Machine, .sse2, body, at);
            }
            if (body.end < destination.end) {
                const past = body.end - destination.start;
                edge(.{ .start = body.end, .end = destination.end }, source, past, mode);
            }
            // Non-temporal stores wait in buffers of their own: without this fence they are not even
            // ordered.
            return if (mode.no_drain) 0 else cache.drain(mode);
        }

        noinline fn edge(part: Range, source: anytype, at: usize, mode: Mode) void {
            assert(part.len() < line_bytes);
            source.store(Machine, part, at);
            const flushed = cache.flush(part, mode);
            assert(flushed == 0);
        }
    };
}

/// What a copy writes.
const Bytes = struct {
    start: usize,

    inline fn store(bytes: Bytes, comptime Machine: type, part: Range, at: usize) void {
        Machine.copy(part.start, bytes.start + at, part.len());
    }

    inline fn stream(bytes: Bytes, comptime Machine: type, comptime width: Width, body: Range, at: usize) void {
        Machine.streamLines(width, body, bytes.start + at, line_bytes);
    }
};

/// What a fill writes.
const Value = struct {
    value: u8,
    /// The address of one line full of it.
    line: usize,

    inline fn store(value: Value, comptime Machine: type, part: Range, _: usize) void {
        Machine.fill(part.start, value.value, part.len());
    }

    inline fn stream(value: Value, comptime Machine: type, comptime width: Width, body: Range, _: usize) void {
        Machine.streamLines(width, body, value.line, 0);
    }
};

const fixture = @import("fixture.zig");
const recorder = @import("recorder.zig");
const testing = std.testing;
const X86 = recorder.Recorder(recorder.x86);
const Arm = recorder.Recorder(recorder.arm);

/// Every method with every choice of stores.
fn recordedModes(methods: []const @import("mode.zig").Method, buffer: *[64]Mode) []Mode {
    var count: usize = 0;
    for (methods) |method| for (0..3) |choice| for (0..3) |width| {
        buffer[count] = .{
            .method = method,
            .temporal = choice == 1,
            .nontemporal = choice == 2,
            .avx = width >= 1,
            .avx512 = width == 2,
            .page_shift = 12,
        };
        count += 1;
    };
    return buffer[0..count];
}

test "every byte of a copy or fill is durable before it returns, at every misalignment" {
    var buffer: [64]Mode = undefined;
    for (recordedModes(&.{ .clwb, .clflushopt, .clflush, .fence, .msync }, &buffer)) |mode| {
        try everyByte(X86, mode);
    }
    for (recordedModes(&.{ .cvap, .cvac, .fence, .msync }, &buffer)) |mode| {
        try everyByte(Arm, mode);
    }
}

fn everyByte(comptime Machine: type, mode: Mode) !void {
    var source: [1024]u8 = undefined;
    var memory: [1024]u8 align(64) = undefined;
    for (&source, 0..) |*byte, i| byte.* = @truncate(i *% 167 +% (i >> 8));
    for (fixture.sizes) |size| for (0..64) |misalignment| for ([_]bool{ false, true }) |no_drain| {
        const destination: Range = .init(@intFromPtr(&memory) + 64 + misalignment, size);
        var asked = mode;
        asked.no_drain = no_drain;

        Machine.observe(@intFromPtr(&memory), memory.len);
        const skew = misalignment * 7 % 64;
        const from: Range = .init(@intFromPtr(&source) + skew, size);
        try testing.expectEqual(0, Copy(Machine).copy(destination, from, asked));
        try testing.expectEqualSlices(u8, source[skew..][0..size], memory[64 + misalignment ..][0..size]);
        try written(Machine, destination, asked);

        Machine.observe(@intFromPtr(&memory), memory.len);
        try testing.expectEqual(0, Copy(Machine).fill(destination, 9, asked));
        try testing.expect(std.mem.allEqual(u8, memory[64 + misalignment ..][0..size], 9));
        try written(Machine, destination, asked);
    };
}

fn written(comptime Machine: type, destination: Range, mode: Mode) !void {
    const size = destination.len();
    try testing.expectEqual(size, Machine.bytes_stored + Machine.bytes_streamed);
    const msynced = mode.method == .msync;
    const fenced = !msynced and !mode.no_drain;
    try testing.expectEqual(@as(usize, @intFromBool(msynced)), Machine.counts.msync);
    try testing.expectEqual(@as(usize, @intFromBool(fenced)), Machine.counts.fence);
    if (mode.method != .fence) {
        try Machine.expect(destination, if (mode.no_drain and mode.method != .msync) .pending else .durable);
    } else {
        try testing.expectEqual(0, Machine.counts.flush);
    }
    if (Machine.bytes_streamed > 0) {
        const widest: Width = if (mode.avx512) .avx512 else if (mode.avx) .avx else .sse2;
        try testing.expectEqual(widest, Machine.width_used);
        // One line at either end at most goes through the cache, and only those are flushed.
        try testing.expect(Machine.bytes_stored < 2 * line_bytes);
        try testing.expect(Machine.counts.flush <= 2);
    }
}

test "63 bytes go by ordinary stores, the whole lines of 64 by non-temporal ones, unless asked otherwise" {
    const Case = struct { mode: Mode, size: usize, streamed: usize };
    for ([_]Case{
        .{ .mode = .{ .method = .clwb }, .size = 63, .streamed = 0 },
        .{ .mode = .{ .method = .clwb }, .size = 64, .streamed = 64 },
        .{ .mode = .{ .method = .clwb }, .size = 255, .streamed = 192 },
        .{ .mode = .{ .method = .clwb, .nontemporal = true }, .size = 255, .streamed = 192 },
        .{ .mode = .{ .method = .clwb, .nontemporal = true }, .size = 63, .streamed = 0 },
        .{ .mode = .{ .method = .clwb, .temporal = true }, .size = 768, .streamed = 0 },
        .{ .mode = .{ .method = .fence }, .size = 768, .streamed = 0 },
        .{ .mode = .{ .method = .fence, .nontemporal = true }, .size = 768, .streamed = 768 },
        .{ .mode = .{ .method = .msync, .page_shift = 12, .nontemporal = true }, .size = 768, .streamed = 0 },
    }) |case| {
        var source: [1024]u8 = @splat(1);
        var memory: [1024]u8 align(64) = undefined;
        const destination: Range = .init(@intFromPtr(&memory), case.size);
        X86.observe(@intFromPtr(&memory), memory.len);
        const from: Range = .init(@intFromPtr(&source), case.size);
        try testing.expectEqual(0, Copy(X86).copy(destination, from, case.mode));
        try testing.expectEqual(case.streamed, X86.bytes_streamed);
        try testing.expectEqual(case.size - case.streamed, X86.bytes_stored);
        X86.observe(@intFromPtr(&memory), memory.len);
        try testing.expectEqual(0, Copy(X86).fill(destination, 1, case.mode));
        try testing.expectEqual(case.streamed, X86.bytes_streamed);
    }
}

test "ranges that overlap never go past the cache" {
    var memory: [2048]u8 align(64) = @splat(1);
    const mode: Mode = .{ .method = .clwb, .nontemporal = true };
    const start = @intFromPtr(&memory);
    for ([_]struct { usize, usize, bool }{
        .{ 512, 512, false },
        .{ 512, 513, false },
        .{ 512, 1023, false },
        .{ 512, 1024, true },
        .{ 1023, 512, false },
        .{ 1024, 512, true },
    }) |case| {
        X86.observe(start, memory.len);
        const to: Range = .init(start + case[0], 512);
        try testing.expectEqual(0, Copy(X86).copy(to, .init(start + case[1], 512), mode));
        try testing.expectEqual(case[2], X86.bytes_streamed > 0);
    }
}

test "nothing is written that could not be made durable" {
    var source: [64]u8 = @splat(1);
    var memory: [64]u8 = @splat(0);
    const to: Range = .init(@intFromPtr(&memory), memory.len);
    const from: Range = .init(@intFromPtr(&source), source.len);
    for ([_]Mode{ .{ .method = .cvap }, .{ .method = @enumFromInt(9) }, .{ .method = .msync } }) |mode| {
        X86.observe(to.start, memory.len);
        try testing.expectEqual(system.invalid, Copy(X86).copy(to, from, mode));
        try testing.expectEqual(system.invalid, Copy(X86).fill(to, 1, mode));
        try testing.expect(std.mem.allEqual(u8, &memory, 0));
    }
    X86.observe(to.start, memory.len);
    X86.msync_result = -5;
    try testing.expectEqual(-5, Copy(X86).copy(to, from, .{ .method = .msync, .page_shift = 12 }));
}
