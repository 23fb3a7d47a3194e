/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a POSIX message queue. Received in order and sent again in that order, messages stand as they
 * stood: by priority, and in a priority by age.
 *
 * It is done by a process made for it, in a session of its own: whatever ends the agent at this moment, the
 * messages go back. What is left of the risk: docs/decisions, 17.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/proc.h"
#include "host/procid.h"
#include "res/capture.h"
#include "res/described.h"
#include "res/mqueue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mqueue.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PEEK_DEADLINE_MS = 5000, /* nothing that it waits for takes time */
	PEEK_STATUS_MAX = 256,
	PEEK_LINK_MAX = 2048, /* a longer one is no queue's */
};

/* Shared with the process that does it; records follow: struct img_mq_message and its bytes. */
struct peek {
	uint64_t size; /* of all of this */
	uint64_t used; /* bytes of records */
	uint64_t n; /* messages that came out, and are back */
	int64_t failed; /* -errno */
	uint8_t records[];
};

/* The kernel needs memory for each message: what is short for a moment is asked for again. */
static bool peek_again(long rc)
{
	return rc == -EINTR || rc == -ENOMEM;
}

static void peek_take(struct peek *p, int fd, uint64_t msgsize)
{
	while (p->used + sizeof(struct img_mq_message) + msgsize <= p->size - sizeof(*p)) {
		struct img_mq_message *m = (struct img_mq_message *)(p->records + p->used);
		uint32_t priority = 0;
		long len = sys5(__NR_mq_timedreceive, fd, m + 1, msgsize, &priority, NULL);

		if (peek_again(len))
			continue;
		if (len < 0) {
			p->failed = len == -EAGAIN ? 0 : len;
			return;
		}
		*m = (struct img_mq_message){ .len = (uint32_t)len, .priority = priority };
		p->used += sizeof(*m) + img_padded((uint64_t)len);
		p->n++;
	}
}

/* Waits for room where a stranger has taken it: no message is given up. */
static void peek_put_back(struct peek *p, int fd)
{
	uint64_t at = 0;

	for (uint64_t i = 0; i < p->n; i++) {
		const struct img_mq_message *m = (const void *)(p->records + at);
		long rc;

		do
			rc = sys5(__NR_mq_timedsend, fd, m + 1, m->len, m->priority, NULL);
		while (peek_again(rc));
		if (rc < 0)
			p->failed = rc;
		at += sizeof(*m) + img_padded(m->len);
	}
}

/* Beside the agent: no libc, as other threads of it may be anywhere. */
static void __attribute__((noreturn)) peek_work(struct peek *p, int fd, uint64_t msgsize)
{
	uint64_t all = ~0ull;
	long flags = sys2(__NR_fcntl, fd, F_GETFL);

	sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all));
	sys0(__NR_setsid);
	peek_take(p, fd, msgsize);
	sys3(__NR_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
	peek_put_back(p, fd);
	sys1(__NR_exit_group, 0);
	__builtin_unreachable();
}

