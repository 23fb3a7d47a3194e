/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNIX sockets: making them again.
 *
 * Two connected ends are made when the first of them is met; the other one waits as a spare. Where one has
 * a name, it comes out of a listening socket of that name, for a moment's one where there is none left. When
 * all are there queues are filled, then connections without an accepted end are made, and directions shut.
 */
#include "res/unix.h"

#include "base/owned.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The other end of @f where nobody has it any more. */
static uint64_t make_lost_end(const struct img_file *f)
{
	return f->ino | 1ull << 63;
}

static bool make_is(const struct img_file *f, uint64_t ino)
{
	return f->kind == IMG_F_UNIX && ino && f->ino == ino;
}

static bool make_listens(const struct img_file *f, uint64_t name)
{
	return f->kind == IMG_F_UNIX && f->arg[UNIX_ARG_ROLE] == UNIX_LISTENING && name &&
	       f->arg[UNIX_ARG_NAME] == name;
}

static bool make_takes_messages(const struct img_file *f, uint64_t name)
{
	return f->kind == IMG_F_UNIX && f->arg[UNIX_ARG_TYPE] == SOCK_DGRAM && name &&
	       f->arg[UNIX_ARG_NAME] == name;
}

static const struct img_file *make_peer(const struct res_restart *r, const struct img_file *f)
{
	const struct model *owner;

	return res_find_file(r, &owner, make_is, f->arg[UNIX_ARG_PEER]);
}

/* Datagram sockets that only each other could have sent to: one has no name. */
static bool make_is_pair(const struct img_file *f, const struct img_file *peer)
{
	if (f->arg[UNIX_ARG_TYPE] != SOCK_DGRAM)
		return true;
	return (!f->arg[UNIX_ARG_NAME] || !peer->arg[UNIX_ARG_NAME]) &&
	       peer->arg[UNIX_ARG_PEER] == f->ino;
}

static int make_socket(const struct img_file *f, struct err *err)
{
	int fd = socket(AF_UNIX, (int)f->arg[UNIX_ARG_TYPE] | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_set(err, errno, "make a UNIX socket") : fd;
}

/* How @f is reached where its name does not lead to it. */
static uint64_t make_way(const struct img_file *f)
{
	return f->ino | 1ull << 62;
}

/* Bind @fd, which is @f, to its name; the way to it is kept. */
static int make_bind(struct res_restart *r, const struct img_file *f, const struct unix_record *u,
		     int fd, struct err *err)
{
	OWNED_FD int reach = -1;
	int rc = unix_name_bind(fd, u, f->arg[UNIX_ARG_FLAGS] & UNIX_NODE, &reach, err);

	return rc < 0 || reach < 0 ? rc : res_spare_put(r, make_way(f), owned_fd_take(&reach), err);
}

/* connect(2) to @f of record @u, wherever its name is. */
static int make_connect(const struct res_restart *r, int fd, const struct img_file *f,
			const struct unix_record *u)
{
	const struct unix_state *s = u->state;
	int reach = res_spare_find(r, make_way(f));
	struct sockaddr_un un;
	uint32_t len;

	if (reach < 0)
		return unix_name_connect(fd, s->name, s->name_len, u->dir);
	len = unix_name_reach(reach, &un);
	return unix_name_connect(fd, &un, len, "");
}

static int make_bound(struct res_restart *r, const struct model *m, const struct img_file *f,
		      struct err *err)
{
	OWNED_FD int fd = make_socket(f, err);
	struct unix_record u;
	int rc = fd < 0 ? fd : unix_record_open(&u, m, f, err);

	if (rc >= 0)
		rc = make_bind(r, f, &u, fd, err);
	if (rc >= 0 && f->arg[UNIX_ARG_ROLE] == UNIX_LISTENING &&
	    listen(fd, (int)f->arg[UNIX_ARG_BACKLOG]) < 0)
		rc = err_set(err, errno, "listen on a UNIX socket");
	return rc < 0 ? rc : owned_fd_take(&fd);
}

/*
 * The listening socket of that name, made now if it has not been: *@fd, borrowed, *@f and *@u; -1: there is
 * none.
 */
static int make_listener(struct res_restart *r, uint64_t name, int *fd, const struct img_file **f,
			 struct unix_record *u, struct err *err)
{
	const struct model *owner;
	int rc;

	*f = res_find_file(r, &owner, make_listens, name);
	rc = *f ? unix_record_open(u, owner, *f, err) : 0;
	*fd = *f ? res_made_find(r, (*f)->object, (*f)->kind) : -1;
	if (*f && *fd < 0)
		*fd = res_spare_find(r, (*f)->ino);
	if (!*f || rc < 0 || *fd >= 0)
		return rc;
	rc = make_bound(r, owner, *f, err);
	if (rc >= 0)
		rc = res_spare_put(r, (*f)->ino, rc, err);
	*fd = res_spare_find(r, (*f)->ino);
	return rc < 0 ? rc : 0;
}

/* *@accepted: what a client is connected to through @listener, if it is (@rc). */
static int make_accepted(int listener, int rc, int *accepted, struct err *err)
{
	if (rc >= 0)
		*accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (rc >= 0 && *accepted < 0)
		rc = -errno;
	return rc < 0 ? err_set(err, rc, "connect a UNIX socket to its peer again") : 0;
}

/* The same through a listening socket for a moment, under the name of one that has gone. */
static int make_accepted_alone(const struct unix_record *server, int type, int client,
			       int *accepted, struct err *err)
{
	const struct unix_state *s = server->state;
	OWNED_FD int listener = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), reach = -1;
	struct sockaddr_un un;
	uint32_t len;
	int rc;

	if (listener < 0)
		return err_set(err, errno, "make a UNIX socket");
	rc = unix_name_bind_other(listener, s->name, s->name_len, server->dir, &reach, err);
	if (rc < 0)
		return rc;
	if (listen(listener, 1) < 0)
		return err_set(err, errno, "listen on a UNIX socket");
	len = reach < 0 ? 0 : unix_name_reach(reach, &un);
	rc = len ? unix_name_connect(client, &un, len, "")
		 : unix_name_connect(client, s->name, s->name_len, "");
	return make_accepted(listener, rc, accepted, err);
}

