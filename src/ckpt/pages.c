/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/pages.h"

#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/procid.h"
#include "host/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGES_SIZE = 4096 };

/* PAGEMAP_SCAN, Linux 6.7: struct pm_scan_arg of <linux/fs.h>, which Debian 12 does not have. */
struct pages_region {
	uint64_t start, end, categories;
};

struct pages_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PAGES_SCAN_IOCTL _IOWR('f', 16, struct pages_scan_arg)

enum { /* categories */
       PAGES_IS_FILE = 1 << 2,
       PAGES_IS_PRESENT = 1 << 3,
       PAGES_IS_SWAPPED = 1 << 4,
       PAGES_IS_PFNZERO = 1 << 5,
       PAGES_IS_GUARD = 1 << 8, /* Linux 6.16 */
};

enum {
	PAGES_VEC = 128, /* regions asked for at once */
	PAGES_MAP_BATCH = 384, /* pagemap entries read at once */
	PAGES_MINCORE = 2048, /* pages asked for at once */
	PAGES_IOVECS = 64, /* ranges copied at once */
	PAGES_PIECE = 4 << 20, /* bytes copied by one thread at a time */
};

/* /proc/PID/pagemap, Documentation/admin-guide/mm/pagemap.rst */
#define PAGES_BIT_GUARD (1ull << 58)
#define PAGES_BIT_FILE (1ull << 61)
#define PAGES_BIT_SWAP (1ull << 62)
#define PAGES_BIT_PRESENT (1ull << 63)

struct pages_scan {
	struct pages_list *list;
	struct probe *probe;
	struct model *m;
	int pagemap; /* /proc/PID/pagemap */
	bool no_ioctl; /* this kernel has no PAGEMAP_SCAN */
	bool no_guard; /* ... or no PAGE_IS_GUARD */
};

static int pages_add(struct pages_list *list, uint64_t addr, uint64_t len, enum pages_source source)
{
	struct pages_range *last = list->ranges.n ? &list->ranges.at[list->ranges.n - 1] : NULL;

	list->bytes += len;
	if (last && last->addr + last->len == addr && last->source == source && !last->copy) {
		last->len += len;
		return 0;
	}
	last = model_add(&list->ranges);
	if (!last)
		return -ENOMEM;
	*last = (struct pages_range){ addr, len, source, NULL };
	return 0;
}

static int pages_add_guard(struct model *m, uint64_t addr, uint64_t len)
{
	struct img_range *g = m->guards.n ? &m->guards.at[m->guards.n - 1] : NULL;

	if (g && g->addr + g->len == addr) {
		g->len += len;
		return 0;
	}
	g = model_add(&m->guards);
	if (!g)
		return -ENOMEM;
	*g = (struct img_range){ addr, len };
	return 0;
}

/* Where to read a page of that mapping. */
static enum pages_source pages_source_of(const struct img_vma *v)
{
	return v->prot & PROT_READ ? PAGES_VM : PAGES_MEM;
}

/*
 * A region that was found: it may go on from one mapping into the next, those from *@at up to @end. *@at: one
 * that the next region may be in.
 */
static int pages_take_region(struct pages_scan *s, size_t *at, size_t end,
			     const struct pages_region *r)
{
	bool guard = r->categories & PAGES_IS_GUARD;
	int rc = 0;

	while (rc >= 0 && *at < end) {
		const struct img_vma *v = &s->m->vmas.at[*at];
		uint64_t from = r->start > v->start ? r->start : v->start;
		uint64_t to = r->end < v->end ? r->end : v->end;

		if (from < to)
			rc = guard ? pages_add_guard(s->m, from, to - from)
				   : pages_add(s->list, from, to - from, pages_source_of(v));
		if (r->end <= v->end)
			break;
		++*at;
	}
	return rc;
}

/*
 * The mappings from index @first up to @end, private ones, by PAGEMAP_SCAN. -ENOTTY: not in this kernel.
 */
