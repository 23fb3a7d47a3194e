/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vfork child that takes its time: its parent cannot be stopped, counts as parked, and is let go when
 * it comes back. Another thread goes on beside it.
 */
#include "park_test.h"

static _Atomic long vforks;

static void slow_child(void)
{
	struct timespec ts = { 0, 250000000 };

	syscall(SYS_nanosleep, &ts, &ts);
	_exit(5);
}

static void *beside(void *arg)
{
	while (!shared->stop) {
		nap_ns(200000);
		shared->rounds++;
	}
	return arg;
}

static void behave(struct shared *s)
{
	pthread_t t;

	EXPECT(!pthread_create(&t, NULL, beside, NULL));
	while (!s->stop) {
		int status;
		pid_t child = vfork();

		if (child == 0)
			slow_child();
		EXPECT(waitpid(child, &status, 0) == child);
		EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 5);
		vforks++;
	}
	pthread_join(t, NULL);
	EXPECT(vforks > 1);
}

static int seen;

static void parked(struct shared *s, struct park *park)
{
	(void)s;
	seen += park->processes[0].vfork_parent;
}

int main(void)
{
	struct plan plan = { .parks = 15, .gap_ns = 50000000, .parked = parked };
	int rc = park_test(behave, &plan);

	if (!rc && !seen)
		fprintf(stderr, "no park met a process in vfork\n");
	return rc || !seen;
}