/* The name that the connecting end had itself. */
static int make_client_name(const struct unix_state *s, const struct unix_record *u, int client,
			    bool own, bool node, struct err *err)
{
	const struct unix_record named = { .state = s, .dir = u->dir, .node = own ? u->node : "" };
	OWNED_FD int reach = -1;

	return unix_name_bind(client, &named, node, &reach, err);
}

/* Two ends that are connected, one with the name of the socket that it was accepted from. */
static int make_named_pair(struct res_restart *r, const struct unix_record *u,
			   const struct img_file *f, int ends[2], struct err *err)
{
	const struct unix_state *s = u->state;
	struct unix_state peer = { .name_len = s->peer_name_len };
	struct unix_record server = { .state = &peer, .dir = u->dir, .node = "" }, found;
	const struct img_file *l = NULL;
	OWNED_FD int client = make_socket(f, err);
	int listener = -1, accepted = -1, rc = client;
	bool serves;

	memcpy(peer.name, s->peer_name, sizeof(peer.name));
	if (rc >= 0)
		rc = make_listener(r, f->arg[UNIX_ARG_PEER_NAME], &listener, &l, &found, err);
	serves = f->arg[UNIX_ARG_NAME] && listener < 0;
	if (rc >= 0 && serves) {
		server = *u;
		rc = make_listener(r, f->arg[UNIX_ARG_NAME], &listener, &l, &found, err);
	}
	if (rc >= 0)
		rc = make_client_name(serves ? &peer : s, u, client, !serves,
				      !serves && f->arg[UNIX_ARG_FLAGS] & UNIX_NODE, err);
	if (rc >= 0)
		rc = listener >= 0 ? make_accepted(listener, make_connect(r, client, l, &found),
						   &accepted, err)
				   : make_accepted_alone(&server, (int)f->arg[UNIX_ARG_TYPE],
							 client, &accepted, err);
	if (rc < 0)
		return rc;
	ends[serves] = owned_fd_take(&client);
	ends[!serves] = accepted;
	return 0;
}

/* Both ends of @f's connection: its own first. */
static int make_ends(struct res_restart *r, const struct unix_record *u, const struct img_file *f,
		     int ends[2], struct err *err)
{
	int type = (int)f->arg[UNIX_ARG_TYPE];

	if (type != SOCK_DGRAM && (f->arg[UNIX_ARG_NAME] || f->arg[UNIX_ARG_PEER_NAME]))
		return make_named_pair(r, u, f, ends, err);
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(err, errno, "make a socket pair");
	return 0;
}

