/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making System V objects again with their ids.
 *
 * The kernel takes a wanted id from /proc/sys/kernel/{shm,sem,msg}_next_id, where that may be written. Else
 * ids come in a known order: the place in a table goes round, and a number above it grows with each
 * round; so objects are made and removed until the turn has come.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/sysv.h"
#include "res/sysv_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

enum {
	MAKE_TRIES = 1 << 21, /* ids passed over before giving up: seconds */
	MAKE_OWNER = 0600, /* while we work on it */
	MAKE_SHM_LOCK = 11, /* SHM_LOCK */
};

/* The very object of the image, left behind by the computation and attached by nobody. */
static bool make_is_left(const struct sysv_seen *s, const struct img_sysv *o)
{
	return s->o.id == o->id && s->o.key == o->key && s->o.cuid == o->cuid &&
	       s->o.ctime == o->ctime && !(s->type == IMG_SYSV_SHM && s->o.count);
}

static bool make_in_the_way(const struct sysv_seen *s, const struct img_sysv *o)
{
	return s->type == o->type && (s->o.id == o->id || (o->key && s->o.key == o->key));
}

static int make_check_one(const struct sysv_capture *there, const struct img_sysv *o,
			  struct err *err)
{
	for (size_t i = 0; i < there->n; i++)
		if (make_in_the_way(&there->at[i], o) && !make_is_left(&there->at[i], o))
			return err_say(err, EEXIST,
				       "System V %s %d (key 0x%x) is in the place of %d",
				       sysv_word(o->type), there->at[i].o.id,
				       (unsigned int)there->at[i].o.key, o->id);
	return 0;
}

int sysv_check_free(const struct model *m, struct err *err)
{
	struct sysv_capture there = { .n = 0 };
	int rc = m->sysv.n ? sysv_list(&there, err) : 0;

	for (size_t i = 0; rc >= 0 && i < m->sysv.n; i++)
		rc = make_check_one(&there, &m->sysv.at[i], err);
	sysv_capture_done(&there);
	return rc;
}

static void make_remove(enum img_sysv_type type, int id)
{
	if (type == IMG_SYSV_SHM)
		shmctl(id, IPC_RMID, NULL);
	else if (type == IMG_SYSV_SEM)
		semctl(id, 0, IPC_RMID);
	else
		msgctl(id, IPC_RMID, NULL);
}

static int make_remove_left(const struct img_sysv *o, struct err *err)
{
	struct sysv_capture there = { .n = 0 };
	int rc = sysv_list(&there, err);

	for (size_t i = 0; rc >= 0 && i < there.n; i++)
		if (make_in_the_way(&there.at[i], o) && make_is_left(&there.at[i], o))
			make_remove(o->type, o->id);
	sysv_capture_done(&there);
	return rc;
}

static int make_get(const struct img_sysv *o)
{
	int flags = (int)(o->mode & IMG_SYSV_PERMS) | MAKE_OWNER | IPC_CREAT | IPC_EXCL;

	if (o->type == IMG_SYSV_SHM)
		return shmget(o->key, o->size, flags);
	if (o->type == IMG_SYSV_SEM)
		return semget(o->key, (int)o->size, flags);
	return msgget(o->key, flags);
}

static void make_ask_id(const struct img_sysv *o)
{
	static const char *const files[] = {
		[IMG_SYSV_SHM] = "/proc/sys/kernel/shm_next_id",
		[IMG_SYSV_SEM] = "/proc/sys/kernel/sem_next_id",
		[IMG_SYSV_MSG] = "/proc/sys/kernel/msg_next_id",
	};
	OWNED_FD int fd = open(files[o->type], O_WRONLY | O_CLOEXEC);
	char text[16];
	size_t len = text_format(text, sizeof(text), "%d", o->id);

	if (fd >= 0) /* else they are passed over one by one */
		(void)!write(fd, text, len);
}

