//! What one x86-64 instruction does to memory, as far as durability is concerned: stores, non-temporal stores, flushes and
//! fences. Everything else is `none`; an ordinary store that is not known here is noticed by the tracer, which compares.

/// The registers as PTRACE_GETREGS gives them (struct user_regs_struct).
pub const Registers = extern struct {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    rbp: u64,
    rbx: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rax: u64,
    rcx: u64,
    rdx: u64,
    rsi: u64,
    rdi: u64,
    orig_rax: u64,
    rip: u64,
    cs: u64,
    eflags: u64,
    rsp: u64,
    ss: u64,
    fs_base: u64,
    gs_base: u64,
    ds: u64,
    es: u64,
    fs: u64,
    gs: u64,

    /// By the number that an instruction gives them.
    fn numbered(r: *const Registers, number: u4) u64 {
        return switch (number) {
            0 => r.rax,
            1 => r.rcx,
            2 => r.rdx,
            3 => r.rbx,
            4 => r.rsp,
            5 => r.rbp,
            6 => r.rsi,
            7 => r.rdi,
            8 => r.r8,
            9 => r.r9,
            10 => r.r10,
            11 => r.r11,
            12 => r.r12,
            13 => r.r13,
            14 => r.r14,
            15 => r.r15,
        };
    }
};

pub const Kind = enum { none, store, stream, clwb, clflushopt, clflush, sfence, mfence, syscall };

pub const Access = struct {
    kind: Kind = .none,
    address: u64 = 0,
    byte_length: u64 = 0,
};

const Prefix = enum { none, operand, repne, rep };

const Instruction = struct {
    code: []const u8,
    at: usize = 0,
    registers: *const Registers,
    prefix: Prefix = .none,
    w: bool = false,
    x: bool = false,
    b: bool = false,
    /// Bytes of a vector register.
    vector: u64 = 16,
    /// What a displacement of one byte counts in: more than 1 in EVEX only.
    unit: i64 = 1,

    fn next(i: *Instruction) u8 {
        defer i.at += 1;
        return i.code[i.at];
    }

    fn peek(i: *const Instruction, ahead: usize) u8 {
        return i.code[i.at + ahead];
    }

    /// The opcode extension in the middle of ModRM.
    fn extension(i: *const Instruction) u3 {
        return @truncate(i.peek(0) >> 3);
    }

    /// Where the memory operand lies; null if it is a register, or relative to the instruction (the library's own constants).
    fn operand(i: *Instruction) ?u64 {
        const modrm = i.next();
        const mod = modrm >> 6;
        const rm: u3 = @truncate(modrm);
        if (mod == 3 or (mod == 0 and rm == 5)) return null;
        var address: u64 = 0;
        if (rm == 4) {
            const sib = i.next();
            const index = @as(u4, @intFromBool(i.x)) << 3 | @as(u3, @truncate(sib >> 3));
            const base = @as(u4, @intFromBool(i.b)) << 3 | @as(u3, @truncate(sib));
            if (index != 4) address +%= i.registers.numbered(index) << @as(u2, @truncate(sib >> 6));
            if (mod == 0 and @as(u3, @truncate(sib)) == 5) return address +% i.displacement(4);
            address +%= i.registers.numbered(base);
        } else {
            address = i.registers.numbered(@as(u4, @intFromBool(i.b)) << 3 | rm);
        }
        if (mod == 1) address +%= i.displacement(1);
        if (mod == 2) address +%= i.displacement(4);
        return address;
    }

    fn displacement(i: *Instruction, byte_length: usize) u64 {
        if (byte_length == 1) {
            const short: i64 = @as(i8, @bitCast(i.next()));
            return @bitCast(short * i.unit);
        }
        var bits: u32 = 0;
        for (0..4) |n| bits |= @as(u32, i.next()) << @intCast(8 * n);
        return @bitCast(@as(i64, @as(i32, @bitCast(bits))));
    }

    fn access(i: *Instruction, kind: Kind, byte_length: u64) Access {
        return .{ .kind = kind, .address = i.operand() orelse return .{}, .byte_length = byte_length };
    }

    /// Bytes of a general register operand.
    fn general(i: *const Instruction) u64 {
        return if (i.w) 8 else if (i.prefix == .operand) 2 else 4;
    }
};

