/* SPDX-License-Identifier: Apache-2.0 */
#include "image/check.h"

#include "base/owned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No x86-64 program has memory above it (57-bit addresses); 0xffffffffff600000 is the kernel's. */
static const uint64_t check_user_end = 1ULL << 56;

enum {
	CHECK_AIO_EVENT = 32, /* bytes */
	CHECK_FILTER_INSN = 8, /* bytes: struct sock_filter */
	CHECK_FILTER_INSNS = 4096, /* BPF_MAXINSNS */
	CHECK_FILTER_COST = 5, /* of the smallest, as seccomp counts instructions */
	CHECK_FILTERS = 32768 / CHECK_FILTER_COST, /* one on top of the other */
};

struct check {
	const struct model *m;
	uint64_t page;
	const uint32_t *ids; /* of files here and elsewhere, sorted */
	size_t nids;
	struct err *err;
};

static int check_refuse(const struct check *c, const char *table, size_t i, const char *why)
{
	return err_say(c->err, EBADMSG, "table '%s', record %zu: %s", table, i, why);
}

static bool check_ref(const struct check *c, struct img_ref ref)
{
	return !ref.len || (ref.off <= c->m->data.n && ref.len <= c->m->data.n - ref.off);
}

/* Bytes that may be used in place, as records: the pool begins them at a multiple of 8. */
static bool check_bytes(const struct check *c, struct img_ref ref)
{
	return check_ref(c, ref) && (!ref.len || ref.off % 8 == 0);
}

static bool check_string(const struct check *c, struct img_ref ref)
{
	return check_ref(c, ref) && (!ref.len || !c->m->data.at[ref.off + ref.len - 1]);
}

