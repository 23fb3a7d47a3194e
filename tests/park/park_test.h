/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every park test needs: a child that behaves in some way and watches itself, and this process, which
 * parks it again and again.
 *
 *	static void behave(struct shared *s)
 *	{
 *		while (!s->stop) { do it; s->rounds++; EXPECT(still so); }
 *	}
 *	int main(void) { return park_test(behave, &(struct plan){ 0 }); }
 *
 * The one rule: the child must not be able to tell that it is parked; whatever it finds goes to s->bad and
 * fails the test.
 */
#pragma once

#include "trace/asleep.h"
#include "trace/park.h"
#include "trace/probe.h"
#include "trace/tick.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared { /* between the child and us */
	_Atomic bool ready, stop;
	_Atomic long rounds; /* how often the behaviour came round: it must not stand still */
	_Atomic long parks; /* how often it has been parked */
	_Atomic int nbad;
	char bad[400];
};

struct plan {
	int parks; /* 0: 1,000 */
	long gap_ns; /* at most, between two parks; random. 0: 500 us */
	bool no_children;
	bool no_probe; /* every 8th park also collects, every 32nd makes a snapshot, else */
	bool may_stand; /* rounds need not grow */
	bool quiet_exit; /* the behaviour ends the child itself, with 0 */
	/* Called while parked, and after the child is ready; may be NULL. */
	void (*parked)(struct shared *s, struct park *park);
	void (*ready)(struct shared *s, pid_t child);
};

static struct shared *shared;

static inline void bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void bad(const char *fmt, ...)
{
	va_list ap;

	if (atomic_fetch_add(&shared->nbad, 1))
		return; /* the first one says it */
	va_start(ap, fmt);
	vsnprintf(shared->bad, sizeof(shared->bad), fmt, ap);
	va_end(ap);
}

#define EXPECT(cond)                                                                             \
	do {                                                                                     \
		if (!(cond))                                                                     \
			bad("%s:%d: %s does not hold (errno %d: %s)", __FILE__, __LINE__, #cond, \
			    errno, strerror(errno));                                             \
	} while (0)

static inline int64_t now_ns(void)
{
	return tick_now();
}

static inline void nap_ns(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (nanosleep(&ts, &ts) < 0)
		;
}

static inline void probe_it(struct park *park, int round)
{
	struct err err = ERR_INIT;
	struct probe *probe;
	struct probe_report report = { 0 };
	pid_t copy;

	if (probe_new(&probe, park, &park->processes[0], NULL, &err) < 0 ||
	    probe_open(&probe, 1, &err) < 0) {
		bad("probe_open: %s", err.msg);
		return;
	}
	if (probe_collect(&probe, &report, 1, &err) < 0)
		bad("probe_collect: %s", err.msg);
	probe_report_done(&report);
	if (round % 32 == 0) {
		if (probe_snapshot(probe, &copy, &err) < 0)
			bad("probe_snapshot: %s", err.msg);
		else
			probe_snapshot_destroy(copy);
	}
	probe_close(&probe, 1);
}

/* Every third time; it goes on sleeping then. */
static inline int park_look(void *arg, struct park *park, struct err *err)
{
	int *round = arg;

	(void)err;
	if (*round % 5 == 0)
		probe_it(park, 1);
	return *round % 3 == 0;
}

/* For one park: then we end, and with us the child. All of them may take longer, on a busy machine. */
enum { PARK_HANGS_S = 50 };

static inline bool park_once(pid_t child, const struct plan *plan, struct park_memory *memory,
			     int round)
{
	struct asleep_options ahead = { .root = child,
					.pages = 100000,
					.allowed_ns = 1000000000,
					.look = park_look,
					.arg = &round };
	struct park_options options = { .with_children = !plan->no_children };
	struct err err = ERR_INIT;
	struct park park;
	int rc = 0;

	if (round % 2)
		rc = asleep_begin(&options.asleep, &ahead, memory, &err);
	if (rc >= 0)
		rc = park_begin(&park, child, &options, memory, &err);
	asleep_end(options.asleep);
	if (rc < 0) {
		bad("park %d: %s", round, err.msg);
		return false;
	}
	if (plan->parked)
		plan->parked(shared, &park);
	if (!plan->no_probe && round % 8 == 0 && !park.processes[0].vfork_parent)
		probe_it(&park, round);
	park_end(&park);
	shared->parks++;
	return !shared->nbad;
}

static inline pid_t park_child(void (*behave)(struct shared *))
{
	pid_t child;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared->ready = true;
	behave(shared);
	_exit(shared->nbad ? 1 : 0);
}

static inline int park_verdict(pid_t child, const struct plan *plan)
{
	int status;

	if (shared->nbad) {
		kill(child, SIGKILL);
		kill(child, SIGCONT);
	}
	if (waitpid(child, &status, 0) != child)
		bad("the child is not there to be waited for: %s", strerror(errno));
	else if (status)
		bad("the child ended with status %#x", status);
	if (!plan->may_stand && !shared->nbad && shared->rounds < 2)
		bad("it stood still: %ld rounds", shared->rounds);
	if (shared->nbad)
		fprintf(stderr, "after %ld parks, %ld rounds: %s\n", shared->parks, shared->rounds,
			shared->bad);
	return shared->nbad ? 1 : 0;
}

static inline int park_test(void (*behave)(struct shared *), const struct plan *plan)
{
	long gap = plan->gap_ns ? plan->gap_ns : 500000;
	int parks = plan->parks ? plan->parks : 1000;
	struct park_memory *memory;
	pid_t child;

	alarm(PARK_HANGS_S);
	park_memory_create(&memory, NULL);
	child = park_child(behave);
	nap_ns(1000000);
	while (!shared->ready)
		nap_ns(100000);
	if (plan->ready)
		plan->ready(shared, child);
	for (int i = 1; i <= parks; i++) {
		alarm(PARK_HANGS_S);
		nap_ns(random() % gap);
		park_tend(memory);
		if (!park_once(child, plan, memory, i))
			break;
	}
	alarm(PARK_HANGS_S);
	shared->stop = true;
	for (int i = 0; !park_tend(memory) && i < 5000; i++)
		nap_ns(1000000);
	if (!park_tend(memory))
		bad("somebody is still attached");
	park_memory_destroy(memory);
	return park_verdict(child, plan);
}
