/* SPDX-License-Identifier: Apache-2.0 */
#include "host/progress.h"
#include "host/human.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool progress_shown;

static bool progress_due(void)
{
	static int64_t last;
	struct timespec now;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (last && ns - last < 100000000)
		return false;
	last = ns;
	return true;
}

void progress_show(const char *label, uint64_t done, uint64_t total)
{
	if (!isatty(STDERR_FILENO) || !progress_due())
		return;
	fprintf(stderr, "\r%s: %3.0f %%  %s of %s\033[K", label,
		total ? 100.0 * (double)done / (double)total : 0.0, human_size(done).s,
		human_size(total).s);
	fflush(stderr);
	progress_shown = true;
}

void progress_clear(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress_shown = false;
}
