/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network sockets at a restart, all in one go, because they want an order: connections first, each through
 * a listening socket of its own; then what the program has bound; then clients that wait to be
 * accepted there. While ports are being taken every socket has SO_REUSEADDR.
 */
#include "base/owned.h"
#include "res/inet.h"
#include "res/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INET_CONNECT_MS = 10000, INET_ACCEPT_TRIES = 64, INET_SWAP_S = 2, INET_STEPS = 5 };

struct inet_one {
	const struct model *m;
	const struct img_file *f;
	const struct inet_state *s;
	union inet_name name, peer;
	int fd; /* -1: not made yet, or among the spares already */
	bool made;
	bool keep_reuse; /* else its port could not be had again at once after it has ended */
	bool shares; /* its name, with another that listens: both had SO_REUSEPORT when they were bound */
};

struct inet_all {
	struct inet_one *at;
	size_t n;
};

static enum inet_role inet_role(const struct inet_one *o)
{
	return (enum inet_role)o->f->arg[INET_ARG_ROLE];
}

static bool inet_is_stream(const struct inet_one *o)
{
	return o->f->arg[INET_ARG_TYPE] == SOCK_STREAM;
}

static void inet_options(const struct inet_one *o, int fd, bool early)
{
	inet_options_set(fd, o->s + 1, o->s->options_len, early);
}

/* A socket like @o, with all that must be so before it gets an address. */
static int inet_open(const struct inet_one *o, struct err *err)
{
	int fd = inet_socket(o->f, err);
	int one = 1, zero = 0;

	if (fd < 0)
		return fd;
	if (inet_raw_is(o->f))
		filter_deafen(fd);
	/* Setting a size ends the kernel's own tuning. */
	if (o->s->buffers_locked & 1)
		res_set_buffer(fd, SO_SNDBUF, o->s->sndbuf);
	if (o->s->buffers_locked & 2)
		res_set_buffer(fd, SO_RCVBUF, o->s->rcvbuf);
	inet_options(o, fd, true);
	inet_bind_freely(fd, o->f);
	if (o->shares)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (inet_role(o) != INET_LISTENING && inet_is_stream(o))
		setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &zero, sizeof(zero));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!inet_is_stream(o)) { /* until all have been made */
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero));
		setsockopt(fd, IPPROTO_IPV6, INET_IPV6_MULTICAST_ALL, &zero, sizeof(zero));
	}
	return fd;
}

static int inet_open_bound(const struct inet_one *o, struct err *err)
{
	struct inet_end local = inet_end_of(&o->name);
	OWNED_FD int fd = inet_open(o, err);
	int rc = 0;

	if (fd < 0)
		return fd;
	if (o->s->name_len && (local.port || !inet_end_is_any(&local)))
		rc = inet_bind(fd, &o->name, o->s->name_len, INET_BIND_S, err);
	return rc < 0 ? rc : owned_fd_take(&fd);
}

static int inet_connect(int fd, const union inet_name *name, socklen_t len, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int rc = connect(fd, &name->any, len) < 0 ? -errno : 0, why = 0;
	socklen_t size = sizeof(why);
	char text[INET_TEXT_MAX];

	if (rc == -EINPROGRESS) {
		rc = poll(&p, 1, INET_CONNECT_MS) <= 0 ? -ETIMEDOUT : 0;
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size);
		rc = rc < 0 ? rc : -why;
	}
	return rc < 0 ? err_set(err, rc, "connect to %s again", inet_name_text(text, name)) : 0;
}

/*
 * A socket like @o, connected to @to from where @o was. The port is chosen by connect where that can be had
 * (Linux 6.3): what remains of it when it ends is then less in the way of others.
 */
static int inet_open_connected(struct inet_one *o, const union inet_name *to, socklen_t len,
			       struct err *err)
{
	OWNED_FD int fd = inet_open(o, err);
	int rc = fd < 0 ? fd : 0;

