/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread has a filter that kills on nearly every system call: parking is fine, and nobody dies. The probe
 * says no, unless filters may be suspended.
 */
#include "park_seccomp.h"
#include "trace/suspend.h"

static void *filtered(void *arg)
{
	park_confine(SYS_sched_yield, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
	*(_Atomic bool *)arg = true;
	for (;;)
		sched_yield();
	return NULL;
}

static void behave(struct shared *s)
{
	static _Atomic bool filtering;
	pthread_t t;

	s->ready = false;
	EXPECT(!pthread_create(&t, NULL, filtered, &filtering));
	while (!filtering)
		sched_yield();
	s->ready = true;
	while (!s->stop) {
		nap_ns(1000000);
		s->rounds++;
	}
}

static void parked(struct shared *s, struct park *park)
{
	struct err err = ERR_INIT;
	struct probe *probe;

	if (suspend_allowed()) {
		probe_it(park, s->parks % 4 ? 1 : 32);
		return;
	}
	EXPECT(probe_new(&probe, park, &park->processes[0], NULL, &err) == 0);
	EXPECT(probe_open(&probe, 1, &err) == -EPERM);
	EXPECT(strstr(err.msg, "seccomp"));
	probe_close(&probe, 1);
}

int main(void)
{
	return park_test(behave,
			 &(struct plan){ .parks = 200, .parked = parked, .no_probe = true });
}