static int peek_await(pid_t pid, const char *name, struct err *err)
{
	OWNED_FD int pidfd = (int)sys2(__NR_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc = pidfd < 0 ? 1 : poll(&p, 1, PEEK_DEADLINE_MS);

	if (rc == 1) {
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		return 0;
	}
	return err_say(
		err, EBUSY,
		"the POSIX message queue '%s' was filled by a process outside the computation "
		"while its messages were looked at; they are put back when there is room",
		name);
}

static int peek_run(struct peek *p, int fd, const struct mq_attr *attr, const char *name,
		    struct err *err)
{
	long pid = sys5(__NR_clone, 0, 0, 0, 0, 0); /* ends without a signal */
	int rc;

	if (pid == 0)
		peek_work(p, fd, (uint64_t)attr->mq_msgsize);
	if (pid < 0)
		return err_set(err, (int)pid, "a process to look at POSIX message queues");
	rc = peek_await((pid_t)pid, name, err);
	if (rc >= 0 && (p->failed || p->n != (uint64_t)attr->mq_curmsgs))
		return err_set(err, p->failed ? (int)p->failed : EIO,
			       "look at the messages of the POSIX message queue '%s'", name);
	return rc;
}

/* Messages of the queue behind @fd, ours alone, into @m's img_file @at. */
static int peek_messages(struct model *m, size_t at, int fd, const char *name, struct err *err)
{
	struct mq_attr attr;
	struct peek *p;
	uint64_t size;
	int rc = (int)sys3(__NR_mq_getsetattr, fd, NULL, &attr);

	if (rc < 0)
		return err_set(err, rc, "look at the POSIX message queue '%s'", name);
	if (!attr.mq_curmsgs)
		return 0;
	size = sizeof(*p) +
	       ((uint64_t)attr.mq_curmsgs + 1) *
		       (sizeof(struct img_mq_message) + img_padded((uint64_t)attr.mq_msgsize));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return err_set(err, errno, "room for the messages of '%s'", name);
	p->size = size;
	rc = peek_run(p, fd, &attr, name, err);
	if (rc >= 0)
		rc = model_put_bytes(m, &m->files.at[at].data, p->records, p->used);
	munmap(p, size);
	return rc < 0 && !err->num ? err_set(err, rc, "keep messages") : rc;
}

struct peek_ids {
	struct mqueue_id *at;
	size_t n, room;
};

struct peek_outside {
	const struct mqueue_id *ids;
	size_t nids;
	const pid_t *pids;
	size_t npids;
};

/* Only what is called so is looked at: a stranger's file may be on a server that does not answer. */
static const struct mqueue_id *peek_is_queue(const struct peek_outside *o, const char *path)
{
	char link[PEEK_LINK_MAX];
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	const char *slash;
	struct stat st;

	link[n < 0 ? 0 : n] = '\0';
	slash = strrchr(link, '/');
	for (size_t i = 0; slash && i < o->nids; i++)
		if (text_starts(slash, o->ids[i].name) && stat(path, &st) == 0 &&
		    st.st_ino == o->ids[i].ino)
			return &o->ids[i];
	return NULL;
}

static const struct mqueue_id *peek_has_open(const struct peek_outside *o, const char *pid)
{
	const struct mqueue_id *found = NULL;
	struct dirent *e;
	char path[320];
	DIR *dir;

	text_format(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		text_format(path, sizeof(path), "/proc/%s/fd/%s", pid, e->d_name);
		found = peek_is_queue(o, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* What we have started beside the computation has our descriptors. */
static bool peek_is_ours(pid_t shown)
{
	return procid_meant((pid_t)proc_status_number(shown, "PPid", 10, 0)) == getpid();
}

static bool peek_inside(const struct peek_outside *o, pid_t pid)
{
	for (size_t i = 0; i < o->npids; i++)
		if (o->pids[i] == pid)
			return true;
	return pid == getpid();
}

pid_t mqueue_user(const struct mqueue_id *ids, size_t nids, const pid_t *pids, size_t npids,
		  const struct mqueue_id **id)
{
	struct peek_outside o = { ids, nids, pids, npids };
	DIR *proc = nids ? opendir("/proc") : NULL;
	struct dirent *e;
	pid_t user = 0;
	uint64_t shown;

	while (proc && !user && (e = readdir(proc))) {
		if (!text_number(e->d_name, &shown) || peek_inside(&o, procid_meant((pid_t)shown)))
			continue;
		*id = peek_has_open(&o, e->d_name);
		if (*id && !peek_is_ours((pid_t)shown))
			user = (pid_t)shown;
	}
	if (proc)
		closedir(proc);
	return user;
}

/* "QSIZE:... NOTIFY:... SIGNO:... NOTIFY_PID:..." */
static int peek_refuse_notified(int fd, const char *name, struct err *err)
{
	static const char word[] = "NOTIFY_PID:";
	char text[PEEK_STATUS_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	text[n < 0 ? 0 : n] = '\0';
	at = strstr(text, word);
	if (!at || !atoi(at + sizeof(word) - 1))
		return 0;
	return err_say(err, ENOTSUP,
		       "process %d is to be told when a message comes to the POSIX message queue "
		       "'%s' (mq_notify), which the kernel does not show in full; let it poll or "
		       "receive, or take the registration back before the checkpoint",
		       atoi(at + sizeof(word) - 1), name);
}

/* A description of our own, whatever those of the program may do. */
static int peek_open(struct res_capture *c, const struct img_file *f, struct err *err)
{
	const struct res_described *d = described_find(c, f->id);
	OWNED_FD int pidfd = d ? capture_pidfd(d->pid) : -1;
	OWNED_FD int dup = pidfd < 0 ? -1 : (int)sys3(__NR_pidfd_getfd, pidfd, d->fd, 0);
	struct stat st;
	char path[64];
	int fd;

	if (dup < 0)
		return err_set(err, d ? ESRCH : EINVAL, "look at a POSIX message queue");
	text_format(path, sizeof(path), "/proc/self/fd/%d", dup);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 || errno != EACCES || fstat(dup, &st) < 0)
		return fd < 0 ? err_set(err, errno, "open a POSIX message queue to look at it")
			      : fd;
	/* Its mode forbids it even to its owner: not for this instant. */
	if (fchmod(dup, 0600) < 0)
		return err_set(err, errno, "open a POSIX message queue to look at it");
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fchmod(dup, st.st_mode & 07777) < 0 || fd < 0)
		return err_set(err, errno, "open a POSIX message queue to look at it");
	return fd;
}

static int peek_one(struct res_capture *c, struct model *m, size_t at, struct err *err)
{
	OWNED_FD int fd = peek_open(c, &m->files.at[at], err);
	char name[NAME_MAX + 2];
	int rc;

	if (fd < 0)
		return fd;
	mqueue_name(name, sizeof(name), m, &m->files.at[at]);
	rc = peek_refuse_notified(fd, name, err);
	return rc < 0 ? rc : peek_messages(m, at, fd, name, err);
}

static bool peek_is_first(struct model *const *models, const struct img_file *f)
{
	for (size_t i = 0;; i++)
		for (size_t k = 0; k < models[i]->files.n; k++) {
			const struct img_file *other = &models[i]->files.at[k];

			if (other->kind == IMG_F_MQUEUE && other->object == f->object)
				return other == f;
		}
}

static bool peek_is_queue_of(struct model *const *models, size_t i, size_t k)
{
	const struct img_file *f = &models[i]->files.at[k];

	return f->kind == IMG_F_MQUEUE && f->std_stream < 0 && peek_is_first(models, f);
}

static int peek_refuse_shared(const struct mqueue_id *ids, size_t nids, struct model *const *models,
			      size_t n, struct err *err)
{
	OWNED_PTR pid_t *pids = calloc(n + 1, sizeof(*pids));
	const struct mqueue_id *id = NULL;
	pid_t user;

	if (!pids)
		return err_set(err, ENOMEM, "look at POSIX message queues");
	for (size_t i = 0; i < n; i++)
		pids[i] = models[i]->process.pid;
	user = mqueue_user(ids, nids, pids, n, &id);
	if (!user)
		return 0;
	return err_say(err, ENOTSUP,
		       "the POSIX message queue '%s' is open in process %d outside the computation "
		       "as well; start both under one `cairn launch`",
		       id->name, user);
}

/* Every queue, once: its name and inode into @ids. */
static int peek_list(struct peek_ids *ids, struct model *const *models, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < models[i]->files.n; k++) {
			struct mqueue_id *id;

			if (!peek_is_queue_of(models, i, k))
				continue;
			id = model_add(ids);
			if (!id)
				return err_set(err, ENOMEM, "list POSIX message queues");
			id->ino = models[i]->files.at[k].ino;
			mqueue_name(id->name, sizeof(id->name), models[i], &models[i]->files.at[k]);
		}
	return 0;
}

int mqueue_capture_messages(struct res_capture *c, struct model *const *models, size_t n,
			    struct err *err)
{
	struct peek_ids ids = { .n = 0 };
	int rc = peek_list(&ids, models, n, err);

	if (rc >= 0 && ids.n)
		rc = peek_refuse_shared(ids.at, ids.n, models, n, err);
	for (size_t i = 0; ids.n && i < n; i++)
		for (size_t k = 0; rc >= 0 && k < models[i]->files.n; k++)
			if (peek_is_queue_of(models, i, k))
				rc = peek_one(c, models[i], k, err);
	free(ids.at);
	return rc;
}
