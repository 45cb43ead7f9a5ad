// SPDX-License-Identifier: GPL-2.0-only
/* What a step returned, in the words of rows.table. */
#include "conformance.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define NAME(value) { value, #value }

static const struct {
	int value;
	const char *name;
} errors[] = {
	NAME(EPERM), NAME(ENOENT), NAME(EINTR), NAME(EIO), NAME(ENXIO),
	NAME(EBADF), NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES), NAME(EFAULT),
	NAME(EBUSY), NAME(EEXIST), NAME(EXDEV), NAME(ENODEV), NAME(ENOTDIR),
	NAME(EISDIR), NAME(EINVAL), NAME(ENOTTY), NAME(ETXTBSY), NAME(EFBIG),
	NAME(ENOSPC), NAME(EROFS), NAME(ERANGE), NAME(ENOSYS), NAME(ENODATA),
	NAME(EOPNOTSUPP), NAME(EUCLEAN),
}, signals[] = {
	NAME(SIGBUS), NAME(SIGSEGV), NAME(SIGKILL), NAME(SIGALRM),
};

void describe(long value, char *text)
{
	if (value == MOVED) {
		sprintf(text, "MOVED");
		return;
	}
	sprintf(text, "%ld", value);
	for (size_t i = 0; i < COUNT(errors); i++) {
		if (value == -errors[i].value)
			sprintf(text, "%s", errors[i].name);
	}
	for (size_t i = 0; i < COUNT(signals); i++) {
		if (value == SIGNALLED - signals[i].value)
			sprintf(text, "%s", signals[i].name);
	}
}
