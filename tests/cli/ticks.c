/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks by a timer that is set anew for each, and counts them: one that is lost is waited for for ever. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static void on_alarm(int sig)
{
	(void)sig;
}

int main(void)
{
	const struct itimerval once = { .it_value = { .tv_usec = 50000 } };
	sigset_t blocked, open;

	signal(SIGALRM, on_alarm);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, &open);
	for (int n = 0;; n++) {
		printf("%d\n", n);
		if (fflush(stdout))
			return 1;
		setitimer(ITIMER_REAL, &once, NULL);
		sigsuspend(&open);
	}
}
