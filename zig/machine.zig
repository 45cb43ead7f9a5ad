//! The instructions of this processor that write back, order and stream: each a line, nothing decided here.
//!
//! cache.zig and copy.zig are written against this interface, and the tests put a recorder in its place.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;
const Method = @import("mode.zig").Method;
const Range = @import("range.zig").Range;
const crc32c = @import("crc.zig");
const move = @import("move.zig");
const system = @import("system.zig");

pub const Machine = switch (builtin.cpu.arch) {
    .x86_64 => X86,
    .aarch64 => Arm,
    else => @compileError("daxfile supports x86-64 and aarch64"),
};

/// The width of the registers that a non-temporal copy goes through.
pub const Width = enum { sse2, avx, avx512 };

const X86 = struct {
    /// The cache-line methods, the most likely first.
    pub const methods = [_]Method{ .clwb, .clflushopt, .clflush };
    /// There are non-temporal stores, of words and of whole lines.
    pub const streams = true;
    /// Remainders can be moved past other bytes, so that pieces are checksummed side by side.
    pub const crc_lanes = true;

    pub const copy = move.copy;
    pub const fill = move.fill;
    pub const msync = synchronise;

    pub inline fn lineBytes() usize {
        return 64;
    }

    pub inline fn flushLine(comptime method: Method, line: usize) void {
        switch (method) {
            .clwb => asm volatile ("clwb (%[line])"
                :
                : [line] "r" (line),
                : .{ .memory = true }),
            .clflushopt => asm volatile ("clflushopt (%[line])"
                :
                : [line] "r" (line),
                : .{ .memory = true }),
            .clflush => asm volatile ("clflush (%[line])"
                :
                : [line] "r" (line),
                : .{ .memory = true }),
            else => comptime unreachable,
        }
    }

    /// Waits for the flushes and for the non-temporal stores before it: both are weakly ordered.
    pub inline fn fence() void {
        asm volatile ("sfence" ::: .{ .memory = true });
    }

    pub inline fn storeWord(destination: usize, value: u64) void {
        @atomicStore(u64, @as(*u64, @ptrFromInt(destination)), value, .release);
    }

    /// An ordinary store of a whole word, in no order with others.
    pub inline fn putWord(destination: usize, value: u64) void {
        @as(*volatile u64, @ptrFromInt(destination)).* = value;
    }

    pub inline fn streamWord(destination: usize, value: u64) void {
        asm volatile ("movnti %[value], (%[destination])"
            :
            : [value] "r" (value),
              [destination] "r" (destination),
            : .{ .memory = true });
    }

    /// CRC32 of SSE4.2.
    pub inline fn crc(state: u32, value: anytype) u32 {
        var wide: u64 = state;
        var narrow: u32 = state;
        switch (@TypeOf(value)) {
            u64 => asm ("crc32q %[value], %[state]"
                : [state] "+r" (wide),
                : [value] "r" (value),
            ),
            u32 => asm ("crc32l %[value], %[state]"
                : [state] "+r" (narrow),
                : [value] "r" (value),
            ),
            u16 => asm ("crc32w %[value], %[state]"
                : [state] "+r" (narrow),
                : [value] "r" (value),
            ),
            u8 => asm ("crc32b %[value], %[state]"
                : [state] "+r" (narrow),
                : [value] "r" (value),
            ),
            else => comptime unreachable,
        }
        return if (@TypeOf(value) == u64) @truncate(wide) else narrow;
    }

    /// The sum of the first state moved past three lanes of zeros, the second past two and the third past
    /// one. A product of two polynomials with their bits reversed is one bit short, and the instruction
    /// that reduces the sum multiplies it by x^32: 33 less.
    pub inline fn crcJoin(states: [3]u32, comptime lane_bytes: usize) u32 {
        var sum: @Vector(2, u64) = @splat(0);
        inline for (states, 0..) |state, i| {
            const bits = 8 * (3 - i) * lane_bytes;
            const factor: @Vector(2, u64) = .{ comptime crc32c.power(bits - 33), 0 };
            var product: @Vector(2, u64) = .{ state, 0 };
            asm ("pclmulqdq $0, %[factor], %[product]"
                : [product] "+x" (product),
                : [factor] "x" (factor),
            );
            sum ^= product;
        }
        return crc(0, sum[0]);
    }

    /// Writes whole lines past the caches. `step` is 64 to copy, or 0 to write the line at `source` again
    /// and again.
    ///
    /// A line a turn is as fast as eight: the stores are what takes the time. The source is slower only
    /// when it is in no cache, and prefetching 16 lines ahead is then worth 5 to 10 %; beyond the source
    /// a prefetch reads nothing and cannot fault.
    pub inline fn streamLines(comptime width: Width, lines: Range, source: usize, comptime step: usize) void {
        var from = source;
        var to = lines.start;
        asm volatile ("    .p2align 5\n1:\n" ++
                (if (step > 0) "prefetcht0 1024(%[from])\n" else "") ++
                instructions(width) ++ std.fmt.comptimePrint(
                \\ add ${}, %[from]
                \\ add $64, %[to]
                \\ cmp %[end], %[to]
                \\ jb 1b
                \\
            , .{step})
            : [from] "+r" (from),
              [to] "+r" (to),
            : [end] "r" (lines.end),
            : .{ .memory = true, .cc = true, .xmm0 = true, .xmm1 = true, .xmm2 = true, .xmm3 = true });
        // Upper halves left in use slow down every SSE instruction of the runtime that follows.
        if (width == .avx) asm volatile ("vzeroupper");
    }

    fn instructions(comptime width: Width) []const u8 {
        return switch (width) {
            .sse2 =>
            \\ movdqu   (%[from]), %%xmm0
            \\ movdqu 16(%[from]), %%xmm1
            \\ movdqu 32(%[from]), %%xmm2
            \\ movdqu 48(%[from]), %%xmm3
            \\ movntdq %%xmm0,   (%[to])
            \\ movntdq %%xmm1, 16(%[to])
            \\ movntdq %%xmm2, 32(%[to])
            \\ movntdq %%xmm3, 48(%[to])
            \\
            ,
            .avx =>
            \\ vmovdqu   (%[from]), %%ymm0
            \\ vmovdqu 32(%[from]), %%ymm1
            \\ vmovntdq %%ymm0,   (%[to])
            \\ vmovntdq %%ymm1, 32(%[to])
            \\
            ,
            // A register above 15 leaves no upper half behind, and needs no VZEROUPPER.
            .avx512 =>
            \\ vmovdqu64 (%[from]), %%zmm16
            \\ vmovntdq %%zmm16, (%[to])
            \\
            ,
        };
    }
};

