/* SPDX-License-Identifier: Apache-2.0 */
/* The least of all: a variable, a pid, and going on where we were. */
#include "live.h"

static int answer = 1;

int main(void)
{
	pid_t pid = getpid(), tid = gettid();

	answer = 42;
	live_ready();
	LIVE_EQUAL(answer, 42);
	LIVE_EQUAL(getpid(), pid);
	LIVE_EQUAL(syscall(SYS_getpid), pid);
	LIVE_EQUAL(syscall(SYS_gettid), tid);
	return 0;
}
