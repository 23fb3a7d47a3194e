/* SPDX-License-Identifier: Apache-2.0 */
/* A process that somebody else traces cannot be parked: the error names the tracer, nothing is harmed. */
#include "park_test.h"

#include <sys/ptrace.h>

static pid_t tracer;

static void behave(struct shared *s)
{
	while (!s->stop) {
		nap_ns(1000000);
		s->rounds++;
	}
}

static void trace(pid_t child, int fd)
{
	EXPECT(!ptrace(PTRACE_SEIZE, child, 0, 0));
	EXPECT(write(fd, "x", 1) == 1);
	pause();
}

static void ready(struct shared *s, pid_t child)
{
	struct park_options options = { .with_children = true };
	struct err err = ERR_INIT;
	struct park park;
	char want[32], b;
	int fds[2];

	(void)s;
	EXPECT(!pipe(fds));
	tracer = fork();
	if (tracer == 0) {
		trace(child, fds[1]);
		_exit(0);
	}
	EXPECT(read(fds[0], &b, 1) == 1);
	EXPECT(park_begin(&park, child, &options, NULL, &err) == -EPERM);
	snprintf(want, sizeof(want), "process %d", tracer);
	if (!strstr(err.msg, want) || !strstr(err.msg, "traced"))
		bad("the message names no %s: %s", want, err.msg);
	park_end(&park);
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
}

int main(void)
{
	return park_test(behave, &(struct plan){ .ready = ready, .parks = 100 });
}