static bool check_file_id(const struct check *c, uint32_t id)
{
	size_t low = 0, high = c->nids;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->ids[mid] == id)
			return true;
		if (c->ids[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* [start, start + len) in whole pages of user memory, from @after on. */
static const char *check_span(const struct check *c, uint64_t start, uint64_t len, uint64_t after)
{
	if (!len)
		return "is empty";
	if ((start | len) & (c->page - 1))
		return "does not begin and end at a page";
	if (start >= check_user_end || len > check_user_end - start)
		return "lies outside user memory";
	if (start < after)
		return "overlaps the one before it, or is out of order";
	return NULL;
}

static int check_machine(const struct check *c)
{
	const struct img_machine *k = &c->m->machine;

	if (!check_string(c, k->release) || !check_string(c, k->hostname) ||
	    !check_string(c, k->boot_id) || !check_string(c, k->cpu_model))
		return check_refuse(c, "machine", 0, "a name lies outside the data table");
	if (!check_bytes(c, k->vdso) || !check_bytes(c, k->cpu_features) || k->cpu_features.len % 4)
		return check_refuse(c, "machine", 0,
				    "a reference lies outside the data table, or askew in it");
	return 0;
}

static int check_process(const struct check *c)
{
	const struct img_process *p = &c->m->process;

	if (p->pid <= 0)
		return check_refuse(c, "process", 0, "has no process id");
	if (!check_string(c, p->exe) || !check_string(c, p->cwd) || !check_string(c, p->root))
		return check_refuse(c, "process", 0, "a path lies outside the data table");
	if (!check_bytes(c, p->auxv) || !check_bytes(c, p->exe_data))
		return check_refuse(c, "process", 0,
				    "a reference lies outside the data table, or askew in it");
	if (p->vdso_end < p->vdso_start)
		return check_refuse(c, "process", 0, "its vdso ends before it begins");
	return 0;
}

static int check_compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Each once, in whatever order; sorts @ids. */
static int check_unique(const struct check *c, const char *table, uint32_t *ids, size_t n)
{
	qsort(ids, n, sizeof(*ids), check_compare_u32);
	for (size_t i = 1; i < n; i++)
		if (ids[i] == ids[i - 1])
			return err_say(c->err, EBADMSG, "table '%s': id %u stands twice", table,
				       ids[i]);
	return 0;
}

static int check_thread_ids(const struct check *c)
{
	const size_t n = c->m->threads.n;
	OWNED_PTR uint32_t *ids = calloc(n + 1, sizeof(*ids));

	if (!ids)
		return err_set(c->err, ENOMEM, "check of %zu threads", n);
	for (size_t i = 0; i < n; i++)
		ids[i] = (uint32_t)c->m->threads.at[i].tid;
	return check_unique(c, "threads", ids, n);
}

static int check_threads(const struct check *c)
{
	const struct model *m = c->m;

	if (!memchr(m->process.comm, 0, sizeof(m->process.comm)))
		return check_refuse(c, "process", 0, "its name has no end");
	if (!m->threads.n && !(m->process.flags & IMG_PROC_ZOMBIE))
		return check_refuse(c, "threads", 0, "is missing");
	if (m->threads.n && m->threads.at[0].tid != m->process.pid)
		return check_refuse(c, "threads", 0, "is not the leading thread");
	for (size_t i = 0; i < m->threads.n; i++) {
		const struct img_thread *t = &m->threads.at[i];

		if (t->tid <= 0)
			return check_refuse(c, "threads", i, "has no thread id");
		if (!check_bytes(c, t->xsave) || !check_bytes(c, t->affinity))
			return check_refuse(
				c, "threads", i,
				"a reference lies outside the data table, or askew in it");
		if (!memchr(t->comm, 0, sizeof(t->comm)))
			return check_refuse(c, "threads", i, "its name has no end");
		if (t->filter > m->seccomps.n)
			return check_refuse(c, "threads", i, "has a filter that is not there");
	}
	return check_thread_ids(c);
}

/* The kernel's own page, at the same address in every process: above user memory. */
static const char *check_vsyscall(const struct check *c, const struct img_vma *v, uint64_t after)
{
	if ((v->start | v->end) & (c->page - 1) || v->start < check_user_end || v->start < after)
		return "is no page of the kernel, or is out of order";
	return NULL;
}

/* One of the three parts that can be mapped (IORING_OFF_*). */
static bool check_ring(const struct img_vma *v)
{
	return v->flags & IMG_VMA_SHARED &&
	       (v->offset == 0 || v->offset == 0x8000000 || v->offset == 0x10000000);
}

static int check_vmas(const struct check *c)
{
	uint64_t after = 0;

	for (size_t i = 0; i < c->m->vmas.n; i++) {
		const struct img_vma *v = &c->m->vmas.at[i];
		const char *why = NULL;

		if (v->end <= v->start)
			why = "ends before it begins";
		else if (v->kind == IMG_VMA_VSYSCALL)
			why = check_vsyscall(c, v, after);
		else
			why = check_span(c, v->start, v->end - v->start, after);
		if (!why && (!v->kind || v->kind >= IMG_VMA_KINDS))
			why = "is of a kind that this version does not know";
		if (!why && (v->prot & ~7U))
			why = "has an unknown protection";
		if (!why && (v->offset & (c->page - 1) || v->offset > INT64_MAX))
			why = "has an offset that is no page";
		if (!why &&
		    (v->kind == IMG_VMA_FILE || v->kind == IMG_VMA_URING ||
		     v->kind == IMG_VMA_SOCKET || v->file) &&
		    !check_file_id(c, v->file))
			why = "names a file that is not in the image";
		if (!why && v->kind == IMG_VMA_URING && !check_ring(v))
			why = "is no part of an io_uring";
		if (!why && !check_string(c, v->name))
			why = "has a name outside the data table";
		if (why)
			return check_refuse(c, "vmas", i, why);
		after = v->end;
	}
	return 0;
}

/* Is [start, end) covered by mappings? *@at is the first that may hold it: addresses ascend. */
static bool check_mapped(const struct check *c, uint64_t start, uint64_t end, size_t *at)
{
	const struct img_vma *v = c->m->vmas.at;

	while (*at < c->m->vmas.n && v[*at].end <= start)
		++*at;
	for (size_t i = *at; i < c->m->vmas.n && v[i].start <= start; i++) {
		start = v[i].end;
		if (start >= end)
			return true;
	}
	return false;
}

static int check_runs(const struct check *c)
{
	uint64_t after = 0;
	size_t vma = 0;

	for (size_t i = 0; i < c->m->runs.n; i++) {
		const struct img_run *r = &c->m->runs.at[i];
		const char *why = check_span(c, r->addr, r->len, after);
		uint32_t raw_len;

		if (why)
			return check_refuse(c, "runs", i, why);
		if (r->chunk >= c->m->chunks.n)
			return check_refuse(c, "runs", i, "names a chunk that is not in the image");
		raw_len = c->m->chunks.at[r->chunk].raw_len;
		if (r->offset % c->page || r->offset > raw_len || r->len > raw_len - r->offset)
			return check_refuse(c, "runs", i, "reaches beyond its chunk");
		after = r->addr + r->len;
		if (!check_mapped(c, r->addr, after, &vma))
			return check_refuse(c, "runs", i, "lies where nothing is mapped");
	}
	return 0;
}

static int check_chunks(const struct check *c)
{
	for (size_t i = 0; i < c->m->chunks.n; i++) {
		const struct img_chunk *k = &c->m->chunks.at[i];
		const char *why = NULL;

		if (!k->raw_len || k->raw_len > IMG_CHUNK_MAX || k->raw_len % c->page)
			why = "has an impossible size";
		else if (!k->stored_len || k->stored_len > IMG_CHUNK_MAX)
			why = "has an impossible size in the file";
		else if (k->codec > IMG_CODEC_LZ4)
			why = "is compressed in a way that this version does not know";
		else if (k->codec == IMG_CODEC_NONE && k->stored_len != k->raw_len)
			why = "is not compressed, but its sizes differ";
		else if (k->source > INT32_MAX || k->source == (uint32_t)c->m->process.pid)
			why = "stands in the image of a process that cannot be";
		if (why)
			return check_refuse(c, "chunks", i, why);
	}
	return 0;
}

static int check_guards(const struct check *c)
{
	uint64_t after = 0;

	for (size_t i = 0; i < c->m->guards.n; i++) {
		const struct img_range *g = &c->m->guards.at[i];
		const char *why = check_span(c, g->addr, g->len, after);

		if (why)
			return check_refuse(c, "guards", i, why);
		after = g->addr + g->len;
	}
	return 0;
}

static int check_signals(const struct check *c)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < c->m->sigactions.n; i++) {
		uint32_t signo = c->m->sigactions.at[i].signo;

		if (signo < 1 || signo > 64)
			return check_refuse(c, "sigactions", i, "is for no signal");
		if (seen & 1ULL << (signo - 1))
			return check_refuse(c, "sigactions", i, "is for a signal that had one");
		seen |= 1ULL << (signo - 1);
	}
	for (size_t i = 0; i < c->m->pending.n; i++) {
		int32_t signo;

		memcpy(&signo, c->m->pending.at[i].siginfo, sizeof(signo));
		if (signo < 1 || signo > 64 || c->m->pending.at[i].tid < 0)
			return check_refuse(c, "pending", i, "is no signal");
	}
	return 0;
}

