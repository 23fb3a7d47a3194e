/* SPDX-License-Identifier: Apache-2.0 */
/* UNIX sockets: capturing them. unix_make.c brings them back. */
#include "res/unix.h"

#include "base/owned.h"
#include "base/text.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	UNIX_ASKED_MAX = 8, /* so many sockets are asked for one by one */
	UNIX_OWNER_MAX = 24,
};

static bool unix_match(const struct res_seen *seen)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return S_ISSOCK(seen->st.st_mode) &&
	       getsockopt(seen->dup, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_UNIX;
}

static int unix_get(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? 0 : value;
}

static void unix_capture_names(int fd, struct img_file *f, struct unix_state *s)
{
	socklen_t len = sizeof(s->name) - 1;

	if (getsockname(fd, (struct sockaddr *)s->name, &len) == 0)
		s->name_len = len;
	len = sizeof(s->peer_name) - 1;
	if (getpeername(fd, (struct sockaddr *)s->peer_name, &len) == 0)
		s->peer_name_len = len;
	f->arg[UNIX_ARG_NAME] = unix_name_hash(s->name, s->name_len);
	f->arg[UNIX_ARG_PEER_NAME] = unix_name_hash(s->peer_name, s->peer_name_len);
}

static int unix_busy(const struct res_seen *seen, const char *why, struct err *err)
{
	return err_say(
		err, RES_BUSY,
		"descriptor %d is a UNIX socket %s, which nobody but the program can see; try "
		"again when it has been accepted",
		seen->fd, why);
}

/*
 * Clients in the queue of a listening socket are found again by their inodes. What such a client has
 * sent waits in a socket that only accept() gives a descriptor to.
 */
static int unix_check_clients(const struct res_seen *seen, const struct sockdiag_unix *diag,
			      struct err *err)
{
	if (diag->nclients != diag->waiting)
		return unix_busy(seen, "with more connections than the kernel lists", err);
	for (size_t i = 0; i < diag->nclients; i++)
		if (!diag->clients[i])
			return unix_busy(seen, "with a connection from a client that has gone",
					 err);
	return 0;
}

/* A connected socket whose peer has no inode, and that nobody has shut down: not accepted yet. */
static int unix_check_pending(const struct res_seen *seen, const struct img_file *f,
			      struct err *err)
{
	int queued = 0;

	if (f->arg[UNIX_ARG_ROLE] != UNIX_CONNECTED || f->arg[UNIX_ARG_PEER] ||
	    f->arg[UNIX_ARG_SHUTDOWN] == 3)
		return 0;
	if (ioctl(seen->dup, SIOCOUTQ, &queued) == 0 && queued)
		return unix_busy(seen, "that has sent data over a connection not accepted yet",
				 err);
	return 0;
}

static int unix_capture_connection(const struct res_seen *seen, const struct sockdiag_unix *diag,
				   struct img_file *f, const struct unix_state *s, struct err *err)
{
	struct pollfd p = { .fd = seen->dup };

	f->arg[UNIX_ARG_PEER] = diag->peer;
	f->arg[UNIX_ARG_SHUTDOWN] = diag->shutdown;
	f->arg[UNIX_ARG_BACKLOG] = diag->backlog;
	if (unix_get(seen->dup, SO_ACCEPTCONN)) {
		f->arg[UNIX_ARG_ROLE] = UNIX_LISTENING;
		return unix_check_clients(seen, diag, err);
	}
	if (s->peer_name_len || diag->peer)
		f->arg[UNIX_ARG_ROLE] = UNIX_CONNECTED;
	if (f->arg[UNIX_ARG_TYPE] == SOCK_DGRAM)
		return 0;
	if (f->arg[UNIX_ARG_ROLE] == UNIX_CONNECTED && !diag->peer && poll(&p, 1, 0) == 1 &&
	    p.revents & POLLERR)
		f->arg[UNIX_ARG_FLAGS] |= UNIX_RESET;
	return unix_check_pending(seen, f, err);
}

/*
 * A connection to us, the agent (libcairn's): over in every restart, in whatever state it is. The program
 * finds its other end closed, and that is how it learns of the restart.
 */
