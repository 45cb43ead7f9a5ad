//! What this processor and this system offer, asked once when a file is opened.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;
const Mode = @import("mode.zig").Mode;

/// The best method, the vector registers and the page size of this machine.
pub fn detect() Mode {
    return switch (builtin.cpu.arch) {
        .x86_64 => {
            const words: Cpuid = .read();
            return x86(words, if (words.osxsave()) readXcr0() else 0);
        },
        .aarch64 => arm(Auxiliary.read()),
        else => comptime unreachable,
    };
}

/// The size of a page in bytes, for calls that are not given a mode.
pub fn pageBytes() usize {
    return switch (builtin.cpu.arch) {
        .x86_64 => 4096,
        .aarch64 => Auxiliary.read().page_bytes,
        else => comptime unreachable,
    };
}

/// The words of CPUID that matter here.
const Cpuid = struct {
    leaf1_ecx: u32 = 0,
    leaf1_edx: u32 = 0,
    leaf7_ebx: u32 = 0,

    fn read() Cpuid {
        const leaf_max = cpuid(0)[0];
        const leaf1 = cpuid(1);
        return .{
            .leaf1_ecx = leaf1[2],
            .leaf1_edx = leaf1[3],
            // A leaf above the maximum answers with the maximum's data, which would be taken for features.
            .leaf7_ebx = if (leaf_max >= 7) cpuid(7)[1] else 0,
        };
    }

    /// The system has turned XGETBV on, without which asking it faults.
    fn osxsave(words: Cpuid) bool {
        return bit(words.leaf1_ecx, 27);
    }
};

/// CLWB keeps the line in the cache and CLFLUSHOPT does not; CLFLUSH moreover waits for the one before.
/// The feature bits alone decide, never the vendor's name. A vector register counts only if the system
/// saves it across a switch of tasks (XCR0), or the program would die, or worse, compute with another's
/// data.
fn x86(words: Cpuid, xcr0: u64) Mode {
    const avx_state: u64 = 0b0000_0110; // SSE, upper halves of YMM
    const avx512_state: u64 = 0b1110_0110; // moreover the mask registers, upper halves of ZMM, ZMM16–31
    const avx = words.osxsave() and bit(words.leaf1_ecx, 28) and xcr0 & avx_state == avx_state;
    const pclmulqdq = bit(words.leaf1_ecx, 1);
    const sse4_2 = bit(words.leaf1_ecx, 20);
    return .{
        .crc32c = pclmulqdq and sse4_2,
        .method = if (bit(words.leaf7_ebx, 24))
            .clwb
        else if (bit(words.leaf7_ebx, 23))
            .clflushopt
        else if (bit(words.leaf1_edx, 19))
            .clflush
        else
            .msync,
        .avx = avx,
        .avx512 = avx and bit(words.leaf7_ebx, 16) and xcr0 & avx512_state == avx512_state,
        .page_shift = 12,
    };
}

/// DC CVAP reaches the point of persistence; where the processor lacks it, memory is that point, and DC
/// CVAC reaches it.
fn arm(auxiliary: Auxiliary) Mode {
    const hwcap_crc32 = 7;
    const hwcap_dcpop = 16;
    return .{
        .crc32c = bit(auxiliary.hwcap, hwcap_crc32),
        .method = if (bit(auxiliary.hwcap, hwcap_dcpop)) .cvap else .cvac,
        .page_shift = std.math.log2_int(usize, auxiliary.page_bytes),
    };
}

/// What the kernel told the process about itself when it started.
const Auxiliary = struct {
    /// Without /proc: the smallest page, so that no range is rounded out into another's memory.
    page_bytes: usize = 4096,
    hwcap: usize = 0,

    const Entry = extern struct { type: usize, value: usize };

    fn read() Auxiliary {
        const opened = linux.open("/proc/self/auxv", .{ .CLOEXEC = true }, 0);
        if (linux.errno(opened) != .SUCCESS) return .{};
        const file: i32 = @intCast(opened);
        defer _ = linux.close(file);
        // Some twenty entries; the kernel gives them all in one read.
        var entries: [64]Entry = undefined;
        const bytes = linux.read(file, @ptrCast(&entries), @sizeOf(@TypeOf(entries)));
        if (linux.errno(bytes) != .SUCCESS) return .{};
        return parse(entries[0 .. bytes / @sizeOf(Entry)]);
    }

    fn parse(entries: []const Entry) Auxiliary {
        var found: Auxiliary = .{};
        for (entries) |entry| switch (entry.type) {
            std.elf.AT_PAGESZ => if (std.math.isPowerOfTwo(entry.value)) {
                found.page_bytes = entry.value;
            },
            std.elf.AT_HWCAP => found.hwcap = entry.value,
            else => {},
        };
        return found;
    }
};

inline fn bit(word: u64, at: u6) bool {
    return word >> at & 1 == 1;
}

fn cpuid(leaf: u32) [4]u32 {
    var eax: u32 = undefined;
    var ebx: u32 = undefined;
    var ecx: u32 = undefined;
    var edx: u32 = undefined;
    asm volatile ("cpuid"
        : [eax] "={eax}" (eax),
          [ebx] "={ebx}" (ebx),
          [ecx] "={ecx}" (ecx),
          [edx] "={edx}" (edx),
        : [leaf] "{eax}" (leaf),
          [subleaf] "{ecx}" (@as(u32, 0)),
    );
    return .{ eax, ebx, ecx, edx };
}

