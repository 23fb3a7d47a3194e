/* SPDX-License-Identifier: Apache-2.0 */
/* A log and its 2>&1: both numbers write on into one file without overwriting each other. */
#include "live.h"

int main(void)
{
	int log = open("log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), again = dup(log);
	char buf[64] = "";

	LIVE_CHECK(log >= 0 && again >= 0);
	LIVE_EQUAL(write(log, "out1 ", 5), 5);
	LIVE_EQUAL(write(again, "err1 ", 5), 5);
	live_ready();
	LIVE_EQUAL(write(log, "out2 ", 5), 5);
	LIVE_EQUAL(write(again, "err2 ", 5), 5);
	log = open("log", O_RDONLY | O_CLOEXEC);
	LIVE_EQUAL(read(log, buf, sizeof(buf)), 20);
	LIVE_CHECK(!strcmp(buf, "out1 err1 out2 err2 "));
	return 0;
}
