/* SPDX-License-Identifier: Apache-2.0 */
/* A hundred threads, each with its id, name, local storage and stack. */
#include "live.h"

enum { N = 100 };
static pthread_barrier_t barrier;
static __thread int local;
static int sum;

static void *run(void *arg)
{
	int me = (int)(intptr_t)arg;
	pid_t tid = gettid();
	char name[16], now[16];
	char room[3000];

	local = me * 5;
	memset(room, me, sizeof(room));
	snprintf(name, sizeof(name), "worker-%d", me);
	pthread_setname_np(pthread_self(), name);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	LIVE_EQUAL(local, me * 5);
	LIVE_EQUAL(syscall(SYS_gettid), tid);
	LIVE_EQUAL(room[2999], (char)me);
	pthread_getname_np(pthread_self(), now, sizeof(now));
	LIVE_CHECK(!strcmp(name, now));
	__atomic_fetch_add(&sum, me, __ATOMIC_SEQ_CST);
	return arg;
}

int main(void)
{
	pthread_t t[N];
	void *result;

	pthread_barrier_init(&barrier, NULL, N + 1);
	for (intptr_t i = 0; i < N; i++)
		t[i] = live_thread(run, (void *)i);
	pthread_barrier_wait(&barrier);
	live_ready();
	pthread_barrier_wait(&barrier);
	for (intptr_t i = 0; i < N; i++)
		LIVE_CHECK(!pthread_join(t[i], &result) && result == (void *)i);
	LIVE_EQUAL(sum, N * (N - 1) / 2);
	return 0;
}
