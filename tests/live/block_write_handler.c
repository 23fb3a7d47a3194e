/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A big write that has filled a pipe and waits: a handler ends it with what it has written, also one with
 * SA_RESTART.
 */
#include "live_proc.h"

#include <sys/ioctl.h>

enum { LEN = 400000, PIPE = 65536 };
static int p[2];
static volatile sig_atomic_t handled;

static void handler(int sig)
{
	(void)sig;
	handled = 1;
}

static void *run(void *tid)
{
	static char buf[LEN];

	live_here(tid);
	LIVE_EQUAL(write(p[1], buf, LEN), PIPE);
	return NULL;
}

int main(void)
{
	struct sigaction restarts = { .sa_handler = handler, .sa_flags = SA_RESTART };
	pid_t tid = 0;
	pthread_t t;
	int left = 0;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	LIVE_EQUAL(fcntl(p[1], F_SETPIPE_SZ, PIPE), PIPE);
	LIVE_CHECK(!sigaction(SIGUSR1, &restarts, NULL));
	t = live_sleeper(run, &tid);
	live_ready();
	LIVE_CHECK(!pthread_kill(t, SIGUSR1));
	LIVE_CHECK(!pthread_join(t, NULL));
	LIVE_EQUAL(handled, 1);
	LIVE_CHECK(!ioctl(p[0], FIONREAD, &left));
	LIVE_EQUAL(left, PIPE);
	return 0;
}
