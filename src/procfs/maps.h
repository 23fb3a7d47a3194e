/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps and /proc/PID/smaps: the mappings of a process, one at a time.
 *
 * The one rule: a record that is cut off by the end of the text is not taken, so that a caller may
 * read the file piece by piece and go on from cursor.text.at. Source: fs/proc/task_mmu.c.
 */
#pragma once

#include "procfs/scan.h"

/* VmFlags, as proc(5) explains them. Only smaps has them. */
enum {
	MAPS_GROWSDOWN = 1 << 0, /* gd */
	MAPS_DONTDUMP = 1 << 1, /* dd */
	MAPS_DONTCOPY = 1 << 2, /* dc: MADV_DONTFORK */
	MAPS_HUGEPAGE = 1 << 3, /* hg */
	MAPS_NOHUGEPAGE = 1 << 4, /* nh */
	MAPS_MERGEABLE = 1 << 5, /* mg */
	MAPS_WIPEONFORK = 1 << 6, /* wf */
	MAPS_HUGETLB = 1 << 7, /* ht */
	MAPS_LOCKED = 1 << 8, /* lo */
	MAPS_LOCKONFAULT = 1 << 9, /* lf */
	MAPS_NORESERVE = 1 << 10, /* nr */
	MAPS_SOFTDIRTY = 1 << 11, /* sd */
	MAPS_UFFD_MISSING = 1 << 12, /* um */
	MAPS_UFFD_WP = 1 << 13, /* uw */
	MAPS_UFFD_MINOR = 1 << 14, /* ui */
	MAPS_SEALED = 1 << 15, /* sl */
	MAPS_DROPPABLE = 1 << 16, /* dp */
	MAPS_GUARD = 1 << 17, /* gu: may hold MADV_GUARD_INSTALL pages */
	MAPS_IO = 1 << 18, /* io: device memory */
	MAPS_PFNMAP = 1 << 19, /* pf: no struct pages behind it */
	MAPS_MIXEDMAP = 1 << 20, /* mm */
	MAPS_SEQ_READ = 1 << 21, /* sr */
	MAPS_RAND_READ = 1 << 22, /* rr */
	MAPS_SHADOW_STACK = 1 << 23, /* ss */
	MAPS_ACCOUNT = 1 << 24, /* ac */
	MAPS_MAYWRITE = 1 << 25, /* mw */
	MAPS_DONTEXPAND = 1 << 26, /* de */
};

struct maps_vma {
	uint64_t start, end;
	uint64_t offset; /* in the file, bytes */
	uint64_t ino; /* 0: no file behind it */
	uint32_t dev_major, dev_minor;
	uint32_t prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared; /* 's': MAP_SHARED */
	bool deleted; /* " (deleted)" stood behind the path */
	const char *path; /* into the text; not NUL-terminated, "\012" not yet undone */
	size_t path_len; /* without " (deleted)"; 0: none */

	/* From smaps; 0 from maps. */
	uint32_t flags; /* MAPS_* */
	uint32_t protection_key;
	uint64_t kernel_page_size; /* bytes */
	uint64_t swap; /* bytes */
};

struct maps_cursor {
	struct scan text;
	bool bad; /* the line at text.at is no line of maps */
};

static inline struct maps_cursor maps_over(const char *text, size_t len)
{
	return (struct maps_cursor){ .text = scan_over(text, len) };
}

/* The next mapping of maps text. False at the end, at a cut-off line, and (bad) at nonsense. */
bool maps_next(struct maps_cursor *c, struct maps_vma *vma);

/* The same for smaps text, with the flags. A record ends with its VmFlags line. */
bool smaps_next(struct maps_cursor *c, struct maps_vma *vma);

/* True if everything was taken: no line was bad or cut off. */
static inline bool maps_complete(const struct maps_cursor *c)
{
	return !c->bad && c->text.at == c->text.end;
}

/* Is this mapping's path exactly @name ("[heap]")? Does it begin with @prefix ("/memfd:")? */
bool maps_named(const struct maps_vma *vma, const char *name);
bool maps_begins(const struct maps_vma *vma, const char *prefix);

/*
 * The path as the file system knows it, NUL-terminated, with the kernel's "\012" turned back into newlines.
 * False if it did not fit.
 */
bool maps_path(const struct maps_vma *vma, char *buf, size_t size);
