/* SPDX-License-Identifier: Apache-2.0 */
/* Per thread: name, nice value, policy (and that children begin with another), affinity, timer slack. */
#include "live.h"

#include <sys/prctl.h>
#include <sys/resource.h>

struct settings {
	char name[16];
	int nice, policy;
	cpu_set_t cpus;
	long slack;
};

static struct settings look(void)
{
	struct settings s;

	memset(&s, 0, sizeof(s));
	prctl(PR_GET_NAME, s.name);
	s.nice = getpriority(PRIO_PROCESS, gettid());
	s.policy = sched_getscheduler(0);
	LIVE_CHECK(!sched_getaffinity(0, sizeof(s.cpus), &s.cpus));
	s.slack = prctl(PR_GET_TIMERSLACK);
	return s;
}

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;
	struct sched_param none = { 0 };
	struct settings before, after;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	LIVE_CHECK(!sched_setaffinity(0, sizeof(one), &one));
	LIVE_CHECK(!setpriority(PRIO_PROCESS, gettid(), 7));
	LIVE_CHECK(!sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none));
	LIVE_CHECK(!prctl(PR_SET_NAME, "the other") && !prctl(PR_SET_TIMERSLACK, 123456));
	before = look();
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	after = look();
	LIVE_EQUAL(after.nice, 7);
	LIVE_EQUAL(after.slack, 123456);
	LIVE_CHECK(!memcmp(&before, &after, sizeof(before)));
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	struct settings before, after;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	LIVE_CHECK(!prctl(PR_SET_NAME, "a (strange) )n"));
	pthread_barrier_wait(&b);
	before = look();
	live_ready();
	after = look();
	LIVE_CHECK(!memcmp(&before, &after, sizeof(before)));
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
