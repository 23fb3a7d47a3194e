/* SPDX-License-Identifier: Apache-2.0 */
/* What it wrote after the checkpoint is taken back, and it writes it again: no line twice. */
#include "live.h"

static int next;
static int fd;

static void *write_on(void *arg)
{
	char line[32];

	/* A line at a time until the driver says go. */
	while (!*(volatile int *)arg) {
		int n = snprintf(line, sizeof(line), "line %d\n", next);

		LIVE_CHECK(write(fd, line, (size_t)n) == n);
		next++;
		if (next > 200000)
			break;
		sched_yield();
	}
	return NULL;
}

int main(void)
{
	static int stop;
	char line[64];
	pthread_t t;
	FILE *f;

	fd = open("lines", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	LIVE_CHECK(fd >= 0);
	t = live_thread(write_on, &stop);
	live_ready();
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	LIVE_CHECK(!pthread_join(t, NULL));
	f = fopen("lines", "r");
	LIVE_CHECK(f);
	for (int i = 0; i < next; i++) {
		LIVE_CHECK(fgets(line, sizeof(line), f));
		LIVE_EQUAL(atoi(line + 5), i);
	}
	LIVE_CHECK(!fgets(line, sizeof(line), f));
	fclose(f);
	return 0;
}
