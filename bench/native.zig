//! The other side of the benchmarks: the same work as a loop in native code, with nothing between two rounds.

/// Stores a number in eight bytes, writes its cache line back and fences, `count` times.
export fn bench_persist(address: f64, count: u32) i32 {
    const word: *volatile u64 = @ptrFromInt(@as(usize, @intFromFloat(address)));
    for (0..count) |round| {
        word.* = round;
        asm volatile (
            \\clwb (%[line])
            \\sfence
            :
            : [line] "r" (word),
            : .{ .memory = true });
    }
    return 0;
}