/* In any order: the kernel lists the newest first. */
static int check_timer_ids(const struct check *c)
{
	const size_t n = c->m->timers.n;
	OWNED_PTR uint32_t *ids = calloc(n + 1, sizeof(*ids));

	if (!ids)
		return err_set(c->err, ENOMEM, "check of %zu timers", n);
	for (size_t i = 0; i < n; i++)
		ids[i] = (uint32_t)c->m->timers.at[i].id;
	return check_unique(c, "timers", ids, n);
}

static int check_timers(const struct check *c)
{
	for (size_t i = 0; i < c->m->timers.n; i++) {
		const struct img_timer *t = &c->m->timers.at[i];

		if (t->id < 0 || t->signo > 64 || t->left_ns < 0 || t->interval_ns < 0)
			return check_refuse(c, "timers", i, "makes no sense");
	}
	return check_timer_ids(c);
}

static int check_rlimits(const struct check *c)
{
	for (size_t i = 0; i < c->m->rlimits.n; i++)
		if (c->m->rlimits.at[i].resource >= 64)
			return check_refuse(c, "rlimits", i, "is for no resource");
	return 0;
}

static int check_fds(const struct check *c)
{
	for (size_t i = 0; i < c->m->fds.n; i++) {
		const struct img_fd *f = &c->m->fds.at[i];

		if (f->fd < 0 || (i && f->fd <= f[-1].fd))
			return check_refuse(c, "fds", i, "is out of order");
		if (!check_file_id(c, f->file))
			return check_refuse(c, "fds", i, "names a file that is not in the image");
	}
	for (size_t i = 0; i < c->m->epolls.n; i++) {
		const struct img_epoll *e = &c->m->epolls.at[i];

		if (!check_file_id(c, e->file) || !check_file_id(c, e->target))
			return check_refuse(c, "epolls", i,
					    "names a file that is not in the image");
		if (e->fd < 0)
			return check_refuse(c, "epolls", i, "is for no descriptor");
	}
	for (size_t i = 0; i < c->m->locks.n; i++) {
		const struct img_lock *l = &c->m->locks.at[i];

		if (l->fd < 0 || l->type < IMG_LOCK_POSIX || l->type > IMG_LOCK_FLOCK ||
		    l->pid < 0 || l->start > INT64_MAX || l->len > INT64_MAX)
			return check_refuse(c, "locks", i, "makes no sense");
	}
	return 0;
}

