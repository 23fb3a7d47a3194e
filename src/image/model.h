/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A captured process in memory: the records of contract/image_format.h, growing.
 *
 * The one rule: a model owns its arrays and its data pool; everything in it is reached by index or by
 * img_ref, so that it can be written out as it stands. Page contents are not in it.
 */
#pragma once

#include "base/err.h"
#include "contract/image_format.h"

#include <stdbool.h>
#include <sys/types.h>

/* A growing array of records of one type. */
#define MODEL_ARRAY(type)       \
	struct {                \
		type *at;       \
		size_t n, room; \
	}

struct model {
	struct img_machine machine;
	struct img_process process;
	MODEL_ARRAY(struct img_thread) threads;
	MODEL_ARRAY(struct img_vma) vmas;
	MODEL_ARRAY(struct img_range) guards;
	MODEL_ARRAY(struct img_sigaction) sigactions;
	MODEL_ARRAY(struct img_pending) pending;
	MODEL_ARRAY(struct img_timer) timers;
	MODEL_ARRAY(struct img_rlimit) rlimits;
	MODEL_ARRAY(uint32_t) groups;
	MODEL_ARRAY(struct img_fd) fds;
	MODEL_ARRAY(struct img_file) files;
	MODEL_ARRAY(struct img_epoll) epolls;
	MODEL_ARRAY(struct img_lock) locks;
	MODEL_ARRAY(struct img_sysv) sysv; /* of the whole computation, in one of its models */
	MODEL_ARRAY(struct img_sem_tie) sem_ties;
	MODEL_ARRAY(struct img_aio) aios; /* by address */
	MODEL_ARRAY(struct img_extent) extents;
	MODEL_ARRAY(struct img_cred) creds; /* of threads that have their own */
	MODEL_ARRAY(struct img_share) shares;
	MODEL_ARRAY(struct img_seccomp) seccomps; /* each behind what it is on top of */
	MODEL_ARRAY(struct img_policy) policies; /* of mappings by address, then of threads */
	MODEL_ARRAY(uint32_t) elsewhere; /* ids of files that stand in another process's image */
	MODEL_ARRAY(struct img_run) runs; /* filled by the writer, or by reading an image */
	MODEL_ARRAY(struct img_chunk) chunks; /* likewise */
	MODEL_ARRAY(uint8_t) data;
};

void model_init(struct model *m);
void model_done(struct model *m);

/*
 * A new zeroed record at the end of an array: a pointer valid until the next add, or NULL
 * when out of memory. Use: struct img_vma *v = model_add(&m->vmas);
 */
#define model_add(array)                                                                         \
	((__typeof__((array)->at))model_grow((void **)&(array)->at, &(array)->n, &(array)->room, \
					     sizeof(*(array)->at)))
void *model_grow(void **at, size_t *n, size_t *room, size_t record_size);

/*
 * Put bytes or a string (with its NUL) into the pool; bytes begin at a multiple of 8 there. An empty
 * string is none. On failure *ref = none: -ENOMEM, or -EFBIG when the pool would pass 4 GiB.
 */
int model_put_bytes(struct model *m, struct img_ref *ref, const void *bytes, size_t len);
int model_put_string(struct model *m, struct img_ref *ref, const char *s);

/*
 * Likewise @len bytes that the caller puts there itself, before anything else goes into the pool; and to
 * leave off those at the end that have not been needed.
 */
int model_put_room(struct model *m, struct img_ref *ref, void **bytes, size_t len);
void model_trim_room(struct model *m, struct img_ref *ref, size_t len);

/* Read them back: NULL or "" for none. A model that came out of a reader has been checked. */
const void *model_bytes(const struct model *m, struct img_ref ref);
const char *model_string(const struct model *m, struct img_ref ref);

/* Does a fork leave mapping @v out, or wipe it? */
bool model_is_unforked(const struct img_vma *v);

/* The first run that ends behind @addr; runs.n: there is none. */
size_t model_first_run(const struct model *m, uint64_t addr);

/* Leave of @r what lies in [@from, @to); false: nothing does. */
bool model_clip_run(struct img_run *r, uint64_t from, uint64_t to);

/* Whose @what (enum img_share_what) that of @m's process is: a pid; 0: its own. */
int32_t model_shares(const struct model *m, uint32_t what);

/* The record of open file description @id, or NULL (also for one that stands elsewhere). */
struct img_file *model_file(const struct model *m, uint32_t id);
