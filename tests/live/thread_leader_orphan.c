/* SPDX-License-Identifier: Apache-2.0 */
/* An orphan whose first thread has ended is no zombie: its other thread lives on, and so it does. */
#include "live.h"

static int ask[2], answer[2];
static pthread_t leader;

static void *serve(void *arg)
{
	pid_t me = getpid();
	char c;

	LIVE_CHECK(!pthread_join(leader, NULL));
	while (read(ask[0], &c, 1) == 1)
		if (write(answer[1], &me, sizeof(me)) != sizeof(me))
			break;
	exit(0);
	return arg;
}

/* Who answers. */
static pid_t who(void)
{
	pid_t pid = 0;

	LIVE_EQUAL(write(ask[1], "?", 1), 1);
	LIVE_EQUAL(read(answer[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

int main(void)
{
	pid_t between, orphan;

	LIVE_CHECK(!pipe(ask) && !pipe(answer));
	between = fork();
	if (!between) {
		if (fork())
			_exit(0);
		close(ask[1]);
		close(answer[0]);
		leader = pthread_self();
		live_thread(serve, NULL);
		pthread_exit(NULL);
	}
	close(ask[0]);
	close(answer[1]);
	LIVE_CHECK(waitpid(between, NULL, 0) == between);
	orphan = who();
	live_ready();
	LIVE_EQUAL(who(), orphan);
	close(ask[1]); /* it ends */
	LIVE_EQUAL(read(answer[0], &between, sizeof(between)), 0);
	return 0;
}