	if (rc >= 0 && o->s->name_len && inet_name_port(&o->name) &&
	    inet_claim_port(fd, &o->name, o->s->name_len)) {
		rc = inet_connect(fd, to, len, NULL);
		if (rc >= 0 && inet_has_port(fd, inet_name_port(&o->name))) {
			inet_claim_end(fd);
			return owned_fd_take(&fd);
		}
		rc = 0;
	}
	owned_fd_done(&fd);
	fd = inet_open_bound(o, err);
	o->keep_reuse = true;
	if (fd >= 0)
		rc = inet_connect(fd, to, len, err);
	return fd < 0 ? fd : rc < 0 ? rc : owned_fd_take(&fd);
}

/* The one from @name; strangers may have found the door. */
static int inet_accept(int listening, const union inet_name *name, struct err *err)
{
	struct pollfd p = { .fd = listening, .events = POLLIN };
	struct inet_end want = inet_end_of(name);

	for (int i = 0; i < INET_ACCEPT_TRIES && poll(&p, 1, INET_CONNECT_MS) > 0; i++) {
		union inet_name from = { .bytes = { 0 } };
		socklen_t len = sizeof(from);
		OWNED_FD int fd = accept4(listening, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct inet_end got = inet_end_of(&from);

		if (fd >= 0 && inet_end_equal(&got, &want))
			return owned_fd_take(&fd);
	}
	return err_say(err, ETIMEDOUT, "a connection within the computation does not come about");
}

/* @name as a socket of @domain says it: an IPv4 client may be connected to a server of IPv6. */
static socklen_t inet_name_for(union inet_name *name, int domain, socklen_t len)
{
	struct inet_end end = inet_end_of(name);

	return name->any.sa_family == domain ? len : inet_end_name(name, &end, domain);
}

/*
 * Connect @client, which may be unbound, to a socket made like @server and bound to @at; its descriptor
 * goes to *@accepted. The bind may take @seconds.
 */
static int inet_join(struct inet_one *client, const struct inet_one *server, union inet_name *at,
		     socklen_t at_len, int seconds, int *accepted, struct err *err)
{
	OWNED_FD int listening = inet_open(server, err);
	OWNED_FD int fd = -1;
	union inet_name own = { .bytes = { 0 } };
	socklen_t len = sizeof(own);
	int rc = listening < 0 ? listening : inet_bind(listening, at, at_len, seconds, err);

	if (rc < 0)
		return rc;
	if (listen(listening, 8) < 0 || getsockname(listening, &at->any, &at_len) < 0)
		return err_set(err, errno, "listen");
	at_len = inet_name_for(at, (int)client->f->arg[INET_ARG_DOMAIN], at_len);
	rc = fd = inet_open_connected(client, at, at_len, err);
	if (rc >= 0 && getsockname(fd, &own.any, &len) < 0)
		rc = err_set(err, errno, "name of a socket");
	if (rc >= 0)
		rc = *accepted = inet_accept(listening, &own, err);
	if (rc < 0)
		return rc;
	client->fd = owned_fd_take(&fd);
	return 0;
}

static void inet_shut(const struct inet_one *o)
{
	uint64_t how = o->f->arg[INET_ARG_SHUTDOWN];

	if (how & 3)
		shutdown(o->fd, (how & 3) == 3 ? SHUT_RDWR : how & 1 ? SHUT_RD : SHUT_WR);
}

static struct inet_one *inet_by_id(const struct inet_all *all, uint64_t id)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].f->id == id)
			return &all->at[i];
	return NULL;
}

/* Does one of the program's own sockets listen where @o is? Then @o was accepted there. */
static bool inet_was_accepted(const struct inet_all *all, const struct inet_one *o)
{
	for (size_t i = 0; i < all->n; i++)
		if (inet_role(&all->at[i]) == INET_LISTENING &&
		    inet_name_port(&all->at[i].name) == inet_name_port(&o->name))
			return true;
	return false;
}

