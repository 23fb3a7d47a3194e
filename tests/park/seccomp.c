/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread has a filter that kills on nearly every system call: parking is fine, and nobody dies. The probe
 * says no, unless filters may be suspended.
 */
#include "park_test.h"
#include "trace/suspend.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

static void *filtered(void *arg)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	EXPECT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
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
