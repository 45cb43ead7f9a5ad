// SPDX-License-Identifier: GPL-2.0-only
/* Steps that read and write the file, and change its size or its blocks. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static char block[PAGE] __attribute__((aligned(4096)));

static long read_with(int flags, long offset)
{
	int f = open_file(O_RDONLY | flags);
	long r = result(pread(f, block, PAGE, offset));

	close(f);
	return r;
}

static long do_read(long offset, long b)
{
	return read_with(0, offset);
}

static long do_read_direct(long offset, long b)
{
	return read_with(O_DIRECT, offset);
}

static long do_write_direct(long offset, long b)
{
	int f = open_file(O_RDWR | O_DIRECT);
	long r = result(pwrite(f, block, PAGE, offset));

	close(f);
	return r;
}

static long do_write(long offset, long b)
{
	return result(pwrite(the_fd(), block, PAGE, offset));
}

static long do_append(long a, long b)
{
	int f = open_file(O_WRONLY | O_APPEND);
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

const struct step write_steps[] = {
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
	{ NULL, NULL },
};
