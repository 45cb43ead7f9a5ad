// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs rows.table on one mounted DAX file system, as root:
 *
 *   conformance [--through COMMAND [--seal]] TABLE MOUNT_POINT ORDINARY_FOLDER [ONLY]
 *
 * Requests are made by the system call, or by COMMAND (call.c), which with
 * --seal has no call.  Every row gets a new file (files.c) and a process of its
 * own that does its steps (steps*.c); while the file is static, its extents are
 * compared after each step.  ORDINARY_FOLDER is one on a disk, for a swap file;
 * with ONLY, only the rows that contain it.  Prints TAP.
 */
#include "conformance.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char path[256], second[256], folder[200];
int fd = -1;
pid_t elsewhere;
bool sealing;

static const char *only;
static unsigned int tests, failures;

void must(bool ok, const char *what)
{
	if (!ok)
		err(3, "%s: %s", path, what);
}

long result(long value)
{
	return value < 0 ? -errno : value;
}

void kill_elsewhere(void)
{
	if (elsewhere > 0) {
		kill(elsewhere, SIGKILL);
		waitpid(elsewhere, NULL, 0);
	}
	elsewhere = 0;
}

/* In the row's own process: all its steps. */
static void run_steps(char *list, const char *who, FILE *out)
{
	static struct map frozen, now;
	bool is_frozen;
	char *rest, text[64];

	is_frozen = daxctl(path, GET, 0) == STATIC && read_map(path, &frozen);
	become(who);
	for (char *step = strtok_r(list, ";", &rest); step;
	     step = strtok_r(NULL, ";", &rest)) {
		long r = run_step(step);

		if (daxctl(path, GET, 0) != STATIC)
			is_frozen = false;
		else if (!is_frozen)
			is_frozen = read_map(path, &frozen);
		else if (read_map(path, &now) && !same_map(&frozen, &now))
			r = MOVED;
		describe(r, text);
		fprintf(out, "%s ", text);
		fflush(out);
	}
	kill_elsewhere();
}

static void run_row(const char *file, const char *who, const char *list,
		    const char *expected)
{
	char steps_copy[256], got[256] = "", title[400];
	int out[2], status;
	size_t length = 0;
	ssize_t more;
	bool made;
	pid_t child;
	time_t begin = time(NULL);

	sprintf(title, "%s, %s: %s", file, who, list);
	if (only && !strstr(title, only))
		return;
	sprintf(folder, "%s/conformance", mount_point);
	sprintf(path, "%s/file", folder);
	sprintf(second, "%s/second", folder);
	must(mkdir(folder, 0777) == 0 && chmod(folder, 0777) == 0, "mkdir");
	made = make_file(file);
	tests++;
	if (!made) {
		printf("ok %u - %s # SKIP not on this file system\n", tests,
		       title);
		clean_up();
		return;
	}

	if (!strcmp(expected, "by-address"))
		expected = device_base % HUGE ? "EINVAL" : "0";
	strcpy(steps_copy, list);
	fflush(stdout);
	must(pipe(out) == 0, "pipe");
	child = fork();
	if (child == 0) {
		elsewhere = 0;
		close(out[0]);
		alarm(300);
		run_steps(steps_copy, who, fdopen(out[1], "w"));
		fflush(stdout);
		_exit(0);
	}
	close(out[1]);
	while ((more = read(out[0], got + length, sizeof(got) - length - 1)) > 0)
		length += more;
	close(out[0]);
	waitpid(child, &status, 0);
	while (length > 0 && got[length - 1] == ' ')
		got[--length] = '\0';
	if (status)
		sprintf(got + length, " (ended with status %#x)", status);

	if (!strcmp(got, expected)) {
		printf("ok %u - %s\n", tests, title);
		if (time(NULL) - begin > 1)
			printf("# in %ld s\n", (long)(time(NULL) - begin));
	} else {
		failures++;
		printf("not ok %u - %s\n# expected %s\n# got      %s\n", tests,
		       title, expected, got);
	}
	fflush(stdout);
	clean_up();
}

/* Cuts spaces from both ends, and makes one of many inside. */
static char *trimmed(char *text)
{
	char *to = text, *from = text;

	for (; *from; from++) {
		if (!isspace(*from))
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
	return text;
}

/* Four columns, trimmed. */
static void split(char *line, char **columns)
{
	for (int i = 0; i < 4; i++) {
		columns[i] = strsep(&line, "|");
		if (!columns[i])
			errx(3, "four columns are wanted: %s", columns[0]);
		trimmed(columns[i]);
	}
}

/*
 * A row, and the line below it that says where the seal differs.  Where there
 * is none, the seal does what the call does; on a file system with reflink,
 * where nothing can be sealed, only what has such a line is tried.
 */
static void run_line(char *line, char *seal)
{
	char *columns[4], *other[4], *rest, *names, *who, *list, *name;
	int column = has_reflink ? 3 : is_xfs ? 2 : 1;
	const char *expected;

	split(line, columns);
	for (int i = 2; i < 4; i++) {
		if (!strcmp(columns[i], "="))
			columns[i] = columns[i - 1];
	}
	expected = columns[column];
	if (sealing) {
		if (seal)
			split(seal, other);
		else if (has_reflink)
			return;
		if (seal && strcmp(other[column], "="))
			expected = other[column];
	}
	if (!strcmp(expected, "-") || !strcmp(expected, "?"))
		return;
	names = strsep(&columns[0], " ");
	who = strsep(&columns[0], " ");
	list = columns[0];
	while ((name = strtok_r(names, ",", &rest))) {
		names = NULL;
		run_row(name, who, list, expected);
	}
}

/* The next line that is not a comment. */
static char *next_line(char **table)
{
	char *line;

	do {
		line = strsep(table, "\n");
	} while (line && (!line[0] || line[0] == '#'));
	return line;
}

int main(int argc, char **argv)
{
	static char text[64 * KIB];
	char *table = text, *line, *next;
	int file;

	if (argc == 2 && !strcmp(argv[1], "--wait")) {
		write(1, "x", 1);
		pause();
	}
	umask(0);
	if (argc > 2 && !strcmp(argv[1], "--through")) {
		call_through(argv[2]);
		argv += 2;
		argc -= 2;
	}
	if (argc > 1 && !strcmp(argv[1], "--seal")) {
		sealing = true;
		argv++;
		argc--;
	}
	if (argc != 4 && argc != 5)
		errx(2, "conformance [--through COMMAND [--seal]] TABLE MOUNT_POINT ORDINARY_FOLDER [ONLY]");
	only = argv[4];
	file = open(argv[1], O_RDONLY);
	if (read(file, text, sizeof(text) - 1) <= 0)
		err(2, "%s", argv[1]);
	mount_point = argv[2];
	ordinary = argv[3];
	look_at_mount();
	for (line = next_line(&table); line; line = next) {
		next = next_line(&table);
		if (next && isspace(next[0])) {
			run_line(line, next);
			next = next_line(&table);
		} else {
			run_line(line, NULL);
		}
	}
	printf("1..%u\n# %u failed\n", tests, failures);
	return failures ? 1 : 0;
}
