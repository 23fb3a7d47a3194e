/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a plan that is about memory.
 *
 * A mapping that the image has contents for is mapped readable and writable, because process_vm_writev
 * obeys protections, and gets its own protection afterwards. All others are mapped as they were
 * at once: a reservation that is never writable is never accounted (Java's heap, Go's arenas).
 */
#include "restart/rebuild.h"

#include "base/text.h"
#include "contract/probe_abi.h"
#include "res/res.h"

#include <fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <asm/unistd.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	MEMORY_NR_MSEAL = 462,
	MEMORY_PAGE = 4096,
	MEMORY_PIECE = 1 << 30,
	MEMORY_KEYS = 16, /* protection keys: numbers below */
	MEMORY_RW = PROT_READ | PROT_WRITE,
	/* Never accounted, or not to be had in pieces. */
	MEMORY_UNCOUNTED = MAP_NORESERVE | MAP_HUGETLB | MAP_GROWSDOWN | MAP_DROPPABLE,
	MEMORY_SET_VMA = 0x53564d41, /* PR_SET_VMA, PR_SET_VMA_ANON_NAME 0 */
};

#define MEMORY_TOP 0x7ffffffff000ull /* the end of user addresses that anything is mapped at */
#define MEMORY_BIT(advice) (1ull << (advice))

/* Advice that decides how pages come into being: given before there are any. */
#define MEMORY_EARLY (MEMORY_BIT(MADV_HUGEPAGE) | MEMORY_BIT(MADV_NOHUGEPAGE))
/* Advice that a program can tell: it must be taken. */
#define MEMORY_FIRM \
	(MEMORY_BIT(MADV_DONTFORK) | MEMORY_BIT(MADV_DONTDUMP) | MEMORY_BIT(MADV_WIPEONFORK))

bool rebuild_has_runs(const struct model *m, uint64_t start, uint64_t end)
{
	size_t first = model_first_run(m, start);

	return first < m->runs.n && m->runs.at[first].addr < end;
}

static void memory_move(struct rebuild *b, uint64_t from, uint64_t to, uint64_t len)
{
	plan_expect(&b->plan, to, __NR_mremap,
		    (const uint64_t[6]){ from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to });
}

/*
 * From a place in the plan's region: where those of io_urings are found by what is free, that is taken
 * again.
 */
static void memory_move_out(struct rebuild *b, uint64_t from, uint64_t to, uint64_t len)
{
	memory_move(b, from, to, len);
	if (b->urings)
		plan_expect(&b->plan, from, __NR_mmap,
			    (const uint64_t[6]){ from, len, PROT_NONE,
						 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
							 MAP_FIXED_NOREPLACE,
						 PLAN_ARG(-1) });
}

typedef void memory_mover(struct rebuild *b, uint64_t from, uint64_t to, uint64_t len);

static void memory_move_areas(struct rebuild *b, uint64_t from, uint64_t to, memory_mover *move)
{
	for (size_t i = 0; i < b->own.n; i++) {
		uint64_t off = b->own.at[i].start - layout_areas_start(&b->own);

		move(b, from + off, to + off, b->own.at[i].end - b->own.at[i].start);
	}
}

static void memory_unmap(struct rebuild *b, uint64_t start, uint64_t end)
{
	if (start < end)
		plan_call(&b->plan, PLAN_MUST, __NR_munmap, start, end - start);
}

void rebuild_clear(struct rebuild *b)
{
	uint64_t start = b->plan.header->start, end = start + b->plan.header->size;
	uint64_t keep = b->vdso == REBUILD_VDSO_FOREIGN ? b->vdso_keep : 0;
	uint64_t keep_end = keep + layout_areas_size(&b->own);

	for (size_t i = 0; i < b->nobjects; i++)
		memory_move(b, b->objects[i].at, b->objects[i].parked, b->objects[i].size);
	for (size_t i = 0; i < b->nwindows; i++)
		if (b->windows[i].size)
			memory_move(b, b->windows[i].at, b->windows[i].parked, b->windows[i].size);
	if (b->vdso == REBUILD_VDSO_SAME)
		memory_move_areas(b, layout_areas_start(&b->own), b->parking, memory_move);
	else if (keep)
		memory_move_areas(b, layout_areas_start(&b->own), keep, memory_move);
	if (!keep) {
		memory_unmap(b, 0, start);
		memory_unmap(b, end, MEMORY_TOP);
	} else if (keep < start) {
		memory_unmap(b, 0, keep);
		memory_unmap(b, keep_end, start);
		memory_unmap(b, end, MEMORY_TOP);
	} else {
		memory_unmap(b, 0, start);
		memory_unmap(b, end, keep);
		memory_unmap(b, keep_end, MEMORY_TOP);
	}
}

