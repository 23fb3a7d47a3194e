/* SPDX-License-Identifier: Apache-2.0 */
#include "image/model.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void model_init(struct model *m)
{
	*m = (struct model){ 0 };
}

void model_done(struct model *m)
{
	free(m->threads.at);
	free(m->vmas.at);
	free(m->guards.at);
	free(m->sigactions.at);
	free(m->pending.at);
	free(m->timers.at);
	free(m->rlimits.at);
	free(m->groups.at);
	free(m->fds.at);
	free(m->files.at);
	free(m->epolls.at);
	free(m->locks.at);
	free(m->sysv.at);
	free(m->sem_ties.at);
	free(m->aios.at);
	free(m->extents.at);
	free(m->creds.at);
	free(m->seccomps.at);
	free(m->policies.at);
	free(m->elsewhere.at);
	free(m->shares.at);
	free(m->runs.at);
	free(m->chunks.at);
	free(m->data.at);
	model_init(m);
}

/* Make room for @extra more records; false when out of memory. */
static bool model_reserve(void **at, size_t n, size_t *room, size_t record_size, size_t extra)
{
	size_t want = *room ? *room : 16;
	void *p;

	if (extra <= *room - n)
		return true;
	if (n + extra < n)
		return false;
	while (want < n + extra)
		if (__builtin_mul_overflow(want, 2, &want))
			return false;
	p = reallocarray(*at, want, record_size);
	if (!p)
		return false;
	*at = p;
	*room = want;
	return true;
}

void *model_grow(void **at, size_t *n, size_t *room, size_t record_size)
{
	char *record;

	if (!model_reserve(at, *n, room, record_size, 1))
		return NULL;
	record = (char *)*at + *n * record_size;
	memset(record, 0, record_size);
	++*n;
	return record;
}

/* Room in the pool at a multiple of @align, so that what needs alignment can be used in place. */
static int model_make_room(struct model *m, struct img_ref *ref, size_t len, size_t align)
{
	size_t gap = -m->data.n & (align - 1);

	*ref = (struct img_ref){ 0, 0 };
	if (!len)
		return 0;
	if (len > UINT32_MAX || m->data.n + gap + len > UINT32_MAX)
		return -EFBIG;
	if (!model_reserve((void **)&m->data.at, m->data.n, &m->data.room, 1, gap + len))
		return -ENOMEM;
	memset(m->data.at + m->data.n, 0, gap);
	*ref = (struct img_ref){ (uint32_t)(m->data.n + gap), (uint32_t)len };
	m->data.n += gap + len;
	return 0;
}

static int model_put(struct model *m, struct img_ref *ref, const void *bytes, size_t len,
		     size_t align)
{
	int rc = model_make_room(m, ref, len, align);

	if (rc >= 0 && len)
		memcpy(m->data.at + ref->off, bytes, len);
	return rc;
}

int model_put_room(struct model *m, struct img_ref *ref, void **bytes, size_t len)
{
	int rc = model_make_room(m, ref, len, 8);

	*bytes = rc >= 0 && len ? m->data.at + ref->off : NULL;
	return rc;
}

void model_trim_room(struct model *m, struct img_ref *ref, size_t len)
{
	m->data.n -= ref->len - len;
	*ref = (struct img_ref){ len ? ref->off : 0, (uint32_t)len };
}

int model_put_bytes(struct model *m, struct img_ref *ref, const void *bytes, size_t len)
{
	return model_put(m, ref, bytes, len, 8);
}

int model_put_string(struct model *m, struct img_ref *ref, const char *s)
{
	return model_put(m, ref, s, *s ? text_length(s) + 1 : 0, 1);
}

const void *model_bytes(const struct model *m, struct img_ref ref)
{
	return ref.len ? m->data.at + ref.off : NULL;
}

const char *model_string(const struct model *m, struct img_ref ref)
{
	return ref.len ? (const char *)m->data.at + ref.off : "";
}

struct img_file *model_file(const struct model *m, uint32_t id)
{
	size_t guess = m->files.n ? id - m->files.at[0].id : 0;

	/* Most have been given their ids one after the other. */
	if (id && guess < m->files.n && m->files.at[guess].id == id)
		return &m->files.at[guess];
	for (size_t i = 0; id && i < m->files.n; i++)
		if (m->files.at[i].id == id)
			return &m->files.at[i];
	return NULL;
}

bool model_is_unforked(const struct img_vma *v)
{
	return v->advice & (UINT64_C(1) << MADV_DONTFORK | UINT64_C(1) << MADV_WIPEONFORK);
}

bool model_clip_run(struct img_run *r, uint64_t from, uint64_t to)
{
	uint64_t start = from > r->addr ? from : r->addr;
	uint64_t end = to < r->addr + r->len ? to : r->addr + r->len;

	if (start >= end)
		return false;
	r->offset += (uint32_t)(start - r->addr);
	r->len = (uint32_t)(end - start);
	r->addr = start;
	return true;
}

size_t model_first_run(const struct model *m, uint64_t addr)
{
	size_t low = 0, high = m->runs.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->runs.at[mid].addr + m->runs.at[mid].len <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int32_t model_shares(const struct model *m, uint32_t what)
{
	for (size_t i = 0; i < m->shares.n; i++)
		if (m->shares.at[i].what == what)
			return m->shares.at[i].pid;
	return 0;
}
