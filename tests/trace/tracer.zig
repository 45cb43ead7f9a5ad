//! Runs a program and writes down what it does inside one native library: every call, and in it every store into the mapped file,
//! every flush, fence and system call, in order.
//!
//!     tracer OUTPUT LIBRARY SYMBOL=OFFSET … -- PROGRAM PARAMETER …
//!
//! The program says that the library is loaded by stopping itself (SIGSTOP). From then on there is a breakpoint at each symbol; from
//! it to its return the function is stepped through, one instruction at a time, as it lies in memory. Outside, and in other threads,
//! the program runs at full speed. What it stored into the file meanwhile is found by comparing.

const std = @import("std");
const linux = std.os.linux;
const decode = @import("decode.zig");

const symbols_max = 64;
const trap_byte = 0xcc;

var out_file: i32 = -1;
var out_buffer: [1 << 16]u8 = undefined;
var out_length: usize = 0;

fn flushOut() void {
    var done: usize = 0;
    while (done < out_length) done += check("write", linux.write(out_file, out_buffer[done..].ptr, out_length - done));
    out_length = 0;
}

fn print(comptime format: []const u8, arguments: anytype) void {
    if (out_buffer.len - out_length < 512) flushOut();
    const line = std.fmt.bufPrint(out_buffer[out_length..], format ++ "\n", arguments) catch unreachable;
    out_length += line.len;
}

fn die(comptime format: []const u8, arguments: anytype) noreturn {
    std.debug.print("tracer: " ++ format ++ "\n", arguments);
    linux.exit_group(125);
}

fn check(what: []const u8, result: usize) usize {
    const errno = linux.errno(result);
    if (errno != .SUCCESS) die("{s}: {t}", .{ what, errno });
    return result;
}

const Symbol = struct { name: []const u8, offset: usize, address: usize = 0 };

/// The executable part of the library, as it is without breakpoints.
var text: [1 << 16]u8 = undefined;
var text_start: usize = 0;
var text_length: usize = 0;
var symbols: [symbols_max]Symbol = undefined;
var symbol_count: usize = 0;

/// The mapped file, and its bytes as they are known to be.
const region_max = 1 << 20;
var region_start: usize = 0;
var region_length: usize = 0;
var known: [region_max]u8 = undefined;
var seen: [region_max]u8 = undefined;

var pid: i32 = 0;
var memory: i32 = -1;

fn request(what: usize, address: usize, data: usize) void {
    _ = check("ptrace", linux.ptrace(@intCast(what), pid, address, data, 0));
}

fn registers() decode.Registers {
    var r: decode.Registers = undefined;
    request(linux.PTRACE.GETREGS, 0, @intFromPtr(&r));
    return r;
}

fn readMemory(address: usize, into: []u8) void {
    var done: usize = 0;
    while (done < into.len) {
        done += check("read", linux.pread(memory, into[done..].ptr, into.len - done, @intCast(address + done)));
    }
}

fn poke(address: usize, byte: u8) void {
    const bytes = [1]u8{byte};
    _ = check("write", linux.pwrite(memory, &bytes, 1, @intCast(address)));
}

/// Waits for the program's main thread; its status, or the end of everything.
fn wait() u32 {
    var status: u32 = 0;
    while (linux.errno(linux.wait4(pid, &status, 0x40000000, null)) == .INTR) {}
    if (linux.W.IFSTOPPED(status)) return status;
    flushOut();
    linux.exit_group(if (linux.W.IFEXITED(status)) linux.W.EXITSTATUS(status) else 124);
}

