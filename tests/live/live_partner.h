/* SPDX-License-Identifier: Apache-2.0 */
/* For live tests of what processes share: a child that does its part whenever it is asked to. */
#pragma once

#include "live.h"

struct live_partner {
	pid_t pid;
	int to, from; /* pipes: a byte when it is to do its part, a byte when it has */
};

/* In a child, until its parent lets it go: @part each time that it is asked. */
static inline void live_partner_start(struct live_partner *p, void (*part)(void))
{
	int down[2], up[2];
	char c;

	LIVE_CHECK(!pipe(down) && !pipe(up));
	p->pid = fork();
	LIVE_CHECK(p->pid >= 0);
	close(down[p->pid == 0]);
	close(up[p->pid > 0]);
	p->to = down[1];
	p->from = up[0];
	if (p->pid)
		return;
	while (read(down[0], &c, 1) == 1) {
		part();
		LIVE_CHECK(write(up[1], &c, 1) == 1);
	}
	_exit(0);
}

static inline void live_partner_ask(const struct live_partner *p)
{
	char c = 'x';

	LIVE_CHECK(write(p->to, &c, 1) == 1 && read(p->from, &c, 1) == 1);
}

static inline void live_partner_end(const struct live_partner *p)
{
	int status;

	close(p->to);
	LIVE_CHECK(waitpid(p->pid, &status, 0) == p->pid && !status);
}