/// `code` begins with the instruction and has at least 16 bytes.
pub fn decode(code: []const u8, registers: *const Registers) Access {
    var i: Instruction = .{ .code = code, .registers = registers };
    while (true) : (i.at += 1) switch (i.peek(0)) {
        0x66 => if (i.prefix == .none) {
            i.prefix = .operand;
        },
        0xf2 => i.prefix = .repne,
        0xf3 => i.prefix = .rep,
        0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0xf0 => {},
        else => break,
    };
    switch (i.peek(0)) {
        0x40...0x4f => {
            const rex = i.next();
            i.w = rex & 8 != 0;
            i.x = rex & 2 != 0;
            i.b = rex & 1 != 0;
        },
        0xc5 => {
            i.at += 1;
            vex(&i, i.next());
            return vector(&i);
        },
        0xc4 => {
            i.at += 1;
            const first = i.next();
            i.x = first & 0x40 == 0;
            i.b = first & 0x20 == 0;
            vex(&i, i.next());
            return if (first & 0x1f == 1) vector(&i) else .{};
        },
        0x62 => {
            i.at += 1;
            const first = i.next();
            i.x = first & 0x40 == 0;
            i.b = first & 0x20 == 0;
            prefixOf(&i, i.next());
            i.vector = @as(u64, 16) << @as(u2, @truncate(i.next() >> 5));
            i.unit = @intCast(i.vector);
            return if (first & 7 == 1) vector(&i) else .{};
        },
        else => {},
    }
    const opcode = i.next();
    return switch (opcode) {
        0x88, 0x86 => i.access(.store, 1),
        0x89, 0x87 => i.access(.store, i.general()),
        0xc6 => i.access(.store, 1),
        0xc7 => i.access(.store, i.general()),
        0xa4, 0xaa => string(&i, 1),
        0xa5, 0xab => string(&i, i.general()),
        0x0f => switch (i.peek(0)) {
            0x05 => .{ .kind = .syscall },
            0xae => ordering(&i),
            0xc3 => stream: {
                i.at += 1;
                break :stream i.access(.stream, i.general());
            },
            0xb0, 0xc0 => narrow: {
                i.at += 1;
                break :narrow i.access(.store, 1);
            },
            0xb1, 0xc1 => wide: {
                i.at += 1;
                break :wide i.access(.store, i.general());
            },
            else => vector(&i),
        },
        else => .{},
    };
}

/// One turn of MOVS or STOS: the processor stops after each.
fn string(i: *const Instruction, byte_length: u64) Access {
    if (i.prefix == .rep and i.registers.rcx == 0) return .{};
    return .{ .kind = .store, .address = i.registers.rdi, .byte_length = byte_length };
}

/// The group of 0F AE: flushes and fences, and among them XSAVE and the like, which no library of ours has.
fn ordering(i: *Instruction) Access {
    i.at += 1;
    if (i.peek(0) >= 0xc0) return switch (i.extension()) {
        7 => .{ .kind = .sfence },
        6 => .{ .kind = .mfence },
        else => .{},
    };
    return switch (i.extension()) {
        7 => i.access(if (i.prefix == .operand) .clflushopt else .clflush, 64),
        6 => if (i.prefix == .operand) i.access(.clwb, 64) else .{},
        else => .{},
    };
}

/// Stores of a vector register: the opcodes are the same in SSE, VEX and EVEX.
fn vector(i: *Instruction) Access {
    const opcode = i.next();
    return switch (opcode) {
        0x11 => i.access(.store, switch (i.prefix) {
            .rep => 4,
            .repne => 8,
            else => i.vector,
        }),
        0x29 => i.access(.store, i.vector),
        0x7f => i.access(.store, if (i.prefix == .none) 8 else i.vector),
        0x13, 0x17, 0xd6 => i.access(.store, 8),
        0x7e => if (i.prefix == .operand) i.access(.store, if (i.w) 8 else 4) else .{},
        0x2b => i.access(.stream, i.vector),
        0xe7 => i.access(.stream, if (i.prefix == .none) 8 else i.vector),
        else => .{},
    };
}

fn vex(i: *Instruction, byte: u8) void {
    i.vector = if (byte & 4 != 0) 32 else 16;
    prefixOf(i, byte);
}

fn prefixOf(i: *Instruction, byte: u8) void {
    i.w = byte & 0x80 != 0;
    i.prefix = switch (@as(u2, @truncate(byte))) {
        0 => .none,
        1 => .operand,
        2 => .rep,
        3 => .repne,
    };
}
