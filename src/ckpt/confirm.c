/* SPDX-License-Identifier: Apache-2.0 */
/* What was supposed of mappings, against the smaps of the snapshot; see notes.h. */
#include "base/owned.h"
#include "ckpt/capture.h"
#include "host/log.h"
#include "host/proc.h"

#include <errno.h>

static bool confirm_is_kernel(const struct img_vma *v)
{
	return v->kind == IMG_VMA_VDSO || v->kind == IMG_VMA_VVAR || v->kind == IMG_VMA_VSYSCALL;
}

/* Was this mapping as supposed? Then all its settings are taken. */
static bool confirm_vma(struct img_vma *v, uint32_t supposed, const struct maps_vma *s)
{
	if (v->end != s->end || (!confirm_is_kernel(v) && supposed != notes_of(s))) {
		log_info("confirm", "mapping %llx-%llx: %x, not %x", (unsigned long long)s->start,
			 (unsigned long long)s->end, notes_of(s), supposed);
		return false;
	}
	capture_vma_settings(v, s);
	return true;
}

/* Both are in order of addresses; the snapshot also has the probe's area. */
static bool confirm_all(struct model *m, const struct notes_supposed *supposed,
			struct maps_cursor *cursor)
{
	struct maps_vma s;
	size_t i = 0;

	while (smaps_next(cursor, &s)) {
		if (i < m->vmas.n && m->vmas.at[i].start < s.start)
			break;
		if (i == m->vmas.n || m->vmas.at[i].start > s.start)
			continue;
		if (!confirm_vma(&m->vmas.at[i], supposed->at[i], &s))
			return false;
		i++;
	}
	if (i < m->vmas.n)
		log_info("confirm", "mapping %llx is not in the snapshot",
			 (unsigned long long)m->vmas.at[i].start);
	return i == m->vmas.n;
}

int capture_confirm(struct model *m, const struct notes_supposed *supposed, pid_t snapshot,
		    struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor cursor;
	size_t len;
	int rc = proc_read(snapshot, "smaps", &text, &len, err);

	if (rc < 0)
		return rc;
	cursor = maps_over(text, len);
	return !confirm_all(m, supposed, &cursor);
}
