/* SPDX-License-Identifier: Apache-2.0 */
/* Ten generations deep, nothing has been added: mappings, descriptors, threads. */
#include "live_proc.h"

static void *run(void *arg)
{
	pause();
	return arg;
}

int main(void)
{
	int maps, fds, threads;

	for (int i = 0; i < 3; i++)
		live_thread(run, NULL);
	maps = live_count_maps();
	fds = live_count_dir("/proc/self/fd");
	threads = live_count_dir("/proc/self/task");
	live_ready_rounds(10);
	LIVE_EQUAL(live_count_maps(), maps);
	LIVE_EQUAL(live_count_dir("/proc/self/fd"), fds);
	LIVE_EQUAL(live_count_dir("/proc/self/task"), threads);
	return 0;
}
