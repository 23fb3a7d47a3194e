/* SPDX-License-Identifier: Apache-2.0 */
/* Parents whose children end all the time, many at the very moment of a park: each is waited for once. */
#include "live.h"

enum { PARENTS = 4, CHILDREN = 6 };

static void born_and_waited_for(void)
{
	pid_t pid[CHILDREN];
	int status;

	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		LIVE_CHECK(pid[i] >= 0);
		if (!pid[i])
			_exit(i);
	}
	for (int i = 0; i < CHILDREN; i++) {
		LIVE_EQUAL(waitpid(pid[i], &status, 0), pid[i]);
		LIVE_EQUAL(status, i << 8);
	}
	LIVE_EQUAL(waitpid(-1, NULL, 0), -1);
}

static pid_t parent(int line)
{
	pid_t pid = fork();
	char word;

	LIVE_CHECK(pid >= 0);
	if (pid)
		return pid;
	while (read(line, &word, 1) < 0)
		born_and_waited_for();
	_exit(0);
}

int main(void)
{
	int line[2], status;
	pid_t pid[PARENTS];

	LIVE_CHECK(!pipe2(line, O_NONBLOCK));
	for (int i = 0; i < PARENTS; i++)
		pid[i] = parent(line[0]);
	live_ready_rounds(4);
	LIVE_EQUAL(write(line[1], "gggg", PARENTS), PARENTS);
	for (int i = 0; i < PARENTS; i++) {
		LIVE_EQUAL(waitpid(pid[i], &status, 0), pid[i]);
		LIVE_EQUAL(status, 0);
	}
	return 0;
}
