/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child that has ended and has not been waited for: its status is still to be had, its name to be seen, and
 * whose it was.
 */
#include "live_proc.h"

#include <sys/prctl.h>

enum { OTHER = 4321 }; /* a user that there need not be */

static void check_name(pid_t pid, const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	live_read(path, text, sizeof(text));
	LIVE_CHECK(!strcmp(text, name));
}

static pid_t end(const char *name, uid_t uid, int status)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NAME, name);
		if (uid != getuid())
			LIVE_CHECK(!setgid(uid) && !setuid(uid));
		_exit(status);
	}
	LIVE_CHECK(!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	return pid;
}

static void check_wait(pid_t pid, uid_t uid, int status)
{
	siginfo_t info = { 0 };

	LIVE_CHECK(!waitid(P_PID, (id_t)pid, &info, WEXITED));
	LIVE_EQUAL(info.si_pid, pid);
	LIVE_EQUAL(info.si_code, CLD_EXITED);
	LIVE_EQUAL(info.si_status, status);
	LIVE_EQUAL(info.si_uid, uid);
}

int main(void)
{
	uid_t other = getuid() ? getuid() : OTHER;
	pid_t own = end("one (of) two", getuid(), 23), others = end("fifteen letters", other, 0);

	live_ready();
	check_name(own, "one (of) two\n");
	check_name(others, "fifteen letters\n");
	check_wait(own, getuid(), 23);
	check_wait(others, other, 0);
	return 0;
}
