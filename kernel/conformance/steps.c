// SPDX-License-Identifier: GPL-2.0-only
/* What a row's process does to its file, one small function a step. */
#include "conformance.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *mapping = MAP_FAILED;

int the_fd(void)
{
	if (fd < 0)
		fd = open(path, O_RDWR);
	return fd;
}

int second_fd(void)
{
	static int f = -1;

	if (f < 0) {
		f = open(second, O_RDWR | O_CREAT, 0600);
		must(fallocate(f, 0, 0, SIZE) == 0, "fallocate");
		fill(f, 0, SIZE);
	}
	return f;
}

static long do_daxctl(long flags, long align)
{
	return daxctl(path, flags, align);
}

static long do_get(long a, long b)
{
	return daxctl(path[0] ? path : NULL, GET, 0);
}

static long do_set(long align, long b)
{
	return daxctl(path, STATIC, align);
}

static long do_clear(long a, long b)
{
	return daxctl(path, 0, 0);
}

static long do_open(long a, long b)
{
	fd = open(path, O_RDWR);
	return fd < 0 ? -errno : 0;
}

static long do_close(long a, long b)
{
	int f = fd;

	fd = -1;
	return result(close(f));
}

static long map_as(int protection, int flags)
{
	mapping = mmap(NULL, SIZE, protection, flags, the_fd(), 0);
	return mapping == MAP_FAILED ? -errno : 0;
}

static long do_map(long a, long b)
{
	return map_as(PROT_READ | PROT_WRITE, MAP_SHARED);
}

static long do_map_sync(long a, long b)
{
	return map_as(PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC);
}

static long do_map_read(long a, long b)
{
	return map_as(PROT_READ, MAP_SHARED);
}