static bool unix_is_to_us(const struct res_seen *seen)
{
	static const char ours[] = "/control.sock";
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t len = sizeof(peer), name_len = sizeof(name) - 1;
	size_t n;

	/* What a restart has made for the program has these credentials as well. */
	if (getsockopt(seen->dup, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    peer.pid != getpid() || unix_get(seen->dup, SO_ACCEPTCONN) ||
	    getpeername(seen->dup, (struct sockaddr *)&name, &name_len) < 0)
		return false;
	n = strnlen(name.sun_path, sizeof(name.sun_path) - 1);
	return n >= sizeof(ours) - 1 && !strcmp(name.sun_path + n - (sizeof(ours) - 1), ours);
}

static int unix_capture_end_to_us(struct model *pool, const struct res_seen *seen,
				  struct img_file *f, struct err *err)
{
	struct unix_state s = { .option_set = 0 };

	unix_option_get(seen->dup, &s);
	f->arg[UNIX_ARG_ROLE] = UNIX_CONNECTED;
	return model_put_bytes(pool, &(struct img_ref){ 0 }, &s, sizeof(s)) < 0
		       ? err_set(err, ENOMEM, "keep a socket")
		       : 0;
}

/* Might anybody connect or send to it by its name? */
static bool unix_is_called(const struct img_file *f)
{
	return f->arg[UNIX_ARG_TYPE] == SOCK_DGRAM || f->arg[UNIX_ARG_ROLE] != UNIX_CONNECTED;
}

static const char *unix_owner(const struct unix_node *node, char owner[UNIX_OWNER_MAX])
{
	text_format(owner, UNIX_OWNER_MAX, "%u %u", node->uid, node->gid);
	return owner;
}

/* A name in the file system: *@node, which goes into @pool behind @s. */
static int unix_capture_node(const struct res_seen *seen, const struct sockdiag_unix *diag,
			     struct img_file *f, struct unix_state *s, struct unix_node *node,
			     struct err *err)
{
	const char *name = (const char *)s->name + offsetof(struct sockaddr_un, sun_path);
	char owner[UNIX_OWNER_MAX];
	int rc;

	if (s->name_len <= sizeof(sa_family_t) || !name[0])
		return 0;
	rc = unix_node_find(seen, diag, name, unix_is_called(f), node, err);
	if (rc < 0)
		return rc;
	s->node_mode = node->mode;
	if (node->mode)
		f->arg[UNIX_ARG_FLAGS] |= UNIX_NODE;
	if (node->dir[0] || node->mode)
		s->dir_len = (uint32_t)strlen(node->dir) + 1;
	if (node->mode)
		s->dir_len +=
			(uint32_t)(strlen(node->path) + 1 + strlen(unix_owner(node, owner)) + 1);
	return 0;
}

static int unix_put_node(struct model *pool, const struct unix_state *s, struct unix_node *node)
{
	size_t len = strlen(node->dir) + 1;
	OWNED_PTR char *all = calloc(1, s->dir_len + 1);
	char owner[UNIX_OWNER_MAX];

	if (!all)
		return -ENOMEM;
	if (s->dir_len)
		strcpy(all, node->dir);
	if (s->dir_len > len) {
		strcpy(all + len, node->path);
		strcpy(all + len + strlen(node->path) + 1, unix_owner(node, owner));
	}
	return model_put_bytes(pool, &(struct img_ref){ 0 }, all, s->dir_len);
}

/* All of it into a pool of its own, since the model grows meanwhile; @at: index of the img_file. */
static int unix_capture_data(struct model *m, const struct res_seen *seen, size_t at,
			     struct model *pool, const struct sockdiag_unix *diag, struct err *err)
{
	struct unix_state s = { .option_set = 0 };
	struct img_file *f = &m->files.at[at];
	OWNED_PTR struct unix_node *node = calloc(1, sizeof(*node));
	bool stream;
	int rc;

	if (!node)
		return err_set(err, ENOMEM, "keep a socket");
	unix_option_get(seen->dup, &s);
	unix_capture_names(seen->dup, f, &s);
	rc = unix_capture_connection(seen, diag, f, &s, err);
	if (rc >= 0)
		rc = unix_capture_node(seen, diag, f, &s, node, err);
	if (rc < 0)
		return rc;
	s.nclients = (uint32_t)diag->nclients;
	stream = f->arg[UNIX_ARG_TYPE] == SOCK_STREAM;
	rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &s, sizeof(s));
	if (rc >= 0)
		rc = unix_put_node(pool, &s, node);
	if (rc >= 0)
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, diag->clients,
				     s.nclients * sizeof(uint64_t));
	if (rc < 0)
		return err_set(err, rc, "keep a socket");
	return f->arg[UNIX_ARG_ROLE] == UNIX_LISTENING
		       ? 0
		       : unix_queue_peek(seen, m, pool, stream, err);
}