static const struct rebuild_object *memory_object(const struct rebuild *b, const struct img_vma *v)
{
	if (v->kind != IMG_VMA_ANON || !v->object || !(v->flags & IMG_VMA_SHARED))
		return NULL;
	for (size_t i = 0; i < b->nobjects; i++)
		if (b->objects[i].object == v->object)
			return &b->objects[i];
	return NULL;
}

/* What mapping @v is taken from; NULL: it is made. */
static const struct rebuild_window *memory_window(const struct rebuild *b, const struct img_vma *v)
{
	size_t i = (size_t)(v - b->m->vmas.at);

	return b->vma_window && b->vma_window[i] ? &b->windows[b->vma_window[i] - 1] : NULL;
}

/* A part of what was inherited, less what this process did not have of it. */
static void memory_take(struct rebuild *b, const struct img_vma *v, const struct rebuild_window *w)
{
	memory_move_out(b, w->parked + (v->start - w->start), v->start, v->end - v->start);
	while (b->ndropped && b->dropped->addr < v->end) {
		plan_call(&b->plan, PLAN_MUST, __NR_madvise, b->dropped->addr, b->dropped->len,
			  MADV_DONTNEED);
		b->dropped++;
		b->ndropped--;
	}
}

static uint64_t memory_map_flags(const struct img_vma *v, int fd)
{
	uint64_t flags = MAP_FIXED_NOREPLACE;

	if (v->flags & IMG_VMA_DROPPABLE)
		flags |= MAP_DROPPABLE;
	else
		flags |= v->flags & IMG_VMA_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	if (v->flags & IMG_VMA_GROWSDOWN)
		flags |= MAP_GROWSDOWN;
	if (v->flags & IMG_VMA_NORESERVE)
		flags |= MAP_NORESERVE;
	if (v->flags & IMG_VMA_HUGETLB)
		flags |= MAP_HUGETLB;
	if (v->flags & IMG_VMA_HUGE_1GB)
		flags |= MAP_HUGE_1GB;
	return flags;
}

/* What it is mapped with, before rebuild_settle. */
static uint32_t memory_first_prot(const struct rebuild *b, const struct img_vma *v)
{
	if (memory_object(b, v) || memory_window(b, v))
		return MEMORY_RW;
	if (rebuild_has_runs(b->m, v->start, v->end))
		return v->prot | MEMORY_RW;
	/* For memory that may only be executed the kernel takes a key: not before its turn (memory_keys). */
	return v->protection_key && v->prot == PROT_EXEC ? PROT_NONE : v->prot;
}

/* Before there are pages. A node that is not here cannot be had. */
static void memory_policy(struct rebuild *b, const struct img_vma *v)
{
	for (size_t i = 0; i < b->m->policies.n; i++) {
		const struct img_policy *p = &b->m->policies.at[i];

		if (p->start == v->start && p->end == v->end)
			plan_call(&b->plan, PLAN_TRY, __NR_mbind, v->start, v->end - v->start,
				  p->mode, plan_data(&b->plan, p->nodes, sizeof(p->nodes)),
				  8 * sizeof(p->nodes) + 1, 0);
	}
}

/* Nothing else may come to be where a context belongs. */
static void memory_reserve(struct rebuild *b, const struct img_vma *v)
{
	plan_expect(&b->plan, v->start, __NR_mmap,
		    (const uint64_t[6]){ v->start, v->end - v->start, PROT_NONE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
					 PLAN_ARG(-1) });
}

/*
 * At once the kernel grants no more than there is memory, even if little of it will be touched; a heap has
 * become larger than that step by step. So it does here: pieces that follow each other are one mapping.
 */
