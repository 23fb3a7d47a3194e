/* SPDX-License-Identifier: Apache-2.0 */
#include "job/interval.h"

enum { INTERVAL_DAY = 86400 };

/* Newton's, from above: good to a second for whatever a job may last; libm would be all for this. */
static double interval_root(double x)
{
	double root = x > 1 ? x : 1;

	for (int i = 0; i < 64; i++)
		root = (root + x / root) / 2;
	return root;
}

/*
 * J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", 2006,
 * equation 37.
 */
unsigned int interval_best(double cost_s, double mtbf_s)
{
	double x = cost_s / (2 * mtbf_s), best;

	if (!(cost_s > 0) || !(mtbf_s > 0))
		return INTERVAL_DAY;
	if (x >= 1)
		best = mtbf_s;
	else
		best = interval_root(2 * cost_s * mtbf_s) * (1 + interval_root(x) / 3 + x / 9) -
		       cost_s;
	return best < 1 ? 1 : best > INTERVAL_DAY ? INTERVAL_DAY : (unsigned int)best;
}

double interval_mtbf(double run_s, unsigned int failures)
{
	return (run_s + INTERVAL_DAY) / (failures + 1);
}

double interval_allow(double cost_s)
{
	return cost_s * 1.5 + 5;
}
