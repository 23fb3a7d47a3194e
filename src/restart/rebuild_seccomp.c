/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters, put on before anything else that a thread does for itself: it may do so without
 * no_new_privs only while it is as capable as the agent. They do not count yet, as all threads are traced so
 * (restart/tracer.h).
 *
 * SECCOMP_FILTER_FLAG_TSYNC asks not for equal filters but for the very same ones. So threads get theirs as
 * they had got them, by birth: a thread that has part of its filters makes those that have that part too.
 */
#include "base/owned.h"
#include "restart/rebuild.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <asm/unistd.h>

size_t rebuild_seccomp_ops(const struct model *m)
{
	OWNED_PTR uint32_t *height = calloc(m->seccomps.n + 1, sizeof(*height));
	size_t n = 0;

	for (size_t i = 0; height && i < m->seccomps.n; i++)
		height[i + 1] = height[m->seccomps.at[i].below] + 1;
	for (size_t i = 0; height && i < m->threads.n; i++)
		n += height[m->threads.at[i].filter] + 1;
	return n;
}

size_t rebuild_seccomp_data(const struct model *m)
{
	size_t bytes = 0;

	for (size_t i = 0; i < m->seccomps.n; i++)
		bytes += m->seccomps.at[i].program.len + sizeof(struct sock_fprog);
	return bytes;
}

/* The same for all threads of a process. */
struct rebuild_births {
	/* By filter, from 1 on; 0: no filter. */
	uint32_t *
		bearer; /* the thread that comes to have it, counted from 1, and bears others then */
	uint32_t *first; /* which one it bears first */
	uint64_t *programs; /* of the plan: struct sock_fprog */
	uint32_t *path; /* for use while a list is written */
	/* By thread. */
	uint32_t *next; /* which one is borne after it */
	uint32_t *has; /* the newest filter that it is born with */
};

void rebuild_births_done(struct rebuild *b)
{
	struct rebuild_births *births = b->births;

	if (!births)
		return;
	free(births->bearer);
	free(births->first);
	free(births->programs);
	free(births->path);
	free(births->next);
	free(births->has);
	free(births);
	b->births = NULL;
}

/* Those of the leader are its own; those of each thread that nobody has before it are the thread's. */
static void seccomp_find_bearers(struct rebuild *b)
{
	struct rebuild_births *births = b->births;
	const struct model *m = b->m;

	births->bearer[0] = 1;
	for (size_t i = 0; i < m->threads.n; i++) {
		uint32_t at = m->threads.at[i].filter;

		for (; !births->bearer[at]; at = m->seccomps.at[at - 1].below)
			births->bearer[at] = (uint32_t)i + 1;
		births->has[i] = i ? at : 0;
	}
	for (size_t i = m->threads.n; i-- > 1;) { /* in their order */
		births->next[i] = births->first[births->has[i]];
		births->first[births->has[i]] = (uint32_t)i;
	}
}

int rebuild_births(struct rebuild *b, struct err *err)
{
	size_t filters = b->m->seccomps.n + 1, threads = b->m->threads.n + 1;
	struct rebuild_births *births = calloc(1, sizeof(*births));

	b->births = births;
	if (births) {
		births->bearer = calloc(filters, sizeof(*births->bearer));
		births->first = calloc(filters, sizeof(*births->first));
		births->programs = calloc(filters, sizeof(*births->programs));
		births->path = calloc(filters, sizeof(*births->path));
		births->next = calloc(threads, sizeof(*births->next));
		births->has = calloc(threads, sizeof(*births->has));
	}
	if (!births || !births->bearer || !births->first || !births->programs || !births->path ||
	    !births->next || !births->has)
		return err_set(err, ENOMEM, "restart of %zu threads", b->m->threads.n);
	if (!b->early) /* else they are there already, and have none */
		seccomp_find_bearers(b);
	return 0;
}

static uint64_t seccomp_program(struct rebuild *b, uint32_t at)
{
	const struct img_ref ref = b->m->seccomps.at[at - 1].program;
	uint64_t *there = &b->births->programs[at], code;
	struct sock_fprog program = { .len = (unsigned short)(ref.len / sizeof(*program.filter)) };

	if (!*there) {
		code = plan_data(&b->plan, model_bytes(b->m, ref), ref.len);
		memcpy(&program.filter, &code, sizeof(code));
		*there = plan_data(&b->plan, &program, sizeof(program));
	}
	return *there;
}

/* What the CPU may guess is set elsewhere: a filter is not to change it. */
static void seccomp_put(struct rebuild *b, uint32_t at)
{
	uint64_t flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;

	if (b->m->seccomps.at[at - 1].flags & IMG_SECCOMP_LOG)
		flags |= SECCOMP_FILTER_FLAG_LOG;
	plan_call(&b->plan, PLAN_MUST, __NR_seccomp, SECCOMP_SET_MODE_FILTER, flags,
		  seccomp_program(b, at));
}

static void seccomp_bear(struct rebuild *b, uint32_t at)
{
	for (uint32_t i = b->births->first[at]; i; i = b->births->next[i])
		plan_special(&b->plan, PLAN_THREAD, (uintptr_t)(b->threads + i - 1), 0, 0);
}

void rebuild_filters(struct rebuild *b, size_t thread)
{
	const struct rebuild_births *births = b->births;
	uint32_t has = births->has[thread];
	size_t n = 0;

	for (uint32_t at = b->m->threads.at[thread].filter; at != has;
	     at = b->m->seccomps.at[at - 1].below)
		births->path[n++] = at;
	if (!thread)
		seccomp_bear(b, 0);
	while (n > 0) {
		seccomp_put(b, births->path[--n]);
		seccomp_bear(b, births->path[n]);
	}
}
