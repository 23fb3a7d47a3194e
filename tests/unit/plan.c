/* SPDX-License-Identifier: Apache-2.0 */
/* restart/plan and rebuild: what is planned for a small made-up process. */
#include "unit.h"

#include "restart/rebuild.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <asm/unistd.h>

static const struct plan_op *find(const struct plan_list *list, long nr, uint64_t first)
{
	const struct plan_op *op = (const struct plan_op *)list->ops;

	for (uint64_t i = 0; i < list->n; i++)
		if (op[i].kind == PLAN_SYSCALL && op[i].nr == nr && op[i].args[0] == first)
			return &op[i];
	return NULL;
}

static size_t count(const struct plan_list *list, long nr)
{
	const struct plan_op *op = (const struct plan_op *)list->ops;
	size_t n = 0;

	for (uint64_t i = 0; i < list->n; i++)
		n += op[i].kind == PLAN_SYSCALL && op[i].nr == nr;
	return n;
}

static void add_vma(struct model *m, uint64_t start, uint64_t pages, uint32_t prot, uint32_t flags)
{
	struct img_vma *v = model_add(&m->vmas);

	*v = (struct img_vma){ .start = start,
			       .end = start + pages * 4096,
			       .prot = prot,
			       .flags = flags,
			       .kind = IMG_VMA_ANON };
}

static void make_model(struct model *m)
{
	struct img_run *run;

	model_init(m);
	m->process.pid = 100;
	add_vma(m, 0x10000000, 4, PROT_READ, 0); /* has contents */
	add_vma(m, 0x20000000, 1 << 18, PROT_NONE, IMG_VMA_NORESERVE);
	add_vma(m, 0x70000000, 2, PROT_READ | PROT_WRITE, IMG_VMA_GROWSDOWN);
	m->vmas.at[1].advice = 1ull << MADV_DONTFORK;
	run = model_add(&m->runs);
	*run = (struct img_run){ .addr = 0x10001000, .len = 4096 };
	for (int i = 0; i < 3; i++) {
		struct img_thread *t = model_add(&m->threads);

		t->tid = 100 + i;
		t->time_left_ns = -1;
	}
	*(struct img_sigaction *)model_add(&m->sigactions) =
		(struct img_sigaction){ .signo = SIGINT, .handler = 0x1234 };
	*(struct img_pending *)model_add(&m->pending) =
		(struct img_pending){ .siginfo = { SIGUSR1 } };
}

static void check_plan(const struct rebuild *b)
{
	const struct plan_header *h = b->plan.header;
	const struct plan_op *op = find(&h->leader, __NR_mmap, 0x10000000);

	/* Contents to come: writable first, its own protection afterwards. */
	CHECK(op && op->args[2] == (PROT_READ | PROT_WRITE) && op->want == 0x10000000);
	op = find(&h->leader, __NR_mprotect, 0x10000000);
	CHECK(op && op->args[2] == PROT_READ);
	/* A reservation is never made writable. */
	op = find(&h->leader, __NR_mmap, 0x20000000);
	CHECK(op && op->args[2] == PROT_NONE && op->args[3] & MAP_NORESERVE);
	CHECK(!find(&h->leader, __NR_mprotect, 0x20000000));
	op = find(&h->leader, __NR_madvise, 0x20000000);
	CHECK(op && op->args[2] == MADV_DONTFORK && op->check == PLAN_MUST);
	op = find(&h->leader, __NR_mmap, 0x70000000);
	CHECK(op && op->args[3] & MAP_GROWSDOWN);
	CHECK_INT(count(&h->leader, __NR_munmap), 2);
	CHECK_INT(count(&h->leader, __NR_rt_sigaction), 62);
	op = find(&h->late, __NR_rt_sigqueueinfo, 100);
	CHECK(op && op->args[1] == SIGUSR1);
}

static void check_threads(const struct rebuild *b)
{
	const struct plan_op *op = (const struct plan_op *)b->plan.header->leader.ops;
	size_t threads = 0;

	for (uint64_t i = 0; i < b->plan.header->leader.n; i++)
		if (op[i].kind == PLAN_THREAD) {
			const struct plan_thread *t = (const struct plan_thread *)op[i].args[0];

			threads++;
			CHECK_INT(t->tid, 100 + (long)threads);
			CHECK(t->list.n && t->header == (uintptr_t)b->plan.header);
		} else if (op[i].kind == PLAN_JOIN) {
			CHECK_INT(op[i].args[0], 2);
		}
	CHECK_INT(threads, 2);
}