static int make_pair(struct res_restart *r, const struct unix_record *u, const struct img_file *f,
		     const struct img_file *peer, struct err *err)
{
	OWNED_FD int mine = -1;
	int ends[2] = { -1, -1 };
	int rc = make_ends(r, u, f, ends, err);

	if (rc < 0)
		return rc;
	mine = ends[0];
	rc = res_spare_put(r, peer ? peer->ino : make_lost_end(f), ends[1], err);
	return rc < 0 ? rc : owned_fd_take(&mine);
}

/* Does this one wait to be accepted by a listening socket of ours? */
static bool make_waits(const struct res_restart *r, const struct img_file *f)
{
	struct unix_record u;

	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t j = 0; j < r->models[i]->files.n; j++) {
			const struct img_file *g = &r->models[i]->files.at[j];

			if (!make_listens(g, g->arg[UNIX_ARG_NAME]) || g->std_stream >= 0 ||
			    unix_record_open(&u, r->models[i], g, &(struct err){ 0 }) < 0)
				continue;
			for (uint32_t k = 0; k < u.state->nclients; k++)
				if (u.clients[k] == f->ino)
					return true;
		}
	return false;
}

/* Its only peer has gone, and nobody else could have sent what it still has to read. */
static bool make_is_left(const struct res_restart *r, const struct img_file *f)
{
	if (f->arg[UNIX_ARG_ROLE] != UNIX_CONNECTED)
		return false;
	if (f->arg[UNIX_ARG_TYPE] == SOCK_DGRAM)
		return !f->arg[UNIX_ARG_NAME] && !f->arg[UNIX_ARG_PEER_NAME];
	return !make_waits(r, f);
}

/* The name of a datagram socket that is one of a pair; connected ones have theirs. */
static int make_name_late(struct res_restart *r, const struct img_file *f,
			  const struct unix_record *u, int fd, struct err *err)
{
	if (f->arg[UNIX_ARG_TYPE] != SOCK_DGRAM || !f->arg[UNIX_ARG_NAME])
		return 0;
	return make_bind(r, f, u, fd, err);
}

int unix_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const struct img_file *peer = make_peer(r, f);
	OWNED_FD int fd = res_spare_take(r, f->ino);
	bool connected = f->arg[UNIX_ARG_ROLE] == UNIX_CONNECTED;
	struct unix_record u;
	int rc = unix_record_open(&u, r->m, f, err);

	if (rc < 0)
		return rc;
	if (fd < 0 && connected && peer && make_is_pair(f, peer))
		fd = make_pair(r, &u, f, peer, err);
	else if (fd < 0 && !peer && make_is_left(r, f))
		fd = make_pair(r, &u, f, NULL, err);
	else if (fd < 0)
		return make_bound(r, r->m, f, err);
	rc = fd < 0 ? fd : make_name_late(r, f, &u, fd, err);
	return rc < 0 ? rc : owned_fd_take(&fd);
}

/* The other end of a pair: its maker's, or kept for nobody. -1: @f is not one of a pair. */
static int make_other_end(const struct res_restart *r, const struct img_file *f)
{
	const struct img_file *peer = make_peer(r, f);

	if (peer && make_is_pair(f, peer))
		return res_made_find(r, peer->object, peer->kind);
	return res_spare_find(r, make_lost_end(f));
}

/*
 * Room for @len bytes more in what @fd may have under way. Each message counts with the memory that holds it,
 * a small one with much more than its bytes, and those before it may still be unread: as the kernel has
 * counted them. Never less than there is.
 */
static void make_room(int fd, size_t len)
{
	socklen_t size = sizeof(int);
	int used = 0, have = 0, room;

	ioctl(fd, SIOCOUTQ, &used);
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &size);
	room = used + (len < 1 << 28 ? (int)len * 2 + 65536 : 1 << 29);
	if (room <= have)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

/* What had been sent to @f by its other end, again. */
static int make_send_back(struct res_restart *r, const struct unix_piece *piece, int other,
			  struct err *err)
{
	make_room(other, piece->message->len);
	return unix_queue_send(r, piece, other, NULL, 0, err);
}

/* Who has been made under the name of a sender. */
static int make_sender(const struct res_restart *r, uint64_t name)
{
	const struct model *owner;
	const struct img_file *f = res_find_file(r, &owner, make_takes_messages, name);

	return f ? res_made_find(r, f->object, f->kind) : -1;
}

