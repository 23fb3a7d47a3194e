/* SPDX-License-Identifier: Apache-2.0 */
/* Threads in user-mode loops, with floating-point state that must not change. */
#include "park_test.h"

static void *spin(void *arg)
{
	volatile double x = 1.0;
	long n = 0;

	while (!shared->stop) {
		double y = x * 3.0;

		EXPECT(y == 3.0);
		if (++n % 1000 == 0)
			shared->rounds++;
	}
	return arg;
}

static void behave(struct shared *s)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		EXPECT(!pthread_create(&t[i], NULL, spin, s));
	spin(s);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

int main(void)
{
	return park_test(behave, &(struct plan){ 0 });
}
