// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs rows.table against the system call on one mounted DAX file
 * system, as root: ./conformance rows.table MOUNT_POINT ORDINARY_FOLDER [ONLY]
 *
 * Every row gets a new file (files[]) and a process of its own that does its
 * steps (steps[]); while the file is static, its extents are compared after
 * each step.  ORDINARY_FOLDER is one on a disk, for a swap file; with ONLY, only
 * the rows that contain it.  Prints TAP.
 */
#include "conformance.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYS_DAXCTL	548

const uid_t owner_uid = 65534, other_uid = 65533;
const char *mount_point, *ordinary;
uint64_t device_base;
bool device_base_known;
char path[256], second[256], folder[200];
int fd = -1;
pid_t elsewhere;

static bool is_xfs, has_reflink;
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

long daxctl(const char *file, int flags, int align)
{
	return result(syscall(SYS_DAXCTL, file, flags, align));
}

static void describe(long value, char *text)
{
	if (value >= 0)
		sprintf(text, "%ld", value);
	else if (value == MOVED)
		strcpy(text, "MOVED");
	else if (value <= SIGNALLED)
		sprintf(text, "SIG%s", sigabbrev_np(SIGNALLED - value));
	else
		sprintf(text, "%s", strerrorname_np(-value));
}

void kill_elsewhere(void)
{
	if (elsewhere > 0) {
		kill(elsewhere, SIGKILL);
		waitpid(elsewhere, NULL, 0);
	}
	elsewhere = 0;
}

static void drop_immutable(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	must(syscall(SYS_capget, &header, data) == 0, "capget");
	data[0].effective &= ~(1U << CAP_LINUX_IMMUTABLE);
	data[0].permitted &= ~(1U << CAP_LINUX_IMMUTABLE);
	must(syscall(SYS_capset, &header, data) == 0, "capset");
}

static void become(const char *who)
{
	uid_t uid = !strcmp(who, "owner") ? owner_uid : other_uid;

	if (!strcmp(who, "root"))
		return;
	if (!strcmp(who, "nocap")) {
		drop_immutable();
		return;
	}
	must(!setgroups(0, NULL) && !setresgid(uid, uid, uid) &&
	     !setresuid(uid, uid, uid), "setuid");
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

static void run_line(char *line)
{
	char *columns[4] = { NULL }, *rest, *names, *who, *list, *name;
	int column = is_xfs ? has_reflink ? 3 : 2 : 1;

	for (int i = 0; i < 4; i++) {
		columns[i] = strsep(&line, "|");
		if (!columns[i])
			errx(3, "a row wants four columns: %s", columns[0]);
		trimmed(columns[i]);
		if (!strcmp(columns[i], "="))
			columns[i] = columns[i - 1];
	}
	if (!strcmp(columns[column], "-"))
		return;
	names = strsep(&columns[0], " ");
	who = strsep(&columns[0], " ");
	list = columns[0];
	while ((name = strtok_r(names, ",", &rest))) {
		names = NULL;
		run_row(name, who, list, columns[column]);
	}
}

static uint64_t read_number(const char *format, struct stat *st, bool *found)
{
	char name[128];
	uint64_t value = 0;
	FILE *file;

	sprintf(name, format, major(st->st_dev), minor(st->st_dev));
	file = fopen(name, "r");
	*found = file && fscanf(file, "%li", (long *)&value) == 1;
	if (file)
		fclose(file);
	return value;
}

static void look_at_mount(void)
{
	struct statfs fs;
	struct stat st;
	uint64_t start;
	bool found;
	int a, b;

	must(statfs(mount_point, &fs) == 0 && stat(mount_point, &st) == 0,
	     mount_point);
	is_xfs = fs.f_type == 0x58465342;
	device_base = read_number("/sys/dev/block/%u:%u/device/resource", &st,
				  &device_base_known);
	start = read_number("/sys/dev/block/%u:%u/start", &st, &found);
	if (!device_base_known)
		device_base = read_number(
			"/sys/dev/block/%u:%u/../device/resource", &st,
			&device_base_known);
	device_base += start * 512;

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
	       has_reflink ? " with reflink" : "", device_base);
}

int main(int argc, char **argv)
{
	static char table[64 * KIB];
	char *rest, *line;
	int file;

	if (argc == 2 && !strcmp(argv[1], "--wait")) {
		write(1, "x", 1);
		pause();
	}
	if (argc != 4 && argc != 5)
		errx(2, "usage: %s TABLE MOUNT_POINT ORDINARY_FOLDER [ONLY]",
		     argv[0]);
	only = argv[4];
	file = open(argv[1], O_RDONLY);
	if (read(file, table, sizeof(table) - 1) <= 0)
		err(2, "%s", argv[1]);
	mount_point = argv[2];
	ordinary = argv[3];
	umask(0);
	look_at_mount();
	for (line = strtok_r(table, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] != '#')
			run_line(line);
	}
	printf("1..%u\n# %u failed\n", tests, failures);
	return failures ? 1 : 0;
}
