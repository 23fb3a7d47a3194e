/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies that attract each other, by OpenMP. Each sum is made by one thread in one order, so each run
 * is equal to the last bit.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODIES = 1200, STEPS = 20, MOVES = 20 };

struct body {
	double x[3], v[3];
};

static double next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static void pull(const struct body *b, int i, double a[3])
{
	for (int j = 0; j < BODIES; j++) {
		double d[3], r = 0.01;

		for (int k = 0; k < 3; k++) {
			d[k] = b[j].x[k] - b[i].x[k];
			r += d[k] * d[k];
		}
		r = 1 / (r * sqrt(r));
		for (int k = 0; k < 3; k++)
			a[k] += d[k] * r;
	}
}

static void move(struct body *b, double (*a)[3])
{
#pragma omp parallel for schedule(dynamic, 32)
	for (int i = 0; i < BODIES; i++) {
		a[i][0] = a[i][1] = a[i][2] = 0;
		pull(b, i, a[i]);
	}
#pragma omp parallel for
	for (int i = 0; i < BODIES; i++) {
		for (int k = 0; k < 3; k++) {
			b[i].v[k] += a[i][k] * 1e-6;
			b[i].x[k] += b[i].v[k];
		}
	}
}

/* Integers, so that tasks may add in any order; a lock, so that they meet. */
static long crossings(const struct body *b)
{
	omp_lock_t lock;
	long n = 0;

	omp_init_lock(&lock);
#pragma omp parallel
#pragma omp single
	for (int i = 0; i < BODIES; i += 100) {
#pragma omp task firstprivate(i) shared(n, lock)
		for (int j = i; j < i + 100; j++) {
			omp_set_lock(&lock);
			n += b[j].x[0] > 0.5;
			omp_unset_lock(&lock);
		}
	}
	omp_destroy_lock(&lock);
	return n;
}

int main(void)
{
	struct body *b = calloc(BODIES, sizeof(*b));
	double(*a)[3] = calloc(BODIES, sizeof(*a));
	uint64_t seed = 1;
	double sum = 0;
	long n = 0;

	if (!a || !b)
		return 1;
	for (int i = 0; i < BODIES; i++)
		for (int k = 0; k < 3; k++)
			b[i].x[k] = next(&seed);
	for (int step = 1; step <= STEPS; step++) {
		for (int i = 0; i < MOVES; i++)
			move(b, a);
		n += crossings(b);
		printf("step %d\n", step);
		fflush(stdout);
	}
	for (int i = 0; i < BODIES; i++)
		for (int k = 0; k < 3; k++)
			sum += b[i].x[k];
	printf("sum %a crossings %ld\n", sum, n);
	free(a);
	free(b);
	return 0;
}