static long do_map_private(long a, long b)
{
	return map_as(PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static long do_protect(long a, long b)
{
	return result(mprotect(mapping, SIZE, PROT_READ | PROT_WRITE));
}

static long do_unmap(long a, long b)
{
	return result(munmap(mapping, SIZE));
}

static sigjmp_buf landing;

static void on_fault(int number)
{
	siglongjmp(landing, number);
}

/* Writes to every page of the file. */
static long do_store(long a, long b)
{
	struct stat st;
	int number;

	if (mapping == MAP_FAILED && do_map(0, 0) < 0)
		return -errno;
	must(fstat(fd, &st) == 0, "stat");
	signal(SIGBUS, on_fault);
	signal(SIGSEGV, on_fault);
	number = sigsetjmp(landing, 1);
	if (number)
		return SIGNALLED - number;
	for (off_t i = 0; i < st.st_size; i += PAGE)
		((volatile char *)mapping)[i]++;
	return 0;
}

/* Another process that has the file mapped. */
static long do_map_elsewhere(long a, long b)
{
	int ready[2];
	char byte;

	must(pipe(ready) == 0, "pipe");
	elsewhere = fork();
	if (elsewhere == 0) {
		if (do_store(0, 0) == 0)
			write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	return read(ready[0], &byte, 1) == 1 ? 0 : -EIO;
}

static long do_kill_elsewhere(long a, long b)
{
	kill_elsewhere();
	return 0;
}

static long do_read(long offset, long b)
{
	static char block[PAGE];

	return result(pread(the_fd(), block, PAGE, offset));
}

static long direct(bool writes, long offset)
{
	static char block[PAGE] __attribute__((aligned(4096)));
	int f = open(path, O_RDWR | O_DIRECT);
	long r = result(writes ? pwrite(f, block, PAGE, offset) :
				 pread(f, block, PAGE, offset));

	close(f);
	return r;
}

static long do_read_direct(long offset, long b)
{
	return direct(false, offset);
}

static long do_write_direct(long offset, long b)
{
	return direct(true, offset);
}

static long do_write(long offset, long b)
{
	static char block[PAGE];

	return result(pwrite(the_fd(), block, PAGE, offset));
}

static long do_append(long a, long b)
{
	int f = open(path, O_WRONLY | O_APPEND);
	long r = result(write(f, "x", 1));

	close(f);
	return r;
}

static long do_truncate(long size, long b)
{
	return result(truncate(path, size));
}

static long do_ftruncate(long size, long b)
{
	return result(ftruncate(the_fd(), size));
}

static long do_open_truncate(long a, long b)
{
	return result(open(path, O_RDWR | O_TRUNC));
}

static long allocate(int mode, long offset, long length)
{
	return result(fallocate(the_fd(), mode, offset, length));
}

static long do_allocate(long offset, long length)
{
	return allocate(0, offset, length);
}

static long do_keep_size(long offset, long length)
{
	return allocate(FALLOC_FL_KEEP_SIZE, offset, length);
}

static long do_punch(long offset, long length)
{
	return allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			length);
}

static long do_zero(long offset, long length)
{
	return allocate(FALLOC_FL_ZERO_RANGE, offset, length);
}

static long do_collapse(long offset, long length)
{
	return allocate(FALLOC_FL_COLLAPSE_RANGE, offset, length);
}

static long do_insert(long offset, long length)
{
	return allocate(FALLOC_FL_INSERT_RANGE, offset, length);
}

static long do_unshare(long offset, long length)
{
	return allocate(FALLOC_FL_UNSHARE_RANGE, offset, length);
}

static long do_remove(long a, long b)
{
	return result(madvise(mapping, SIZE, MADV_REMOVE));
}

static long do_clone_from(long a, long b)
{
	return result(ioctl(second_fd(), FICLONE, the_fd()));
}

static long do_clone_to(long a, long b)
{
	return result(ioctl(the_fd(), FICLONE, second_fd()));
}

static long dedupe(int from, int to)
{
	struct {
		struct file_dedupe_range head;
		struct file_dedupe_range_info info;
	} request = { { .src_length = SIZE, .dest_count = 1 },
		      { .dest_fd = to } };

	if (ioctl(from, FIDEDUPERANGE, &request))
		return -errno;
	return request.info.status;
}

static long do_dedupe_from(long a, long b)
{
	return dedupe(the_fd(), second_fd());
}

static long do_dedupe_to(long a, long b)
{
	return dedupe(second_fd(), the_fd());
}

static long do_copy_from(long a, long b)
{
	loff_t in = 0, out = 0;

	return result(copy_file_range(the_fd(), &in, second_fd(), &out, PAGE,
				      0));
}

static long do_copy_to(long a, long b)
{
	loff_t in = 0, out = 0;

	return result(copy_file_range(second_fd(), &in, the_fd(), &out, PAGE,
				      0));
}

static long do_sendfile_from(long a, long b)
{
	off_t offset = 0;

	lseek(second_fd(), 0, SEEK_SET);
	return result(sendfile(second_fd(), the_fd(), &offset, PAGE));
}

static long do_sendfile_to(long a, long b)
{
	off_t offset = 0;

	lseek(the_fd(), 0, SEEK_SET);
	return result(sendfile(the_fd(), second_fd(), &offset, PAGE));
}

/* fs/ext4/ext4.h */
struct move_extent {
	uint32_t reserved, donor_fd;
	uint64_t orig_start, donor_start, len, moved_len;
};

#define EXT4_IOC_MOVE_EXT	_IOWR('f', 15, struct move_extent)
#define EXT4_IOC_SWAP_BOOT	_IO('f', 17)

static long do_move_extents(long a, long b)
{
	struct move_extent move = {
		.donor_fd = second_fd(),
		.len = SIZE / PAGE,
	};

	return result(ioctl(the_fd(), EXT4_IOC_MOVE_EXT, &move));
}

static long do_boot_loader(long a, long b)
{
	return result(ioctl(the_fd(), EXT4_IOC_SWAP_BOOT));
}

/* fs/xfs/libxfs/xfs_fs.h; of xfs_bstat, no field is named that is not used. */
struct xfs_bstat {
	char bytes[136];
};

struct xfs_swapext {
	int64_t version, target, temporary, offset, length;
	char pad[16];
	struct xfs_bstat stat;
};

struct xfs_bulk_request {
	uint64_t *ino;
	int32_t count;
	struct xfs_bstat *stat;
	int32_t *ocount;
};

#define XFS_IOC_FSBULKSTAT_SINGLE _IOWR('X', 102, struct xfs_bulk_request)
#define XFS_IOC_SWAPEXT		_IOWR('X', 109, struct xfs_swapext)

long swap_extents(int target, int temporary)
{
	struct xfs_swapext swap = {
		.target = target,
		.temporary = temporary,
		.length = SIZE,
	};
	struct stat st;
	uint64_t ino;
	int32_t count;
	struct xfs_bulk_request request = {
		&ino, 1, &swap.stat, &count
	};

	must(fstat(target, &st) == 0, "stat");
	ino = st.st_ino;
	if (ioctl(target, XFS_IOC_FSBULKSTAT_SINGLE, &request))
		return -errno;
	return result(ioctl(target, XFS_IOC_SWAPEXT, &swap));
}

static long do_swap_extents(long a, long b)
{
	return swap_extents(the_fd(), second_fd());
}

static long change_flags(unsigned int set, unsigned int clear)
{
	int f = open(path, O_RDONLY);
	unsigned int flags;
	long r = result(ioctl(f, FS_IOC_GETFLAGS, &flags));

	flags = (flags | set) & ~clear;
	if (r == 0)
		r = result(ioctl(f, FS_IOC_SETFLAGS, &flags));
	close(f);
	return r;
}

static long do_journal_data(long a, long b)
{
	return change_flags(FS_JOURNAL_DATA_FL, 0);
}

static long do_to_block_list(long a, long b)
{
	return change_flags(0, FS_EXTENT_FL);
}

static long do_flag_immutable(long a, long b)
{
	return change_flags(FS_IMMUTABLE_FL, 0);
}

static long do_flag_none(long a, long b)
{
	return change_flags(0, FS_IMMUTABLE_FL);
}

static long do_unlink(long a, long b)
{
	return result(unlink(path));
}

static long do_rename(long a, long b)
{
	long r = result(rename(path, second));

	if (r == 0)
		must(rename(second, path) == 0, "rename back");
	return r;
}

static long do_rename_over(long a, long b)
{
	second_fd();
	return result(rename(second, path));
}

static long do_rename_exchange(long a, long b)
{
	second_fd();
	return result(syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, second,
			      RENAME_EXCHANGE));
}

static long do_link(long a, long b)
{
	return result(link(path, second));
}

static long do_unlink_link(long a, long b)
{
	return result(unlink(second));
}

static long do_chmod(long a, long b)
{
	return result(chmod(path, 0640));
}

static long do_utimes(long a, long b)
{
	return result(utimensat(AT_FDCWD, path, NULL, 0));
}

static long do_setxattr(long a, long b)
{
	return result(setxattr(path, "trusted.test", "1", 1, 0));
}

static long do_unmount(long a, long b)
{
	int f = fd;

	if (f >= 0)
		close(f);
	fd = -1;
	return result(umount(mount_point));
}

static long do_remount_read_only(long a, long b)
{
	return result(mount(NULL, mount_point, NULL, MS_REMOUNT | MS_RDONLY,
			    NULL));
}

static long do_swapon(long a, long b)
{
	return result(swapon(path, 0));
}

/* Once with no descriptor of ours, so that only the kernel keeps the inode. */
static long do_drop_caches(long a, long b)
{
	int f = open("/proc/sys/vm/drop_caches", O_WRONLY);
	long r;

	close(fd);
	fd = -1;
	sync();
	r = result(write(f, "3\n", 2));
	close(f);
	return r < 0 ? r : 0;
}

static long do_sync(long a, long b)
{
	sync();
	return 0;
}

static long do_fsync(long a, long b)
{
	return result(fsync(the_fd()));
}

static const struct {
	const char *name;
	long (*run)(long a, long b);
} steps[] = {
	{ "daxctl", do_daxctl },		/* FLAGS ALIGN */
	{ "get", do_get },
	{ "set", do_set },			/* [ALIGN] */
	{ "clear", do_clear },
	{ "open", do_open },
	{ "close", do_close },
	{ "map", do_map },
	{ "map-sync", do_map_sync },
	{ "map-read", do_map_read },
	{ "map-private", do_map_private },
	{ "map-elsewhere", do_map_elsewhere },
	{ "kill-elsewhere", do_kill_elsewhere },
	{ "protect", do_protect },
	{ "unmap", do_unmap },
	{ "store", do_store },
	{ "read", do_read },			/* OFFSET */
	{ "read-direct", do_read_direct },	/* OFFSET */
	{ "write", do_write },			/* OFFSET */
	{ "write-direct", do_write_direct },	/* OFFSET */
	{ "append", do_append },
	{ "truncate", do_truncate },		/* SIZE */
	{ "ftruncate", do_ftruncate },		/* SIZE */
	{ "open-truncate", do_open_truncate },
	{ "allocate", do_allocate },		/* OFFSET LENGTH */
	{ "keep-size", do_keep_size },		/* OFFSET LENGTH */
	{ "punch", do_punch },			/* OFFSET LENGTH */
	{ "zero", do_zero },			/* OFFSET LENGTH */
	{ "collapse", do_collapse },		/* OFFSET LENGTH */
	{ "insert", do_insert },		/* OFFSET LENGTH */
	{ "unshare", do_unshare },		/* OFFSET LENGTH */
	{ "remove", do_remove },
	{ "clone-from", do_clone_from },
	{ "clone-to", do_clone_to },
	{ "dedupe-from", do_dedupe_from },
	{ "dedupe-to", do_dedupe_to },
	{ "copy-from", do_copy_from },
	{ "copy-to", do_copy_to },
	{ "sendfile-from", do_sendfile_from },
	{ "sendfile-to", do_sendfile_to },
	{ "move-extents", do_move_extents },
	{ "boot-loader", do_boot_loader },
	{ "swap-extents", do_swap_extents },
	{ "journal-data", do_journal_data },
	{ "to-block-list", do_to_block_list },
	{ "flag-immutable", do_flag_immutable },
	{ "flag-none", do_flag_none },
	{ "unlink", do_unlink },
	{ "rename", do_rename },
	{ "rename-over", do_rename_over },
	{ "rename-exchange", do_rename_exchange },
	{ "link", do_link },
	{ "unlink-link", do_unlink_link },
	{ "chmod", do_chmod },
	{ "utimes", do_utimes },
	{ "setxattr", do_setxattr },
	{ "unmount", do_unmount },
	{ "remount-read-only", do_remount_read_only },
	{ "swapon", do_swapon },
	{ "drop-caches", do_drop_caches },
	{ "sync", do_sync },
	{ "fsync", do_fsync },
};

static long number(const char *text)
{
	char *unit;
	long value = strtol(text, &unit, 0);

	return *unit == 'K' ? value * KIB : *unit == 'M' ? value * MIB : value;
}

/* One step, such as "punch 0 4K". */
long run_step(char *words)
{
	char *rest, *name = strtok_r(words, " ", &rest);
	char *a = strtok_r(NULL, " ", &rest), *b = strtok_r(NULL, " ", &rest);

	if (!strncmp(name, "race-", 5))
		return race(name + 5, number(a));
	for (size_t i = 0; i < COUNT(steps); i++) {
		if (!strcmp(steps[i].name, name))
			return steps[i].run(a ? number(a) : 0,
					    b ? number(b) : 0);
	}
	errx(3, "there is no step %s", name);
}