fn readXcr0() u64 {
    var eax: u32 = undefined;
    var edx: u32 = undefined;
    asm volatile ("xgetbv"
        : [eax] "={eax}" (eax),
          [edx] "={edx}" (edx),
        : [register] "{ecx}" (@as(u32, 0)),
    );
    return @as(u64, edx) << 32 | eax;
}

test "x86 takes the best instruction, whatever the vendor" {
    const clwb = 1 << 24;
    const clflushopt = 1 << 23;
    const clflush = 1 << 19;
    const cases = [_]struct { Cpuid, @import("mode.zig").Method }{
        .{ .{ .leaf7_ebx = clwb | clflushopt, .leaf1_edx = clflush }, .clwb },
        .{ .{ .leaf7_ebx = clflushopt, .leaf1_edx = clflush }, .clflushopt },
        .{ .{ .leaf1_edx = clflush }, .clflush },
        .{ .{ .leaf7_ebx = ~@as(u32, clwb | clflushopt), .leaf1_ecx = clflush }, .msync },
    };
    for (cases) |case| {
        const mode = x86(case[0], 0);
        try std.testing.expectEqual(case[1], mode.method);
        try std.testing.expectEqual(12, mode.page_shift);
    }
}

test "x86 uses vector registers only where the system saves them" {
    const all: Cpuid = .{ .leaf1_ecx = 1 << 27 | 1 << 28, .leaf7_ebx = 1 << 16 };
    const no_osxsave: Cpuid = .{ .leaf1_ecx = 1 << 28, .leaf7_ebx = 1 << 16 };
    const no_avx: Cpuid = .{ .leaf1_ecx = 1 << 27, .leaf7_ebx = 1 << 16 };
    const no_avx512: Cpuid = .{ .leaf1_ecx = 1 << 27 | 1 << 28 };
    const cases = [_]struct { words: Cpuid, xcr0: u64, avx: bool, avx512: bool }{
        .{ .words = all, .xcr0 = 0b1110_0111, .avx = true, .avx512 = true },
        .{ .words = all, .xcr0 = 0b0000_0111, .avx = true, .avx512 = false },
        .{ .words = all, .xcr0 = 0b0110_0111, .avx = true, .avx512 = false },
        .{ .words = all, .xcr0 = 0b1110_0011, .avx = false, .avx512 = false },
        .{ .words = all, .xcr0 = 0, .avx = false, .avx512 = false },
        .{ .words = no_osxsave, .xcr0 = 0xff, .avx = false, .avx512 = false },
        .{ .words = no_avx, .xcr0 = 0xff, .avx = false, .avx512 = false },
        .{ .words = no_avx512, .xcr0 = 0xff, .avx = true, .avx512 = false },
    };
    for (cases) |case| {
        const mode = x86(case.words, case.xcr0);
        try std.testing.expectEqual(case.avx, mode.avx);
        try std.testing.expectEqual(case.avx512, mode.avx512);
    }
}

test "x86 computes CRC-32C where it has both instructions for it" {
    const both = 1 << 1 | 1 << 20;
    try std.testing.expect(x86(.{ .leaf1_ecx = both }, 0).crc32c);
    for ([_]u32{ 1 << 1, 1 << 20, ~@as(u32, both) }) |words| {
        try std.testing.expect(!x86(.{ .leaf1_ecx = words }, 0).crc32c);
    }
}

test "aarch64 takes DC CVAP and CRC32 where the kernel reports them" {
    try std.testing.expect(arm(.{ .hwcap = 1 << 7 }).crc32c);
    try std.testing.expect(!arm(.{ .hwcap = ~@as(usize, 1 << 7) }).crc32c);
    const entries = [_]Auxiliary.Entry{
        .{ .type = std.elf.AT_PAGESZ, .value = 65536 },
        .{ .type = std.elf.AT_HWCAP, .value = 1 << 16 },
        .{ .type = 0, .value = 0 },
    };
    const mode = arm(.parse(&entries));
    try std.testing.expectEqual(.cvap, mode.method);
    try std.testing.expectEqual(16, mode.page_shift);
    try std.testing.expectEqual(.cvac, arm(.{}).method);
    try std.testing.expectEqual(12, arm(.{}).page_shift);
}

test "detect agrees with the system" {
    const mode = detect();
    try std.testing.expectEqual(std.heap.pageSize(), mode.pageBytes());
    try std.testing.expectEqual(std.heap.pageSize(), pageBytes());
    if (builtin.cpu.arch != .x86_64) return;
    var buffer: [16384]u8 = undefined;
    const file: i32 = @intCast(linux.open("/proc/cpuinfo", .{}, 0));
    defer _ = linux.close(file);
    const text = buffer[0..linux.read(file, &buffer, buffer.len)];
    const flags = text[std.mem.find(u8, text, "flags").?..];
    const line = flags[0..std.mem.findScalar(u8, flags, '\n').?];
    const has = struct {
        fn has(of: []const u8, name: []const u8) bool {
            var words = std.mem.tokenizeAny(u8, of, " \t:");
            while (words.next()) |word| if (std.mem.eql(u8, word, name)) return true;
            return false;
        }
    }.has;
    try std.testing.expectEqual(has(line, "clwb"), mode.method == .clwb);
    try std.testing.expectEqual(has(line, "avx"), mode.avx);
    try std.testing.expectEqual(has(line, "avx512f"), mode.avx512);
    try std.testing.expectEqual(has(line, "sse4_2") and has(line, "pclmulqdq"), mode.crc32c);
}
