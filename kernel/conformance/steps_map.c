// SPDX-License-Identifier: GPL-2.0-only
/* Steps that map the file, and what they do through the mapping. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *mapping = MAP_FAILED;

static char *the_mapping(void)
{
	if (mapping == MAP_FAILED)
		longjmp(refused, refusal);
	return mapping;
}

static long map_as(int f, int protection, int flags)
{
	mapping = mmap(NULL, SIZE, protection, flags, f, 0);
	return mapping == MAP_FAILED ? -errno : 0;
}

static long do_map(long a, long b)
{
	return map_as(the_fd(), PROT_READ | PROT_WRITE, MAP_SHARED);
}

static long do_map_sync(long a, long b)
{
	return map_as(the_fd(), PROT_READ | PROT_WRITE,
		      MAP_SHARED_VALIDATE | MAP_SYNC);
}

/* With a descriptor that could write. */
static long do_map_unwritten(long a, long b)
{
	return map_as(the_fd(), PROT_READ, MAP_SHARED);
}

static long map_read_only(int protection, int flags)
{
	int f = open_file(O_RDONLY);
	long r = map_as(f, protection, flags);

	close(f);
	return r;
}

static long do_map_read(long a, long b)
{
	return map_read_only(PROT_READ, MAP_SHARED);
}

static long do_map_private(long a, long b)
{
	return map_read_only(PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static long do_protect(long a, long b)
{
	return result(mprotect(the_mapping(), SIZE, PROT_READ | PROT_WRITE));
}

static long do_unmap(long a, long b)
{
	long r = result(munmap(the_mapping(), SIZE));

	mapping = MAP_FAILED;
	return r;
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
	must(stat(path, &st) == 0, "stat");
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
	long r;

	must(pipe(ready) == 0, "pipe");
	elsewhere = fork();
	if (elsewhere == 0) {
		int error = setjmp(refused);

		r = error ? -error : do_store(0, 0);
		write(ready[1], &r, sizeof(r));
		pause();
		_exit(0);
	}
	close(ready[1]);
	must(read(ready[0], &r, sizeof(r)) == sizeof(r), "map elsewhere");
	close(ready[0]);
	return r;
}

static long do_kill_elsewhere(long a, long b)
{
	kill_elsewhere();
	return 0;
}

static long do_remove(long a, long b)
{
	return result(madvise(the_mapping(), SIZE, MADV_REMOVE));
}

/* As if the memory of a page had failed: who has it mapped is told by a signal. */
static long do_poison(long offset, long b)
{
	int number;

	signal(SIGBUS, on_fault);
	number = sigsetjmp(landing, 1);
	if (number)
		return SIGNALLED - number;
	return result(madvise(the_mapping() + offset, PAGE, MADV_HWPOISON));
}

const struct step map_steps[] = {
	{ "map", do_map },
	{ "map-sync", do_map_sync },
	{ "map-unwritten", do_map_unwritten },
	{ "map-read", do_map_read },
	{ "map-private", do_map_private },
	{ "map-elsewhere", do_map_elsewhere },
	{ "kill-elsewhere", do_kill_elsewhere },
	{ "protect", do_protect },
	{ "unmap", do_unmap },
	{ "store", do_store },
	{ "remove", do_remove },
	{ "poison", do_poison },		/* OFFSET */
	{ NULL, NULL },
};