/* A datagram to @f from whoever sent it, or from somebody else under that name. */
static int make_send_datagram(struct res_restart *r, const struct img_file *f,
			      const struct unix_record *u, const struct unix_piece *piece,
			      struct err *err)
{
	const struct unix_state *s = u->state;
	uint64_t name = unix_name_hash(piece->name, piece->message->name_len);
	int way = res_spare_find(r, make_way(f)), fd = make_sender(r, name), rc = 0, here;
	OWNED_FD int stand_in = -1, reach = -1;
	struct sockaddr_un un;

	if (fd < 0) {
		fd = stand_in = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return err_set(err, errno, "make a UNIX socket");
		if (name)
			rc = unix_name_bind_other(fd, piece->name, piece->message->name_len, u->dir,
						  &reach, err);
	}
	if (rc < 0)
		return rc;
	make_room(fd, piece->message->len);
	if (way >= 0)
		return unix_queue_send(r, piece, fd, &un, unix_name_reach(way, &un), err);
	here = unix_name_enter(u->dir);
	rc = unix_queue_send(r, piece, fd, s->name, s->name_len, err);
	unix_name_leave(here);
	return rc;
}

/* Whom it talks to may be outside, and may have gone: as if that had ended meanwhile. */
static void make_talk(const struct res_restart *r, const struct img_file *f,
		      const struct unix_record *u, int fd)
{
	const struct model *owner;
	const struct img_file *peer = res_find_file(r, &owner, make_is, f->arg[UNIX_ARG_PEER]);
	struct unix_record to;

	if (peer && unix_record_open(&to, owner, peer, &(struct err){ 0 }) >= 0)
		make_connect(r, fd, peer, &to);
	else
		unix_name_connect(fd, u->state->peer_name, u->state->peer_name_len, u->dir);
}

int unix_fill(struct res_restart *r, const struct img_file *f, int fd, struct err *err)
{
	int other = make_other_end(r, f);
	struct unix_piece piece;
	struct unix_record u;
	int rc = unix_record_open(&u, r->m, f, err);

	if (rc < 0)
		return rc;
	while (rc >= 0 && unix_record_next(&u, &piece))
		rc = other >= 0 ? make_send_back(r, &piece, other, err)
				: make_send_datagram(r, f, &u, &piece, err);
	if (rc < 0 || other >= 0 || f->arg[UNIX_ARG_TYPE] != SOCK_DGRAM ||
	    f->arg[UNIX_ARG_ROLE] != UNIX_CONNECTED)
		return rc;
	make_talk(r, f, &u, fd);
	return 0;
}

static void make_shut(const struct img_file *f, int fd)
{
	uint64_t how = f->arg[UNIX_ARG_SHUTDOWN];

	if (how)
		shutdown(fd, how == 3 ? SHUT_RDWR : how == 1 ? SHUT_RD : SHUT_WR);
}

/* Those that wait to be accepted, in their order. Outside the computation: they are gone. */
static int make_clients(struct res_restart *r, const struct img_file *listener,
			const struct unix_record *u, struct err *err)
{
	const struct unix_state *s = u->state;
	const struct model *owner;

	for (uint32_t i = 0; i < s->nclients; i++) {
		const struct img_file *f = res_find_file(r, &owner, make_is, u->clients[i]);
		int client = f ? res_made_find(r, f->object, f->kind) : -1;
		int rc, flags = client < 0 ? 0 : fcntl(client, F_GETFL);

		if (client < 0)
			continue;
		fcntl(client, F_SETFL, flags | O_NONBLOCK);
		rc = make_connect(r, client, listener, u);
		fcntl(client, F_SETFL, flags);
		if (rc < 0)
			return err_set(err, rc, "connect a UNIX socket that waits to be accepted");
		make_shut(f, client);
	}
	return 0;
}

/* What a peer leaves unread comes back as a reset. */
static void make_reset(const struct res_restart *r, const struct img_file *f, int fd)
{
	int other = res_spare_find(r, make_lost_end(f));

	if (other >= 0 && f->arg[UNIX_ARG_FLAGS] & UNIX_RESET)
		(void)!send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int unix_settle(struct res_restart *r, const struct img_file *f, int fd, struct err *err)
{
	struct unix_record u;
	int rc = unix_record_open(&u, r->m, f, err);

	if (rc >= 0)
		rc = make_clients(r, f, &u, err);
	if (rc < 0)
		return rc;
	make_reset(r, f, fd);
	unix_option_set(fd, u.state);
	fcntl(fd, F_SETFL, f->open_flags);
	if (f->arg[UNIX_ARG_PEER])
		make_shut(f, fd);
	return 0;
}
