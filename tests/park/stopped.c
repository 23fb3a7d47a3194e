/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process stopped by job control: it stays stopped through every park, its parent hears of the stop and
 * of the continuation once each, and of nothing else.
 */
#include "park_test.h"

static void child_of_it(void)
{
	for (;;)
		nap_ns(200000);
}

static void expect_wait(pid_t child, int options, bool want_stop, bool want_cont)
{
	int status = 0;
	pid_t got = waitpid(child, &status, options);

	if (!want_stop && !want_cont)
		EXPECT(got == 0);
	else
		EXPECT(got == child && (want_stop ? WIFSTOPPED(status) : WIFCONTINUED(status)));
}

static void await_parks(struct shared *s, long more)
{
	long until = s->parks + more;

	while (s->parks < until && !s->stop)
		nap_ns(200000);
}

static void behave(struct shared *s)
{
	enum { ALL = WUNTRACED | WCONTINUED };
	pid_t child = fork();

	if (child == 0)
		child_of_it();
	while (!s->stop) {
		kill(child, SIGSTOP);
		expect_wait(child, ALL, true, false);
		await_parks(s, 10);
		expect_wait(child, ALL | WNOHANG, false, false);
		kill(child, SIGCONT);
		expect_wait(child, ALL, false, true);
		await_parks(s, 3);
		expect_wait(child, ALL | WNOHANG, false, false);
		s->rounds++;
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void parked(struct shared *s, struct park *park)
{
	(void)s;
	EXPECT(park->nprocesses >= 1);
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parked = parked, .parks = 600 });
}
