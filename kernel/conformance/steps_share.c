// SPDX-License-Identifier: GPL-2.0-only
/* Steps that share, copy or exchange blocks with another file. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

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
	union {
		struct file_dedupe_range head;
		char room[sizeof(struct file_dedupe_range) +
			  sizeof(struct file_dedupe_range_info)];
	} request = { .head = { .src_length = SIZE, .dest_count = 1 } };

	request.head.info[0].dest_fd = to;
	if (ioctl(from, FIDEDUPERANGE, &request))
		return -errno;
	return request.head.info[0].status;
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

const struct step share_steps[] = {
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
	{ NULL, NULL },
};
