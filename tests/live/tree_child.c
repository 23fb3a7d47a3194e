/* SPDX-License-Identifier: Apache-2.0 */
/* A child that waits, and its parent, who waits for it. */
#include "live.h"

int main(void)
{
	int p[2], status;
	char c = 0;
	pid_t pid;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(p[1]);
		_exit(read(p[0], &c, 1) == 1 ? c : 1);
	}
	close(p[0]);
	live_ready();
	LIVE_EQUAL(write(p[1], "\x2a", 1), 1);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0x2a);
	return 0;
}