static int make_with_id(const struct img_sysv *o, struct err *err)
{
	int id = -1;

	for (int i = 0; i < MAKE_TRIES; i++) {
		if (!i)
			make_ask_id(o);
		id = make_get(o);
		if (id == o->id)
			return 0;
		if (id < 0)
			return err_set(err, errno, "make System V %s %d (key 0x%x)",
				       sysv_word(o->type), o->id, (unsigned int)o->key);
		make_remove(o->type, id);
	}
	return err_say(err, EEXIST, "System V %s %d: its id cannot be had, the last one was %d",
		       sysv_word(o->type), o->id, id);
}

static int make_attach(struct sysv_made *made, const struct model *m, struct err *err)
{
	void *at = shmat(made->o->id, NULL, 0);

	if (at == (void *)-1)
		return err_set(err, errno, "attach System V shared memory segment %d", made->o->id);
	made->at = at;
	if (made->o->data.len)
		memcpy(at, model_bytes(m, made->o->data), made->o->data.len);
	return 0;
}

static int make_sems(const struct img_sysv *o, const struct model *m, struct err *err)
{
	const struct img_sem *sems = model_bytes(m, o->data);
	OWNED_PTR unsigned short *values = calloc(o->size + 1, sizeof(*values));

	if (!values)
		return err_set(err, ENOMEM, "make semaphores");
	for (size_t i = 0; i < o->size; i++)
		values[i] = (unsigned short)sems[i].value;
	if (semctl(o->id, 0, SETALL, values) < 0)
		return err_set(err, errno, "values of System V semaphore set %d", o->id);
	return 0;
}

static int make_messages(const struct img_sysv *o, const struct model *m, struct err *err)
{
	const uint8_t *bytes = model_bytes(m, o->data);

	for (size_t at = 0; at < o->data.len;) {
		OWNED_PTR struct {
			long type;
			char text[];
		} *message = NULL;
		struct img_msg head;

		memcpy(&head, bytes + at, sizeof(head));
		message = malloc(sizeof(*message) + head.len);
		if (!message)
			return err_set(err, ENOMEM, "make messages");
		message->type = head.type;
		memcpy(message->text, bytes + at + sizeof(head), head.len);
		if (msgsnd(o->id, message, head.len, IPC_NOWAIT) < 0)
			return err_set(err, errno, "messages of System V message queue %d", o->id);
		at += sizeof(head) + img_padded(head.len);
	}
	return 0;
}

static int make_one(struct sysv_restart *r, const struct img_sysv *o, const struct model *m,
		    struct err *err)
{
	struct sysv_made *made = &r->made[r->n];
	int rc = make_remove_left(o, err);

	if (rc >= 0)
		rc = make_with_id(o, err);
	if (rc < 0)
		return rc;
	*made = (struct sysv_made){ .o = o };
	r->n++;
	if (o->type == IMG_SYSV_SHM)
		return make_attach(made, m, err);
	return o->type == IMG_SYSV_SEM ? make_sems(o, m, err) : make_messages(o, m, err);
}

/* The object of the lowest id above @last: where ids cannot be asked for they only grow. */
static const struct img_sysv *make_next(const struct model *m, uint32_t type, int64_t last)
{
	const struct img_sysv *next = NULL;

	for (size_t i = 0; i < m->sysv.n; i++) {
		const struct img_sysv *o = &m->sysv.at[i];

		if (o->type == type && o->id > last && (!next || o->id < next->id))
			next = o;
	}
	return next;
}

int sysv_make(struct sysv_restart *r, const struct model *const *models, size_t n, struct err *err)
{
	size_t all = 0;
	int rc = 0;

	*r = (struct sysv_restart){ .n = 0 };
	for (size_t i = 0; i < n; i++)
		all += models[i]->sysv.n;
	r->made = calloc(all + 1, sizeof(*r->made));
	if (!r->made)
		return err_set(err, ENOMEM, "make System V objects");
	for (size_t i = 0; i < n; i++)
		for (uint32_t type = IMG_SYSV_SHM; type <= IMG_SYSV_MSG; type++) {
			const struct img_sysv *o;

			for (int64_t last = -1; rc >= 0 && (o = make_next(models[i], type, last));
			     last = o->id)
				rc = make_one(r, o, models[i], err);
		}
	return rc;
}

