/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn.h: for programs that want to know that they run under Cairn (cairn(3)).
 *
 * No program needs it: Cairn checkpoints programs that know nothing of it. With it a program can ask for a
 * checkpoint at a good moment, keep checkpoints out of a bad one, and do something before and after.
 *
 * All functions may be called from any thread. Without Cairn they do nothing and return CAIRN_NOT_ENABLED.
 * Errors are negative errno values; cairn_error() says more.
 */
#ifndef CAIRN_H
#define CAIRN_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cairn_result {
	CAIRN_NOT_ENABLED = 0,
	CAIRN_DONE = 1,
	CAIRN_RESUMED =
		1, /* of cairn_checkpoint: the checkpoint is complete on disk, the program runs on */
	CAIRN_RESTARTED = 2, /* of cairn_checkpoint: this is a restart from that checkpoint */
};

/* 1 in a program that an agent of Cairn can checkpoint, else 0. */
int cairn_enabled(void);

/*
 * Checkpoint the whole computation and wait until that is complete on disk. Returns twice, like fork:
 * CAIRN_RESUMED in the program that runs on, and CAIRN_RESTARTED in each restart. -EDEADLK between
 * cairn_disable() and cairn_enable().
 */
int cairn_checkpoint(void);
/* The same, abandoned with -ETIMEDOUT or -EBUSY if it is not complete after @seconds (0: no limit). */
int cairn_checkpoint_within(unsigned int seconds);
/* The same without waiting: CAIRN_DONE when it has begun, or will begin as soon as it may. */
int cairn_checkpoint_begin(void);

/*
 * Between these no checkpoint of the computation begins: one that is asked for waits, and is refused when
 * its own time is over. They nest, and count for the whole process: the last cairn_enable() lets checkpoints
 * in again, as does the end of the process. A forked child begins outside.
 */
int cairn_disable(void);
int cairn_enable(void);

enum cairn_event {
	CAIRN_BEFORE_CHECKPOINT =
		1, /* the checkpoint waits until the hooks have returned, a minute at most */
	CAIRN_AFTER_RESUME = 2, /* the program was caught, or the checkpoint came to nothing */
	CAIRN_AFTER_RESTART = 3, /* this is a restart */
};

typedef void cairn_hook(enum cairn_event event, void *data);

/*
 * Call @hook at each of these, one after the other, in a thread of the library's own with all signals
 * blocked, while the other threads run: a hook that needs them to stand still takes a lock before the
 * checkpoint and releases it after. After BEFORE_CHECKPOINT always comes one of the other two. Hooks of
 * BEFORE_CHECKPOINT are called in the reverse order of registration, the others in that order. A hook
 * must not call cairn_checkpoint(). A forked child has no hooks.
 */
int cairn_on_event(cairn_hook *hook, void *data);

/*
 * The value that the variable @name has where the computation was last started: after a restart that of
 * `cairn restart` (and its --env), such as the new job's SLURM_JOB_ID. -ENOENT if it is not set
 * there, -ENOSPC if @size is too small.
 */
int cairn_restart_env(const char *name, char *value, size_t size);
/* Set the program's own variable to that, or unset it. As setenv(3): no other thread may use it meanwhile. */
int cairn_update_env(const char *name);

/* Why the last call in this thread did not do what it was asked for. Never NULL. */
const char *cairn_error(void);

#ifdef __cplusplus
}
#endif

#endif
