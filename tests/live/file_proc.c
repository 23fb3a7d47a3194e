/* SPDX-License-Identifier: Apache-2.0 */
/* Open files of /proc: about itself and about the system. */
#include "live.h"

int main(void)
{
	int self = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int load = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	LIVE_CHECK(self >= 0 && load >= 0);
	live_ready();
	n = pread(self, buf, sizeof(buf) - 1, 0);
	LIVE_CHECK(n > 0);
	buf[n] = '\0';
	LIVE_CHECK(strstr(buf, "Pid:"));
	LIVE_CHECK(pread(load, buf, sizeof(buf), 0) > 0);
	return 0;
}