/* *@diag: what the kernel tells about a socket; it may be @own, which is to be done in any case. */
static int unix_diag(struct res_capture *c, uint64_t ino, struct sockdiag_unix *own,
		     const struct sockdiag_unix **diag, struct err *err)
{
	*own = (struct sockdiag_unix){ 0 };
	if (c->unix_asked <= UNIX_ASKED_MAX && c->unix_asked++ == UNIX_ASKED_MAX) {
		int rc = sockdiag_all(&c->unix_all, err);

		if (rc < 0)
			return rc;
	}
	*diag = sockdiag_find(&c->unix_all, ino);
	if (*diag)
		return 0;
	*diag = own;
	return sockdiag_unix(own, ino, err);
}

static int unix_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			struct err *err)
{
	const struct sockdiag_unix *diag;
	struct sockdiag_unix own;
	struct model pool;
	size_t at = (size_t)(f - m->files.at);
	int rc = unix_diag(seen->capture, seen->st.st_ino, &own, &diag, err);

	if (rc < 0)
		return err_add(err, "descriptor %d", seen->fd);
	f->arg[UNIX_ARG_TYPE] = (uint64_t)unix_get(seen->dup, SO_TYPE);
	f->object = seen->st.st_ino;
	model_init(&pool);
	rc = unix_is_to_us(seen) ? unix_capture_end_to_us(&pool, seen, f, err)
				 : unix_capture_data(m, seen, at, &pool, diag, err);
	if (rc >= 0)
		rc = model_put_bytes(m, &m->files.at[at].data, pool.data.at, pool.data.n);
	model_done(&pool);
	sockdiag_unix_done(&own);
	return rc;
}

/* The pool begins everything at a multiple of 8. */
static size_t unix_padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static const void *unix_record_take(struct unix_record *u, uint64_t len)
{
	const uint8_t *at = u->at;

	if (len > (uint64_t)(u->end - u->at))
		return NULL;
	/* The last one is not padded. */
	u->at = unix_padded(len) > (uint64_t)(u->end - u->at) ? u->end : u->at + unix_padded(len);
	return at;
}

int unix_record_open(struct unix_record *u, const struct model *m, const struct img_file *f,
		     struct err *err)
{
	const struct unix_state *s;

	*u = (struct unix_record){ .dir = "", .node = "", .owner = "" };
	u->at = model_bytes(m, f->data);
	u->end = u->at + f->data.len;
	s = u->state = u->at ? unix_record_take(u, sizeof(*u->state)) : NULL;
	if (s && s->name_len <= UNIX_NAME_MAX && s->peer_name_len <= UNIX_NAME_MAX) {
		const char *dir = unix_record_take(u, s->dir_len);

		u->clients = unix_record_take(u, (uint64_t)s->nclients * sizeof(*u->clients));
		if (dir && u->clients && (!s->dir_len || !dir[s->dir_len - 1])) {
			if (s->dir_len)
				u->dir = dir;
			if (strlen(u->dir) + 1 < s->dir_len)
				u->node = dir + strlen(dir) + 1;
			if (strlen(u->dir) + strlen(u->node) + 2 < s->dir_len)
				u->owner = u->node + strlen(u->node) + 1;
			return 0;
		}
	}
	return err_say(err, EBADMSG, "the record of a UNIX socket is damaged");
}

bool unix_record_next(struct unix_record *u, struct unix_piece *piece)
{
	const struct unix_message *msg = unix_record_take(u, sizeof(*msg));

	if (!msg || msg->nfds > UNIX_FDS_MAX || msg->name_len > UNIX_NAME_MAX)
		return false;
	piece->message = msg;
	piece->bytes = unix_record_take(u, msg->len);
	piece->fds = unix_record_take(u, msg->nfds * sizeof(*piece->fds));
	piece->name = unix_record_take(u, msg->name_len);
	return piece->bytes && piece->fds && piece->name;
}

const struct res_kind res_unix = {
	.kind = IMG_F_UNIX,
	.name = "UNIX socket",
	.match = unix_match,
	.capture = unix_capture,
	.make = unix_make,
	.fill = unix_fill,
	.settle = unix_settle,
};
