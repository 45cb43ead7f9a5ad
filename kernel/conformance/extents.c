// SPDX-License-Identifier: GPL-2.0-only
/* Where the blocks of a file are: FIEMAP, and what the tests ask of it. */
#include "conformance.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* False if the file cannot be opened. */
bool read_map(const char *file, struct map *map)
{
	static union {
		struct fiemap head;
		char room[sizeof(struct fiemap) +
			  MAX_EXTENTS * sizeof(struct fiemap_extent)];
	} request;
	int f = open(file, O_RDONLY);
	uint64_t end = 0;
	struct stat st;

	if (f < 0)
		return false;
	memset(&request, 0, sizeof(request));
	request.head.fm_length = FIEMAP_MAX_OFFSET;
	request.head.fm_flags = FIEMAP_FLAG_SYNC;
	request.head.fm_extent_count = MAX_EXTENTS;
	must(fstat(f, &st) == 0 && ioctl(f, FS_IOC_FIEMAP, &request) == 0,
	     "FIEMAP");
	close(f);

	memset(map, 0, sizeof(*map));
	map->count = request.head.fm_mapped_extents;
	map->size = st.st_size;
	map->complete = true;
	memcpy(map->extents, request.head.fm_extents, sizeof(map->extents));
	for (unsigned int i = 0; i < map->count; i++) {
		struct fiemap_extent *extent = &map->extents[i];

		if (extent->fe_logical >= (uint64_t)st.st_size)
			break;
		map->flags |= extent->fe_flags & ~FIEMAP_EXTENT_LAST;
		if (extent->fe_logical != end)
			map->complete = false;
		end = extent->fe_logical + extent->fe_length;
	}
	if (end < (uint64_t)st.st_size)
		map->complete = false;
	return true;
}

bool same_map(const struct map *a, const struct map *b)
{
	if (a->size != b->size || a->count != b->count)
		return false;
	for (unsigned int i = 0; i < a->count; i++) {
		const struct fiemap_extent *x = &a->extents[i];
		const struct fiemap_extent *y = &b->extents[i];

		if (x->fe_logical != y->fe_logical ||
		    x->fe_physical != y->fe_physical ||
		    x->fe_length != y->fe_length)
			return false;
	}
	return true;
}

/* Bytes from the first extent on that are physically contiguous. */
uint64_t first_run(const struct map *map)
{
	uint64_t length = 0;

	for (unsigned int i = 0; i < map->count; i++) {
		if (map->extents[i].fe_logical != length ||
		    map->extents[i].fe_physical !=
		    map->extents[0].fe_physical + length)
			break;
		length += map->extents[i].fe_length;
	}
	return length;
}
