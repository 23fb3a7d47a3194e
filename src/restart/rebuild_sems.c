/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ties a process to System V semaphores, whose values the agent has set: done by the process itself, in
 * calls that leave every value as it is.
 */
#include "restart/rebuild.h"

#include <asm/unistd.h>
#include <sys/sem.h>

enum {
	SEMS_MAX = 32767, /* SEMVMX */
	SEMS_STEP = 16384, /* up or down there is always room for so much */
};

/* Up and down again, or down and up; one of the two with SEM_UNDO: @adjust is added at the end. */
static void sems_both_ways(struct rebuild *b, const struct img_sem_tie *t, int32_t adjust)
{
	int32_t size = adjust < 0 ? -adjust : adjust;
	bool up = (int32_t)t->value + size <= SEMS_MAX; /* first */
	struct sembuf ops[2] = {
		{ (unsigned short)t->num, (short)(up ? size : -size), IPC_NOWAIT },
		{ (unsigned short)t->num, (short)(up ? -size : size), IPC_NOWAIT },
	};

	/* What goes down is given back. */
	if (t->adjust)
		ops[(adjust > 0) == up].sem_flg |= SEM_UNDO;
	plan_call(&b->plan, PLAN_MUST, __NR_semop, PLAN_ARG(t->id),
		  plan_data(&b->plan, ops, sizeof(ops)), 2);
}

void rebuild_undo(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->sem_ties.n; i++) {
		const struct img_sem_tie *t = &b->m->sem_ties.at[i];
		int32_t left = t->adjust;

		while (left) {
			int32_t step = left > SEMS_STEP	   ? SEMS_STEP
				       : left < -SEMS_STEP ? -SEMS_STEP
							   : left;

			sems_both_ways(b, t, step);
			left -= step;
		}
	}
}

void rebuild_last(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->sem_ties.n; i++) {
		struct img_sem_tie t = b->m->sem_ties.at[i];

		t.adjust = 0;
		if (t.last)
			sems_both_ways(b, &t, 1);
	}
}
