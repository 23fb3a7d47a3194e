/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a checkpoint share: checkpoint.c, processes.c, parents.c, images.c. */
#pragma once

#include "ckpt/ahead.h"
#include "ckpt/capture.h"
#include "ckpt/checkpoint.h"
#include "ckpt/pages.h"
#include "image/writer.h"

#include <stdatomic.h>

struct ckpt_process {
	struct model m;
	struct notes_supposed supposed; /* of the mappings in m */
	struct res_listing listing; /* until its descriptors have been captured */
	struct pages_list pages;
	pid_t pid;
	pid_t alive; /* a thread of it that has not ended, for what the leader no longer has */
	pid_t snapshot; /* 0: memory is read from the parked process itself */
	bool zombie;
	bool skipped;
	bool has_children;
	struct ckpt_process *files_of; /* whose descriptors it has; NULL: its own */
	bool has_aio; /* something that looks like an AIO context is mapped */
	uint64_t resident; /* pages */
	bool copied; /* all its memory is in @pages: there is no snapshot */
	struct ckpt_process
		*first; /* of those that were forked from one program, this one among them */
	bool leads; /* it is that for others: written before them */
	bool written; /* its image is, and what it holds is known: see twin.h */
	struct image_base base;
};

struct ckpt {
	struct ckpt_options options;
	struct park park;
	bool parked; /* park holds the program */
	struct park_skipped *skipped; /* taken over from it */
	size_t nskipped;
	bool exact; /* suppose nothing of mappings (notes.h) */
	bool swapping;
	bool stands; /* a snapshot could not be had: parked until all is written */
	struct asleep *asleep; /* until the park has begun */
	struct ahead ahead;
	struct res_capture res;
	struct sysv_capture sysv;
	struct sharers sharers;
	struct shared kept;
	struct ckpt_process *processes;
	size_t nprocesses;
	struct ckpt_result result;
	struct machine machine;
	_Atomic uint64_t copied; /* bytes of small processes */
	_Atomic uint64_t done;
	atomic_bool cancelled;
	uint64_t total;
};

int64_t ckpt_now(void); /* CLOCK_MONOTONIC, nanoseconds */

/* processes.c: no request of AIO is in flight any more; or they are refused. */
int ckpt_settle_aio(struct ckpt *ckpt, struct err *err);

/*
 * uring.c: no request to an io_uring is in flight any more, of those processes whose descriptors are
 * listed; or they are refused. *@moved: threads have been in the kernel for that, and what was listed may
 * be otherwise.
 */
int ckpt_settle_urings(struct ckpt *ckpt, bool *moved, struct err *err);

/* cloexec.c: when all descriptors have been captured. */
int ckpt_ask_cloexec(struct ckpt *ckpt, struct err *err);

/* All processes into their models, and what memory the snapshots do not hold. */
int ckpt_capture_processes(struct ckpt *ckpt, struct err *err);

/* parents.c: the parent of one that was left out is told of its end, as the kernel would have done it. */
int ckpt_tell_parents(struct ckpt *ckpt, struct err *err);
