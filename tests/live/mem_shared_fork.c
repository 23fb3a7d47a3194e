/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory can still be shared with a child made after the restart. */
#include "live.h"

int main(void)
{
	volatile int *p =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	LIVE_CHECK(p != MAP_FAILED);
	p[0] = 11;
	live_ready();
	LIVE_EQUAL(p[0], 11);
	pid = fork();
	LIVE_CHECK(pid >= 0);
	if (!pid) {
		p[1] = p[0] + 1;
		_exit(5);
	}
	LIVE_CHECK(waitpid(pid, &status, 0) == pid);
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	LIVE_EQUAL(p[1], 12);
	return 0;
}
