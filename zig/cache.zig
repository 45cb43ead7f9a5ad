//! Write-back: flush, fence, msync and the durable 8-byte store, over any machine.

const std = @import("std");
const Method = @import("mode.zig").Method;
const Mode = @import("mode.zig").Mode;
const Range = @import("range.zig").Range;
const system = @import("system.zig");

pub fn Cache(comptime Machine: type) type {
    return struct {
        /// Starts the write-back of every line that the range touches, then waits for it. msync does both
        /// at once.
        pub inline fn persist(range: Range, mode: Mode) i32 {
            return writeBack(range, mode, true);
        }

        /// Starts the write-back only; with msync, which cannot be split, does all of it.
        pub inline fn flush(range: Range, mode: Mode) i32 {
            return writeBack(range, mode, false);
        }

        /// Waits for what was flushed or streamed before. With msync nothing is left to wait for.
        pub inline fn drain(mode: Mode) i32 {
            if (mode.method == .msync) return 0;
            if (!known(mode.method)) return system.invalid;
            Machine.fence();
            return 0;
        }

        /// Stores eight bytes at once, durable on return. A non-temporal store of a word and its fence
        /// cost 107 ns where a store, CLWB and fence cost 174 (AMD EPYC): the line need not be fetched,
        /// nor written back.
        pub inline fn store64(address: usize, value: u64, mode: Mode) i32 {
            if (address % 8 != 0) return system.invalid;
            if (!Machine.streams or !lines(mode.method)) {
                if (!known(mode.method)) return system.invalid;
                Machine.storeWord(address, value);
                return persist(.init(address, 8), mode);
            }
            Machine.streamWord(address, value);
            Machine.fence();
            return 0;
        }

        /// Whether the method writes back line by line.
        inline fn lines(method: Method) bool {
            inline for (Machine.methods) |own| if (method == own) return true;
            return false;
        }

        /// Whether this machine has the method at all.
        inline fn known(method: Method) bool {
            return lines(method) or method == .fence or method == .msync;
        }

        /// Whether what is written can be made durable by this mode: to be asked before anything is.
        pub inline fn usable(mode: Mode) bool {
            return known(mode.method) and (mode.method != .msync or mode.pageBytes() != null);
        }

        /// The best method, which is the likeliest, stands here alone and in line: eight bytes cost some
        /// thirty instructions of checks beside the flush and the fence. Together with the others it
        /// would share a jump through a table.
        inline fn writeBack(range: Range, mode: Mode, comptime fenced: bool) i32 {
            if (mode.method != Machine.methods[0]) {
                @branchHint(.unlikely);
                return writeBackOtherwise(range.start, range.end, mode, fenced);
            }
            flushLines(Machine.methods[0], range);
            if (fenced) Machine.fence();
            return 0;
        }

        noinline fn writeBackOtherwise(start: usize, end: usize, mode: Mode, fenced: bool) i32 {
            const range: Range = .{ .start = start, .end = end };
            if (mode.method == .msync) {
                return Machine.msync(range, mode.pageBytes() orelse return system.invalid);
            }
            if (!known(mode.method)) return system.invalid;
            inline for (Machine.methods[1..]) |method| {
                if (mode.method == method) flushLines(method, range);
            }
            if (fenced) Machine.fence();
            return 0;
        }

        inline fn flushLines(comptime method: Method, range: Range) void {
            const line_bytes = Machine.lineBytes();
            var line = range.start & ~(line_bytes - 1);
            while (true) {
                Machine.flushLine(method, line);
                line += line_bytes;
                if (line >= range.end) break;
            }
        }
    };
}

const recorder = @import("recorder.zig");
const X86 = recorder.Recorder(recorder.x86);
const Arm = recorder.Recorder(recorder.arm);
const all_x86 = [_]Method{ .clwb, .clflushopt, .clflush };
const all_arm = [_]Method{ .cvap, .cvac };
const base = 0x10_0000;

test "calls per persist: page (1,0,0), cache line (0,lines,1), byte (0,0,1)" {
    const range: Range = .init(base + 60, 200);
    X86.observe(base, 1024);
    try std.testing.expectEqual(0, Cache(X86).persist(range, .{ .method = .msync, .page_shift = 12 }));
    try std.testing.expectEqual(recorder.Counts{ .msync = 1 }, X86.counts);
    for (all_x86) |method| {
        X86.observe(base, 1024);
        try std.testing.expectEqual(0, Cache(X86).persist(range, .{ .method = method }));
        try std.testing.expectEqual(recorder.Counts{ .flush = 5, .fence = 1 }, X86.counts);
        try std.testing.expectEqual(method, X86.method_used);
    }
    for (all_arm) |method| {
        Arm.observe(base, 1024);
        try std.testing.expectEqual(0, Cache(Arm).persist(range, .{ .method = method }));
        try std.testing.expectEqual(recorder.Counts{ .flush = 8, .fence = 1 }, Arm.counts);
        try std.testing.expectEqual(method, Arm.method_used);
    }
    X86.observe(base, 1024);
    try std.testing.expectEqual(0, Cache(X86).persist(range, .{ .method = .fence }));
    try std.testing.expectEqual(recorder.Counts{ .fence = 1 }, X86.counts);
}

