/* SPDX-License-Identifier: Apache-2.0 */
/* On which NUMA nodes memory shall be: of two threads, and of more mappings than are asked for at once. */
#include "live.h"

#include <linux/mempolicy.h>

enum { PAGE = 4096, MAPPINGS = 600, EVERY = 3 };

static unsigned long first_node = 1;

static int policy_of(const void *at, unsigned long flags, unsigned long *nodes)
{
	int mode = -1;

	LIVE_CHECK(!syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(*nodes) * 16, at, flags));
	return mode;
}

static void expect(const void *at, unsigned long flags, int mode, unsigned long nodes)
{
	unsigned long seen[16] = { 0 };

	LIVE_EQUAL(policy_of(at, flags, seen), mode);
	LIVE_EQUAL(seen[0], nodes);
}

static pthread_barrier_t barrier;

static void *other(void *arg)
{
	(void)arg;
	LIVE_CHECK(!syscall(SYS_set_mempolicy, MPOL_BIND | MPOL_F_STATIC_NODES, &first_node, 64));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	expect(NULL, 0, MPOL_BIND | MPOL_F_STATIC_NODES, 1);
	return NULL;
}

/* Every second page: none is next to another, so that each is a mapping of its own. */
static char *page(char *area, int i)
{
	return area + (size_t)i * 2 * PAGE;
}

static void check_mappings(char *area)
{
	for (int i = 0; i < MAPPINGS; i++) {
		if (i % EVERY)
			expect(page(area, i), MPOL_F_ADDR, MPOL_DEFAULT, 0);
		else
			expect(page(area, i), MPOL_F_ADDR, MPOL_INTERLEAVE, 1);
		LIVE_EQUAL(*page(area, i), (char)i);
	}
}

int main(void)
{
	char *area = mmap(NULL, (size_t)MAPPINGS * 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	pthread_t t;

	LIVE_CHECK(area != MAP_FAILED);
	if (syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &first_node, 64))
		live_skip("no NUMA policies here (kernel, or a seccomp filter)");
	for (int i = 0; i < MAPPINGS; i++) {
		LIVE_CHECK(!mprotect(page(area, i), PAGE, PROT_READ | PROT_WRITE));
		if (i % EVERY == 0)
			LIVE_CHECK(!syscall(SYS_mbind, page(area, i), PAGE, MPOL_INTERLEAVE,
					    &first_node, 64, 0));
		*page(area, i) = (char)i;
	}
	pthread_barrier_init(&barrier, NULL, 2);
	t = live_thread(other, NULL);
	pthread_barrier_wait(&barrier);
	live_ready();
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
	expect(NULL, 0, MPOL_INTERLEAVE, 1);
	check_mappings(area);
	return 0;
}
