/* SPDX-License-Identifier: Apache-2.0 */
/* More signals pending than a limit, lowered since, allows. */
#include "live.h"

#include <sys/resource.h>

enum { SIGNALS = 30 };

int main(void)
{
	const struct rlimit few = { 3, 3 };
	const struct timespec now = { 0, 0 };
	struct rlimit limit = { 0, 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	LIVE_CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	for (int i = 0; i < SIGNALS; i++)
		LIVE_CHECK(!sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }));
	LIVE_CHECK(!setrlimit(RLIMIT_SIGPENDING, &few));
	live_ready();
	LIVE_CHECK(!getrlimit(RLIMIT_SIGPENDING, &limit));
	LIVE_EQUAL(limit.rlim_max, few.rlim_max);
	for (int i = 0; i < SIGNALS; i++) {
		LIVE_EQUAL(sigtimedwait(&set, &info, &now), SIGRTMIN);
		LIVE_EQUAL(info.si_value.sival_int, i);
	}
	LIVE_CHECK(sigtimedwait(&set, &info, &now) < 0);
	return 0;
}
