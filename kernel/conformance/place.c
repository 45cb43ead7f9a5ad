// SPDX-License-Identifier: GPL-2.0-only
/* The mounted file system that rows are tried on, and the device below it. */
#include "conformance.h"

#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *mount_point, *ordinary;
bool is_xfs, has_reflink;
uint64_t device_base;
bool device_base_known;
char bad_blocks[256];

/* A number in the device's folder of sysfs, or 0. */
static uint64_t read_number(const char *device, const char *name, bool *found)
{
	char file[300];
	unsigned long value = 0;
	FILE *stream;

	sprintf(file, "%s/%s", device, name);
	stream = fopen(file, "r");
	*found = stream && fscanf(stream, "%li", (long *)&value) == 1;
	if (stream)
		fclose(stream);
	return value;
}

static void look_at_device(dev_t number)
{
	char device[128], disk[140];
	uint64_t start;
	bool is_partition;

	sprintf(device, "/sys/dev/block/%u:%u", major(number), minor(number));
	start = read_number(device, "start", &is_partition);
	sprintf(disk, is_partition ? "%s/.." : "%s", device);
	device_base = read_number(disk, "device/resource", &device_base_known) +
		      start * 512;
	if (!is_partition)
		sprintf(bad_blocks, "%s/badblocks", device);
}

void look_at_mount(void)
{
	struct statfs fs;
	struct stat st;
	int a, b;

	must(statfs(mount_point, &fs) == 0 && stat(mount_point, &st) == 0,
	     mount_point);
	is_xfs = fs.f_type == 0x58465342;
	look_at_device(st.st_dev);

	sprintf(path, "%s/probe-a", mount_point);
	sprintf(second, "%s/probe-b", mount_point);
	a = create(path);
	b = create(second);
	fill(a, 0, PAGE);
	has_reflink = ioctl(b, FICLONE, a) == 0;
	close(a);
	close(b);
	unlink(path);
	unlink(second);
	printf("# %s%s, physical start %#lx\n", is_xfs ? "XFS" : "ext4",
	       has_reflink ? " with reflink" : "", (long)device_base);
}
