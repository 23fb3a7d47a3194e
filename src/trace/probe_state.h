/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the probe share: its place in the process, and how jobs are done there. */
#pragma once

#include "contract/probe_abi.h"
#include "trace/park_state.h"
#include "trace/probe.h"
#include "trace/remote.h"

#include <stddef.h>
#include <sys/ptrace.h>

enum { /* where things are in the area that we map into the process */
       PROBE_AT_BLOB = 0,
       PROBE_AT_SLOT = 8192, /* the job of the thread that does most */
       PROBE_AT_HELPER = PROBE_AT_SLOT + PROBE_SLOT_SIZE, /* the helper's stack */
       PROBE_AT_CALLS = 12288,
       PROBE_CALLS_MAX = 256,
       PROBE_AT_OUT = PROBE_AT_CALLS + PROBE_CALLS_MAX * (int)sizeof(struct probe_call),
       PROBE_OUT_MAX = PROBE_ASK_MAX,
       PROBE_AT_SLOTS = PROBE_AT_OUT + PROBE_OUT_MAX, /* one slot for each other thread */
};

/* What the thread gives birth to is ours. */
enum {
	PROBE_OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			PTRACE_O_TRACEVFORK
};

struct probe {
	struct park *park;
	const struct park_process *process;
	const struct home_places *places; /* until it has been opened */
	struct remote remote; /* the thread that does most */
	uint64_t area, area_size;
	int stop_signal;
	struct batch *batch; /* of calls that are being made */
	bool failed; /* while many are at something: takes no more part in it */
};

/* A step of something that many do at once. */
typedef int probe_step(struct probe *p, void *data, struct err *err);

/*
 * Let each take the step that has not failed before, all of them even if one fails: those that run have to be
 * waited for. Returns @failed, what came of the step before, or the first error, which names the process.
 * @data: an array of elements of @size; NULL: none.
 */
int probe_each(struct probe *const *probes, size_t n, probe_step *step, void *data, size_t size,
	       int failed, struct err *err);

/*
 * A job for a thread that stands with @saved and @sigmask, to be completed by the caller and written to the
 * thread's slot.
 */
void job_init(struct probe_job *job, const struct probe *p, const struct user_regs_struct *saved,
	      uint64_t sigmask);

/* Let @t, all its signals blocked, begin the job in the slot at @slot. */
int job_start(const struct probe *p, const struct tracee *t, const struct user_regs_struct *saved,
	      uint64_t slot, struct err *err);

/*
 * Wait until it is done. Returns 0; or the id of what was born, when it stands in a clone event: go
 * on with job_continue.
 */
int job_wait(const struct probe *p, struct tracee *t, struct err *err);
void job_continue(const struct tracee *t);
