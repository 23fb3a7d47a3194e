/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding modes of x87 and SSE and the exceptions they raised stay, per thread. */
#include "live.h"

#include <fenv.h>

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;

	fesetround(FE_UPWARD);
	feraiseexcept(FE_OVERFLOW);
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	LIVE_EQUAL(fegetround(), FE_UPWARD);
	LIVE_EQUAL(fetestexcept(FE_ALL_EXCEPT) & FE_OVERFLOW, FE_OVERFLOW);
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	volatile double one = 1.0, three = 3.0;
	double down;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	fesetround(FE_DOWNWARD);
	down = one / three;
	feclearexcept(FE_ALL_EXCEPT);
	feraiseexcept(FE_DIVBYZERO);
	pthread_barrier_wait(&b);
	live_ready();
	pthread_barrier_wait(&b);
	LIVE_EQUAL(fegetround(), FE_DOWNWARD);
	LIVE_EQUAL(fetestexcept(FE_ALL_EXCEPT), FE_DIVBYZERO);
	LIVE_CHECK(one / three == down);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