static int pages_scan_ioctl(struct pages_scan *s, size_t first, size_t end)
{
	struct pages_region vec[PAGES_VEC];
	struct pages_scan_arg arg = {
		.size = sizeof(arg),
		.start = s->m->vmas.at[first].start,
		.end = s->m->vmas.at[end - 1].end,
		.vec = (uintptr_t)vec,
		.vec_len = PAGES_VEC,
		/* Private mappings' file pages are unmodified. */
		.category_inverted = PAGES_IS_PFNZERO | PAGES_IS_FILE,
		.category_mask = PAGES_IS_PFNZERO | PAGES_IS_FILE,
		.category_anyof_mask = PAGES_IS_PRESENT | PAGES_IS_SWAPPED,
		.return_mask = s->no_guard ? PAGES_IS_PRESENT : PAGES_IS_PRESENT | PAGES_IS_GUARD,
	};

	while (arg.start < arg.end) {
		int n = ioctl(s->pagemap, PAGES_SCAN_IOCTL, &arg);

		if (n < 0 && errno == EINVAL && !s->no_guard) {
			s->no_guard = true;
			arg.return_mask = PAGES_IS_PRESENT;
			continue;
		}
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			int rc = pages_take_region(s, &first, end, &vec[i]);

			if (rc < 0)
				return rc;
		}
		arg.start = arg.walk_end;
	}
	return 0;
}

