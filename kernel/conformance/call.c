// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a request is made: by the system call, or with --through by a program
 * that takes lines "FLAGS ALIGN PATH" and answers each with the result or
 * minus an errno.  It has the rights of the process that started it.
 */
#include "conformance.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYS_DAXCTL	548

static const char *through;
static FILE *requests, *answers;

static void start(void)
{
	int in[2], out[2];
	pid_t child;

	must(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC), "pipe");
	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/bin/sh", "sh", "-c", through, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	requests = fdopen(in[1], "w");
	answers = fdopen(out[0], "r");
}

void call_through(const char *command)
{
	through = command;
	start();
}

bool calls_directly(void)
{
	return !through;
}

/* After a change of rights, or in a process that works beside another. */
void call_anew(void)
{
	if (!through)
		return;
	fclose(requests);
	fclose(answers);
	start();
}

long daxctl(const char *file, int flags, int align)
{
	char line[64];

	if (!through)
		return result(syscall(SYS_DAXCTL, file, flags, align));
	fprintf(requests, "%d %d %s\n", flags, align, file);
	if (fflush(requests) || !fgets(line, sizeof(line), answers))
		errx(3, "%s does not answer", through);
	return strtol(line, NULL, 10);
}
