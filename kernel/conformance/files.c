// SPDX-License-Identifier: GPL-2.0-only
/* The files that rows start with, each in the state that its name says. */
#include "conformance.h"

#include <err.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

void fill(int f, off_t offset, off_t length)
{
	static char block[64 * KIB];

	memset(block, 0x5a, sizeof(block));
	while (length > 0) {
		size_t part = length < (off_t)sizeof(block) ? (size_t)length :
			      sizeof(block);

		must(pwrite(f, block, part, offset) == (ssize_t)part, "write");
		offset += part;
		length -= part;
	}
	must(fsync(f) == 0, "fsync");
}

int create(const char *file)
{
	int f = open(file, O_RDWR | O_CREAT | O_EXCL, 0600);

	must(f >= 0, "create");
	must(fchown(f, owner_uid, owner_uid) == 0, "chown");
	return f;
}

static void make_filled(off_t size)
{
	int f = create(path);

	/* In one piece, if that can be had. */
	must(size == 0 || fallocate(f, 0, 0, size) == 0, "fallocate");
	fill(f, 0, size);
	close(f);
}

static bool make_written(void)
{
	make_filled(SIZE);
	return true;
}

static bool make_nothing(void)
{
	return true;
}

/* No such pointer can be sent in a line. */
static bool make_no_path(void)
{
	path[0] = '\0';
	return calls_directly();
}

static bool make_static(void)
{
	make_written();
	must(daxctl(path, STATIC, 0) == 0, "make static");
	return true;
}

/* On XFS, a file that is open cannot be sealed; rows of their own say so. */
static bool make_held(void)
{
	if (sealing && is_xfs)
		return false;
	make_written();
	fd = open(path, O_RDWR);
	must(fd >= 0 && daxctl(path, STATIC, 0) == 0, "make static");
	return true;
}

/* In a mount of its own, which can be unmounted without harm to others. */
static bool make_bound(void)
{
	must(!mount(folder, folder, NULL, MS_BIND, NULL), "bind");
	return make_static();
}

/* A block that the device says is bad; it stays so, and the file with it. */
static bool make_bad_block(void)
{
	static struct map map;
	FILE *file;
	int f;

	if (!bad_blocks[0])
		return false;
	sprintf(path, "%s/bad-block.%d", mount_point, getpid());
	f = create(path);
	fill(f, 0, SIZE);
	close(f);
	must(read_map(path, &map), "FIEMAP");
	file = fopen(bad_blocks, "w");
	must(file && fprintf(file, "%llu 8\n", (unsigned long long)
			     map.extents[0].fe_physical / 512) > 0 &&
	     fclose(file) == 0, bad_blocks);
	return true;
}

static bool make_directory(void)
{
	return mkdir(path, 0700) == 0;
}

static bool make_fifo(void)
{
	return mkfifo(path, 0600) == 0;
}

static bool make_device(void)
{
	return mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0;
}

static bool make_symbolic_link(void)
{
	int f = create(second);

	fill(f, 0, SIZE);
	close(f);
	return symlink(second, path) == 0;
}

static bool make_empty(void)
{
	make_filled(0);
	return true;
}

static bool make_one_byte(void)
{
	make_filled(1);
	return true;
}

static bool make_with_hole(off_t offset, off_t length)
{
	int f = create(path);

	must(ftruncate(f, SIZE) == 0, "truncate");
	fill(f, 0, offset);
	if (offset + length < SIZE)
		fill(f, offset + length, SIZE - offset - length);
	close(f);
	return true;
}

static bool make_hole_at_start(void)
{
	return make_with_hole(0, PAGE);
}

static bool make_hole_inside(void)
{
	return make_with_hole(MIB, PAGE);
}

static bool make_hole_at_end(void)
{
	return make_with_hole(SIZE - PAGE, PAGE);
}

