/* SPDX-License-Identifier: Apache-2.0 */
/* Threads blocked on a condition, a semaphore and a mutex wake as before. */
#include "live_proc.h"

#include <semaphore.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int set;

static void *on_cond(void *tid)
{
	LIVE_CHECK(!pthread_mutex_lock(&lock));
	live_here(tid);
	while (!set)
		LIVE_CHECK(!pthread_cond_wait(&cond, &lock));
	LIVE_CHECK(!pthread_mutex_unlock(&lock));
	return NULL;
}

static void *on_sem(void *tid)
{
	live_here(tid);
	LIVE_CHECK(!sem_wait(&sem)); /* EINTR would show here */
	return NULL;
}

static void *on_mutex(void *tid)
{
	live_here(tid);
	LIVE_CHECK(!pthread_mutex_lock(&held) && !pthread_mutex_unlock(&held));
	return NULL;
}

int main(void)
{
	void *(*const run[])(void *) = { on_cond, on_sem, on_mutex };
	pid_t tid[3] = { 0 };
	pthread_t t[3];

	LIVE_CHECK(!sem_init(&sem, 0, 0) && !pthread_mutex_lock(&held));
	for (int i = 0; i < 3; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_ready();
	LIVE_CHECK(!pthread_mutex_lock(&lock));
	set = 1;
	LIVE_CHECK(!pthread_cond_signal(&cond) && !pthread_mutex_unlock(&lock));
	LIVE_CHECK(!sem_post(&sem) && !pthread_mutex_unlock(&held));
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
