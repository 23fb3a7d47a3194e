/* SPDX-License-Identifier: Apache-2.0 */
/* glibc's rseq area is still registered with the kernel: it goes on telling the CPU. */
#include "live.h"

#include <sys/rseq.h>

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void check(void)
{
	cpu_set_t one;

	for (int cpu = 0; cpu < 2; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!sched_setaffinity(0, sizeof(one), &one))
			LIVE_EQUAL(((volatile struct rseq *)area())->cpu_id, cpu);
	}
	/* Registered already: the kernel says so. */
	LIVE_CHECK(syscall(SYS_rseq, area(), 32, 0, RSEQ_SIG) == -1 && errno == EBUSY);
}

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;

	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	check();
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	pthread_t t;

	if (!__rseq_size)
		live_skip("this libc registers no rseq");
	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	pthread_barrier_wait(&b);
	live_ready();
	check();
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
