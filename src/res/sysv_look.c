/* SPDX-License-Identifier: Apache-2.0 */
/* Which System V objects there are, and which of them are the computation's. */
#include "base/owned.h"
#include "base/text.h"
#include "host/proc.h"
#include "procfs/stat.h"
#include "res/sysv.h"
#include "res/sysv_words.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_SEC = 1000000000 };

struct look {
	const pid_t *pids;
	size_t npids;
	int64_t began; /* the computation, seconds since the epoch */
};

const char *sysv_word(enum img_sysv_type type)
{
	static const char *const words[] = {
		[IMG_SYSV_SHM] = "shared memory segment",
		[IMG_SYSV_SEM] = "semaphore set",
		[IMG_SYSV_MSG] = "message queue",
	};

	return words[type];
}

int sysv_list(struct sysv_capture *c, struct err *err)
{
	static const char *const names[] = {
		[SYSVIPC_SHM] = "../sysvipc/shm",
		[SYSVIPC_SEM] = "../sysvipc/sem",
		[SYSVIPC_MSG] = "../sysvipc/msg",
	};

	for (enum sysvipc_type type = SYSVIPC_SHM; type < SYSVIPC_TYPES; type++) {
		OWNED_PTR char *text = NULL;
		struct sysvipc_object o;
		struct scan scan;
		size_t len;

		/* A kernel without System V objects has no such file. */
		if (proc_read(getpid(), names[type], &text, &len, NULL) < 0)
			continue;
		for (scan = sysvipc_over(text, len); sysvipc_next(&scan, type, &o);) {
			struct sysv_seen *seen = model_add(c);

			if (!seen)
				return err_set(err, ENOMEM, "list System V objects");
			*seen = (struct sysv_seen){ .type = IMG_SYSV_SHM + type, .o = o };
		}
		if (scan.at != scan.end)
			return err_say(err, EBADMSG, "/proc/sysvipc makes no sense at '%.40s'",
				       scan.at);
	}
	return 0;
}

void sysv_capture_done(struct sysv_capture *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->at[i].sems);
	free(c->at);
	*c = (struct sysv_capture){ .n = 0 };
}

/* When a process began, seconds since the epoch; -1: there is none. */
static int64_t look_began(pid_t pid)
{
	long tick = sysconf(_SC_CLK_TCK);
	struct timespec now, boot;
	struct stat_line s;
	int64_t ago;

	if (proc_stat(pid, &s, NULL) < 0)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ago = boot.tv_sec * (int64_t)LOOK_SEC + boot.tv_nsec -
	      (int64_t)s.start_time * (LOOK_SEC / tick);
	return (now.tv_sec * (int64_t)LOOK_SEC + now.tv_nsec - ago) / LOOK_SEC;
}

static bool look_inside(const struct look *l, pid_t pid)
{
	for (size_t i = 0; i < l->npids; i++)
		if (l->pids[i] == pid)
			return true;
	return pid == getpid();
}

/* Lives outside, and is no later process of the same id. */
static bool look_outside(const struct look *l, pid_t pid, int64_t used)
{
	int64_t began;

	if (pid <= 0 || look_inside(l, pid))
		return false;
	began = look_began(pid);
	return began >= 0 && began <= used;
}

/* @pid is on record for an object. */
static void look_note(const struct look *l, struct sysv_seen *s, pid_t pid)
{
	if (pid > 0 && look_inside(l, pid))
		s->ours = true;
	else if (look_outside(l, pid, s->o.used))
		s->outside = pid;
}

static int look_refuse(const struct sysv_seen *s, struct err *err)
{
	return err_say(
		err, ENOTSUP,
		"System V %s %d is used by process %d outside the computation as well; start "
		"both under one `cairn launch`",
		sysv_word(s->type), s->o.id, s->outside);
}

/* Values and last users of a set. A set that we may not read is not ours. */
static int look_sems(const struct look *l, struct sysv_seen *s, struct err *err)
{
	OWNED_PTR unsigned short *values = calloc(s->o.size + 1, sizeof(*values));

	s->sems = calloc(s->o.size + 1, sizeof(*s->sems));
	if (!values || !s->sems)
		return err_set(err, ENOMEM, "look at semaphores");
	if (semctl(s->o.id, 0, GETALL, values) < 0)
		return 0;
	for (size_t i = 0; i < s->o.size; i++) {
		int pid = semctl(s->o.id, (int)i, GETPID);

		s->sems[i] = (struct img_sem){ values[i], pid > 0 ? pid : 0 };
		look_note(l, s, s->sems[i].pid);
	}
	return 0;
}

static int look_one(const struct look *l, struct sysv_seen *s, struct err *err)
{
	int rc = s->type == IMG_SYSV_SEM ? look_sems(l, s, err) : 0;

	if (rc < 0)
		return rc;
	look_note(l, s, s->o.creator);
	if (s->type == IMG_SYSV_MSG)
		look_note(l, s, s->o.last);
	if (s->ours && s->outside)
		return look_refuse(s, err);
	if (!s->outside && s->o.ctime >= l->began && s->o.cuid == geteuid() &&
	    !(s->type == IMG_SYSV_SHM && s->o.count))
		s->ours = true;
	return 0;
}

int sysv_look(struct sysv_capture *c, const pid_t *pids, size_t n, pid_t root, struct err *err)
{
	struct look l = { .pids = pids, .npids = n };
	int rc = sysv_list(c, err);
	int64_t began;

	if (rc < 0 || !c->n)
		return rc;
	l.began = look_began(getpid());
	began = look_began(root);
	if (began >= 0 && began < l.began) /* adopted */
		l.began = began;
	for (size_t i = 0; rc >= 0 && i < c->n; i++)
		rc = look_one(&l, &c->at[i], err);
	return rc;
}

int sysv_mapped(struct sysv_capture *c, int32_t id, struct err *err)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].type == IMG_SYSV_SHM && c->at[i].o.id == id) {
			c->at[i].mapped++;
			c->at[i].ours = true;
			return c->at[i].outside ? look_refuse(&c->at[i], err) : 0;
		}
	return err_say(
		err, ENOTSUP,
		"System V shared memory segment %d is of another IPC namespace than the agent's, "
		"where it cannot be made again",
		id);
}
