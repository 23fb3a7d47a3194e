/* SPDX-License-Identifier: Apache-2.0 */
#include "host/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { THREADS_WORTH = 8 }; /* of them, for a thread of its own */

void threads_run(void *(*work)(void *arg), void *arg, int n)
{
	pthread_t thread[THREADS_MAX];
	sigset_t all, old;
	int started = 0;

	if (n > THREADS_MAX)
		n = THREADS_MAX;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* the caller's business */
	while (started < n - 1 && pthread_create(&thread[started], NULL, work, arg) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	work(arg);
	while (started)
		pthread_join(thread[--started], NULL);
}

int threads_wanted(int wanted)
{
	cpu_set_t cpus[8]; /* more than the kernel may be told to have */

	if (wanted > 0)
		return wanted;
	return sched_getaffinity(0, sizeof(cpus), cpus) == 0 ? CPU_COUNT_S(sizeof(cpus), cpus) : 1;
}

struct threads_work {
	threads_step *step;
	void *arg;
	size_t n;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t lock;
	size_t failed; /* the first in order; n: none */
	int rc; /* its */
	struct err err;
};

static void threads_fail(struct threads_work *w, size_t i, int rc, const struct err *err)
{
	pthread_mutex_lock(&w->lock);
	if (i < w->failed) {
		w->failed = i;
		w->rc = rc;
		w->err = *err;
	}
	pthread_mutex_unlock(&w->lock);
	w->stop = true;
}

static void *threads_steps(void *arg)
{
	struct threads_work *w = arg;
	size_t i;

	while (!w->stop && (i = w->next++) < w->n) {
		struct err err = ERR_INIT;
		int rc = w->step(w->arg, i, &err);

		if (rc < 0)
			threads_fail(w, i, rc, &err);
	}
	return NULL;
}

int threads_each(threads_step *step, void *arg, size_t n, int workers, struct err *err)
{
	struct threads_work w = {
		.step = step, .arg = arg, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER, .failed = n
	};

	workers = threads_wanted(workers);
	if ((size_t)workers > n / THREADS_WORTH)
		workers = (int)(n / THREADS_WORTH);
	threads_run(threads_steps, &w, workers);
	if (w.rc < 0 && err)
		*err = w.err;
	return w.rc;
}
