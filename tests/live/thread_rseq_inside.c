/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that are in a restartable sequence nearly always: a checkpoint or restart in the middle of one is
 * what any preemption is, so whoever comes to its end has not been interrupted.
 */
#include "live.h"

#include <sys/rseq.h>

enum { TURNS = 2000000, WHO = 2 };

static volatile int stop;

/*
 * True if it came to the end, and false if it was given up. At the end the kernel must still know of the
 * sequence: *@known is what it then has.
 */
static bool sequence(struct rseq *area, uint64_t *known)
{
	__asm__ __volatile__ goto(".pushsection .data\n"
				  ".balign 32\n"
				  "77:\n"
				  ".long 0, 0\n"
				  ".quad 1f, 2f - 1f, 4f\n"
				  ".popsection\n"
				  "leaq 77b(%%rip), %%rax\n"
				  "1:\n"
				  "movq %%rax, 8(%[area])\n"
				  "movl %[turns], %%ecx\n"
				  "3:\n"
				  "decl %%ecx\n"
				  "jnz 3b\n"
				  "movq 8(%[area]), %%rax\n"
				  "movq %%rax, (%[known])\n"
				  "2:\n"
				  ".pushsection .text.unlikely, \"ax\"\n"
				  ".byte 0x0f, 0xb9, 0x3d\n"
				  ".long 0x53053053\n"
				  "4:\n"
				  "jmp %l[given_up]\n"
				  ".popsection\n"
				  :
				  : [area] "r"(area), [known] "r"(known), [turns] "i"(TURNS)
				  : "rax", "rcx", "memory", "cc"
				  : given_up);
	return true;
given_up:
	return false;
}

static void *run(void *arg)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	unsigned long *ends = arg;
	uint64_t known = 0;

	while (!stop) {
		if (!sequence(area, &known))
			continue;
		if (!known)
			live_fail("a sequence was interrupted, and went on all the same");
		++*ends;
	}
	return NULL;
}

int main(void)
{
	unsigned long ends[WHO] = { 0 };
	pthread_t t[WHO];

	if (!__rseq_size)
		live_skip("no restartable sequences here");
	for (int i = 0; i < WHO; i++)
		LIVE_CHECK(!pthread_create(&t[i], NULL, run, &ends[i]));
	live_ready();
	for (int i = 0; i < 20; i++)
		usleep(20000);
	stop = 1;
	for (int i = 0; i < WHO; i++)
		pthread_join(t[i], NULL);
	return 0;
}