const Arm = struct {
    pub const methods = [_]Method{ .cvap, .cvac };
    /// STNP is a hint that promises nothing: a copy is ordinary stores, then a flush of each line.
    pub const streams = false;
    pub const crc_lanes = false;

    pub const copy = move.copy;
    pub const fill = move.fill;
    pub const msync = synchronise;

    /// The smallest line of all caches, CTR_EL0.DminLine in words of four bytes. It differs between
    /// processors, even of one machine, and the kernel then traps this read and answers with the
    /// smallest.
    pub inline fn lineBytes() usize {
        const ctr = asm volatile ("mrs %[ctr], ctr_el0"
            : [ctr] "=r" (-> u64),
        );
        return @as(usize, 4) << @as(u4, @truncate(ctr >> 16));
    }

    pub inline fn flushLine(comptime method: Method, line: usize) void {
        switch (method) {
            // DC CVAP by its encoding: the baseline assembler does not know the name.
            .cvap => asm volatile ("sys #3, c7, c12, #1, %[line]"
                :
                : [line] "r" (line),
                : .{ .memory = true }),
            .cvac => asm volatile ("dc cvac, %[line]"
                :
                : [line] "r" (line),
                : .{ .memory = true }),
            else => comptime unreachable,
        }
    }

    /// DSB waits until the cleaning is complete; a DMB would only order it.
    pub inline fn fence() void {
        asm volatile ("dsb sy" ::: .{ .memory = true });
    }

    pub inline fn storeWord(destination: usize, value: u64) void {
        @atomicStore(u64, @as(*u64, @ptrFromInt(destination)), value, .release);
    }

    /// An ordinary store of a whole word, in no order with others.
    pub inline fn putWord(destination: usize, value: u64) void {
        @as(*volatile u64, @ptrFromInt(destination)).* = value;
    }

    /// CRC32C of ARMv8.1, and of most ARMv8.0; the baseline assembler does not know it.
    pub inline fn crc(state: u32, value: anytype) u32 {
        return asm (switch (@TypeOf(value)) {
                u64 => ".arch_extension crc\ncrc32cx %[result:w], %[state:w], %[value]",
                u32 => ".arch_extension crc\ncrc32cw %[result:w], %[state:w], %[value:w]",
                u16 => ".arch_extension crc\ncrc32ch %[result:w], %[state:w], %[value:w]",
                u8 => ".arch_extension crc\ncrc32cb %[result:w], %[state:w], %[value:w]",
                else => unreachable,
            }
            : [result] "=r" (-> u32),
            : [state] "r" (state),
              [value] "r" (value),
        );
    }
};