/* Whole messages of a POSIX queue, each no longer than it may be there. */
static bool check_mqueue(const struct check *c, const struct img_file *f)
{
	enum { MAXMSG, MSGSIZE, PRIORITIES = 32768, MAX = 1 << 24 }; /* as in the kernel */
	const uint8_t *bytes = model_bytes(c->m, f->data);
	struct img_mq_message msg;
	uint64_t n = 0;

	if (!f->arg[MAXMSG] || !f->arg[MSGSIZE] || f->arg[MAXMSG] > MAX || f->arg[MSGSIZE] > MAX)
		return false;
	for (uint64_t at = 0; at < f->data.len; n++) {
		if (f->data.len - at < sizeof(msg))
			return false;
		memcpy(&msg, bytes + at, sizeof(msg));
		at += sizeof(msg);
		if (msg.len > f->arg[MSGSIZE] || msg.priority >= PRIORITIES ||
		    f->data.len - at < img_padded(msg.len))
			return false;
		at += img_padded(msg.len);
	}
	return n <= f->arg[MAXMSG];
}

/* Rings of sizes that can be, and all that stands in them. */
static bool check_uring(const struct check *c, const struct img_file *f)
{
	enum { ENTRIES = 1 << 15, HEAD = 4096, BUFFERS = 1 << 14, WORDS = sizeof(uint32_t) };
	enum { SUBMIT_ALL = 1 << 7, NO_SQARRAY = 1 << 16 }; /* IORING_SETUP_* */
	const struct img_uring *u = model_bytes(c->m, f->data);

	if (f->data.len < sizeof(*u) || !u->sq_entries || u->sq_entries > ENTRIES ||
	    u->cq_entries < u->sq_entries || u->cq_entries > 2 * ENTRIES)
		return false;
	if (u->flags & ~(uint32_t)(SUBMIT_ALL | NO_SQARRAY) || u->sq_head - u->cq_tail > INT32_MAX)
		return false;
	if (u->ring_size < WORDS || u->ring_size > HEAD + 2 * ENTRIES * 32 ||
	    u->sqes_size > ENTRIES * 128 || u->buffers > BUFFERS)
		return false;
	return f->data.len ==
	       sizeof(*u) + u->buffers * sizeof(struct img_range) + u->ring_size + u->sqes_size;
}

static int check_files(const struct check *c)
{
	for (size_t i = 0; i < c->m->files.n; i++) {
		const struct img_file *f = &c->m->files.at[i];
		const char *why = NULL;

		if (!f->id)
			why = "has no id";
		else if (!f->kind || f->kind >= IMG_F_KINDS)
			why = "is of a kind that this version does not know";
		else if (!check_string(c, f->path))
			why = "has a path outside the data table";
		else if (!check_bytes(c, f->data) || !check_bytes(c, f->filter))
			why = "has contents outside the data table, or askew in it";
		else if (f->std_stream < -1 || f->std_stream > 2)
			why = "is no standard stream";
		else if (f->kind == IMG_F_MQUEUE && !check_mqueue(c, f))
			why = "has messages that make no sense";
		else if (f->kind == IMG_F_URING && f->std_stream < 0 && !check_uring(c, f))
			why = "is an io_uring that makes no sense";
		if (why)
			return check_refuse(c, "files", i, why);
	}
	return 0;
}

