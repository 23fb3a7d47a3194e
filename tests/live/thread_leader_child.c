/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child that shall end with the thread which made it, of a process whose first thread has ended: it was
 * another one's child, and lives on.
 */
#include "live.h"

#include <sys/prctl.h>

static pthread_t leader;

static void serve(int ask, int answer)
{
	char c;

	LIVE_CHECK(!prctl(PR_SET_PDEATHSIG, SIGTERM));
	while (read(ask, &c, 1) == 1)
		LIVE_EQUAL(write(answer, &c, 1), 1);
	_exit(3);
}

static void *run(void *arg)
{
	int ask[2], answer[2], status;
	pid_t pid;
	char c = 'c';

	LIVE_CHECK(!pthread_join(leader, NULL));
	LIVE_CHECK(!pipe(ask) && !pipe(answer));
	pid = fork();
	if (!pid) {
		close(ask[1]);
		serve(ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	for (int i = 0; i < 2; i++) {
		LIVE_EQUAL(write(ask[1], &c, 1), 1);
		LIVE_EQUAL(read(answer[0], &c, 1), 1);
		if (!i)
			live_ready();
	}
	close(ask[1]);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	exit(0);
	return arg;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	leader = pthread_self();
	live_thread(run, NULL);
	pthread_exit(NULL);
}