static bool make_allocated(off_t size, off_t written, int mode)
{
	int f = create(path);

	fill(f, 0, written);
	must(fallocate(f, mode, 0, size) == 0, "fallocate");
	fsync(f);
	close(f);
	return true;
}

static bool make_unwritten(void)
{
	return make_allocated(SIZE, 0, 0);
}

static bool make_unwritten_tail(void)
{
	return make_allocated(SIZE, SIZE - PAGE, 0);
}

static bool make_beyond_the_end(void)
{
	return make_allocated(SIZE + MIB, SIZE, FALLOC_FL_KEEP_SIZE);
}

/* Open: a reflinked file that has left memory is not DAX when it comes back. */
static bool make_shared(void)
{
	int f;

	make_written();
	fd = open(path, O_RDWR);
	f = create(second);
	must(fd >= 0 && ioctl(f, FICLONE, fd) == 0, "clone");
	close(f);
	return true;
}

/* A write to a shared block puts its neighbours' blocks in reserve, too. */
static bool make_was_shared(void)
{
	make_shared();
	fill(fd, 0, PAGE);
	must(truncate(second, 0) == 0, "truncate the clone");
	return true;
}

static bool make_unlinked(void)
{
	make_written();
	fd = open(path, O_RDWR);
	must(fd >= 0 && unlink(path) == 0, "unlink");
	sprintf(path, "/proc/%d/fd/%d", getpid(), fd);
	return true;
}

static bool make_realtime(void)
{
	struct fsxattr attributes;
	int f = create(path);
	bool ok;

	must(ioctl(f, FS_IOC_FSGETXATTR, &attributes) == 0, "FSGETXATTR");
	attributes.fsx_xflags |= FS_XFLAG_REALTIME;
	ok = ioctl(f, FS_IOC_FSSETXATTR, &attributes) == 0;
	if (ok)
		fill(f, 0, SIZE);
	close(f);
	return ok;
}

/*
 * A written file whose first byte lies at an offset from a multiple of 2 MiB:
 * as much is cut off a contiguous file's front as that takes.
 */
static void make_at(uint64_t base, uint64_t offset)
{
	static struct map map;
	uint64_t at, cut;
	int f = create(path);

	must(fallocate(f, 0, 0, 4 * SIZE) == 0, "fallocate");
	fill(f, 0, 4 * SIZE);
	read_map(path, &map);
	at = base + map.extents[0].fe_physical - offset;
	cut = (HUGE - at % HUGE) % HUGE;
	if (first_run(&map) < cut + SIZE + HUGE)
		errx(3, "%s is in pieces; use a fresh file system", path);
	must(!cut || !fallocate(f, FALLOC_FL_COLLAPSE_RANGE, 0, cut),
	     "collapse");
	must(ftruncate(f, SIZE) == 0, "truncate");
	close(f);
}

static bool make_aligned(void)
{
	if (device_base_known)
		make_at(device_base, 0);
	return device_base_known;
}

static bool make_misaligned(void)
{
	if (device_base_known)
		make_at(device_base, PAGE);
	return device_base_known;
}

static bool make_fs_aligned(void)
{
	make_at(0, 0);
	return device_base_known;
}

static bool make_short(void)
{
	return make_aligned() && truncate(path, 64 * KIB) == 0;
}

static bool make_short_misaligned(void)
{
	return make_misaligned() && truncate(path, 64 * KIB) == 0;
}

static bool make_tail_misaligned(void)
{
	int f;

	if (!make_aligned())
		return false;
	f = open(path, O_RDWR);
	must(!fallocate(f, FALLOC_FL_COLLAPSE_RANGE, HUGE, PAGE), "collapse");
	must(ftruncate(f, HUGE + 64 * KIB) == 0, "truncate");
	close(f);
	return true;
}

static bool make_not_dax(void)
{
	sprintf(path, "%s/not-dax", ordinary);
	make_written();
	return true;
}

