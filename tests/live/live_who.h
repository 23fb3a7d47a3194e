/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of process trees: members that say who they are and live on until the end, and what the kernel
 * says of them.
 *
 * The one rule: who makes the pipes @end and @born waits for all members, and then closes end[1].
 */
#pragma once

#include "live_proc.h"

struct who {
	int name;
	pid_t pid, ppid, pgid, sid;
};

static int end[2], born[2];

/* Say that we are there, and live on until the end. */
static inline void live_on(char name)
{
	struct who me = { .name = name, .pid = getpid() };
	char c;

	close(end[1]);
	LIVE_EQUAL(write(born[1], &me, sizeof(me)), sizeof(me));
	_exit(read(end[0], &c, 1) != 0);
}

/* Who @w is now. */
static inline struct who look(const struct who *w)
{
	struct who now = { .name = w->name, .pid = w->pid };
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", w->pid);
	live_read(path, text, sizeof(text));
	LIVE_EQUAL(sscanf(strrchr(text, ')'), ") %*c %d %d %d", &now.ppid, &now.pgid, &now.sid), 3);
	return now;
}