/// The kernel takes whole pages only.
fn synchronise(range: Range, page_bytes: usize) i32 {
    const pages = range.outward(page_bytes);
    return system.status(system.resumed(.msync, .{ pages.start, pages.len(), linux.MSF.SYNC, 0 }));
}

const fixture = @import("fixture.zig");
const copying = @import("copy.zig").Copy(Machine);

test "this machine copies and fills these bytes and no others, at every misalignment and width" {
    const from: fixture.Guarded = .init(65536);
    defer from.deinit();
    var memory: [1024]u8 align(64) = undefined;
    from.number();
    var buffer: [8]@import("mode.zig").Mode = undefined;
    for (fixture.modes(&buffer)) |mode| for (fixture.sizes) |size| for (0..64) |i| {
        const to: Range = .init(@intFromPtr(&memory) + 64 + i, size);
        for (0..64) |j| {
            @memset(&memory, 0xEE);
            try std.testing.expectEqual(0, copying.copy(to, .init(from.start + j, size), mode));
            try std.testing.expectEqualSlices(u8, from.bytes()[j..][0..size], memory[64 + i ..][0..size]);
            try std.testing.expect(std.mem.allEqual(u8, memory[0 .. 64 + i], 0xEE));
            try std.testing.expect(std.mem.allEqual(u8, memory[64 + i + size ..], 0xEE));
        }
        @memset(&memory, 0xEE);
        try std.testing.expectEqual(0, copying.fill(to, 7, mode));
        try std.testing.expect(std.mem.allEqual(u8, memory[64 + i ..][0..size], 7));
        try std.testing.expect(std.mem.allEqual(u8, memory[0 .. 64 + i], 0xEE));
        try std.testing.expect(std.mem.allEqual(u8, memory[64 + i + size ..], 0xEE));
    };
}

test "this machine touches no byte beside the ranges, to read or to write" {
    const from: fixture.Guarded = .init(65536);
    defer from.deinit();
    const to: fixture.Guarded = .init(65536);
    defer to.deinit();
    from.number();
    var buffer: [8]@import("mode.zig").Mode = undefined;
    for (fixture.modes(&buffer)) |mode| for (1..800) |size| {
        for ([_]usize{ from.start, from.end - size }) |source| {
            for ([_]usize{ to.start, to.end - size }) |destination| {
                const range: Range = .init(destination, size);
                try std.testing.expectEqual(0, copying.copy(range, .init(source, size), mode));
                const source_bytes = @as([*]u8, @ptrFromInt(source))[0..size];
                const bytes = @as([*]u8, @ptrFromInt(destination))[0..size];
                try std.testing.expectEqualSlices(u8, source_bytes, bytes);
                try std.testing.expectEqual(0, copying.fill(range, 3, mode));
                try std.testing.expect(std.mem.allEqual(u8, bytes, 3));
            }
        }
    };
}

test "every method that this machine has runs, on a mapped file" {
    const cache = @import("cache.zig").Cache(Machine);
    const detected = @import("cpu.zig").detect();
    const page_bytes = detected.pageBytes().?;
    const file = fixture.memoryFile(4 * page_bytes);
    defer _ = linux.close(file);
    const start = @import("mapping.zig").map(file, 4 * page_bytes, 2 << 20, .{ .writable = true });
    defer _ = linux.munmap(@ptrFromInt(start), 4 * page_bytes);
    const range: Range = .init(start + page_bytes - 4, page_bytes + 8);
    for ([_]Method{ detected.method, Machine.methods[Machine.methods.len - 1], .fence, .msync }) |method| {
        var mode = detected;
        mode.method = method;
        try std.testing.expectEqual(0, cache.persist(range, mode));
        try std.testing.expectEqual(0, cache.flush(range, mode));
        try std.testing.expectEqual(0, cache.drain(mode));
        try std.testing.expectEqual(0, cache.store64(start, 5, mode));
        try std.testing.expectEqual(5, @as(*u64, @ptrFromInt(start)).*);
    }
    // Nothing is mapped one page below.
    const none = fixture.Guarded.init(page_bytes);
    none.deinit();
    var paged = detected;
    paged.method = .msync;
    try std.testing.expectEqual(system.failure(.NOMEM), cache.persist(.init(none.start, 8), paged));
}