static int inet_make_pair(const struct inet_all *all, struct inet_one *a, struct err *err)
{
	struct inet_one *b = inet_by_id(all, a->f->arg[INET_ARG_PEER]), *t;
	union inet_name at;
	int rc;

	if (!b || b == a || inet_role(b) != INET_CONNECTED ||
	    b->f->arg[INET_ARG_PEER] != a->f->id || b->made)
		return err_say(err, EBADMSG, "a connection of the image has no other end");
	if (inet_was_accepted(all, a)) {
		t = a;
		a = b;
		b = t;
	}
	memcpy(&at, &b->name, sizeof(at));
	rc = inet_join(a, b, &at, b->s->name_len, INET_SWAP_S, &b->fd, err);
	if (rc == -EADDRINUSE) {
		/* Somebody connects from that port just now: that is no matter for who connects too. */
		memcpy(&at, &a->name, sizeof(at));
		rc = inet_join(b, a, &at, a->s->name_len, INET_BIND_S, &a->fd, err);
	}
	if (rc >= 0)
		rc = inet_fill_stream(a->m, a->f, b->fd, a->fd, err);
	if (rc >= 0)
		rc = inet_fill_stream(b->m, b->f, a->fd, b->fd, err);
	if (rc < 0)
		return rc;
	inet_shut(a);
	inet_shut(b);
	a->made = b->made = true;
	return 0;
}

/* This host, as @o may speak to it: one of IPv6 that had such an address may be for that alone. */
static socklen_t inet_loopback(const struct inet_one *o, union inet_name *name)
{
	static const struct inet_end four = { .addr = { [10] = 0xff, 0xff, 127, 0, 0, 1 } },
				     six = { .addr = { [15] = 1 } };
	int domain = (int)o->f->arg[INET_ARG_DOMAIN];
	struct inet_end own = inet_end_of(&o->name);
	bool mapped = domain == AF_INET || (o->s->name_len && inet_end_is_v4(&own));

	return inet_end_name(name, mapped ? &four : &six, domain);
}

/* Connected where nobody listens. */
static int inet_make_refused(struct inet_one *o, struct err *err)
{
	OWNED_FD int deaf = inet_open(o, err);
	union inet_name at = { .bytes = { 0 } };
	struct pollfd p = { .events = POLLOUT };
	socklen_t len = inet_loopback(o, &at);
	int rc = deaf < 0 ? deaf : inet_bind(deaf, &at, len, INET_BIND_S, err);

	if (rc < 0)
		return rc;
	o->fd = inet_open_bound(o, err);
	if (o->fd < 0 || getsockname(deaf, &at.any, &len) < 0)
		return o->fd;
	if (connect(o->fd, &at.any, len) < 0 && errno == EINPROGRESS) {
		p.fd = o->fd;
		poll(&p, 1, INET_CONNECT_MS);
	}
	return 0;
}

