//! Calls the library's functions on aarch64, each between two marks that a log of the processor's instructions shows: what is flushed
//! and fenced between them is then compared with what the call asks for.

const std = @import("std");
const linux = std.os.linux;
const library = @import("root.zig");
const Mode = @import("mode.zig").Mode;

comptime {
    _ = library;
}

extern fn daxfile1_persist(address: f64, byte_length: f64, mode: u32) i32;
extern fn daxfile1_flush(address: f64, byte_length: f64, mode: u32) i32;
extern fn daxfile1_drain(mode: u32) i32;
extern fn daxfile1_store64(address: f64, low: u32, high: u32, mode: u32) i32;
extern fn daxfile1_copy(destination: f64, source: f64, byte_length: f64, mode: u32) i32;
extern fn daxfile1_fill(address: f64, byte_length: f64, value: u32, mode: u32) i32;
extern fn daxfile1_record(destination: f64, source: f64, byte_length: f64, low: u32, high: u32, seed: u32, mode: u32) i32;
extern fn daxfile1_commit(
    address: f64,
    byte_length: f64,
    byte_offset: f64,
    batch: f64,
    batch_length: f64,
    previous: f64,
    previous_length: f64,
    low: u32,
    high: u32,
    seed: u32,
    mode: u32,
) i32;

var memory: [4096]u8 align(4096) = @splat(0);
var source: [1024]u8 align(64) = @splat(1);

var batch: [112]u8 align(8) = @splat(1);
var previous: [112]u8 align(8) = @splat(1);

/// Begins a list of writes with one to an offset.
fn entry(list: *[112]u8, byte_offset: u64, byte_length: u64) void {
    std.mem.writeInt(u64, list[0..8], byte_offset | byte_length << 48, .little);
}

/// A hint that no processor has a meaning for, with the call in registers: which, where, how many bytes, how.
noinline fn mark(which: usize, start: usize, byte_length: usize, mode: u32) void {
    asm volatile ("hint #119"
        :
        : [which] "{x0}" (which),
          [start] "{x1}" (start),
          [byte_length] "{x2}" (byte_length),
          [mode] "{x3}" (@as(usize, mode)),
        : .{ .memory = true });
}

/// The emulator announces DC CVAP and does not have it: by then the log has it.
fn skip(_: linux.SIG, _: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    // ucontext: flags, link, stack (24), mask (128 with its padding), then from 176 on: fault address, 31 registers, SP, PC
    const pc: *u64 = @ptrFromInt(@intFromPtr(context.?) + 176 + 8 + 31 * 8 + 8);
    pc.* += 4;
}

pub fn main() void {
    for ([_]linux.SIG{ .ILL, .SEGV }) |signal| {
        _ = linux.sigaction(signal, &.{
            .handler = .{ .sigaction = skip },
            .mask = linux.sigemptyset(),
            .flags = linux.SA.SIGINFO,
        }, null);
    }
    const base = @intFromPtr(&memory);
    const from: f64 = @floatFromInt(@intFromPtr(&source));
    for ([_]Mode{ .{ .method = .cvap, .page_shift = 12 }, .{ .method = .cvac, .page_shift = 12 }, .{ .method = .fence, .page_shift = 12 }, .{ .method = .msync, .page_shift = 12 } }) |way| {
        for ([_]bool{ false, true }) |no_drain| {
            var word = way;
            word.no_drain = no_drain;
            // One instruction a word, where the software takes a hundred
            word.crc32c = true;
            const mode: u32 = @bitCast(word);
            for ([_]usize{ 1, 64, 65, 300 }) |byte_length| {
                for ([_]usize{ 0, 1, 63 }) |offset| {
                    const start = base + 256 + offset;
                    const at: f64 = @floatFromInt(start);
                    const length: f64 = @floatFromInt(byte_length);
                    mark(1, start, byte_length, mode);
                    _ = daxfile1_persist(at, length, mode);
                    mark(2, start, byte_length, mode);
                    _ = daxfile1_flush(at, length, mode);
                    mark(3, start, byte_length, mode);
                    _ = daxfile1_copy(at, from, length, mode);
                    mark(4, start, byte_length, mode);
                    _ = daxfile1_fill(at, length, 7, mode);
                }
            }
            for ([_]usize{ 0, 1, 65 }) |byte_length| for ([_]usize{ 0, 8, 56 }) |offset| {
                const start = base + 1024 + offset;
                mark(7, start, 16 + (byte_length + 7) / 8 * 8, mode);
                _ = daxfile1_record(@floatFromInt(start), from, @floatFromInt(byte_length), 1, 2, 3, mode);
            };
            for ([_]usize{ 0, 8, 56 }) |offset| {
                const at = 1024 + offset;
                // arm.ts knows that what the batch before has changed lies 512 bytes before the record
                entry(&batch, 2048, 9);
                entry(&previous, at - 512, 100);
                mark(8, base + at, 16 + 24, mode);
                const lists: [2]f64 = .{ @floatFromInt(@intFromPtr(&batch)), @floatFromInt(@intFromPtr(&previous)) };
                _ = daxfile1_commit(@floatFromInt(base), 4096, @floatFromInt(at), lists[0], 24, lists[1], 112, 1, 2, 3, mode);
            }
            mark(5, base + 512, 8, mode);
            _ = daxfile1_store64(@floatFromInt(base + 512), 1, 2, mode);
            mark(6, base, 1, mode);
            _ = daxfile1_drain(mode);
            mark(0, 0, 0, 0);
        }
    }
}
