//! The SIGBUS guard: a fault inside a guarded mapping (the file cut short, the disk full, the memory
//! poisoned) becomes a page of zeros and a count, instead of the end of the process.
//!
//! The only state that the library has. The handler touches nothing but this table and mmap, and so is
//! safe in any thread at any moment. Once installed it stays, so the library must stay loaded too.

const std = @import("std");
const assert = std.debug.assert;
const linux = std.os.linux;
const cpu = @import("cpu.zig");
const mapping = @import("mapping.zig");
const Range = @import("range.zig").Range;
const system = @import("system.zig");

/// As many mappings as can be guarded at a time.
pub const slots_max = 128;

/// `start` is `free`, or `claimed` while the other two are being changed, or the address that the range
/// begins at.
const Slot = struct {
    start: usize = free,
    end: usize = 0,
    /// The address of the u32 that counts the faults.
    faults: usize = 0,

    const free = 0;
    const claimed = 1;
};

var slots: [slots_max]Slot = @splat(.{});
var state: enum(u8) { absent, installing, installed } = .absent;
var previous: linux.Sigaction = undefined;
var page_bytes: usize = 0;

/// Guards a live mapping; `faults` is the address of the u32 to count in, which must outlive the guard.
/// −ENOSPC when `slots_max` mappings are guarded already, −EINVAL for a counter that is not aligned.
pub fn guard(range: Range, faults: usize) i32 {
    if (faults % @alignOf(u32) != 0 or range.start == Slot.claimed) return system.invalid;
    const installed = install();
    if (installed < 0) return installed;
    for (&slots) |*slot| {
        const busy = @cmpxchgStrong(usize, &slot.start, Slot.free, Slot.claimed, .acquire, .monotonic);
        if (busy != null) continue;
        @atomicStore(usize, &slot.end, range.end, .monotonic);
        @atomicStore(usize, &slot.faults, faults, .monotonic);
        @atomicStore(usize, &slot.start, range.start, .release);
        return 0;
    }
    return system.failure(.NOSPC);
}

/// To be called while the mapping still lives. −ENOENT if no guarded range begins there.
pub fn unguard(address: usize) i32 {
    if (address == Slot.free or address == Slot.claimed) return system.invalid;
    for (&slots) |*slot| {
        const other = @cmpxchgStrong(usize, &slot.start, address, Slot.free, .acq_rel, .monotonic);
        if (other == null) return 0;
    }
    return system.failure(.NOENT);
}

fn install() i32 {
    if (@cmpxchgStrong(@TypeOf(state), &state, .absent, .installing, .acquire, .acquire)) |was| {
        // Another thread is three system calls away from having done it.
        var now = was;
        while (now == .installing) now = @atomicLoad(@TypeOf(state), &state, .acquire);
        if (now == .installed) return 0;
        return install();
    }
    page_bytes = cpu.pageBytes();
    assert(std.math.isPowerOfTwo(page_bytes));
    // What is there now is known before ours can run, which may be at once and in another thread.
    var result = linux.sigaction(.BUS, null, &previous);
    if (!system.failed(result)) result = linux.sigaction(.BUS, &.{
        .handler = .{ .sigaction = handle },
        .mask = linux.sigemptyset(),
        // A runtime's own thread may be at the end of its stack.
        .flags = linux.SA.SIGINFO | linux.SA.ONSTACK,
    }, null);
    const failed = system.failed(result);
    @atomicStore(@TypeOf(state), &state, if (failed) .absent else .installed, .release);
    return if (failed) system.status(result) else 0;
}

fn handle(signal: linux.SIG, info: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    // A code of 0 or less is a signal that somebody sent: it has no address.
    const fault = info.code > 0;
    if (fault and absorb(@intFromPtr(info.fields.sigfault.addr))) return;
    pass(fault, signal, info, context);
}

