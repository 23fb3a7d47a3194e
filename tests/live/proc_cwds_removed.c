/* SPDX-License-Identifier: Apache-2.0 */
/* Many processes, each in a directory of its own that has been removed: each is in its own again. */
#include "live.h"

enum { MANY = 48 };

static void child(int number, int asked)
{
	char name[16], c;
	struct stat st;

	snprintf(name, sizeof(name), "gone%d", number);
	if (mkdir(name, 0700) || chmod(name, (mode_t)(0700 | number)) || chdir(name))
		_exit(1);
	snprintf(name, sizeof(name), "../gone%d", number);
	if (rmdir(name) || read(asked, &c, 1) != 1 || stat(".", &st))
		_exit(1);
	_exit((st.st_mode & 07777) == (mode_t)(0700 | number) && !st.st_nlink ? 0 : 1);
}

/* Is @pid in its directory, which has gone? */
static bool is_there(pid_t pid)
{
	char path[64], link[4096] = "";

	snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	return readlink(path, link, sizeof(link) - 1) > 0 && strstr(link, "(deleted)");
}

int main(void)
{
	pid_t pids[MANY];
	int ask[2], status;

	LIVE_CHECK(!pipe(ask));
	for (int i = 0; i < MANY; i++) {
		pids[i] = fork();
		LIVE_CHECK(pids[i] >= 0);
		if (!pids[i])
			child(i, ask[0]);
	}
	for (int i = 0; i < MANY; i++)
		while (!is_there(pids[i]))
			LIVE_CHECK(!sched_yield());
	live_ready();
	for (int i = 0; i < MANY; i++)
		LIVE_CHECK(write(ask[1], "?", 1) == 1);
	for (int i = 0; i < MANY; i++) {
		LIVE_EQUAL(waitpid(pids[i], &status, 0), pids[i]);
		LIVE_EQUAL(status, 0);
	}
	return 0;
}
