/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One checkpoint of one agent's tree: PARK, CAPTURE, SNAPSHOT, RELEASE, then WRITE.
 *
 * The one rule: until the caller commits the generation, nothing is changed that could not be
 * abandoned; every failure releases the program first and explains itself afterwards.
 */
#pragma once

#include "base/err.h"
#include "ckpt/notes.h"
#include "contract/image_format.h"
#include "res/res.h"
#include "trace/park.h"

#include <stdint.h>

struct ckpt_options {
	pid_t root;
	bool with_orphans; /* also our own children: what the root's tree has left behind */
	pid_t except; /* a child of ours that is no part of the computation; 0: none */
	/* Borrowed, until ckpt_begin returns. */
	const struct res_stream
		*streams; /* what came from outside as 0, 1, 2 of all that was started */
	size_t nstreams;
	const pid_t *joined; /* what was started beside the root (IMG_PROC_JOINED) */
	size_t njoined;
	bool strangers; /* these are not our children */
	int64_t park_deadline_ns; /* 0: default */
	enum img_codec codec;
	int level; /* 0: the codec's default */
	int workers; /* 0: one per core this process may use */
	bool close_outside; /* TCP connections with outside do not stand in the way */
	const struct res_policies *policies; /* for files; borrowed, may be NULL */
	struct notes *notes; /* the caller's, from one checkpoint to the next */
	bool skip; /* those that may not be traced do not stand in the way, see ckpt_skipped */
	bool hold; /* keep the program parked until ckpt_close: for checkpoint --kill */
};

struct ckpt_result {
	uint32_t processes, threads; /* without those that were skipped */
	uint64_t memory_bytes; /* of pages looked at as worth storing, before compression */
	uint64_t image_bytes; /* of all image files */
	int64_t park_ns; /* from the first stop to the last */
	int64_t pause_ns; /* from the first stop to the last release */
	int64_t write_ns;
};

struct ckpt;
struct model;

/*
 * PARK to RELEASE. Call from the thread that will also call ckpt_close (it traces). On failure the
 * program runs on as if nothing had been.
 */
int ckpt_begin(struct ckpt **ckpt, const struct ckpt_options *options, struct park_memory *memory,
	       struct err *err);

/*
 * WRITE: one PID.img per process into the directory @dirfd, each synced. Any thread, may take long.
 */
int ckpt_write(struct ckpt *ckpt, int dirfd, struct err *err);

/* Bytes of memory dealt with so far and in all; any thread. */
void ckpt_progress(const struct ckpt *ckpt, uint64_t *done, uint64_t *total);

/* Let ckpt_write stop at the next chunk and fail with ECANCELED; any thread. */
void ckpt_cancel(struct ckpt *ckpt);

void ckpt_result(const struct ckpt *ckpt, struct ckpt_result *result);

/*
 * Those that run on and are not in the images; what they are to a captured parent is a child that SIGKILL has
 * ended. Until ckpt_close.
 */
const struct park_skipped *ckpt_skipped(const struct ckpt *ckpt, size_t *n);

/* All processes, @n of them, in an array to be freed; NULL: no memory. Until ckpt_close. */
const struct model **ckpt_models(const struct ckpt *ckpt, size_t *n);

/* Is the program parked still, be it without being asked to hold it? It is until ckpt_close then. */
bool ckpt_holds(const struct ckpt *ckpt);

/* With hold: end every process of the computation instead of releasing it at ckpt_close. */
void ckpt_kill(struct ckpt *ckpt);

/* Destroy snapshots, release what is held. NULL is fine. */
void ckpt_close(struct ckpt *ckpt);