void *sysv_segment(const struct sysv_restart *r, uint64_t object, uint64_t *size)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->made[i].at && object == (IMG_OBJECT_SYSV | (uint32_t)r->made[i].o->id)) {
			*size = (r->made[i].o->size + 4095) / 4096 * 4096;
			return r->made[i].at;
		}
	return NULL;
}

static void settle_perms(struct ipc_perm *p, const struct img_sysv *o, bool owner)
{
	p->mode = o->mode & IMG_SYSV_PERMS;
	if (owner) {
		p->uid = o->uid;
		p->gid = o->gid;
	}
}

/* Owner and mode; of a queue also what it may hold, which may be less than is in it. */
static int settle_set(const struct img_sysv *o, bool owner)
{
	struct shmid_ds shm;
	struct semid_ds sem;
	struct msqid_ds msg;
	int rc;

	if (o->type == IMG_SYSV_SHM) {
		rc = shmctl(o->id, IPC_STAT, &shm);
		settle_perms(&shm.shm_perm, o, owner);
		rc = rc < 0 ? rc : shmctl(o->id, IPC_SET, &shm);
	} else if (o->type == IMG_SYSV_SEM) {
		rc = semctl(o->id, 0, IPC_STAT, &sem);
		settle_perms(&sem.sem_perm, o, owner);
		rc = rc < 0 ? rc : semctl(o->id, 0, IPC_SET, &sem);
	} else {
		rc = msgctl(o->id, IPC_STAT, &msg);
		settle_perms(&msg.msg_perm, o, owner);
		msg.msg_qbytes = o->size;
		rc = rc < 0 ? rc : msgctl(o->id, IPC_SET, &msg);
	}
	return rc < 0 ? -errno : 0;
}

static void make_detach(struct sysv_restart *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->made[i].at)
			shmdt(r->made[i].at);
		r->made[i].at = NULL;
	}
}

int sysv_settle(struct sysv_restart *r, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct img_sysv *o = r->made[i].o;
		int rc = settle_set(o, true);

		if (rc < 0) /* in a user namespace there may be no such group */
			rc = settle_set(o, false);
		if (rc < 0)
			return err_set(err, rc, "owner and mode of System V %s %d",
				       sysv_word(o->type), o->id);
		if (o->type == IMG_SYSV_SHM && o->mode & IMG_SYSV_LOCKED)
			shmctl(o->id, MAKE_SHM_LOCK, NULL); /* a comfort: there may be a limit */
		if (o->type == IMG_SYSV_SHM && o->mode & IMG_SYSV_DEST)
			shmctl(o->id, IPC_RMID, NULL);
	}
	make_detach(r);
	return 0;
}

void sysv_undo(struct sysv_restart *r)
{
	for (size_t i = 0; i < r->n; i++)
		make_remove(r->made[i].o->type, r->made[i].o->id);
}

void sysv_clear(const struct model *m)
{
	struct sysv_capture there = { .n = 0 };

	if (!m->sysv.n || sysv_list(&there, &(struct err){ 0 }) < 0)
		return;
	for (size_t i = 0; i < there.n; i++)
		for (size_t k = 0; k < m->sysv.n; k++) {
			const struct img_sysv *o = &m->sysv.at[k];
			const struct sysv_seen *s = &there.at[i];

			if (s->type == o->type && s->o.id == o->id && s->o.key == o->key &&
			    s->o.cuid == geteuid() && !make_is_left(s, o))
				make_remove(o->type, o->id);
		}
	sysv_capture_done(&there);
}

void sysv_restart_done(struct sysv_restart *r)
{
	make_detach(r);
	free(r->made);
	*r = (struct sysv_restart){ .n = 0 };
}
