/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of several threads that is killed from elsewhere while it is probed, in a call of its leader's or
 * between two: the probe ends, and everybody hears of that end as always. Once as the program's parent, once
 * as a stranger.
 */
#include "park_test.h"

enum { DIES_ROUNDS = 400, DIES_THREADS = 3, DIES_AT_MOST_NS = 1500000 };

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void program(int ready)
{
	pid_t me = getpid();
	pthread_t t;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < DIES_THREADS; i++)
		EXPECT(!pthread_create(&t, NULL, idle, NULL));
	EXPECT(write(ready, &me, sizeof(me)) == sizeof(me));
	idle(NULL);
}

/* Whose child the program is, where it is not ours. */
static void parent(int out)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		program(out);
	EXPECT(waitpid(child, &status, 0) == child && status == SIGKILL);
	_exit(0);
}

static void probe_while_it_dies(struct park *park, pid_t child)
{
	long after = random() % DIES_AT_MOST_NS;
	pid_t killer = fork();
	struct err err = ERR_INIT;
	struct probe *probe;
	struct probe_report report = { 0 };
	pid_t copy = 0;

	if (killer == 0) {
		nap_ns(after);
		kill(child, SIGKILL);
		_exit(0);
	}
	EXPECT(probe_new(&probe, park, &park->processes[0], NULL, &err) >= 0);
	if (probe_open(&probe, 1, &err) >= 0 && probe_collect(&probe, &report, 1, &err) >= 0 &&
	    probe_snapshot(probe, &copy, &err) >= 0)
		probe_snapshot_destroy(copy);
	else
		shared->rounds++; /* here: how often it came in between */
	probe_report_done(&report);
	probe_close(&probe, 1);
	EXPECT(waitpid(killer, NULL, 0) == killer);
}

/* Our child: the program, which is *@pid, or its parent. */
static pid_t start(bool ours, pid_t *pid)
{
	pid_t child;
	int fds[2];

	EXPECT(!pipe(fds));
	child = fork();
	if (child == 0 && ours)
		program(fds[1]);
	if (child == 0)
		parent(fds[1]);
	close(fds[1]);
	EXPECT(read(fds[0], pid, sizeof(*pid)) == sizeof(*pid));
	close(fds[0]);
	return child;
}

static void one(bool ours)
{
	struct park_options options = { .with_children = true };
	struct park_memory *memory;
	struct err err = ERR_INIT;
	struct park park;
	pid_t pid, child;
	int status = -1;

	alarm(PARK_HANGS_S);
	child = start(ours, &pid);
	park_memory_create(&memory, NULL);
	if (park_begin(&park, pid, &options, memory, &err) < 0) {
		bad("park: %s", err.msg);
		return;
	}
	probe_while_it_dies(&park, pid);
	park_end(&park);
	while (!park_tend(memory))
		nap_ns(100000);
	park_memory_destroy(memory);
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT(status == (ours ? SIGKILL : 0));
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < DIES_ROUNDS && !shared->nbad; i++)
		one(i % 2);
	printf("%ld of %d died in between\n", shared->rounds, DIES_ROUNDS);
	if (shared->rounds < DIES_ROUNDS / 20)
		bad("%ld of %d died while they were probed", shared->rounds, DIES_ROUNDS);
	if (shared->nbad)
		fprintf(stderr, "%s\n", shared->bad);
	return shared->nbad ? 1 : 0;
}
