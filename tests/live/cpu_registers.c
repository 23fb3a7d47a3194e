/* SPDX-License-Identifier: Apache-2.0 */
/* All general registers and the flags hold their values while the thread is busy in user mode. */
#include "live.h"

static volatile int stop, spinning;
static uint64_t got[16];

static void *spin(void *arg)
{
	__asm__ volatile(
		"push %%rbx\n\tpush %%rbp\n\t"
		"mov $0x1111111122222222, %%rbx\n\tmov $0x3333333344444444, %%rbp\n\t"
		"mov $0x5555555566666666, %%r8\n\tmov $0x7777777788888888, %%r9\n\t"
		"mov $0x1234567812345678, %%r12\n\tmov $0x2345678923456789, %%r13\n\t"
		"mov $0x3456789a3456789a, %%r14\n\tmov $0x456789ab456789ab, %%r15\n\t"
		"std\n\tmovl $1, %[spinning]\n"
		"1:\tpause\n\tmovl %[stop], %%eax\n\ttest %%eax, %%eax\n\tje 1b\n\t"
		"pushfq\n\tpop %%rax\n\tcld\n\tmov %%rax, %[flags]\n\t"
		"mov %%rbx, %[rbx]\n\tmov %%rbp, %[rbp]\n\t"
		"mov %%r8, %[r8]\n\tmov %%r9, %[r9]\n\t"
		"mov %%r12, %[r12]\n\tmov %%r13, %[r13]\n\t"
		"mov %%r14, %[r14]\n\tmov %%r15, %[r15]\n\t"
		"pop %%rbp\n\tpop %%rbx"
		: [spinning] "=m"(spinning), [flags] "=m"(got[0]), [rbx] "=m"(got[1]),
		  [rbp] "=m"(got[2]), [r8] "=m"(got[3]), [r9] "=m"(got[4]), [r12] "=m"(got[5]),
		  [r13] "=m"(got[6]), [r14] "=m"(got[7]), [r15] "=m"(got[8])
		: [stop] "m"(stop)
		: "rax", "r8", "r9", "r12", "r13", "r14", "r15", "memory", "cc");
	return arg;
}

int main(void)
{
	static const uint64_t want[] = { 0x1111111122222222, 0x3333333344444444, 0x5555555566666666,
					 0x7777777788888888, 0x1234567812345678, 0x2345678923456789,
					 0x3456789a3456789a, 0x456789ab456789ab };
	pthread_t t = live_thread(spin, NULL);

	while (!spinning)
		sched_yield();
	live_ready();
	stop = 1;
	LIVE_CHECK(!pthread_join(t, NULL));
	LIVE_CHECK(!memcmp(got + 1, want, sizeof(want)));
	LIVE_EQUAL(got[0] & 0x400, 0x400); /* the direction flag */
	return 0;
}
