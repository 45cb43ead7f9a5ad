/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the conformance program have in common. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define KIB		1024L
#define MIB		(1024 * KIB)
#define PAGE		4096L
#define SIZE		(4 * MIB)	/* of most files */
#define HUGE		(2 * MIB)
#define MAX_EXTENTS	(4 * SIZE / PAGE)
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define GET		1
#define STATIC		4

/* Of what a step returns: a count, minus an errno, or one of these. */
#define SIGNALLED	(-10000L)	/* minus the signal's number */
#define MOVED		(-20000L)	/* a static file's extents changed */

/* What is put to the test: the system call, or what the library makes of it. */
extern const uid_t owner_uid, other_uid;
extern bool sealing;			/* the library does without the call */

/* Where it all takes place; place.c. */
extern const char *mount_point, *ordinary;
extern bool is_xfs, has_reflink;
extern uint64_t device_base;		/* physical address of byte 0 */
extern bool device_base_known;
extern char bad_blocks[256];		/* where bad blocks can be declared */
void look_at_mount(void);

/* The row's file, another one beside it, the folder of both; main.c. */
extern char path[256], second[256], folder[200];
extern int fd;				/* the row's file, or -1 */
extern pid_t elsewhere;			/* another process at work, or 0 */

/* Ends the program if the test itself cannot go on. */
void must(bool ok, const char *what);
long result(long value);		/* minus errno, if it is negative */
void kill_elsewhere(void);

/* call.c */
long daxctl(const char *file, int flags, int align);
void call_through(const char *command);
void call_anew(void);
bool calls_directly(void);

/* who.c */
void become(const char *who);
void take_all_processors(void);

/* names.c */
void describe(long value, char *text);

/* extents.c */
struct map {
	unsigned int count;
	uint32_t flags;			/* of all extents together */
	bool complete;			/* no hole up to the size */
	off_t size;
	struct fiemap_extent extents[MAX_EXTENTS];
};

bool read_map(const char *file, struct map *map);
bool same_map(const struct map *a, const struct map *b);
uint64_t first_run(const struct map *map);

/* files.c */
void fill(int f, off_t offset, off_t length);
int create(const char *file);
bool make_file(const char *kind);
void clean_up(void);

/* steps.c */
struct step {
	const char *name;
	long (*run)(long a, long b);	/* with the numbers of the step */
};

extern jmp_buf refused;			/* where a step ends that cannot open the file */
extern int refusal;			/* the last such errno */
long run_step(char *words);
int open_file(int flags);
int the_fd(void);
int second_fd(void);

/* steps_*.c */
extern const struct step map_steps[], write_steps[], share_steps[], name_steps[];
long swap_extents(int target, int temporary);

/* races.c */
long race(const char *against, long rounds);

#endif