/* Whole messages, one after the other. */
static bool check_messages(const struct check *c, struct img_ref ref)
{
	const uint8_t *bytes = model_bytes(c->m, ref);
	struct img_msg msg;
	size_t at = 0;

	while (at < ref.len) {
		if (ref.len - at < sizeof(msg))
			return false;
		memcpy(&msg, bytes + at, sizeof(msg));
		at += sizeof(msg);
		if (msg.type <= 0 || ref.len - at < msg.len || ref.len - at < img_padded(msg.len))
			return false;
		at += img_padded(msg.len);
	}
	return true;
}

static int check_sysv(const struct check *c)
{
	for (size_t i = 0; i < c->m->sysv.n; i++) {
		const struct img_sysv *o = &c->m->sysv.at[i];
		const char *why = NULL;

		if (o->type < IMG_SYSV_SHM || o->type > IMG_SYSV_MSG || o->id < 0)
			why = "is of a type that this version does not know";
		else if (!check_bytes(c, o->data))
			why = "has contents outside the data table, or askew in it";
		else if (o->type == IMG_SYSV_SEM && o->data.len != o->size * sizeof(struct img_sem))
			why = "has not the semaphores that it says";
		else if (o->type == IMG_SYSV_SHM &&
			 (!o->size || o->size > INT64_MAX || o->data.len > o->size))
			why = "has an impossible size";
		else if (o->type == IMG_SYSV_MSG && !check_messages(c, o->data))
			why = "has messages that make no sense";
		if (why)
			return check_refuse(c, "sysv", i, why);
	}
	for (size_t i = 0; i < c->m->sem_ties.n; i++)
		if (c->m->sem_ties.at[i].id < 0 || c->m->sem_ties.at[i].num > INT16_MAX ||
		    c->m->sem_ties.at[i].value > INT16_MAX ||
		    c->m->sem_ties.at[i].adjust > INT16_MAX ||
		    c->m->sem_ties.at[i].adjust < INT16_MIN)
			return check_refuse(c, "sem_ties", i, "makes no sense");
	return 0;
}

static const struct img_vma *check_find_vma(const struct check *c, uint64_t start)
{
	for (size_t i = 0; i < c->m->vmas.n; i++)
		if (c->m->vmas.at[i].start == start)
			return &c->m->vmas.at[i];
	return NULL;
}

/* Each has its mapping, and each such mapping is of one. */
static int check_aios(const struct check *c)
{
	size_t mapped = 0;

	for (size_t i = 0; i < c->m->vmas.n; i++)
		mapped += c->m->vmas.at[i].kind == IMG_VMA_AIO;
	for (size_t i = 0; i < c->m->aios.n; i++) {
		const struct img_aio *a = &c->m->aios.at[i];
		const struct img_vma *v = check_find_vma(c, a->address);

		if (!v || v->kind != IMG_VMA_AIO ||
		    v->end - v->start != (a->nr + UINT64_C(1)) * CHECK_AIO_EVENT)
			return check_refuse(c, "aios", i, "is not what is mapped there");
		if (a->head >= a->nr || a->tail >= a->nr ||
		    (i && a->address <= c->m->aios.at[i - 1].address))
			return check_refuse(c, "aios", i, "makes no sense");
	}
	return mapped == c->m->aios.n ? 0 : check_refuse(c, "aios", mapped, "is missing");
}

static int check_extents(const struct check *c)
{
	for (size_t i = 0; i < c->m->extents.n; i++) {
		const struct img_extent *e = &c->m->extents.at[i];

		if (!check_file_id(c, e->file))
			return check_refuse(c, "extents", i,
					    "is of a file that is not in the image");
		if (!check_bytes(c, e->data))
			return check_refuse(
				c, "extents", i,
				"a reference lies outside the data table, or askew in it");
		if (e->offset > (uint64_t)INT64_MAX - e->data.len)
			return check_refuse(c, "extents", i, "lies outside of any file");
	}
	return 0;
}

