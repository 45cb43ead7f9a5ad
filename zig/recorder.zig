//! A machine for tests: does the stores, records what would have been flushed, fenced and synced, and
//! knows which bytes a power cut would spare.

const std = @import("std");
const assert = std.debug.assert;
const Method = @import("mode.zig").Method;
const Range = @import("range.zig").Range;
const Width = @import("machine.zig").Width;
const crc32c = @import("crc.zig");
const move = @import("move.zig");

pub const Options = struct {
    methods: []const Method,
    line_bytes: usize,
    streams: bool,
    crc_lanes: bool,
};

pub const x86: Options = .{ .methods = &.{ .clwb, .clflushopt, .clflush }, .line_bytes = 64, .streams = true, .crc_lanes = true };
pub const arm: Options = .{ .methods = &.{ .cvap, .cvac }, .line_bytes = 32, .streams = false, .crc_lanes = false };

/// A byte of the observed memory: on its way from a store to where a power cut cannot reach it.
const State = enum { untouched, dirty, pending, durable };

pub const Counts = struct {
    msync: usize = 0,
    flush: usize = 0,
    fence: usize = 0,
};

pub fn Recorder(comptime options: Options) type {
    return struct {
        pub const methods = options.methods[0..options.methods.len].*;
        pub const streams = options.streams;
        pub const crc_lanes = options.crc_lanes;

        pub var counts: Counts = .{};
        /// Lines flushed, in order.
        pub var lines: [64]usize = undefined;
        pub var method_used: ?Method = null;
        pub var width_used: ?Width = null;
        pub var bytes_stored: usize = 0;
        pub var bytes_streamed: usize = 0;
        /// What msync answers.
        pub var msync_result: i32 = 0;
        pub var msync_range: ?Range = null;

        var observed: Range = .{ .start = 1, .end = 2 };
        var states: [2048]State = undefined;

        /// Forgets everything, and watches this memory from now on: no store may go elsewhere.
        pub fn observe(start: usize, byte_length: usize) void {
            assert(byte_length <= states.len);
            observed = .init(start, byte_length);
            @memset(states[0..byte_length], .untouched);
            counts = .{};
            method_used = null;
            width_used = null;
            bytes_stored = 0;
            bytes_streamed = 0;
            msync_result = 0;
            msync_range = null;
        }

        /// Every byte of the range has come as far as `wanted`, and no other byte was touched.
        pub fn expect(range: Range, wanted: State) !void {
            for (states[0..observed.len()], observed.start..) |state, address| {
                const right: State = if (range.contains(address)) wanted else .untouched;
                if (state != right) {
                    std.debug.print("byte {} of {}: {t}, not {t}\n", .{
                        @as(isize, @bitCast(address -% range.start)), range.len(), state, right,
                    });
                    return error.TestUnexpectedResult;
                }
            }
        }

        /// Every byte of each range has come as far as is said, and no other byte was touched. Of ranges
        /// that overlap, the last one counts.
        pub fn expectEach(ranges: []const struct { Range, State }) !void {
            for (states[0..observed.len()], observed.start..) |state, address| {
                var right: State = .untouched;
                for (ranges) |range| if (range[0].contains(address)) {
                    right = range[1];
                };
                if (state != right) {
                    std.debug.print("byte {}: {t}, not {t}\n", .{ address - observed.start, state, right });
                    return error.TestUnexpectedResult;
                }
            }
        }

        fn set(range: Range, to: State) void {
            assert(range.start >= observed.start and range.end <= observed.end);
            for (states[range.start - observed.start .. range.end - observed.start]) |*state| state.* = to;
        }

        fn advance(range: Range, from: State, to: State) void {
            for (states[0..observed.len()], observed.start..) |*state, address| {
                if (range.contains(address) and state.* == from) state.* = to;
            }
        }

        // The interface of Machine.

        pub fn lineBytes() usize {
            return options.line_bytes;
        }

        pub fn flushLine(comptime method: Method, line: usize) void {
            assert(line % options.line_bytes == 0);
            assert(method_used == null or method_used == method);
            method_used = method;
            if (counts.flush < lines.len) lines[counts.flush] = line;
            counts.flush += 1;
            advance(.init(line, options.line_bytes), .dirty, .pending);
        }

        pub fn fence() void {
            counts.fence += 1;
            advance(observed, .pending, .durable);
        }

        pub fn msync(range: Range, page_bytes: usize) i32 {
            counts.msync += 1;
            msync_range = range.outward(page_bytes);
            if (msync_result == 0) advance(msync_range.?, .dirty, .durable);
            return msync_result;
        }

        pub fn copy(destination: usize, source: usize, byte_length: usize) void {
            bytes_stored += byte_length;
            set(.init(destination, byte_length), .dirty);
            move.copy(destination, source, byte_length);
        }

        pub fn fill(destination: usize, value: u8, byte_length: usize) void {
            bytes_stored += byte_length;
            set(.init(destination, byte_length), .dirty);
            move.fill(destination, value, byte_length);
        }

        pub fn storeWord(destination: usize, value: u64) void {
            bytes_stored += 8;
            set(.init(destination, 8), .dirty);
            @as(*u64, @ptrFromInt(destination)).* = value;
        }

        pub fn putWord(destination: usize, value: u64) void {
            storeWord(destination, value);
        }

        pub fn crc(state: u32, value: anytype) u32 {
            return crc32c.soft(state, value);
        }

        pub fn crcJoin(given: [3]u32, comptime lane_bytes: usize) u32 {
            var sum: u32 = 0;
            for (given, 0..) |state, i| {
                var moved = state;
                for (0..(3 - i) * lane_bytes) |_| moved = crc32c.soft(moved, @as(u8, 0));
                sum ^= moved;
            }
            return sum;
        }

        pub fn streamWord(destination: usize, value: u64) void {
            bytes_streamed += 8;
            set(.init(destination, 8), .pending);
            @as(*u64, @ptrFromInt(destination)).* = value;
        }

        pub fn streamLines(comptime width: Width, body: Range, source: usize, comptime step: usize) void {
            assert(body.start % 64 == 0 and body.end % 64 == 0);
            width_used = width;
            bytes_streamed += body.len();
            set(body, .pending);
            var line = body.start;
            while (line < body.end) : (line += 64) {
                move.copy(line, source + (line - body.start) / 64 * step, 64);
            }
        }
    };
}