static void memory_map_new(struct rebuild *b, const struct img_vma *v, int fd)
{
	uint64_t flags = memory_map_flags(v, fd), prot = memory_first_prot(b, v);
	bool counts = (prot & PROT_WRITE) && !(flags & (MAP_SHARED | MEMORY_UNCOUNTED));
	uint64_t piece = counts ? MEMORY_PIECE : v->end - v->start;

	for (uint64_t at = v->start; at < v->end; at += piece) {
		uint64_t len = v->end - at < piece ? v->end - at : piece;

		plan_expect(&b->plan, at, __NR_mmap,
			    (const uint64_t[6]){ at, len, prot, flags, PLAN_ARG(fd),
						 fd < 0 ? 0 : v->offset + (at - v->start) });
	}
}

static void memory_map(struct rebuild *b, size_t i)
{
	const struct img_vma *v = &b->m->vmas.at[i];
	const struct rebuild_object *o = memory_object(b, v);
	const struct rebuild_window *w = memory_window(b, v);
	uint64_t len = v->end - v->start;
	int fd = b->vma_fd[i];

	if (o) /* old length 0: another mapping of the same shared pages */
		plan_expect(&b->plan, v->start, __NR_mremap,
			    (const uint64_t[6]){ o->parked + v->offset, 0, len,
						 MREMAP_MAYMOVE | MREMAP_FIXED, v->start });
	else if (w)
		memory_take(b, v, w);
	else
		memory_map_new(b, v, fd);
	memory_policy(b, v);
	if (v->advice & MEMORY_BIT(MADV_HUGEPAGE))
		plan_call(&b->plan, PLAN_TRY, __NR_madvise, v->start, len, MADV_HUGEPAGE);
	if (v->advice & MEMORY_BIT(MADV_NOHUGEPAGE))
		plan_call(&b->plan, PLAN_TRY, __NR_madvise, v->start, len, MADV_NOHUGEPAGE);
}

/* The old vdso, its functions leading to ours. */
static void memory_map_foreign(struct rebuild *b, const struct img_vma *v)
{
	uint64_t len = v->end - v->start;
	uint64_t bytes = plan_data(&b->plan, b->vdso_bytes, b->vdso_size);

	plan_expect(&b->plan, v->start, __NR_mmap,
		    (const uint64_t[6]){ v->start, len, MEMORY_RW,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
					 PLAN_ARG(-1) });
	plan_special(&b->plan, PLAN_COPY, v->start, bytes, b->vdso_size < len ? b->vdso_size : len);
	plan_call(&b->plan, PLAN_MUST, __NR_mprotect, v->start, len, PROT_READ | PROT_EXEC);
}

/* When all else has its place: the kernel chooses where they are at first. */
static void memory_make_aios(struct rebuild *b)
{
	if (!b->m->aios.n)
		return;
	b->aios = plan_reserve(&b->plan, b->m->aios.n * sizeof(*b->aios));
	for (size_t i = 0; i < b->m->aios.n && b->aios; i++) {
		const struct img_aio *a = &b->m->aios.at[i];

		b->aios[i] = (struct plan_aio){
			.at = a->address,
			.size = (uint64_t)a->nr * PROBE_AIO_EVENT + sizeof(struct probe_aio_ring),
			.ask = img_aio_ask(a->nr),
			.nr = a->nr,
			.head = a->head,
			.tail = a->tail,
		};
		plan_special(&b->plan, PLAN_AIO, (uintptr_t)&b->aios[i], 0, 0);
	}
}

/* Their contents have been written over them: this part of it is the kernel's. */
static void memory_settle_aios(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->aios.n && b->aios; i++)
		plan_special(&b->plan, PLAN_COPY, b->aios[i].at, (uintptr_t)&b->aios[i].id,
			     sizeof(b->aios[i].id));
}

void rebuild_map(struct rebuild *b)
{
	struct layout_areas old;

	layout_image_areas(&old, b->m);
	if (b->vdso == REBUILD_VDSO_SAME)
		memory_move_areas(b, b->parking, layout_areas_start(&old), memory_move_out);
	for (size_t i = 0; i < b->m->vmas.n; i++) {
		const struct img_vma *v = &b->m->vmas.at[i];

		if (v->kind == IMG_VMA_VDSO && b->vdso == REBUILD_VDSO_FOREIGN)
			memory_map_foreign(b, v);
		if (v->kind == IMG_VMA_VDSO || v->kind == IMG_VMA_VVAR ||
		    v->kind == IMG_VMA_VSYSCALL)
			continue;
		if (v->kind == IMG_VMA_AIO || v->kind == IMG_VMA_URING)
			memory_reserve(b, v);
		else
			memory_map(b, i);
	}
	memory_make_aios(b);
	rebuild_urings(b);
}

