/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/plan.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <asm/unistd.h>

extern const uint8_t restorer_blob_start[], restorer_blob_end[];

enum { PLAN_PAGE = 4096 };

static size_t plan_pages(size_t bytes)
{
	return (bytes + PLAN_PAGE - 1) & ~(size_t)(PLAN_PAGE - 1);
}

static size_t plan_blob_size(void)
{
	return (size_t)(restorer_blob_end - restorer_blob_start);
}

/* Header, code, operations, data, stacks, parking: each begins on a page of its own. */
struct plan_layout {
	size_t code, ops, data, stacks, parking, end;
};

static struct plan_layout plan_lay_out(const struct plan_size *size)
{
	struct plan_layout l;

	l.code = PLAN_PAGE;
	l.ops = l.code + plan_pages(plan_blob_size());
	l.data = l.ops + plan_pages(size->ops * sizeof(struct plan_op));
	l.stacks = l.data + plan_pages(size->data);
	l.parking = l.stacks +
		    plan_pages(PLAN_STACK_LEADER + size->threads * (size_t)PLAN_STACK_THREAD);
	l.end = l.parking + size->parking;
	return l;
}

size_t plan_region_size(const struct plan_size *size)
{
	return plan_lay_out(size).end;
}

void plan_init(struct plan *p, void *start, const struct plan_size *size, uint64_t *parking)
{
	struct plan_layout l = plan_lay_out(size);
	uint8_t *base = start;

	*p = (struct plan){
		.header = start,
		.ops = (struct plan_op *)(base + l.ops),
		.ops_room = size->ops,
		.data = base + l.data,
		.data_room = l.stacks - l.data,
	};
	*p->header = (struct plan_header){
		.version = PLAN_VERSION,
		.start = (uintptr_t)start,
		.size = l.end,
		.code = (uintptr_t)base + l.code,
	};
	memcpy(base + l.code, restorer_blob_start, plan_blob_size());
	*parking = (uintptr_t)base + l.parking;
}

int plan_finish(const struct plan *p, struct err *err)
{
	if (p->full)
		return err_set(err, ENOSPC, "a restore plan of %zu operations and %zu bytes",
			       p->ops_room, p->data_room);
	return 0;
}

static struct plan_op *plan_next(struct plan *p)
{
	/* The last record is where everything goes that does not fit any more. */
	if (p->nops + 1 >= p->ops_room) {
		p->full = true;
		return &p->ops[p->ops_room - 1];
	}
	return &p->ops[p->nops++];
}

struct plan_op *plan_add(struct plan *p, enum plan_check check, long nr, const uint64_t args[6])
{
	struct plan_op *op = plan_next(p);

	*op = (struct plan_op){ .kind = PLAN_SYSCALL, .check = (uint16_t)check, .nr = nr };
	memcpy(op->args, args, sizeof(op->args));
	return op;
}

struct plan_op *plan_expect(struct plan *p, uint64_t result, long nr, const uint64_t args[6])
{
	struct plan_op *op = plan_add(p, PLAN_EXACT, nr, args);

	op->want = result;
	return op;
}

struct plan_op *plan_special(struct plan *p, enum plan_kind kind, uint64_t a, uint64_t b,
			     uint64_t c)
{
	struct plan_op *op = plan_next(p);

	*op = (struct plan_op){ .kind = (uint16_t)kind, .check = PLAN_MUST, .args = { a, b, c } };
	return op;
}

void *plan_reserve(struct plan *p, size_t len)
{
	size_t room = (len + 7) & ~(size_t)7;
	uint8_t *at = p->data + p->data_used;

	if (room > p->data_room - p->data_used) {
		p->full = true;
		return NULL;
	}
	p->data_used += room;
	return at;
}

uint64_t plan_data(struct plan *p, const void *bytes, size_t len)
{
	void *at = plan_reserve(p, len);

	if (at && len)
		memcpy(at, bytes, len);
	return (uintptr_t)at;
}

struct plan_list plan_list(struct plan *p)
{
	struct plan_list l = { (uintptr_t)(p->ops + p->list), p->nops - p->list };

	p->list = p->nops;
	return l;
}

void *plan_leader_stack(const struct plan *p)
{
	return p->data + p->data_room + PLAN_STACK_LEADER;
}

uint64_t plan_thread_stack(const struct plan *p, size_t index)
{
	return (uintptr_t)plan_leader_stack(p) + index * PLAN_STACK_THREAD;
}

static const struct {
	long nr;
	const char *name;
} plan_names[] = {
	{ __NR_mmap, "mmap" },
	{ __NR_munmap, "munmap" },
	{ __NR_mremap, "mremap" },
	{ __NR_mprotect, "mprotect" },
	{ __NR_pkey_mprotect, "pkey_mprotect" },
	{ __NR_pkey_alloc, "pkey_alloc" },
	{ __NR_madvise, "madvise" },
	{ __NR_mlock2, "mlock2" },
	{ __NR_prctl, "prctl" },
	{ __NR_rt_sigaction, "rt_sigaction" },
	{ __NR_sigaltstack, "sigaltstack" },
	{ __NR_setitimer, "setitimer" },
	{ __NR_timer_create, "timer_create" },
	{ __NR_timer_settime, "timer_settime" },
	{ __NR_prlimit64, "prlimit64" },
	{ __NR_set_robust_list, "set_robust_list" },
	{ __NR_set_tid_address, "set_tid_address" },
	{ __NR_rseq, "rseq" },
	{ __NR_sched_setattr, "sched_setattr" },
	{ __NR_sched_setaffinity, "sched_setaffinity" },
	{ __NR_ioprio_set, "ioprio_set" },
	{ __NR_capset, "capset" },
	{ __NR_setgroups, "setgroups" },
	{ __NR_setresuid, "setresuid" },
	{ __NR_setresgid, "setresgid" },
	{ __NR_personality, "personality" },
	{ __NR_membarrier, "membarrier" },
	{ __NR_rt_sigqueueinfo, "rt_sigqueueinfo" },
	{ __NR_rt_tgsigqueueinfo, "rt_tgsigqueueinfo" },
	{ __NR_close, "close" },
	{ __NR_tgkill, "tgkill" },
	{ __NR_seccomp, "seccomp" },
};

static const char *plan_kind_name(const struct plan_op *op)
{
	switch (op->kind) {
	case PLAN_THREAD:
		return "start a thread";
	case PLAN_BEGIN:
		return "let threads begin";
	case PLAN_JOIN:
		return "wait for threads";
	case PLAN_TIMER:
		return "make a POSIX timer with its old id";
	case PLAN_COPY:
		return "copy";
	case PLAN_AIO:
		return "make an AIO context";
	}
	for (size_t i = 0; i < sizeof(plan_names) / sizeof(plan_names[0]); i++)
		if (plan_names[i].nr == op->nr)
			return plan_names[i].name;
	return NULL;
}

void plan_describe(char *buf, size_t size, const struct plan_op *op)
{
	const char *name = plan_kind_name(op);
	char number[32];

	if (!name) {
		text_format(number, sizeof(number), "system call %ld", (long)op->nr);
		name = number;
	}
	if (op->kind == PLAN_SYSCALL)
		text_format(buf, size, "%s(0x%lx, 0x%lx, 0x%lx, 0x%lx)", name,
			    (unsigned long)op->args[0], (unsigned long)op->args[1],
			    (unsigned long)op->args[2], (unsigned long)op->args[3]);
	else
		text_copy(buf, size, name);
}
