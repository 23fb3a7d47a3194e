/* SPDX-License-Identifier: Apache-2.0 */
/* On which NUMA nodes memory shall be: policies of mappings (mbind) and threads (set_mempolicy). */
#include "ckpt/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The pages of other mappings belong to the cache of a file. */
static bool policies_count(const struct img_vma *v)
{
	return v->kind == IMG_VMA_ANON || v->kind == IMG_VMA_MEMFD ||
	       (v->kind == IMG_VMA_FILE && v->prot & PROT_WRITE);
}

int policies_ask(const struct model *m, struct probe_report *report, struct err *err)
{
	report->places = calloc(m->vmas.n + 1, sizeof(*report->places));
	if (!report->places)
		return err_set(err, ENOMEM, "keep NUMA policies");
	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];

		if (policies_count(v))
			report->places[report->nplaces++] =
				(struct img_policy){ .start = v->start, .end = v->end };
	}
	return 0;
}

/* Does the mapping at @start? *@at: where to look for it, in the order of addresses. */
static bool policies_counts(const struct model *m, size_t *at, uint64_t start)
{
	while (*at < m->vmas.n && m->vmas.at[*at].start < start)
		++*at;
	return *at < m->vmas.n && m->vmas.at[*at].start == start &&
	       policies_count(&m->vmas.at[*at]);
}

static int policies_add(struct model *m, const struct img_policy *policy, struct err *err)
{
	struct img_policy *p;

	if (!policy->mode)
		return 0;
	p = model_add(&m->policies);
	if (!p)
		return err_set(err, ENOMEM, "keep NUMA policies");
	*p = *policy;
	return 0;
}

int policies_take(struct capture *c, const struct probe_report *report, struct err *err)
{
	int rc = 0;

	for (size_t i = 0, at = 0; rc >= 0 && i < report->nplaces; i++)
		if (policies_counts(c->m, &at, report->places[i].start))
			rc = policies_add(c->m, &report->places[i], err);
	for (size_t i = 0; rc >= 0 && i < c->parked->nthreads; i++) {
		const struct probe_thread *t = &report->threads[i];
		struct img_policy policy = { .tid = c->parked->threads[i].tid, .mode = t->policy };

		memcpy(policy.nodes, t->nodes, sizeof(policy.nodes));
		rc = policies_add(c->m, &policy, err);
	}
	return rc;
}
