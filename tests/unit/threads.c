/* SPDX-License-Identifier: Apache-2.0 */
/* threads: work shared out among several, and whose error counts. */
#include "unit.h"

#include "host/threads.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

enum { MANY = 1000, MOST = 8 };

static atomic_int begun[MANY];

static int once(void *arg, size_t i, struct err *err)
{
	const size_t *fails = arg;

	begun[i]++;
	sched_yield();
	if (i < *fails)
		return 0;
	return i % 2 ? err_say(err, EIO, "number %zu", i) : -EBUSY; /* with no words */
}

static int run(size_t n, size_t fails, int workers, struct err *err)
{
	for (size_t i = 0; i < MANY; i++)
		begun[i] = 0;
	*err = ERR_INIT;
	return threads_each(once, &fails, n, workers, err);
}

static void test_all(void)
{
	static const size_t counts[] = { 0, 1, 7, 16, MANY };
	struct err err;

	for (int workers = 0; workers <= MOST; workers++)
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
			CHECK_INT(run(counts[k], MANY, workers, &err), 0);
			for (size_t i = 0; i < MANY; i++)
				CHECK_INT(begun[i], i < counts[k]);
		}
}

/* The first in order, whoever comes first. */
static void test_error(void)
{
	struct err err;

	for (int workers = 1; workers <= MOST; workers++) {
		CHECK_INT(run(MANY, 333, workers, &err), -EIO);
		CHECK_STR(err.msg, "number 333");
		CHECK_INT(run(MANY, 334, workers, &err), -EBUSY);
		CHECK_INT(begun[333], 1);
	}
}

int main(void)
{
	test_all();
	test_error();
	return unit_result();
}