/* With an other end that says the rest and goes. */
static int inet_make_ended(struct inet_one *o, struct err *err)
{
	bool outside = inet_role(o) == INET_OUTSIDE;
	const struct linger reset = { .l_onoff = 1 };
	struct inet_one client = *o;
	OWNED_FD int other = -1;
	union inet_name at;
	socklen_t len = inet_loopback(o, &at);
	int rc;

	client.s = o->s;
	if (outside || !o->s->peer_len)
		client.name = (union inet_name){ .any.sa_family = at.any.sa_family };
	else
		memcpy(&at, &o->peer, len = o->s->peer_len);
	rc = inet_join(&client, o, &at, len, INET_BIND_S, &other, err);
	if (rc < 0)
		return rc;
	o->fd = client.fd;
	rc = inet_fill_stream(o->m, o->f, other, o->fd, err);
	if (rc >= 0 && o->f->arg[INET_ARG_RESET])
		rc = inet_settle(other, o->fd, err);
	if (outside || o->f->arg[INET_ARG_RESET])
		setsockopt(other, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (rc >= 0 && !outside)
		inet_shut(o);
	return rc;
}

static int inet_make_connection(const struct inet_all *all, struct inet_one *o, struct err *err)
{
	switch (inet_role(o)) {
	case INET_CONNECTED:
		return inet_make_pair(all, o, err);
	case INET_ENDED:
		if (o->f->arg[INET_ARG_RESET] == INET_REFUSED)
			return inet_make_refused(o, err);
		return inet_make_ended(o, err);
	case INET_OUTSIDE:
		return inet_make_ended(o, err);
	default:
		return 0;
	}
}

/*
 * It is in its groups only while its own queue is filled, and hears nothing of those that it is not in: what
 * is sent for one queue would come to all others as well.
 */
static int inet_make_bound(struct inet_one *o, struct err *err)
{
	int rc;

	o->fd = inet_open_bound(o, err);
	if (o->fd < 0 || inet_is_stream(o))
		return o->fd;
	rc = inet_groups_join(o->fd, o->s + 1, o->s->options_len, err);
	if (rc < 0)
		return rc;
	inet_fill_datagrams(o->m, o->f, o->fd);
	inet_groups_leave(o->fd, o->s + 1, o->s->options_len);
	if (o->s->peer_len && connect(o->fd, &o->peer.any, o->s->peer_len) < 0)
		return err_set(err, errno, "connect a network socket again");
	inet_shut(o);
	return 0;
}

static int inet_make_client(struct inet_one *o, struct err *err)
{
	if (inet_role(o) == INET_WAITING) {
		o->fd = inet_open_connected(o, &o->peer, o->s->peer_len, err);
		if (o->fd >= 0)
			inet_shut(o);
		return o->fd;
	}
	o->fd = inet_open_bound(o, err);
	if (o->fd < 0)
		return o->fd;
	if (o->s->peer_len) /* not done before, and need not be done now */
		(void)!connect(o->fd, &o->peer.any, o->s->peer_len);
	return 0;
}

static bool inet_is_bound(enum inet_role role)
{
	return role == INET_FRESH || role == INET_LISTENING;
}

static int inet_listen(const struct res_restart *r, const struct inet_one *o, struct err *err)
{
	int fd = o->fd < 0 ? res_spare_find(r, o->f->ino) : o->fd;

	return listen(fd, (int)o->f->arg[INET_ARG_BACKLOG]) < 0
		       ? err_set(err, errno, "listen again")
		       : 0;
}

/* What comes first, what then: in the order of their steps each of the sockets is made at one of them. */
static int inet_make_step(const struct res_restart *r, const struct inet_all *all,
			  struct inet_one *o, int step, struct err *err)
{
	enum inet_role role = inet_role(o);

	switch (step) {
	case 0:
		return o->made ? 0 : inet_make_connection(all, o, err);
	case 1:
		return inet_is_bound(role) ? inet_make_bound(o, err) : 0;
	case 2:
		return role == INET_LISTENING ? inet_listen(r, o, err) : 0;
	case 3:
		return role == INET_WAITING ? inet_make_client(o, err) : 0;
	default:
		return role == INET_CONNECTING ? inet_make_client(o, err) : 0;
	}
}

/* Where not all can be here at a time: away with what has been made. */
static int inet_put_away(struct res_restart *r, struct inet_all *all, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && r->shelves && i < all->n; i++)
		if (all->at[i].fd >= 0)
			rc = res_spare_put(r, all->at[i].f->ino, owned_fd_take(&all->at[i].fd),
					   err);
	return rc < 0 ? rc : shelf_trim(r, err);
}

static int inet_make_each(struct res_restart *r, struct inet_all *all, struct err *err)
{
	int rc = 0;

	for (int step = 0; step < INET_STEPS; step++)
		for (size_t i = 0; rc >= 0 && i < all->n; i++) {
			rc = inet_make_step(r, all, &all->at[i], step, err);
			if (rc >= 0)
				rc = inet_put_away(r, all, err);
		}
	return rc;
}

static int inet_add(struct inet_all *all, const struct model *m, const struct img_file *f,
		    struct err *err)
{
	struct inet_one o = { .m = m, .f = f, .s = inet_state_of(m, f), .fd = -1 };

	if (!o.s || f->arg[INET_ARG_ROLE] > INET_OUTSIDE)
		return err_say(err, EBADMSG, "a network socket's record is damaged");
	memcpy(o.name.bytes, o.s->name, sizeof(o.name.bytes));
	memcpy(o.peer.bytes, o.s->peer, sizeof(o.peer.bytes));
	all->at[all->n++] = o;
	return 0;
}