static int check_creds(const struct check *c)
{
	for (size_t i = 0; i < c->m->creds.n; i++) {
		const struct img_cred *k = &c->m->creds.at[i];

		if (k->tid <= 0 || !check_bytes(c, k->groups) || k->groups.len % sizeof(uint32_t))
			return check_refuse(c, "creds", i, "makes no sense");
	}
	return 0;
}

static int check_seccomps(const struct check *c)
{
	const size_t n = c->m->seccomps.n;
	OWNED_PTR uint32_t *height = calloc(n + 1, sizeof(*height));

	if (!height)
		return err_set(c->err, ENOMEM, "check of %zu filters", n);
	for (size_t i = 0; i < n; i++) {
		const struct img_seccomp *f = &c->m->seccomps.at[i];

		if (!f->program.len || f->program.len % CHECK_FILTER_INSN ||
		    f->program.len > CHECK_FILTER_INSN * CHECK_FILTER_INSNS ||
		    !check_bytes(c, f->program))
			return check_refuse(c, "seccomps", i, "is no filter");
		if (f->below > i)
			return check_refuse(c, "seccomps", i, "stands before what is below it");
		height[i + 1] = height[f->below] + 1;
		if (height[i + 1] > CHECK_FILTERS)
			return check_refuse(c, "seccomps", i, "is on top of too many");
	}
	return 0;
}

static int check_policies(const struct check *c)
{
	for (size_t i = 0; i < c->m->policies.n; i++) {
		const struct img_policy *p = &c->m->policies.at[i];

		if (p->start % c->page || p->end % c->page || p->start > p->end ||
		    (p->end ? p->tid : p->tid <= 0))
			return check_refuse(c, "policies", i, "makes no sense");
	}
	return 0;
}

static int check_shares(const struct check *c)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < c->m->shares.n; i++) {
		const struct img_share *s = &c->m->shares.at[i];

		if (s->what < IMG_SHARE_FILES || s->what > IMG_SHARE_FS)
			return check_refuse(c, "shares", i,
					    "is of a kind that this version does not know");
		if (s->pid <= 0 || s->pid == c->m->process.pid || seen & 1u << s->what ||
		    c->m->process.flags & IMG_PROC_ZOMBIE)
			return check_refuse(c, "shares", i, "makes no sense");
		seen |= 1u << s->what;
	}
	if (model_shares(c->m, IMG_SHARE_FILES) && (c->m->fds.n || c->m->locks.n))
		return check_refuse(c, "fds", 0, "is another process's");
	return 0;
}

/* All ids in one sorted array, each once. */
static int check_ids(struct check *c, uint32_t *ids)
{
	int rc;

	for (size_t i = 0; i < c->m->files.n; i++)
		ids[c->nids++] = c->m->files.at[i].id;
	for (size_t i = 0; i < c->m->elsewhere.n; i++)
		ids[c->nids++] = c->m->elsewhere.at[i];
	c->ids = ids;
	rc = check_unique(c, "files", ids, c->nids);
	if (c->nids && !ids[0])
		return check_refuse(c, "files", 0, "has no id");
	return rc;
}

int check_model(const struct model *m, uint32_t page_size, struct err *err)
{
	static int (*const checks[])(const struct check *) = {
		check_machine, check_process, check_threads, check_vmas,     check_chunks,
		check_runs,    check_guards,  check_signals, check_timers,   check_rlimits,
		check_files,   check_fds,     check_sysv,    check_aios,     check_policies,
		check_extents, check_creds,   check_shares,  check_seccomps,
	};
	OWNED_PTR uint32_t *ids = calloc(m->files.n + m->elsewhere.n + 1, sizeof(*ids));
	struct check c = { .m = m, .page = page_size, .err = err };
	int rc;

	if (!ids)
		return err_set(err, ENOMEM, "check of %zu files", m->files.n);
	rc = check_ids(&c, ids);
	for (size_t i = 0; !rc && i < sizeof(checks) / sizeof(checks[0]); i++)
		rc = checks[i](&c);
	return rc;
}
