/* SPDX-License-Identifier: Apache-2.0 */
/* A statically linked program: threads, heap, a handler. */
#include "live.h"

static volatile int handled;
static __thread int local = 3;

static void on_usr1(int sig)
{
	handled = sig;
}

static void *run(void *arg)
{
	pthread_barrier_t *b = arg;

	local = 4;
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	LIVE_EQUAL(local, 4);
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	char *heap = malloc(100000);
	pthread_t t;

	LIVE_CHECK(heap && signal(SIGUSR1, on_usr1) != SIG_ERR);
	memset(heap, 's', 100000);
	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(run, &b);
	pthread_barrier_wait(&b);
	live_ready();
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL) && local == 3);
	LIVE_CHECK(heap[0] == 's' && heap[99999] == 's');
	LIVE_CHECK(!raise(SIGUSR1) && handled == SIGUSR1);
	free(heap);
	return 0;
}