/* Of clients that wait, the first come first. */
static int inet_compare_age(const void *a, const void *b)
{
	const struct inet_one *x = a, *y = b;
	uint64_t p = inet_role(x) == INET_WAITING ? x->f->arg[INET_ARG_BACKLOG] : 0;
	uint64_t q = inet_role(y) == INET_WAITING ? y->f->arg[INET_ARG_BACKLOG] : 0;

	return p == q ? (x->f->id > y->f->id) - (x->f->id < y->f->id) : p < q ? 1 : -1;
}

static void inet_find_shares(struct inet_all *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct inet_one *o = &all->at[i];
		struct inet_end own = inet_end_of(&o->name);

		for (size_t k = 0; inet_role(o) == INET_LISTENING && !o->shares && k < all->n;
		     k++) {
			struct inet_end other = inet_end_of(&all->at[k].name);

			o->shares = k != i && inet_role(&all->at[k]) == INET_LISTENING &&
				    inet_end_equal(&own, &other);
		}
	}
}

static int inet_collect(struct inet_all *all, const struct res_restart *r, struct err *err)
{
	size_t room = 1;
	int rc = 0;

	for (size_t i = 0; i < r->nmodels; i++)
		room += r->models[i]->files.n;
	all->at = calloc(room, sizeof(*all->at));
	if (!all->at)
		return err_set(err, ENOMEM, "make network sockets");
	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; rc >= 0 && k < r->models[i]->files.n; k++) {
			const struct img_file *f = &r->models[i]->files.at[k];

			if (f->kind == IMG_F_INET && f->std_stream < 0)
				rc = inet_add(all, r->models[i], f, err);
		}
	qsort(all->at, all->n, sizeof(*all->at), inet_compare_age);
	inet_find_shares(all);
	return rc;
}

/* Remains of connections in the way of ours, of both ends. */
static int inet_sweep_all(const struct inet_all *all, struct err *err)
{
	OWNED_PTR uint16_t *ports = calloc(all->n + 1, sizeof(*ports));
	size_t n = 0;

	if (!ports)
		return err_set(err, ENOMEM, "make network sockets");
	for (size_t i = 0; i < all->n; i++)
		if (inet_is_stream(&all->at[i]) && inet_name_port(&all->at[i].name))
			ports[n++] = inet_name_port(&all->at[i].name);
	return n ? inet_sweep(ports, n, err) : 0;
}

/* When all have their ports: what would have been in the way of that. */
static int inet_make_done(struct res_restart *r, struct inet_one *o, struct err *err)
{
	int fd = o->fd < 0 ? res_spare_find(r, o->f->ino) : o->fd, one = 1, rc;

	if (fd < 0)
		return 0;
	if (!inet_is_stream(o)) {
		/* As they are without anybody's doing: an older image has not both. */
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, INET_IPV6_MULTICAST_ALL, &one, sizeof(one));
		rc = inet_groups_join(fd, o->s + 1, o->s->options_len, err);
		if (rc < 0)
			return rc;
	}
	inet_options(o, fd, true); /* those that connecting has used for itself */
	inet_options(o, fd, false);
	if (o->keep_reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	fcntl(fd, F_SETFL, o->f->open_flags);
	if (o->fd >= 0)
		return res_spare_put(r, o->f->ino, owned_fd_take(&o->fd), err);
	return shelf_trim(r, err);
}

static int inet_make_all(struct res_restart *r, struct err *err)
{
	struct inet_all all = { NULL, 0 };
	int rc = inet_collect(&all, r, err);

	if (rc >= 0)
		rc = inet_sweep_all(&all, err);
	if (rc >= 0)
		rc = inet_make_each(r, &all, err);
	for (size_t i = 0; rc >= 0 && i < all.n; i++)
		rc = inet_make_done(r, &all.at[i], err);
	for (size_t i = 0; i < all.n; i++)
		owned_fd_done(&all.at[i].fd);
	free(all.at);
	return rc;
}

int inet_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int fd = res_spare_take(r, f->ino), rc;

	if (fd >= 0)
		return fd;
	if (r->inet_made)
		return err_say(err, EBADMSG, "a network socket of the image is named twice");
	rc = inet_make_all(r, err);
	r->inet_made = true;
	return rc < 0 ? rc : res_spare_take(r, f->ino);
}
