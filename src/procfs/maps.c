/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/maps.h"

#include "base/text.h"

#include <linux/mman.h>

static const struct {
	char mnemonic[3];
	uint32_t flag;
} maps_flags[] = {
	{ "gd", MAPS_GROWSDOWN },    { "dd", MAPS_DONTDUMP },	{ "dc", MAPS_DONTCOPY },
	{ "hg", MAPS_HUGEPAGE },     { "nh", MAPS_NOHUGEPAGE }, { "mg", MAPS_MERGEABLE },
	{ "wf", MAPS_WIPEONFORK },   { "ht", MAPS_HUGETLB },	{ "lo", MAPS_LOCKED },
	{ "lf", MAPS_LOCKONFAULT },  { "nr", MAPS_NORESERVE },	{ "sd", MAPS_SOFTDIRTY },
	{ "um", MAPS_UFFD_MISSING }, { "uw", MAPS_UFFD_WP },	{ "ui", MAPS_UFFD_MINOR },
	{ "sl", MAPS_SEALED },	     { "dp", MAPS_DROPPABLE },	{ "gu", MAPS_GUARD },
	{ "io", MAPS_IO },	     { "pf", MAPS_PFNMAP },	{ "mm", MAPS_MIXEDMAP },
	{ "sr", MAPS_SEQ_READ },     { "rr", MAPS_RAND_READ },	{ "ss", MAPS_SHADOW_STACK },
	{ "ac", MAPS_ACCOUNT },	     { "mw", MAPS_MAYWRITE },	{ "de", MAPS_DONTEXPAND },
};

static bool maps_permissions(struct scan *s, struct maps_vma *vma)
{
	static const char letters[] = "rwx";
	static const uint32_t bits[] = { PROT_READ, PROT_WRITE, PROT_EXEC };

	if (scan_left(s) < 4)
		return false;
	for (int i = 0; i < 3; i++) {
		if (s->at[i] == letters[i])
			vma->prot |= bits[i];
		else if (s->at[i] != '-')
			return false;
	}
	if (s->at[3] != 's' && s->at[3] != 'p')
		return false;
	vma->shared = s->at[3] == 's';
	s->at += 4;
	return true;
}

static void maps_take_path(struct scan *s, struct maps_vma *vma)
{
	static const char deleted[] = " (deleted)";
	const size_t cut = sizeof(deleted) - 1;
	struct scan tail;

	scan_blanks(s);
	vma->path = s->at;
	vma->path_len = scan_left(s);
	if (vma->path_len <= cut)
		return;
	tail = (struct scan){ s->end - cut, s->end };
	if (scan_text(&tail, deleted)) {
		vma->deleted = true;
		vma->path_len -= cut;
	}
}

/* "start-end perms offset major:minor ino    path" */
static bool maps_parse(struct scan line, struct maps_vma *vma)
{
	struct scan *s = &line;

	*vma = (struct maps_vma){ 0 };
	if (!scan_unsigned(s, 16, &vma->start) || !scan_text(s, "-") ||
	    !scan_unsigned(s, 16, &vma->end) || vma->end <= vma->start || !scan_text(s, " ") ||
	    !maps_permissions(s, vma) || !scan_unsigned(s, 16, &vma->offset) ||
	    !scan_u32(s, 16, &vma->dev_major) || !scan_text(s, ":") ||
	    !scan_u32(s, 16, &vma->dev_minor) || !scan_unsigned(s, 10, &vma->ino))
		return false;
	maps_take_path(s, vma);
	return true;
}

bool maps_next(struct maps_cursor *c, struct maps_vma *vma)
{
	struct scan text = c->text, line;

	if (c->bad || !scan_line(&text, &line, false))
		return false;
	if (!maps_parse(line, vma)) {
		c->bad = true;
		return false;
	}
	c->text = text;
	return true;
}

static void maps_take_flags(struct scan *s, struct maps_vma *vma)
{
	struct scan word;

	while (scan_word(s, &word)) {
		if (scan_left(&word) != 2)
			continue;
		for (size_t i = 0; i < sizeof(maps_flags) / sizeof(maps_flags[0]); i++) {
			if (word.at[0] == maps_flags[i].mnemonic[0] &&
			    word.at[1] == maps_flags[i].mnemonic[1])
				vma->flags |= maps_flags[i].flag;
		}
	}
}

/*
 * One line of details; true for the last one of a record. Most are about how much memory there is, and are
 * passed over: this is read while the program stands still.
 */
static bool maps_take_detail(struct scan *s, struct maps_vma *vma)
{
	uint64_t value;

	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case 'S':
		if (scan_text(s, "Swap:") && scan_unsigned(s, 10, &value) &&
		    value <= UINT64_MAX / 1024)
			vma->swap = value * 1024;
		return false;
	case 'K':
		if (scan_text(s, "KernelPageSize:") && scan_unsigned(s, 10, &value) &&
		    value <= UINT64_MAX / 1024)
			vma->kernel_page_size = value * 1024;
		return false;
	case 'P':
		if (scan_text(s, "ProtectionKey:"))
			scan_u32(s, 10, &vma->protection_key);
		return false;
	case 'V':
		if (!scan_text(s, "VmFlags:"))
			return false;
		maps_take_flags(s, vma);
		return true;
	default:
		return false;
	}
}

bool smaps_next(struct maps_cursor *c, struct maps_vma *vma)
{
	struct maps_cursor head = *c;
	struct scan line;

	if (!maps_next(&head, vma)) {
		c->bad = head.bad;
		return false;
	}
	while (scan_line(&head.text, &line, false)) {
		if (maps_take_detail(&line, vma)) {
			*c = head;
			return true;
		}
	}
	return false;
}

bool maps_begins(const struct maps_vma *vma, const char *prefix)
{
	struct scan s = scan_over(vma->path, vma->path_len);

	return scan_text(&s, prefix);
}

bool maps_named(const struct maps_vma *vma, const char *name)
{
	return text_length(name) == vma->path_len && maps_begins(vma, name);
}

bool maps_path(const struct maps_vma *vma, char *buf, size_t size)
{
	struct scan s = scan_over(vma->path, vma->path_len);
	size_t n = 0;

	if (!size)
		return false;
	while (s.at < s.end && n + 1 < size)
		buf[n++] = scan_text(&s, "\\012") ? '\n' : *s.at++;
	buf[n] = '\0';
	return s.at == s.end;
}
