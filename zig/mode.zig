//! The word that says how to write back: `Mode` in ffi/symbols.ts, bit for bit.

const std = @import("std");

pub const Method = enum(u4) {
    /// The caches are inside the persistence domain: a fence is all.
    fence = 0,
    clwb = 1,
    clflushopt = 2,
    clflush = 3,
    cvap = 4,
    cvac = 5,
    msync = 6,
    _,
};

pub const Mode = packed struct(u32) {
    method: Method,
    avx: bool = false,
    avx512: bool = false,
    nontemporal: bool = false,
    temporal: bool = false,
    no_drain: bool = false,
    crc32c: bool = false,
    _10: u6 = 0,
    page_shift: u8 = 0,
    _24: u8 = 0,

    pub inline fn from(word: u32) Mode {
        return @bitCast(word);
    }

    /// Whether to write past the caches, of which `bytes_min` is the least that this is worth.
    ///
    /// msync finds dirty lines in the cache as well as outside it, and a fence is all that a cache inside
    /// the persistence domain needs: ordinary stores serve both better, unless the caller wants the cache
    /// left alone.
    pub inline fn wantsStream(mode: Mode, byte_length: usize, comptime bytes_min: usize) bool {
        return switch (mode.method) {
            .msync => false,
            .fence => mode.nontemporal,
            else => mode.nontemporal or (!mode.temporal and byte_length >= bytes_min),
        };
    }

    /// Null if the word names no page size that Linux has, 4 KiB to 64 KiB.
    pub fn pageBytes(mode: Mode) ?usize {
        if (mode.page_shift < 12 or mode.page_shift > 16) return null;
        return @as(usize, 1) << @intCast(mode.page_shift);
    }
};

test "Mode has the bits of symbols.ts" {
    const word: u32 = @bitCast(Mode{
        .method = .msync,
        .avx512 = true,
        .temporal = true,
        .page_shift = 12,
    });
    try std.testing.expectEqual(6 | 1 << 5 | 1 << 7 | 12 << 16, word);
    try std.testing.expect(Mode.from(1 << 4).avx);
    try std.testing.expect(Mode.from(1 << 6).nontemporal);
    try std.testing.expect(Mode.from(1 << 8).no_drain);
    try std.testing.expect(Mode.from(1 << 9).crc32c);
    try std.testing.expectEqual(4096, Mode.from(word).pageBytes());
    try std.testing.expectEqual(null, Mode.from(6).pageBytes());
    try std.testing.expectEqual(null, Mode.from(6 | 255 << 16).pageBytes());
}