/* The same from the page map itself, 8 bytes a page. */
static int pages_scan_map(struct pages_scan *s, const struct img_vma *v)
{
	enum pages_source source = pages_source_of(v);
	uint64_t map[PAGES_MAP_BATCH];
	int rc = 0;

	for (uint64_t at = v->start; at < v->end;) {
		uint64_t pages = (v->end - at) / PAGES_SIZE;
		ssize_t n;

		if (pages > PAGES_MAP_BATCH)
			pages = PAGES_MAP_BATCH;
		n = pread(s->pagemap, map, pages * 8, (off_t)(at / PAGES_SIZE * 8));
		if (n <= 0)
			return n ? -errno : -EIO;
		for (ssize_t i = 0; rc >= 0 && i < n / 8; i++, at += PAGES_SIZE) {
			if (map[i] & PAGES_BIT_GUARD)
				rc = pages_add_guard(s->m, at, PAGES_SIZE);
			else if (map[i] & (PAGES_BIT_PRESENT | PAGES_BIT_SWAP) &&
				 !(map[i] & PAGES_BIT_FILE))
				rc = pages_add(s->list, at, PAGES_SIZE, source);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool pages_wanted(const struct img_vma *v, int which)
{
	if (v->kind != IMG_VMA_ANON && v->kind != IMG_VMA_FILE && v->kind != IMG_VMA_AIO &&
	    v->kind != IMG_VMA_MEMFD && v->kind != IMG_VMA_SOCKET)
		return false;
	/* It may be empty at any time, and is what no disk shall have: random numbers not given out yet. */
	if (v->flags & IMG_VMA_DROPPABLE)
		return false;
	if (v->flags & IMG_VMA_SHARED)
		return which & PAGES_LIVE && (v->kind != IMG_VMA_FILE || v->object) &&
		       !(v->flags & IMG_VMA_ELSEWHERE);
	return which & (model_is_unforked(v) ? PAGES_LIVE : PAGES_FORKED);
}

bool pages_any_live(const struct model *m)
{
	for (size_t i = 0; i < m->vmas.n; i++)
		if (pages_wanted(&m->vmas.at[i], PAGES_LIVE))
			return true;
	return false;
}

/* A private mapping whose file has no name: every page counts. */
static bool pages_all(const struct img_vma *v)
{
	return v->kind == IMG_VMA_ANON && v->object;
}

/* Memory of which the page cache tells what there is, unless some of it is swapped out. */
static bool pages_shared(const struct img_vma *v)
{
	return v->flags & IMG_VMA_SHARED && !(v->flags & (IMG_VMA_SWAPPED | IMG_VMA_HUGETLB));
}

/* What there is, whoever has made it. */
static int pages_scan_shared(struct pages_scan *s, const struct img_vma *v)
{
	uint8_t there[PAGES_MINCORE];
	struct err err;
	uint64_t len;
	int rc = 0;

	for (uint64_t at = v->start; rc >= 0 && at < v->end; at += len) {
		int64_t result;

		len = v->end - at < sizeof(there) * PAGES_SIZE ? v->end - at
							       : sizeof(there) * PAGES_SIZE;
		rc = probe_ask(s->probe, __NR_mincore,
			       (const uint64_t[4]){ at, len, PROBE_ASK_DATA }, there,
			       len / PAGES_SIZE, &result, &err);
		for (uint64_t i = 0; rc >= 0 && i < len / PAGES_SIZE; i++)
			if (result < 0 || there[i] & 1)
				rc = pages_add(s->list, at + i * PAGES_SIZE, PAGES_SIZE,
					       pages_source_of(v));
	}
	return rc;
}

/* Of whose pages the page map of the process tells which there are. */
static bool pages_mapped(const struct img_vma *v, int which)
{
	return pages_wanted(v, which) && !pages_all(v) &&
	       !(v->flags & (IMG_VMA_SHARED | IMG_VMA_HUGETLB));
}

static int pages_open(pid_t pid, const char *name, struct err *err)
{
	char path[64];
	int fd;

	procid_path(path, sizeof(path), pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open %s", path) : fd;
}

/* All mappings from @first up to @end by the page map. */
static int pages_scan_run(struct pages_scan *s, size_t first, size_t end)
{
	int rc = s->no_ioctl ? -ENOTTY : pages_scan_ioctl(s, first, end);

	if (rc != -ENOTTY)
		return rc;
	s->no_ioctl = true;
	for (rc = 0; rc >= 0 && first < end; first++)
		rc = pages_scan_map(s, &s->m->vmas.at[first]);
	return rc;
}

/* One mapping, or several that stand side by side and are looked at together; *@i: the last of them. */
static int pages_scan_at(struct pages_scan *s, size_t *i, int which)
{
	const struct img_vma *v = &s->m->vmas.at[*i];
	size_t first = *i;

	if (pages_shared(v))
		return pages_scan_shared(s, v);
	if (!pages_mapped(v, which))
		return pages_add(s->list, v->start, v->end - v->start, pages_source_of(v));
	while (*i + 1 < s->m->vmas.n && pages_mapped(&s->m->vmas.at[*i + 1], which))
		++*i;
	return pages_scan_run(s, first, *i + 1);
}

/* Guard pages of a shared mapping, which each process has for itself, and no fork copies. */
static int pages_scan_guards(struct pages_scan *s, const struct img_vma *v)
{
	struct pages_region vec[PAGES_VEC];
	struct pages_scan_arg arg = {
		.size = sizeof(arg),
		.start = v->start,
		.end = v->end,
		.vec = (uintptr_t)vec,
		.vec_len = PAGES_VEC,
		.category_mask = PAGES_IS_GUARD,
		.return_mask = PAGES_IS_GUARD,
	};
	int rc = 0;

	while (rc >= 0 && arg.start < arg.end) {
		int n = ioctl(s->pagemap, PAGES_SCAN_IOCTL, &arg);

		if (n < 0) { /* this kernel has none */
			s->no_guard = true;
			return 0;
		}
		for (int i = 0; rc >= 0 && i < n; i++)
			rc = pages_add_guard(s->m, vec[i].start, vec[i].end - vec[i].start);
		arg.start = arg.walk_end;
	}
	return rc;
}

static int pages_scan_all_guards(struct pages_scan *s, pid_t pid, struct err *err)
{
	OWNED_FD int pagemap = -1;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && !s->no_guard && i < s->m->vmas.n; i++) {
		const struct img_vma *v = &s->m->vmas.at[i];

		if (!(v->flags & IMG_VMA_SHARED) || v->flags & IMG_VMA_HUGETLB)
			continue;
		if (pagemap < 0)
			pagemap = s->pagemap = pages_open(pid, "pagemap", err);
		rc = pagemap < 0 ? pagemap : pages_scan_guards(s, v);
	}
	return rc < 0 ? err_set(err, rc, "guard pages of process %d", pid) : 0;
}

int pages_scan(struct pages_list *list, struct model *m, pid_t pid, int which, struct probe *probe,
	       struct err *err)
{
	struct pages_scan s = { .list = list, .probe = probe, .m = m };
	OWNED_FD int pagemap = -1;

	for (size_t i = 0; i < m->vmas.n; i++) {
		uint64_t start = m->vmas.at[i].start;
		int rc;

		if (!pages_wanted(&m->vmas.at[i], which))
			continue;
		if (pagemap < 0 && pages_mapped(&m->vmas.at[i], which)) {
			pagemap = s.pagemap = pages_open(pid, "pagemap", err);
			if (pagemap < 0)
				return pagemap;
		}
		rc = pages_scan_at(&s, &i, which);
		if (rc < 0)
			return err_set(err, rc, "pages of process %d at %llx", pid,
				       (unsigned long long)start);
	}
	return which & PAGES_LIVE ? pages_scan_all_guards(&s, pid, err) : 0;
}

/* A piece of a range that is copied. Behind a shortened file's end there is no page: it reads zero. */
static int pages_read(int mem, const struct pages_range *r, uint64_t from, uint64_t to,
		      struct err *err)
{
	for (uint64_t done = from; done < to;) {
		ssize_t n = pread(mem, r->copy + done, to - done, (off_t)(r->addr + done));

		if (n < 0 && errno == EIO) {
			n = (ssize_t)(PAGES_SIZE - (r->addr + done) % PAGES_SIZE);
			memset(r->copy + done, 0, (size_t)n);
		} else if (n <= 0) {
			return err_set(err, n ? errno : EIO, "copy memory at %llx",
				       (unsigned long long)(r->addr + done));
		}
		done += (uint64_t)n;
	}
	return 0;
}

/* Room for the copy of a range. It will all be touched at once: huge pages are the quickest to get. */
static int pages_make_room(struct pages_range *r, struct err *err)
{
	void *at = mmap(NULL, r->len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return err_set(err, errno, "copy %llu bytes of shared memory",
			       (unsigned long long)r->len);
	madvise(at, r->len, MADV_HUGEPAGE);
	r->copy = at;
	return 0;
}

struct pages_piece {
	const struct pages_range *range;
	uint64_t from, to; /* in it */
};

struct pages_copying {
	MODEL_ARRAY(struct pages_piece) pieces;
	pid_t pid;
	int mem; /* /proc/PID/mem */
};

static int pages_copy_piece(void *arg, size_t i, struct err *err)
{
	const struct pages_copying *c = arg;
	const struct pages_piece *p = &c->pieces.at[i];
	const struct pages_range *r = p->range;
	struct iovec here = { r->copy + p->from, p->to - p->from };
	struct iovec there = { (void *)(uintptr_t)(r->addr + p->from), p->to - p->from };

	if (r->source == PAGES_VM &&
	    process_vm_readv(c->pid, &here, 1, &there, 1, 0) == (ssize_t)here.iov_len)
		return 0;
	return pages_read(c->mem, r, p->from, p->to, err);
}

static int pages_cut(struct pages_copying *c, const struct pages_range *r, struct err *err)
{
	for (uint64_t from = 0; from < r->len; from += PAGES_PIECE) {
		struct pages_piece *p = model_add(&c->pieces);

		if (!p)
			return err_set(err, ENOMEM, "copy shared memory");
		*p = (struct pages_piece){ r, from,
					   from + PAGES_PIECE < r->len ? from + PAGES_PIECE
								       : r->len };
	}
	return 0;
}

int pages_copy(struct pages_list *list, size_t from, pid_t pid, int workers, struct err *err)
{
	struct pages_copying c = { .pid = pid, .mem = -1 };
	int rc = 0;

	if (from == list->ranges.n)
		return 0;
	for (size_t i = from; rc >= 0 && i < list->ranges.n; i++) {
		rc = pages_make_room(&list->ranges.at[i], err);
		if (rc >= 0)
			rc = pages_cut(&c, &list->ranges.at[i], err);
	}
	if (rc >= 0)
		rc = c.mem = pages_open(pid, "mem", err);
	if (rc >= 0)
		rc = threads_each(pages_copy_piece, &c, c.pieces.n, workers, err);
	for (size_t i = from; i < list->ranges.n; i++)
		list->ranges.at[i].source = PAGES_COPY;
	if (c.mem >= 0)
		close(c.mem);
	free(c.pieces.at);
	return rc;
}

/* How many ranges from @from on are readable as they are, up to what one call takes. */
static size_t pages_readable(const struct pages_list *list, size_t from)
{
	size_t n = 0;

	while (from + n < list->ranges.n && n < PAGES_IOVECS &&
	       list->ranges.at[from + n].source == PAGES_VM)
		n++;
	return n;
}

/*
 * @n ranges from @from on, whose copies stand side by side, at once; false: not all of that can be read so.
 * It goes without the copy of each page that /proc/PID/mem makes on its way.
 */
static bool pages_copy_many(const struct pages_list *list, size_t from, size_t n, pid_t pid)
{
	struct iovec there[PAGES_IOVECS], here = { list->ranges.at[from].copy, 0 };

	for (size_t i = 0; i < n; i++) {
		const struct pages_range *r = &list->ranges.at[from + i];

		there[i] = (struct iovec){ (void *)(uintptr_t)r->addr, r->len };
		here.iov_len += r->len;
	}
	return process_vm_readv(pid, &here, 1, there, n, 0) == (ssize_t)here.iov_len;
}

/*
 * All from @from on to where their copies are to be. What fork has left @shared is not read at once: to pin
 * such a page is to copy it for the process first, which keeps that.
 */
static int pages_copy_all(const struct pages_list *list, size_t from, pid_t pid, bool shared,
			  struct err *err)
{
	OWNED_FD int mem = -1;
	size_t i = from;
	int rc = 0;

	while (rc >= 0 && i < list->ranges.n) {
		size_t n = shared ? 0 : pages_readable(list, i);

		if (n && pages_copy_many(list, i, n, pid)) {
			i += n;
			continue;
		}
		if (mem < 0 && (mem = pages_open(pid, "mem", err)) < 0)
			return mem;
		for (n = n ? n : 1; rc >= 0 && n; n--, i++)
			rc = pages_read(mem, &list->ranges.at[i], 0, list->ranges.at[i].len, err);
	}
	return rc;
}

int pages_copy_small(struct pages_list *list, size_t from, pid_t pid, bool shared, struct err *err)
{
	uint64_t bytes = 0;
	int rc;

	for (size_t i = from; i < list->ranges.n; i++)
		bytes += list->ranges.at[i].len;
	list->block = malloc(bytes + 1);
	if (!list->block)
		return err_set(err, ENOMEM, "copy %llu bytes", (unsigned long long)bytes);
	bytes = 0;
	for (size_t i = from; i < list->ranges.n; i++) {
		list->ranges.at[i].copy = list->block + bytes;
		bytes += list->ranges.at[i].len;
	}
	rc = pages_copy_all(list, from, pid, shared, err);
	for (size_t i = from; i < list->ranges.n; i++)
		list->ranges.at[i].source = PAGES_BLOCK;
	return rc;
}

void pages_drop(struct pages_list *list, size_t from)
{
	while (list->ranges.n > from)
		list->bytes -= list->ranges.at[--list->ranges.n].len;
}

static int pages_compare(const void *a, const void *b)
{
	const struct pages_range *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int pages_compare_guards(const void *a, const void *b)
{
	const struct img_range *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

void pages_sort(struct pages_list *list, struct model *m)
{
	if (list->ranges.n)
		qsort(list->ranges.at, list->ranges.n, sizeof(*list->ranges.at), pages_compare);
	if (m->guards.n)
		qsort(m->guards.at, m->guards.n, sizeof(*m->guards.at), pages_compare_guards);
}

void pages_done(struct pages_list *list)
{
	for (size_t i = 0; i < list->ranges.n; i++)
		if (list->ranges.at[i].copy && list->ranges.at[i].source == PAGES_COPY)
			munmap(list->ranges.at[i].copy, list->ranges.at[i].len);
	free(list->block);
	free(list->ranges.at);
	*list = (struct pages_list){ .bytes = 0 };
}
