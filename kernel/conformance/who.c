// SPDX-License-Identifier: GPL-2.0-only
/* The rights with which a row's process does its steps. */
#include "conformance.h"

#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const uid_t owner_uid = 65534, other_uid = 65533;

/* From the bounding set too, or a program that root starts would have it. */
static void drop_immutable(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	must(!prctl(PR_CAPBSET_DROP, CAP_LINUX_IMMUTABLE), "drop");
	must(syscall(SYS_capget, &header, data) == 0, "capget");
	data[0].effective &= ~(1U << CAP_LINUX_IMMUTABLE);
	data[0].permitted &= ~(1U << CAP_LINUX_IMMUTABLE);
	data[0].inheritable &= ~(1U << CAP_LINUX_IMMUTABLE);
	must(syscall(SYS_capset, &header, data) == 0, "capset");
}

static void write_text(const char *file, const char *text)
{
	int f = open(file, O_WRONLY);
	ssize_t length = strlen(text);

	must(f >= 0 && write(f, text, length) == length, file);
	close(f);
}

static void change_user(uid_t uid)
{
	must(!setgroups(0, NULL) && !setresgid(uid, uid, uid) &&
	     !setresuid(uid, uid, uid), "setuid");
}

/* The owner, but root in a user namespace of its own. */
static void leave_namespace(void)
{
	change_user(owner_uid);
	must(!prctl(PR_SET_DUMPABLE, 1) && !unshare(CLONE_NEWUSER), "unshare");
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 65534 1");
	write_text("/proc/self/gid_map", "0 65534 1");
}

void become(const char *who)
{
	if (!strcmp(who, "root"))
		return;
	if (!strcmp(who, "nocap"))
		drop_immutable();
	else if (!strcmp(who, "userns"))
		leave_namespace();
	else if (!strcmp(who, "owner"))
		change_user(owner_uid);
	else if (!strcmp(who, "other"))
		change_user(other_uid);
	else
		errx(3, "nobody is called %s", who);
	call_anew();
}

/* Whoever runs this may be held to one processor; a race wants two. */
void take_all_processors(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	must(sched_setaffinity(0, sizeof(all), &all) == 0, "sched_setaffinity");
}
