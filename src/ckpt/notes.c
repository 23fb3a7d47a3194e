/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/notes.h"

#include "image/model.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { NOTES_MAX = 4096 }; /* of all processes */

void notes_done(struct notes *notes)
{
	free(notes->at);
	for (size_t i = 0; i < NOTES_ORDERS; i++)
		free(notes->order[i].at);
	*notes = (struct notes){ .n = 0 };
}

uint32_t notes_of(const struct maps_vma *smaps)
{
	/* Whether it may become writable says something of shared memory only. */
	return smaps->flags & NOTES_FLAGS & ~(smaps->shared ? 0u : MAPS_MAYWRITE);
}

/* Without a note: what nearly every mapping of its kind has. */
static uint32_t notes_default(const struct maps_vma *vma)
{
	uint32_t flags = 0;

	if (vma->shared && (vma->prot & PROT_WRITE || !vma->ino || vma->deleted))
		flags |= MAPS_MAYWRITE;
	if (maps_begins(vma, "/anon_hugepage"))
		flags |= MAPS_HUGETLB;
	return flags;
}

uint32_t notes_suppose(const struct notes *notes, pid_t pid, const struct maps_vma *vma)
{
	for (size_t i = 0; i < notes->n; i++) {
		const struct notes_range *r = &notes->at[i];

		if (r->pid == pid && r->start == vma->start && r->end == vma->end)
			return r->flags;
	}
	return notes_default(vma);
}

bool notes_any(const struct notes *notes, pid_t pid, uint32_t flags)
{
	for (size_t i = 0; i < notes->n; i++)
		if (notes->at[i].pid == pid && notes->at[i].flags & flags)
			return true;
	return false;
}

void notes_learn(struct notes *notes, pid_t pid, const struct maps_vma *smaps)
{
	struct notes_range *r;

	if (notes_of(smaps) == notes_default(smaps) || notes->n == NOTES_MAX)
		return;
	r = model_add(notes);
	if (r)
		*r = (struct notes_range){ pid, notes_of(smaps), smaps->start, smaps->end };
}

void notes_forget(struct notes *notes, pid_t pid)
{
	size_t left = 0;

	for (size_t i = 0; i < notes->n; i++)
		if (notes->at[i].pid != pid)
			notes->at[left++] = notes->at[i];
	notes->n = left;
}

void notes_trim(struct notes *notes)
{
	if (notes->n > NOTES_MAX / 2)
		notes->n = 0;
}
