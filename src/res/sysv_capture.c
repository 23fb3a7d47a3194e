/* SPDX-License-Identifier: Apache-2.0 */
/* What is in System V objects. Looking leaves a mark in one place: a segment that nobody has attached. */
#include "base/owned.h"
#include "base/sys.h"
#include "res/sysv.h"
#include "res/sysv_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>

enum {
	CAPTURE_SAVE_MAX = 1 << 30, /* contents live in the image's pool while it is written */
	CAPTURE_MSG_MAX = 1 << 16, /* first guess at the size of a message */
	CAPTURE_PAGE = 4096,
};

#ifndef MSG_COPY
#define MSG_COPY 040000 /* look at message number msgtyp, and leave it */
#endif

/* The bytes up to the last that is not zero. */
static size_t capture_used(const uint8_t *bytes, size_t size)
{
	while (size && !bytes[size - 1])
		size--;
	return size;
}

static int capture_segment(const struct sysv_seen *s, struct model *m, struct img_sysv *o,
			   struct err *err)
{
	const void *at;
	int rc;

	if (!s->o.resident)
		return 0; /* never touched */
	if (s->o.size > CAPTURE_SAVE_MAX)
		return err_say(
			err, EFBIG,
			"System V shared memory segment %d of %llu bytes is attached by nobody: "
			"over 1 GiB of such is not saved; attach it in one process",
			s->o.id, (unsigned long long)s->o.size);
	at = shmat(s->o.id, NULL, SHM_RDONLY);
	if (at == (void *)-1)
		return err_set(err, errno, "look at System V shared memory segment %d", s->o.id);
	rc = model_put_bytes(m, &o->data, at, capture_used(at, s->o.size));
	shmdt(at);
	return rc < 0 ? err_set(err, rc, "keep System V shared memory segment %d", s->o.id) : 0;
}

struct capture_queue {
	uint8_t *bytes; /* struct img_msg and its bytes, one after the other */
	size_t n;
	struct capture_message {
		long type;
		char text[];
	} * message;
	size_t room; /* bytes of text */
};

static int capture_put_message(struct capture_queue *q, size_t len)
{
	struct img_msg head = { q->message->type, (uint32_t)len, 0 };
	size_t size = sizeof(head) + img_padded(len);
	uint8_t *more = realloc(q->bytes, q->n + size);

	if (!more)
		return -ENOMEM;
	q->bytes = more;
	memset(more + q->n, 0, size);
	memcpy(more + q->n, &head, sizeof(head));
	memcpy(more + q->n + sizeof(head), q->message->text, len);
	q->n += size;
	return 0;
}

/* Message @index, left where it is. 1: there is none. */
static int capture_message(struct capture_queue *q, int id, uint64_t index)
{
	ssize_t len;

	for (;;) {
		void *more = realloc(q->message, sizeof(*q->message) + q->room);

		if (!more)
			return -ENOMEM;
		q->message = more;
		len = msgrcv(id, q->message, q->room, (long)index, MSG_COPY | IPC_NOWAIT);
		if (len >= 0)
			return capture_put_message(q, (size_t)len);
		if (errno != E2BIG)
			return errno == ENOMSG ? 1 : -errno;
		q->room *= 2;
	}
}

static int capture_queue(const struct sysv_seen *s, struct model *m, struct img_sysv *o,
			 struct err *err)
{
	struct capture_queue q = { .room = CAPTURE_MSG_MAX };
	struct msqid_ds ds;
	int rc = 0;

	if (msgctl(s->o.id, IPC_STAT, &ds) < 0)
		return err_set(err, errno, "look at System V message queue %d", s->o.id);
	o->size = ds.msg_qbytes;
	for (uint64_t i = 0; rc == 0 && i < s->o.count; i++)
		rc = capture_message(&q, s->o.id, i);
	if (rc >= 0)
		rc = model_put_bytes(m, &o->data, q.bytes, q.n);
	free(q.bytes);
	free(q.message);
	return rc < 0 ? err_set(err, rc, "look at the messages of System V message queue %d",
				s->o.id)
		      : 0;
}

static int capture_contents(const struct sysv_seen *s, struct model *m, const struct shared *kept,
			    struct img_sysv *o, struct err *err)
{
	uint64_t end = (s->o.size + CAPTURE_PAGE - 1) / CAPTURE_PAGE * CAPTURE_PAGE;
	int rc;

	switch (s->type) {
	case IMG_SYSV_SHM:
		if (s->mapped != s->o.count)
			return err_say(err, ENOTSUP,
				       "System V shared memory segment %d is attached by a process "
				       "outside the computation as well; start both under one "
				       "`cairn launch`",
				       s->o.id);
		if (shared_has(kept, IMG_OBJECT_SYSV | (uint32_t)s->o.id, 0, end))
			return 0;
		return capture_segment(s, m, o, err);
	case IMG_SYSV_SEM:
		rc = model_put_bytes(m, &o->data, s->sems, s->o.size * sizeof(*s->sems));
		return rc < 0 ? err_set(err, rc, "keep System V semaphore set %d", s->o.id) : 0;
	case IMG_SYSV_MSG:
		return capture_queue(s, m, o, err);
	}
	return 0;
}

int sysv_capture(const struct sysv_capture *c, struct model *m, const struct shared *kept,
		 struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct sysv_seen *s = &c->at[i];
		struct img_sysv *o;
		int rc;

		if (!s->ours)
			continue;
		o = model_add(&m->sysv);
		if (!o)
			return err_set(err, ENOMEM, "keep System V objects");
		*o = (struct img_sysv){
			.type = s->type,
			.id = s->o.id,
			.key = s->o.key,
			.mode = s->o.mode,
			.uid = s->o.uid,
			.gid = s->o.gid,
			.cuid = s->o.cuid,
			.cgid = s->o.cgid,
			.size = s->o.size,
			.ctime = s->o.ctime,
		};
		rc = capture_contents(s, m, kept, o, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
