//! Linked into an instrumented library (instrument.ts): writes what it does to descriptor 3, in the words of tracer.zig.
//!
//! Compiled without vector registers, so that those of the library keep their content.

const std = @import("std");
const linux = std.os.linux;

/// What instrument.ts pushes: the kind, and above it how many bytes.
const Event = packed struct(u64) { kind: Kind, byte_length: u56 };
const Kind = enum(u8) { store, stream, clwb, clflushopt, clflush, sfence, mfence, _ };

const Range = struct { start: usize, byte_length: usize };

/// In seconds of the processor's time: a library that does not end is ended. The whole workload takes less than one.
const seconds_max = 20;

const region_max = 1 << 20;
const stores_max = 1 << 16;

var started = false;
var out: [1 << 16]u8 = undefined;
var out_length: usize = 0;
/// The mapped file, and its bytes as they are known to be.
var region: Range = .{ .start = 0, .byte_length = 0 };
var known: [region_max]u8 = undefined;
/// What this call has stored in the file, so far.
var stores: [stores_max]Range = undefined;
var stores_count: usize = 0;
var system_call: [6]u64 = undefined;

fn die(status: u8) noreturn {
    linux.exit_group(status);
}

fn flush() void {
    var done: usize = 0;
    while (done < out_length) {
        const written = linux.write(3, out[done..].ptr, out_length - done);
        if (linux.errno(written) != .SUCCESS) die(98);
        done += written;
    }
    out_length = 0;
}

fn print(words: []const []const u8, numbers: []const u64) void {
    begin(words, numbers);
    put("\n");
}

fn begin(words: []const []const u8, numbers: []const u64) void {
    if (out.len - out_length < 512) flush();
    for (words, 0..) |word, i| {
        if (i > 0) put(" ");
        put(word);
    }
    for (numbers) |number| {
        put(" ");
        putNumber(number);
    }
}

/// Ends what was begun with a number that may be negative.
fn end(number: i64) void {
    put(if (number < 0) " -" else " ");
    putNumber(@abs(number));
    put("\n");
}

fn putNumber(number: u64) void {
    var digits: [20]u8 = undefined;
    var at: usize = digits.len;
    var rest = number;
    while (true) {
        at -= 1;
        digits[at] = '0' + @as(u8, @intCast(rest % 10));
        rest /= 10;
        if (rest == 0) break;
    }
    put(digits[at..]);
}

fn put(text: []const u8) void {
    for (text) |byte| {
        out[out_length] = byte;
        out_length += 1;
    }
}

/// Writes down what differs from what is known.
fn compare(event: []const u8) void {
    const start: [*]const u8 = @ptrFromInt(@max(region.start, 1));
    var i: usize = 0;
    while (i < region.byte_length) : (i += 1) {
        if (known[i] == start[i]) continue;
        const first = i;
        while (i < region.byte_length and known[i] != start[i]) i += 1;
        print(&.{event}, &.{ region.start + first, i - first });
    }
    learn(region);
}

fn learn(range: Range) void {
    const start: [*]const u8 = @ptrFromInt(@max(range.start, 1));
    const first = range.start -| region.start;
    const last = @min(first + range.byte_length, region.byte_length);
    for (first..@max(first, last)) |i| known[i] = (start - first)[i];
}

/// `registers` are the lower halves of XMM0 to XMM6, two of no meaning, then RDI, RSI, RDX, RCX.
export fn journal_call(start: [*]const u8, byte_length: usize, registers: *const [13]u64) void {
    const name = start[0..byte_length];
    if (!started) _ = linux.prlimit(0, .CPU, &.{ .cur = seconds_max, .max = seconds_max }, null);
    started = true;
    compare("changed");
    print(&.{ "call", name }, &[_]u64{
        registers[0], registers[1], registers[2], registers[3],  registers[4],  registers[5],
        registers[6], registers[9], registers[10], registers[11], registers[12],
    });
    if (std.mem.eql(u8, name, "daxfile1_commit")) {
        entries("batch", registers[3], registers[4]);
        entries("previous", registers[5], registers[6]);
    }
}

/// Where the writes of a batch go. The numbers are doubles, which need no vector register to be read.
fn entries(list: []const u8, address: u64, byte_length: u64) void {
    const start = whole(address);
    const length = whole(byte_length);
    var at: usize = 0;
    while (at < length) {
        const header = @as(*align(1) const u64, @ptrFromInt(start + at)).*;
        const bytes: usize = @intCast(header >> 48);
        print(&.{ "entry", list }, &.{ header & 0xffff_ffff_ffff, bytes });
        at += 8 + (bytes + 7) / 8 * 8;
    }
}

/// The whole number that the bits of a double stand for.
fn whole(bits: u64) usize {
    const exponent: i64 = @as(i64, @intCast(bits >> 52 & 0x7ff)) - 1023;
    if (exponent < 0 or exponent > 52) return 0;
    return @intCast((bits & (1 << 52) - 1 | 1 << 52) >> @intCast(52 - exponent));
}

export fn journal_return(result: i32) void {
    for (stores[0..stores_count]) |store| learn(store);
    stores_count = 0;
    compare("unexplained");
    begin(&.{"return"}, &.{});
    end(result);
    flush();
}

export fn journal_event(address: u64, event: Event) void {
    switch (event.kind) {
        .store, .stream => {
            if (address < region.start or address >= region.start + region.byte_length) return;
            print(&.{@tagName(event.kind)}, &.{ address, event.byte_length });
            if (stores_count == stores.len) die(97);
            stores[stores_count] = .{ .start = address, .byte_length = event.byte_length };
            stores_count += 1;
        },
        .clwb, .clflushopt, .clflush => print(&.{ "flush", @tagName(event.kind) }, &.{address}),
        .sfence, .mfence => print(&.{ "fence", @tagName(event.kind) }, &.{}),
        _ => die(99),
    }
}

/// Before a system call: R11, R10, R9, R8, RDI, RSI, RDX and RCX, and the number.
export fn journal_system(registers: *const [8]u64, number: u64) void {
    system_call = .{ number, registers[4], registers[5], registers[6], registers[1], registers[3] };
}

/// After it.
export fn journal_system_result(result: u64) void {
    begin(&.{"syscall"}, &system_call);
    put(" =");
    end(@bitCast(result));
    const ok = linux.errno(result) == .SUCCESS;
    const file: i64 = @bitCast(system_call[5]);
    if (system_call[0] == @intFromEnum(linux.SYS.mmap) and file >= 0 and ok) {
        if (system_call[2] > region_max) die(96);
        region = .{ .start = result, .byte_length = system_call[2] };
        learn(region);
        print(&.{"region"}, &.{ region.start, region.byte_length });
    }
    if (system_call[0] == @intFromEnum(linux.SYS.munmap) and system_call[1] == region.start) region.byte_length = 0;
}
