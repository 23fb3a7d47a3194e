/* SPDX-License-Identifier: Apache-2.0 */
/* All mappings of a process: from maps if that will do, else from smaps. */
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/proc.h"
#include "procfs/maps.h"

#include <errno.h>

/* All of it from smaps. Of a large process what is not to be seen in maps is remembered. */
static int mappings_exact(struct capture *c, struct maps_cursor *cursor, struct err *err)
{
	bool learn = c->resident > CAPTURE_FEW_PAGES;
	struct maps_vma vma;
	int rc = 0;

	if (learn)
		notes_forget(c->notes, c->parked->pid);
	while (rc >= 0 && smaps_next(cursor, &vma)) {
		rc = capture_vma(c, &vma, err);
		if (learn)
			notes_learn(c->notes, c->parked->pid, &vma);
	}
	return rc;
}

static int mappings_supposed(struct capture *c, struct maps_cursor *cursor, struct err *err)
{
	struct maps_vma vma;
	int rc = 0;

	while (rc >= 0 && maps_next(cursor, &vma)) {
		uint32_t *flags = model_add(c->supposed);

		if (!flags)
			return err_set(err, ENOMEM, "keep mappings");
		*flags = vma.flags = notes_suppose(c->notes, c->parked->pid, &vma);
		rc = capture_vma(c, &vma, err);
	}
	return rc;
}

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

/* The text of maps, or (then *@suppose is false) of smaps. */
static int mappings_read(struct capture *c, bool *suppose, char **text, size_t *len,
			 struct err *err)
{
	*suppose = mappings_may_suppose(c);
	if (*suppose) {
		int rc = proc_read(c->alive, "maps", text, len, err);

		if (rc < 0 || !mappings_may_be_swapped(c, maps_over(*text, *len)))
			return rc;
		owned_ptr_done(text);
		*text = NULL;
		*suppose = false;
	}
	return proc_read(c->alive, "smaps", text, len, err);
}

static int mappings_resident(struct capture *c, struct err *err)
{
	OWNED_PTR char *text = NULL;
	const char *s;
	uint64_t size;
	size_t len;
	int rc = proc_read(c->alive, "statm", &text, &len, err);

	if (rc < 0)
		return rc;
	s = text;
	if (!text_scan(&s, text + len, 10, &size) || *s++ != ' ' ||
	    !text_scan(&s, text + len, 10, &c->resident))
		return err_say(err, EBADMSG, "/proc/%d/statm makes no sense", c->parked->pid);
	return 0;
}

int capture_vmas(struct capture *c, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor cursor;
	size_t len;
	bool suppose;
	int rc = mappings_resident(c, err);

	if (rc >= 0)
		rc = mappings_read(c, &suppose, &text, &len, err);
	if (rc < 0)
		return rc;
	cursor = maps_over(text, len);
	rc = suppose ? mappings_supposed(c, &cursor, err) : mappings_exact(c, &cursor, err);
	if (rc >= 0 && !maps_complete(&cursor))
		return err_say(err, EBADMSG, "/proc/%d/%s makes no sense at byte %zu",
			       c->parked->pid, suppose ? "maps" : "smaps",
			       (size_t)(cursor.text.at - text));
	return rc;
}
