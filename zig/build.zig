//! Builds the native library for each architecture, and its tests.
//!
//! `zig build` installs zig-out/lib/daxfile-<arch>.so, the same bytes on every machine; `zig build test`
//! runs the tests here; `zig build test-aarch64` installs zig-out/bin/test-aarch64, for
//! qemu-aarch64-static to run.

const std = @import("std");

/// A library must stay below this to be embedded in a TypeScript module without a second thought.
const library_bytes_max = 16 * 1024;

const architectures = [_]std.Target.Cpu.Arch{ .x86_64, .aarch64 };

pub fn build(b: *std.Build) void {
    for (architectures) |architecture| {
        const library = b.addLibrary(.{
            .name = b.fmt("daxfile-{t}", .{architecture}),
            .linkage = .dynamic,
            .root_module = module(b, target(b, architecture), .ReleaseSmall),
            .use_llvm = true,
            .use_lld = true,
        });
        library.build_id = .none;
        library.link_gc_sections = true;
        // Every symbol that is used is here: a stray call into libc must fail now, not in a musl container.
        library.link_z_defs = true;

        const check = b.addCheckFile(library.getEmittedBin(), .{});
        check.max_bytes = library_bytes_max;
        const file_name = b.fmt("daxfile-{t}.so", .{architecture});
        const install = b.addInstallLibFile(library.getEmittedBin(), file_name);
        install.step.dependOn(&check.step);
        b.getInstallStep().dependOn(&install.step);
    }

    const native = tests(b, "test", target(b, b.graph.host.result.cpu.arch));
    b.step("test", "Run the tests on this machine").dependOn(&b.addRunArtifact(native).step);

    const foreign = tests(b, "test-aarch64", target(b, .aarch64));
    b.step("test-aarch64", "Build zig-out/bin/test-aarch64")
        .dependOn(&b.addInstallArtifact(foreign, .{}).step);
}

/// The baseline of the architecture: faster instructions are found at run time, and used by name.
fn target(b: *std.Build, architecture: std.Target.Cpu.Arch) std.Build.ResolvedTarget {
    return b.resolveTargetQuery(.{
        .cpu_arch = architecture,
        .cpu_model = .baseline,
        .os_tag = .linux,
        .abi = .none,
    });
}

fn tests(b: *std.Build, name: []const u8, where: std.Build.ResolvedTarget) *std.Build.Step.Compile {
    return b.addTest(.{
        .name = name,
        .root_module = module(b, where, .ReleaseSafe),
        .use_llvm = true,
        .use_lld = true,
    });
}

fn module(
    b: *std.Build,
    where: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) *std.Build.Module {
    const shipped = optimize == .ReleaseSmall;
    return b.createModule(.{
        .root_source_file = b.path("root.zig"),
        .target = where,
        .optimize = optimize,
        .strip = shipped,
        // Never single-threaded: runtimes have threads, and any of them may meet the SIGBUS guard.
        .single_threaded = false,
        .omit_frame_pointer = shipped,
        .unwind_tables = if (shipped) .none else null,
        .error_tracing = if (shipped) false else null,
        .link_libc = false,
        .pic = if (shipped) true else null,
    });
}
