/* SPDX-License-Identifier: Apache-2.0 */
/* A child that has ended and has not been waited for: its status is still to be had. */
#include "live.h"

int main(void)
{
	siginfo_t info;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(23);
	LIVE_CHECK(!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	live_ready();
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 23);
	return 0;
}