/// Finds the library in the program's memory and sets the breakpoints.
fn attach(library: []const u8) void {
    var path: [64]u8 = undefined;
    const name = std.fmt.bufPrintSentinel(&path, "/proc/{d}/maps", .{pid}, 0) catch unreachable;
    const file: i32 = @intCast(check("open", linux.open(name.ptr, .{}, 0)));
    defer _ = linux.close(file);
    var maps: [1 << 20]u8 = undefined;
    var length: usize = 0;
    while (true) {
        const count = check("read", linux.read(file, maps[length..].ptr, maps.len - length));
        if (count == 0) break;
        length += count;
    }
    var lines = std.mem.tokenizeScalar(u8, maps[0..length], '\n');
    while (lines.next()) |line| {
        if (std.mem.find(u8, line, library) == null) continue;
        var fields = std.mem.tokenizeScalar(u8, line, ' ');
        var ends = std.mem.splitScalar(u8, fields.next().?, '-');
        if (std.mem.findScalar(u8, fields.next().?, 'x') == null) continue;
        const start = std.fmt.parseInt(usize, ends.next().?, 16) catch unreachable;
        const end = std.fmt.parseInt(usize, ends.next().?, 16) catch unreachable;
        const offset = std.fmt.parseInt(usize, fields.next().?, 16) catch unreachable;
        text_start = start;
        text_length = end - start;
        if (text_length + 16 > text.len) die("the library has {d} bytes of code", .{text_length});
        readMemory(start, text[0..text_length]);
        for (symbols[0..symbol_count]) |*symbol| symbol.address = start + symbol.offset - offset;
    }
    if (text_length == 0) die("no mapping of {s}", .{library});
    for (symbols[0..symbol_count]) |symbol| poke(symbol.address, trap_byte);
}

/// Writes down what the program stored into the file since it was last looked at.
fn compare(comptime event: []const u8) void {
    if (region_length == 0) return;
    readMemory(region_start, seen[0..region_length]);
    var i: usize = 0;
    while (i < region_length) : (i += 1) {
        if (known[i] == seen[i]) continue;
        const first = i;
        while (i < region_length and known[i] != seen[i]) i += 1;
        print(event ++ " {d} {d}", .{ region_start + first, i - first });
    }
    @memcpy(known[0..region_length], seen[0..region_length]);
}

/// Writes down where the writes of a batch go: its encoding is in the program's memory.
fn entries(comptime list: []const u8, address: u64, byte_length: u64) void {
    const start: usize = @intFromFloat(@as(f64, @bitCast(address)));
    const length: usize = @intFromFloat(@as(f64, @bitCast(byte_length)));
    var at: usize = 0;
    while (at < length) {
        var header: [8]u8 = undefined;
        readMemory(start + at, &header);
        const bytes = std.mem.readInt(u16, header[6..8], .little);
        print("entry " ++ list ++ " {d} {d}", .{ std.mem.readInt(u48, header[0..6], .little), bytes });
        at += 8 + (@as(usize, bytes) + 7) / 8 * 8;
    }
}

/// Signals that came during a call: they wait for its return, as their handlers are no part of it.
var held: [32]linux.SIG = undefined;
var held_count: usize = 0;

/// Steps through one call, from its breakpoint to its return.
fn call(symbol: Symbol) void {
    compare("changed");
    var r = registers();
    // struct user_fpregs_struct: the XMM registers begin at byte 160, here as the bits of their lower halves
    var floats: [64]u64 = undefined;
    request(linux.PTRACE.GETFPREGS, 0, @intFromPtr(&floats));
    print("call {s} {d} {d} {d} {d} {d} {d} {d} {d} {d} {d} {d}", .{
        symbol.name, floats[20], floats[22], floats[24], floats[26], floats[28],
        floats[30],  floats[32], r.rdi,      r.rsi,      r.rdx,      r.rcx,
    });
    if (std.mem.eql(u8, symbol.name, "daxfile1_commit")) {
        entries("batch", floats[26], floats[28]);
        entries("previous", floats[30], floats[32]);
    }
    poke(symbol.address, text[symbol.address - text_start]);
    r.rip = symbol.address;
    request(linux.PTRACE.SETREGS, 0, @intFromPtr(&r));
    const stack = r.rsp;
    while (r.rsp <= stack) {
        const inside = r.rip >= text_start and r.rip < text_start + text_length;
        const before: decode.Access = if (inside) decode.decode(text[r.rip - text_start ..], &r) else .{};
        request(linux.PTRACE.SINGLESTEP, 0, 0);
        const signal = linux.W.STOPSIG(wait());
        if (signal != .TRAP) {
            held[held_count] = signal;
            held_count += 1;
            continue;
        }
        const earlier = r;
        r = registers();
        report(before, earlier, r);
    }
    compare("unexplained");
    print("return {d}", .{@as(i32, @truncate(@as(i64, @bitCast(r.rax))))});
    poke(symbol.address, trap_byte);
    while (held_count > 0) : (held_count -= 1) _ = linux.tgkill(pid, pid, held[held_count - 1]);
}

