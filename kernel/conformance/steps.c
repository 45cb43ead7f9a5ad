// SPDX-License-Identifier: GPL-2.0-only
/* What a row's process does to its file: one small function a step, most of them in steps_*.c. */
#include "conformance.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a step ends whose file cannot be opened, and those that follow from it. */
jmp_buf refused;
int refusal = EINVAL;

int open_file(int flags)
{
	int f = open(path, flags);

	if (f < 0)
		longjmp(refused, errno);
	return f;
}

int the_fd(void)
{
	if (fd < 0)
		fd = open_file(O_RDWR);
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
	int f = the_fd();

	fd = -1;
	return result(close(f));
}

static const struct step own_steps[] = {
	{ "daxctl", do_daxctl },		/* FLAGS ALIGN */
	{ "get", do_get },
	{ "set", do_set },			/* [ALIGN] */
	{ "clear", do_clear },
	{ "open", do_open },
	{ "close", do_close },
	{ NULL, NULL },
};

static const struct step *const all_steps[] = {
	own_steps, map_steps, write_steps, share_steps, name_steps,
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
	int error = setjmp(refused);

	if (error) {
		refusal = error;
		return -error;
	}
	if (!strncmp(name, "race-", 5))
		return race(name + 5, number(a));
	for (size_t i = 0; i < COUNT(all_steps); i++) {
		for (const struct step *step = all_steps[i]; step->name; step++) {
			if (!strcmp(step->name, name))
				return step->run(a ? number(a) : 0,
						 b ? number(b) : 0);
		}
	}
	errx(3, "there is no step %s", name);
}
