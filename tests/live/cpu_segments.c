/* SPDX-License-Identifier: Apache-2.0 */
/* The GS base that a program sets for itself, and the FS base that libc set for each thread. */
#include "live.h"

#include <asm/prctl.h>

static __thread long mine;
static long block[4] = { 10, 20, 30, 40 };

static long gs_read(void)
{
	long v;

	__asm__ volatile("movq %%gs:16, %0" : "=r"(v));
	return v;
}

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;

	mine = 99;
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	LIVE_EQUAL(mine, 99);
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	mine = 77;
	LIVE_CHECK(!syscall(SYS_arch_prctl, ARCH_SET_GS, block));
	pthread_barrier_wait(&b);
	live_ready();
	LIVE_EQUAL(gs_read(), 30);
	LIVE_EQUAL(mine, 77);
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
