/* SPDX-License-Identifier: Apache-2.0 */
/* many N: N small processes that sleep, all children of the first. Says "ready" when all are there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;

	for (int i = 1; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	puts("ready");
	if (fflush(stdout))
		return 1;
	for (;;)
		pause();
}
