/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/memory.h"

#include "trace/calls.h"
#include "trace/regs.h"
#include "trace/tick.h"

#include <errno.h>
#include <stdlib.h>

void memory_drop_lingering(struct park_memory *memory)
{
	for (size_t i = 0; memory && i < memory->nlingering; i++)
		tree_done(&memory->lingering[i]);
	if (memory)
		memory->nlingering = 0;
}

int park_memory_create(struct park_memory **memory, struct err *err)
{
	*memory = calloc(1, sizeof(**memory));
	return *memory ? 0 : err_set(err, ENOMEM, "parking");
}

void park_memory_destroy(struct park_memory *memory)
{
	if (!memory)
		return;
	memory_drop_lingering(memory);
	free(memory->lingering);
	free(memory->calls);
	free(memory);
}

static struct memory_call *slot(struct memory_call *calls, size_t room, pid_t tid)
{
	size_t i = ((uint32_t)tid * 2654435761U) & (room - 1);

	while (calls[i].tid && calls[i].tid != tid)
		i = (i + 1) & (room - 1);
	return &calls[i];
}

struct memory_call *memory_find(struct park_memory *memory, pid_t tid)
{
	struct memory_call *call;

	if (!memory || !memory->room)
		return NULL;
	call = slot(memory->calls, memory->room, tid);
	return call->tid ? call : NULL;
}

/* Twice the room, without what the last park has not seen: those threads are elsewhere or ended. */
static bool memory_grow(struct park_memory *memory)
{
	size_t room = memory->room ? memory->room * 2 : 64;
	struct memory_call *calls = calloc(room, sizeof(*calls));

	if (!calls)
		return false;
	memory->n = 0;
	for (size_t i = 0; i < memory->room; i++) {
		const struct memory_call *call = &memory->calls[i];

		if (!call->tid || call->park + 1 < memory->park)
			continue;
		*slot(calls, room, call->tid) = *call;
		memory->n++;
	}
	free(memory->calls);
	memory->calls = calls;
	memory->room = room;
	return true;
}

struct memory_call *memory_take(struct park_memory *memory, pid_t tid)
{
	struct memory_call *call = memory_find(memory, tid);

	if (call || !memory)
		return call;
	if (memory->n * 2 >= memory->room && !memory_grow(memory))
		return NULL;
	call = slot(memory->calls, memory->room, tid);
	*call = (struct memory_call){ .tid = tid };
	memory->n++;
	return call;
}

uint32_t memory_tag(struct park_memory *memory)
{
	return ++memory->last_tag & INT32_MAX;
}

/* Time-outs that are not told by a pointer of ours in the arguments. */
static bool memory_needs_tag(enum calls_timeout timeout)
{
	return timeout == CALLS_MS || timeout == CALLS_RECEIVE || timeout == CALLS_SEND;
}

void memory_expect(struct park_memory *memory, pid_t tid, const struct user_regs_struct *image,
		   struct user_regs_struct *begin, int64_t left, bool filtered)
{
	long nr = regs_result(image); /* where the call's number stands before it is made */
	const struct calls_call *call = left < 0 ? NULL : calls_find(nr);
	struct memory_call *e = call ? memory_take(memory, tid) : NULL;

	if (!e)
		return;
	*e = (struct memory_call){ .tid = tid, .nr = nr, .park = memory->park };
	e->pc = regs_pc(begin) + REGS_INSN_LEN;
	e->sp = regs_sp(begin);
	e->arg = regs_arg(image, call->arg);
	e->deadline_ns = left;
	if (memory_needs_tag(call->timeout) && !filtered) {
		e->tag = memory_tag(memory);
		calls_set_tag(call, begin, e->tag);
	}
	e->changed = regs_arg(begin, call->arg);
}

void memory_begin(struct park_memory *memory)
{
	int64_t now = tick_now();

	for (size_t i = 0; i < memory->room; i++)
		if (memory->calls[i].tid)
			memory->calls[i].deadline_ns += now;
}

void memory_keep(struct park_memory *memory, struct tree *tree)
{
	struct tree *more;

	if (!memory)
		return;
	more = reallocarray(memory->lingering, memory->nlingering + 1, sizeof(*more));
	if (!more)
		return;
	memory->lingering = more;
	memory->lingering[memory->nlingering++] = *tree;
	tree->at = NULL;
	tree->n = tree->room = 0;
	tree->known = tree->looked = tree->filtered = NULL;
}

bool park_tend(struct park_memory *memory)
{
	for (size_t i = memory ? memory->nlingering : 0; i-- > 0;) {
		if (!tree_tend(&memory->lingering[i]))
			continue;
		tree_done(&memory->lingering[i]);
		memory->lingering[i] = memory->lingering[--memory->nlingering];
	}
	return !memory || !memory->nlingering;
}

uint64_t memory_detour(const struct park_memory *memory, pid_t pid)
{
	for (size_t i = 0; memory && i < MEMORY_DETOURS; i++)
		if (memory->detours[i].pid == pid)
			return memory->detours[i].code;
	return 0;
}

void memory_note_detour(struct park_memory *memory, pid_t pid, uint64_t code)
{
	size_t i = 0;

	while (i < MEMORY_DETOURS && memory->detours[i].pid != pid)
		i++;
	if (i == MEMORY_DETOURS)
		i = memory->next_detour++ % MEMORY_DETOURS;
	memory->detours[i] = (struct memory_detour){ pid, code };
}
