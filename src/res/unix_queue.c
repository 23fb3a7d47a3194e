/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receive queues of UNIX sockets: peeked message by message with what came along, and sent again.
 *
 * SO_PEEK_OFF makes successive peeks go on where the last one ended. A peek copies descriptors in flight
 * into our table; a stream shows them with the bytes before them, so that the place where they belong
 * has to be looked for.
 */
#include "res/unix.h"

#include "base/owned.h"
#include "base/sys.h"

#include <linux/sched.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	QUEUE_BYTES_MAX = 8 << 20,
	QUEUE_CONTROL = 2048, /* UNIX_FDS_MAX descriptors, credentials, a time stamp, a label */
	QUEUE_GUARD = 65536, /* a page, of whatever size */
	QUEUE_PASSPIDFD = 76, /* SO_PASSPIDFD */
	QUEUE_PASSRIGHTS = 83, /* SO_PASSRIGHTS */
};

struct queue_peeked {
	size_t len;
	struct ucred cred;
	int fds[UNIX_FDS_MAX];
	uint32_t nfds;
	struct sockaddr_un name;
	uint32_t name_len;
};

struct queue {
	const struct res_seen *seen;
	struct model *m, *pool;
	uint8_t *bytes; /* QUEUE_BYTES_MAX, then as many up to @guard, where nothing is mapped */
	uint8_t *guard;
	bool stream;
	int off; /* where the next peek begins */
};

static int queue_option(int fd, int name, int value)
{
	return setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static void queue_drop(const struct queue_peeked *p)
{
	for (uint32_t i = 0; i < p->nfds; i++)
		close(p->fds[i]);
}

static void queue_control(struct queue_peeked *p, struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			p->nfds = (uint32_t)(len / sizeof(int));
			memcpy(p->fds, CMSG_DATA(c), len);
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&p->cred, CMSG_DATA(c), sizeof(p->cred));
		}
	}
}

/* Is what looks like an empty message none at all? Streams and shut sequences of packets end so. */
static bool queue_at_end(const struct queue *q)
{
	struct pollfd p = { .fd = q->seen->dup, .events = POLLRDHUP };
	int total = 0;

	return q->stream || (poll(&p, 1, 0) == 1 && p.revents & (POLLRDHUP | POLLHUP) &&
			     ioctl(q->seen->dup, FIONREAD, &total) == 0 && q->off >= total);
}