fn report(access: decode.Access, before: decode.Registers, after: decode.Registers) void {
    switch (access.kind) {
        .none => {},
        .store, .stream => {
            if (access.address < region_start or access.address >= region_start + region_length) return;
            print("{t} {d} {d}", .{ access.kind, access.address, access.byte_length });
            const first = access.address - region_start;
            const end = @min(first + access.byte_length, region_length);
            readMemory(access.address, known[first..end]);
        },
        .clwb, .clflushopt, .clflush => print("flush {t} {d}", .{ access.kind, access.address }),
        .sfence, .mfence => print("fence {t}", .{access.kind}),
        .syscall => {
            const result: i64 = @bitCast(after.rax);
            print("syscall {d} {d} {d} {d} {d} {d} = {d}", .{
                before.rax, before.rdi, before.rsi, before.rdx, before.r10, before.r8, result,
            });
            const file: i64 = @bitCast(before.r8);
            if (before.rax == @intFromEnum(linux.SYS.mmap) and file >= 0 and result > 0) watch(after.rax, before.rsi);
            if (before.rax == @intFromEnum(linux.SYS.munmap) and before.rdi == region_start) region_length = 0;
        },
    }
}

fn watch(start: usize, byte_length: usize) void {
    if (byte_length > region_max) die("a file of {d} bytes is mapped, and the limit is {d}", .{ byte_length, region_max });
    region_start = start;
    region_length = byte_length;
    readMemory(start, known[0..byte_length]);
    print("region {d} {d}", .{ start, byte_length });
}

pub fn main(init: std.process.Init.Minimal) void {
    const arguments = init.args.vector;
    if (arguments.len < 5) die("OUTPUT LIBRARY SYMBOL=OFFSET … -- PROGRAM PARAMETER …", .{});
    out_file = @intCast(check("open", linux.open(arguments[1], .{ .ACCMODE = .WRONLY, .CREAT = true, .TRUNC = true, .CLOEXEC = true }, 0o600)));
    var next: usize = 3;
    while (!std.mem.eql(u8, std.mem.span(arguments[next]), "--")) : (next += 1) {
        var halves = std.mem.splitScalar(u8, std.mem.span(arguments[next]), '=');
        symbols[symbol_count] = .{
            .name = halves.next().?,
            .offset = std.fmt.parseInt(usize, halves.next().?, 10) catch die("no offset: {s}", .{arguments[next]}),
        };
        symbol_count += 1;
    }
    var program: [64]?[*:0]const u8 = @splat(null);
    for (arguments[next + 1 ..], 0..) |argument, i| program[i] = argument;

    const child = check("fork", linux.fork());
    if (child == 0) {
        _ = check("PTRACE_TRACEME", linux.ptrace(linux.PTRACE.TRACEME, 0, 0, 0, 0));
        _ = check("execve", linux.execve(program[0].?, @ptrCast(&program), init.environ.block.slice.ptr));
    }
    pid = @intCast(child);
    _ = wait();
    const exit_kill = 1 << 20;
    request(linux.PTRACE.SETOPTIONS, 0, exit_kill);
    var path: [64]u8 = undefined;
    const name = std.fmt.bufPrintSentinel(&path, "/proc/{d}/mem", .{pid}, 0) catch unreachable;
    memory = @intCast(check("open", linux.open(name.ptr, .{ .ACCMODE = .RDWR, .CLOEXEC = true }, 0)));

    var deliver: usize = 0;
    while (true) {
        request(linux.PTRACE.CONT, 0, deliver);
        const signal = linux.W.STOPSIG(wait());
        deliver = @intFromEnum(signal);
        if (signal == .STOP and text_length == 0) {
            attach(std.mem.span(arguments[2]));
            deliver = 0;
        } else if (signal == .TRAP) {
            const at = registers().rip - 1;
            for (symbols[0..symbol_count]) |symbol| {
                if (symbol.address != at) continue;
                call(symbol);
                deliver = 0;
                break;
            }
        }
    }
}
