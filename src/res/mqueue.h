/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX message queues: which there are, what is in them, and how to make them again under their names.
 *
 * The one rule: nobody but the computation has the queue open. The kernel has no way to look at a message
 * but taking it out, so the messages are taken out and put back while all who could miss them stand still;
 * by a process that does only that, and does it to the end whatever becomes of us.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

struct res_capture;

enum { /* img_file.arg of an IMG_F_MQUEUE */
       MQUEUE_ARG_MAXMSG,
       MQUEUE_ARG_MSGSIZE,
       MQUEUE_ARG_UID,
       MQUEUE_ARG_GID,
};

/* "/NAME", as mq_open(3) has it, of queue @f: what stands behind the last slash of its path. */
void mqueue_name(char *name, size_t size, const struct model *m, const struct img_file *f);

/*
 * When the descriptors of all processes are known: messages of each queue, into the first of @models that has
 * it open. Refused where somebody outside has it open as well, or is to be told of messages.
 */
int mqueue_capture_messages(struct res_capture *c, struct model *const *models, size_t n,
			    struct err *err);

struct mqueue_id {
	uint64_t ino;
	char name[257]; /* "/NAME" */
};

/*
 * A process outside @pids (@npids) that has one of the queues @ids (@nids) open, and which, *@id; 0: none
 * that we may see. The children of this process that are not of @pids are its own.
 */
pid_t mqueue_user(const struct mqueue_id *ids, size_t nids, const pid_t *pids, size_t npids,
		  const struct mqueue_id **id);

/*
 * Of all records of the queue that @f is of, the one that has its messages; *@m: its model.
 */
const struct img_file *mqueue_holder(const struct model *const *models, size_t n,
				     const struct img_file *f, const struct model **m);

/* Does it have a queue with a name? */
bool mqueue_any(const struct model *m);

/*
 * Could all queues of @m be made here? What the computation itself has left behind is no hindrance:
 * mqueue_make replaces it. -EEXIST, naming what is in the way.
 */
int mqueue_check_free(const struct model *m, struct err *err);

/* Queues with names made so far by a restart. */
struct mqueue_restart {
	struct mqueue_made *made;
	size_t n;
};

/* Make all that have names, with their messages. On failure too: mqueue_undo or mqueue_restart_done. */
int mqueue_make(struct mqueue_restart *r, const struct model *const *models, size_t n,
		struct err *err);

/* When every process has its descriptors, and before any runs: owners and modes. */
int mqueue_settle(struct mqueue_restart *r, struct err *err);

/* Take away again all that was made. */
void mqueue_undo(struct mqueue_restart *r);
/* The same for who did not make them: as sysv_clear. */
void mqueue_clear(const struct model *m);
void mqueue_restart_done(struct mqueue_restart *r);

/* A new queue of @f, to read and write, with its messages; anybody but us is shut out. */
int mqueue_create(const struct model *m, const struct img_file *f, const char *name,
		  struct err *err);

/* Its owner and mode, as far as we may. */
int mqueue_give(int fd, const struct img_file *f, struct err *err);