/* What is where the queue's offset is: 1, or 0 when there is no more. */
static int queue_peek_once(struct queue *q, struct queue_peeked *p, struct err *err)
{
	_Alignas(struct cmsghdr) char control[QUEUE_CONTROL];
	struct iovec iov = { q->bytes, QUEUE_BYTES_MAX };
	struct msghdr h = {
		.msg_name = &p->name,
		.msg_namelen = sizeof(p->name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	memset(p, 0, sizeof(*p));
	if (queue_option(q->seen->dup, SO_PEEK_OFF, q->off) < 0)
		return err_set(err, EOPNOTSUPP, "peek into the queue of descriptor %d",
			       q->seen->fd);
	n = recvmsg(q->seen->dup, &h, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN || errno == EINVAL
			       ? 0
			       : err_set(err, errno, "peek into the queue of descriptor %d",
					 q->seen->fd);
	queue_control(p, &h);
	p->name_len = h.msg_namelen;
	p->len = (size_t)n;
	if (h.msg_flags & MSG_CTRUNC || p->len > QUEUE_BYTES_MAX) {
		queue_drop(p);
		return err_say(
			err, EMSGSIZE,
			"a message of %zu bytes in the queue of descriptor %d cannot be kept",
			p->len, q->seen->fd);
	}
	return n || p->nfds || !queue_at_end(q);
}

static int queue_put(struct queue *q, const void *bytes, size_t len, struct err *err)
{
	int rc = model_put_bytes(q->pool, &(struct img_ref){ 0 }, bytes, len);

	return rc < 0 ? err_set(err, rc, "keep the queue of descriptor %d", q->seen->fd) : 0;
}

/* @len bytes from @from, with what @p came with, and descriptors @ids. */
static int queue_keep(struct queue *q, const struct queue_peeked *p, size_t from, size_t len,
		      const uint32_t *ids, uint32_t nids, struct err *err)
{
	struct unix_message msg = { .len = (uint32_t)len, .nfds = nids };
	int rc;

	if (p->name_len > sizeof(sa_family_t))
		msg.name_len = p->name_len < UNIX_NAME_MAX ? p->name_len : UNIX_NAME_MAX;
	if (p->cred.pid > 0) {
		msg.pid = p->cred.pid;
		msg.uid = p->cred.uid;
		msg.gid = p->cred.gid;
	}
	rc = queue_put(q, &msg, sizeof(msg), err);
	if (rc >= 0)
		rc = queue_put(q, q->bytes + from, len, err);
	if (rc >= 0)
		rc = queue_put(q, ids, nids * sizeof(*ids), err);
	return rc < 0 ? rc : queue_put(q, &p->name, msg.name_len, err);
}

/*
 * Of @len bytes, those before the ones that the descriptors came with. The kernel copies piece by piece and
 * stops before one that does not fit into memory: with a byte too little, before the last one.
 */
static int queue_before(struct queue *q, size_t len, size_t *before, struct err *err)
{
	struct iovec iov = { q->guard - (len - 1), len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	*before = 0;
	if (len < 2)
		return 0;
	if (queue_option(q->seen->dup, SO_PEEK_OFF, q->off) < 0)
		return err_set(err, EOPNOTSUPP, "peek into the queue of descriptor %d",
			       q->seen->fd);
	n = recvmsg(q->seen->dup, &h, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno != EFAULT)
		return err_set(err, errno, "peek into the queue of descriptor %d", q->seen->fd);
	*before = n < 0 ? 0 : (size_t)n;
	return 0;
}

/* A message with descriptors: these are captured like any others, and kept by their ids. */
static int queue_keep_flying(struct queue *q, struct queue_peeked *p, struct err *err)
{
	uint32_t ids[UNIX_FDS_MAX] = { 0 };
	size_t before = 0;
	int rc = 0;

	for (uint32_t i = 0; i < p->nfds; i++)
		if (rc < 0)
			close(p->fds[i]);
		else
			rc = res_capture_flying(q->seen->capture, q->m, p->fds[i], &ids[i], err);
	if (rc >= 0 && q->stream)
		rc = queue_before(q, p->len, &before, err);
	if (rc < 0)
		return rc;
	if (before)
		rc = queue_keep(q, p, 0, before, NULL, 0, err);
	return rc < 0 ? rc : queue_keep(q, p, before, p->len - before, ids, p->nfds, err);
}

/*
 * A pending error is for the program to see: receiving takes it away at the end of a stream, and at any time
 * elsewhere. (For the latter unix_queue_peek has looked.)
 */
static bool queue_more(const struct queue *q)
{
	int total = 0;

	return !q->stream || (ioctl(q->seen->dup, FIONREAD, &total) == 0 && q->off < total);
}

static int queue_peek_all(struct queue *q, struct err *err)
{
	struct queue_peeked p;
	int rc;

	while ((rc = queue_more(q) ? queue_peek_once(q, &p, err) : 0) > 0) {
		size_t len = p.len;

		rc = p.nfds ? queue_keep_flying(q, &p, err)
			    : queue_keep(q, &p, 0, p.len, NULL, 0, err);
		if (rc < 0)
			return rc;
		q->off += (int)len;
	}
	return rc;
}

/* The byte that was sent out of band has a place of its own in the stream, which peeking does not tell. */
static int queue_check_urgent(const struct res_seen *seen, struct err *err)
{
	char byte;

	if (recv(seen->dup, &byte, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT) != 1)
		return 0;
	return err_say(err, RES_BUSY,
		       "descriptor %d is a UNIX socket with a byte out of band (MSG_OOB) that has "
		       "not been "
		       "read yet; try again when it has",
		       seen->fd);
}

static int queue_check_error(const struct res_seen *seen, struct err *err)
{
	struct pollfd p = { .fd = seen->dup };

	if (poll(&p, 1, 0) < 1 || !(p.revents & POLLERR))
		return 0;
	return err_say(err, RES_BUSY,
		       "descriptor %d is a UNIX socket with an error that has not been told to the "
		       "program "
		       "yet; try again when it has",
		       seen->fd);
}

static int queue_value(int fd, int name, int otherwise)
{
	int value = otherwise;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? otherwise : value;
}

static int queue_map(struct queue *q, struct err *err)
{
	void *at = mmap(NULL, 2 * QUEUE_BYTES_MAX + QUEUE_GUARD, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return err_set(err, ENOMEM, "peek into a socket");
	q->bytes = at;
	q->guard = q->bytes + 2 * QUEUE_BYTES_MAX;
	mprotect(q->guard, QUEUE_GUARD, PROT_NONE);
	return 0;
}

int unix_queue_peek(const struct res_seen *seen, struct model *m, struct model *pool, bool stream,
		    struct err *err)
{
	struct queue q = { .seen = seen, .m = m, .pool = pool, .stream = stream };
	int off = queue_value(seen->dup, SO_PEEK_OFF, -1);
	int cred = queue_value(seen->dup, SO_PASSCRED, 0);
	int pidfd = queue_value(seen->dup, QUEUE_PASSPIDFD, 0);
	int rights = queue_value(seen->dup, QUEUE_PASSRIGHTS, 1);
	char byte;
	int rc;

	rc = stream ? queue_check_urgent(seen, err) : queue_check_error(seen, err);
	/* Most queues are empty. */
	if (rc < 0 || !queue_more(&q) ||
	    (!stream && off < 0 && recv(seen->dup, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0))
		return rc;
	rc = queue_map(&q, err);
	if (rc < 0)
		return rc;
	queue_option(seen->dup, SO_PASSCRED, 1);
	if (pidfd)
		queue_option(seen->dup, QUEUE_PASSPIDFD, 0);
	if (!rights)
		queue_option(seen->dup, QUEUE_PASSRIGHTS, 1);
	rc = queue_peek_all(&q, err);
	munmap(q.bytes, 2 * QUEUE_BYTES_MAX + QUEUE_GUARD);
	if (!rights)
		queue_option(seen->dup, QUEUE_PASSRIGHTS, 0);
	if (pidfd)
		queue_option(seen->dup, QUEUE_PASSPIDFD, 1);
	queue_option(seen->dup, SO_PASSCRED, cred);
	queue_option(seen->dup, SO_PEEK_OFF, off);
	return rc;
}

static void *queue_add_control(struct msghdr *h, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (void *)((char *)h->msg_control + h->msg_controllen);

	*c = (struct cmsghdr){ CMSG_LEN(len), SOL_SOCKET, type };
	h->msg_controllen += CMSG_SPACE(len);
	return memcpy(CMSG_DATA(c), data, len);
}

static int queue_rights(const struct res_restart *r, const struct unix_piece *piece,
			struct msghdr *h, struct err *err)
{
	int fds[UNIX_FDS_MAX];

	for (uint32_t i = 0; i < piece->message->nfds; i++) {
		fds[i] = res_restart_find(r, piece->fds[i]);
		if (fds[i] < 0)
			return err_say(err, EINVAL,
				       "file %u, in flight in a socket, is in no image",
				       piece->fds[i]);
	}
	if (piece->message->nfds)
		queue_add_control(h, SCM_RIGHTS, fds, piece->message->nfds * sizeof(int));
	return 0;
}

static ssize_t queue_send_from(int fd, const struct msghdr *plain, pid_t pid, uint32_t uid,
			       uint32_t gid)
{
	const struct ucred cred = { pid, uid, gid };
	struct msghdr h = *plain;

	queue_add_control(&h, SCM_CREDENTIALS, &cred, sizeof(cred));
	return sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * In a process that has the sender's id, and only for that: where it is not there yet, or will never be
 * again. Ids cannot be asked for everywhere.
 */
static bool queue_send_as(int fd, const struct msghdr *h, const struct unix_message *m)
{
	pid_t want = m->pid;
	struct clone_args args = { .set_tid = (uintptr_t)&want, .set_tid_size = 1 };
	long pid = sys2(__NR_clone3, &args, sizeof(args));
	int status = 1;

	if (pid == 0) {
		sys3(__NR_setresgid, m->gid, m->gid, m->gid);
		sys3(__NR_setresuid, m->uid, m->uid, m->uid);
		_exit(queue_send_from(fd, h, want, m->uid, m->gid) !=
		      (ssize_t)h->msg_iov[0].iov_len);
	}
	while (pid > 0 && waitpid((pid_t)pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status == 0;
}

/*
 * Somebody else's credentials need privilege, or to be that one. If there is no other way it has been us, or
 * the kernel's nobody.
 */
static ssize_t queue_sendmsg(int fd, struct msghdr *h, const struct unix_message *m)
{
	ssize_t n = m->pid ? queue_send_from(fd, h, m->pid, m->uid, m->gid) : -1;

	if (n >= 0 || (m->pid && errno != EPERM && errno != ESRCH && errno != EINVAL))
		return n;
	if (m->pid && queue_send_as(fd, h, m))
		return (ssize_t)h->msg_iov[0].iov_len;
	if (m->pid)
		n = queue_send_from(fd, h, getpid(), m->uid, m->gid);
	if (n < 0 && m->pid)
		n = queue_send_from(fd, h, getpid(), getuid(), getgid());
	if (n >= 0)
		return n;
	if (!h->msg_controllen)
		h->msg_control = NULL;
	return sendmsg(fd, h, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int unix_queue_send(const struct res_restart *r, const struct unix_piece *piece, int fd,
		    const void *name, uint32_t name_len, struct err *err)
{
	_Alignas(struct cmsghdr) char control[QUEUE_CONTROL] = { 0 };
	const struct unix_message *m = piece->message;
	struct sockaddr_un to;
	size_t done = 0;
	int rc = 0;

	memcpy(&to, name, name_len < sizeof(to) ? name_len : sizeof(to));
	do {
		struct iovec iov = { (void *)(uintptr_t)(piece->bytes + done), m->len - done };
		struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
		ssize_t n;

		if (name_len) {
			h.msg_name = &to;
			h.msg_namelen = name_len;
		}
		rc = done ? 0 : queue_rights(r, piece, &h, err);
		if (rc < 0)
			return rc;
		n = queue_sendmsg(fd, &h, m);
		if (n < 0)
			return err_set(err, errno, "put %u bytes back into a socket", m->len);
		done += (size_t)n;
	} while (done < m->len);
	return 0;
}
