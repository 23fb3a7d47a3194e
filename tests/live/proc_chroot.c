/* SPDX-License-Identifier: Apache-2.0 */
/* A root directory of its own, with the working directory in it; one with the working directory outside. */
#include "live.h"

static pid_t child(int in)
{
	char path[4096], c;
	pid_t pid = fork();

	LIVE_CHECK(pid >= 0);
	if (pid)
		return pid;
	LIVE_CHECK(!chroot("sub"));
	LIVE_CHECK(read(in, &c, 1) == 1);
	LIVE_CHECK(!access("root/sub", F_OK) && access("/sub", F_OK) < 0);
	LIVE_CHECK(syscall(SYS_getcwd, path, sizeof(path)) > 0 && path[0] == '(');
	_exit(0);
}

int main(void)
{
	struct stat root, up;
	char path[4096];
	int down[2], status;
	pid_t pid;

	if (geteuid())
		live_skip("only root may change its root directory");
	LIVE_CHECK(!pipe(down));
	mkdir("root", 0755);
	mkdir("root/sub", 0755);
	mkdir("sub", 0755);
	pid = child(down[0]);
	LIVE_CHECK(!chroot("root") && !chdir("/sub"));
	live_ready();
	LIVE_CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/sub"));
	LIVE_CHECK(!stat("/", &root) && !stat("..", &up) && root.st_ino == up.st_ino);
	LIVE_CHECK(write(down[1], path, 1) == 1);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	return 0;
}
