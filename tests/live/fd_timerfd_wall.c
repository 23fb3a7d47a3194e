/* SPDX-License-Identifier: Apache-2.0 */
/* A timerfd set to a time of the wall clock is for that time, and for being told when the clock is set. */
#include "live.h"

#include <sys/timerfd.h>

enum { FAR = 100000 };

int main(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), info;
	int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	struct itimerspec when = { .it_value = { .tv_sec = time(NULL) + FAR } }, left;
	char path[64], text[512];
	int64_t end;
	ssize_t n;

	LIVE_CHECK(fd >= 0 && !timerfd_settime(fd, flags, &when, NULL));
	live_ready();
	LIVE_CHECK(!timerfd_gettime(fd, &left));
	end = live_now_ns(CLOCK_REALTIME) + left.it_value.tv_sec * 1000000000LL +
	      left.it_value.tv_nsec - when.it_value.tv_sec * 1000000000LL;
	LIVE_CHECK(end > -500000000 && end < 500000000);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	n = read(info, text, sizeof(text) - 1);
	LIVE_CHECK(n > 0);
	text[n] = '\0';
	LIVE_CHECK(strstr(text, "settime flags: 03"));
	return 0;
}
