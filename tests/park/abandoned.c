/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A park that is given up while a process forks: what was born meanwhile, attached as its parent was, is let
 * go as well. A wait for anybody, as of who reaps orphans, finds nothing of it. Nor does a call end that ends
 * when it is interrupted.
 */
#include "park_test.h"

#include <sys/epoll.h>
#include <sys/ptrace.h>

enum { ABANDONED_PARKS = 600, ABANDONED_GAP_NS = 300000, ABANDONED_WAIT_MS = 5 };

/* A child that is traced by its parent: it cannot be parked. */
static void trace_a_child(int ready)
{
	pid_t traced;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	traced = fork();
	if (traced == 0) {
		pause();
		_exit(0);
	}
	EXPECT(!ptrace(PTRACE_SEIZE, traced, 0, PTRACE_O_EXITKILL));
	EXPECT(write(ready, "x", 1) == 1);
	pause();
	_exit(0);
}

static pid_t start_tracer(void)
{
	int fds[2];
	pid_t tracer;
	char b;

	EXPECT(!pipe(fds));
	tracer = fork();
	if (tracer == 0)
		trace_a_child(fds[1]);
	EXPECT(read(fds[0], &b, 1) == 1);
	return tracer;
}

static void fork_on(const struct shared *s)
{
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; !s->stop; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(i & 0x7f);
		EXPECT(waitpid(child, &status, 0) == child);
		EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == (i & 0x7f));
	}
	_exit(0);
}

static void *wait_on(void *arg)
{
	struct shared *s = arg;
	struct epoll_event event;
	int epoll = epoll_create1(0);

	while (!s->stop) {
		EXPECT(epoll_wait(epoll, &event, 1, ABANDONED_WAIT_MS) == 0);
		s->rounds++;
	}
	return NULL;
}

static void behave(struct shared *s)
{
	pid_t tracer = start_tracer(), forks = fork();
	pthread_t waiter;

	if (forks == 0)
		fork_on(s);
	EXPECT(!pthread_create(&waiter, NULL, wait_on, s));
	wait_on(s);
	pthread_join(waiter, NULL);
	kill(tracer, SIGKILL);
	EXPECT(waitpid(tracer, NULL, 0) == tracer);
	EXPECT(waitpid(forks, NULL, 0) == forks);
}

static void give_up(pid_t child, struct park_memory *memory)
{
	struct park_options options = { .with_children = true };
	struct err err = ERR_INIT;
	struct park park;
	int status;
	pid_t pid;

	if (park_begin(&park, child, &options, memory, &err) >= 0)
		park_end(&park);
	else if (!strstr(err.msg, "traced"))
		bad("not given up for what was expected: %s", err.msg);
	shared->parks++;
	if (!park_tend(memory))
		return;
	pid = waitpid(-1, &status, WNOHANG);
	if (pid)
		bad("process %d is left behind, status %#x", pid, status);
}

int main(void)
{
	struct park_memory *memory;
	pid_t child;

	alarm(PARK_HANGS_S);
	park_memory_create(&memory, NULL);
	child = park_child(behave);
	while (!shared->rounds && !shared->nbad)
		nap_ns(1000000);
	for (int i = 0; i < ABANDONED_PARKS && !shared->nbad; i++) {
		nap_ns(random() % ABANDONED_GAP_NS);
		give_up(child, memory);
	}
	shared->stop = true;
	while (!park_tend(memory))
		nap_ns(1000000);
	park_memory_destroy(memory);
	return park_verdict(child, &(struct plan){ 0 });
}