static void check_small_region(struct rebuild *b, struct plan_size size, void *region)
{
	struct err err = ERR_INIT;
	uint64_t parking;

	size.ops = 40;
	plan_init(&b->plan, region, &size, &parking);
	CHECK_INT(rebuild_plan(b, &err), -ENOSPC);
}

/* Of @list: which threads it starts, as digits, with an f for each filter that it puts on. */
static void births(char *text, const struct plan_list *list)
{
	const struct plan_op *op = (const struct plan_op *)list->ops;

	for (uint64_t i = 0; i < list->n; i++)
		if (op[i].kind == PLAN_THREAD)
			*text++ = (char)('0' + ((const struct plan_thread *)op[i].args[0])->tid -
					 100);
		else if (op[i].kind == PLAN_SYSCALL && op[i].nr == __NR_seccomp)
			*text++ = 'f';
	*text = '\0';
}

static uint32_t add_filter(struct model *m, uint32_t below)
{
	struct img_seccomp *f = model_add(&m->seccomps);
	struct img_ref program;

	model_put_bytes(m, &program, "\6\0\0\0\0\0\xff\x7f", 8);
	*f = (struct img_seccomp){ .below = below, .program = program };
	return (uint32_t)m->seccomps.n;
}

/*
 * The leader has A and B on top of it; thread 1 has none, 2 only A, 3 the same as the leader; 4 and 5 have C
 * on top of A, 6 D on top of that.
 */
static void check_births(struct rebuild b)
{
	static const char *const want[] = { "1f24f3", "", "", "", "f56", "", "f" };
	static const int has[] = { 2, 0, 1, 2, 3, 3, 4 };
	struct err err = ERR_INIT;
	struct plan_size size;
	struct model m;
	uint64_t parking;
	char text[32];
	void *region;

	make_model(&m);
	for (int i = 3; i < 7; i++)
		((struct img_thread *)model_add(&m.threads))->tid = 100 + i;
	add_filter(&m, add_filter(&m, 0)); /* A, B */
	add_filter(&m, add_filter(&m, 1)); /* C, D */
	for (int i = 0; i < 7; i++)
		m.threads.at[i].filter = (uint32_t)has[i];
	b.m = &m;
	rebuild_size(&size, &m, 0);
	region = mmap(NULL, plan_region_size(&size), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	plan_init(&b.plan, region, &size, &parking);
	CHECK_INT(rebuild_plan(&b, &err), 0);
	births(text, &b.plan.header->leader);
	CHECK_STR(text, want[0]);
	for (int i = 1; i < 7; i++) {
		births(text, &b.threads[i - 1].list);
		CHECK_STR(text, want[i]);
	}
	munmap(region, plan_region_size(&size));
	model_done(&m);
}

int main(void)
{
	int no_fd[3] = { -1, -1, -1 };
	struct rebuild b = { .vma_fd = no_fd, .exe_fd = -1 };
	struct err err = ERR_INIT;
	struct plan_size size;
	struct model m;
	uint64_t parking;
	char text[160];
	void *region;

	make_model(&m);
	b.m = &m;
	rebuild_size(&size, &m, 0);
	region = mmap(NULL, plan_region_size(&size), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	plan_init(&b.plan, region, &size, &parking);
	CHECK_INT(parking, (uintptr_t)region + plan_region_size(&size));
	CHECK_INT(rebuild_plan(&b, &err), 0);
	CHECK_STR(err.msg, "");
	check_plan(&b);
	check_threads(&b);
	plan_describe(text, sizeof(text), find(&b.plan.header->leader, __NR_mmap, 0x20000000));
	CHECK_STR(text, "mmap(0x20000000, 0x40000000, 0x0, 0x104022)");
	check_small_region(&b, size, region);
	munmap(region, plan_region_size(&size));
	model_done(&m);
	check_births(b);
	return unit_result();
}
