/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process whose execve waits for a thread of it that another process traces, and does not wait for, cannot
 * be seized: the kernel holds who tries it until the execve is over. The park is given up in time and names
 * it, and all runs on.
 */
#include "park_test.h"

#include "trace/explain.h"

#include <sys/ptrace.h>

enum { DEADLINE_MS = 300 };

static int told[2]; /* the ids of the two */

static void *traced(void *arg)
{
	pid_t tid = gettid();

	EXPECT(!ptrace(PTRACE_TRACEME, 0, 0, 0));
	EXPECT(write(told[1], &tid, sizeof(tid)) == sizeof(tid));
	pause();
	return arg;
}

static void execs(void)
{
	pthread_t t;

	EXPECT(!pthread_create(&t, NULL, traced, NULL));
	while (!shared->rounds)
		nap_ns(100000);
	execl("/bin/true", "true", NULL);
	_exit(9);
}

static void behave(struct shared *s)
{
	pid_t pid, tid;
	int status = -1;

	EXPECT(!pipe(told));
	pid = fork();
	if (!pid)
		execs();
	EXPECT(read(told[0], &tid, sizeof(tid)) == sizeof(tid));
	s->rounds = 1;
	while (explain_state(pid, pid) != 'D' || explain_state(pid, tid) != 'Z')
		nap_ns(100000);
	s->rounds = pid;
	while (!s->parks)
		nap_ns(100000);
	EXPECT(waitpid(tid, &status, __WALL) == tid);
	/* It had the id of its process from its execve on, and the trace. */
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	while (!s->stop) {
		nap_ns(1000000);
		s->rounds++;
	}
}

static void ready(struct shared *s, pid_t child)
{
	struct park_options options = { .with_children = true,
					.deadline_ns = DEADLINE_MS * INT64_C(1000000) };
	struct err err = ERR_INIT;
	struct park park;
	char want[32];

	while (s->rounds < 2)
		nap_ns(100000);
	snprintf(want, sizeof(want), "process %ld", s->rounds);
	EXPECT(park_begin(&park, child, &options, NULL, &err) == -ETIMEDOUT);
	if (!strstr(err.msg, want) || !strstr(err.msg, "execve"))
		bad("the message does not name %s: %s", want, err.msg);
	s->parks = 1;
}

int main(void)
{
	return park_test(behave, &(struct plan){ .ready = ready, .parks = 100 });
}
