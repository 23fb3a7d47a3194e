/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the image of one process to the plan that rebuilds it. Runs in the process that is to become it.
 *
 * The one rule: these functions only write the plan; what they need to know of the running process
 * stands in struct rebuild, so that a test can call them with any model.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "restart/layout.h"
#include "restart/plan.h"

enum rebuild_vdso {
	REBUILD_VDSO_NONE, /* the program has none */
	REBUILD_VDSO_SAME, /* ours is the same: it moves to the old place */
	REBUILD_VDSO_FOREIGN, /* another kernel's: jumps at the old place, ours elsewhere */
};

/* Memory shared by several mappings or processes, made by the agent and inherited. */
struct rebuild_object {
	uint64_t object; /* img_vma.object */
	uint64_t size; /* bytes */
	uint64_t at; /* where this process inherited it */
	uint64_t parked; /* where it waits to be put in place */
};

/* Memory that was common to several processes, likewise; parts of it become mappings. */
struct rebuild_window {
	uint64_t start; /* the address that its first byte is for */
	uint64_t size; /* bytes; 0: nothing of it is for this process */
	uint64_t at, parked; /* as above */
};

/* The credentials and limits that this process has before. */
struct rebuild_now {
	uint32_t uid[3], gid[3]; /* real, effective, saved */
	uint64_t cap_effective, cap_permitted, cap_inheritable;
	uint32_t personality;
	bool groups_denied; /* in a user namespace that cannot set groups */
	bool timer_ids; /* PR_TIMER_CREATE_RESTORE_IDS works */
	uint64_t hard_limit[16];
	uint8_t cpus[1024]; /* a mask: where this process may run */
	size_t cpus_len; /* bytes; 0: unknown */
};

struct rebuild {
	const struct model *m;
	const struct model *table; /* in whose image its descriptors stand; @m, if not another's */
	bool shared; /* it shares them with other processes */
	struct plan plan;
	struct plan_thread *early; /* threads that have been started already; NULL: the plan does */
	struct plan_thread *threads; /* of the plan: all but the leader */
	struct rebuild_births *births; /* who makes whom; rebuild_seccomp.c */
	struct layout_areas own; /* this process's vdso and its data */
	bool urings; /* rings of io_urings are mapped */
	uint64_t groups; /* of the plan: the process's, once a thread has needed them */
	enum rebuild_vdso vdso;
	uint32_t exec_key; /* the kernel's, for memory that may only be executed; 0: none */
	uint64_t vdso_keep; /* FOREIGN: where ours goes for good */
	const void *vdso_bytes; /* FOREIGN: the old one with its jumps */
	size_t vdso_size;
	uint64_t parking; /* for our vdso and data on their way */
	struct rebuild_object *objects;
	size_t nobjects;
	struct rebuild_window *windows;
	size_t nwindows;
	const uint32_t *
		vma_window; /* for each VMA: number of its window, plus 1; 0: none; NULL: no windows */
	const struct img_range *dropped; /* by address: not taken from windows, as never written */
	size_t ndropped; /* of those that are still to be dealt with */
	int *vma_fd; /* for each VMA: the descriptor to map, -1: none */
	const int *close; /* descriptors to close once all is mapped */
	size_t nclose;
	struct plan_aio *aios; /* of the plan, as in the model */
	int32_t *told; /* children that are stopped, which it has been told of; owned */
	size_t ntold;
	bool hears; /* of children, while they are made to stop and to go on */
	/*
	 * The thread that makes it is about to end, its parent's first. It was another one's child, or it
	 * would have been told of that end long ago.
	 */
	bool parent_ends;
	int exe_fd; /* -1: leave /proc/PID/exe */
	struct rebuild_now now;
};

/* Upper bounds for the plan of @m with @inherited objects, windows, and ranges that are dropped. */
void rebuild_size(struct plan_size *size, const struct model *m, size_t inherited);

/* The whole plan: the leader's list, the threads', the late one. */
int rebuild_plan(struct rebuild *b, struct err *err);

/*
 * rebuild_seccomp.c: which thread makes which, and when: threads that have the same filters inherit them.
 * Then the filters of thread @thread, and the threads that it makes; and how much of a plan all that takes.
 */
int rebuild_births(struct rebuild *b, struct err *err);
void rebuild_births_done(struct rebuild *b);
void rebuild_filters(struct rebuild *b, size_t thread);
size_t rebuild_seccomp_ops(const struct model *m);
size_t rebuild_seccomp_data(const struct model *m);

/* Its parts, in this order. */
void rebuild_clear(struct rebuild *b); /* take away what is here now */
void rebuild_map(struct rebuild *b); /* put mappings in place, writable where they will be filled */
void rebuild_urings(struct rebuild *b); /* the last part of it: where nothing else is free */
void rebuild_settle(struct rebuild *b); /* protections, advice, locks, the kernel's notes */
void rebuild_locks(struct rebuild *b); /* after the last close: closing drops POSIX locks */
/*
 * POSIX locks of descriptors that are shared: when all who share them have closed what was not theirs. Each
 * takes those that it had taken.
 */
void rebuild_locks_late(struct rebuild *b);
size_t rebuild_leases_broken(const struct model *m);
void rebuild_undo(struct rebuild *b); /* what is undone to semaphores at the end */
void rebuild_last(struct rebuild *b); /* after all others' rebuild_undo: who changed them last */
void rebuild_seal(struct rebuild *b); /* after everything else */
void rebuild_thread(struct rebuild *b, const struct img_thread *t);
void rebuild_process(struct rebuild *b);
void rebuild_late(struct rebuild *b);

/*
 * Does pending signal @s wait for rebuild_late? What is sent to the process as a whole, a stop, which cannot
 * be blocked, and what the leader may get of its children before then.
 */
bool rebuild_waits(const struct rebuild *b, const struct img_pending *s);

/* The memory registered with them, when all is there; and bytes of a plan's data for that. */
void rebuild_uring_buffers(struct rebuild *b);
size_t rebuild_uring_data(const struct model *m);

/* Are there mappings of io_urings? */
bool rebuild_has_urings(const struct model *m);

/* Does the image have contents for [@start, @end)? */
bool rebuild_has_runs(const struct model *m, uint64_t start, uint64_t end);
