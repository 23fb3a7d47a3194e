/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of processes: one shared file offset, a pipe from each to its parent, groups, a stopped one. */
#include "live.h"

enum { DEPTH = 5 };

/* Level @depth: makes the next, then answers each byte from above with a sum over all below. */
static void level(int depth, int file, int in, int out)
{
	int down[2], up[2], sum;
	pid_t self = getpid(), child = 0;
	char c;

	if (depth < DEPTH) {
		LIVE_CHECK(!pipe(down) && !pipe(up));
		child = fork();
		if (!child) {
			close(down[1]);
			close(up[0]);
			if (depth % 2)
				setpgid(0, 0);
			level(depth + 1, file, down[0], up[1]);
		}
		close(down[0]);
		close(up[1]);
	}
	while (read(in, &c, 1) == 1) {
		sum = 0;
		LIVE_EQUAL(getpid(), self);
		LIVE_CHECK(write(file, &c, 1) == 1);
		if (child) {
			LIVE_CHECK(write(down[1], &c, 1) == 1);
			LIVE_CHECK(read(up[0], &sum, sizeof(sum)) == sizeof(sum));
		}
		sum += 1;
		LIVE_CHECK(write(out, &sum, sizeof(sum)) == sizeof(sum));
	}
	if (child) {
		close(down[1]);
		LIVE_CHECK(waitpid(child, NULL, 0) == child);
	}
	_exit(0);
}

int main(void)
{
	int file = live_file("offset", 0, ' '), down[2], up[2], sum, status;
	pid_t tree, stopped;

	LIVE_CHECK(!pipe(down) && !pipe(up));
	tree = fork();
	if (!tree) {
		close(down[1]);
		close(up[0]);
		level(1, file, down[0], up[1]);
	}
	stopped = fork();
	if (!stopped) {
		close(down[1]); /* or nobody would see the end */
		raise(SIGSTOP);
		_exit(3);
	}
	close(down[0]);
	close(up[1]);
	LIVE_CHECK(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status));
	LIVE_CHECK(write(down[1], "a", 1) == 1 && read(up[0], &sum, sizeof(sum)) == sizeof(sum));
	LIVE_EQUAL(sum, DEPTH);
	live_ready();
	LIVE_CHECK(write(down[1], "b", 1) == 1 && read(up[0], &sum, sizeof(sum)) == sizeof(sum));
	LIVE_EQUAL(sum, DEPTH);
	LIVE_EQUAL(lseek(file, 0, SEEK_CUR), 2 * DEPTH); /* one offset for all */
	LIVE_EQUAL(waitpid(stopped, &status, WNOHANG), 0);
	kill(stopped, SIGCONT);
	LIVE_CHECK(waitpid(stopped, &status, 0) == stopped && WEXITSTATUS(status) == 3);
	close(down[1]);
	LIVE_CHECK(waitpid(tree, &status, 0) == tree && WEXITSTATUS(status) == 0);
	return 0;
}