/*
 * The key that the kernel has taken for memory which may only be executed: of a process's keys the one that
 * nothing else has. 0: none.
 */
static uint32_t memory_exec_key(const struct model *m)
{
	uint32_t found = 0, others = 0;

	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];

		if (v->protection_key < MEMORY_KEYS && v->prot != PROT_EXEC)
			others |= 1u << v->protection_key;
	}
	for (size_t i = 0; i < m->vmas.n && !found; i++)
		if (m->vmas.at[i].protection_key < MEMORY_KEYS &&
		    !(others >> m->vmas.at[i].protection_key & 1))
			found = m->vmas.at[i].protection_key;
	return found;
}

static void memory_protect(struct rebuild *b, const struct img_vma *v)
{
	uint64_t len = v->end - v->start;

	if (v->protection_key && v->protection_key != b->exec_key)
		plan_call(&b->plan, PLAN_MUST, __NR_pkey_mprotect, v->start, len, v->prot,
			  v->protection_key);
	else if (memory_first_prot(b, v) != v->prot)
		plan_call(&b->plan, PLAN_MUST, __NR_mprotect, v->start, len, v->prot);
}

static void memory_advise(struct rebuild *b, const struct img_vma *v)
{
	uint64_t left = v->advice & ~MEMORY_EARLY;

	for (unsigned int n = 0; left; n++, left >>= 1)
		if (left & 1)
			plan_call(&b->plan, MEMORY_FIRM >> n & 1 ? PLAN_MUST : PLAN_TRY,
				  __NR_madvise, v->start, v->end - v->start, n);
}

/* "[anon:NAME]" and "[anon_shmem:NAME]" are names that the program gave. */
static void memory_name(struct rebuild *b, const struct img_vma *v)
{
	const char *name = model_string(b->m, v->name);
	char buf[80];
	size_t len;

	if (text_starts(name, "[anon:"))
		name += sizeof("[anon:") - 1;
	else if (text_starts(name, "[anon_shmem:"))
		name += sizeof("[anon_shmem:") - 1;
	else
		return;
	text_copy(buf, sizeof(buf), name);
	len = text_length(buf);
	if (len && buf[len - 1] == ']')
		buf[len - 1] = '\0';
	plan_call(&b->plan, PLAN_TRY, __NR_prctl, MEMORY_SET_VMA, 0, v->start, v->end - v->start,
		  plan_data(&b->plan, buf, len));
}

static void memory_settle(struct rebuild *b, const struct img_vma *v)
{
	memory_protect(b, v);
	memory_advise(b, v);
	memory_name(b, v);
}

/* Guard pages, which cannot be put into locked memory; then what is locked. */
static void memory_guard(struct rebuild *b)
{
	const struct model *m = b->m;

	for (size_t i = 0; i < m->guards.n; i++) {
		/* Before 6.13 there are no guard pages; no access is what they are for. */
		plan_call(&b->plan, PLAN_OR_NEXT, __NR_madvise, m->guards.at[i].addr,
			  m->guards.at[i].len, MADV_GUARD_INSTALL);
		plan_call(&b->plan, PLAN_MUST, __NR_mprotect, m->guards.at[i].addr,
			  m->guards.at[i].len, PROT_NONE);
	}
	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];

		if (v->flags & IMG_VMA_LOCKED)
			plan_call(&b->plan, PLAN_TRY, __NR_mlock2, v->start, v->end - v->start,
				  v->flags & IMG_VMA_LOCKONFAULT ? MLOCK_ONFAULT : 0);
	}
}

/* Keys are handed out from 1 upwards; which of them the program has freed again is not known. */
static void memory_keys(struct rebuild *b)
{
	const struct img_vma *of_exec = NULL;
	uint32_t highest = 0;

	b->exec_key = memory_exec_key(b->m);
	for (size_t i = 0; i < b->m->vmas.n; i++) {
		if (b->m->vmas.at[i].protection_key > highest)
			highest = b->m->vmas.at[i].protection_key;
		if (b->m->vmas.at[i].protection_key == b->exec_key)
			of_exec = &b->m->vmas.at[i];
	}
	for (uint32_t key = 1; key <= highest; key++)
		if (key == b->exec_key)
			memory_protect(b, of_exec);
		else
			plan_expect(&b->plan, key, __NR_pkey_alloc, (const uint64_t[6]){ 0 });
}

