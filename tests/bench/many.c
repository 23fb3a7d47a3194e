/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many N [busy]: N small processes that sleep, or compute, all children of the first. Says "ready" when all
 * are there.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void go_on(bool busy)
{
	for (volatile long n = 0;; n++)
		if (!busy)
			pause();
}

int main(int argc, char **argv)
{
	bool busy = argc > 2 && !strcmp(argv[2], "busy");
	int n = argc > 1 ? atoi(argv[1]) : 1;

	for (int i = 1; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		go_on(busy);
	}
	puts("ready");
	if (fflush(stdout))
		return 1;
	go_on(busy);
}
