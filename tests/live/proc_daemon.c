/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon: born of a child that has ended, leader of a session of its own, still answering. */
#include "live.h"

static void serve(int in, int out)
{
	struct {
		pid_t pid, sid, pgid;
	} me;
	char c;

	setsid();
	while (read(in, &c, 1) == 1) {
		me.pid = getpid();
		me.sid = getsid(0);
		me.pgid = getpgrp();
		if (write(out, &me, sizeof(me)) != sizeof(me))
			break;
	}
	_exit(0);
}

int main(void)
{
	struct {
		pid_t pid, sid, pgid;
	} before, after;
	int ask[2], answer[2], status;
	pid_t child;

	LIVE_CHECK(!pipe(ask) && !pipe(answer));
	child = fork();
	if (!child) {
		if (!fork()) {
			close(ask[1]);
			close(answer[0]);
			serve(ask[0], answer[1]);
		}
		_exit(7);
	}
	close(ask[0]);
	close(answer[1]);
	LIVE_CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
	LIVE_CHECK(write(ask[1], "?", 1) == 1);
	LIVE_EQUAL(read(answer[0], &before, sizeof(before)), sizeof(before));
	LIVE_EQUAL(before.sid, before.pid);
	live_ready();
	LIVE_CHECK(write(ask[1], "?", 1) == 1);
	LIVE_EQUAL(read(answer[0], &after, sizeof(after)), sizeof(after));
	LIVE_CHECK(!memcmp(&before, &after, sizeof(before)));
	LIVE_CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
	close(ask[1]); /* it ends; nobody here has to wait for it */
	LIVE_EQUAL(read(answer[0], &after, sizeof(after)), 0);
	return 0;
}