static bool make_tmpfs(void)
{
	must(mount("tmpfs", folder, "tmpfs", 0, NULL) == 0, "mount tmpfs");
	make_written();
	return true;
}

static bool make_read_only(void)
{
	make_written();
	must(!mount(folder, folder, NULL, MS_BIND, NULL) &&
	     !mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL),
	     "bind read-only");
	return true;
}

static bool make_swap_file(void)
{
	uint32_t header[3] = { 1, SIZE / PAGE - 1, 0 };
	int f;

	sprintf(path, "%s/swap-file", ordinary);
	f = create(path);
	fill(f, 0, SIZE);
	must(pwrite(f, header, sizeof(header), 1024) == sizeof(header) &&
	     pwrite(f, "SWAPSPACE2", 10, PAGE - 10) == 10 &&
	     pwrite(f, "\0", 1, 1024 + 12) == 1, "make swap");
	fsync(f);
	close(f);
	must(swapon(path, 0) == 0, "swapon");
	return true;
}

static bool make_running(void)
{
	int from = open("/proc/self/exe", O_RDONLY), f = create(path);
	int ready[2];
	char byte;

	while (sendfile(f, from, NULL, MIB) > 0)
		;
	must(fchmod(f, 0700) == 0 && pipe(ready) == 0, "copy myself");
	close(f);
	close(from);
	elsewhere = fork();
	if (elsewhere == 0) {
		dup2(ready[1], 1);
		execl(path, path, "--wait", NULL);
		_exit(1);
	}
	close(ready[1]);
	must(read(ready[0], &byte, 1) == 1, "start myself");
	close(ready[0]);
	return true;
}

static const struct {
	const char *name;
	bool (*make)(void);
} files[] = {
	{ "missing", make_nothing },
	{ "no-path", make_no_path },
	{ "written", make_written },
	{ "static", make_static },		/* whoever opens it comes after */
	{ "held", make_held },			/* fd is from before */
	{ "bound", make_bound },
	{ "bad-block", make_bad_block },
	{ "directory", make_directory },
	{ "fifo", make_fifo },
	{ "device", make_device },
	{ "symbolic-link", make_symbolic_link },
	{ "not-dax", make_not_dax },
	{ "tmpfs", make_tmpfs },
	{ "swap-file", make_swap_file },
	{ "read-only", make_read_only },
	{ "running", make_running },
	{ "unlinked", make_unlinked },
	{ "empty", make_empty },
	{ "one-byte", make_one_byte },
	{ "hole-at-start", make_hole_at_start },
	{ "hole-inside", make_hole_inside },
	{ "hole-at-end", make_hole_at_end },
	{ "unwritten", make_unwritten },
	{ "unwritten-tail", make_unwritten_tail },
	{ "beyond-the-end", make_beyond_the_end },
	{ "shared", make_shared },
	{ "was-shared", make_was_shared },
	{ "realtime", make_realtime },
	{ "aligned", make_aligned },
	{ "misaligned", make_misaligned },
	{ "fs-aligned", make_fs_aligned },
	{ "short", make_short },
	{ "short-misaligned", make_short_misaligned },
	{ "tail-misaligned", make_tail_misaligned },
};

/* False if there is no such thing on this file system. */
bool make_file(const char *kind)
{
	for (size_t i = 0; i < COUNT(files); i++) {
		if (!strcmp(files[i].name, kind))
			return files[i].make();
	}
	errx(3, "there is no file %s", kind);
}

/* Makes the file ordinary and removes it and all that came with it. */
void clean_up(void)
{
	kill_elsewhere();
	if (fd >= 0)
		close(fd);
	fd = -1;
	swapoff(path);
	while (umount2(folder, MNT_DETACH) == 0)
		;
	daxctl(path, 0, 0);
	sprintf(path, "chattr -R -i %s 2>/dev/null; rm -rf %s %s/not-dax %s/swap-file",
		folder, folder, ordinary, ordinary);
	must(system(path) == 0, "clean up");
}
