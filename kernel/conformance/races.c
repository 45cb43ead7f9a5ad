// SPDX-License-Identifier: GPL-2.0-only
/*
 * Others at work while the file is made static and ordinary again: how often
 * was a static file not whole, or did not stay as it was?
 *
 * The seal is not taken off while anybody has the file open, nor put on then on
 * XFS: where it is tried, the others open the file anew for each attack.
 */
#include "conformance.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/fs.h>
#include <unistd.h>

static char block[64 * KIB];

/*
 * At most so many microseconds. Longer where a program answers each request: who opens the file while it is sealed stops that, so that
 * the pauses must be longer than it takes, also in a slow machine.
 */
static void rest(unsigned int most)
{
	usleep(rand() % (sealing ? 60 * most : most));
}

/* A hole is there for as short as can be. */
static void punch(void)
{
	off_t offset = rand() % (SIZE / PAGE) * PAGE;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
		      PAGE) == 0)
		pwrite(fd, block, PAGE, offset);
}

/* The same, but it is a page fault that fills the hole. */
static void fault(void)
{
	off_t offset = rand() % (SIZE / PAGE) * PAGE;
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  offset);

	must(page != MAP_FAILED, "mmap");
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
		      PAGE) == 0)
		*(volatile char *)page = 1;
	munmap(page, PAGE);
}

static void cut(void)
{
	if (ftruncate(fd, SIZE - sizeof(block)) == 0)
		pwrite(fd, block, sizeof(block), SIZE - sizeof(block));
}

static void extend(void)
{
	pwrite(fd, block, PAGE, SIZE + rand() % (SIZE / PAGE) * PAGE);
	ftruncate(fd, SIZE);
}

static void exchange(void)
{
	swap_extents(fd, second_fd());
}

static void clone(void)
{
	ioctl(second_fd(), FICLONE, fd);
	ftruncate(second_fd(), 0);
}

static void set_and_clear(void)
{
	daxctl(path, STATIC, 0);
	rest(3000);
	daxctl(path, 0, 0);
}

/* While the file is being sealed, open() waits in the kernel: for the lease. */
static void attack(void (*disturb)(void))
{
	if (sealing && disturb != set_and_clear) {
		fd = open(path, O_RDWR);
		if (fd < 0)
			return;
	}
	disturb();
	if (sealing && fd >= 0) {
		close(fd);
		fd = -1;
	}
}

/* Returns when it is at work. */
static void start(void (*disturb)(void))
{
	int ready[2];
	char byte;

	take_all_processors();
	if (!sealing)
		the_fd();
	must(pipe(ready) == 0, "pipe");
	elsewhere = fork();
	must(elsewhere >= 0, "fork");
	if (elsewhere == 0) {
		call_anew();
		daxctl(path, GET, 0);
		write(ready[1], "x", 1);
		for (;;) {
			attack(disturb);
			rest(3000);
		}
	}
	close(ready[1]);
	must(read(ready[0], &byte, 1) == 1, "start a race");
	close(ready[0]);
}

static bool is_good(const struct map *map)
{
	return map->complete && !(map->flags & (FIEMAP_EXTENT_UNWRITTEN |
						FIEMAP_EXTENT_SHARED));
}

/* Somebody has it open on XFS, or is seen to change it. */
static bool is_disturbed(long r)
{
	return r == -EOPNOTSUPP || r == -EBUSY;
}

/* On past the rounds while the file was never static, which proves nothing: but not for ever. */
static bool goes_on(long i, long rounds, long times_static)
{
	return i < rounds || (!times_static && i < 20 * rounds);
}

/* Makes it static, looks at its extents twice, and makes it ordinary. */
static long look_while_static(long rounds, long *times_static)
{
	static struct map first, again;
	long wrong = 0;

	for (long i = 0; goes_on(i, rounds, *times_static); i++) {
		long r = daxctl(path, STATIC, 0);

		if (r < 0 && r != -EINVAL && !(sealing && is_disturbed(r)))
			return r;
		if (r < 0) {
			/* On a busy machine a hole can outlast many calls. */
			rest(3000);
			continue;
		}
		++*times_static;
		read_map(path, &first);
		rest(3000);
		read_map(path, &again);
		if (!is_good(&first) || !same_map(&first, &again))
			wrong++;
		do {
			r = daxctl(path, 0, 0);
		} while (r == -EBUSY);
		if (r < 0)
			return r;
		rest(3000);
	}
	return wrong;
}

/* A file that is mapped and static must stay static until it is not mapped. */
static long look_while_mapped(long rounds, long *times_static)
{
	long wrong = 0;

	for (long i = 0; goes_on(i, rounds, *times_static); i++) {
		char *mapping;

		if (sealing)
			fd = open_file(O_RDONLY);
		mapping = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
		must(mapping != MAP_FAILED, "mmap");
		if (daxctl(path, GET, 0) == STATIC) {
			++*times_static;
			rest(3000);
			wrong += daxctl(path, GET, 0) != STATIC;
		}
		munmap(mapping, SIZE);
		if (sealing) {
			close(fd);
			fd = -1;
		}
		rest(1000);
	}
	return wrong;
}

static const struct {
	const char *name;
	void (*disturb)(void);
	long (*look)(long rounds, long *times_static);
} races[] = {
	{ "punch", punch, look_while_static },
	{ "fault", fault, look_while_static },
	{ "truncate", cut, look_while_static },
	{ "write", extend, look_while_static },
	{ "swap-extents", exchange, look_while_static },
	{ "clone", clone, look_while_static },
	{ "map", set_and_clear, look_while_mapped },
};

/* How often something was wrong. */
long race(const char *against, long rounds)
{
	for (size_t i = 0; i < COUNT(races); i++) {
		long times_static = 0, r;

		if (strcmp(races[i].name, against))
			continue;
		second_fd();
		start(races[i].disturb);
		if (!calls_directly())	/* each waits for a program's answers */
			rounds /= 10;
		r = races[i].look(rounds, &times_static);
		kill_elsewhere();
		printf("# static in %ld rounds of %ld\n", times_static, rounds);
		/* A race that was never won proves nothing. */
		return r || times_static ? r : -ENODATA;
	}
	errx(3, "there is no race against %s", against);
}
