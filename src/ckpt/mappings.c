/* SPDX-License-Identifier: Apache-2.0 */
/* All mappings of a process: from maps if that will do, else from smaps. */
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/proc.h"
#include "procfs/maps.h"

#include <errno.h>
#include <stdlib.h>

/*
 * To read smaps takes as long as there are pages, to read maps as there are mappings. What only smaps tells
 * is then supposed, and confirmed after the pause by the smaps of the snapshot, which is a fork: it has no
 * locked memory and none with MADV_DONTFORK.
 */
static bool mappings_may_suppose(struct capture *c)
{
	return !c->exact && c->resident > CAPTURE_FEW_PAGES &&
	       !notes_any(c->notes, c->parked->pid, MAPS_DONTCOPY) &&
	       proc_status_number(c->alive, "VmLck", 10, 1) == 0;
}

/* Is there memory of which some may be swapped out, which neither maps nor a snapshot tells? */
static bool mappings_may_be_swapped(struct capture *c, struct maps_cursor cursor)
{
	struct maps_vma vma;

	while (c->swapping && maps_next(&cursor, &vma))
		if (vma.shared && notes_suppose(c->notes, c->parked->pid, &vma) & MAPS_MAYWRITE)
			return true;
	return false;
}

/* The text of maps, or of smaps. */
static int mappings_read(struct capture *c, size_t *len, struct err *err)
{
	c->suppose = mappings_may_suppose(c);
	if (c->suppose) {
		int rc = proc_read(c->alive, "maps", &c->text, len, err);

		if (rc < 0 || !mappings_may_be_swapped(c, maps_over(c->text, *len)))
			return rc;
		free(c->text);
		c->text = NULL;
		c->suppose = false;
	}
	return proc_read(c->alive, "smaps", &c->text, len, err);
}

static int mappings_resident(struct capture *c, struct err *err)
{
	OWNED_PTR char *text = NULL;
	const char *s;
	uint64_t size;
	size_t len;
	int rc = proc_read_record(c->alive, "statm", &text, &len, err);

	if (rc < 0)
		return rc;
	s = text;
	if (!text_scan(&s, text + len, 10, &size) || *s++ != ' ' ||
	    !text_scan(&s, text + len, 10, &c->resident))
		return err_say(err, EBADMSG, "/proc/%d/statm makes no sense", c->parked->pid);
	return 0;
}

static int mappings_parse(struct capture *c, size_t len, struct err *err)
{
	struct maps_cursor cursor = maps_over(c->text, len);
	struct maps_vma vma;

	while (c->suppose ? maps_next(&cursor, &vma) : smaps_next(&cursor, &vma)) {
		struct maps_vma *seen = model_add(&c->seen);

		if (!seen)
			return err_set(err, ENOMEM, "keep mappings");
		*seen = vma;
	}
	if (maps_complete(&cursor))
		return 0;
	return err_say(err, EBADMSG, "/proc/%d/%s makes no sense at byte %zu", c->parked->pid,
		       c->suppose ? "maps" : "smaps", (size_t)(cursor.text.at - c->text));
}

/* They cannot have changed, but for the names of their files, and how much of them is swapped out. */
static bool mappings_known(struct capture *c)
{
	struct ahead_process *p = c->ahead;

	if (!p || !p->seen.at || c->swapping || !ahead_names_stand(p))
		return false;
	c->seen.at = p->seen.at;
	c->seen.n = c->seen.room = p->seen.n;
	p->seen.at = NULL;
	p->seen.n = p->seen.room = 0;
	return true;
}

int capture_read_vmas(struct capture *c, struct err *err)
{
	size_t len;
	int rc = mappings_resident(c, err);

	if (rc < 0 || mappings_known(c))
		return rc;
	c->ahead = NULL;
	rc = mappings_read(c, &len, err);
	return rc < 0 ? rc : mappings_parse(c, len, err);
}

/* What is not to be seen in maps is supposed, or what smaps tells of a large process remembered. */
static int mappings_note(struct capture *c, struct maps_vma *vma, bool learn, struct err *err)
{
	uint32_t *flags;

	if (learn)
		notes_learn(c->notes, c->parked->pid, vma);
	if (!c->suppose)
		return 0;
	flags = model_add(c->supposed);
	if (!flags)
		return err_set(err, ENOMEM, "keep mappings");
	*flags = vma->flags = notes_suppose(c->notes, c->parked->pid, vma);
	return 0;
}

int capture_vmas(struct capture *c, struct err *err)
{
	bool learn = !c->suppose && c->resident > CAPTURE_FEW_PAGES;
	int rc = 0;

	if (learn)
		notes_forget(c->notes, c->parked->pid);
	for (size_t i = 0; rc >= 0 && i < c->seen.n; i++) {
		home_note(&c->places, &c->seen.at[i]);
		rc = mappings_note(c, &c->seen.at[i], learn, err);
		if (rc >= 0)
			rc = capture_vma(c, &c->seen.at[i], err);
	}
	capture_forget_vmas(c);
	return rc;
}

void capture_forget_vmas(struct capture *c)
{
	free(c->text);
	c->text = NULL;
	free(c->seen.at);
	c->seen.at = NULL;
	c->seen.n = c->seen.room = 0;
}
