/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/order.h"

#include "base/sys.h"

#include <errno.h>
#include <stdbool.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>

struct order {
	size_t size; /* bytes */
	uint32_t next; /* whose turn it is; a futex */
	uint32_t n;
	struct order_slot at[];
};

struct order_making {
	struct image_reader *const *images;
	size_t n;
	struct order_slot *from; /* by id */
	size_t nfrom;
	bool *listed; /* by process */
	struct order *to;
};

static const struct model *order_model(const struct order_making *m, size_t i)
{
	return image_reader_model(m->images[i]);
}

static int32_t order_maker(const struct order_making *m, pid_t ppid)
{
	for (size_t i = 0; i < m->n; i++)
		if (order_model(m, i)->process.pid == ppid)
			return (int32_t)i;
	return ORDER_NOBODY;
}

static void order_collect(struct order_making *m, pid_t agent)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct img_process *p = &order_model(m, i)->process;
		bool ended = p->flags & IMG_PROC_ZOMBIE;

		m->from[m->nfrom++] = (struct order_slot){
			.id = p->pid,
			.maker = p->ppid == agent ? ORDER_AGENT : order_maker(m, p->ppid),
			.process = (int32_t)i,
		};
		for (size_t k = 1; !ended && k < order_model(m, i)->threads.n; k++)
			m->from[m->nfrom++] = (struct order_slot){
				.id = order_model(m, i)->threads.at[k].tid,
				.maker = (int32_t)i,
				.process = (int32_t)i,
				.thread = (uint32_t)k,
			};
	}
}

/* In the order in which they come round after *@start. */
static int order_compare(const void *a, const void *b, void *start)
{
	const struct order_slot *x = a, *y = b;
	const pid_t *from = start;
	bool again_x = x->id < *from, again_y = y->id < *from;

	if (again_x != again_y)
		return again_x ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* A child that stayed in the session that its parent left was born before the parent left it. */
static bool order_left_behind(const struct order_making *m, const struct img_process *parent)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct img_process *p = &order_model(m, i)->process;

		if (!m->listed[i] && p->ppid == parent->pid && p->sid != parent->sid &&
		    p->sid != p->pid)
			return true;
	}
	return false;
}

static bool order_may_be_born(const struct order_making *m, const struct order_slot *s)
{
	const struct img_process *parent, *p;

	if (s->maker == ORDER_AGENT)
		return true;
	if (s->maker == ORDER_NOBODY || !m->listed[s->maker])
		return false;
	parent = &order_model(m, (size_t)s->maker)->process;
	p = &order_model(m, (size_t)s->process)->process;
	return s->thread || parent->sid != parent->pid || p->sid != parent->sid ||
	       !order_left_behind(m, parent);
}

/* One round of ids. */
static void order_go_round(struct order_making *m)
{
	for (size_t i = 0; i < m->nfrom; i++) {
		struct order_slot *s = &m->from[i];

		if (s->listed || !order_may_be_born(m, s))
			continue;
		m->to->at[m->to->n++] = *s;
		s->listed = true;
		if (!s->thread)
			m->listed[s->process] = true;
	}
}

static int order_fill(struct order_making *m, pid_t agent, struct err *err)
{
	uint32_t before;

	order_collect(m, agent);
	qsort_r(m->from, m->nfrom, sizeof(*m->from), order_compare, &agent);
	do {
		before = m->to->n;
		order_go_round(m);
	} while (m->to->n > before);
	if (m->to->n != m->nfrom)
		return err_say(err, EINVAL, "the processes are not one tree below process %d",
			       agent);
	return 0;
}

int order_create(struct order **order, struct image_reader *const *images, size_t n, pid_t agent,
		 struct err *err)
{
	struct order_making m = { .images = images, .n = n };
	size_t room = 0, size;
	int rc;

	for (size_t i = 0; i < n; i++)
		room += order_model(&m, i)->threads.n + 1;
	size = sizeof(struct order) + room * sizeof(struct order_slot);
	m.to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m.to == MAP_FAILED)
		return err_set(err, errno, "the order of %zu processes and threads", room);
	m.to->size = size;
	m.from = calloc(room, sizeof(*m.from));
	m.listed = calloc(n, sizeof(*m.listed));
	rc = m.from && m.listed ? order_fill(&m, agent, err)
				: err_set(err, ENOMEM, "the order of %zu processes", n);
	free(m.from);
	free(m.listed);
	if (rc < 0)
		order_destroy(m.to);
	else
		*order = m.to;
	return rc;
}

void order_destroy(struct order *order)
{
	if (order)
		munmap(order, order->size);
}

static void order_sleep(uint32_t *word, uint32_t value)
{
	sys4(__NR_futex, word, FUTEX_WAIT, value, 0);
}

static void order_wake(uint32_t *word)
{
	sys3(__NR_futex, word, FUTEX_WAKE, INT32_MAX);
}

const struct order_slot *order_await(struct order *o, int32_t maker)
{
	uint32_t next = __atomic_load_n(&o->next, __ATOMIC_ACQUIRE);
	uint32_t mine = next;

	while (mine < o->n && o->at[mine].maker != maker)
		mine++;
	if (mine == o->n)
		return NULL;
	for (; next != mine; next = __atomic_load_n(&o->next, __ATOMIC_ACQUIRE))
		order_sleep(&o->next, next);
	return &o->at[mine];
}

pid_t order_last(const struct order *o)
{
	uint32_t next = __atomic_load_n(&o->next, __ATOMIC_ACQUIRE);

	return next ? o->at[next - 1].id : 0;
}

void order_advance(struct order *o)
{
	__atomic_add_fetch(&o->next, 1, __ATOMIC_ACQ_REL);
	order_wake(&o->next);
}