/// Whether the address was guarded, and now is a page that can be read and written.
fn absorb(address: usize) bool {
    for (&slots) |*slot| {
        const start = @atomicLoad(usize, &slot.start, .acquire);
        if (start == Slot.free or start == Slot.claimed or address < start) continue;
        const range: Range = .{ .start = start, .end = @atomicLoad(usize, &slot.end, .monotonic) };
        const faults = @atomicLoad(usize, &slot.faults, .monotonic);
        if (!range.outward(page_bytes).contains(address)) continue;
        // The slot may have been given to another range meanwhile: what was read of it is then a mixture.
        if (@atomicLoad(usize, &slot.start, .acquire) != start) continue;
        if (!replace(address, range)) return false;
        _ = @atomicRmw(u32, @as(*u32, @ptrFromInt(faults)), .Add, 1, .monotonic);
        return true;
    }
    return false;
}

/// One page is enough where the kernel can split the mapping there. hugetlbfs and device-dax refuse to: a
/// huge page of theirs can only go as a whole.
fn replace(address: usize, range: Range) bool {
    for ([_]usize{ page_bytes, 2 << 20, 1 << 30 }) |block_bytes| {
        const block = Range.init(address, 1).outward(block_bytes);
        if (block_bytes > page_bytes and (block.start < range.start or block.end > range.end)) return false;
        if (!system.failed(mapping.zeroPages(block))) return true;
    }
    return false;
}

/// What would have happened without this library.
fn pass(fault: bool, signal: linux.SIG, info: *const linux.siginfo_t, context: ?*anyopaque) void {
    const handler = previous.handler.handler;
    const ignored = handler == linux.SIG.IGN;
    if (handler != linux.SIG.DFL and !ignored) {
        // A handler that did not ask for the other two does not look at them.
        return previous.handler.sigaction.?(signal, info, context);
    }
    if (ignored and !fault) return;
    // The kernel ignores no fault. On return the instruction faults again, and ends the process as it
    // would have.
    _ = linux.sigaction(.BUS, &.{
        .handler = .{ .handler = linux.SIG.DFL },
        .mask = linux.sigemptyset(),
        .flags = 0,
    }, null);
    // A signal that was sent does not come again by itself; it is blocked until this handler returns.
    if (!fault) _ = linux.tgkill(linux.getpid(), linux.gettid(), signal);
}

const fixture = @import("fixture.zig");
const Cut = fixture.Cut;
const testing = std.testing;

test "a fault in a guarded mapping becomes zeros and a count" {
    const cut: Cut = .init();
    defer cut.deinit();
    var faults: u32 = 0;
    try testing.expectEqual(0, guard(cut.range(), @intFromPtr(&faults)));
    try testing.expectEqual(0, cut.page(2).*);
    try testing.expectEqual(1, faults);
    cut.page(2).* = 7;
    try testing.expectEqual(7, cut.page(2).*);
    try testing.expectEqual(1, faults);
    cut.page(3).* = 8;
    try testing.expectEqual(8, cut.page(3).*);
    try testing.expectEqual(2, faults);
    try testing.expectEqual(1, cut.page(0).*);
    try testing.expectEqual(0, unguard(cut.start));
    try testing.expectEqual(system.failure(.NOENT), unguard(cut.start));
}

test "two ranges count apart, from any thread" {
    const a: Cut = .init();
    defer a.deinit();
    const b: Cut = .init();
    defer b.deinit();
    var faults: [2]u32 = .{ 0, 0 };
    try testing.expectEqual(0, guard(a.range(), @intFromPtr(&faults[0])));
    try testing.expectEqual(0, guard(b.range(), @intFromPtr(&faults[1])));
    const Reader = struct {
        fn read(cut: Cut) void {
            for (1..4) |i| assert(cut.page(i).* == 0);
        }
    };
    const thread = try std.Thread.spawn(.{}, Reader.read, .{b});
    thread.join();
    try testing.expectEqual(0, a.page(1).*);
    try testing.expectEqual([2]u32{ 1, 3 }, faults);
    try testing.expectEqual(0, unguard(a.start));
    try testing.expectEqual(0, unguard(b.start));
}

