// SPDX-License-Identifier: GPL-2.0-only
/* Steps that change names, attributes and flags, and what happens to the file system. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

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
	if (fd >= 0)
		close(fd);
	fd = -1;
	return result(umount(mount_point));
}

/* Of the row's folder, mounted on itself. */
static long do_unmount_folder(long a, long b)
{
	return result(umount(folder));
}

static long do_remount_read_only(long a, long b)
{
	long r;

	if (fd >= 0)
		close(fd);
	fd = -1;
	r = result(mount(NULL, mount_point, NULL, MS_REMOUNT | MS_RDONLY,
			 NULL));
	if (r == 0)
		must(!mount(NULL, mount_point, NULL, MS_REMOUNT, NULL),
		     "remount for writing");
	return r;
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

const struct step name_steps[] = {
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
	{ "unmount-folder", do_unmount_folder },
	{ "remount-read-only", do_remount_read_only },
	{ "swapon", do_swapon },
	{ "drop-caches", do_drop_caches },
	{ "sync", do_sync },
	{ "fsync", do_fsync },
	{ NULL, NULL },
};