/* The auxiliary vector up to its end mark: another kernel's may have room for less. */
static uint32_t memory_auxv_size(const struct model *m)
{
	const uint64_t *auxv = model_bytes(m, m->process.auxv);
	uint32_t n = m->process.auxv.len / 16;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t type;

		memcpy(&type, auxv + (size_t)i * 2, sizeof(type));
		if (!type)
			return (i + 1) * 16;
	}
	return n * 16;
}

/* Where code, data, heap, stack, arguments and environment are: what /proc/PID shows, and brk. */
static void memory_note(struct rebuild *b)
{
	const struct img_process *p = &b->m->process;
	struct prctl_mm_map map = {
		.start_code = p->start_code,
		.end_code = p->end_code,
		.start_data = p->start_data,
		.end_data = p->end_data,
		.start_brk = p->start_brk,
		.brk = p->brk,
		.start_stack = p->start_stack,
		.arg_start = p->arg_start,
		.arg_end = p->arg_end,
		.env_start = p->env_start,
		.env_end = p->env_end,
		.auxv_size = memory_auxv_size(b->m),
		.exe_fd = (uint32_t)b->exe_fd,
	};
	uint64_t auxv = plan_data(&b->plan, model_bytes(b->m, p->auxv), map.auxv_size);

	if (!p->start_code)
		return; /* a made-up image */
	memcpy(&map.auxv, &auxv, sizeof(auxv));
	if (b->exe_fd >= 0) /* needs a capability that a plain user has only in a namespace */
		plan_call(&b->plan, PLAN_OR_NEXT, __NR_prctl, PR_SET_MM, PR_SET_MM_MAP,
			  plan_data(&b->plan, &map, sizeof(map)), sizeof(map));
	map.exe_fd = (uint32_t)-1;
	plan_call(&b->plan, PLAN_MUST, __NR_prctl, PR_SET_MM, PR_SET_MM_MAP,
		  plan_data(&b->plan, &map, sizeof(map)), sizeof(map));
}

/* Every process has its mappings by now. */
static void memory_seal_files(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->fds.n; i++) {
		const struct img_file *f = model_file(b->m, b->m->fds.at[i].file);
		bool late = f && f->kind == IMG_F_MEMFD && f->std_stream < 0 &&
			    f->arg[MEMFD_ARG_SEALS] & F_SEAL_FUTURE_WRITE;

		/* Once is enough, and if they forbid more seals all that there is. */
		if (late && (f->open_flags & O_ACCMODE) == O_RDWR)
			plan_call(&b->plan, PLAN_TRY, __NR_fcntl, PLAN_ARG(b->m->fds.at[i].fd),
				  F_ADD_SEALS, f->arg[MEMFD_ARG_SEALS]);
	}
}

void rebuild_settle(struct rebuild *b)
{
	const struct model *m = b->m;

	memory_settle_aios(b);
	memory_keys(b);
	for (size_t i = 0; i < m->vmas.n; i++)
		if (m->vmas.at[i].kind != IMG_VMA_VDSO && m->vmas.at[i].kind != IMG_VMA_VVAR &&
		    m->vmas.at[i].kind != IMG_VMA_VSYSCALL)
			memory_settle(b, &m->vmas.at[i]);
	memory_guard(b);
	rebuild_uring_buffers(b);
	memory_note(b);
	memory_seal_files(b);
	for (size_t i = 0; i < b->nclose; i++)
		plan_call(&b->plan, PLAN_MUST, __NR_close, PLAN_ARG(b->close[i]));
	rebuild_locks(b);
}

void rebuild_seal(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->vmas.n; i++) {
		const struct img_vma *v = &b->m->vmas.at[i];

		if (v->flags & IMG_VMA_SEALED && v->kind != IMG_VMA_VDSO &&
		    v->kind != IMG_VMA_VVAR && v->kind != IMG_VMA_VSYSCALL)
			plan_call(&b->plan, PLAN_TRY, MEMORY_NR_MSEAL, v->start, v->end - v->start);
	}
}
