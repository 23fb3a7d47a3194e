/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/errand.h"

#include "trace/park_state.h"
#include "trace/regs.h"
#include "trace/remote.h"
#include "trace/suspend.h"

#include <errno.h>

static int errand_places(struct home_places *places, const struct park_process *process,
			 struct err *err)
{
	const struct park_thread *leader = &process->threads[0];
	int rc;

	*places = (struct home_places){ .n = 0 };
	rc = home_note_all(places, park_alive(process), err);
	if (rc >= 0 && leader->tid == process->pid && !leader->exited)
		places->leader_sp = regs_sp(&leader->regs);
	return rc;
}

static int errand_go(struct park *park, const struct park_thread *thread, struct tracee *t,
		     const struct home_places *places, const struct errand *errands, size_t n,
		     errand_told *told, void *context, struct err *err)
{
	struct remote r = { .tracee = t };
	int rc = suspend_begin(t, err);

	if (rc >= 0)
		rc = remote_open(&r, t, thread, places, park->state->memory, err);
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		long result;

		rc = remote_call(&r, errands[i].nr, errands[i].args, &result, err);
		if (rc >= 0 && told)
			told(context, i, result);
	}
	remote_close(&r);
	suspend_end(t);
	return rc;
}

int errand_run(struct park *park, const struct park_process *process, const struct errand *errands,
	       size_t n, errand_told *told, void *context, struct err *err)
{
	struct home_places places;
	int rc = errand_places(&places, process, err);

	for (size_t i = 0; rc >= 0 && i < process->nthreads; i++) {
		const struct park_thread *thread = &process->threads[i];
		struct tracee *t = tree_find(&park->state->tree, process->pid, thread->tid);

		if (!t || t->state != TRACEE_STOPPED)
			continue;
		rc = errand_go(park, thread, t, &places, errands, n, told, context, err);
	}
	return rc < 0 ? err_add(err, "process %d", process->pid) : 0;
}