test "calls per flush and drain" {
    const range: Range = .init(base, 65);
    const paged: Mode = .{ .method = .msync, .page_shift = 12 };
    const Calls = struct { Mode, recorder.Counts, recorder.Counts };
    for ([_]Calls{
        .{ paged, .{ .msync = 1 }, .{ .msync = 1 } },
        .{ .{ .method = .clwb }, .{ .flush = 2 }, .{ .flush = 2, .fence = 1 } },
        .{ .{ .method = .clflush }, .{ .flush = 2 }, .{ .flush = 2, .fence = 1 } },
        .{ .{ .method = .fence }, .{}, .{ .fence = 1 } },
    }) |calls| {
        X86.observe(base, 1024);
        try std.testing.expectEqual(0, Cache(X86).flush(range, calls[0]));
        try std.testing.expectEqual(calls[1], X86.counts);
        try std.testing.expectEqual(0, Cache(X86).drain(calls[0]));
        try std.testing.expectEqual(calls[2], X86.counts);
    }
}

test "persist flushes the lines that a range touches, each once, at every misalignment" {
    try everyLine(X86, recorder.x86, .clwb);
    try everyLine(X86, recorder.x86, .clflushopt);
    try everyLine(Arm, recorder.arm, .cvap);
    try everyLine(Arm, recorder.arm, .cvac);
}

fn everyLine(comptime Machine: type, comptime options: recorder.Options, method: Method) !void {
    for (0..64) |misalignment| for (@import("fixture.zig").sizes) |size| {
        const range: Range = .init(base + misalignment, size);
        Machine.observe(base, 1024);
        try std.testing.expectEqual(0, Cache(Machine).persist(range, .{ .method = method }));
        const touched = range.outward(options.line_bytes);
        try std.testing.expectEqual(touched.len() / options.line_bytes, Machine.counts.flush);
        for (Machine.lines[0..Machine.counts.flush], 0..) |line, i| {
            try std.testing.expectEqual(touched.start + i * options.line_bytes, line);
        }
    };
}

test "msync takes whole pages, and its failure comes back" {
    X86.observe(base, 1024);
    const mode: Mode = .{ .method = .msync, .page_shift = 16 };
    try std.testing.expectEqual(0, Cache(X86).persist(.init(base + 65535, 2), mode));
    try std.testing.expectEqual(Range{ .start = base, .end = base + 2 * 65536 }, X86.msync_range);
    X86.msync_result = -5;
    try std.testing.expectEqual(-5, Cache(X86).persist(.init(base, 1), mode));
    try std.testing.expectEqual(-5, Cache(X86).flush(.init(base, 1), mode));
    try std.testing.expectEqual(0, Cache(X86).drain(mode));
}

test "a method that this machine lacks, and a page size that none has, are refused" {
    const range: Range = .init(base, 8);
    for (0..16) |number| {
        const method: Method = @enumFromInt(number);
        const mode: Mode = .{ .method = method };
        X86.observe(base, 1024);
        Arm.observe(base, 1024);
        const x86_has = method == .fence or std.mem.findScalar(Method, &all_x86, method) != null;
        const arm_has = method == .fence or std.mem.findScalar(Method, &all_arm, method) != null;
        try std.testing.expectEqual(if (x86_has) 0 else system.invalid, Cache(X86).persist(range, mode));
        try std.testing.expectEqual(if (x86_has) 0 else system.invalid, Cache(X86).flush(range, mode));
        try std.testing.expectEqual(if (arm_has) 0 else system.invalid, Cache(Arm).persist(range, mode));
        const drains = x86_has or method == .msync;
        try std.testing.expectEqual(if (drains) 0 else system.invalid, Cache(X86).drain(mode));
        if (!drains) {
            var word: u64 = 1;
            try std.testing.expectEqual(system.invalid, Cache(X86).store64(@intFromPtr(&word), 2, mode));
            try std.testing.expectEqual(1, word);
        }
    }
}

test "store64 writes eight bytes, durable on return" {
    const paged: Mode = .{ .method = .msync, .page_shift = 12 };
    for ([_]Mode{ paged, .{ .method = .fence }, .{ .method = .clwb }, .{ .method = .clflush } }) |mode| {
        try stores(X86, mode);
    }
    try std.testing.expectEqual(8, X86.bytes_streamed);
    try std.testing.expectEqual(0, X86.counts.flush);
    for ([_]Mode{ paged, .{ .method = .fence }, .{ .method = .cvac }, .{ .method = .cvap } }) |mode| {
        try stores(Arm, mode);
    }
    try std.testing.expectEqual(8, Arm.bytes_stored);
    try std.testing.expectEqual(1, Arm.counts.flush);
}

fn stores(comptime Machine: type, mode: Mode) !void {
    var memory: [256]u8 align(64) = @splat(0xEE);
    const word: Range = .init(@intFromPtr(&memory) + 120, 8);
    Machine.observe(@intFromPtr(&memory), memory.len);
    try std.testing.expectEqual(0, Cache(Machine).store64(word.start, 0x0102_0304_0506_0708, mode));
    try std.testing.expectEqualSlices(u8, &.{ 0xEE, 8, 7, 6, 5, 4, 3, 2, 1, 0xEE }, memory[119..129]);
    // With the caches inside the persistence domain, a store is durable without a flush.
    try Machine.expect(word, if (mode.method == .fence) .dirty else .durable);
    try std.testing.expectEqual(@as(usize, @intFromBool(mode.method != .msync)), Machine.counts.fence);
    for (1..8) |off| {
        try std.testing.expectEqual(system.invalid, Cache(Machine).store64(word.start + off, 0, mode));
    }
    try std.testing.expectEqual(8, memory[120]);
}
