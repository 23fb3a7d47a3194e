/* SPDX-License-Identifier: Apache-2.0 */
/* The login that a process is accounted to: of one that has been given one, of one that has the other's. */
#include "live.h"

static long login(long set)
{
	char text[16] = "";
	int fd = open("/proc/self/loginuid", set < 0 ? O_RDONLY : O_RDWR);

	if (fd < 0)
		live_skip("no audit in this kernel");
	if (set >= 0) {
		snprintf(text, sizeof(text), "%ld", set);
		if (write(fd, text, strlen(text)) < 0)
			live_skip("the login cannot be changed here");
		lseek(fd, 0, SEEK_SET);
	}
	LIVE_CHECK(read(fd, text, sizeof(text) - 1) > 0 && !close(fd));
	return atol(text);
}

int main(void)
{
	long mine = (long)getuid(), before = login(-1);
	int line[2], status;
	char c;
	pid_t pid;

	LIVE_CHECK(!pipe(line));
	pid = fork();
	LIVE_CHECK(pid >= 0);
	if (!pid) {
		close(line[1]);
		LIVE_EQUAL(read(line[0], &c, 1), 0);
		_exit(login(-1) != before);
	}
	close(line[0]);
	if (before != mine)
		LIVE_EQUAL(login(mine), mine);

	live_ready();

	LIVE_EQUAL(login(-1), mine);
	close(line[1]);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	return 0;
}
