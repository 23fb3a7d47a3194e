/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with mutexes, condition variables, thread-local memory, malloc and a signal handler; nothing
 * but POSIX, so that it builds with any C library, dynamically or statically.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#ifndef ROUNDS
#define ROUNDS 300
#endif

enum { THREADS = 8, STEPS = 20, WORDS = 16000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all = PTHREAD_COND_INITIALIZER;
static int arrived, done;
static uint64_t total;
static volatile sig_atomic_t ticks;
static _Thread_local uint64_t mine;

static void tick(int sig)
{
	(void)sig;
	ticks++;
}

static void churn(uint64_t seed)
{
	uint64_t *words = malloc(WORDS * sizeof(*words));

	if (!words)
		abort();
	for (int i = 0; i < WORDS; i++)
		words[i] = seed = seed * 6364136223846793005u + 1442695040888963407u;
	for (int i = 0; i < WORDS; i++)
		mine = mine * 31 + (words[words[i] % WORDS] >> 7);
	free(words);
}

static void meet(int step)
{
	pthread_mutex_lock(&lock);
	total += mine;
	if (++arrived == THREADS) {
		arrived = 0;
		done = step;
		printf("step %d\n", step);
		fflush(stdout);
		pthread_cond_broadcast(&all);
	}
	while (done < step)
		pthread_cond_wait(&all, &lock);
	pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
	uint64_t me = (uintptr_t)arg;
	struct timespec nap = { .tv_nsec = 2000000 };

	for (int step = 1; step <= STEPS; step++) {
		for (uint64_t round = 0; round < ROUNDS; round++)
			churn(me * STEPS * ROUNDS + (uint64_t)step * ROUNDS + round);
		while (nanosleep(&nap, &nap) && errno == EINTR)
			;
		nap.tv_nsec = 2000000;
		meet(step);
	}
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 10000 }, { 0, 10000 } };
	pthread_t thread[THREADS];

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("total %llu %s\n", (unsigned long long)total, ticks ? "with ticks" : "no tick");
	return 0;
}