test "the table holds 128 ranges, and takes another when one leaves" {
    var faults: u32 = 0;
    const counter = @intFromPtr(&faults);
    for (1..slots_max + 1) |i| try testing.expectEqual(0, guard(.init(i << 30, 1), counter));
    try testing.expectEqual(system.failure(.NOSPC), guard(.init(1000 << 30, 1), counter));
    try testing.expectEqual(0, unguard(7 << 30));
    try testing.expectEqual(0, guard(.init(1000 << 30, 1), counter));
    try testing.expectEqual(0, unguard(1000 << 30));
    for (1..slots_max + 1) |i| if (i != 7) try testing.expectEqual(0, unguard(i << 30));
    try testing.expectEqual(system.invalid, guard(.init(4096, 1), counter + 1));
    try testing.expectEqual(system.invalid, unguard(1));
}

/// In a child: as if the library had just been loaded, after this handler.
fn loadAfter(earlier: linux.Sigaction) void {
    state = .absent;
    assert(linux.sigaction(.BUS, &earlier, null) == 0);
    var faults: u32 = 0;
    const cut: Cut = .init();
    assert(guard(cut.range(), @intFromPtr(&faults)) == 0);
    assert(cut.page(1).* == 0 and faults == 1);
}

fn action(handler: ?linux.Sigaction.handler_fn) linux.Sigaction {
    return .{ .handler = .{ .handler = handler }, .mask = linux.sigemptyset(), .flags = 0 };
}

const Handlers = struct {
    fn plain(signal: linux.SIG) callconv(.c) void {
        linux.exit_group(if (signal == .BUS) 40 else 1);
    }

    var expected: usize = 0;
    fn informed(signal: linux.SIG, info: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
        const right = signal == .BUS and context != null and @intFromPtr(info.fields.sigfault.addr) == expected;
        linux.exit_group(if (right) 41 else 1);
    }
};

test "a fault elsewhere goes to the handler that was there before" {
    const Child = struct {
        fn plain() u8 {
            loadAfter(action(Handlers.plain));
            return Cut.init().page(1).*;
        }
        fn informed() u8 {
            var with_info = action(null);
            with_info.handler = .{ .sigaction = Handlers.informed };
            with_info.flags = linux.SA.SIGINFO;
            loadAfter(with_info);
            const cut: Cut = .init();
            Handlers.expected = @intFromPtr(cut.page(1));
            return cut.page(1).*;
        }
    };
    try testing.expectEqual(40 << 8, fixture.ending(Child.plain));
    try testing.expectEqual(41 << 8, fixture.ending(Child.informed));
}

test "a fault elsewhere ends the process where nobody handled it" {
    const Child = struct {
        fn default() u8 {
            loadAfter(action(linux.SIG.DFL));
            return Cut.init().page(1).*;
        }
        fn ignored() u8 {
            loadAfter(action(linux.SIG.IGN));
            return Cut.init().page(1).*;
        }
    };
    for ([_]u32{ fixture.ending(Child.default), fixture.ending(Child.ignored) }) |status| {
        try testing.expectEqual(@intFromEnum(linux.SIG.BUS), status & 0x7f);
    }
}

test "a SIGBUS that was sent is no fault" {
    const Child = struct {
        fn default() u8 {
            loadAfter(action(linux.SIG.DFL));
            _ = linux.kill(linux.getpid(), .BUS);
            return 0;
        }
        fn ignored() u8 {
            loadAfter(action(linux.SIG.IGN));
            _ = linux.kill(linux.getpid(), .BUS);
            return 42;
        }
    };
    try testing.expectEqual(@intFromEnum(linux.SIG.BUS), fixture.ending(Child.default) & 0x7f);
    try testing.expectEqual(42 << 8, fixture.ending(Child.ignored));
}
