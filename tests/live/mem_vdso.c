/* SPDX-License-Identifier: Apache-2.0 */
/* The vdso stands where it stood and its clock runs. */
#include "live.h"

#include <sys/auxv.h>

int main(void)
{
	unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
	int64_t real = live_now_ns(CLOCK_REALTIME), mono = live_now_ns(CLOCK_MONOTONIC);
	struct timespec raw;

	live_ready();
	LIVE_EQUAL(getauxval(AT_SYSINFO_EHDR), vdso);
	LIVE_CHECK(!memcmp((void *)vdso, "\177ELF", 4));
	LIVE_CHECK(live_now_ns(CLOCK_REALTIME) > real);
	LIVE_CHECK(live_now_ns(CLOCK_MONOTONIC) > mono);
	/* What the vdso says and what the kernel says are one clock. */
	mono = live_now_ns(CLOCK_MONOTONIC);
	LIVE_CHECK(!syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &raw));
	int64_t apart = raw.tv_sec * 1000000000LL + raw.tv_nsec - mono;
	LIVE_CHECK(apart >= 0 && apart < 1000000000LL);
	LIVE_CHECK(time(NULL) > 1600000000);
	LIVE_CHECK(sched_getcpu() >= 0);
	return 0;
}
